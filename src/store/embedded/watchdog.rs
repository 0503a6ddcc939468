//! Sees to it that nobody waits for ever: the engine's flush can, after a write of its log has
//! failed in another thread, and a disk can that no longer answers.
//!
//! The committer works in turns. A thread looks at them [`LOOKS`] times within the deadline; when
//! it has met the same turn that often, the store stops, and those who wait are told why. It counts
//! looks and not the clock, so a machine that was suspended does not stop its stores.

use super::shared::Shared;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Looks within a deadline.
const LOOKS: u32 = 8;

/// Whether the committer is at work, has ended, or is overdue.
#[derive(Default)]
pub(super) struct Turns {
    /// Odd while a turn lasts.
    number: AtomicU64,
    overdue: CancellationToken,
    /// Whether the committer has ended or will not be waited for.
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Turns {
    /// A turn, until what this gives is dropped.
    pub(super) fn begin(&self) -> Turn<'_> {
        self.number.fetch_add(1, Ordering::Relaxed);
        Turn(self)
    }

    /// A turn that comes forward has its whole time again.
    pub(super) fn come_forward(&self) {
        self.number.fetch_add(2, Ordering::Relaxed);
    }

    /// Comes when a turn was overdue.
    pub(super) async fn overdue(&self) {
        self.overdue.cancelled().await;
    }

    /// Says that there will be no more turns when what this gives is dropped.
    pub(super) const fn end_with(&self) -> End<'_> {
        End(self)
    }

    /// Waits for that. Tells whether the committer's thread has come to its end.
    pub(super) fn wait_for_end(&self) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(ended, |ended| !*ended));
        !self.overdue.is_cancelled()
    }
}

pub(super) struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.number.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) struct End<'a>(&'a Turns);

impl Drop for End<'_> {
    fn drop(&mut self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.changed.notify_all();
    }
}

/// What the looks have met.
#[derive(Default)]
struct Met {
    turn: u64,
    looks: u32,
}

impl Met {
    /// Whether a turn that was met now has lasted too long.
    fn is_overdue(&mut self, turn: u64) -> bool {
        self.looks = if turn == self.turn && turn % 2 == 1 { self.looks + 1 } else { 0 };
        self.turn = turn;
        self.looks >= LOOKS
    }
}

/// Watches the turns of a store until what this gives is dropped.
pub(super) fn watch(shared: Weak<Shared>, turns: Arc<Turns>, deadline: Duration) -> io::Result<Sender<()>> {
    let (end, ends) = channel();
    let watch = move || {
        let mut met = Met::default();
        while ends.recv_timeout(deadline / LOOKS) == Err(RecvTimeoutError::Timeout) {
            if met.is_overdue(turns.number.load(Ordering::Relaxed)) {
                let reason =
                    format!("the engine has not done a write within {deadline:?}; look at the disk under the data folder and start again");
                if let Some(shared) = shared.upgrade() {
                    let _ = shared.stop_unless::<()>(Err(reason));
                }
                turns.overdue.cancel();
                drop(turns.end_with());
                return;
            }
        }
    };
    thread::Builder::new().name("watchdog".into()).spawn(watch).map(|_| end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_overdue_when_it_was_met_too_often_and_no_other_is() {
        let mut met = Met::default();
        assert!((0..3 * LOOKS).all(|_| !met.is_overdue(0)), "nothing is done");
        assert!((0..3 * LOOKS).all(|_| !met.is_overdue(2)), "nothing is done any more");
        for turn in [3, 5] {
            assert!((0..LOOKS).all(|_| !met.is_overdue(turn)));
        }
        assert!(met.is_overdue(5));
        assert!(!met.is_overdue(6), "it has ended after all");
    }

    #[test]
    fn a_turn_that_comes_forward_has_its_whole_time_again() {
        let (turns, mut met) = (Turns::default(), Met::default());
        let mut look = || met.is_overdue(turns.number.load(Ordering::Relaxed));
        let turn = turns.begin();
        for _ in 0..3 {
            assert!((0..LOOKS).all(|_| !look()));
            turns.come_forward();
        }
        assert!((0..LOOKS).all(|_| !look()) && look());
        drop(turn);
        assert!(!look());
    }
}
