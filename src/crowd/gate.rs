//! A bounded number of places for what strangers begin: connections, or requests that are let in.
//!
//! Whoever has one is restless until they have settled: until they have bound, or until all of
//! their request is here. To be restless costs nothing, so there is always a place for one more:
//! the oldest of the restless gives way, those of large networks first. Who has settled stays; of
//! them there may be fewer than there are places, and for one more the newest of those gives way of
//! whom there are most: of the pool, then of the network within it.

use crate::model::PoolId;
use crate::model::address::{networks, subscriber};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// How many of the oldest are compared when one of the restless has to go.
const COMPARED: usize = 128;

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// In all.
    pub all: usize,
    /// For one network address.
    pub per_address: usize,
    /// For those who have settled.
    pub settled: usize,
    /// Whoever has fewer than this comes beside, where all places are taken by those who have
    /// settled.
    pub few: usize,
}

impl Room {
    /// So many places, which all can be settled in.
    pub const fn new(all: usize, per_address: usize) -> Self {
        Self { all, per_address, settled: all, few: 0 }
    }

    /// An eighth of it is for newcomers: where those who settle stay for long, others have to get
    /// as far as that.
    #[must_use]
    pub const fn with_newcomers(self) -> Self {
        let settled = self.all - self.all / 8;
        Self { settled, ..self }
    }

    /// The same room, with so few for each address beside.
    #[must_use]
    pub const fn beside(self, few: usize) -> Self {
        Self { few, ..self }
    }
}

/// Keeps count of the places.
pub struct Gate {
    room: Room,
    state: Mutex<State>,
    refused: AtomicU64,
    displaced: AtomicU64,
}

#[derive(Default)]
struct State {
    holders: HashMap<u64, Holder>,
    /// Those who have not settled, the oldest first.
    restless: BTreeMap<u64, u64>,
    /// How many of them come from one network, as wide as anybody has them.
    networks: Counts<IpAddr>,
    addresses: HashMap<IpAddr, Line>,
    settled: usize,
    /// Counts whatever happens, as the order in which it does.
    now: u64,
}

/// Somebody who has a place.
struct Holder {
    /// None where many stand behind one address: they are not counted by it.
    address: Option<IpAddr>,
    /// Since when they are restless, or settled.
    since: u64,
    /// How often they have settled, for whom.
    settled: Option<(usize, Option<PoolId>)>,
    goes: CancellationToken,
}

/// The places of one address.
#[derive(Default)]
struct Line {
    all: usize,
    restless: BTreeMap<u64, u64>,
}

/// How many there are of each.
struct Counts<K>(HashMap<K, usize>);

/// A place, given back when dropped.
pub struct Pass {
    guest: Guest,
    goes: CancellationToken,
}

/// Whoever has a place, as known to those who serve them.
#[derive(Clone)]
pub struct Guest {
    gate: Arc<Gate>,
    number: u64,
}

/// Somebody who has settled, until this is dropped.
pub struct Settled(Guest);

impl Gate {
    /// Nobody has a place yet.
    pub fn new(room: Room) -> Arc<Self> {
        Arc::new(Self { room, state: Mutex::default(), refused: AtomicU64::new(0), displaced: AtomicU64::new(0) })
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.lock().holders.len()
    }

    /// How many found no place.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many gave way.
    pub fn displaced(&self) -> u64 {
        self.displaced.load(Ordering::Relaxed)
    }

    /// A place for somebody from that address, if there is one. Without an address it is one of
    /// many behind the same, who is not counted by it and never gives way.
    pub fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Pass> {
        let address = address.map(subscriber);
        let mut state = self.lock();
        if !self.has_place(&mut state, address) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let (number, goes) = (state.tick(), CancellationToken::new());
        state.holders.insert(number, Holder { address, since: number, settled: None, goes: goes.clone() });
        if let Some(address) = address {
            state.addresses.entry(address).or_default().all += 1;
            state.unsettle(number);
        }
        Some(Pass { guest: Guest { gate: Arc::clone(self), number }, goes })
    }

    /// Whether there is a place, if need be one that somebody else has had.
    fn has_place(&self, state: &mut State, address: Option<IpAddr>) -> bool {
        let line = address.and_then(|address| state.addresses.get(&address));
        let (of_address, oldest) = line.map_or((0, None), |line| (line.all, line.restless.values().next().copied()));
        let is_full = state.holders.len() >= self.room.all;
        if of_address >= self.room.per_address {
            return oldest.is_some_and(|oldest| self.displace(state, oldest));
        }
        if !is_full {
            return true;
        }
        state.most_restless().is_some_and(|number| self.displace(state, number)) || (address.is_some() && of_address < self.room.few)
    }

