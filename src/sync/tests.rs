#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::authn::{BindName, Core, Origin, Parts, WaitingLimits};
use crate::crypto::{password::Params, sealed::MasterKey};
use crate::directory::{Directory, EntryKind, Viewer};
use crate::model::{Actor, Clock, Dn, Entropy, Face, Role, Secret, Timestamp};
use crate::pool::{NewPool, Pool, Registry, Settings, Slug};
use crate::store::{Options, Prefix, SegmentSync, Space, Store};
use crate::work::{Places, Work};
use bytes::Bytes;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

/// A clock that is a millisecond later each time it is asked.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1000, Ordering::SeqCst))
    }
}

struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for part in buffer.chunks_mut(8) {
            let number = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).to_be_bytes();
            part.copy_from_slice(&number[..part.len()]);
        }
    }
}

struct Bench {
    core: Arc<Core>,
    pool: Arc<Pool>,
    _folder: tempfile::TempDir,
}

fn operator() -> Actor {
    Actor { role: Role::Operator, entry: None, name: "uid:0".into(), face: Face::Admin, address: None }
}

impl Bench {
    async fn start() -> Self {
        Self::with(Arc::new(Ticking(AtomicI64::new(1_800_000_000_000_000)))).await
    }

    async fn with(clock: Arc<dyn Clock>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entropy: Arc<dyn Entropy> = Arc::new(Counting(AtomicU64::new(1)));
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
        let registry = Registry::open(store, MasterKey::new(Secret::new([7; 32])), clock.clone(), entropy.clone()).await.unwrap();
        let new = NewPool {
            slug: Slug::parse("acme").unwrap(),
            suffix: None,
            display_name: "Acme".into(),
            settings: Settings { hashing: Params { memory_kib: 64, passes: 1, lanes: 1 }, ..Settings::default() },
        };
        let fill = |pool: &Pool, changes: &mut crate::store::Changes| {
            Directory::new(pool).create_suffix(changes, &operator(), clock.now(), &*entropy)
        };
        let pool = registry.create(new, &operator(), fill).await.unwrap();
        let core = Core::new(Parts {
            registry,
            work: Arc::new(Work::new(2, Places { per_pool: 64, per_address: 64, per_address_overall: 1000 })),
            clock: clock.clone(),
            entropy: entropy.clone(),
            waiting: WaitingLimits::default(),
        })
        .unwrap();
        Self { core: Arc::new(core), pool, _folder: folder }
    }

    async fn import_from(&self, source: Arc<dyn Source>, format: Format) -> Result<Report, Failure> {
        Import::new(Arc::clone(&self.core), Arc::clone(&self.pool), operator(), source, format).run().await
    }

    /// Imports a file that holds passwords in plain text.
    async fn import_plain(&self, text: &str) -> Result<Report, Failure> {
        let source = Arc::new(Bytes::copy_from_slice(text.as_bytes()));
        let import = Import::new(Arc::clone(&self.core), Arc::clone(&self.pool), operator(), source, Format::Ldif);
        import.plain_passwords(true).run().await
    }

    async fn import(&self, text: &str) -> Result<Report, Failure> {
        self.import_from(Arc::new(Bytes::copy_from_slice(text.as_bytes())), Format::Ldif).await
    }

    async fn problems(&self, text: &str) -> Vec<String> {
        let before = self.rows();
        let problems = match self.import(text).await {
            Err(Failure::Refused { problems, earlier: 0 }) => problems.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        };
        assert_eq!(self.rows(), before, "nothing is written");
        problems
    }

    async fn export(&self) -> String {
        let mut export = Export::new(&self.pool);
        let mut file = Vec::new();
        while let Some(piece) = export.next(&self.core).await.unwrap() {
            file.extend(piece);
        }
        String::from_utf8(file).unwrap()
    }

    fn rows(&self) -> usize {
        [Space::Entry, Space::Link, Space::Unique, Space::Credential, Space::Checkpoint]
            .iter()
            .map(|space| self.pool.store().count(&Prefix::space(*space)).unwrap())
            .sum()
    }

