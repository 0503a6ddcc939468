//! What every engine must keep, as checks that any engine can be put under.
//!
//! [`run`] is handed a way to open a store. It works in pools of its own, opens the store again
//! more than once, and answers with the first promise that was broken. Part of the library and not
//! of its tests, so that the tests of an engine that lives elsewhere can run it too.

mod over_time;

use super::{Changes, CommitError, Key, Prefix, ReadError, ServerChanges, ServerKey, ServerPrefix, Space, Store};
use super::{MAX_CHANGES, MAX_KEY, MAX_ROW};
use crate::model::{PoolId, Sequence};
use std::fmt::Display;

/// A promise that the engine broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check}: {promise}")]
pub struct Broken {
    /// The check that found it.
    pub check: &'static str,
    /// What did not hold.
    pub promise: String,
}

type Check = Result<(), String>;

/// Runs every check on a fresh store; `open` opens it, and opens it again after it was closed.
pub async fn run(open: impl Fn() -> Result<Store, ReadError>) -> Result<(), Broken> {
    let named = |check: &'static str| move |promise: String| Broken { check, promise };
    let store = open().map_err(|error| Broken { check: "open", promise: error.to_string() })?;
    absent(&store).map_err(named("absent"))?;
    put_and_delete(&store).await.map_err(named("put and delete"))?;
    later_write_wins(&store).await.map_err(named("the later write wins"))?;
    expectations(&store).await.map_err(named("expectations"))?;
    all_or_nothing(&store).await.map_err(named("all or nothing"))?;
    ordered_scan(&store).await.map_err(named("ordered scan"))?;
    walls(&store).await.map_err(named("walls between pools"))?;
    caps(&store).await.map_err(named("caps"))?;
    server_records(&store).await.map_err(named("server records"))?;
    combined(&store).await.map_err(named("combined commit"))?;
    over_time::audit(&store).await.map_err(named("audit"))?;
    over_time::expiry(&store).await.map_err(named("expiry"))?;
    over_time::feed(&store).await.map_err(named("feed"))?;
    over_time::contention(&store).await.map_err(named("contention"))?;
    over_time::removal(&store).await.map_err(named("removal of a pool"))?;
    let latest = store.pool(PoolId::new(1)).latest();
    store.close();
    let store = open().map_err(|error| Broken { check: "open again", promise: error.to_string() })?;
    reopened(&store, latest).await.map_err(named("reopened"))?;
    store.close();
    Ok(())
}

fn ensure(holds: bool, promise: impl Display) -> Check {
    if holds { Ok(()) } else { Err(promise.to_string()) }
}

fn told<T, E: Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn key(name: &str) -> Key {
    Key::named(Space::Checkpoint, name.as_bytes())
}

fn value(store: &Store, pool: u32, name: &str) -> Result<Option<Vec<u8>>, String> {
    Ok(told(store.pool(PoolId::new(pool)).get(&key(name)))?.map(|row| row.value.to_vec()))
}

async fn put(store: &Store, pool: u32, name: &str, value: &[u8]) -> Result<Sequence, String> {
    let mut changes = Changes::new();
    changes.put(key(name), value.to_vec());
    told(store.pool(PoolId::new(pool)).commit(changes).await)
}

fn absent(store: &Store) -> Check {
    ensure(value(store, 1, "nothing")?.is_none(), "a record that nobody wrote is there")?;
    ensure(told(store.pool(PoolId::new(1)).count(&Prefix::space(Space::Checkpoint)))? == 0, "an empty pool has records")
}

async fn put_and_delete(store: &Store) -> Check {
    let first = put(store, 1, "a", b"one").await?;
    let pool = store.pool(PoolId::new(1));
    let row = told(pool.get(&key("a")))?.ok_or("a record is not there after its commit was answered")?;
    ensure(row.value == b"one".as_slice() && row.version == first, "a record is not what the commit wrote")?;
    let second = put(store, 1, "a", b"").await?;
    ensure(second > first, "sequences do not rise")?;
    ensure(pool.latest() >= second, "the latest commit is older than one that was answered")?;
    let row = told(pool.get(&key("a")))?.ok_or("a record without bytes is not there")?;
    ensure(row.value.is_empty() && row.version == second, "a record was not overwritten")?;
    let mut changes = Changes::new();
    changes.delete(key("a"));
    changes.delete(key("never there"));
    told(pool.commit(changes).await)?;
    ensure(value(store, 1, "a")?.is_none(), "a deleted record is still there")
}

async fn later_write_wins(store: &Store) -> Check {
    let mut changes = Changes::new();
    changes.delete(key("put last"));
    changes.put(key("put last"), b"old".to_vec());
    changes.put(key("put last"), b"new".to_vec());
    changes.put(key("deleted last"), b"old".to_vec());
    changes.delete(key("deleted last"));
    told(store.pool(PoolId::new(2)).commit(changes).await)?;
    ensure(value(store, 2, "put last")?.as_deref() == Some(b"new"), "the last put of a commit did not win")?;
    ensure(value(store, 2, "deleted last")?.is_none(), "a delete after a put did not win")
}

