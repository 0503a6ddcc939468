//! The audit rows of an hour share an expiry row, and end with it.

use super::recovery::{engine, rows};
use super::sync::open_gated;
use super::*;
use crate::store::embedded::names;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
const HOUR: i64 = 3600;

/// Audit records of these moments, in seconds, that stay so many days.
fn auditing(moments: impl IntoIterator<Item = i64>, days: u32) -> Changes {
    let mut changes = Changes::new();
    moments.into_iter().for_each(|second| changes.audit(Timestamp::from_seconds(second), b"event".to_vec()));
    changes.keep_audit(days * DAY);
    changes
}

/// The moment at which all audit records of an hour are due.
fn due(hour: i64, days: u32) -> Timestamp {
    Timestamp::from_seconds((hour + 1) * HOUR).plus(days * DAY)
}

fn events(store: &Store) -> usize {
    store.pool(POOL).count(&Prefix::space(Space::Audit)).unwrap()
}

fn expiry_rows(folder: &Path) -> usize {
    engine(folder).scan_prefix(names::expiry_prefix()).count()
}

/// Rows that the commit costs the engine.
async fn cost(store: &Store, changes: Changes) -> u64 {
    let before = store.statistics().row_writes;
    store.pool(POOL).commit(changes).await.unwrap();
    store.statistics().row_writes - before
}

/// Sweeps in steps until nothing more is due; tells in how many.
async fn sweep_all(store: &Store, now: Timestamp, limit: usize) -> usize {
    for step in 1..1000 {
        let met = store.sweep(now, limit).await.unwrap();
        assert!(met <= limit);
        if met < limit {
            return step;
        }
    }
    panic!("the sweep comes to no end");
}

#[tokio::test]
async fn the_audit_rows_of_an_hour_put_one_expiry_row() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    const SHARED: u64 = 1 + 1; // the journal record, the feed row
    assert_eq!(cost(&store, auditing(0..50, 1)).await, SHARED + 50 + 1);
    assert_eq!(cost(&store, auditing(50..53, 1)).await, SHARED + 3, "its expiry row is there");
    assert_eq!(cost(&store, auditing([HOUR - 1, HOUR], 1)).await, SHARED + 2 + 1, "the next hour has one of its own");
    assert_eq!(cost(&store, auditing([60], 2)).await, SHARED + 1 + 1, "so have rows that stay longer");
    store.close();
    let store = open(folder.path());
    assert_eq!(cost(&store, auditing([61], 1)).await, SHARED + 1 + 1, "what is not known to be there is put");
    assert_eq!(cost(&store, auditing([62], 1)).await, SHARED + 1);
    store.close();
    assert_eq!(expiry_rows(folder.path()), 3);
}

#[tokio::test]
async fn a_commit_that_is_refused_leaves_the_expiry_row_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let gated = open_gated(folder.path(), &Options::default());
    let refused = || {
        let mut changes = auditing([1], 1);
        changes.expect_present(key("never there"));
        changes
    };
    let done = gated.commit_together([(POOL, refused()), (POOL, putting(&["a"], b""))]).await;
    assert_eq!(done[0], Err(CommitError::Conflict));
    let done = gated.commit_together([(POOL, refused()), (POOL, auditing([2], 1)), (POOL, auditing([3], 1))]).await;
    assert!(done[0].is_err() && done[1].is_ok() && done[2].is_ok());
    let store = gated.store.clone();
    drop(gated);
    store.sweep(due(0, 1), 100).await.unwrap();
    assert_eq!(events(&store), 0);
    store.close();
    assert_eq!(expiry_rows(folder.path()), 0);
}

#[tokio::test]
async fn an_hour_is_swept_in_steps_and_what_ends_later_stays() {
    for limit in [1, 2, 3, 5, 7, 100] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        for second in 0..20 {
            store.pool(POOL).commit(auditing([second], if second % 3 == 0 { 2 } else { 1 })).await.unwrap();
        }
        let mut later = Changes::new();
        later.put_until(key("session"), Vec::new(), due(0, 1));
        store.pool(POOL).commit(later).await.unwrap();
        assert_eq!(store.sweep(Timestamp::from_seconds(HOUR - 2).plus(DAY), limit).await.unwrap(), 0, "not before the hour is due");
        let steps = sweep_all(&store, due(0, 1), limit).await;
        assert!(steps <= 21_usize.div_ceil(limit) + 1, "{steps} steps of {limit}");
        assert_eq!((events(&store), value(&store, "session")), (7, None));
        assert_eq!(store.sweep(due(0, 1), limit).await.unwrap(), 0);
        store.close();
        assert_eq!(expiry_rows(folder.path()), 1);
        let store = open(folder.path());
        sweep_all(&store, due(0, 2), limit).await;
        assert_eq!(events(&store), 0);
        store.close();
        assert_eq!(expiry_rows(folder.path()), 0);
    }
}

#[tokio::test]
async fn an_hour_that_was_swept_in_part_or_whole_gets_its_expiry_row_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.pool(POOL).commit(auditing(10..20, 1)).await.unwrap();
    assert_eq!(store.sweep(due(0, 1), 5).await.unwrap(), 5);
    store.pool(POOL).commit(auditing([1], 1)).await.unwrap();
    assert_eq!(sweep_all(&store, due(0, 1), 5).await, 2);
    assert_eq!(events(&store), 0, "what came before the place that the sweep had reached is swept too");
    store.pool(POOL).commit(auditing([2], 1)).await.unwrap();
    assert_eq!(store.sweep(due(0, 1), 5).await.unwrap(), 1);
    assert_eq!(events(&store), 0);
    store.close();
    assert_eq!(expiry_rows(folder.path()), 0);
}

#[tokio::test]
async fn a_pool_that_goes_leaves_no_expiry_row_of_its_hours() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for days in [1, 2] {
        store.pool(POOL).commit(auditing((0..30).map(|number| number * 600), days)).await.unwrap();
        store.pool(PoolId::new(2)).commit(auditing([1], days)).await.unwrap();
    }
    while store.remove_pool_rows(POOL, 7).await.unwrap() > 0 {}
    store.close();
    assert_eq!(expiry_rows(folder.path()), 2);
    let store = open(folder.path());
    sweep_all(&store, due(5, 2), 100).await;
    assert_eq!(store.pool(PoolId::new(2)).count(&Prefix::space(Space::Audit)).unwrap(), 0);
}

#[tokio::test]
async fn a_sweep_of_an_hour_that_was_applied_in_part_is_applied_whole() {
    let mut numbers = Numbers(11);
    for limit in [4, 9, 10, 100] {
        for round in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path());
            store.pool(POOL).commit(auditing(0..10, 1)).await.unwrap();
            store.close();
            let old = rows(&engine(folder.path()));
            let store = open(folder.path());
            assert_eq!(store.sweep(due(0, 1), limit).await.unwrap(), limit.min(10));
            store.close();
            let raw = engine(folder.path());
            let new = rows(&raw);
            for (name, value) in old.iter().filter(|(name, value)| new.get(*name) != Some(*value)) {
                if round == 0 || numbers.below(2) == 0 {
                    raw.insert(name.as_slice(), value.as_slice()).unwrap();
                }
            }
            drop(raw);
            let store = open(folder.path());
            assert_eq!((store.statistics().replayed, events(&store)), (1, 10 - limit.min(10)));
            sweep_all(&store, due(0, 1), limit).await;
            assert_eq!(events(&store), 0);
            store.close();
            assert_eq!(expiry_rows(folder.path()), 0, "in steps of {limit}");
        }
    }
}
