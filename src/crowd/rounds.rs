//! The time of one thread, shared by the network addresses that its tasks work for.
//!
//! A runtime polls what is ready in the order in which it became ready. So whoever has a thousand
//! connections that are always busy has a thousand polls for each of everybody else. Here time goes
//! round: an address that has used its share of a round has the rest of its tasks wait for a later
//! one, and the next begins when those have been polled who were ready.

use crate::model::Clock;
use crate::model::address::widest;
use std::collections::{HashMap, HashSet, VecDeque};
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
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
    tasks: u64,
}

/// The tasks of one address.
#[derive(Default)]
struct Queue {
    tasks: usize,
    /// Time since it last had to wait for a round, and what it owes since then.
    used: Duration,
    /// How long a task is polled, of late.
    poll: Duration,
    waiting: VecDeque<(u64, Waker)>,
    /// Those who waited first and may go on.
    called: HashSet<u64>,
}

/// A task that shares the thread.
pub struct Paced<F> {
    rounds: Arc<Rounds>,
    /// None if it works for nobody in particular.
    address: Option<IpAddr>,
    number: u64,
    /// Whether it stands in the queue of its address.
    waits: bool,
    task: Pin<Box<F>>,
}

impl Rounds {
    /// No task yet.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default() })
    }

    /// A task that shares the thread with others, on behalf of an address: with IPv6, of the widest
    /// network that it may be of. Without one it waits for no round.
    pub fn pace<F: Future>(self: &Arc<Self>, address: Option<IpAddr>, task: F) -> Paced<F> {
        let address = address.map(widest);
        let number = address.map_or(0, |address| self.state().join(address));
        Paced { rounds: Arc::clone(self), address, number, waits: false, task: Box::pin(task) }
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
    /// One more task of an address: its number.
    fn join(&mut self, address: IpAddr) -> u64 {
        self.tasks += 1;
        self.queues.entry(address).or_default().tasks += 1;
        self.tasks
    }

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

    /// Whether a task may run now; if not, it stands in the queue and is called later.
    fn admit_or_queue(&mut self, address: IpAddr, number: u64, waits: &mut bool, waker: &Waker) -> bool {
        let queue = self.queues.entry(address).or_default();
        if queue.called.remove(&number) {
            *waits = false;
            return true;
        }
        if queue.used < SHARE && queue.waiting.is_empty() && queue.called.is_empty() {
            return true;
        }
        if *waits {
            queue.waiting.iter_mut().filter(|(waiting, _)| *waiting == number).for_each(|(_, known)| known.clone_from(waker));
        } else {
            *waits = true;
            queue.waiting.push_back((number, waker.clone()));
        }
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
    fn leave(&mut self, address: IpAddr, number: u64, waits: bool) -> Vec<Waker> {
        let Some(queue) = self.queues.get_mut(&address) else { return Vec::new() };
        queue.tasks -= 1;
        if waits && !queue.called.remove(&number) {
            queue.waiting.retain(|(waiting, _)| *waiting != number);
        }
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
    /// Calls as many of those who waited first as are likely to fill what is left of the share, once
    /// those who were called before have run.
    fn call(&mut self) -> Vec<Waker> {
        let left = SHARE.saturating_sub(self.used).as_nanos();
        if left == 0 || !self.called.is_empty() {
            return Vec::new();
        }
        let likely = left / self.poll.as_nanos().max(1);
        let count = usize::try_from(likely).unwrap_or(usize::MAX).max(1).min(self.waiting.len());
        let (numbers, wakers): (Vec<_>, _) = self.waiting.drain(..count).unzip();
        self.called.extend(numbers);
        wakers
    }
}

impl<F: Future> Future for Paced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { rounds, address, number, waits, task } = &mut *self;
        let Some(address) = *address else { return task.as_mut().poll(cx) };
        if !rounds.state().admit_or_queue(address, *number, waits, cx.waker()) {
            return Poll::Pending;
        }
        let begun = rounds.clock.steady();
        let polled = task.as_mut().poll(cx);
        let time = rounds.clock.steady().saturating_sub(begun);
        let called = rounds.state().ran(address, time);
        called.into_iter().for_each(Waker::wake);
        polled
    }
}

impl<F> Drop for Paced<F> {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let called = self.rounds.state().leave(address, self.number, self.waits);
        called.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
