//! Files of other servers: their hashes are no passwords, and whom they do not let in is not let in
//! here.

use super::*;
use crate::authn::PasswordTerms;
use crate::directory::{Modification, ModificationKind, NewEntry};
use crate::model::Attribute;
use crate::sync::ldif::{Field, Record};
use crate::sync::password::Plain;
use crate::sync::prepare::Rules;
use crate::sync::survey::Survey;
use std::collections::BTreeMap;

/// The password that the fixtures hold hashes of.
const PASSWORD: &str = "Quartz-Meadow-44";
/// `{SSHA}` of it.
const HASH: &str = "{SSHA}rW6jZOBb6c6fq+h8I/+rYOihUyRpbXBvcnQwMQ==";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/import/", $name))
    };
}

impl Bench {
    async fn table(&self, text: &str, takes_plain: bool) -> Result<Report, Failure> {
        let source = Arc::new(Bytes::copy_from_slice(text.as_bytes()));
        let import = Import::new(Arc::clone(&self.core), Arc::clone(&self.pool), operator(), source, Format::Csv);
        import.plain_passwords(takes_plain).run().await
    }

    /// Whether anything of a file is a password of one of its people: a cell, a value, or what
    /// base64 says.
    async fn is_let_in_by(&self, uid: &str, text: &str) -> bool {
        for word in words(text) {
            if self.may_log_in(uid, &word).await {
                return true;
            }
        }
        false
    }

    fn is_disabled(&self, uid: &str) -> bool {
        self.values(&format!("uid={uid},ou=people,o=acme"), "poolgateAccountDisabled") == ["TRUE"]
    }
}

/// Everything in a line that somebody could give as a password.
fn words(line: &str) -> Vec<String> {
    use base64::Engine;
    let value = line.split_once(' ').map_or(line, |(_, value)| value).trim();
    let decoded = base64::engine::general_purpose::STANDARD.decode(value).ok().and_then(|octets| String::from_utf8(octets).ok());
    let mut words: Vec<String> = decoded.into_iter().chain([value.to_owned()]).chain(line.split(',').map(str::to_owned)).collect();
    let bare = words.iter().filter_map(|word| word.split_once('}').map(|(_, hash)| hash.to_owned())).collect::<Vec<_>>();
    words.extend(bare);
    words.extend(line.split_once('!').map(|(_, hash)| hash.to_owned()));
    words
}

/// Line → message.
fn told(report: &Report) -> BTreeMap<u64, String> {
    report.notes.iter().map(|note| (note.line, note.message.clone())).collect()
}

fn line_of(text: &str, what: &str) -> u64 {
    text.lines().position(|line| line.contains(what)).unwrap_or_else(|| panic!("{what}")) as u64 + 1
}

#[tokio::test]
async fn a_hash_never_becomes_the_password() {
    let file = fixture!("hashes.ldif");
    for takes_plain in [false, true] {
        let bench = Bench::start().await;
        let report = if takes_plain { bench.import_plain(file).await } else { bench.import(file).await };
        let report = report.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(report.added, 11);
        assert!(bench.may_log_in("verified", PASSWORD).await, "a hash that can be verified is the password's");
        let people = ["shacrypt", "bare", "bcrypt", "md5", "pbkdf2", "sasl", "damaged", "digest", "django"];
        for uid in people {
            let start = line_of(file, &format!("dn: uid={uid},"));
            let line = (start..).find(|line| file.lines().nth(*line as usize - 1).unwrap().starts_with("userPassword")).unwrap();
            let value = file.lines().nth(line as usize - 1).unwrap();
            assert!(!bench.is_let_in_by(uid, value).await, "{uid} {takes_plain}");
            let note = told(&report).get(&line).cloned().unwrap_or_else(|| panic!("{uid}: {:?}", report.notes));
            assert!(note.contains("imported without a password"), "{note}");
            assert!(!bench.is_disabled(uid), "an administrator may set a password");
        }
        assert_eq!(report.notes.len(), people.len() + 1, "{:?}", report.notes);
        assert!(
            told(&report)[&line_of(file, "e0NSWVBUfXg=")].starts_with("userPassword is left out: nobody logs in"),
            "{:?}",
            report.notes
        );
    }
}

