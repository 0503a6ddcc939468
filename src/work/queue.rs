//! The waiting jobs: pools take turns, and within a pool its addresses do. Those who are known there
//! have every second turn among themselves: however many strangers come from however many addresses,
//! whoever has shown before who they are stands in a line of their own.
//!
//! An address has so many places at one pool and so many at all of them together. Nobody is kept
//! out by those who fill the line of a pool, or that of all pools: whoever has an equal share of it
//! is refused, and for somebody else the newest job of the address that has the most gives way: a
//! stranger's wherever one waits, if it is for somebody who is known. So does one of their own
//! address where that has its places: many can stand behind one. Work that comes from no address,
//! the operator's and the server's own, is known and never gives way.

use super::Caller;
use crate::model::PoolId;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// How many jobs may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Of one pool. When they are taken, somebody who has fewer of them than another displaces a
    /// job of that one.
    pub per_pool: usize,
    /// Of one address at one pool. Work that comes from no address is not bounded by it.
    pub per_address: usize,
    /// Of one address at all pools together.
    pub per_address_overall: usize,
}

/// Jobs in fair order. A pool has a place among the turns exactly while it has a job waiting.
pub(super) struct Queue<J> {
    pools: HashMap<PoolId, Lines<J>>,
    turns: VecDeque<PoolId>,
    /// How many jobs of each address wait.
    addresses: HashMap<IpAddr, usize>,
    waiting: usize,
    places: Places,
    total: usize,
}

/// The jobs of one pool.
struct Lines<J> {
    strangers: Line<J>,
    known: Line<J>,
    /// Whether the last turn was of a stranger.
    was_strangers: bool,
}

/// Jobs of which an address has a place among the turns exactly while it has one waiting.
struct Line<J> {
    jobs: HashMap<Option<IpAddr>, VecDeque<J>>,
    turns: VecDeque<Option<IpAddr>>,
    waiting: usize,
}

/// Which queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// That of the address.
    Address,
    /// That of the pool.
    Pool,
    /// All of them together.
    Total,
}

impl<J> Queue<J> {
    pub(super) fn new(places: Places, total: usize) -> Self {
        let Places { per_pool, per_address, per_address_overall } = places;
        let places = Places { per_pool: per_pool.max(1), per_address: per_address.max(1), per_address_overall: per_address_overall.max(1) };
        Self { pools: HashMap::new(), turns: VecDeque::new(), addresses: HashMap::new(), waiting: 0, places, total }
    }

    /// Puts a job at the end of its address's queue. Answers with the job that gave way to it, if
    /// there was no other place.
    pub(super) fn push(&mut self, caller: Caller, job: J) -> Result<Option<J>, Full> {
        let evicted = match caller.address.filter(|address| self.has_its_places(caller.pool, *address)) {
            Some(address) => Some(self.take_of_address(caller, address).ok_or(Full::Address)?),
            None => self.make_room(caller)?,
        };
        let lines = self.pools.entry(caller.pool).or_default();
        if lines.waiting() == 0 {
            self.turns.push_back(caller.pool);
        }
        lines.of(caller.is_known).push(caller.address, job);
        if let Some(address) = caller.address {
            *self.addresses.entry(address).or_default() += 1;
        }
        self.waiting += 1;
        Ok(evicted)
    }

    /// Whether an address has as many jobs waiting as it may.
    fn has_its_places(&self, pool: PoolId, address: IpAddr) -> bool {
        let at_pool = self.pools.get(&pool).map_or(0, |lines| lines.waiting_from(address));
        self.share(address) >= self.places.per_address_overall || at_pool >= self.places.per_address
    }

    /// Takes a job away that a stranger asked for from the address of somebody who is known. Answers
    /// with it.
    fn take_of_address(&mut self, caller: Caller, address: IpAddr) -> Option<J> {
        let lines = self.pools.get(&caller.pool).filter(|lines| caller.is_known && lines.strangers.waiting_from(address) > 0);
        lines.is_some().then(|| self.evict(caller.pool, address))?
    }

    /// Takes a job away where a line is full. Answers with it.
    fn make_room(&mut self, caller: Caller) -> Result<Option<J>, Full> {
        let overall = match self.waiting >= self.total {
            true => {
                let shares = self.addresses.iter().map(|(address, count)| (*address, *count));
                Some(gives_way(shares, caller.address.map(|address| self.share(address))).ok_or(Full::Total)?)
            }
            false => None,
        };
        let lines = self.pools.get(&caller.pool).filter(|lines| lines.waiting() >= self.places.per_pool);
        // A place that is made at the pool is one among all, too.
        let (pool, address) = match (lines, overall) {
            (Some(lines), _) => (caller.pool, lines.gives_way(caller, self.places.per_pool).ok_or(Full::Pool)?),
            (None, Some(address)) => (self.longest_of(address).ok_or(Full::Total)?, address),
            (None, None) => return Ok(None),
        };
        Ok(self.evict(pool, address))
    }

    /// How many jobs of an address wait.
    fn share(&self, address: IpAddr) -> usize {
        self.addresses.get(&address).copied().unwrap_or(0)
    }

    /// The pool at which an address has the most waiting.
    fn longest_of(&self, address: IpAddr) -> Option<PoolId> {
        self.pools.iter().max_by_key(|(_, lines)| lines.waiting_from(address)).map(|(pool, _)| *pool)
    }