    /// Takes a place from whoever has it.
    fn displace(&self, state: &mut State, number: u64) -> bool {
        let Some(holder) = state.remove(number) else { return false };
        holder.goes.cancel();
        self.displaced.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// Completes when the place is another's.
    pub async fn displaced(&self) {
        self.goes.cancelled().await;
    }

    /// Who has the place.
    pub fn guest(&self) -> Guest {
        self.guest.clone()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // Whoever gave way has none any more.
        self.guest.gate.lock().remove(self.guest.number);
    }
}

impl Guest {
    /// They settle: for a pool if they have shown that they belong to it.
    pub fn settle(&self, pool: Option<PoolId>) -> Settled {
        let mut state = self.gate.lock();
        state.settle(self.number, pool);
        if state.settled > self.gate.room.settled
            && let Some(number) = state.heaviest()
        {
            self.gate.displace(&mut state, number);
        }
        drop(state);
        Settled(self.clone())
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        self.0.gate.lock().unsettle_once(self.0.number);
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn settle(&mut self, number: u64, pool: Option<PoolId>) {
        let now = self.tick();
        let Some(holder) = self.holders.get_mut(&number) else { return };
        let Some(address) = holder.address else { return };
        if let Some((times, of)) = &mut holder.settled {
            *times += 1;
            *of = pool.or(*of);
            return;
        }
        let since = std::mem::replace(&mut holder.since, now);
        holder.settled = Some((1, pool));
        self.settled += 1;
        self.calm(address, since);
    }

    fn unsettle_once(&mut self, number: u64) {
        let Some(Holder { settled: Some((times, _)), .. }) = self.holders.get_mut(&number) else { return };
        *times -= 1;
        if *times == 0 {
            self.settled -= 1;
            self.unsettle(number);
        }
    }

    /// From now on they are restless.
    fn unsettle(&mut self, number: u64) {
        let now = self.tick();
        let Some(holder) = self.holders.get_mut(&number) else { return };
        let Some(address) = holder.address else { return };
        (holder.since, holder.settled) = (now, None);
        self.restless.insert(now, number);
        self.networks.add(widest(address));
        self.addresses.entry(address).or_default().restless.insert(now, number);
    }

    /// Whoever was restless since then is so no longer.
    fn calm(&mut self, address: IpAddr, since: u64) {
        self.restless.remove(&since);
        self.networks.remove(&widest(address));
        if let Some(line) = self.addresses.get_mut(&address) {
            line.restless.remove(&since);
        }
    }

    fn remove(&mut self, number: u64) -> Option<Holder> {
        let holder = self.holders.remove(&number)?;
        if let Some(address) = holder.address {
            match holder.settled {
                Some(_) => self.settled -= 1,
                None => self.calm(address, holder.since),
            }
            if let Some(line) = self.addresses.get_mut(&address) {
                line.all -= 1;
                if line.all == 0 {
                    self.addresses.remove(&address);
                }
            }
        }
        Some(holder)
    }

    /// Of the oldest who have not settled, the oldest one of the network that has most.
    fn most_restless(&self) -> Option<u64> {
        let weight = |number: &u64| {
            let address = self.holders.get(number).and_then(|holder| holder.address);
            address.map_or(0, |address| self.networks.of(&widest(address)))
        };
        // Of several that weigh the same, the last one is taken.
        self.restless.values().take(COMPARED).rev().max_by_key(|number| weight(number)).copied()
    }

    /// Of those who have settled, the newest of the network that has most, within the pool that has
    /// most.
    fn heaviest(&self) -> Option<u64> {
        let settled = self.holders.iter().filter_map(|(number, holder)| {
            let (_, pool) = holder.settled?;
            Some((*number, holder.since, pool, networks(holder.address?)))
        });
        let mut left: Vec<_> = settled.collect();
        keep_most(&mut left, |(_, since, pool, _)| (*pool, *since));
        for width in 0..networks(IpAddr::from([0; 4])).len() {
            keep_most(&mut left, |(_, since, _, networks)| (networks.get(width).copied(), *since));
        }
        left.iter().max_by_key(|(_, since, ..)| *since).map(|(number, ..)| *number)
    }
}

/// Keeps those of the largest group; of several, of the one that has the newest.
fn keep_most<T, K: Eq + Hash + Copy>(all: &mut Vec<T>, group: impl Fn(&T) -> (K, u64)) {
    let mut groups = HashMap::<K, (usize, u64)>::new();
    for (key, since) in all.iter().map(&group) {
        let (count, newest) = groups.entry(key).or_default();
        (*count, *newest) = (*count + 1, since.max(*newest));
    }
    let most = groups.into_iter().max_by_key(|(_, size)| *size).map(|(key, _)| key);
    all.retain(|one| Some(group(one).0) == most);
}

/// The widest network that one subscriber may have.
fn widest(address: IpAddr) -> IpAddr {
    let [widest, ..] = networks(address);
    widest
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Counts<K> {
    fn of(&self, key: &K) -> usize {
        self.0.get(key).copied().unwrap_or(0)
    }

    fn add(&mut self, key: K) {
        *self.0.entry(key).or_default() += 1;
    }

    fn remove(&mut self, key: &K) {
        if let Some(count) = self.0.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(key);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
