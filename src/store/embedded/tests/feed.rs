//! Commits that share a journal record share a feed row; each pool is told of its own commits all
//! the same.

use super::recovery::{engine, rows};
use super::sync::open_gated;
use super::*;
use crate::model::{AttributeId, EntryId, Sequence};
use crate::store::embedded::journal::{self, Commit};
use crate::store::embedded::{names, row};
use crate::store::{Feed, Term};
use std::collections::BTreeSet;
use std::time::Duration;

const OTHER: PoolId = PoolId::new(2);

/// The journal records in which the feeds say that pools have commits.
fn feed_rows(engine: &sled::Db) -> Vec<(PoolId, Sequence)> {
    let names = engine.iter().keys().map(|name| name.unwrap());
    names.filter_map(|name| Some((names::pool_of(&name)?, names::feed_record(&name)?))).collect()
}

/// The first commits of all journal records.
fn records(engine: &sled::Db) -> BTreeSet<Sequence> {
    engine.scan_prefix(names::journal_prefix()).keys().map(|name| names::journal_parts(&name.unwrap()).unwrap().0).collect()
}

/// What the feed tells after a commit, read in steps of so many changes.
fn told(store: &Store, pool: PoolId, after: Sequence, step: usize) -> Vec<Sequence> {
    let (mut found, mut position) = (Vec::new(), after);
    loop {
        let Feed::Changes { changes, position: next } = store.pool(pool).feed(position, step).unwrap() else { panic!("trimmed") };
        assert!(changes.len() <= step && changes.iter().all(|change| change.written.len() == 1));
        found.extend(changes.iter().map(|change| change.sequence));
        if changes.is_empty() {
            assert_eq!(next, store.latest());
            return found;
        }
        assert!(next >= changes.last().unwrap().sequence);
        position = next;
    }
}

/// Commits of two pools in turn, of which each third takes a journal record for itself and each
/// seventh several.
fn mixed(count: usize) -> Vec<(PoolId, Changes)> {
    let one = |number: usize| {
        let size = if number % 7 == 6 { 5 * 1200 } else { 10 + 5000 * usize::from(number % 3 == 2) };
        let mut changes = putting(&[&format!("{number}")], &vec![b'x'; size]);
        if number % 7 == 6 {
            changes.put(key(&format!("{number}")), vec![b'y'; crate::store::MAX_ROW]);
        }
        (if number % 5 < 3 { POOL } else { OTHER }, changes)
    };
    (0..count).map(one).collect()
}

/// A commit by hand, which puts one small row.
fn commit(number: u64, pool: PoolId) -> Commit {
    let name = names::pool_key(pool, key(&format!("{number}")).as_bytes());
    Commit { puts: vec![(name, row::tail(b"by hand", None))], ..Commit::empty(Sequence::new(number)) }
}

fn write(engine: &sled::Db, commits: &[Commit], applied: u64) {
    for ((first, part), record) in journal::records(commits, Sequence::new(applied)) {
        engine.insert(names::journal_key(first, part), record).unwrap();
    }
}

#[tokio::test]
async fn commits_of_a_group_put_one_feed_row_for_each_of_their_journal_records() {
    for (size, expected) in [(10, 1), (2500, 4)] {
        let folder = tempfile::tempdir().unwrap();
        let gated = open_gated(folder.path(), &Options::default());
        let commits = (0..8).map(|number| (POOL, putting(&[&format!("{number}")], &vec![1; size])));
        for done in gated.commit_together(commits).await {
            done.unwrap();
        }
        let counted = gated.store.statistics();
        assert_eq!((counted.commits, counted.groups, counted.journal_records), (9, 2, 1 + expected));
        assert_eq!(counted.row_writes, 1 + 8 + 2 * expected, "records, rows, feed rows");
        drop(gated);
        assert_eq!(feed_rows(&engine(folder.path())).len() as u64, expected);
    }
}