async fn expectations(store: &Store) -> Check {
    let pool = store.pool(PoolId::new(3));
    let version = put(store, 3, "there", b"").await?;
    let later = put(store, 3, "other", b"").await?;
    let under = |name: &[u8]| Prefix::named(Space::Checkpoint, name);
    type Expect = Box<dyn Fn(&mut Changes) + Send>;
    let cases: Vec<(&str, bool, Expect)> = vec![
        ("absent, absent", true, Box::new(|changes| changes.expect_absent(key("none")))),
        ("absent, there", false, Box::new(|changes| changes.expect_absent(key("there")))),
        ("present, there", true, Box::new(|changes| changes.expect_present(key("there")))),
        ("present, absent", false, Box::new(|changes| changes.expect_present(key("none")))),
        ("version, the same", true, Box::new(move |changes| changes.expect_version(key("there"), version))),
        ("version, another", false, Box::new(move |changes| changes.expect_version(key("there"), later))),
        ("version, absent", false, Box::new(move |changes| changes.expect_version(key("none"), version))),
        ("empty, empty", true, Box::new(move |changes| changes.expect_empty(under(b"no")))),
        ("empty, the key itself", false, Box::new(move |changes| changes.expect_empty(under(b"there")))),
        ("empty, one under it", false, Box::new(move |changes| changes.expect_empty(under(b"the")))),
    ];
    for (case, holds, expect) in cases {
        let mut changes = Changes::new();
        expect(&mut changes);
        changes.put(key(case), Vec::new());
        let done = pool.commit(changes).await;
        ensure(matches!((&done, holds), (Ok(_), true) | (Err(CommitError::Conflict), false)), format!("{case}: {done:?}"))?;
        ensure(value(store, 3, case)?.is_some() == holds, format!("{case}: what was refused was written, or the reverse"))?;
    }
    Ok(())
}

async fn all_or_nothing(store: &Store) -> Check {
    let pool = store.pool(PoolId::new(4));
    put(store, 4, "taken", b"").await?;
    let mut changes = Changes::new();
    for number in 0..100 {
        changes.put(key(&format!("many {number}")), vec![0; 1000]);
    }
    let mut refused = changes.clone();
    refused.expect_absent(key("taken"));
    ensure(pool.commit(refused).await == Err(CommitError::Conflict), "a conflict was not noticed")?;
    ensure(told(pool.count(&Prefix::named(Space::Checkpoint, b"many")))? == 0, "a part of a refused commit is there")?;
    told(pool.commit(changes).await)?;
    ensure(told(pool.count(&Prefix::named(Space::Checkpoint, b"many")))? == 100, "a part of a commit is missing")
}

async fn ordered_scan(store: &Store) -> Check {
    let pool = store.pool(PoolId::new(5));
    let mut changes = Changes::new();
    let names: Vec<Vec<u8>> = (0..=255_u8).rev().map(|byte| vec![7, byte]).collect();
    for name in names.iter().chain([&vec![6], &vec![8], &vec![7]]) {
        changes.put(Key::named(Space::Grant, name), name.clone());
    }
    told(pool.commit(changes).await)?;
    let found = |after: Option<&Key>| -> Result<Vec<Vec<u8>>, String> {
        let rows = pool.scan(&Prefix::named(Space::Grant, &[7]), after);
        rows.map(|row| told(row).map(|(key, _)| key.rest().to_vec())).collect()
    };
    let all = found(None)?;
    ensure(all.len() == 257, format!("a scan found {} of 257 records", all.len()))?;
    ensure(all.is_sorted(), "a scan is out of order")?;
    let after = found(Some(&Key::named(Space::Grant, &[7, 100])))?;
    ensure(after.first() == Some(&vec![7, 101]) && after.len() == 155, "a scan does not go on right after a key")?;
    ensure(found(Some(&Key::named(Space::Grant, &[7, 100, 0])))? == after, "a scan does not go on after a key that is not there")?;
    ensure(found(Some(&Key::named(Space::Grant, &[6])))?.len() == 257, "a key before the prefix moves a scan")?;
    ensure(found(Some(&Key::named(Space::Grant, &[8])))?.is_empty(), "a scan leaves its prefix")?;
    ensure(found(Some(&Key::named(Space::Audit, &[7])))?.is_empty(), "a scan leaves its space")
}

async fn walls(store: &Store) -> Check {
    for pool in [0x0100, 0x0101, 0x01ff, 0x0200] {
        put(store, pool, "same name", &pool.to_be_bytes()).await?;
    }
    for pool in [0x0100, 0x0101, 0x01ff, 0x0200_u32] {
        let handle = store.pool(PoolId::new(pool));
        ensure(value(store, pool, "same name")? == Some(pool.to_be_bytes().to_vec()), "one pool reads another's record")?;
        let found: Result<Vec<_>, _> = handle.scan(&Prefix::space(Space::Checkpoint), None).collect();
        ensure(told(found)?.len() == 1, "a scan meets the records of another pool")?;
    }
    let mut changes = Changes::new();
    changes.delete(key("same name"));
    told(store.pool(PoolId::new(0x0101)).commit(changes).await)?;
    ensure(value(store, 0x0100, "same name")?.is_some(), "a delete reached into another pool")
}

