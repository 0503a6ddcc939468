#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod audit_hours;
mod decide;
mod feed;
mod recovery;
mod sync;
mod upkeep;

use crate::model::error::Clash;
use crate::model::{Kind, PoolId, Timestamp};
use crate::store::{ATTEMPTS, Changes, CommitError, Key, Options, Prefix, SegmentSync, Space, Store, conformance};
use std::path::Path;

const POOL: PoolId = PoolId::new(1);

fn open(folder: &Path) -> Store {
    Store::open(folder, Options::default(), SegmentSync::install()).unwrap()
}

fn key(name: &str) -> Key {
    Key::named(Space::Checkpoint, name.as_bytes())
}

fn putting(names: &[&str], value: &[u8]) -> Changes {
    let mut changes = Changes::new();
    for name in names {
        changes.put(key(name), value.to_vec());
    }
    changes
}

fn value(store: &Store, name: &str) -> Option<Vec<u8>> {
    store.pool(POOL).get(&key(name)).unwrap().map(|row| row.value.to_vec())
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    conformance::run(|| Store::open(folder.path(), Options::default(), SegmentSync::install())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_the_contract_with_the_smallest_caches() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { engine_cache: 1 << 16, hot_cache: 1 << 10, ..Options::default() };
    conformance::run(|| Store::open(folder.path(), options.clone(), SegmentSync::install())).await.unwrap();
}

#[tokio::test]
async fn a_second_store_in_the_folder_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let refusal = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap_err();
    assert!(refusal.to_string().contains("another process has the data folder"), "{refusal}");
    drop(store);
    open(folder.path());
}

#[tokio::test]
async fn a_closed_store_takes_no_commit_and_still_reads() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let pool = store.pool(POOL);
    pool.commit(putting(&["a"], b"1")).await.unwrap();
    store.clone().close();
    assert!(matches!(pool.commit(putting(&["b"], b"1")).await, Err(CommitError::Stopped(_))));
    assert!(matches!(store.sweep(Timestamp::from_micros(0), 1).await, Err(CommitError::Stopped(_))));
    assert_eq!(value(&store, "a").unwrap(), b"1");
    assert_eq!(store.stopped(), None);
}

#[tokio::test]
async fn a_thread_that_may_block_commits_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let pool = store.pool(POOL);
    let sequence = std::thread::spawn(move || pool.commit_blocking(putting(&["a"], b"1"))).join().unwrap().unwrap();
    assert_eq!(store.pool(POOL).latest(), sequence);
}

#[tokio::test]
async fn a_use_case_that_keeps_losing_gives_up_after_its_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut decisions = 0;
    let pool = store.pool(POOL);
    let done = pool.decide(|changes| {
        decisions += 1;
        changes.expect_present(key("never there"));
        changes.put(key("a"), Vec::new());
        Ok(())
    });
    assert!(matches!(done.await.unwrap_err().kind(), Kind::Conflict(Clash::Contended)));
    // After each but the last it lines up, with what it would write by then, and decides when it
    // has the turn.
    assert_eq!((decisions, store.statistics().conflicts), (2 * ATTEMPTS - 1, ATTEMPTS as u64));
}

