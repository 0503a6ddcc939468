//! The requests that are under way. A connection may ask for many things at a time, and one address
//! may have many connections; what counts is the address, or with IPv6 the widest network that it
//! may be of. So many of its requests are looked at or answered at the same time, and the others
//! wait for their turn: whoever asks for very much waits for themselves.
//!
//! What was looked at and let in may send a body, and is answered with one, which takes memory: it
//! has a place at a [`Gate`] until its answer is taken, and is busy from when all of it is here
//! until the answer waits for the client.

use super::gate::{Busy, Gate, Guest, Room};
use crate::model::address::widest;
use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The fewest places for requests of one address that were let in: what is answered has its place
/// until the answer is written, and few such places would be taken by those that are just answered.
const FEWEST: usize = 8;

/// How many requests there may be. Each can hold a head, a body and its answer, some 200 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one address, looked at or answered at the same time.
    pub at_once: usize,
    /// Waiting to be looked at.
    pub waiting: Room,
    /// Let in.
    pub entered: Room,
}

impl Limits {
    /// The limits where one address may have so many requests under way, and there may be so many
    /// connections: a quarter of an address's is answered at the same time and four times as many
    /// may wait; eight addresses fill the places of all, or half as many requests as there may be
    /// connections do.
    pub fn of(per_address: usize, connections: usize) -> Self {
        let waiting = Room { places: per_address.saturating_mul(32), per_address: per_address.saturating_mul(4) };
        let places = per_address.saturating_mul(8).min(connections.div_ceil(2));
        let entered = Room { places, per_address: per_address.max(FEWEST) };
        let at_once = per_address.min(entered.places).div_ceil(4);
        Self { at_once, waiting, entered }
    }
}

/// Counts them.
pub struct Crowd {
    at_once: usize,
    waiting: Arc<Gate>,
    entered: Arc<Gate>,
    lines: Mutex<HashMap<IpAddr, Line>>,
}

/// The requests of one address.
struct Line {
    /// How many there are, let in or not.
    requests: usize,
    turns: Arc<Semaphore>,
}

/// A request that has arrived and is to be looked at.
pub struct Arrived {
    waiting: Guest,
    turns: Turns,
}

/// The turns of an address, for as long as a request of it is there.
struct Turns {
    crowd: Arc<Crowd>,
    address: IpAddr,
    line: Arc<Semaphore>,
}

/// One of those that are looked at or answered, until this is dropped.
pub struct Turn {
    _permit: Option<OwnedSemaphorePermit>,
}

/// A request that was let in, until this and all that was cloned of it is dropped.
#[derive(Clone)]
pub struct Entered(Arc<Ticket>);

/// Its turn goes after its place: whoever has it next finds that free. Its line goes last: a new one
/// would have turns of its own.
struct Ticket {
    /// While it is answered.
    busy: Mutex<Option<[Busy; 2]>>,
    guest: Guest,
    connection: Guest,
    turn: Mutex<Option<Turn>>,
    turns: Turns,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(limits: Limits) -> Arc<Self> {
        let Limits { at_once, waiting, entered } = limits;
        Arc::new(Self { at_once, waiting: Gate::new(waiting), entered: Gate::new(entered), lines: Mutex::default() })
    }

    /// A request of that address arrives, if there is room for it to wait.
    pub fn arrive(self: &Arc<Self>, address: IpAddr) -> Option<Arrived> {
        let waiting = self.waiting.enter(Some(address))?;
        let mut lines = self.lines();
        let new = || Line { requests: 0, turns: Arc::new(Semaphore::new(self.at_once)) };
        let line = lines.entry(widest(address)).or_insert_with(new);
        line.requests += 1;
        let turns = Turns { crowd: Arc::clone(self), address, line: Arc::clone(&line.turns) };
        drop(lines);
        Some(Arrived { waiting, turns })
    }

    /// How many are let in, or answered and not taken yet.
    pub fn entered(&self) -> usize {
        self.entered.taken()
    }

    /// How many found no place.
    pub fn refused(&self) -> u64 {
        self.waiting.refused() + self.entered.refused()
    }

