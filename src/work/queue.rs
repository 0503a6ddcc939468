//! The waiting jobs: pools take turns, and within a pool its addresses do. Those who are known there
//! have every second turn among themselves: however many strangers come from however many addresses,
//! whoever has shown before who they are stands in a line of their own.
//!
//! An address has so many places at one pool and so many at all of them together. Nobody is kept
//! out by those who fill the line of a pool, or that of all pools: whoever has an equal share of it
//! is refused, and for somebody else the newest job of the address that has the most gives way: a
//! stranger's wherever one waits, if it is for somebody who is known; one of somebody who is known
//! to a stranger only where strangers have less than half. Where an address has its places, a
//! stranger's there gives way to somebody who is known: many can stand behind one address. Work that
//! comes from no address, the operator's and the server's own, is known and never gives way.

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
    addresses: HashMap<IpAddr, Count>,
    strangers: usize,
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

/// How many jobs wait that come from an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    strangers: usize,
    known: usize,
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
        Self { pools: HashMap::new(), turns: VecDeque::new(), addresses: HashMap::new(), strangers: 0, waiting: 0, places, total }
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
            *self.addresses.entry(address).or_default().of(caller.is_known) += 1;
        }
        self.strangers += usize::from(!caller.is_known);
        self.waiting += 1;
        Ok(evicted)
    }

    /// Whether an address has as many jobs waiting as it may.
    fn has_its_places(&self, pool: PoolId, address: IpAddr) -> bool {
        self.share(address).all() >= self.places.per_address_overall || self.has_its_places_at(pool, address)
    }

    fn has_its_places_at(&self, pool: PoolId, address: IpAddr) -> bool {
        self.pools.get(&pool).is_some_and(|lines| lines.share(address).all() >= self.places.per_address)
    }

    /// Takes a job away that a stranger asked for from the address of somebody who is known. Answers
    /// with it.
    fn take_of_address(&mut self, caller: Caller, address: IpAddr) -> Option<J> {
        let here = self.pools.get(&caller.pool);
        let is_full_here =
            here.is_some_and(|lines| lines.waiting() >= self.places.per_pool) || self.has_its_places_at(caller.pool, address);
        let has_strangers = |lines: &Lines<J>| lines.share(address).strangers > 0;
        let pool = match here.is_some_and(has_strangers) || is_full_here {
            true => caller.pool,
            false => self.pool_of_most(address, |share| share.strangers)?,
        };
        let may = caller.is_known && self.pools.get(&pool).is_some_and(has_strangers);
        may.then(|| self.evict(pool, address))?
    }

    /// Takes a job away where a line is full. Answers with it.
    fn make_room(&mut self, caller: Caller) -> Result<Option<J>, Full> {
        let overall = match self.waiting >= self.total {
            true => Some(self.gives_way(caller).ok_or(Full::Total)?),
            false => None,
        };
        let lines = self.pools.get(&caller.pool).filter(|lines| lines.waiting() >= self.places.per_pool);
        // A place that is made at the pool is one among all, too.
        let (pool, address) = match (lines, overall) {
            (Some(lines), _) => (caller.pool, lines.gives_way(caller, self.places.per_pool).ok_or(Full::Pool)?),
            (None, Some(address)) => (self.pool_of_most_to_give(address).ok_or(Full::Total)?, address),
            (None, None) => return Ok(None),
        };
        Ok(self.evict(pool, address))
    }

    /// Whose newest job gives way to a caller where the line of all pools is full.
    fn gives_way(&self, caller: Caller) -> Option<IpAddr> {
        let shares = || self.addresses.iter().map(|(address, share)| (*address, *share));
        let strangers = shares().map(|(address, share)| (address, share.strangers));
        let known = shares().map(|(address, share)| (address, share.known));
        let share = caller.address.map(|address| self.share(address)).unwrap_or_default();
        gives_way(caller, share, strangers, known, self.strangers >= self.total / 2)
    }

    /// How many jobs of an address wait.
    fn share(&self, address: IpAddr) -> Count {
        self.addresses.get(&address).copied().unwrap_or_default()
    }

    /// The pool at which an address has the most strangers' jobs waiting, or else the most jobs.
    fn pool_of_most_to_give(&self, address: IpAddr) -> Option<PoolId> {
        self.pool_of_most(address, |share| share.strangers).or_else(|| self.pool_of_most(address, |share| share.known))
    }

    fn pool_of_most(&self, address: IpAddr, of: impl Fn(Count) -> usize) -> Option<PoolId> {
        let shares = self.pools.iter().map(|(pool, lines)| (*pool, of(lines.share(address))));
        shares.filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count).map(|(pool, _)| pool)
    }

    /// Takes away the newest job of an address at a pool, a stranger's if there is one.
    fn evict(&mut self, pool: PoolId, address: IpAddr) -> Option<J> {
        let lines = self.pools.get_mut(&pool)?;
        let is_known = lines.share(address).strangers == 0;
        let job = lines.of(is_known).take_newest(address)?;
        if lines.waiting() == 0 {
            self.pools.remove(&pool);
            self.turns.retain(|turn| *turn != pool);
        }
        self.forget(Some(address), is_known);
        Some(job)
    }

    fn forget(&mut self, address: Option<IpAddr>, is_known: bool) {
        self.waiting -= 1;
        self.strangers -= usize::from(!is_known);
        let Some(address) = address else { return };
        if let Some(share) = self.addresses.get_mut(&address) {
            *share.of(is_known) -= 1;
            if share.all() == 0 {
                self.addresses.remove(&address);
            }
        }
    }

    /// Takes the first job of the address whose turn it is at the pool whose turn it is; their next
    /// turns come after all others'.
    pub(super) fn pop(&mut self) -> Option<J> {
        let pool = self.turns.pop_front()?;
        let lines = self.pools.get_mut(&pool)?;
        let (address, is_known, job) = lines.pop()?;
        if lines.waiting() == 0 {
            self.pools.remove(&pool);
        } else {
            self.turns.push_back(pool);
        }
        self.forget(address, is_known);
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
        (self.strangers, self.waiting) = (0, 0);
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

    fn share(&self, address: IpAddr) -> Count {
        Count { strangers: self.strangers.waiting_from(address), known: self.known.waiting_from(address) }
    }

    const fn of(&mut self, is_known: bool) -> &mut Line<J> {
        if is_known { &mut self.known } else { &mut self.strangers }
    }

    /// Whose newest job gives way to a caller where the line is full: it has so many places.
    fn gives_way(&self, caller: Caller, places: usize) -> Option<IpAddr> {
        let share = caller.address.map(|address| self.share(address)).unwrap_or_default();
        gives_way(caller, share, self.strangers.shares(), self.known.shares(), self.strangers.waiting >= places / 2)
    }

    fn pop(&mut self) -> Option<(Option<IpAddr>, bool, J)> {
        let is_known = (self.was_strangers || self.strangers.waiting == 0) && self.known.waiting > 0;
        self.was_strangers = !is_known;
        let (address, job) = self.of(is_known).pop()?;
        Some((address, is_known, job))
    }
}