#[tokio::test]
async fn a_hash_in_a_table_never_becomes_the_password() {
    for (file, verified) in [(fixture!("hashes.csv"), Some("verified")), (fixture!("hash-column.csv"), None)] {
        for takes_plain in [false, true] {
            let bench = Bench::start().await;
            let report = bench.table(file, takes_plain).await.unwrap_or_else(|failure| panic!("{failure}"));
            for (place, row) in file.lines().enumerate().skip(1) {
                let uid = row.split(',').next().unwrap();
                assert!(!bench.is_let_in_by(uid, row).await, "{row}");
                let is_told = told(&report).contains_key(&(place as u64 + 1));
                assert_eq!((is_told, bench.may_log_in(uid, PASSWORD).await), (verified != Some(uid), verified == Some(uid)), "{row}");
            }
        }
    }
    let bench = Bench::start().await;
    let report = bench.table(fixture!("hash-column.csv"), false).await.unwrap();
    assert_eq!(report.left_out, ["salt"]);
    bench.table(fixture!("hashes.csv"), false).await.unwrap();
    assert!(bench.is_disabled("locked") && !bench.is_disabled("bcrypt"));
}

#[tokio::test]
async fn a_password_in_plain_text_is_taken_on_demand_only() {
    let bench = Bench::start().await;
    let refused = bench.table(fixture!("plain.csv"), false).await.unwrap_err().to_string();
    assert!(refused.contains("line 2: password holds a password in plain text") && refused.contains("--plain-passwords"), "{refused}");
    assert!(!refused.contains(PASSWORD), "{refused}");
    let file = fixture!("mixed.csv");
    let refused = bench.table(file, false).await.unwrap_err().to_string();
    assert!(
        refused.contains("line 2: password holds no hash of a form that is known") && refused.contains("a file of its own"),
        "{refused}"
    );
    assert!(!refused.contains("line 3") && !refused.contains(PASSWORD) && !refused.contains("plain-passwords"), "{refused}");
    let ldif = person("zoe", &format!("userPassword: {PASSWORD}\n"));
    let problems = bench.problems(&ldif).await;
    assert!(problems[0].starts_with("line 5: userPassword holds a password in plain text") && problems[0].contains("plain_passwords=true"));

    let report = bench.table(file, true).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(bench.may_log_in("ann", PASSWORD).await);
    assert!(!bench.is_let_in_by("ben", file.lines().nth(2).unwrap()).await, "what looks like a hash is none even so");
    assert_eq!(told(&report).keys().collect::<Vec<_>>(), [&3]);
    assert!(bench.import_plain(&person("yan", "userPassword: short\n")).await.unwrap_err().to_string().contains("at least 8 characters"));
}

#[tokio::test]
async fn of_several_passwords_the_one_that_can_be_verified_is_taken() {
    let bench = Bench::start().await;
    let values = format!("userPassword: {{SASL}}ann@ACME.EXAMPLE\nuserPassword: another of hers\nuserPassword: {HASH}\n");
    let report = bench.import_plain(&person("ann", &values)).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(bench.may_log_in("ann", PASSWORD).await && !bench.may_log_in("ann", "another of hers").await);
    let notes = told(&report);
    assert_eq!(notes.keys().collect::<Vec<_>>(), [&5, &6]);
    assert!(notes.values().all(|note| note.ends_with("left out, since another value is the password")), "{notes:?}");
}

#[tokio::test]
async fn whom_another_server_does_not_let_in_is_not_let_in() {
    let file = fixture!("locks.ldif");
    let bench = Bench::start().await;
    let report = bench.import(file).await.unwrap_or_else(|failure| panic!("{failure}"));
    let notes = told(&report);
    let disabled = ["openlock", "nslock", "opendj", "over", "crypted", "starred", "novell", "sun", "ad", "strange", "shadow"];
    for uid in disabled {
        assert!(bench.is_disabled(uid) && !bench.may_log_in(uid, PASSWORD).await, "{uid}");
    }
    for uid in ["reset", "expired"] {
        assert!(!bench.is_disabled(uid) && !bench.may_log_in(uid, PASSWORD).await, "{uid}");
    }
    for uid in ["later", "active", "expires", "free"] {
        assert!(!bench.is_disabled(uid) && bench.may_log_in(uid, PASSWORD).await, "{uid}");
    }
    // The last line of each record that says no.
    let lines: Vec<u64> = disabled
        .iter()
        .chain(&["reset", "expired", "later"])
        .map(|uid| {
            let record = file.split("\n\n").find(|record| record.contains(&format!("dn: uid={uid},"))).unwrap();
            line_of(file, &format!("dn: uid={uid},")) - 1 + record.trim_end().lines().count() as u64
        })
        .collect();
    assert!(lines.iter().all(|line| notes.contains_key(line)) && notes.len() == lines.len(), "{lines:?} {notes:?}");
    assert!(notes[&line_of(file, "000001010000Z")].ends_with("imported disabled"), "{notes:?}");
    assert!(notes[&line_of(file, "pwdReset")].ends_with("must be changed before it can be used"), "{notes:?}");
    assert!(notes[&line_of(file, "perhaps")].contains("'perhaps', which cannot be read"), "{notes:?}");
    assert!(report.left_out.contains(&"nsAccountLock".to_owned()) && report.left_out.contains(&"objectClass inetUser".to_owned()));
    assert_eq!(bench.values("uid=shadow,ou=people,o=acme", "shadowExpire"), ["1"], "what the schema knows is kept besides");
}