#[tokio::test]
async fn eight_changes_of_entries_in_one_group_share_all_but_their_own_rows() {
    let folder = tempfile::tempdir().unwrap();
    let gated = open_gated(folder.path(), &Options::default());
    let change = |number: u64| {
        let mut changes = Changes::new();
        let term = |value: &[u8]| Key::index(AttributeId::new(1), Term::Equality, value, EntryId::new(number));
        changes.put(Key::entry(EntryId::new(number)), vec![b'e'; 200]);
        for (new, old) in [(b"new", b"old"), (b"NEW", b"OLD")] {
            changes.put(term(new), Vec::new());
            changes.delete(term(old));
        }
        changes.audit(Timestamp::from_seconds(100), vec![b'a'; 60]);
        changes.keep_audit(Duration::from_hours(24));
        (POOL, changes)
    };
    for shared in [3, 2] {
        let before = gated.store.statistics();
        for done in gated.commit_together((1..=8).map(change)).await {
            done.unwrap();
        }
        let after = gated.store.statistics();
        assert_eq!(after.journal_records - before.journal_records, 2);
        // Six rows of its own for each; the record, the feed row and, once an hour, the expiry row.
        // One record is the empty commit's that gathers the group.
        assert_eq!(after.row_writes - before.row_writes, 8 * 6 + shared + 1);
    }
}

#[tokio::test]
async fn pools_that_share_records_are_told_of_their_own_commits_from_anywhere_on() {
    let folder = tempfile::tempdir().unwrap();
    let gated = open_gated(folder.path(), &Options::default());
    let start = gated.store.latest();
    let all = mixed(40);
    let pools: Vec<_> = all.iter().map(|(pool, _)| *pool).collect();
    let done = gated.commit_together(all).await;
    let committed: Vec<_> = pools.into_iter().zip(done).map(|(pool, done)| (pool, done.unwrap())).collect();
    for after in start.get()..=gated.store.latest().get() {
        let after = Sequence::new(after);
        for pool in [POOL, OTHER] {
            let expected: Vec<_> = committed.iter().filter(|(of, at)| *of == pool && *at > after).map(|(_, at)| *at).collect();
            for step in [1, 2, 100] {
                assert_eq!(told(&gated.store, pool, after, step), expected, "pool {pool} after {after} in steps of {step}");
            }
        }
    }
    drop(gated);
    let engine = engine(folder.path());
    let (feed, records) = (feed_rows(&engine), records(&engine));
    assert!(feed.len() < 40 && feed.iter().all(|(_, first)| records.contains(first)), "{feed:?}");
    let shared = records.iter().filter(|first| feed.contains(&(POOL, **first)) && feed.contains(&(OTHER, **first)));
    assert!(shared.count() > 3);
}

#[tokio::test]
async fn a_pool_that_goes_is_forgotten_in_records_that_others_share() {
    let folder = tempfile::tempdir().unwrap();
    let gated = open_gated(folder.path(), &Options::default());
    let start = gated.store.latest();
    let secret = |number: usize| putting(&[&format!("secret {number}")], &vec![b's'; if number == 5 { 6000 } else { 10 }]);
    let all = (0..12).map(|number| if number % 2 == 0 { (POOL, putting(&["kept"], b"1")) } else { (OTHER, secret(number)) });
    let staying: Vec<_> = gated.commit_together(all).await.into_iter().step_by(2).map(Result::unwrap).collect();
    let store = gated.store.clone();
    drop(gated);
    while store.remove_pool_rows(OTHER, 2).await.unwrap() > 0 {}
    assert_eq!(told(&store, POOL, start, 2), staying);
    assert_eq!(told(&store, OTHER, start, 2), []);
    store.close();
    let store = open(folder.path());
    assert_eq!(told(&store, POOL, start, 2), staying);
    store.close();
    let engine = engine(folder.path());
    assert!(feed_rows(&engine).iter().all(|(pool, _)| *pool == POOL));
    for (name, value) in engine.iter().map(Result::unwrap) {
        let holds = |bytes: &[u8]| bytes.windows(6).any(|part| part == b"secret");
        assert!(!holds(&name) && !holds(&value) && value.len() < 6000, "the journal keeps what a removed pool held");
    }
}