    fn values(&self, dn: &str, attribute: &str) -> Vec<String> {
        let directory = Directory::new(&self.pool);
        let id = directory.resolve(&Dn::parse(dn).unwrap()).unwrap_or_else(|error| panic!("{dn}: {error}"));
        let entry = directory.entry(id).unwrap().unwrap();
        let mut values: Vec<String> = directory
            .attribute(&entry, attribute, &Viewer::OPERATOR)
            .unwrap()
            .into_iter()
            .map(|value| String::from_utf8(value).unwrap())
            .collect();
        values.sort();
        values
    }

    async fn may_log_in(&self, uid: &str, password: &str) -> bool {
        let origin = Origin { face: Face::Ldap, address: None };
        self.core.bind(&self.pool, &BindName::Uid(uid.to_owned()), &Secret::from(password), origin).await.is_ok()
    }
}

fn person(uid: &str, more: &str) -> String {
    format!("dn: uid={uid},ou=people,o=acme\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: {uid}\n{more}\n")
}

#[tokio::test]
async fn a_file_of_another_server_becomes_entries() {
    let bench = Bench::start().await;
    // As slapcat writes it, except that children come before their parents.
    let text = format!(
        "version: 1\n\ndn: cn=staff,ou=groups,o=acme\nobjectClass: groupOfNames\nobjectClass: posixGroup\ncn: staff\ngidNumber: 100\nmember: UID=Dave, ou=people,o=acme\nmember: uid=eve,ou=berlin,ou=people,o=acme\nmemberUid: dave\n\n{}dn: uid=eve,ou=berlin,ou=people,o=acme\nobjectClass: inetOrgPerson\ncn: Eve\nsn: E\nmanager: uid=dave,ou=people,o=acme\nuserPassword: eve-demo-password\n\ndn: ou=berlin,ou=people,o=acme\nobjectClass: organizationalUnit\n\ndn: ou=people,o=acme\nobjectClass: organizationalUnit\nou: people\n\ndn: o=acme\nobjectClass: organization\no: acme\n",
        person(
            "dave",
            &format!(
                "mail: dave@acme.example\nuserPassword:: {DAVE}\nentryUUID: 597ae2f6-16a6-1027-98f4-d28b5365dc14\ncreateTimestamp: 20200101000000Z\ncreatorsName: cn=manager,o=acme\nentryCSN: 20200101000000.000000Z#000000#000#000000\nstructuralObjectClass: inetOrgPerson\nmemberOf: cn=gone,o=acme\n"
            )
        )
    );
    let report = bench.import_plain(&text).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((report.added, report.links, report.kept, report.resumed), (4, 4, 2, false));
    assert_eq!(report.left_out, ["entryCSN", "memberOf", "structuralObjectClass"]);
    assert_eq!(bench.values("cn=staff,ou=groups,o=acme", "member"), ["uid=dave,ou=people,o=acme", "uid=eve,ou=berlin,ou=people,o=acme"]);
    assert_eq!(bench.values("cn=staff,ou=groups,o=acme", "memberUid"), ["dave", "eve"], "memberUid is a view that shows members too");
    assert_eq!(bench.values("uid=eve,ou=berlin,ou=people,o=acme", "manager"), ["uid=dave,ou=people,o=acme"]);
    assert_eq!(bench.values("uid=dave,ou=people,o=acme", "entryUUID"), ["597ae2f6-16a6-1027-98f4-d28b5365dc14"]);
    assert_eq!(bench.values("uid=dave,ou=people,o=acme", "createTimestamp"), ["20200101000000Z"]);
    assert_eq!(bench.values("uid=dave,ou=people,o=acme", "memberOf"), ["cn=staff,ou=groups,o=acme"]);
    assert!(bench.may_log_in("dave", "dave-demo-password").await, "the imported hash is the password");
    assert!(bench.may_log_in("eve", "eve-demo-password").await, "a password in plain text is hashed");
    assert!(!bench.may_log_in("dave", "eve-demo-password").await);
    assert_eq!(bench.pool.store().count(&Prefix::space(Space::Checkpoint)).unwrap(), 0);
}

