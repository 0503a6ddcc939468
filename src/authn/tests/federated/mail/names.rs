//! Uids that an upstream has a say in: they read like nobody's address, and give way to an
//! administrator's word.

use super::*;
use crate::directory::testing;
use crate::store::{Key, Prefix, Space};

/// A mail address that reads like a uid of before: a provider's name, and a username with `@`.
const TEAM: &str = "suppliers.team@pb.example";

impl Stage {
    /// A local person with that address, who logs in by it.
    async fn person(&self, mail: &str) -> EntryId {
        let id = self.bench.user("team", "correct horse").await;
        self.modify("team", replace("mail", mail)).await.unwrap();
        id
    }

    async fn logged_in_as(&self, subject: &str, username: &str) -> String {
        self.claim("sub", json!(subject));
        self.claim("preferred_username", json!(username));
        self.logged_in().await
    }
}

#[tokio::test]
async fn a_uid_that_an_upstream_gives_is_nobodys_address() {
    let stage = Stage::new().await;
    let id = stage.person(TEAM).await;
    for (number, username) in ["team@pb.example", "team＠pb.example", "team﹫pb.example"].into_iter().enumerate() {
        let uid = stage.logged_in_as(&number.to_string(), username).await;
        assert_eq!(uid, ["suppliers.team_pb.example", "suppliers.team_pb.example-2", "suppliers.team_pb.example-3"][number]);
        assert!(stage.bench.binds(TEAM, "correct horse").await, "{username}");
        assert_eq!(stage.holder("uid", TEAM), None);
    }
    assert_eq!(stage.holder("mail", TEAM), Some(id));
    // Nor an address that is none at other places.
    stage.modify("team", replace("mail", "suppliers.erin")).await.unwrap();
    assert_eq!(stage.logged_in_as("erin-1", "erin").await, "suppliers.erin-2");
}

#[tokio::test]
async fn a_uid_is_never_too_long() {
    let stage = Stage::new().await;
    let long = "𠮷".repeat(64);
    let first = stage.logged_in_as("1", &long).await;
    let second = stage.logged_in_as("2", &long).await;
    assert!(first.len() <= 256 && second.len() <= 256 && first != second, "{first} {second}");
    assert!(first.starts_with("suppliers.𠮷𠮷") && second.ends_with("-2"));
    // It gives way at its full length.
    let (id, taken) = stage.add(&first, "x@acme.example").await.unwrap();
    assert_eq!(stage.holder("uid", &first), Some(id));
    assert!(taken[0].uid.as_ref().is_some_and(|uid| uid.len() <= 256 && uid.ends_with("-3")), "{taken:?}");
    testing::assert_consistent(&stage.bench.directory());
}

#[tokio::test]
async fn an_address_that_an_administrator_gives_frees_the_uid_that_reads_like_it() {
    for is_added in [true, false] {
        let stage = Stage::new().await;
        stage.logged_in().await;
        let erin = stage.holder("uid", "suppliers.erin").unwrap();
        // As earlier versions named people.
        let core = &stage.bench.core;
        core.rename_entry(&stage.bench.pool, &operator(), erin, &Rdn::single("uid", TEAM), true, None).await.unwrap();
        let id = if is_added {
            let (id, taken) = stage.add("team", TEAM).await.unwrap();
            assert_eq!(taken.iter().map(|taken| taken.uid.as_deref()).collect::<Vec<_>>(), [Some("suppliers.team_pb.example")]);
            id
        } else {
            stage.person(TEAM).await
        };
        assert_eq!((stage.holder("mail", TEAM), stage.holder("uid", TEAM)), (Some(id), None));
        assert_eq!(stage.holder("uid", "suppliers.team_pb.example"), Some(erin));
        assert_eq!(stage.mail_of("suppliers.team_pb.example").as_deref(), Some(ERIN), "what nobody wants stays");
        assert_eq!(stage.logged_in().await, "suppliers.team_pb.example");
        assert!(is_added || stage.bench.binds(TEAM, "correct horse").await);
        testing::assert_consistent(&stage.bench.directory());
    }
    // Their own address may read like their own name.
    let stage = Stage::new().await;
    stage.logged_in().await;
    stage.modify("suppliers.erin", replace("mail", "suppliers.erin")).await.unwrap();
    assert_eq!(stage.mail_of("suppliers.erin").as_deref(), Some("suppliers.erin"));
}

#[tokio::test]
async fn a_name_that_is_freed_is_not_one_that_is_given() {
    let stage = Stage::new().await;
    stage.logged_in().await;
    let mut entry = user("suppliers.erin", None);
    entry.attributes.push(Attribute::new("uid", ["suppliers.erin", "suppliers.erin-2"]));
    let (_, taken) = stage.bench.core.put_in_place(&stage.bench.pool, &operator(), entry).await.unwrap();
    assert_eq!(taken[0].uid.as_deref(), Some("suppliers.erin-3"));
    testing::assert_consistent(&stage.bench.directory());

    // A file takes the address, and has the name of its own accord.
    let stage = Stage::new().await;
    stage.logged_in().await;
    let erin = stage.holder("uid", "suppliers.erin").unwrap();
    let (core, pool) = (&stage.bench.core, &stage.bench.pool);
    core.rename_entry(pool, &operator(), erin, &Rdn::single("uid", TEAM), true, None).await.unwrap();
    let mut entry = user("suppliers.team_pb.example", None);
    entry.attributes.retain(|attribute| attribute.name != "mail");
    entry.attributes.push(Attribute::new("mail", [TEAM]));
    core.import_entry(pool, &operator(), entry, PasswordTerms::default(), false, |_, _| Ok(())).await.unwrap();
    assert_eq!(stage.logged_in().await, "suppliers.team_pb.example-2");
    testing::assert_consistent(&stage.bench.directory());
}

/// What cannot be read is neither taken nor free.
#[tokio::test]
async fn a_store_that_cannot_tell_who_has_an_address_lets_nobody_in_without_it() {
    let stage = Stage::new().await;
    let store = stage.bench.pool.store();
    let rows = || store.scan(&Prefix::space(Space::Unique), None).map(|row| row.unwrap().0).collect::<Vec<Key>>();
    let before = rows();
    let id = stage.person(ERIN).await;
    let address = |key: &Key| key.rest().ends_with(ERIN.as_bytes());
    let [key] = <[Key; 1]>::try_from(rows().into_iter().filter(|key| !before.contains(key) && address(key)).collect::<Vec<_>>()).unwrap();
    let mut changes = Changes::new();
    changes.put(key.clone(), vec![1]);
    store.commit(changes).await.unwrap();
    let away = stage.leave().await;
    assert_eq!(*stage.answer(&away, code()).await.unwrap_err().kind(), Kind::Internal);
    let mut changes = Changes::new();
    changes.put(key, id.get().to_be_bytes().to_vec());
    store.commit(changes).await.unwrap();
    stage.logged_in().await;
}

#[tokio::test]
async fn only_names_and_addresses_are_looked_for() {
    let stage = Stage::new().await;
    let gets = async |name: &str, uuid: Option<&str>| {
        let mut entry = user(name, None);
        entry.attributes.extend(uuid.map(|uuid| Attribute::new("entryUUID", [uuid])));
        let before = stage.bench.store.statistics().gets;
        stage.bench.core.add_entry(&stage.bench.pool, &operator(), entry).await.unwrap();
        stage.bench.store.statistics().gets - before
    };
    gets("first", None).await;
    assert_eq!(gets("one", Some("597ae2f6-16a6-1027-98f4-d28b5365dc14")).await, gets("two", None).await);
}
