//! The waiting jobs: pools take turns, and within a pool its addresses do.
//!
//! An address has so many places at one pool and so many at all of them together. When the whole line is full, nobody is kept out by those who fill it: whoever has
//! more than an equal share of the places is refused, and for somebody else the newest job of the address that has the most gives way.

use super::Caller;
use crate::model::PoolId;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// How many jobs may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Of one pool.
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

/// The jobs of one pool. An address has a place among the turns exactly while it has a job waiting.
struct Lines<J> {
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

    /// Puts a job at the end of its address's queue. Answers with the job that gave way to it, if there was no other place.
    pub(super) fn push(&mut self, caller: Caller, job: J) -> Result<Option<J>, Full> {
        let had = caller.address.map_or(0, |address| self.addresses.get(&address).copied().unwrap_or(0));
        if had >= self.places.per_address_overall {
            return Err(Full::Address);
        }
        if let Some(lines) = self.pools.get(&caller.pool) {
            lines.has_place(caller.address, self.places)?;
        }
        let evicted = if self.waiting >= self.total { Some(self.evict_for(had)?) } else { None };
        let lines = self.pools.entry(caller.pool).or_default();
        if lines.waiting == 0 {
            self.turns.push_back(caller.pool);
        }
        lines.push(caller.address, job);
        if let Some(address) = caller.address {
            *self.addresses.entry(address).or_default() += 1;
        }
        self.waiting += 1;
        Ok(evicted)
    }

    /// Takes away the newest job of the address that has the most waiting, for one who has `had` of them: if that is fewer.
    fn evict_for(&mut self, had: usize) -> Result<J, Full> {
        let most = self.addresses.iter().max_by_key(|(_, count)| **count).filter(|(_, count)| **count > had + 1);
        let address = *most.ok_or(Full::Total)?.0;
        let longest = self.pools.iter().max_by_key(|(_, lines)| lines.waiting_from(address)).map(|(pool, _)| *pool);
        let (pool, lines) = longest.and_then(|pool| Some((pool, self.pools.get_mut(&pool)?))).ok_or(Full::Total)?;
        let job = lines.take_newest(address).ok_or(Full::Total)?;
        if lines.waiting == 0 {
            self.pools.remove(&pool);
            self.turns.retain(|turn| *turn != pool);
        }
        self.forget(Some(address));
        Ok(job)
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

    /// Takes the first job of the address whose turn it is at the pool whose turn it is; their next turns come after all others'.
    pub(super) fn pop(&mut self) -> Option<J> {
        let pool = self.turns.pop_front()?;
        let lines = self.pools.get_mut(&pool)?;
        let (address, job) = lines.pop()?;
        if lines.waiting == 0 {
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
        Self { jobs: HashMap::new(), turns: VecDeque::new(), waiting: 0 }
    }
}

impl<J> Lines<J> {
    fn has_place(&self, address: Option<IpAddr>, places: Places) -> Result<(), Full> {
        if self.waiting >= places.per_pool {
            return Err(Full::Pool);
        }
        match address {
            Some(address) if self.waiting_from(address) >= places.per_address => Err(Full::Address),
            _ => Ok(()),
        }
    }

    fn waiting_from(&self, address: IpAddr) -> usize {
        self.jobs.get(&Some(address)).map_or(0, VecDeque::len)
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn places(per_pool: usize, per_address: usize) -> Places {
        Places { per_pool, per_address, per_address_overall: 10_000 }
    }

    fn pool(number: u32) -> Caller {
        PoolId::new(number).into()
    }

    fn from(address: &str) -> Caller {
        (PoolId::new(1), Some(address.parse().unwrap())).into()
    }

    #[test]
    fn pools_take_turns_however_long_their_queues_are() {
        let mut queue = Queue::new(places(1000, 1000), 10_000);
        for number in 0..1000 {
            queue.push(pool(1), (1, number)).unwrap();
        }
        queue.push(pool(2), (2, 0)).unwrap();
        queue.push(pool(2), (2, 1)).unwrap();
        queue.push(pool(3), (3, 0)).unwrap();
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).take(7).collect();
        assert_eq!(order, [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (1, 2), (1, 3)]);
    }

    #[test]
    fn a_pool_that_comes_back_waits_for_the_others() {
        let mut queue = Queue::new(places(8, 8), 8);
        queue.push(pool(1), "a").unwrap();
        queue.push(pool(2), "b").unwrap();
        assert_eq!(queue.pop(), Some("a"));
        queue.push(pool(1), "c").unwrap();
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some("b"), Some("c"), None]);
    }

