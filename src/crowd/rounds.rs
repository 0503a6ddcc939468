//! The time of one thread, shared by the network addresses that its tasks work for.
//!
//! A runtime polls what is ready in the order in which it became ready. So whoever has a thousand
//! connections that are always busy has a thousand polls for each of everybody else. Here time goes
//! round: an address that has used its share of a round has the rest of its tasks wait for a later
//! one, and the next begins when those have been polled who were ready.
//!
//! A task that holds what others wait for, such as the turn to commit, does not wait: those others
//! would wait with it, whatever address they work for. It says so with [`pressing`], and owes the
//! time.

use crate::model::Clock;
use crate::model::address::widest;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The time of one round that an address has for itself while others are ready too.
const SHARE: Duration = Duration::from_millis(1);

/// The rounds of one thread.
pub struct Rounds {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: HashMap<IpAddr, Queue>,
    /// Those who have used up their share.
    over: Vec<IpAddr>,
    /// Wakes whoever begins the next round.
    next: Option<Waker>,
    tickets: u64,
}

/// The tasks of one address.
#[derive(Default)]
struct Queue {
    tasks: usize,
    /// Time since it last had to wait for a round, and what it owes since then.
    used: Duration,
    /// How long a task is polled, of late.
    poll: Duration,
    /// By the ticket that they drew.
    waiting: BTreeMap<u64, Waker>,
    /// Those who waited first and may go on.
    called: HashSet<u64>,
}

/// A task that shares the thread.
pub struct Paced<F> {
    /// None if it works for nobody in particular.
    pacing: Option<Pacing>,
    task: Pin<Box<F>>,
}

struct Pacing {
    member: Arc<Member>,
    /// Its place in the queue of its address, if it waits.
    ticket: Option<u64>,
}

/// Whose share a task takes.
struct Member {
    rounds: Arc<Rounds>,
    address: IpAddr,
    /// How much it holds that others wait for.
    pressing: AtomicUsize,
}

tokio::task_local! {
    /// The task that is polled.
    static POLLED: Arc<Member>;
}

/// Others wait for what the task holds that made this, until it is dropped.
pub struct Pressing(Option<Arc<Member>>);

/// The task that is polled is about to hold, or to stand in line for, what others wait for.
pub fn pressing() -> Pressing {
    let member = POLLED.try_with(Arc::clone).ok();
    if let Some(member) = &member {
        member.pressing.fetch_add(1, Ordering::Relaxed);
    }
    Pressing(member)
}

/// Whether the task that is polled would have to wait now: whoever is pressing is to come to an end
/// before they begin anew.
pub fn owes() -> bool {
    POLLED.try_with(|member| member.rounds.state().owes(member.address)).unwrap_or(false)
}

/// Whether the task that is polled waits for no round.
#[cfg(test)]
pub fn is_pressing() -> bool {
    POLLED.try_with(|member| member.pressing.load(Ordering::Relaxed) > 0).unwrap_or(false)
}

