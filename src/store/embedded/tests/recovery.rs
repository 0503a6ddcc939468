//! Stores as a crash can leave them, made by hand in the engine, and opened again.

use super::sync::A_WHILE;
use super::*;
use crate::model::Sequence;
use crate::store::ServerKey;
use crate::store::embedded::disk::EngineSync;
use crate::store::embedded::journal::{self, Commit};
use crate::store::embedded::{names, opening, recovery, row, rows as engine_rows};
use std::collections::BTreeMap;

pub(super) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Opens the engine under a closed store.
pub(super) fn engine(folder: &Path) -> sled::Db {
    opening::open_engine(&folder.join("db"), &Options::default()).unwrap()
}

/// All rows but the journal.
pub(super) fn rows(engine: &sled::Db) -> Rows {
    let all = engine.iter().map(|item| item.unwrap());
    all.filter(|(name, _)| names::journal_parts(name).is_none()).map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

fn set(engine: &sled::Db, name: &[u8], value: Option<&Vec<u8>>) {
    match value {
        Some(value) => engine.insert(name, value.as_slice()).unwrap(),
        None => engine.remove(name).unwrap(),
    };
}

fn refusal(folder: &Path) -> String {
    Store::open(folder, Options::default(), SegmentSync::install()).unwrap_err().to_string()
}

fn last_record(engine: &sled::Db) -> (Vec<u8>, Vec<u8>) {
    let (name, value) = engine.scan_prefix(names::journal_prefix()).next_back().unwrap().unwrap();
    (name.to_vec(), value.to_vec())
}

#[tokio::test]
async fn a_last_commit_that_was_applied_in_part_is_applied_whole() {
    let mut numbers = Numbers(7);
    for round in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let mut before = Changes::new();
        for name in ["kept", "overwritten", "deleted", "other"] {
            before.put_until(key(name), b"old".to_vec(), Timestamp::from_seconds(9));
        }
        store.pool(POOL).commit(before).await.unwrap();
        store.close();
        let old = rows(&engine(folder.path()));

        let store = open(folder.path());
        let mut last = Changes::new();
        last.expect_present(key("deleted"));
        last.put(key("overwritten"), vec![b'n'; if round % 2 == 0 { 3 } else { 6000 }]);
        last.put_until(key("other"), vec![b'n'; 3000], Timestamp::from_seconds(10));
        last.put(key("fresh"), b"new".to_vec());
        last.delete(key("deleted"));
        last.audit(Timestamp::from_seconds(1), b"event".to_vec());
        last.keep_audit(std::time::Duration::from_secs(60));
        store.pool(POOL).commit(last).await.unwrap();
        store.close();
        let engine_after = engine(folder.path());
        let new = rows(&engine_after);
        let touched: Vec<_> = old.keys().chain(new.keys()).filter(|name| old.get(*name) != new.get(*name)).collect();
        assert!(touched.len() >= 8, "{}", touched.len());
        for name in touched {
            if round == 0 || numbers.below(2) == 0 {
                set(&engine_after, name, old.get(name));
            }
        }
        drop(engine_after);

        let store = open(folder.path());
        assert_eq!(store.statistics().replayed, 1);
        store.close();
        assert!(rows(&engine(folder.path())) == new, "round {round}");
    }
}

#[tokio::test]
async fn only_what_the_last_record_does_not_call_applied_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 0..50 {
        store.pool(POOL).commit(putting(&["a"], &[number])).await.unwrap();
    }
    store.close();
    let store = open(folder.path());
    assert_eq!(store.statistics().replayed, 1);
    assert_eq!(value(&store, "a").unwrap(), [49]);
}

/// Makes a store whose last commit lacks its end. Tells the number of that commit, and how many
/// parts of it there are.
async fn torn_store(folder: &Path) -> (Sequence, usize) {
    let store = open(folder);
    let last = store.pool(POOL).commit(putting(&["a"], b"1")).await.unwrap();
    store.close();
    let torn = Sequence::new(last.get() + 1);
    let name = names::pool_key(POOL, key("torn").as_bytes());
    let puts = (0..9).map(|number| ([name.as_slice(), &[number]].concat(), row::tail(&[7; 5000], None))).collect();
    let mut records = journal::records(&[Commit { puts, ..Commit::empty(torn) }], last);
    records.pop();
    assert!(records.len() >= 5);
    let raw = engine(folder);
    for ((first, part), record) in &records {
        raw.insert(names::journal_key(*first, *part), record.as_slice()).unwrap();
    }
    (torn, records.len())
}