/// `{SSHA}` of `dave-demo-password`, in base64 as LDIF has it.
const DAVE: &str = "e1NTSEF9RUlPOWJyeVFaWWJ3WStzdnJGZ25lTGl0WEJwellXeDBjMkZzZEE9PQ==";

#[tokio::test]
async fn problems_are_told_with_their_lines_and_nothing_is_written() {
    let bench = Bench::start().await;
    bench.import(&person("alice", "mail: alice@acme.example\n")).await.unwrap();
    for (text, expected) in [
        (person("bob", "shoeSize: 42\n"), "line 5: the schema knows no attribute 'shoeSize'"),
        (person("bob", "mail: a@x\nmail: é\n"), "line 6: mail: the value is not ASCII characters"),
        (person("bob", "uidNumber: 10\n"), "line 1: the attribute uidNumber is not allowed"),
        (person("bob", "displayName: a\ndisplayName: b\n"), "line 1: displayName holds one value only"),
        (person("bob", "cn: BOB\n"), "line 1: cn has one of the values already"),
        (person("bob", "mail: ALICE@acme.example\n"), "line 1: mail 'ALICE@acme.example' is taken by an entry of the pool"),
        (person("bob", "userPassword: correct-horse-battery\n"), "line 5: userPassword holds a password in plain text"),
        (person("bob", "manager: uid=zoe,o=acme\n"), "line 5: manager names 'uid=zoe,o=acme', which is neither in the file nor in the pool"),
        (person("bob", "manager: nonsense\n"), "line 5: manager: the value is not a distinguished name"),
        (person("alice", ""), "line 1: 'uid=alice,ou=people,o=acme' exists in the pool already"),
        (person("bob", "") + &person("BOB", ""), "line 6: 'uid=BOB,ou=people,o=acme' is in the file already, on line 1"),
        (person("bob", "mail: b@x\n") + &person("bert", "mail: B@X\n"), "line 7: mail 'B@X' is taken by the entry on line 1"),
        ("dn: ou=x,ou=y,o=acme\nobjectClass: organizationalUnit\n".to_owned(), "line 1: the parent 'ou=y,o=acme' of the entry is neither"),
        ("dn: o=other\nobjectClass: organization\n".to_owned(), "line 1: 'o=other' does not lie under the pool's suffix o=acme"),
        ("dn: cn=a,o=acme\nobjectClass: martian\n".to_owned(), "line 2: the schema knows no object class 'martian'"),
        ("dn: cn=g,ou=groups,o=acme\nobjectClass: groupOfNames\nmember: uid=alice,ou=people,o=acme\nmember: uid=ALICE,ou=people,o=acme\n".to_owned(), "line 4: member names 'uid=ALICE,ou=people,o=acme' twice"),
        (person("bob", "") + "dn: nonsense\n", "line 6: the name is malformed"),
    ] {
        let problems = bench.problems(&text).await;
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{text}{problems:?}");
    }
    let many: String = (0..MAX_PROBLEMS + 5).map(|number| person(&format!("u{number}"), "shoeSize: 1\n")).collect();
    assert_eq!(bench.problems(&many).await.len(), MAX_PROBLEMS);
    let faulty_parent =
        "dn: ou=x,o=acme\nobjectClass: organizationalUnit\nshoeSize: 1\n\ndn: ou=y,ou=x,o=acme\nobjectClass: organizationalUnit\n";
    assert_eq!(bench.problems(faulty_parent).await.len(), 1, "what follows from a problem is not a problem of its own");
    let message = crate::model::Error::from(bench.import(faulty_parent).await.unwrap_err()).to_string();
    assert!(message.starts_with("the file was not imported; nothing was written. Problems:\nline 3: "), "{message}");
}

/// A file of which one reading ends early, as at a crash.
struct Cut {
    file: Bytes,
    opened: AtomicUsize,
    reading: usize,
    after: u64,
}