#[tokio::test]
async fn a_commit_meets_what_those_before_it_in_its_group_have_written() {
    let folder = tempfile::tempdir().unwrap();
    let gated = sync::open_gated(folder.path(), &Options::default());
    let alone = |name: &str, prefix: &str| {
        let mut changes = putting(&[name], b"");
        changes.expect_empty(Prefix::named(Space::Checkpoint, prefix.as_bytes()));
        changes
    };
    let present = |expected: &str, name: &str| {
        let mut changes = putting(&[name], b"");
        changes.expect_present(key(expected));
        changes
    };
    let deleting = |name: &str| {
        let mut changes = Changes::new();
        changes.delete(key(name));
        changes
    };
    let steps = [
        (putting(&["a/1"], b""), true),
        (alone("x", "a/"), false),
        (alone("b/1", "b/"), true),
        (alone("x", "b/"), false),
        (present("b/1", "c/1"), true),
        (present("x", "y"), false),
        (deleting("b/1"), true),
        (present("b/1", "x"), false),
        (alone("b/2", "b/"), true),
        (alone("x", "c/"), false),
        (putting(&["a/1", "d"], b"again"), true),
        (deleting("a/1"), true),
        (deleting("a/1"), true),
        (putting(&["a/1"], b"last"), true),
        (deleting("d"), true),
    ];
    let done = gated.commit_together(steps.iter().map(|(changes, _)| (POOL, changes.clone()))).await;
    assert_eq!(done.iter().map(Result::is_ok).collect::<Vec<_>>(), steps.map(|(_, expected)| expected));
    let found: Result<Vec<_>, _> = gated.store.pool(POOL).scan(&Prefix::space(Space::Checkpoint), None).collect();
    assert_eq!(found.unwrap().into_iter().map(|(found, _)| found).collect::<Vec<_>>(), ["a/1", "b/2", "c/1"].map(key));
    assert_eq!(value(&gated.store, "a/1").unwrap(), b"last");
}

#[tokio::test]
async fn a_hot_record_is_read_from_the_engine_once_whatever_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for round in 1..=3_u64 {
        store.pool(POOL).commit(putting(&["hot"], &round.to_be_bytes())).await.unwrap();
        for _ in 0..10 {
            assert_eq!(value(&store, "hot").unwrap(), round.to_be_bytes());
        }
        let counted = store.statistics();
        assert_eq!((counted.gets, counted.hits), (round * 10, round * 10 - 1));
    }
}

#[tokio::test]
async fn a_scan_counts_what_it_goes_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.pool(POOL).commit(putting(&["a", "b", "c"], b"")).await.unwrap();
    assert_eq!(store.pool(POOL).scan(&Prefix::space(Space::Checkpoint), None).take(2).count(), 2);
    assert_eq!(store.statistics().scanned, 2);
}

#[tokio::test]
async fn the_largest_commits_leave_nothing_outside_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut changes = Changes::new();
    for number in 0..150_u16 {
        let name = [number.to_be_bytes().as_slice(), &[b'x'; 500]].concat();
        changes.put(Key::named(Space::Grant, &name), vec![7; crate::store::MAX_ROW - 100]);
    }
    for _ in 0..3 {
        store.pool(POOL).commit(changes.clone()).await.unwrap();
    }
    assert_eq!(store.statistics().blobs, 0);
    assert!(store.statistics().bytes_on_disk > 0);
}

#[tokio::test]
async fn an_empty_pool_costs_no_row_and_no_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for id in 1..=10_000 {
        assert_eq!(store.pool(PoolId::new(id)).get(&key("a")).unwrap(), None);
    }
    let counted = store.statistics();
    assert_eq!((counted.commits, counted.groups, counted.journal_records), (0, 0, 0));
}

/// Many who read a record, add to it and commit: each is done, and none is told that it is busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_write_the_same_record_take_turns() {
    const WRITERS: usize = 64;
    const EACH: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let pool = store.pool(POOL);
    pool.commit(putting(&["counter"], &0_u64.to_be_bytes())).await.unwrap();
    let writer = || {
        let pool = pool.clone();
        tokio::spawn(async move {
            for _ in 0..EACH {
                let added = pool.decide(|changes| {
                    let row = pool.get(&key("counter"))?.unwrap();
                    let count = u64::from_be_bytes(row.value.as_ref().try_into().unwrap()) + 1;
                    changes.expect_version(key("counter"), row.version);
                    changes.put(key("counter"), count.to_be_bytes().to_vec());
                    Ok(())
                });
                added.await.unwrap();
            }
        })
    };
    for writer in (0..WRITERS).map(|_| writer()).collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let count = pool.get(&key("counter")).unwrap().unwrap();
    assert_eq!(count.value.as_ref(), &(WRITERS as u64 * EACH as u64).to_be_bytes());
}