#[tokio::test]
async fn columns_of_tables_say_who_may_log_in() {
    let bench = Bench::start().await;
    let report = bench.table(fixture!("okta.csv"), false).await.unwrap_or_else(|failure| panic!("{failure}"));
    let disabled = |uids: [&str; 4]| uids.map(|uid| bench.is_disabled(uid));
    assert_eq!(disabled(["ann", "ben", "cas", "dan"]), [false, true, false, true], "an empty cell does not say that dan may");
    assert_eq!(told(&report).keys().copied().collect::<Vec<_>>(), [3, 4, 5]);
    let bench = Bench::start().await;
    let report = bench.table(fixture!("keycloak.csv"), false).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(["ann", "ben", "cas"].map(|uid| bench.is_disabled(uid)), [false, true, true]);
    assert!(told(&report)[&2].contains("a credential record in JSON: imported without a password"), "{:?}", report.notes);
}

#[tokio::test]
async fn what_an_administrator_has_enabled_here_stays_enabled() {
    let bench = Bench::start().await;
    bench.import(fixture!("locks.ldif")).await.unwrap_or_else(|failure| panic!("{failure}"));
    let shadow = Directory::new(&bench.pool).resolve(&Dn::parse("uid=shadow,ou=people,o=acme").unwrap()).unwrap();
    let enable = Modification { kind: ModificationKind::Replace, attribute: Attribute::new("poolgateAccountDisabled", ["FALSE"]) };
    bench.core.modify_entry(&bench.pool, &operator(), shadow, &[enable]).await.unwrap();
    let exported = bench.export().await;
    let other = Bench::start().await;
    let report = other.import(&exported).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(!other.is_disabled("shadow"));
    let notes = told(&report);
    assert_eq!(notes.keys().collect::<Vec<_>>(), [&line_of(&exported, "shadowExpire")]);
    assert!(
        notes.values().all(|note| note.ends_with("imported enabled, since poolgateAccountDisabled of the same record decides")),
        "{notes:?}"
    );
    for uid in ["openlock", "nslock", "crypted", "ad", "sun"] {
        assert!(other.is_disabled(uid), "{uid}: an export keeps who is disabled");
    }
    for uid in ["reset", "expired", "free"] {
        assert!(!other.may_log_in(uid, PASSWORD).await, "{uid}: an export holds no passwords, so none that must be changed or has ended");
    }
}

#[tokio::test]
async fn an_import_that_goes_on_judges_as_it_began() {
    let clock = Arc::new(Ticking(AtomicI64::new(1_800_000_000_000_000)));
    let bench = Bench::with(clock.clone()).await;
    // A quarter of an hour after its beginning.
    let soon = "ds-pwp-account-expiration-time: 20270115081500Z\n";
    let file = Bytes::from(person("ann", "") + &person("ben", &format!("userPassword: {HASH}\n{soon}manager: uid=ann,ou=people,o=acme\n")));
    let cut = Cut { file: file.clone(), opened: AtomicUsize::new(0), reading: 5, after: 0 };
    assert!(bench.import_from(Arc::new(cut), Format::Ldif).await.is_err());
    clock.0.fetch_add(3_600_000_000, Ordering::SeqCst);
    let report = bench.import_from(Arc::new(file.clone()), Format::Ldif).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(report.resumed && !bench.is_disabled("ben"));
    assert!(report.notes[0].message.contains("this is not kept"), "what is told is what was done: {:?}", report.notes);
}