impl Source for Cut {
    fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        let file = self.file.open()?;
        if self.opened.fetch_add(1, Ordering::SeqCst) + 1 < self.reading {
            return Ok(file);
        }
        Ok(Box::new(BufReader::new(file.take(self.after).chain(Broken))))
    }
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[tokio::test]
async fn an_import_that_was_cut_off_goes_on() {
    let people: String = (0..300).map(|number| person(&format!("u{number}"), "manager: uid=u0,ou=people,o=acme\n")).collect();
    let file = Bytes::from(people);
    // Readings: the fingerprint, the passwords, the first pass, the entries, the links.
    for (reading, after) in [(4, 0), (4, 30_000), (4, 35_000), (5, 0), (5, 35_000)] {
        let bench = Bench::start().await;
        let cut = Cut { file: file.clone(), opened: AtomicUsize::new(0), reading, after };
        match bench.import_from(Arc::new(cut), Format::Ldif).await {
            Err(Failure::Stopped { error, goes_on: true, .. }) => assert!(error.message().contains("the disk is gone"), "{error}"),
            other => panic!("{other:?}"),
        }
        let other = bench.import(&person("zoe", "")).await.unwrap_err();
        assert!(other.to_string().contains("an import of another file"), "{other}");
        let report =
            bench.import_from(Arc::new(file.clone()), Format::Ldif).await.unwrap_or_else(|failure| panic!("{reading} {after}: {failure}"));
        assert_eq!((report.added, report.links, report.resumed), (300, 300, true), "{reading} {after}");
        assert_eq!(bench.values("uid=u299,ou=people,o=acme", "manager"), ["uid=u0,ou=people,o=acme"]);
        assert!(bench.import(&person("zoe", "")).await.is_ok(), "nothing is left of it");
    }
}

#[tokio::test]
async fn an_export_is_imported_as_the_same_pool_and_holds_no_secret() {
    let bench = Bench::start().await;
    let photo = "jpegPhoto:: /9j/4AAQ\n".to_owned() + &format!("description: {}\n", "long ".repeat(2000).trim());
    let header = "createTimestamp: 20190203040506Z\nmodifyTimestamp: 20200203040506Z\nmodifiersName: cn=manager,o=acme\n";
    let text = person(
        "alice",
        &format!(
            "{photo}{header}manager: cn=staff,ou=groups,o=acme\nmail: alice@acme.example\nuserPassword: correct-horse-battery\ncn;lang-de: Alis\nhomePhone: 1\n"
        ),
    ) + "dn: cn=staff,ou=groups,o=acme\nobjectClass: groupOfNames\nobjectClass: posixGroup\ngidNumber: 1\nmember: uid=alice,ou=people,o=acme\n\ndn: cn=unix,ou=groups,o=acme\nobjectClass: groupOfNames\nobjectClass: posixGroup\ngidNumber: 2\nmemberUid: alice\n";
    bench.import_plain(&text).await.unwrap_or_else(|failure| panic!("{failure}"));
    let exported = bench.export().await;
    assert!(!exported.contains("userPassword") && !exported.contains("correct-horse"), "{exported}");
    for expected in [
        "version: 1\n\ndn: o=acme\n",
        "entryUUID: ",
        "cn;lang-de: Alis",
        "jpegPhoto:: /9j/4AAQ",
        "member: uid=alice,ou=people,o=acme",
        "homePhone: 1",
    ] {
        assert!(exported.contains(expected), "{expected}: {exported}");
    }
    let other = Bench::start().await;
    let report = other.import(&exported).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((report.added, report.links, report.left_out.len()), (3, 3, 0));
    assert_eq!(exported.matches("memberUid").count(), 1, "what follows from member is not written twice");
    let same = |text: &str| -> Vec<String> {
        let records = text.split("\n\n").filter(|record| record.starts_with("dn: uid") || record.starts_with("dn: cn"));
        records.map(str::to_owned).collect()
    };
    assert_eq!(same(&other.export().await), same(&exported), "modifyTimestamp and modifiersName too");
    let kind = Directory::new(&other.pool).find(&Dn::parse("uid=alice,ou=people,o=acme").unwrap(), &Viewer::OPERATOR).unwrap().kind();
    assert_eq!(kind, EntryKind::User);
}