#[tokio::test]
async fn a_commit_without_its_last_part_never_was_and_its_number_is_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let (torn, _) = torn_store(folder.path()).await;
    let last = Sequence::new(torn.get() - 1);
    let store = open(folder.path());
    assert_eq!(store.statistics().replayed, 0);
    assert_eq!(store.pool(POOL).latest(), last);
    assert_eq!(store.pool(POOL).count(&Prefix::named(Space::Checkpoint, b"torn")).unwrap(), 0);
    assert_eq!(store.pool(POOL).commit(putting(&["b"], &[1; 6000])).await.unwrap(), torn);
    store.close();
    assert_eq!(engine(folder.path()).scan_prefix(&names::journal_key(torn, 0)[..13]).count(), 1);
    let store = open(folder.path());
    assert_eq!(value(&store, "b").unwrap().len(), 6000);
}

#[tokio::test]
async fn a_crash_amid_the_removal_of_a_torn_commit_leaves_a_torn_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (torn, parts) = torn_store(folder.path()).await;
    let raw = engine(folder.path());
    let mut removals = raw.watch_prefix(names::journal_prefix());
    recovery::recover(&engine_rows::Rows::new(raw.clone(), None), &mut EngineSync).unwrap();
    let removed: Vec<_> = (0..parts).map(|_| removals.next_timeout(A_WHILE).expect("a part stays").key().to_vec()).collect();
    drop(raw);
    for cut in 1..=parts {
        let folder = tempfile::tempdir().unwrap();
        torn_store(folder.path()).await;
        let raw = engine(folder.path());
        for name in &removed[..cut] {
            raw.remove(name).unwrap().unwrap();
        }
        drop(raw);
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install())
            .unwrap_or_else(|error| panic!("after {cut} of {parts}: {error}"));
        assert_eq!(store.pool(POOL).count(&Prefix::named(Space::Checkpoint, b"torn")).unwrap(), 0);
        assert_eq!(store.pool(POOL).commit(putting(&["b"], b"2")).await.unwrap(), torn);
        store.close();
        assert_eq!(engine(folder.path()).scan_prefix(&names::journal_key(torn, 0)[..13]).count(), 1);
    }
}

#[tokio::test]
async fn a_whole_commit_in_parts_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let last = store.pool(POOL).commit(putting(&["a"], b"1")).await.unwrap();
    store.close();
    let next = Sequence::new(last.get() + 1);
    let puts = (0..9_u8).map(|number| {
        let name = names::pool_key(POOL, key(&format!("part {number}")).as_bytes());
        (name, row::tail(&[number; 5000], None))
    });
    let raw = engine(folder.path());
    for ((first, part), record) in journal::records(&[Commit { sequence: next, puts: puts.collect(), deletes: Vec::new() }], last) {
        raw.insert(names::journal_key(first, part), record).unwrap();
    }
    drop(raw);
    let store = open(folder.path());
    assert_eq!(store.pool(POOL).latest(), next);
    for number in 0..9_u8 {
        assert_eq!(value(&store, &format!("part {number}")).unwrap(), [number; 5000]);
    }
}

#[tokio::test]
async fn a_damaged_journal_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.pool(POOL).commit(putting(&["a"], b"1")).await.unwrap();
    store.close();
    let raw = engine(folder.path());
    let (name, mut record) = last_record(&raw);
    record[20] ^= 1;
    raw.insert(name.as_slice(), record.as_slice()).unwrap();
    drop(raw);
    assert!(refusal(folder.path()).contains("is damaged: its checksum does not match; restore the data folder from a backup"));
}

#[tokio::test]
async fn a_gap_in_the_journal_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let last = store.pool(POOL).commit(putting(&["a"], b"1")).await.unwrap();
    store.close();
    let raw = engine(folder.path());
    let far = Commit::empty(Sequence::new(last.get() + 2));
    for ((first, part), record) in journal::records(&[far], last) {
        raw.insert(names::journal_key(first, part), record).unwrap();
    }
    drop(raw);
    assert!(refusal(folder.path()).contains(&format!("the journal lacks commit {}", last.get() + 1)));
}

#[tokio::test]
async fn a_missing_journal_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close();
    let raw = engine(folder.path());
    let (name, _) = last_record(&raw);
    raw.insert(names::pool_key(POOL, key("a").as_bytes()), row::whole(Sequence::new(1), &row::tail(b"", None))).unwrap();
    raw.remove(name).unwrap();
    drop(raw);
    assert!(refusal(folder.path()).contains("the journal is missing"));
}

#[tokio::test]
async fn another_format_is_refused_with_a_sentence_and_left_as_it_is() {
    for other in [1_u32, 3] {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).close();
        let raw = engine(folder.path());
        let format = row::whole(Sequence::new(1), &row::tail(&other.to_be_bytes(), None));
        raw.insert(names::server_key(&ServerKey::meta("format")), format.as_slice()).unwrap();
        drop(raw);
        let sentence = refusal(folder.path());
        assert!(sentence.contains(&format!("has format {other}, and this version reads format 2")), "{sentence}");
        let raw = engine(folder.path());
        assert_eq!(raw.get(names::server_key(&ServerKey::meta("format"))).unwrap().unwrap(), format.as_slice());
    }
}