#[tokio::test]
async fn an_entry_that_was_added_before_it_was_locked_is_not_taken_over() {
    let bench = Bench::start().await;
    let link = "manager: uid=ann,ou=people,o=acme\n";
    let file = |more: &str| Bytes::from(person("ann", "") + &person("ben", &format!("userPassword: {HASH}\n{more}{link}")));
    let cut = Cut { file: file(""), opened: AtomicUsize::new(0), reading: 5, after: 0 };
    assert!(bench.import_from(Arc::new(cut), Format::Ldif).await.is_err());
    Import::give_up(&bench.core, &bench.pool, &operator()).await.unwrap();
    for more in ["nsAccountLock: true\n", "pwdReset: TRUE\n", "passwordExpirationTime: 20200101000000Z\n"] {
        let refused = bench.import_from(Arc::new(file(more)), Format::Ldif).await.unwrap_err().to_string();
        assert!(refused.contains("its record said something else there"), "{more}: {refused}");
    }
}

#[tokio::test]
async fn notes_are_counted_where_they_are_too_many() {
    let bench = Bench::start().await;
    let record = |number: usize| Record {
        line: number as u64,
        dn: Dn::parse(&format!("uid=u{number},ou=people,o=acme")).unwrap(),
        attributes: [("objectClass", "inetOrgPerson"), ("cn", "U"), ("sn", "U"), ("nsAccountLock", "TRUE")]
            .map(|(name, value)| Field { attribute: Attribute::new(name, [value]), lines: vec![number as u64] })
            .into(),
    };
    let plain = Plain { is_taken: false, is_among_hashes: false };
    let rules = Rules { now: Timestamp::from_seconds(1_800_000_000), plain };
    let mut survey = Survey::new(Arc::clone(&bench.pool), operator(), rules);
    for number in 0..MAX_NOTES + 3 {
        survey.examine(&bench.core, record(number)).unwrap();
    }
    assert_eq!((survey.notes.len(), survey.more_notes), (MAX_NOTES, 3));
}

#[tokio::test]
async fn an_oid_goes_around_nothing() {
    let plain = person("ann", &format!("2.5.4.35: {PASSWORD}\n"));
    let bench = Bench::start().await;
    let problems = bench.problems(&plain).await;
    assert!(problems[0].starts_with("line 5: userPassword holds a password in plain text"), "{problems:?}");
    assert!(
        bench.problems(&person("ann", &format!("userPassword;x-a: {PASSWORD}\n"))).await[0]
            .starts_with("line 5: userPassword holds a password")
    );
    let table = format!("uid,cn,sn,2.5.4.35\nann,A,A,{PASSWORD}\n");
    assert!(bench.table(&table, false).await.unwrap_err().to_string().contains("line 2: userPassword holds a password in plain text"));
    let digest = "093071cc51985ddebf84d7aa20373db1";
    let report = bench.table(&format!("uid,cn,sn,2.5.4.35\nben,B,B,{digest}\n"), false).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(!bench.may_log_in("ben", digest).await && told(&report)[&2].contains("imported without a password"), "{:?}", report.notes);
    let locks = [
        ("cas", "objectClass: shadowAccount\n1.3.6.1.1.1.1.10: 1\n"),
        ("dan", "objectClass: shadowAccount\n1.3.6.1.1.1.1.5: 20000\n1.3.6.1.1.1.1.7: 90\n1.3.6.1.1.1.1.9: 7\n"),
        ("eve", "2.16.840.1.113730.3.1.610: TRUE\n"),
        ("fay", "2.25.191871286542458450691236946476772926878.1.1: TRUE\n"),
    ];
    let file: String = locks.iter().map(|(uid, lines)| person(uid, &format!("2.5.4.35: {HASH}\n{lines}"))).collect();
    bench.import(&file).await.unwrap_or_else(|failure| panic!("{failure}"));
    for (uid, lines) in locks {
        assert!(bench.is_disabled(uid) && !bench.may_log_in(uid, PASSWORD).await, "{lines}");
    }
    assert!(bench.import_plain(&plain).await.is_ok() && bench.may_log_in("ann", PASSWORD).await);
}

