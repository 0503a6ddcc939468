//! The requests that are under way. A connection may ask for many things at a time and one address
//! may have many connections, so what counts is the address: so many of its requests are looked at
//! at the same time, and all others of it wait for their turn. So whoever asks for very much waits
//! for themselves, and takes the processors from nobody.
//!
//! What was looked at and let in may read its body, which takes memory: that is bounded for each
//! address and in all. Where there is too much in all, requests of addresses that have few are let
//! in still.

use crate::model::address::subscriber;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many requests there may be. Each can hold a head and a body, some 128 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one network address, looked at or answered at the same time.
    pub at_once: usize,
    /// Of one network address, let in.
    pub per_address: usize,
    /// Of all, let in; whoever has fewer than `few` comes beside.
    pub all: usize,
    /// What is few.
    pub few: usize,
}

/// What is few, for everybody.
const FEW: usize = 8;

impl Limits {
    /// The limits where one address may have so many requests under way: a quarter of them is
    /// answered at the same time, and eight addresses leave no room for others that have many.
    pub const fn of(per_address: usize) -> Self {
        Self { at_once: per_address.div_ceil(4), per_address, all: per_address.saturating_mul(8), few: FEW }
    }
}

/// Counts them.
pub struct Crowd {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many are let in.
    all: usize,
    addresses: HashMap<IpAddr, Line>,
}

/// The requests of one address.
struct Line {
    /// How many there are, let in or not.
    arrived: usize,
    /// How many of them are let in.
    entered: usize,
    turns: Arc<Semaphore>,
}

/// A request that has arrived, until this is dropped.
pub struct Arrived {
    crowd: Arc<Crowd>,
    address: IpAddr,
    turns: Arc<Semaphore>,
}

/// A request that was let in, until this and all that was cloned of it is dropped.
#[derive(Clone)]
pub struct Entered(Arc<Ticket>);

struct Ticket(Arrived);

impl Crowd {
    /// Nobody yet.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// A request of that address arrives.
    pub fn arrive(self: &Arc<Self>, address: IpAddr) -> Arrived {
        let address = subscriber(address);
        let mut state = self.lock();
        let new = || Line { arrived: 0, entered: 0, turns: Arc::new(Semaphore::new(self.limits.at_once)) };
        let line = state.addresses.entry(address).or_insert_with(new);
        line.arrived += 1;
        Arrived { crowd: Arc::clone(self), address, turns: Arc::clone(&line.turns) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrived {
    /// Waits for a turn.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        let turn = self.turns.acquire().await.ok();
        // Others come first who are ready too. Whoever has a turn stands in the line of all, where
        // an address must not stand more often than it has turns.
        tokio::task::yield_now().await;
        turn
    }

    /// Lets it in, if there is room.
    pub fn enter(self) -> Option<Entered> {
        let Limits { per_address, all, few, .. } = self.crowd.limits;
        let mut state = self.crowd.lock();
        let most = if state.all < all { per_address } else { few.min(per_address) };
        let line = state.addresses.get_mut(&self.address).filter(|line| line.entered < most)?;
        line.entered += 1;
        state.all += 1;
        drop(state);
        Some(Entered(Arc::new(Ticket(self))))
    }
}

impl Entered {
    /// Waits for a turn to be answered. To be taken when all of the request is there: who sends
    /// slowly holds nobody up.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.0.0.turn().await
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.0.crowd.lock();
        state.all -= 1;
        if let Some(line) = state.addresses.get_mut(&self.0.address) {
            line.entered -= 1;
        }
    }
}

impl Drop for Arrived {
    fn drop(&mut self) {
        let mut state = self.crowd.lock();
        if let Some(line) = state.addresses.get_mut(&self.address) {
            line.arrived -= 1;
            if line.arrived == 0 {
                state.addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::task::yield_now;

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn one_address_leaves_room_for_others_and_few_are_always_let_in() {
        let crowd = Crowd::new(Limits { at_once: 1, per_address: 4, all: 6, few: 2 });
        let enter = |number, count: usize| (0..count).map_while(|_| crowd.arrive(address(number)).enter()).collect::<Vec<_>>();
        let first = enter(1, 9);
        assert_eq!(first.len(), 4, "as many as one may have");
        let second = enter(2, 9);
        assert_eq!(second.len(), 2, "as many as there may be in all");
        assert_eq!(enter(3, 9).len(), 2, "few beside");
        assert!(crowd.arrive(address(1)).enter().is_none());
        drop(first);
        assert_eq!(enter(2, 9).len(), 2, "four of one again");
        let copy = second[0].clone();
        drop(second);
        assert_eq!(crowd.lock().all, 1, "a copy holds what it was cloned of");
        drop(copy);
        assert!(crowd.lock().addresses.is_empty(), "who has gone is forgotten");
    }

    #[tokio::test]
    async fn the_requests_of_one_address_take_turns_and_wait_for_no_other() {
        let crowd = Crowd::new(Limits { at_once: 1, ..Limits::of(256) });
        let [one, next, other] = [1, 1, 2].map(|number| crowd.arrive(address(number)));
        let turn = one.turn().await.unwrap();
        let mut waiting = Box::pin(next.turn());
        for _ in 0..10 {
            assert!((&mut waiting).now_or_never().is_none());
            yield_now().await;
        }
        assert!(other.turn().await.is_some());
        drop(turn);
        assert!(waiting.await.is_some());
    }

    /// However many tasks of one address are ready, a task of another one is not behind them all.
    #[tokio::test]
    async fn a_multitude_of_one_address_stands_before_nobody() {
        let crowd = Crowd::new(Limits { at_once: 4, ..Limits::of(256) });
        let answered = Arc::new(AtomicUsize::new(0));
        let answer = |number| {
            let (arrived, answered) = (crowd.arrive(address(number)), Arc::clone(&answered));
            async move {
                let _turn = arrived.turn().await;
                answered.fetch_add(1, Ordering::SeqCst)
            }
        };
        let many: Vec<_> = (0..1000).map(|_| tokio::spawn(answer(1))).collect();
        let before = tokio::spawn(answer(2)).await.unwrap();
        assert!(before <= 8, "{before} were answered before");
        for one in many {
            one.await.unwrap();
        }
        assert_eq!(answered.load(Ordering::SeqCst), 1001);
    }

    #[test]
    fn a_network_of_one_subscriber_is_one_address() {
        let crowd = Crowd::new(Limits { per_address: 1, ..Limits::of(256) });
        let enter = |address: &str| crowd.arrive(address.parse().unwrap()).enter();
        let _one = enter("2001:db8::1").unwrap();
        assert!(enter("2001:db8::2").is_none());
        assert!(enter("2001:db8:0:1::1").is_some());
    }
}
