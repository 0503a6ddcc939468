//! The waiting jobs: one queue for each pool, and the pools in the order of their turns.

use crate::model::PoolId;
use std::collections::{HashMap, VecDeque};

/// Jobs in fair order. A pool has a place among the turns exactly while it has a job waiting.
pub(super) struct Queue<J> {
    jobs: HashMap<PoolId, VecDeque<J>>,
    turns: VecDeque<PoolId>,
    waiting: usize,
    per_pool: usize,
    total: usize,
}

/// Which queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// That of the pool.
    Pool,
    /// All of them together.
    Total,
}

impl<J> Queue<J> {
    pub(super) fn new(per_pool: usize, total: usize) -> Self {
        Self { jobs: HashMap::new(), turns: VecDeque::new(), waiting: 0, per_pool: per_pool.max(1), total }
    }

    /// Puts a job at the end of its pool's queue.
    pub(super) fn push(&mut self, pool: PoolId, job: J) -> Result<(), Full> {
        if self.waiting >= self.total {
            return Err(Full::Total);
        }
        let jobs = self.jobs.entry(pool).or_default();
        if jobs.len() >= self.per_pool {
            return Err(Full::Pool);
        }
        if jobs.is_empty() {
            self.turns.push_back(pool);
        }
        jobs.push_back(job);
        self.waiting += 1;
        Ok(())
    }

    /// Takes the first job of the pool whose turn it is; the pool's next turn comes after all others'.
    pub(super) fn pop(&mut self) -> Option<J> {
        let pool = self.turns.pop_front()?;
        let jobs = self.jobs.get_mut(&pool)?;
        let job = jobs.pop_front()?;
        if jobs.is_empty() {
            self.jobs.remove(&pool);
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
        self.jobs.clear();
        self.turns.clear();
        self.waiting = 0;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pools_take_turns_however_long_their_queues_are() {
        let mut queue = Queue::new(1000, 10_000);
        for number in 0..1000 {
            queue.push(PoolId::new(1), (1, number)).unwrap();
        }
        queue.push(PoolId::new(2), (2, 0)).unwrap();
        queue.push(PoolId::new(2), (2, 1)).unwrap();
        queue.push(PoolId::new(3), (3, 0)).unwrap();
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).take(7).collect();
        assert_eq!(order, [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (1, 2), (1, 3)]);
    }

    #[test]
    fn a_pool_that_comes_back_waits_for_the_others() {
        let mut queue = Queue::new(8, 8);
        queue.push(PoolId::new(1), "a").unwrap();
        queue.push(PoolId::new(2), "b").unwrap();
        assert_eq!(queue.pop(), Some("a"));
        queue.push(PoolId::new(1), "c").unwrap();
        assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some("b"), Some("c"), None]);
    }

    #[test]
    fn a_full_queue_takes_nothing_more() {
        let mut queue = Queue::new(2, 3);
        assert_eq!(queue.push(PoolId::new(1), ()), Ok(()));
        assert_eq!(queue.push(PoolId::new(1), ()), Ok(()));
        assert_eq!(queue.push(PoolId::new(1), ()), Err(Full::Pool));
        assert_eq!(queue.push(PoolId::new(2), ()), Ok(()));
        assert_eq!(queue.push(PoolId::new(2), ()), Err(Full::Total));
        queue.pop();
        assert_eq!(queue.push(PoolId::new(2), ()), Ok(()));
    }

    proptest! {
        /// Between two turns of a pool that waits, every other pool has at most one.
        #[test]
        fn nobody_is_overtaken_twice(pools in proptest::collection::vec(0u32..6, 1..200)) {
            let mut queue = Queue::new(200, 1000);
            for pool in &pools {
                queue.push(PoolId::new(*pool), *pool).unwrap();
            }
            let order: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
            prop_assert_eq!(order.len(), pools.len());
            prop_assert_eq!(queue.len(), 0);
            prop_assert!(queue.jobs.is_empty() && queue.turns.is_empty());
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