impl Count {
    const fn all(self) -> usize {
        self.strangers + self.known
    }

    const fn of(&mut self, is_known: bool) -> &mut usize {
        if is_known { &mut self.known } else { &mut self.strangers }
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

/// Whose newest job gives way to a caller in a full line of which their address has that share: a
/// stranger's, if there is one who has enough. Those who are known give way to one another, and to
/// strangers who do not have their half.
fn gives_way(
    caller: Caller,
    share: Count,
    strangers: impl Iterator<Item = (IpAddr, usize)>,
    known: impl Iterator<Item = (IpAddr, usize)>,
    strangers_have_half: bool,
) -> Option<IpAddr> {
    let stranger = who_has_more_than((!caller.is_known).then_some(share.strangers), strangers);
    if stranger.is_some() || !caller.is_known && strangers_have_half {
        return stranger;
    }
    let had = if caller.is_known { share.known } else { share.all() };
    who_has_more_than(caller.address.map(|_| had), known)
}

/// The address that has the most, if it has no fewer than a caller who has so many even when it has
/// given one to them. To whoever is not counted, any gives one.
fn who_has_more_than(had: Option<usize>, shares: impl Iterator<Item = (IpAddr, usize)>) -> Option<IpAddr> {
    let (address, most) = shares.filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count)?;
    had.is_none_or(|had| most > had + 1).then_some(address)
}

#[cfg(test)]
mod tests;