#[tokio::test]
async fn feed_rows_that_a_crash_has_kept_from_being_written_are_written_by_the_replay() {
    let folder = tempfile::tempdir().unwrap();
    let gated = open_gated(folder.path(), &Options::default());
    let done = gated.commit_together(mixed(20)).await;
    let first = done[0].clone().unwrap();
    drop(gated);
    let raw = engine(folder.path());
    let whole = rows(&raw);
    let lost: Vec<_> = feed_rows(&raw).into_iter().filter(|(_, record)| *record >= first).collect();
    assert!(lost.len() > 5);
    for (pool, record) in lost {
        raw.remove(names::feed_key(pool, record)).unwrap().unwrap();
    }
    drop(raw);
    let store = open(folder.path());
    // With the commit before them, if it was still being applied when their record was written.
    assert!((20..=21).contains(&store.statistics().replayed));
    store.close();
    assert!(rows(&engine(folder.path())) == whole);
}

#[tokio::test]
async fn a_trimmed_record_takes_the_feed_rows_of_all_its_pools_along() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close();
    let raw = engine(folder.path());
    let commits: Vec<_> = (2..=601).map(|number| commit(number, if number % 3 == 0 { OTHER } else { POOL })).collect();
    write(&raw, &commits, 1);
    drop(raw);
    let store = Store::open(folder.path(), Options { journal_kept: 100, ..Options::default() }, SegmentSync::install()).unwrap();
    assert_eq!(store.statistics().replayed, 600);
    store.pool(POOL).commit(putting(&["a"], b"")).await.unwrap();
    let last = store.pool(POOL).commit(putting(&["a"], b"")).await.unwrap();
    let counted = store.statistics();
    assert!(counted.journal_trimmed >= 3, "{counted:?}");
    assert_eq!(counted.row_writes, 2 * 3 + 3 * counted.journal_trimmed - 2, "a record and two feed rows; the first record of all has none");
    assert!(matches!(store.pool(OTHER).feed(Sequence::new(2), 1).unwrap(), Feed::Trimmed { .. }));
    let recent = told(&store, OTHER, Sequence::new(last.get() - 100), 7);
    assert_eq!(recent, (503..=601).filter(|number| number % 3 == 0).map(Sequence::new).collect::<Vec<_>>());
    store.close();
    let raw = engine(folder.path());
    let records = records(&raw);
    assert!(feed_rows(&raw).iter().all(|(_, first)| records.contains(first)));
}

#[tokio::test]
async fn a_feed_row_whose_record_a_trim_had_removed_when_it_was_cut_off_tells_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close();
    let raw = engine(folder.path());
    write(&raw, &[commit(2, POOL), commit(3, OTHER), commit(4, POOL)], 1);
    write(&raw, &[commit(5, OTHER), commit(6, POOL)], 1);
    drop(raw);
    let store = open(folder.path());
    store.pool(POOL).commit(putting(&["7"], b"says that those before are applied")).await.unwrap();
    store.close();
    let raw = engine(folder.path());
    raw.remove(names::journal_key(Sequence::new(1), 0)).unwrap().unwrap();
    raw.remove(names::journal_key(Sequence::new(2), 0)).unwrap().unwrap();
    assert!(feed_rows(&raw).contains(&(OTHER, Sequence::new(2))));
    drop(raw);
    let store = open(folder.path());
    assert!(matches!(store.pool(OTHER).feed(Sequence::new(3), 9).unwrap(), Feed::Trimmed { .. }));
    assert_eq!(told(&store, OTHER, Sequence::new(4), 1), [5].map(Sequence::new));
    assert_eq!(told(&store, POOL, Sequence::new(4), 1), [6, 7].map(Sequence::new));
    while store.remove_pool_rows(OTHER, 9).await.unwrap() > 0 {}
    assert_eq!(told(&store, POOL, Sequence::new(4), 1), [6, 7].map(Sequence::new));
}

