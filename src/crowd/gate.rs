//! A bounded number of places for what strangers begin: connections, and requests that are let in.
//!
//! A stranger costs nothing, so for one more there is always a place, that of another stranger for
//! whom nothing is done: of the older half of those, the oldest of the network that has most there.
//! Where something is done for nearly all of them, it is the newest of the network that has most.
//!
//! Whoever has shown who they are settles, and gives way to no stranger. Of those there may be
//! fewer than there are places; for one more the newest gives way of the pool that has most, then
//! of whoever in it has most, then of the network that they have most from.

mod halves;
mod holders;
mod ranks;

use crate::model::{EntryId, PoolId};
use holders::Holders;
use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// In all.
    pub places: usize,
    /// For the strangers of one network address, and for those from it who have settled for one
    /// pool.
    pub per_address: usize,
}

impl Room {
    /// What is left to newcomers: they have to get as far as having something done for them, and to
    /// settle.
    const fn newcomers(self) -> usize {
        self.places / 8
    }

    /// How many may have lost their place and be there still before newcomers wait for them to go:
    /// so many can come at a time.
    pub const fn leaving(self) -> usize {
        match self.places {
            0..64 => self.places,
            64..512 => 64,
            _ => self.places / 8,
        }
    }
}

/// Keeps count of the places.
pub struct Gate {
    room: Room,
    holders: Mutex<Holders>,
    refused: AtomicU64,
    displaced: AtomicU64,
    /// How many have lost their place and are there still.
    leaving: AtomicUsize,
}

/// Whoever has a place, until this and all that was cloned of it is dropped.
#[derive(Clone)]
pub struct Guest(Arc<Presence>);

struct Presence {
    gate: Arc<Gate>,
    number: u64,
    goes: CancellationToken,
}

/// Something is done for them, until this is dropped.
pub struct Busy(Guest);

/// They have settled, until this is dropped.
pub struct Settled(Guest);

impl Gate {
    /// Nobody has a place yet.
    pub fn new(room: Room) -> Arc<Self> {
        let (refused, displaced, leaving) = Default::default();
        Arc::new(Self { room, holders: Mutex::default(), refused, displaced, leaving })
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.holders().len()
    }

    /// How many found no place.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many gave way.
    pub fn displaced(&self) -> u64 {
        self.displaced.load(Ordering::Relaxed)
    }

    /// Whether so many have given way as may be there still.
    pub fn many_leave(&self) -> bool {
        self.leaving.load(Ordering::Relaxed) >= self.room.leaving()
    }

    /// A place for somebody from that address, if there is one. Without an address they are one of
    /// many behind the same, and are not counted by it.
    pub fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Guest> {
        let mut holders = self.holders();
        if !self.make_place(&mut holders, address) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let goes = CancellationToken::new();
        let number = holders.add(address, goes.clone());
        Some(Guest(Arc::new(Presence { gate: Arc::clone(self), number, goes })))
    }

    /// Sees that there is a place, if need be one that somebody else has had.
    fn make_place(&self, holders: &mut Holders, address: Option<IpAddr>) -> bool {
        let leaves = match address {
            Some(address) if holders.strangers_of(address) >= self.room.per_address => holders.oldest_of(address),
            _ if holders.len() < self.room.places => return true,
            _ if holders.restless() < self.room.newcomers() => holders.most_busy().or_else(|| holders.most_restless()),
            _ => holders.most_restless(),
        };
        leaves.is_some_and(|number| self.displace(holders, number))
    }

    fn displace(&self, holders: &mut Holders, number: u64) -> bool {
        let Some(goes) = holders.remove(number) else { return false };
        self.displaced.fetch_add(1, Ordering::Relaxed);
        self.leaving.fetch_add(1, Ordering::Relaxed);
        goes.cancel();
        true
    }

    fn holders(&self) -> MutexGuard<'_, Holders> {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// Completes when the place is another's, unless something else ends then ([`Self::goes_with`]).
    pub fn displaced(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.goes.clone().cancelled_owned()
    }

    /// When the place is another's, that ends instead. Whether it is theirs still.
    pub fn goes_with(&self, other: &CancellationToken) -> bool {
        self.gate().holders().go_with(self.0.number, other)
    }

    /// Something is done for them: strangers for whom nothing is done give way first.
    pub fn busy(&self) -> Busy {
        self.gate().holders().begin_work(self.0.number);
        Busy(self.clone())
    }

    /// They have shown who they are.
    pub fn settle(&self, pool: PoolId, entry: EntryId) -> Settled {
        let (gate, number) = (self.gate(), self.0.number);
        let mut holders = gate.holders();
        if let Some(address) = holders.settle(number, pool, entry) {
            if holders.settled_of(pool, address) > gate.room.per_address {
                gate.displace(&mut holders, number);
            } else if holders.settled() + gate.room.newcomers() > gate.room.places
                && let Some(number) = holders.most_settled()
            {
                gate.displace(&mut holders, number);
            }
        }
        drop(holders);
        Settled(self.clone())
    }

    fn gate(&self) -> &Gate {
        &self.0.gate
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.gate.holders().remove(self.number).is_none() {
            // It was given to somebody else already.
            self.gate.leaving.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.gate().holders().end_work(self.0.0.number);
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        self.0.gate().holders().unsettle(self.0.0.number);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
