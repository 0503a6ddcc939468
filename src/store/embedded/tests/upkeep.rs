//! The journal stays bounded; the feed says when it does not go back far enough; expiry rows keep
//! in step.

use super::*;
use crate::model::Sequence;
use crate::store::Feed;
use crate::store::embedded::{names, opening};

const KEPT: u64 = 20;
const CAP: u64 = 500;

fn open_trimming(folder: &Path) -> Store {
    Store::open(folder, Options { journal_kept: KEPT, journal_cap: CAP, ..Options::default() }, SegmentSync::install()).unwrap()
}

async fn commit(store: &Store, count: usize, size: usize) -> Sequence {
    let mut last = Sequence::new(0);
    for _ in 0..count {
        last = store.pool(POOL).commit(putting(&["a", "b"], &vec![1; size])).await.unwrap();
        let kept = store.pool(POOL).feed(Sequence::new(last.get().saturating_sub(KEPT)), 0).unwrap();
        assert!(matches!(kept, Feed::Changes { .. }), "trimmed too far at {last}");
    }
    last
}

/// Journal records and feed rows of a closed store.
fn journal_and_feed(folder: &Path) -> (usize, usize) {
    let engine = opening::open_engine(&folder.join("db"), &Options::default()).unwrap();
    let names: Vec<_> = engine.iter().keys().map(|name| name.unwrap()).collect();
    let journal = names.iter().filter(|name| names::journal_parts(name).is_some()).count();
    let feed = names.iter().filter(|name| names::pool_of(name).is_some() && names::feed_record(name).is_some()).count();
    (journal, feed)
}

#[tokio::test]
async fn the_journal_is_trimmed_in_batches_with_its_feed_rows() {
    for size in [10, 5000] {
        let folder = tempfile::tempdir().unwrap();
        let store = open_trimming(folder.path());
        let last = commit(&store, 600, size).await;
        assert!(store.statistics().journal_trimmed >= 256);
        assert!(matches!(store.pool(POOL).feed(Sequence::new(1), 10).unwrap(), Feed::Trimmed { position } if position == last));
        let recent = Sequence::new(last.get() - KEPT);
        let Feed::Changes { changes, position } = store.pool(POOL).feed(recent, 1000).unwrap() else { panic!("trimmed") };
        assert_eq!((changes.len() as u64, position), (KEPT, last));
        store.close();
        let (journal, feed) = journal_and_feed(folder.path());
        assert!(journal <= 2 * 300 && feed <= 300, "{journal} records, {feed} feed rows");
        let store = open_trimming(folder.path());
        assert_eq!(store.pool(POOL).latest(), last);
        assert_eq!(value(&store, "a").unwrap().len(), size);
    }
}

#[tokio::test]
async fn a_consumer_that_lags_keeps_the_journal_up_to_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_trimming(folder.path());
    let start = store.pool(POOL).latest();
    let mut consumer = store.pool(POOL).consumer(start);
    commit(&store, 400, 10).await;
    let Feed::Changes { changes, position } = consumer.read(100).unwrap() else { panic!("trimmed") };
    assert_eq!(changes.len(), 100);
    consumer.advance(position);
    let Feed::Changes { changes, .. } = consumer.read(1000).unwrap() else { panic!("trimmed") };
    assert_eq!(changes.len(), 300);
    commit(&store, 800, 10).await;
    assert!(matches!(consumer.read(1).unwrap(), Feed::Trimmed { .. }));
    drop(consumer);
    commit(&store, 300, 10).await;
    store.close();
    assert!(journal_and_feed(folder.path()).0 <= 300);
}

/// Bytes of the journal of a closed store.
fn journal_bytes(folder: &Path) -> usize {
    let engine = opening::open_engine(&folder.join("db"), &Options::default()).unwrap();
    engine.scan_prefix(names::journal_prefix()).map(|row| row.unwrap().1.len()).sum()
}

#[tokio::test]
async fn large_commits_are_kept_by_their_bytes_also_after_the_store_was_opened_again() {
    const KEPT_BYTES: u64 = 8 << 20;
    const CAP_BYTES: u64 = 24 << 20;
    /// What may pile up before a trim, and a commit that is cut off by no limit.
    const SLACK: u64 = (4 << 20) + 2 * 500_000;
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        Store::open(
            folder.path(),
            Options { journal_kept_bytes: KEPT_BYTES, journal_cap_bytes: CAP_BYTES, ..Options::default() },
            SegmentSync::install(),
        )
        .unwrap()
    };
    let large = async |store: &Store, count: usize| {
        for _ in 0..count {
            let mut changes = Changes::new();
            (0..80_u8).for_each(|row| changes.put(Key::named(Space::Checkpoint, &[row]), vec![row; 6000]));
            store.pool(POOL).commit(changes).await.unwrap();
        }
    };
    let within = |limit: u64| {
        let bytes = journal_bytes(folder.path()) as u64;
        assert!((limit - 500_000..=limit + SLACK).contains(&bytes), "{bytes} bytes");
    };
    let store = open();
    large(&store, 40).await;
    store.close();
    within(KEPT_BYTES);

    // What was there before it was opened counts too: this alone is less than what is kept.
    let store = open();
    large(&store, 15).await;
    store.close();
    within(KEPT_BYTES);

    // A consumer that lags is waited for, up to the cap.
    let store = open();
    let consumer = store.pool(POOL).consumer(store.pool(POOL).latest());
    large(&store, 30).await;
    assert!(matches!(consumer.read(100).unwrap(), Feed::Changes { changes, .. } if changes.len() == 30));
    large(&store, 60).await;
    assert!(matches!(consumer.read(1).unwrap(), Feed::Trimmed { .. }));
    store.close();
    drop(consumer);
    within(CAP_BYTES);
    let store = open();
    large(&store, 10).await;
    store.close();
    within(KEPT_BYTES);
}

