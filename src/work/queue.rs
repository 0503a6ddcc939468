//! The waiting jobs: pools take turns, and within a pool its addresses do.

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
}

/// Jobs in fair order. A pool has a place among the turns exactly while it has a job waiting.
pub(super) struct Queue<J> {
    pools: HashMap<PoolId, Lines<J>>,
    turns: VecDeque<PoolId>,
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
        let places = Places { per_pool: places.per_pool.max(1), per_address: places.per_address.max(1) };
        Self { pools: HashMap::new(), turns: VecDeque::new(), waiting: 0, places, total }
    }

    /// Puts a job at the end of its address's queue.
    pub(super) fn push(&mut self, caller: Caller, job: J) -> Result<(), Full> {
        if self.waiting >= self.total {
            return Err(Full::Total);
        }
        let lines = self.pools.entry(caller.pool).or_default();
        let was_empty = lines.waiting == 0;
        lines.push(caller.address, job, self.places)?;
        if was_empty {
            self.turns.push_back(caller.pool);
        }
        self.waiting += 1;
        Ok(())
    }

    /// Takes the first job of the address whose turn it is at the pool whose turn it is; their next turns come after all others'.
    pub(super) fn pop(&mut self) -> Option<J> {
        let pool = self.turns.pop_front()?;
        let lines = self.pools.get_mut(&pool)?;
        let job = lines.pop()?;
        if lines.waiting == 0 {
            self.pools.remove(&pool);
        } else {
            self.turns.push_back(pool);
        }
        self.waiting -= 1;
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
        self.waiting = 0;
    }
}

impl<J> Default for Lines<J> {
    fn default() -> Self {
        Self { jobs: HashMap::new(), turns: VecDeque::new(), waiting: 0 }
    }
}

impl<J> Lines<J> {
    fn push(&mut self, address: Option<IpAddr>, job: J, places: Places) -> Result<(), Full> {
        if self.waiting >= places.per_pool {
            return Err(Full::Pool);
        }
        let jobs = self.jobs.entry(address).or_default();
        if address.is_some() && jobs.len() >= places.per_address {
            return Err(Full::Address);
        }
        if jobs.is_empty() {
            self.turns.push_back(address);
        }
        jobs.push_back(job);
        self.waiting += 1;
        Ok(())
    }

    fn pop(&mut self) -> Option<J> {
        let address = self.turns.pop_front()?;
        let jobs = self.jobs.get_mut(&address)?;
        let job = jobs.pop_front()?;
        if jobs.is_empty() {
            self.jobs.remove(&address);
        } else {
            self.turns.push_back(address);
        }
        self.waiting -= 1;
        Some(job)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn places(per_pool: usize, per_address: usize) -> Places {
        Places { per_pool, per_address }
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
        assert_eq!(queue.push(pool(1), ()), Ok(()));
        assert_eq!(queue.push(pool(1), ()), Ok(()));
        assert_eq!(queue.push(pool(1), ()), Err(Full::Pool));
        assert_eq!(queue.push(pool(2), ()), Ok(()));
        assert_eq!(queue.push(pool(2), ()), Err(Full::Total));
        queue.pop();
        assert_eq!(queue.push(pool(2), ()), Ok(()));
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
            assert_eq!(queue.push(from(address), ()), Ok(()));
        }
        assert_eq!(queue.push(from("2001:db8::3"), ()), Err(Full::Address), "one /64 is one address");
        assert_eq!(queue.push(from("2001:db8:0:1::1"), ()), Ok(()));
        assert_eq!(queue.push(pool(1), ()), Ok(()));
        assert_eq!(queue.push(from("192.0.2.1"), ()), Err(Full::Pool));
        queue.pop();
        assert_eq!(queue.push(from("192.0.2.1"), ()), Ok(()));
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