async fn caps(store: &Store) -> Check {
    let pool = store.pool(PoolId::new(7));
    let mut edge = Changes::new();
    edge.put(Key::named(Space::Grant, &vec![1; MAX_KEY - 1]), vec![2; MAX_ROW]);
    told(pool.commit(edge).await)?;
    let row = told(pool.get(&Key::named(Space::Grant, &vec![1; MAX_KEY - 1])))?;
    ensure(row.is_some_and(|row| row.value.len() == MAX_ROW), "the largest record was not kept")?;
    let mut key = Changes::new();
    key.put(Key::named(Space::Grant, &vec![1; MAX_KEY]), Vec::new());
    let mut row = Changes::new();
    row.put(Key::named(Space::Grant, b"row"), vec![2; MAX_ROW + 1]);
    let mut many = Changes::new();
    for number in 0..=MAX_CHANGES / MAX_ROW {
        many.put(Key::named(Space::Grant, &number.to_be_bytes()), vec![2; MAX_ROW]);
    }
    for (what, changes) in [("key", key), ("row", row), ("change", many)] {
        let done = pool.commit(changes).await;
        ensure(matches!(done, Err(CommitError::TooLarge { .. })), format!("too large a {what} was not refused"))?;
    }
    ensure(told(pool.count(&Prefix::space(Space::Grant)))? == 1, "a part of what was refused is there")
}

async fn server_records(store: &Store) -> Check {
    let mut changes = ServerChanges::new();
    changes.expect_absent(ServerKey::slug("acme"));
    changes.put(ServerKey::slug("acme"), b"8".to_vec());
    for number in [300, 8, 20] {
        changes.put(ServerKey::pool(PoolId::new(number)), number.to_be_bytes().to_vec());
    }
    told(store.commit_server(changes.clone()).await)?;
    ensure(store.commit_server(changes).await == Err(CommitError::Conflict), "a slug was given twice")?;
    let row = told(store.server_get(&ServerKey::slug("acme")))?;
    ensure(row.is_some_and(|row| row.value == b"8".as_slice()), "a server record was not kept")?;
    let ids = |after: Option<&ServerKey>| -> Result<Vec<Option<PoolId>>, String> {
        store.server_scan(&ServerPrefix::pools(), after).map(|row| told(row).map(|(key, _)| key.pool_id())).collect()
    };
    let expected: Vec<_> = [8, 20, 300].into_iter().map(|number| Some(PoolId::new(number))).collect();
    ensure(ids(None)? == expected, "pools are not listed in the order of their ids")?;
    ensure(ids(Some(&ServerKey::pool(PoolId::new(8))))?.len() == 2, "the list of pools does not go on after one")
}

async fn combined(store: &Store) -> Check {
    let pool = PoolId::new(8);
    let both = |slug: &str| {
        let (mut changes, mut registry) = (Changes::new(), ServerChanges::new());
        changes.put(key("of the pool"), slug.as_bytes().to_vec());
        registry.expect_absent(ServerKey::slug(slug));
        registry.put(ServerKey::slug(slug), Vec::new());
        (changes, registry)
    };
    let (changes, registry) = both("acme");
    ensure(store.commit_pool(pool, changes, registry).await == Err(CommitError::Conflict), "a registry conflict was not noticed")?;
    ensure(value(store, 8, "of the pool")?.is_none(), "the pool's half of a refused commit is there")?;
    let (changes, registry) = both("new");
    let sequence = told(store.commit_pool(pool, changes, registry).await)?;
    let version = told(store.server_get(&ServerKey::slug("new")))?.map(|row| row.version);
    ensure(version == Some(sequence), "the registry's half of a commit is missing")?;
    ensure(value(store, 8, "of the pool")?.is_some(), "the pool's half of a commit is missing")
}

async fn reopened(store: &Store, latest: Sequence) -> Check {
    ensure(store.pool(PoolId::new(1)).latest() == latest, "the sequence did not outlive the store")?;
    ensure(value(store, 2, "put last")?.as_deref() == Some(b"new"), "a commit did not outlive the store")?;
    ensure(value(store, 1, "a")?.is_none(), "a deleted record came back")?;
    ensure(value(store, 14, "record 3")?.is_none(), "a removed pool came back")?;
    let total = told(store.pool(PoolId::new(4)).count(&Prefix::named(Space::Checkpoint, b"many")))?;
    ensure(total == 100, "a commit of many records did not outlive the store whole")?;
    ensure(put(store, 1, "again", b"").await? > latest, "a sequence was given twice")
}