/// Whatever judges the file: who adds the entry says whether plain text is taken.
#[tokio::test]
async fn plain_text_is_refused_where_the_password_is_set() {
    let bench = Bench::start().await;
    for (name, value, takes_plain, is_taken) in [
        ("userPassword", PASSWORD, false, false),
        ("2.5.4.35", PASSWORD, false, false),
        ("USERPASSWORD", "093071cc51985ddebf84d7aa20373db1", false, false),
        ("userPassword", PASSWORD, true, true),
        ("userPassword", HASH, false, true),
    ] {
        let attributes = [("objectClass", "inetOrgPerson"), ("cn", "A"), ("sn", "A"), (name, value)];
        let entry = NewEntry {
            dn: Dn::parse(&format!("uid={takes_plain}{},ou=people,o=acme", value.len())).unwrap(),
            attributes: attributes.map(|(name, value)| Attribute::new(name, [value])).into(),
        };
        let added = bench.core.import_entry(&bench.pool, &operator(), entry, PasswordTerms::default(), takes_plain, |_, _| Ok(())).await;
        assert_eq!(added.is_ok(), is_taken, "{name}: {value}: {added:?}");
    }
}

#[tokio::test]
async fn hashes_in_the_forms_of_other_systems_are_no_passwords_either() {
    use base64::Engine;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let tables = [
        (
            "django",
            vec![
                "pbkdf2_sha256$260000$import01$kQ2s0b8GJm5Zt7LrXc4WvNdYf1HoEuPaTiRgKy9MzBw=".to_owned(),
                "!kR7dQ2xZp0VbN8mLwE5yTtU3sHcJ6aGf9oIiXqYz".to_owned(),
            ],
        ),
        ("base64", vec![base64("{CRYPT}$6$import.salt$XSwBk4mpFv0aLgJdE7nG5qH0tN4Cw6UuOe1"), base64("{MD5}CTBxzFGYXd6/hNeqIDc9sQ==")]),
        ("postgresql", vec!["md5093071cc51985ddebf84d7aa20373db1".to_owned()]),
        ("sql", vec!["0xdc5328b7e75d27aff4356bcf215412abc9a28a71".to_owned(), "\\x093071cc51985ddebf84d7aa20373db1".to_owned()]),
        (
            "python",
            vec!["b'{SASL}ann@ACME.EXAMPLE'".to_owned(), "['$2b$10$abcdefghijklmnopqrstuuJ5n0e7xTq1mWl8ZK3b9oVhC2yGfD4Ri']".to_owned()],
        ),
    ];
    for (name, hashes) in &tables {
        let rows: String = hashes.iter().enumerate().map(|(place, hash)| format!("u{place},U,U,\"{hash}\"\n")).collect();
        for takes_plain in [false, true] {
            let bench = Bench::start().await;
            let report = bench
                .table(&format!("uid,cn,sn,password\n{rows}"), takes_plain)
                .await
                .unwrap_or_else(|failure| panic!("{name}: {failure}"));
            for (place, hash) in hashes.iter().enumerate() {
                assert!(!bench.may_log_in(&format!("u{place}"), hash).await && told(&report).contains_key(&(place as u64 + 2)), "{hash}");
            }
        }
    }
    let bench = Bench::start().await;
    bench
        .table(&format!("uid,cn,sn,password\nann,A,A,{}\nben,B,B,'{HASH}'\n", base64(HASH)), false)
        .await
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert!(bench.may_log_in("ann", PASSWORD).await && bench.may_log_in("ben", PASSWORD).await, "what is in them can be verified");
    assert!(!bench.may_log_in("ann", &base64(HASH)).await && !bench.may_log_in("ben", &format!("'{HASH}'")).await);
}

#[tokio::test]
async fn among_hashes_a_text_that_can_be_one_is_no_password() {
    let bench = Bench::start().await;
    // DES of crypt(3) has no mark; the hash with one stands last, behind more problems than are
    // told.
    let des: String = (0..MAX_PROBLEMS + 300).map(|number| format!("u{number},U,U,rl0uE2jKc9uXM\n")).collect();
    let table = format!("uid,cn,sn,password\n{des}last,L,L,$1$import01$qJH7.N4xYta3aEG/dfqo/0\n");
    let before = bench.rows();
    for takes_plain in [false, true] {
        let refused = bench.table(&table, takes_plain).await.unwrap_err().to_string();
        assert!(
            refused.contains("line 2: password holds") && refused.contains("a file of its own") && !refused.contains("plain-passwords"),
            "{refused}"
        );
    }
    assert_eq!(bench.rows(), before, "nothing is written");
    let plain = "uid,cn,sn,password\nann,A,A,correcthorsebattery\n";
    assert!(bench.table(plain, false).await.unwrap_err().to_string().contains("--plain-passwords"));
    assert!(bench.table(plain, true).await.is_ok() && bench.may_log_in("ann", "correcthorsebattery").await);
}