impl Drop for Pressing {
    fn drop(&mut self) {
        if let Some(member) = &self.0 {
            member.pressing.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Rounds {
    /// No task yet.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default() })
    }

    /// A task that shares the thread with others, on behalf of an address: with IPv6, of the widest
    /// network that it may be of. Without one it waits for no round.
    pub fn pace<F: Future>(self: &Arc<Self>, address: Option<IpAddr>, task: F) -> Paced<F> {
        let pacing = address.map(widest).map(|address| {
            self.state().queues.entry(address).or_default().tasks += 1;
            Pacing { member: Arc::new(Member { rounds: Arc::clone(self), address, pressing: AtomicUsize::new(0) }), ticket: None }
        });
        Paced { pacing, task: Box::pin(task) }
    }

    /// Begins one round after the other, for as long as the thread runs.
    pub async fn run(self: Arc<Self>) {
        loop {
            poll_fn(|cx| self.state().poll_over(cx)).await;
            // After those who are ready now.
            tokio::task::yield_now().await;
            let called = self.state().begin();
            called.into_iter().for_each(Waker::wake);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Ready when somebody waits for the next round.
    fn poll_over(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.over.is_empty() {
            self.next = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Begins the next round, and calls who may go on. Whoever took more than a share waits until
    /// that is made up for.
    fn begin(&mut self) -> Vec<Waker> {
        let mut called = Vec::new();
        let queues = &mut self.queues;
        self.over.retain(|address| {
            let Some(queue) = queues.get_mut(address) else { return false };
            queue.used = queue.used.saturating_sub(SHARE);
            let owes = queue.used >= SHARE;
            if queue.tasks == 0 && !owes {
                queues.remove(address);
                return false;
            }
            called.extend(queue.call());
            owes
        });
        called
    }

    /// Whether an address has used up its share.
    fn owes(&self, address: IpAddr) -> bool {
        self.queues.get(&address).is_some_and(|queue| queue.used >= SHARE)
    }

    /// Whether a task may run now; if not, it stands in the queue and is called later.
    fn admit_or_queue(&mut self, address: IpAddr, ticket: &mut Option<u64>, is_pressing: bool, waker: &Waker) -> bool {
        let queue = self.queues.entry(address).or_default();
        if is_pressing || ticket.is_some_and(|ticket| queue.called.contains(&ticket)) {
            queue.forget(ticket.take());
            return true;
        }
        if queue.used < SHARE && queue.waiting.is_empty() && queue.called.is_empty() {
            return true;
        }
        let ticket = *ticket.get_or_insert_with(|| {
            self.tickets += 1;
            self.tickets
        });
        queue.waiting.entry(ticket).and_modify(|known| known.clone_from(waker)).or_insert_with(|| waker.clone());
        false
    }

    /// A task has run for so long. Calls the next of its address, or whoever begins the next round.
    fn ran(&mut self, address: IpAddr, time: Duration) -> Vec<Waker> {
        let Some(queue) = self.queues.get_mut(&address) else { return Vec::new() };
        let was_over = queue.used >= SHARE;
        queue.used += time;
        queue.poll = (queue.poll * 7 + time) / 8;
        if queue.used < SHARE {
            return queue.call();
        }
        if was_over {
            return Vec::new();
        }
        self.over.push(address);
        self.next.take().into_iter().collect()
    }

    /// A task has ended, or is wanted no longer.
    fn leave(&mut self, address: IpAddr, ticket: Option<u64>) -> Vec<Waker> {
        let Some(queue) = self.queues.get_mut(&address) else { return Vec::new() };
        queue.tasks -= 1;
        queue.forget(ticket);
        if queue.tasks > 0 {
            return queue.call();
        }
        // Whoever comes back owes what they owed.
        if queue.used < SHARE {
            self.queues.remove(&address);
        }
        Vec::new()
    }
}

impl Queue {
    /// Whoever has that ticket waits no longer.
    fn forget(&mut self, ticket: Option<u64>) {
        if let Some(ticket) = ticket
            && !self.called.remove(&ticket)
        {
            self.waiting.remove(&ticket);
        }
    }

    /// Calls as many of those who waited first as are likely to fill what is left of the share, once
    /// those who were called before have run.
    fn call(&mut self) -> Vec<Waker> {
        let left = SHARE.saturating_sub(self.used).as_nanos();
        if left == 0 || !self.called.is_empty() {
            return Vec::new();
        }
        let likely = left / self.poll.as_nanos().max(1);
        let count = usize::try_from(likely).unwrap_or(usize::MAX).max(1);
        let called: Vec<_> = std::iter::from_fn(|| self.waiting.pop_first()).take(count).collect();
        self.called.extend(called.iter().map(|(ticket, _)| ticket));
        called.into_iter().map(|(_, waker)| waker).collect()
    }
}

impl<F: Future> Future for Paced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { pacing, task } = &mut *self;
        let Some(Pacing { member, ticket }) = pacing else { return task.as_mut().poll(cx) };
        let Member { rounds, address, pressing } = &**member;
        let is_pressing = pressing.load(Ordering::Relaxed) > 0;
        if !rounds.state().admit_or_queue(*address, ticket, is_pressing, cx.waker()) {
            return Poll::Pending;
        }
        let begun = rounds.clock.steady();
        let polled = POLLED.sync_scope(Arc::clone(member), || task.as_mut().poll(cx));
        let time = rounds.clock.steady().saturating_sub(begun);
        let called = rounds.state().ran(*address, time);
        called.into_iter().for_each(Waker::wake);
        polled
    }
}

impl<F> Drop for Paced<F> {
    fn drop(&mut self) {
        let Some(Pacing { member, ticket }) = &self.pacing else { return };
        let called = member.rounds.state().leave(member.address, *ticket);
        called.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