#[tokio::test]
async fn what_a_removed_pool_had_in_the_journal_counts_no_more_for_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options { journal_kept_bytes: 11 << 19, ..Options::default() }, SegmentSync::install()).unwrap();
    let five_megabytes = async |pool: u32| {
        for _ in 0..10 {
            let mut changes = Changes::new();
            (0..85_u8).for_each(|row| changes.put(Key::named(Space::Checkpoint, &[row]), vec![row; 6000]));
            store.pool(PoolId::new(pool)).commit(changes).await.unwrap();
        }
        // A commit is answered before the trim after it; what is asked for next waits for that.
        store.sweep(Timestamp::from_seconds(0), 1).await.unwrap();
    };
    let start = store.latest();
    five_megabytes(2).await;
    while store.remove_pool_rows(PoolId::new(2), 256).await.unwrap() > 0 {}
    five_megabytes(1).await;
    assert_eq!(store.statistics().journal_trimmed, 0);
    assert!(matches!(store.pool(POOL).feed(start, 100).unwrap(), Feed::Changes { changes, .. } if changes.len() == 10));
    five_megabytes(1).await;
    five_megabytes(1).await;
    assert!(matches!(store.pool(POOL).feed(start, 100).unwrap(), Feed::Trimmed { .. }), "what is there counts");
}

#[tokio::test]
async fn a_record_that_is_prolonged_again_and_again_keeps_one_expiry_row() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for second in 1..50 {
        let mut changes = Changes::new();
        changes.put_until(key("session"), Vec::new(), Timestamp::from_seconds(second));
        store.pool(POOL).commit(changes).await.unwrap();
    }
    store.close();
    let engine = opening::open_engine(&folder.path().join("db"), &Options::default()).unwrap();
    assert_eq!(engine.scan_prefix(names::expiry_prefix()).count(), 1);
}

#[tokio::test]
async fn a_consumed_record_leaves_no_expiry_row() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut changes = Changes::new();
    changes.put_until(key("code"), Vec::new(), Timestamp::from_seconds(60));
    let version = store.pool(POOL).commit(changes).await.unwrap();
    let mut changes = Changes::new();
    changes.expect_version(key("code"), version);
    changes.delete(key("code"));
    store.pool(POOL).commit(changes).await.unwrap();
    assert_eq!(store.sweep(Timestamp::from_seconds(60), 10).await.unwrap(), 0);
}

#[tokio::test]
async fn a_sweep_is_one_group_whatever_it_removes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut changes = Changes::new();
    for number in 0..500 {
        changes.put_until(key(&format!("{number}")), Vec::new(), Timestamp::from_seconds(number));
    }
    store.pool(POOL).commit(changes).await.unwrap();
    let before = store.statistics().groups;
    assert_eq!(store.sweep(Timestamp::from_seconds(399), 1000).await.unwrap(), 400);
    assert_eq!(store.statistics().groups, before + 1);
    assert_eq!(store.pool(POOL).count(&Prefix::space(Space::Checkpoint)).unwrap(), 100);
    assert_eq!(store.sweep(Timestamp::from_seconds(399), 1000).await.unwrap(), 0);
    assert_eq!(store.statistics().groups, before + 1);
}

#[tokio::test]
async fn a_pool_that_goes_takes_nothing_from_anothers_feed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (staying, going) = (store.pool(POOL), store.pool(PoolId::new(2)));
    for pool in [&staying, &going] {
        let mut changes = Changes::new();
        changes.put_until(key("session"), Vec::new(), Timestamp::from_seconds(1));
        pool.commit(changes).await.unwrap();
    }
    let before = staying.latest();
    assert_eq!(store.sweep(Timestamp::from_seconds(1), 10).await.unwrap(), 2);
    while store.remove_pool_rows(PoolId::new(2), 10).await.unwrap() > 0 {}
    let Feed::Changes { changes, .. } = staying.feed(before, 10).unwrap() else { panic!("trimmed") };
    assert_eq!(changes.iter().map(|change| change.removed.clone()).collect::<Vec<_>>(), [[key("session")]]);
}
