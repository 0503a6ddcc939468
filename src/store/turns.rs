//! Lines at records that several use cases want to write at the same time.
//!
//! A use case that lost a commit to another lines up at the records that it expects by then, and
//! decides and commits while it has the turn. As long as somebody waits for a record, others who
//! come to the same one line up behind, first come first served: so each is done in the end,
//! however many there are, as in a server that locks. Who meets nobody pays for one look at a
//! counter.
//!
//! The store alone makes the outcome right, also with writers that take no turn; turns only spare
//! the retries.

use super::changes::Expectation;
use super::{Changes, Key};
use crate::model::{Error, PoolId, Result};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Use cases that wait for one record at most. Who comes then is told that the record is busy.
const MAX_WAITING: usize = 4096;

/// A record of a pool.
type Place = (PoolId, Key);

/// The lines at records that are contended at this moment.
#[derive(Default)]
pub(super) struct Lines {
    /// How many records have a line; read before the lock is taken.
    contended: AtomicUsize,
    lines: Mutex<HashMap<Place, Line>>,
}

/// Those who wait for one record, and who has it.
#[derive(Default)]
struct Line {
    turn: Arc<tokio::sync::Mutex<()>>,
    length: usize,
}

/// The records that a commit changes and expects as it has read them, or expects to make.
pub(super) fn places(pool: PoolId, changes: &Changes) -> BTreeSet<Place> {
    let written = changes.expectations.iter().filter_map(|expectation| match expectation {
        Expectation::Version(key, _) | Expectation::Absent(key) => Some((pool, key.clone())),
        Expectation::Unchanged(..) | Expectation::Present(_) | Expectation::Empty(_) => None,
    });
    written.collect()
}

/// The turn of one use case at records. It ends when this is dropped.
#[derive(Default)]
pub(super) struct Turn(Vec<Seat>);

/// A place in the line of one record.
struct Seat {
    turns: Arc<Lines>,
    place: Place,
    has_turn: Option<OwnedMutexGuard<()>>,
}

impl Lines {
    /// Whether there is a line at any record.
    pub fn somebody_waits(&self) -> bool {
        self.contended.load(Ordering::Acquire) > 0
    }

    /// Whether others wait for one of these records, and this turn is not at it.
    pub fn is_contended(&self, places: &BTreeSet<Place>, held: &Turn) -> bool {
        let lines = self.lock();
        places.iter().any(|place| lines.contains_key(place) && !held.is_at(place))
    }

    /// Waits for the turn at all these records and at those of the turn that is held, which ends.
    /// In the order of their names: two that want the same ones never wait for each other.
    /// Contended if too many wait already.
    pub async fn wait(self: &Arc<Self>, mut places: BTreeSet<Place>, held: Turn) -> Result<Turn> {
        places.extend(held.0.iter().map(|seat| seat.place.clone()));
        drop(held);
        let mut turn = Turn::default();
        for place in places {
            let (mut seat, line) = self.line_up(place)?;
            seat.has_turn = Some(line.lock_owned().await);
            turn.0.push(seat);
        }
        Ok(turn)
    }

    fn line_up(self: &Arc<Self>, place: Place) -> Result<(Seat, Arc<tokio::sync::Mutex<()>>)> {
        let mut lines = self.lock();
        let line = lines.entry(place.clone()).or_default();
        if line.length >= MAX_WAITING {
            return Err(Error::contended());
        }
        line.length += 1;
        let turn = Arc::clone(&line.turn);
        self.contended.store(lines.len(), Ordering::Release);
        Ok((Seat { turns: Arc::clone(self), place, has_turn: None }, turn))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    fn is_at(&self, place: &Place) -> bool {
        self.0.iter().any(|seat| seat.place == *place)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.has_turn = None;
        let mut lines = self.turns.lock();
        if let Some(line) = lines.get_mut(&self.place) {
            line.length -= 1;
            if line.length == 0 {
                lines.remove(&self.place);
            }
        }
        self.turns.contended.store(lines.len(), Ordering::Release);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Sequence;
    use crate::store::Space;
    use futures_util::FutureExt;

    const POOL: PoolId = PoolId::new(1);

    fn at(pool: PoolId, names: &[&str]) -> BTreeSet<Place> {
        let mut changes = Changes::new();
        for name in names {
            changes.expect_version(Key::named(Space::Grant, name.as_bytes()), Sequence::new(1));
        }
        places(pool, &changes)
    }

    #[tokio::test]
    async fn who_comes_first_has_the_first_turn_and_lines_go_with_the_last() {
        let turns = Arc::new(Lines::default());
        let at_a = || at(POOL, &["a"]);
        assert!(!turns.is_contended(&at(POOL, &["a"]), &Turn::default()));
        let first = turns.wait(at_a(), Turn::default()).await.unwrap();
        assert!(turns.is_contended(&at(POOL, &["b", "a"]), &Turn::default()));
        assert!(!turns.is_contended(&at(POOL, &["a"]), &first), "one does not wait for oneself");
        assert!(!turns.is_contended(&at(POOL, &["b"]), &Turn::default()));
        assert!(!turns.is_contended(&at(PoolId::new(2), &["a"]), &Turn::default()), "another pool's record is another");
        let mut second = Box::pin(turns.wait(at_a(), Turn::default()));
        let mut third = Box::pin(turns.wait(at_a(), Turn::default()));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none());
        let second = second.now_or_never().unwrap().unwrap();
        // Who goes away while waiting is no longer waited for.
        drop(third);
        drop(second);
        assert!(turns.lock().is_empty());
        assert!(!turns.is_contended(&at(POOL, &["a"]), &Turn::default()));
    }

    #[tokio::test]
    async fn two_that_want_the_same_records_in_another_order_do_not_wait_for_each_other() {
        let turns = Arc::new(Lines::default());
        let at_b = turns.wait(at(POOL, &["b"]), Turn::default()).await.unwrap();
        let mut both = Box::pin(turns.wait(at(POOL, &["b", "a"]), Turn::default()));
        assert!((&mut both).now_or_never().is_none());
        // It wants "a" too, which the other has by now: it gives "b" back first.
        let mut later = Box::pin(turns.wait(at(POOL, &["a"]), at_b));
        assert!((&mut later).now_or_never().is_none());
        let both = both.now_or_never().unwrap().unwrap();
        assert_eq!(both.0.len(), 2);
        drop(both);
        assert_eq!(later.now_or_never().unwrap().unwrap().0.len(), 2);
    }

    #[tokio::test]
    async fn a_line_is_not_endless() {
        let turns = Arc::new(Lines::default());
        let place = at(POOL, &["a"]).pop_first().unwrap();
        let seats: Vec<_> = (0..MAX_WAITING).map(|_| turns.line_up(place.clone()).unwrap()).collect();
        assert!(turns.wait(BTreeSet::from([place.clone()]), Turn::default()).await.is_err());
        drop(seats);
        assert!(turns.wait(BTreeSet::from([place]), Turn::default()).await.is_ok());
    }
}