/// A commit that takes several journal records.
fn large() -> Changes {
    let mut changes = Changes::new();
    (0..4_u8).for_each(|row| changes.put(Key::named(Space::Checkpoint, &[row]), b"secret".repeat(900)));
    changes
}

/// Removes the journal up to and with the first part of that commit, as a trim that is cut off
/// there; the last feed rows stay.
fn cut_trim(folder: &Path, large: Sequence) {
    let raw = engine(folder);
    let cut: Vec<_> = raw.range(names::journal_prefix()..=names::journal_key(large, 0)).keys().map(Result::unwrap).collect();
    assert!(raw.contains_key(names::journal_key(large, 2)).unwrap());
    cut.iter().for_each(|name| assert!(raw.remove(name).unwrap().is_some()));
}

#[tokio::test]
async fn a_trim_takes_along_what_one_that_was_cut_off_has_left_to_its_pools() {
    let folder = tempfile::tempdir().unwrap();
    let gated = open_gated(folder.path(), &Options::default());
    let done = gated.commit_together([(POOL, putting(&["a"], b"1")), (OTHER, putting(&["a"], b"1")), (POOL, large())]).await;
    let large = done[2].clone().unwrap();
    drop(gated);
    let store = open(folder.path());
    store.pool(POOL).commit(putting(&["b"], b"says that those before are applied")).await.unwrap();
    store.close();
    cut_trim(folder.path(), large);
    let raw = engine(folder.path());
    let kept = records(&raw);
    let left = feed_rows(&raw).into_iter().filter(|(_, first)| !kept.contains(first) || *first == large);
    assert_eq!(left.map(|(pool, _)| pool).collect::<BTreeSet<_>>(), BTreeSet::from([POOL, OTHER]));
    drop(raw);

    let store = Store::open(folder.path(), Options { journal_kept: 10, ..Options::default() }, SegmentSync::install()).unwrap();
    for number in 0..300 {
        let pool = if number % 10 == 0 { OTHER } else { POOL };
        store.pool(pool).commit(putting(&["a"], b"2")).await.unwrap();
    }
    let counted = store.statistics();
    assert!(counted.journal_trimmed >= 256, "{counted:?}");
    let recent = Sequence::new(store.latest().get() - 10);
    assert_eq!(told(&store, POOL, recent, 3).len() + told(&store, OTHER, recent, 3).len(), 10);
    store.close();
    let raw = engine(folder.path());
    let kept = records(&raw);
    assert!(!kept.contains(&large), "the rest of the commit of which the trim had removed the beginning");
    let stray: Vec<_> = feed_rows(&raw).into_iter().filter(|(_, first)| !kept.contains(first)).collect();
    assert_eq!(stray, []);
}

#[tokio::test]
async fn a_pool_that_goes_takes_along_what_a_trim_that_was_cut_off_has_left_of_its_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let large = store.pool(OTHER).commit(large()).await.unwrap();
    let last = store.pool(POOL).commit(putting(&["a"], b"1")).await.unwrap();
    store.close();
    cut_trim(folder.path(), large);
    let store = open(folder.path());
    while store.remove_pool_rows(OTHER, 9).await.unwrap() > 0 {}
    assert_eq!(told(&store, POOL, large, 1), [last]);
    store.close();
    let raw = engine(folder.path());
    assert_eq!(feed_rows(&raw), [(POOL, last)]);
    for (_, value) in raw.iter().map(Result::unwrap) {
        assert!(!value.windows(6).any(|part| part == b"secret"), "the journal keeps what a removed pool held");
    }
}
