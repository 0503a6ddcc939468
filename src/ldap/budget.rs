//! Octets that all connections together may hold of large messages and of answers that wait to be taken. Each connection has a little of its own; whoever needs more
//! takes it from here and gives it back, so that what many connections hold is bounded by what the server can spare and not by what each of them may do.
//!
//! Answers are held for as long as a peer takes to read. So of their room one pool may have half, and one address half of what its pool may have: with the 256 MiB that
//! there are by default, 128 MiB and 64 MiB. It takes the slow readers of two pools to use up the room of all, and of two addresses to use up that of a pool. An address
//! that asks through several pools has its share in each of them, since it can be the host of several applications, and those that wait for one pool must not keep
//! the others from another. So one address can use up the room of all if it binds through four pools, or through two with a second address.

use super::Limits;
use crate::model::PoolId;
use crate::model::address::subscriber;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is left. Input and output are apart: who waits for room to answer holds a message, and must not keep others from being answered.
#[derive(Debug)]
pub(super) struct Budget {
    pub input: Share,
    pub output: Output,
}

/// Room for large messages.
#[derive(Debug)]
pub(super) struct Share {
    left: Arc<Semaphore>,
    whole: u32,
}

/// Room for answers.
#[derive(Debug)]
pub(super) struct Output {
    all: Share,
    pools: Shares<PoolId>,
    /// Of each pool, the shares of those that ask through it.
    addresses: Shares<(PoolId, IpAddr)>,
}

/// Shares of equal size, each for as long as somebody has something of it or waits for that.
#[derive(Debug)]
struct Shares<K> {
    whole: u32,
    left: Mutex<HashMap<K, Weak<Semaphore>>>,
}

/// Room that has been taken; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Room {
    octets: usize,
    /// That many of each share that they are part of.
    permits: Vec<OwnedSemaphorePermit>,
}

impl Budget {
    pub fn new(limits: &Limits) -> Arc<Self> {
        let all = Share::new(limits.all_output);
        let (pools, addresses) = (Shares::new(all.whole / 2), Shares::new(all.whole / 4));
        Arc::new(Self { input: Share::new(limits.all_input), output: Output { all, pools, addresses } })
    }
}

impl Share {
    fn new(octets: usize) -> Self {
        let whole = u32::try_from(octets).unwrap_or(u32::MAX);
        Self { left: Arc::new(Semaphore::new(whole as usize)), whole }
    }

    /// Waits until there is room for so many octets. What is larger than all there is takes all of it.
    pub async fn take(&self, octets: usize) -> Option<Room> {
        let permit = acquire(Arc::clone(&self.left), octets, self.whole).await?;
        Some(Room { octets: permit.num_permits(), permits: vec![permit] })
    }

    /// How many octets can be taken now.
    #[cfg(test)]
    pub fn left(&self) -> usize {
        self.left.available_permits()
    }
}

impl Output {
    /// Waits until there is room for so many octets of answers to an address that asks through a pool. What is larger than the share of an address takes all of that.
    pub async fn take(&self, pool: PoolId, address: IpAddr, octets: usize) -> Option<Room> {
        let octets = octets.min(self.addresses.whole as usize);
        // The narrow before the wide, each within the next: who waits for one holds nothing of what others could have meanwhile.
        let address = acquire(self.addresses.of((pool, subscriber(address))), octets, self.addresses.whole).await?;
        let pool = acquire(self.pools.of(pool), octets, self.pools.whole).await?;
        let all = acquire(Arc::clone(&self.all.left), octets, self.all.whole).await?;
        Some(Room { octets, permits: vec![address, pool, all] })
    }

    /// How many octets can be taken now by somebody who has nothing yet.
    #[cfg(test)]
    pub fn left(&self) -> usize {
        self.all.left()
    }
}

impl<K: Eq + Hash> Shares<K> {
    fn new(whole: u32) -> Self {
        Self { whole, left: Mutex::new(HashMap::new()) }
    }

    fn of(&self, key: K) -> Arc<Semaphore> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = left.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        left.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.whole as usize));
        left.insert(key, Arc::downgrade(&share));
        share
    }
}

impl Room {
    /// For how many octets it is.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Gives back all but so many octets. Nothing is left of a room of none.
    pub fn keep(mut self, octets: usize) -> Option<Self> {
        let surplus = self.octets.saturating_sub(octets);
        for permit in &mut self.permits {
            drop(permit.split(surplus));
        }
        self.octets -= surplus;
        (self.octets > 0).then_some(self)
    }
}

async fn acquire(left: Arc<Semaphore>, octets: usize, whole: u32) -> Option<OwnedSemaphorePermit> {
    let octets = u32::try_from(octets).unwrap_or(u32::MAX).min(whole);
    // The semaphores are never closed.
    left.acquire_many_owned(octets).await.ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn budget() -> Arc<Budget> {
        Budget::new(&Limits { all_output: 8000, ..Limits::default() })
    }

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn one_address_and_one_pool_leave_room_for_others() {
        let budget = budget();
        let take = |pool, number, octets| budget.output.take(PoolId::new(pool), address(number), octets).now_or_never().flatten();
        let first = take(1, 1, 2000).unwrap();
        assert!(take(1, 1, 1).is_none(), "half of its pool for an address");
        let second = take(1, 2, 1_000_000).unwrap();
        assert!(take(1, 3, 1).is_none(), "half for a pool");
        let (third, fourth) = (take(2, 3, 2000).unwrap(), take(2, 4, 2000).unwrap());
        assert!(take(3, 5, 1).is_none(), "and all for all");
        let first = first.keep(500).unwrap();
        assert_eq!(budget.output.left(), 1500);
        let rest = take(1, 1, 1500).unwrap();
        assert_eq!((first.octets(), rest.octets(), second.octets()), (500, 1500, 2000));
        drop((first, rest, second, third, fourth));
        assert_eq!(budget.output.left(), 8000);
        assert!(take(3, 5, 2000).is_some());
        assert!(budget.output.pools.left.lock().unwrap().len() <= 2, "shares of which nobody has anything go");
    }

    #[test]
    fn an_address_that_waits_for_one_pool_is_served_in_another() {
        let budget = budget();
        let take = |pool, number| budget.output.take(PoolId::new(pool), address(number), 2000);
        let taken = [take(1, 1), take(1, 2)].map(|taking| taking.now_or_never().flatten().unwrap());
        let mut waiting = Box::pin(take(1, 3));
        assert!((&mut waiting).now_or_never().is_none(), "the pool has nothing left");
        let other = take(2, 3).now_or_never().flatten();
        assert_eq!(other.unwrap().octets(), 2000, "it has its whole share of the other pool");
        drop(taken);
        assert_eq!(waiting.now_or_never().flatten().unwrap().octets(), 2000);
    }

    #[test]
    fn a_room_of_which_nothing_is_kept_is_gone() {
        let budget = budget();
        let take = || budget.output.take(PoolId::new(1), address(1), 2000).now_or_never().flatten().unwrap();
        assert_eq!(take().keep(5000).unwrap().octets(), 2000, "it does not grow");
        assert!(take().keep(0).is_none());
        assert_eq!(budget.output.left(), 8000);
    }
}
