//! Turns: attempts on the same entry are decided one after the other, so that a hundred wrong
//! guesses at once do not fight over one record.
//!
//! The store alone makes the count right, also with several servers; this only spares the retries
//! within one.

use crate::model::{EntryId, PoolId};
use tokio::sync::{Mutex, MutexGuard};

/// Attempts that can be decided at the same time at most; two entries seldom share a place.
const PLACES: usize = 1024;

/// The places where attempts wait for their turn.
pub struct Turns(Vec<Mutex<()>>);

impl Turns {
    /// Nobody waits.
    pub fn new() -> Self {
        Self((0..PLACES).map(|_| Mutex::new(())).collect())
    }

    /// Waits for the turn of that entry; it ends when the guard is dropped.
    pub async fn wait(&self, pool: PoolId, entry: EntryId) -> Option<MutexGuard<'_, ()>> {
        let mixed = (u64::from(pool.get()) << 32 ^ entry.get()).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let place = usize::try_from(mixed >> 54).unwrap_or_default() % PLACES;
        match self.0.get(place) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self::new()
    }
}
