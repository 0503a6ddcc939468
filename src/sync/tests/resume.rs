//! Imports that are cut off: they go on, or are given up, and never take somebody else's entry for
//! their own.

use super::super::checkpoint::{Checkpoint, Phase};
use super::super::own::{self, Run};
use super::super::source::fingerprint;
use super::*;
use crate::directory::NewEntry;
use crate::model::{Attribute, EntryId, Kind};

fn people(count: usize, more: &str) -> String {
    (0..count).map(|number| person(&format!("u{number}"), more)).collect()
}

/// The fourth reading is that for the entries, the fifth that for the links.
async fn cut(bench: &Bench, file: &str, reading: usize, after: u64) {
    let cut = Cut { file: Bytes::copy_from_slice(file.as_bytes()), opened: AtomicUsize::new(0), reading, after };
    assert!(matches!(bench.import_from(Arc::new(cut), Format::Ldif).await, Err(Failure::Stopped { goes_on: true, .. })));
}

async fn add(bench: &Bench, uid: &str) -> EntryId {
    let attributes = vec![Attribute::new("objectClass", ["inetOrgPerson"]), Attribute::new("cn", ["Other"]), Attribute::new("sn", ["O"])];
    let dn = Dn::parse(&format!("uid={uid},ou=people,o=acme")).unwrap();
    bench.core.add_entry(&bench.pool, &operator(), NewEntry { dn, attributes }).await.unwrap()
}

fn notes(bench: &Bench) -> usize {
    bench.pool.store().count(&Prefix::space(Space::Checkpoint)).unwrap()
}

#[tokio::test]
async fn a_corrected_file_takes_the_place_of_one_that_was_given_up() {
    let bench = Bench::start().await;
    let manager = "manager: uid=u0,ou=people,o=acme\n";
    let group = "dn: cn=crew,ou=groups,o=acme\nobjectClass: groupOfNames\nmember: uid=u1,ou=people,o=acme\n\n";
    let former = people(300, manager) + group;
    for (reading, after) in [(4, 35_000), (5, 0), (5, 35_000)] {
        let bench = Bench::start().await;
        cut(&bench, &former, reading, after).await;
        let other = bench.import(&person("zoe", "")).await.unwrap_err();
        assert!(matches!(other, Failure::Stopped { goes_on: false, .. }) && other.to_string().contains("--give-up"), "{other}");
        let left = Import::give_up(&bench.core, &bench.pool, &operator()).await.unwrap();
        assert!(left > 0, "{left}");
        // Another import in between forgets nothing.
        assert_eq!(bench.import(&person("zoe", "")).await.unwrap().taken_over, 0);
        let corrected = person("new", manager) + &former;
        let report = bench.import(&corrected).await.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!((report.added + report.taken_over, report.taken_over, report.links), (302, left, 302), "{reading} {after}");
        assert!(!report.resumed);
        assert_eq!(bench.values("uid=u299,ou=people,o=acme", "manager"), ["uid=u0,ou=people,o=acme"]);
        assert_eq!(bench.values("cn=crew,ou=groups,o=acme", "member"), ["uid=u1,ou=people,o=acme"]);
        assert_eq!(notes(&bench), 0, "nothing is left of either");
    }
    let none = Import::give_up(&bench.core, &bench.pool, &operator()).await.unwrap_err();
    assert!(matches!(none.kind(), Kind::NotFound { .. }), "{none}");
}

#[tokio::test]
async fn a_record_that_was_changed_after_its_import_was_given_up_is_told() {
    let bench = Bench::start().await;
    let file = person("alice", "userPassword: {SSHA}rW6jZOBb6c6fq+h8I/+rYOihUyRpbXBvcnQwMQ==\n")
        + &person("bob", "manager: uid=alice,ou=people,o=acme\n");
    cut(&bench, &file, 5, 0).await;
    Import::give_up(&bench.core, &bench.pool, &operator()).await.unwrap();
    for changed in [
        file.replace("rW6j", "sW6j"),
        file.replace("cn: alice", "cn: Alice"),
        file.replace("sn: alice", "sn: alice\nmanager: uid=bob,ou=people,o=acme"),
    ] {
        let problems = bench.problems(&changed).await;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("line 1: 'uid=alice,ou=people,o=acme' was added by an import that was given up"), "{problems:?}");
    }
    let reordered = file.replace("cn: alice\nsn: alice\n", "sn: alice\ncn: alice\n");
    let report = bench.import(&reordered).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((report.added, report.taken_over), (0, 2));
}

#[tokio::test]
async fn an_entry_that_somebody_else_adds_meanwhile_is_not_the_imports() {
    let bench = Bench::start().await;
    let file = people(300, "manager: uid=u0,ou=people,o=acme\n");
    cut(&bench, &file, 4, 30_000).await;
    let here = u64::try_from(bench.pool.store().count(&Prefix::space(Space::Entry)).unwrap()).unwrap() - 5;
    let other = add(&bench, "u299").await;
    let refused = bench.import(&file).await.unwrap_err();
    let said = refused.to_string();
    let Failure::Refused { problems, earlier } = refused else { panic!("{refused:?}") };
    assert_eq!((problems.len(), earlier), (1, here));
    assert!(problems[0].message.starts_with("'uid=u299,ou=people,o=acme' exists in the pool already"), "{problems:?}");
    assert!(said.contains(&format!("{here} entries are there")) && !said.contains("nothing was written"), "{said}");
    assert_eq!(bench.values("uid=u299,ou=people,o=acme", "cn"), ["Other"]);
    bench.core.delete_entry(&bench.pool, &operator(), other).await.unwrap();
    let report = bench.import(&file).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((report.added, report.links, report.resumed), (300, 300, true));
}