    #[test]
    fn a_full_queue_takes_nothing_more() {
        let mut queue = Queue::new(places(2, 1), 3);
        assert_eq!(queue.push(pool(1), ()), Ok(None));
        assert_eq!(queue.push(pool(1), ()), Ok(None));
        assert_eq!(queue.push(pool(1), ()), Err(Full::Pool));
        assert_eq!(queue.push(pool(2), ()), Ok(None));
        assert_eq!(queue.push(pool(2), ()), Err(Full::Total));
        queue.pop();
        assert_eq!(queue.push(pool(2), ()), Ok(None));
    }

    #[test]
    fn addresses_of_a_pool_take_turns_however_long_their_queues_are() {
        let mut queue = Queue::new(places(100, 100), 1000);
        for number in 0..50 {
            queue.push(from("192.0.2.1"), (1, number)).unwrap();
        }
        queue.push(from("192.0.2.2"), (2, 0)).unwrap();
        queue.push(from("192.0.2.2"), (2, 1)).unwrap();
        queue.push(pool(1), (0, 0)).unwrap();
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).take(6).collect();
        assert_eq!(order, [(1, 0), (2, 0), (0, 0), (1, 1), (2, 1), (1, 2)]);
        assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 47);
        assert!(queue.pools.is_empty() && queue.turns.is_empty());
    }

    #[test]
    fn a_flood_from_one_address_leaves_room_for_others() {
        let mut queue = Queue::new(places(4, 2), 100);
        for address in ["2001:db8::1", "2001:db8::2"] {
            assert_eq!(queue.push(from(address), ()), Ok(None));
        }
        assert_eq!(queue.push(from("2001:db8::3"), ()), Err(Full::Address), "one /64 is one address");
        assert_eq!(queue.push(from("2001:db8:0:1::1"), ()), Ok(None));
        assert_eq!(queue.push(pool(1), ()), Ok(None));
        assert_eq!(queue.push(from("192.0.2.1"), ()), Err(Full::Pool));
        queue.pop();
        assert_eq!(queue.push(from("192.0.2.1"), ()), Ok(None));
    }

    fn at(number: u32, address: &str) -> Caller {
        (PoolId::new(number), Some(address.parse().unwrap())).into()
    }

    #[test]
    fn an_address_has_so_many_places_at_all_pools_together() {
        let mut queue = Queue::new(Places { per_address_overall: 128, ..places(256, 128) }, 16_384);
        let pushed = (0..16_384).filter(|number| queue.push(at(number % 128, "192.0.2.1"), ()).is_ok()).count();
        assert_eq!(pushed, 128, "one address does not fill the line, whatever pools it asks");
        assert_eq!(queue.push(at(1, "192.0.2.1"), ()), Err(Full::Address));
        assert_eq!(queue.push(at(1, "192.0.2.2"), ()), Ok(None));
        queue.pop();
        assert_eq!(queue.push(at(9, "192.0.2.1"), ()), Ok(None));
        while queue.pop().is_some() {}
        assert!(queue.addresses.is_empty());
    }

    #[test]
    fn a_full_line_gives_way_to_whoever_has_less_in_it() {
        let mut queue = Queue::new(places(100, 100), 20);
        for number in 0..10 {
            queue.push(at(number, "192.0.2.1"), ("first", number)).unwrap();
            queue.push(at(number, "192.0.2.2"), ("second", number)).unwrap();
        }
        assert_eq!(queue.push(at(1, "192.0.2.1"), ("first", 10)), Err(Full::Total), "who fills the line is refused");
        let gone = queue.push(at(50, "192.0.2.3"), ("other", 0)).unwrap().unwrap();
        assert_ne!(gone.0, "other");
        assert_eq!(queue.len(), 20);
        let others = std::iter::from_fn(|| queue.pop()).filter(|job| job.0 == "other").count();
        assert_eq!(others, 1);
        assert!(queue.pools.is_empty() && queue.turns.is_empty() && queue.addresses.is_empty());
    }

    proptest! {
        /// Between two turns of a pool that waits, every other pool has at most one.
        #[test]
        fn nobody_is_overtaken_twice(pools in proptest::collection::vec(0u32..6, 1..200)) {
            let mut queue = Queue::new(places(200, 200), 1000);
            for number in &pools {
                queue.push(pool(*number), *number).unwrap();
            }
            let order: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
            prop_assert_eq!(order.len(), pools.len());
            prop_assert_eq!(queue.len(), 0);
            prop_assert!(queue.pools.is_empty() && queue.turns.is_empty());
            for pool in 0..6 {
                let turns: Vec<usize> = order.iter().enumerate().filter(|(_, other)| **other == pool).map(|(place, _)| place).collect();
                for pair in turns.windows(2) {
                    for other in 0..6 {
                        let between = order[pair[0] + 1..pair[1]].iter().filter(|turn| **turn == other).count();
                        prop_assert!(between <= 1);
                    }
                }
            }
        }
    }
}
