//! Octets that all connections together may hold of large messages and of answers that wait to be
//! taken. Each connection has a little of its own; whoever needs more takes it from here and gives
//! it back, so that what many connections hold is bounded by what the server can spare and not by
//! what each of them may do.
//!
//! Messages are held for as long as a peer takes to send, answers for as long as it takes to read.
//! So of either room one pool may have half, and one address half of what its pool may have: with
//! the 256 MiB that there are for answers by default, 128 MiB and 64 MiB. It takes the slow peers
//! of two pools to use up the room of all, and of two addresses to use up that of a pool. An
//! address that asks through several pools has its share in each of them, since it can be the host
//! of several applications, and those that wait for one pool must not keep the others from another.
//! So one address can use up the room of all if it binds through four pools, or through two with a
//! second address: then whoever is slow gives way, see [`Room::is_wanted`].

use super::Limits;
use crate::model::PoolId;
use crate::model::address::subscriber;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is left. Input and output are apart: who waits for room to answer holds a message, and must
/// not keep others from being answered.
#[derive(Debug)]
pub(super) struct Budget {
    pub input: Portions,
    pub output: Portions,
}

/// On whose account a connection holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Account {
    /// The pool that it is bound to.
    pub pool: Option<PoolId>,
    /// Where it comes from.
    pub address: IpAddr,
}

/// Room of one kind.
#[derive(Debug)]
pub(super) struct Portions {
    all: Arc<Share>,
    pools: Shares<Option<PoolId>>,
    /// Of each pool, the shares of those that ask through it.
    addresses: Shares<Account>,
}

/// Shares of equal size, each for as long as somebody has something of it or waits for that.
#[derive(Debug)]
struct Shares<K> {
    whole: u32,
    known: Mutex<HashMap<K, Weak<Share>>>,
}

/// So many octets, and how many wait for some of them.
#[derive(Debug)]
struct Share {
    left: Arc<Semaphore>,
    whole: u32,
    waiting: AtomicUsize,
}

/// Room that has been taken; it is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Room {
    octets: usize,
    /// That many of each share that they are part of.
    parts: Vec<(Arc<Share>, OwnedSemaphorePermit)>,
}

impl Budget {
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self { input: Portions::new(limits.all_input), output: Portions::new(limits.all_output) })
    }
}

impl Portions {
    fn new(octets: usize) -> Self {
        let whole = u32::try_from(octets).unwrap_or(u32::MAX);
        Self { all: Share::new(whole), pools: Shares::new(whole / 2), addresses: Shares::new(whole / 4) }
    }

    /// Waits until there is room for so many octets on that account. What is larger than the share
    /// of an address takes all of that.
    pub async fn take(&self, account: Account, octets: usize) -> Option<Room> {
        let account = Account { address: subscriber(account.address), ..account };
        let octets = octets.min(self.addresses.whole as usize);
        // The narrow before the wide, each within the next: who waits for one holds nothing of what
        // others could have meanwhile.
        let address = self.addresses.of(account).take(octets).await?;
        let pool = self.pools.of(account.pool).take(octets).await?;
        let all = Arc::clone(&self.all).take(octets).await?;
        Some(Room { octets, parts: vec![address, pool, all] })
    }

    /// How many octets can be taken now by somebody who has nothing yet.
    #[cfg(test)]
    pub fn left(&self) -> usize {
        self.all.left.available_permits()
    }
}

impl Share {
    fn new(whole: u32) -> Arc<Self> {
        Arc::new(Self { left: Arc::new(Semaphore::new(whole as usize)), whole, waiting: AtomicUsize::new(0) })
    }

    async fn take(self: Arc<Self>, octets: usize) -> Option<(Arc<Self>, OwnedSemaphorePermit)> {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX).min(self.whole);
        let left = Arc::clone(&self.left);
        let permit = match Arc::clone(&left).try_acquire_many_owned(octets) {
            Ok(permit) => permit,
            Err(_) => {
                let _waiting = Waiting::at(&self);
                // The semaphores are never closed.
                left.acquire_many_owned(octets).await.ok()?
            }
        };
        Some((self, permit))
    }
}