#[tokio::test]
async fn an_entry_that_has_taken_the_place_of_the_imports_gets_no_links() {
    let bench = Bench::start().await;
    let file = person("alice", "") + &person("bob", "manager: uid=alice,ou=people,o=acme\n");
    cut(&bench, &file, 5, 0).await;
    let directory = Directory::new(&bench.pool);
    let bob = directory.resolve(&Dn::parse("uid=bob,ou=people,o=acme").unwrap()).unwrap();
    bench.core.delete_entry(&bench.pool, &operator(), bob).await.unwrap();
    add(&bench, "bob").await;
    assert!(matches!(bench.import(&file).await, Err(Failure::Refused { earlier: 2, .. })), "the survey sees it");
    assert!(bench.values("uid=bob,ou=people,o=acme", "manager").is_empty());
}

#[tokio::test]
async fn an_import_goes_on_though_the_clock_is_set_back() {
    let clock = Arc::new(Ticking(AtomicI64::new(1_800_000_000_000_000)));
    let bench = Bench::with(clock.clone()).await;
    let file = people(300, "manager: uid=u0,ou=people,o=acme\n");
    clock.0.fetch_sub(3_600_000_000, Ordering::SeqCst);
    cut(&bench, &file, 4, 30_000).await;
    clock.0.fetch_sub(3_600_000_000, Ordering::SeqCst);
    let report = bench.import(&file).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((report.added, report.links, report.resumed), (300, 300, true));
}

#[tokio::test]
async fn of_two_imports_that_begin_at_once_one_is_told_of_the_other() {
    let bench = Bench::start().await;
    let (first, second) = (Run::new(&bench.core), Run::new(&bench.core));
    let mut at = Checkpoint::claim(&bench.pool, [1; 32], None, false, &first).await.unwrap();
    let refused = Checkpoint::claim(&bench.pool, [2; 32], None, false, &second).await.unwrap_err();
    assert!(refused.message().contains("an import of another file"), "{refused}");
    // The same file: the later run goes on, and the former one writes nothing more.
    at.records = 256;
    at.save(&bench.pool, &first).await.unwrap();
    assert_eq!(Checkpoint::claim(&bench.pool, [1; 32], None, true, &second).await.unwrap(), at);
    let ended = at.save(&bench.pool, &first).await.unwrap_err();
    assert!(ended.message().contains("begun once more"), "{ended}");
    at.save(&bench.pool, &second).await.unwrap();
    Import::give_up(&bench.core, &bench.pool, &operator()).await.unwrap();
    assert!(at.save(&bench.pool, &second).await.is_err());
    assert!(Checkpoint::load(&bench.pool).unwrap().is_none());
}

#[tokio::test]
async fn an_import_that_is_cut_off_when_everything_is_there_is_only_tidied_up() {
    let file = people(5, "manager: uid=u0,ou=people,o=acme\n");
    for another in [false, true] {
        let bench = Bench::start().await;
        cut(&bench, &file, 5, 0).await;
        // As if the crash had come after the last entry, with a part of the notes removed.
        let run = Run::new(&bench.core);
        let print = fingerprint(&Bytes::copy_from_slice(file.as_bytes())).unwrap();
        let at = Checkpoint::claim(&bench.pool, print, None, true, &run).await.unwrap();
        Checkpoint { phase: Phase::Over, ..at }.save(&bench.pool, &run).await.unwrap();
        let some = bench.pool.store().scan(&Prefix::named(Space::Checkpoint, b"import/own/"), None).next().unwrap().unwrap().0;
        bench
            .pool
            .store()
            .decide(|changes| {
                changes.delete(some.clone());
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(own::count(&bench.pool, &print).unwrap(), 4);
        let report =
            bench.import(&if another { person("zoe", "") } else { file.clone() }).await.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!((report.added, report.resumed), if another { (1, false) } else { (5, true) });
        assert_eq!(notes(&bench), 0);
    }
}

#[tokio::test]
async fn what_is_too_large_for_one_commit_is_told_before_anything_is_written() {
    let bench = Bench::start().await;
    let photo = |fill: &str| format!("jpegPhoto:: /9j/{}\n", fill.repeat(160_000));
    let two_photos = person("alice", "") + &person("bob", &(photo("AAAA") + &photo("BBBB")));
    // Few octets, many terms of the index.
    let mut state = 1u64;
    let mut letter = |_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        char::from_digit(((state >> 33) % 36) as u32, 36).unwrap()
    };
    let names: String = (0..400).map(|_| format!("cn: {}\n", (0..200).map(&mut letter).collect::<String>())).collect();
    for (file, line) in [(two_photos, "line 6: "), (person("bob", &names), "line 1: ")] {
        let problems = bench.problems(&file).await;
        assert!(problems.len() == 1 && problems[0].starts_with(line) && problems[0].contains("over the limit of 851968"), "{problems:?}");
    }
    let one_photo = person("bob", &photo("AAAA"));
    assert_eq!(bench.import(&one_photo).await.unwrap_or_else(|failure| panic!("{failure}")).added, 1);
}
