//! The requests that are under way. A connection may ask for many things at a time and one address
//! may have many connections, so what counts is the address: it has so many requests under way, of
//! which so many are answered at the same time while the others wait for their turn. So whoever
//! asks for very much takes neither the memory nor the processors from everybody else.
//!
//! Where there are too many in all, those of addresses that have few are let in still.

use crate::model::address::subscriber;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many requests there may be. Each can hold a head and a body, some 128 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one network address, answered at the same time.
    pub at_once: usize,
    /// Of one network address, under way.
    pub per_address: usize,
    /// Of all, under way; whoever has no more than `few` comes beside.
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
    all: usize,
    addresses: HashMap<IpAddr, Line>,
}

/// The requests of one address.
struct Line {
    under_way: usize,
    turns: Arc<Semaphore>,
}

/// A request that was let in, until this and all that was cloned of it is dropped.
#[derive(Clone)]
pub struct Entered(Arc<Ticket>);

struct Ticket {
    crowd: Arc<Crowd>,
    address: IpAddr,
    turns: Arc<Semaphore>,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// Lets in a request of that address, if there is room for one more.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Entered> {
        let (address, Limits { at_once, per_address, all, few }) = (subscriber(address), self.limits);
        let mut state = self.lock();
        let is_full = state.all >= all;
        let line = state.addresses.entry(address).or_insert_with(|| Line { under_way: 0, turns: Arc::new(Semaphore::new(at_once)) });
        if line.under_way >= if is_full { few.min(per_address) } else { per_address } {
            return None;
        }
        line.under_way += 1;
        let turns = Arc::clone(&line.turns);
        state.all += 1;
        drop(state);
        Some(Entered(Arc::new(Ticket { crowd: Arc::clone(self), address, turns })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entered {
    /// Waits for a turn to be answered. To be taken when all of the request has arrived: who sends
    /// slowly holds nobody up.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.0.turns.acquire().await.ok()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.crowd.lock();
        state.all -= 1;
        if let Some(line) = state.addresses.get_mut(&self.address) {
            line.under_way -= 1;
            if line.under_way == 0 {
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

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn one_address_leaves_room_for_others_and_few_are_always_let_in() {
        let crowd = Crowd::new(Limits { at_once: 1, per_address: 4, all: 6, few: 2 });
        let enter = |number, count: usize| (0..count).map_while(|_| crowd.enter(address(number))).collect::<Vec<_>>();
        let first = enter(1, 9);
        assert_eq!(first.len(), 4, "as many as one may have");
        let second = enter(2, 9);
        assert_eq!(second.len(), 2, "as many as there may be in all");
        assert_eq!(enter(3, 9).len(), 2, "few beside");
        assert!(crowd.enter(address(1)).is_none());
        drop(first);
        assert_eq!(enter(2, 9).len(), 2, "four of one again");
        let copy = second[0].clone();
        drop(second);
        assert_eq!(crowd.lock().all, 1, "a copy holds what it was cloned of");
        drop(copy);
        assert!(crowd.lock().addresses.is_empty(), "who has gone is forgotten");
    }

    #[test]
    fn the_requests_of_one_address_take_turns_and_wait_for_no_other() {
        let crowd = Crowd::new(Limits { at_once: 1, ..Limits::of(256) });
        let [one, next, other] = [1, 1, 2].map(|number| crowd.enter(address(number)).unwrap());
        let turn = one.turn().now_or_never().unwrap();
        assert!(next.turn().now_or_never().is_none());
        assert!(other.turn().now_or_never().is_some());
        drop(turn);
        assert!(next.turn().now_or_never().is_some());
    }

    #[test]
    fn a_network_of_one_subscriber_is_one_address() {
        let crowd = Crowd::new(Limits { per_address: 1, ..Limits::of(256) });
        let _one = crowd.enter("2001:db8::1".parse().unwrap()).unwrap();
        assert!(crowd.enter("2001:db8::2".parse().unwrap()).is_none());
        assert!(crowd.enter("2001:db8:0:1::1".parse().unwrap()).is_some());
    }
}