    /// How many gave way.
    pub fn displaced(&self) -> u64 {
        self.waiting.displaced() + self.entered.displaced()
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<IpAddr, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrived {
    /// Completes when it has to give way to another one, before it is let in.
    pub fn displaced(&self) -> impl Future<Output = ()> + Send + use<> {
        self.waiting.displaced()
    }

    /// Waits for a turn to be looked at.
    pub async fn turn(&self) -> Turn {
        self.turns.next().await
    }

    /// Lets it in, if there is room. It keeps its turn if there is nothing more to come of it, and is
    /// answered from now on: the turn of one that waits for its body would be of use to others
    /// meanwhile.
    pub fn enter(self, connection: Guest, kept: Option<Turn>) -> Option<Entered> {
        let turns = self.turns;
        let guest = turns.crowd.entered.enter(Some(turns.address))?;
        let is_whole = kept.is_some();
        let entered = Entered(Arc::new(Ticket { busy: Mutex::default(), guest, connection, turn: Mutex::new(kept), turns }));
        if is_whole {
            entered.begin_to_answer();
        }
        Some(entered)
    }
}

impl Entered {
    /// Completes when it has to give way to another one.
    pub fn displaced(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.guest.displaced()
    }

    /// Keeps the place until its answer is taken: from now on, whoever needs it ends that
    /// connection. Whether it has the place still.
    pub fn keep(&self, connection: &CancellationToken) -> bool {
        self.0.guest.goes_with(connection)
    }

    /// All of it is here: waits for a turn to be answered.
    pub async fn answered(&self) {
        self.begin_to_answer();
        let Ticket { turn, turns, .. } = &*self.0;
        if held(turn).is_none() {
            let next = turns.next().await;
            *held(turn) = Some(next);
        }
    }

    /// From now on something is done for it.
    fn begin_to_answer(&self) {
        let Ticket { busy, guest, connection, .. } = &*self.0;
        held(busy).get_or_insert_with(|| [guest, connection].map(Guest::busy));
    }

    /// Nothing more is to be done for it here: if there is an answer still, it waits for the client.
    /// Whoever has the turn next finds the place free, if it is.
    pub fn rest(self) {
        held(&self.0.busy).take();
        let turn = held(&self.0.turn).take();
        drop(self);
        drop(turn);
    }
}

fn held<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turns {
    async fn next(&self) -> Turn {
        // The semaphore is never closed.
        Turn { _permit: Arc::clone(&self.line).acquire_owned().await.ok() }
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        let mut lines = self.crowd.lines();
        let address = widest(self.address);
        if let Some(line) = lines.get_mut(&address) {
            line.requests -= 1;
            if line.requests == 0 {
                lines.remove(&address);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::task::yield_now;

    fn address(number: u8) -> IpAddr {
        [192, 0, 2, number].into()
    }

    #[test]
    fn requests_that_are_let_in_leave_half_of_the_connections_to_others() {
        assert_eq!(Limits::of(256, 10_000).entered, Room { places: 2048, per_address: 256 });
        assert_eq!(Limits::of(256, 384).entered, Room { places: 192, per_address: 256 });
        assert_eq!(Limits::of(1, 10_000).entered, Room { places: 8, per_address: 8 });
        assert_eq!([10_000, 384, 8, 1].map(|connections| Limits::of(256, connections).at_once), [64, 48, 1, 1]);
    }

    /// A connection that nothing happens to.
    fn connection() -> Guest {
        Gate::new(Room { places: 1, per_address: 1 }).enter(None).unwrap()
    }

    /// One of that address which was let in.
    fn entered(crowd: &Arc<Crowd>, number: u8) -> Option<Entered> {
        crowd.arrive(address(number)).unwrap().enter(connection(), None)
    }

    #[tokio::test]
    async fn what_is_not_here_yet_gives_way_before_what_is() {
        let crowd = Crowd::new(Limits { entered: Room { places: 3, per_address: 2 }, ..Limits::of(8, 100) });
        let [first, second, third] = [1, 2, 2].map(|number| entered(&crowd, number).unwrap());
        first.answered().await;
        let copy = second.clone();
        drop(second);
        let fourth = entered(&crowd, 3).unwrap();
        assert!(copy.displaced().now_or_never().is_some(), "the oldest of those that have most");
        assert!([&first, &third, &fourth].into_iter().all(|one| one.displaced().now_or_never().is_none()));
    }

    #[tokio::test]
    async fn a_request_that_is_answered_keeps_its_connection() {
        let gate = Gate::new(Room { places: 1, per_address: 1 });
        let guest = gate.enter(Some(address(1))).unwrap();
        let entered = Crowd::new(Limits::of(8, 100)).arrive(address(1)).unwrap().enter(guest.clone(), None).unwrap();
        entered.answered().await;
        assert!(gate.enter(Some(address(2))).is_none());
        entered.clone().rest();
        assert!(gate.enter(Some(address(2))).is_some());
        assert!(guest.displaced().now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_is_here_as_a_whole_is_answered_from_the_beginning() {
        let crowd = Crowd::new(Limits { entered: Room { places: 1, per_address: 1 }, ..Limits::of(8, 100) });
        let arrived = crowd.arrive(address(1)).unwrap();
        let turn = arrived.turn().await;
        let whole = arrived.enter(connection(), Some(turn)).unwrap();
        assert!(entered(&crowd, 1).is_none() && entered(&crowd, 2).is_none());
        whole.rest();
        assert!(entered(&crowd, 2).is_some());
    }

    /// What the connection has not tried to write is not the client's fault.
    #[tokio::test]
    async fn an_answer_gives_way_when_it_waits_for_the_client() {
        let crowd = Crowd::new(Limits { entered: Room { places: 1, per_address: 1 }, ..Limits::of(8, 100) });
        let (first, connection) = (entered(&crowd, 1).unwrap(), CancellationToken::new());
        first.answered().await;
        assert!(first.keep(&connection));
        assert!(entered(&crowd, 1).is_none() && entered(&crowd, 2).is_none());
        first.clone().rest();
        let _second = entered(&crowd, 1).unwrap();
        assert!(connection.is_cancelled() && !first.keep(&CancellationToken::new()));
    }

    #[tokio::test]
    async fn what_is_here_as_a_whole_takes_one_turn() {
        let crowd = Crowd::new(Limits { at_once: 1, ..Limits::of(8, 100) });
        let [one, next] = [1, 1].map(|number| crowd.arrive(address(number)).unwrap());
        let turn = one.turn().await;
        let entered = one.enter(connection(), Some(turn)).unwrap();
        let mut waiting = Box::pin(next.turn());
        assert!((&mut waiting).now_or_never().is_none());
        entered.answered().now_or_never().unwrap();
        assert!((&mut waiting).now_or_never().is_none());
        entered.rest();
        waiting.await;
    }

    #[tokio::test]
    async fn so_many_may_wait_and_whoever_has_gone_is_forgotten() {
        let crowd = Crowd::new(Limits { waiting: Room { places: 3, per_address: 2 }, ..Limits::of(8, 100) });
        let arrive = |number| crowd.arrive(address(number)).unwrap();
        let gone = |arrived: &[&Arrived]| arrived.iter().map(|one| one.displaced().now_or_never().is_some()).collect::<Vec<_>>();
        let (one, two, other) = (arrive(1), arrive(1), arrive(2));
        let third = arrive(1);
        assert_eq!(gone(&[&one, &two, &other, &third]), [true, false, false, false], "so many of an address");
        let entered = two.enter(connection(), None).unwrap();
        let (_fourth, _fifth) = (arrive(3), arrive(4));
        assert_eq!(gone(&[&third, &other]), [false, true], "so many of all; what was let in waits no longer");
        drop((one, other, third, entered, _fourth, _fifth));
        assert!(crowd.lines().is_empty());
    }

    #[tokio::test]
    async fn what_one_subscriber_may_have_takes_turns_as_one_address() {
        let crowd = Crowd::new(Limits { at_once: 1, ..Limits::of(8, 100) });
        let [one, same, other] =
            ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1"].map(|name| crowd.arrive(name.parse().unwrap()).unwrap());
        let _turn = one.turn().await;
        assert!(same.turn().now_or_never().is_none());
        other.turn().await;
    }

    #[tokio::test]
    async fn the_requests_of_one_address_take_turns_and_wait_for_no_other() {
        let crowd = Crowd::new(Limits { at_once: 1, ..Limits::of(256, 10_000) });
        let [one, next, other] = [1, 1, 2].map(|number| crowd.arrive(address(number)).unwrap());
        let turn = one.turn().await;
        let mut waiting = Box::pin(next.turn());
        for _ in 0..10 {
            assert!((&mut waiting).now_or_never().is_none());
            yield_now().await;
        }
        other.turn().await;
        drop(turn);
        waiting.await;
    }
}