    /// Takes away the newest job of an address at a pool.
    fn evict(&mut self, pool: PoolId, address: IpAddr) -> Option<J> {
        let lines = self.pools.get_mut(&pool)?;
        let job = lines.take_newest(address)?;
        if lines.waiting() == 0 {
            self.pools.remove(&pool);
            self.turns.retain(|turn| *turn != pool);
        }
        self.forget(Some(address));
        Some(job)
    }

    fn forget(&mut self, address: Option<IpAddr>) {
        self.waiting -= 1;
        let Some(address) = address else { return };
        if let Some(count) = self.addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&address);
            }
        }
    }

    /// Takes the first job of the address whose turn it is at the pool whose turn it is; their next
    /// turns come after all others'.
    pub(super) fn pop(&mut self) -> Option<J> {
        let pool = self.turns.pop_front()?;
        let lines = self.pools.get_mut(&pool)?;
        let (address, job) = lines.pop()?;
        if lines.waiting() == 0 {
            self.pools.remove(&pool);
        } else {
            self.turns.push_back(pool);
        }
        self.forget(address);
        Some(job)
    }

    /// How many jobs wait.
    pub(super) const fn len(&self) -> usize {
        self.waiting
    }

    /// Drops all jobs.
    pub(super) fn clear(&mut self) {
        self.pools.clear();
        self.turns.clear();
        self.addresses.clear();
        self.waiting = 0;
    }
}

impl<J> Default for Lines<J> {
    fn default() -> Self {
        Self { strangers: Line::default(), known: Line::default(), was_strangers: false }
    }
}

impl<J> Lines<J> {
    const fn waiting(&self) -> usize {
        self.strangers.waiting + self.known.waiting
    }

    fn waiting_from(&self, address: IpAddr) -> usize {
        self.strangers.waiting_from(address) + self.known.waiting_from(address)
    }

    const fn of(&mut self, is_known: bool) -> &mut Line<J> {
        if is_known { &mut self.known } else { &mut self.strangers }
    }

    /// Whose newest job gives way to a caller: a stranger's, if there is one who has enough. Those
    /// who are known give way to one another, and to strangers who have less than half of so many
    /// places.
    fn gives_way(&self, caller: Caller, places: usize) -> Option<IpAddr> {
        let had = |line: &Line<J>| caller.address.map(|address| line.waiting_from(address));
        let of_strangers = if caller.is_known { None } else { had(&self.strangers) };
        let stranger = gives_way(self.strangers.shares(), of_strangers);
        if stranger.is_some() || !caller.is_known && self.strangers.waiting >= places / 2 {
            return stranger;
        }
        gives_way(self.known.shares(), had(&self.known))
    }

    fn take_newest(&mut self, address: IpAddr) -> Option<J> {
        self.strangers.take_newest(address).or_else(|| self.known.take_newest(address))
    }

    fn pop(&mut self) -> Option<(Option<IpAddr>, J)> {
        let of_known = (self.was_strangers || self.strangers.waiting == 0) && self.known.waiting > 0;
        self.was_strangers = !of_known;
        self.of(of_known).pop()
    }
}

impl<J> Default for Line<J> {
    fn default() -> Self {
        Self { jobs: HashMap::new(), turns: VecDeque::new(), waiting: 0 }
    }
}

impl<J> Line<J> {
    fn waiting_from(&self, address: IpAddr) -> usize {
        self.jobs.get(&Some(address)).map_or(0, VecDeque::len)
    }

    /// How many jobs of each address wait.
    fn shares(&self) -> impl Iterator<Item = (IpAddr, usize)> {
        self.jobs.iter().filter_map(|(address, jobs)| Some(((*address)?, jobs.len())))
    }

    fn push(&mut self, address: Option<IpAddr>, job: J) {
        let jobs = self.jobs.entry(address).or_default();
        if jobs.is_empty() {
            self.turns.push_back(address);
        }
        jobs.push_back(job);
        self.waiting += 1;
    }

    fn take_newest(&mut self, address: IpAddr) -> Option<J> {
        let address = Some(address);
        let jobs = self.jobs.get_mut(&address)?;
        let job = jobs.pop_back()?;
        if jobs.is_empty() {
            self.jobs.remove(&address);
            self.turns.retain(|turn| *turn != address);
        }
        self.waiting -= 1;
        Some(job)
    }

    fn pop(&mut self) -> Option<(Option<IpAddr>, J)> {
        let address = self.turns.pop_front()?;
        let jobs = self.jobs.get_mut(&address)?;
        let job = jobs.pop_front()?;
        if jobs.is_empty() {
            self.jobs.remove(&address);
        } else {
            self.turns.push_back(address);
        }
        self.waiting -= 1;
        Some((address, job))
    }
}

/// Whose newest job gives way to a caller who has so many: that of the address that has the most,
/// if it has no fewer than the caller even then. To whoever is not counted, any gives way.
fn gives_way(shares: impl Iterator<Item = (IpAddr, usize)>, caller: Option<usize>) -> Option<IpAddr> {
    let (address, most) = shares.max_by_key(|(_, count)| *count)?;
    caller.is_none_or(|had| most > had + 1).then_some(address)
}

#[cfg(test)]
mod tests;
