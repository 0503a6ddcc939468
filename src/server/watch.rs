//! The clock that the server goes by: the machine's, watched for leaps, and the time that was last trusted, which the store keeps.

use crate::model::{Clock, Result, Timestamp, record};
use crate::policy::clock::{HOLD, Leap, Reading, Trust};
use crate::store::{ServerChanges, ServerKey, Store};
use minicbor::{Decode, Encode};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The name of the record of the time that was last trusted.
const NAME: &str = "trusted-time";
/// How far the time goes on before it is written again.
const WRITTEN_EVERY: Duration = Duration::from_secs(60);

const VERSION: u8 = 1;

#[derive(Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
struct TimeRecord {
    #[n(0)]
    trusted: Timestamp,
}

/// A clock under watch.
pub struct Watch {
    clock: Arc<dyn Clock>,
    trust: Mutex<Trust>,
}

impl Watch {
    /// Watches that clock from now on, after the time that the store has last trusted.
    pub fn begin(clock: Arc<dyn Clock>, store: &Store) -> Result<Self> {
        let (trust, leap) = Trust::begin(reading(&*clock), trusted(store)?);
        tell(leap);
        Ok(Self { clock, trust: Mutex::new(trust) })
    }

    /// The present moment, if what has ended by it may be deleted.
    pub fn trusted(&self) -> Option<Timestamp> {
        let (trust, reading) = self.look();
        let trusted = trust.may_delete();
        metrics::gauge!("poolgate_clock_held").set(u8::from(!trusted));
        trusted.then_some(reading.wall)
    }

    /// Writes down the time, if it is trusted and has gone on.
    pub async fn note(&self, store: &Store) -> Result<()> {
        let Some(now) = self.trusted() else { return Ok(()) };
        if trusted(store)?.is_some_and(|before| now < before.plus(WRITTEN_EVERY)) {
            return Ok(());
        }
        let mut changes = ServerChanges::new();
        changes.put(ServerKey::meta(NAME), record::encode(VERSION, &TimeRecord { trusted: now }));
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

fn trusted(store: &Store) -> Result<Option<Timestamp>> {
    let Some(row) = store.server_get(&ServerKey::meta(NAME))? else { return Ok(None) };
    Ok(Some(record::decode::<TimeRecord>(VERSION, &row.value)?.trusted))
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

    #[tokio::test]
    async fn the_time_is_noted_each_minute_while_it_is_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
        let hands = Arc::new(Hands::default());
        let watch = begin(&hands, &store);
        watch.note(&store).await.unwrap();
        let first = trusted(&store).unwrap().unwrap();
        hands.pass(59);
        watch.note(&store).await.unwrap();
        assert_eq!(trusted(&store).unwrap(), Some(first));
        hands.pass(1);
        watch.note(&store).await.unwrap();
        assert_eq!(trusted(&store).unwrap(), Some(first.plus(WRITTEN_EVERY)));
        hands.leap(400 * 24 * 60 * 60);
        watch.note(&store).await.unwrap();
        assert_eq!(trusted(&store).unwrap(), Some(first.plus(WRITTEN_EVERY)), "a time that is not believed is not noted");
        assert_eq!(watch.trusted(), None);
    }

    #[tokio::test]
    async fn a_start_in_another_year_deletes_nothing_and_stamps_nothing_before_what_was() {
        for leap in [-1_790_000_000, 400 * 24 * 60 * 60] {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
            let hands = Arc::new(Hands::default());
            begin(&hands, &store).note(&store).await.unwrap();
            let noted = hands.now();
            hands.leap(leap);
            let watch = begin(&hands, &store);
            assert_eq!(watch.trusted(), None);
            assert!(watch.stamp() > noted);
            hands.pass(60 * 60);
            assert_eq!(watch.trusted(), Some(hands.now()));
            watch.note(&store).await.unwrap();
        }
    }

    #[test]
    fn golden_bytes() {
        let record = TimeRecord { trusted: Timestamp::from_micros(1_000_000) };
        let bytes = record::encode(VERSION, &record);
        assert_eq!(bytes, [1, 0xa1, 0, 0x1a, 0, 0x0f, 0x42, 0x40]);
        assert_eq!(record::decode::<TimeRecord>(VERSION, &bytes).unwrap(), record);
    }
}
