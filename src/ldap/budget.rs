//! Octets that all connections together may hold of large messages and of answers that wait to be taken. Each connection has a little of its own; whoever needs more
//! takes it from here and gives it back, so that what many connections hold is bounded by what the server can spare and not by what each of them may do.
//!
//! Answers are held for as long as a peer takes to read. So of their room one pool may have half, and one address a quarter: nobody's slow readers keep those of
//! others from being answered.

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
    addresses: Shares<IpAddr>,
}

/// Shares of equal size, each for as long as somebody has something of it or waits for that.
#[derive(Debug)]
struct Shares<K> {
    whole: u32,
    left: Mutex<HashMap<K, Weak<Semaphore>>>,
}

/// Room that has been taken; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Room(Vec<OwnedSemaphorePermit>);

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
        acquire(Arc::clone(&self.left), octets, self.whole).await.map(|permit| Room(vec![permit]))
    }

    /// How many octets can be taken now.
    #[cfg(test)]
    pub fn left(&self) -> usize {
        self.left.available_permits()
    }
}

impl Output {
    /// Waits until there is room for so many octets of answers to an address about a pool. What is larger than the share of an address takes all of that.
    pub async fn take(&self, pool: PoolId, address: IpAddr, octets: usize) -> Option<Room> {
        let octets = octets.min(self.addresses.whole as usize);
        // The narrow before the wide: who waits for a share of their own holds nothing of what others could have.
        let address = acquire(self.addresses.of(subscriber(address)), octets, self.addresses.whole).await?;
        let pool = acquire(self.pools.of(pool), octets, self.pools.whole).await?;
        let all = acquire(Arc::clone(&self.all.left), octets, self.all.whole).await?;
        Some(Room(vec![address, pool, all]))
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
    /// Gives back what is not needed.
    pub fn shrink(&mut self, octets: usize) {
        for permit in &mut self.0 {
            drop(permit.split(permit.num_permits().saturating_sub(octets)));
        }
    }

    /// Takes another one's room to this.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
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

    #[test]
    fn one_address_and_one_pool_leave_room_for_others() {
        let budget = Budget::new(&Limits { all_output: 8000, ..Limits::default() });
        let address = |number: u8| IpAddr::from([192, 0, 2, number]);
        let take = |pool, number, octets| budget.output.take(PoolId::new(pool), address(number), octets).now_or_never().flatten();
        let mut first = take(1, 1, 2000).unwrap();
        assert!(take(1, 1, 1).is_none() && take(2, 1, 1).is_none(), "a quarter for an address, whatever the pool");
        let second = take(1, 2, 1_000_000).unwrap();
        assert!(take(1, 3, 1).is_none(), "half for a pool");
        let (third, fourth) = (take(2, 3, 2000).unwrap(), take(2, 4, 2000).unwrap());
        assert!(take(3, 5, 1).is_none(), "and all for all");
        first.shrink(500);
        assert_eq!(budget.output.left(), 1500);
        first.merge(take(1, 1, 1500).unwrap());
        drop((first, second, third, fourth));
        assert_eq!(budget.output.left(), 8000);
        assert!(take(3, 5, 2000).is_some());
        assert!(budget.output.pools.left.lock().unwrap().len() <= 2, "shares of which nobody has anything go");
    }
}