#[tokio::test]
async fn a_snapshot_that_a_crash_left_half_written_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.pool(POOL).commit(putting(&["a"], b"1")).await.unwrap();
    store.close();
    let left = folder.path().join("db").join("snap.0000000000000FFF.generating");
    std::fs::write(&left, b"half").unwrap();
    let store = open(folder.path());
    assert!(!left.exists());
    assert_eq!(value(&store, "a").unwrap(), b"1");
}

#[tokio::test]
async fn a_step_of_a_removal_that_was_acknowledged_is_not_undone_by_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.pool(POOL).commit(putting(&["a", "b"], &[7; 6000])).await.unwrap();
    assert_eq!(store.remove_pool_rows(POOL, 2).await.unwrap(), 2);
    store.close();
    let store = open(folder.path());
    assert_eq!(store.pool(POOL).count(&Prefix::space(Space::Checkpoint)).unwrap(), 0);
    assert_eq!(store.remove_pool_rows(POOL, 2).await.unwrap(), 1, "the row of its feed");
    assert_eq!(store.remove_pool_rows(POOL, 2).await.unwrap(), 0);
}

#[tokio::test]
async fn a_removed_pool_is_not_brought_back_by_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.pool(POOL).commit(putting(&["secret name"], b"secret value")).await.unwrap();
    store.pool(POOL).commit(putting(&["large"], &[7; 6000])).await.unwrap();
    while store.remove_pool_rows(POOL, 1).await.unwrap() > 0 {}
    store.close();
    for _ in 0..2 {
        let store = open(folder.path());
        assert_eq!(store.pool(POOL).count(&Prefix::space(Space::Checkpoint)).unwrap(), 0);
        store.close();
    }
    let raw = engine(folder.path());
    assert!(raw.range(names::pool_range(POOL).0..names::pool_range(POOL).1).next().is_none());
    for item in raw.iter() {
        let (name, value) = item.unwrap();
        let holds = |bytes: &[u8]| bytes.windows(6).any(|part| part == b"secret");
        assert!(!holds(&name) && !holds(&value) && value.len() < 6000, "the journal keeps what a removed pool held");
    }
}

#[tokio::test]
async fn a_torn_record_does_not_say_what_may_be_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close();
    // One group of many commits, and the beginning of a large one after it, which alone says that
    // the group is applied.
    let name = names::pool_key(POOL, key("torn").as_bytes());
    let commit = |number| Commit { puts: vec![(name.clone(), row::tail(&[7; 500], None))], ..Commit::empty(Sequence::new(number)) };
    let group: Vec<_> = (2..=301).map(commit).collect();
    let puts = (0..9).map(|number| ([name.as_slice(), &[number]].concat(), row::tail(&[7; 5000], None))).collect();
    let mut torn = journal::records(&[Commit { sequence: Sequence::new(302), puts, deletes: Vec::new() }], Sequence::new(301));
    torn.pop();
    let raw = engine(folder.path());
    for ((first, part), record) in journal::records(&group, Sequence::new(1)).into_iter().chain(torn) {
        raw.insert(names::journal_key(first, part), record).unwrap();
    }
    drop(raw);
    let store = Store::open(folder.path(), Options { journal_kept: 0, ..Options::default() }, SegmentSync::install()).unwrap();
    assert_eq!(store.sweep(Timestamp::from_seconds(1), 10).await.unwrap(), 0);
    store.close();
    assert_eq!(open(folder.path()).pool(POOL).latest(), Sequence::new(301));
}

#[tokio::test]
async fn after_a_trim_that_was_cut_off_the_feed_lacks_nothing_that_it_does_not_call_trimmed() {
    use crate::store::Feed;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = store.pool(POOL).commit(putting(&["a", "b"], &[7; 6000])).await.unwrap();
    let second = store.pool(POOL).commit(putting(&["c"], b"1")).await.unwrap();
    store.close();
    let raw = engine(folder.path());
    raw.remove(names::journal_key(Sequence::new(1), 0)).unwrap();
    raw.remove(names::journal_key(first, 0)).unwrap();
    drop(raw);
    let store = open(folder.path());
    let feed = |after: u64| store.pool(POOL).feed(Sequence::new(after), 10).unwrap();
    assert!(matches!(feed(first.get() - 1), Feed::Trimmed { .. }));
    let Feed::Changes { changes, position } = feed(first.get()) else { panic!("trimmed") };
    assert_eq!((changes.len(), position), (1, second));
}
