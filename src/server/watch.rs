//! The clock that the server goes by: the machine's, watched for leaps. What is thought of it is
//! noted in the store.
//!
//! It is noted while the server runs and when it stops. After a crash the note can lack the stamps
//! of the last half minute: a clock that is set back while the server is down then gives some of
//! them again.

use crate::model::{Clock, Result, Timestamp, record};
use crate::policy::clock::{HOLD, Leap, Noted, Reading, Trust};
use crate::store::{ServerChanges, ServerKey, Store};
use minicbor::{Decode, Encode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The name of the record of what was noted.
const NAME: &str = "trusted-time";
/// How far the time goes on, or back, before it is noted again.
const NOTED_EVERY: Duration = Duration::from_secs(60);

const VERSION: u8 = 1;

#[derive(Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
struct TimeRecord {
    /// The time that was last trusted.
    #[n(0)]
    last: Option<Timestamp>,
    /// The last stamp. Absent where it was not told from the time that was last trusted.
    #[n(1)]
    stamp: Option<Timestamp>,
}

/// A clock under watch.
pub struct Watch {
    clock: Arc<dyn Clock>,
    trust: Mutex<Trust>,
}

impl Watch {
    /// Watches that clock from now on, after what the store has noted.
    pub fn begin(clock: Arc<dyn Clock>, store: &Store) -> Result<Self> {
        let (trust, leap) = Trust::begin(reading(&*clock), noted(store)?);
        tell(leap);
        Ok(Self { clock, trust: Mutex::new(trust) })
    }

    /// The present moment, if what has ended by it may be deleted.
    pub fn deletable_at(&self) -> Option<Timestamp> {
        let (trust, reading) = self.look();
        let may_delete = trust.may_delete();
        metrics::gauge!("poolgate_clock_held").set(u8::from(!may_delete));
        may_delete.then_some(reading.wall)
    }

    /// Notes the time, if it is trusted and another minute, and what was stamped. To be called each
    /// half minute.
    pub async fn note(&self, store: &Store) -> Result<()> {
        self.note_by(store, NOTED_EVERY).await
    }

    /// The same at a clean stop, to the moment.
    pub async fn note_the_end(&self, store: &Store) -> Result<()> {
        self.note_by(store, Duration::ZERO).await
    }

    /// Notes what has changed: of the time, a change that is so large.
    async fn note_by(&self, store: &Store, step: Duration) -> Result<()> {
        let before = noted(store)?;
        let now = {
            let (trust, reading) = self.look();
            trust.note(reading, before)
        };
        let is_step = match (before.last, now.last) {
            (Some(before), Some(now)) => before.abs_diff(now) >= step,
            (before, now) => before != now,
        };
        if !is_step && before.stamp == now.stamp {
            return Ok(());
        }
        let mut changes = ServerChanges::new();
        changes.put(ServerKey::meta(NAME), record::encode(VERSION, &TimeRecord { last: now.last, stamp: Some(now.stamp) }));
        store.commit_server(changes).await?;
        Ok(())
    }

    fn look(&self) -> (MutexGuard<'_, Trust>, Reading) {
        let mut trust = self.trust.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = reading(&*self.clock);
        tell(trust.look(reading));
        (trust, reading)
    }
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn steady(&self) -> Duration {
        self.clock.steady()
    }

    fn stamp(&self) -> Timestamp {
        let (mut trust, reading) = self.look();
        trust.stamp(reading)
    }
}

fn reading(clock: &dyn Clock) -> Reading {
    Reading { wall: clock.now(), steady: clock.steady() }
}

/// What the store has noted.
pub(super) fn noted(store: &Store) -> Result<Noted> {
    let Some(row) = store.server_get(&ServerKey::meta(NAME))? else { return Ok(Noted::default()) };
    let TimeRecord { last, stamp } = record::decode(VERSION, &row.value)?;
    let nothing = Noted::default();
    Ok(Noted { last, stamp: stamp.or(last).unwrap_or(nothing.stamp) })
}

fn tell(leap: Option<Leap>) {
    let (seconds, whither) = match leap {
        None => return,
        Some(Leap::Forward(by)) => (by.as_secs(), "ahead"),
        Some(Leap::Back(by)) => (by.as_secs(), "back"),
    };
    tracing::warn!(
        seconds,
        hold = HOLD.as_secs(),
        "the clock of this machine has gone {whither} by so many seconds against what was expected; for so many seconds to come nothing that has ended is deleted. \
         Correct the clock if it is wrong"
    );
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::testing::Log;
    use crate::store::{Options, SegmentSync};
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    /// Two clocks that are moved by hand, in seconds.
    #[derive(Default)]
    struct Hands {
        wall: AtomicI64,
        steady: AtomicI64,
    }

    impl Hands {
        fn pass(&self, seconds: i64) {
            self.steady.fetch_add(seconds, SeqCst);
            self.leap(seconds);
        }

        fn leap(&self, seconds: i64) {
            self.wall.fetch_add(seconds, SeqCst);
        }
    }

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(1_790_000_000 + self.wall.load(SeqCst))
        }

        fn steady(&self) -> Duration {
            Duration::from_secs(self.steady.load(SeqCst).unsigned_abs())
        }
    }

    fn begin(hands: &Arc<Hands>, store: &Store) -> Watch {
        Watch::begin(hands.clone(), store).unwrap()
    }

    fn open(folder: &tempfile::TempDir) -> Store {
        Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap()
    }

    fn last(store: &Store) -> Option<Timestamp> {
        noted(store).unwrap().last
    }

    const HOUR: i64 = 60 * 60;
    const DAY: i64 = 24 * HOUR;

    #[tokio::test]
    async fn the_time_is_noted_each_minute_while_it_is_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let hands = Arc::new(Hands::default());
        let watch = begin(&hands, &store);
        watch.note(&store).await.unwrap();
        let first = last(&store).unwrap();
        hands.pass(59);
        watch.note(&store).await.unwrap();
        assert_eq!(last(&store), Some(first));
        hands.pass(1);
        watch.note(&store).await.unwrap();
        assert_eq!(last(&store), Some(first.plus(NOTED_EVERY)));
        hands.leap(400 * DAY);
        watch.note(&store).await.unwrap();
        assert_eq!(last(&store), Some(first.plus(NOTED_EVERY)), "a time that is not believed is not noted");
        assert_eq!(watch.deletable_at(), None);
    }

    #[tokio::test]
    async fn stamps_are_noted_whether_the_time_is_trusted_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let hands = Arc::new(Hands::default());
        let watch = begin(&hands, &store);
        hands.leap(DAY);
        let stamp = watch.stamp();
        watch.note(&store).await.unwrap();
        assert_eq!(noted(&store).unwrap(), Noted { last: None, stamp });
        hands.leap(-9 * DAY);
        assert!(begin(&hands, &store).stamp() > stamp);
    }

    #[tokio::test]
    async fn a_start_in_another_year_deletes_nothing_and_stamps_nothing_before_what_was() {
        for leap in [-1_790_000_000, 400 * DAY] {
            let folder = tempfile::tempdir().unwrap();
            let store = open(&folder);
            let hands = Arc::new(Hands::default());
            let before = begin(&hands, &store);
            let stamp = before.stamp();
            before.note(&store).await.unwrap();
            hands.leap(leap);
            let watch = begin(&hands, &store);
            assert_eq!(watch.deletable_at(), None);
            assert!(watch.stamp() > stamp);
            hands.pass(HOUR);
            assert_eq!(watch.deletable_at(), Some(hands.now()));
            watch.note(&store).await.unwrap();
        }
    }

    #[tokio::test]
    async fn one_run_with_a_clock_days_ahead_costs_one_hour_and_no_date() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let hands = Arc::new(Hands::default());
        hands.leap(2 * DAY);
        begin(&hands, &store).note(&store).await.unwrap();
        hands.leap(-2 * DAY);
        let watch = begin(&hands, &store);
        assert_eq!(watch.deletable_at(), None);
        hands.pass(HOUR);
        assert_eq!(watch.deletable_at(), Some(hands.now()));
        watch.note(&store).await.unwrap();
        assert_eq!(last(&store), Some(hands.now()), "the time is noted backwards, too");
        assert_eq!(watch.stamp(), hands.now(), "nothing was stamped under the clock ahead");
        hands.pass(HOUR);
        let next = begin(&hands, &store);
        assert_eq!((next.deletable_at(), next.stamp()), (Some(hands.now()), hands.now()));
    }

    #[tokio::test]
    async fn a_clean_stop_notes_to_the_moment() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let hands = Arc::new(Hands::default());
        let watch = begin(&hands, &store);
        watch.note(&store).await.unwrap();
        hands.pass(59);
        let stamp = watch.stamp();
        watch.note_the_end(&store).await.unwrap();
        assert_eq!(noted(&store).unwrap(), Noted { last: Some(hands.now()), stamp });
    }

    #[tokio::test]
    async fn each_leap_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let (log, hands) = (Log::listen(), Arc::new(Hands::default()));
        let watch = begin(&hands, &store);
        watch.note(&store).await.unwrap();
        let told = |watch: &Watch| {
            watch.deletable_at();
            watch.stamp();
            (log.count("has gone ahead by so many seconds"), log.count("has gone back by so many seconds"))
        };
        assert_eq!(told(&watch), (0, 0));
        hands.leap(7200);
        assert_eq!(told(&watch), (1, 0));
        hands.leap(-7200);
        assert_eq!(told(&watch), (1, 1));
        assert_eq!(log.count("seconds=7200"), 2);
        hands.leap(-400);
        assert_eq!(told(&begin(&hands, &store)), (1, 2), "and one that is found at a start");
    }

    #[test]
    fn golden_bytes() {
        let at = Timestamp::from_micros(1_000_000);
        for (record, golden) in [
            (TimeRecord { last: Some(at), stamp: None }, &[1, 0xa1, 0, 0x1a, 0, 0x0f, 0x42, 0x40][..]),
            (
                TimeRecord { last: Some(at), stamp: Some(Timestamp::from_micros(1_000_001)) },
                &[1, 0xa2, 0, 0x1a, 0, 0x0f, 0x42, 0x40, 1, 0x1a, 0, 0x0f, 0x42, 0x41][..],
            ),
        ] {
            assert_eq!(record::encode(VERSION, &record), golden);
            assert_eq!(record::decode::<TimeRecord>(VERSION, golden).unwrap(), record);
        }
    }

    #[tokio::test]
    async fn what_was_noted_before_stamps_were_is_their_bound() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let mut changes = ServerChanges::new();
        changes.put(ServerKey::meta(NAME), vec![1, 0xa1, 0, 0x1a, 0, 0x0f, 0x42, 0x40]);
        store.commit_server(changes).await.unwrap();
        let at = Timestamp::from_micros(1_000_000);
        assert_eq!(noted(&store).unwrap(), Noted { last: Some(at), stamp: at });
    }
}