/// Somebody who waits for room.
struct Waiting<'s>(&'s Share);

impl<'s> Waiting<'s> {
    fn at(share: &'s Share) -> Self {
        share.waiting.fetch_add(1, Ordering::Relaxed);
        Self(share)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<K: Eq + Hash> Shares<K> {
    fn new(whole: u32) -> Self {
        Self { whole, known: Mutex::new(HashMap::new()) }
    }

    fn of(&self, key: K) -> Arc<Share> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = known.get(&key).and_then(Weak::upgrade) {
            return share;
        }
        known.retain(|_, share| share.strong_count() > 0);
        let share = Share::new(self.whole);
        known.insert(key, Arc::downgrade(&share));
        share
    }
}

impl Room {
    /// For how many octets it is.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Whether somebody waits who could have it: at one of the shares that it is part of. Others at
    /// their own limit do not count.
    pub fn is_wanted(&self) -> bool {
        self.parts.iter().any(|(share, _)| share.waiting.load(Ordering::Relaxed) > 0)
    }

    /// Gives back all but so many octets. Nothing is left of a room of none.
    pub fn keep(mut self, octets: usize) -> Option<Self> {
        let surplus = self.octets.saturating_sub(octets);
        for (_, permit) in &mut self.parts {
            drop(permit.split(surplus));
        }
        self.octets -= surplus;
        (self.octets > 0).then_some(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn budget() -> Arc<Budget> {
        Budget::new(&Limits { all_output: 8000, ..Limits::default() })
    }

    fn account(pool: u32, number: u8) -> Account {
        Account { pool: Some(PoolId::new(pool)), address: [192, 0, 2, number].into() }
    }

    #[test]
    fn one_address_and_one_pool_leave_room_for_others() {
        let budget = budget();
        let take = |pool, number, octets| budget.output.take(account(pool, number), octets).now_or_never().flatten();
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
        assert!(budget.output.pools.known.lock().unwrap().len() <= 2, "shares of which nobody has anything go");
    }

    #[test]
    fn one_network_is_one_address() {
        let budget = budget();
        let take = |address: &str| {
            let account = Account { pool: Some(PoolId::new(1)), address: address.parse().unwrap() };
            budget.output.take(account, 2000).now_or_never().flatten()
        };
        let _all_of_it = take("2001:db8::1").unwrap();
        assert!(take("2001:db8::2").is_none());
        assert!(take("2001:db8:0:1::1").is_some());
    }

    #[test]
    fn an_address_that_waits_for_one_pool_is_served_in_another() {
        let budget = budget();
        let take = |pool, number| budget.output.take(account(pool, number), 2000);
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
        let take = || budget.output.take(account(1, 1), 2000).now_or_never().flatten().unwrap();
        assert_eq!(take().keep(5000).unwrap().octets(), 2000, "it does not grow");
        assert!(take().keep(0).is_none());
        assert_eq!(budget.output.left(), 8000);
    }

    #[test]
    fn room_is_wanted_by_those_alone_who_could_have_it() {
        let budget = budget();
        let take = |pool, number| budget.output.take(account(pool, number), 2000);
        let [first, second, other] = [take(1, 1), take(1, 2), take(2, 3)].map(|taking| taking.now_or_never().flatten().unwrap());
        assert!(!first.is_wanted() && !second.is_wanted());
        let mut more = Box::pin(take(1, 1));
        assert!((&mut more).now_or_never().is_none());
        assert!(first.is_wanted() && !second.is_wanted(), "an address that wants more than its share can have its own only");
        drop(more);
        assert!(!first.is_wanted(), "who has gone wants nothing");
        let mut third = Box::pin(take(1, 4));
        assert!((&mut third).now_or_never().is_none());
        assert!(first.is_wanted() && second.is_wanted() && !other.is_wanted(), "a pool that wants more than its share");
    }
}