#[tokio::test]
async fn parents_come_before_their_children_in_an_export() {
    let bench = Bench::start().await;
    bench.import(&person("alice", "")).await.unwrap();
    bench
        .import("dn: ou=a,o=acme\nobjectClass: organizationalUnit\n\ndn: ou=b,ou=a,o=acme\nobjectClass: organizationalUnit\n")
        .await
        .unwrap();
    let directory = Directory::new(&bench.pool);
    let id = |dn: &str| directory.resolve(&Dn::parse(dn).unwrap()).unwrap();
    let (alice, new_parent) = (id("uid=alice,ou=people,o=acme"), id("ou=b,ou=a,o=acme"));
    let rdn = crate::model::Rdn::parse("uid=alice").unwrap();
    bench.core.rename_entry(&bench.pool, &operator(), alice, &rdn, false, Some(new_parent)).await.unwrap();
    let exported = bench.export().await;
    let place = |dn: &str| exported.find(&format!("dn: {dn}\n")).unwrap();
    assert!(place("ou=a,o=acme") < place("ou=b,ou=a,o=acme") && place("ou=b,ou=a,o=acme") < place("uid=alice,ou=b,ou=a,o=acme"));
}

#[tokio::test]
async fn a_table_becomes_people() {
    let bench = Bench::start().await;
    let table = "uid;cn;sn;mail;manager\nalice;Alice;A;alice@acme.example;\nbob;Bob;B;;uid=alice,ou=people,o=acme\n";
    let report =
        bench.import_from(Arc::new(Bytes::from_static(table.as_bytes())), Format::Csv).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((report.added, report.links), (2, 1));
    assert_eq!(bench.values("uid=bob,ou=people,o=acme", "manager"), ["uid=alice,ou=people,o=acme"]);
    let problems = bench.import_from(Arc::new(Bytes::from_static(b"uid,cn\ncarol,C\n")), Format::Csv).await.unwrap_err().to_string();
    assert!(problems.contains("line 2: the object class person requires sn"), "{problems}");
}

/// A file at whose fourth reading, that for the entries, the clock is set back by an hour.
struct SetBack(Bytes, AtomicUsize, Arc<Ticking>);

impl Source for SetBack {
    fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        if self.1.fetch_add(1, Ordering::SeqCst) == 3 {
            self.2.0.fetch_sub(3_600_000_000, Ordering::SeqCst);
        }
        self.0.open()
    }
}

#[tokio::test]
async fn links_are_added_though_the_clock_is_set_back() {
    let clock = Arc::new(Ticking(AtomicI64::new(1_800_000_000_000_000)));
    let bench = Bench::with(clock.clone()).await;
    let file = Bytes::from(person("alice", "") + &person("bob", "manager: uid=alice,ou=people,o=acme\n"));
    let report = bench.import_from(Arc::new(SetBack(file, AtomicUsize::new(0), clock)), Format::Ldif).await.unwrap();
    assert_eq!((report.added, report.links), (2, 1));
    assert_eq!(bench.values("uid=bob,ou=people,o=acme", "manager"), ["uid=alice,ou=people,o=acme"]);
}

#[tokio::test]
async fn records_of_any_size_are_imported_in_parts() {
    let bench = Bench::start().await;
    let photo = "/9j/".to_owned() + &"A".repeat(600_000);
    let file: String = (0..30).map(|number| person(&format!("u{number}"), &format!("jpegPhoto:: {photo}\n"))).collect();
    assert_eq!(bench.import(&file).await.unwrap_or_else(|failure| panic!("{failure}")).added, 30);
    // An export too is written in parts.
    let mut export = Export::new(&bench.pool);
    let mut pieces = Vec::new();
    while let Some(piece) = export.next(&bench.core).await.unwrap() {
        pieces.push(piece.len());
    }
    assert!(pieces.iter().sum::<usize>() > 18_000_000 && pieces.iter().all(|piece| *piece < 10 << 20), "{pieces:?}");
}

mod export;
mod foreign;
mod resume;
mod upstream;
