//! Turns of tasks that share one thread, by the network address that each works for.
//!
//! A runtime polls what is ready in the order in which it became ready. So whoever has a thousand
//! connections that are always busy has a thousand polls for each of everybody else. Here time goes
//! round: an address that has used its share of a round has the rest of its tasks wait for the
//! next, which begins when everybody has been polled who was ready.

use crate::model::Clock;
use crate::model::address::subscriber;
use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The time of one round that an address has for itself while others are ready too.
const SHARE: Duration = Duration::from_millis(1);

/// The tasks of one thread.
pub struct Rounds {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lines: HashMap<IpAddr, Line>,
    /// Those who have used up their share.
    over: Vec<IpAddr>,
    /// Wakes whoever begins the next round.
    next: Option<Waker>,
    tasks: u64,
}

/// The tasks of one address.
#[derive(Default)]
struct Line {
    tasks: usize,
    /// Of this round.
    used: Duration,
    waiting: VecDeque<(u64, Waker)>,
    /// Whoever waited first and may go on.
    called: Option<u64>,
}

/// A task that takes turns.
pub struct Turns<F> {
    rounds: Arc<Rounds>,
    address: IpAddr,
    number: u64,
    /// Whether it stands in the line of its address.
    waits: bool,
    task: Pin<Box<F>>,
}

impl Rounds {
    /// No task yet.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, state: Mutex::default() })
    }

    /// Has a task take turns with others that work for its address.
    pub fn share<F: Future>(self: &Arc<Self>, address: IpAddr, task: F) -> Turns<F> {
        let address = subscriber(address);
        let mut state = self.lock();
        state.tasks += 1;
        state.lines.entry(address).or_default().tasks += 1;
        Turns { rounds: Arc::clone(self), address, number: state.tasks, waits: false, task: Box::pin(task) }
    }

    /// Begins one round after the other, for as long as the thread runs.
    pub async fn run(self: Arc<Self>) {
        loop {
            poll_fn(|cx| self.lock().is_over(cx)).await;
            // Behind everybody who is ready.
            tokio::task::yield_now().await;
            let called = self.lock().begin();
            called.into_iter().for_each(Waker::wake);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether the next round is wanted.
    fn is_over(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.over.is_empty() {
            self.next = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Begins the next round, and calls who may go on. Whoever took more than a share has that much
    /// less of what comes.
    fn begin(&mut self) -> Vec<Waker> {
        let mut called = Vec::new();
        let mut over = std::mem::take(&mut self.over);
        over.retain(|address| {
            let Some(line) = self.lines.get_mut(address) else { return false };
            line.used = line.used.saturating_sub(SHARE);
            called.extend(line.call());
            line.used >= SHARE
        });
        self.over = over;
        called
    }

    /// Whether a task may run now; if not, it is called later.
    fn admits(&mut self, address: IpAddr, number: u64, waits: &mut bool, waker: &Waker) -> bool {
        let Some(line) = self.lines.get_mut(&address) else { return true };
        if line.called == Some(number) {
            (line.called, *waits) = (None, false);
            return true;
        }
        if line.used < SHARE && line.waiting.is_empty() && line.called.is_none() {
            return true;
        }
        if *waits {
            line.waiting.iter_mut().filter(|(waiting, _)| *waiting == number).for_each(|(_, known)| known.clone_from(waker));
        } else {
            *waits = true;
            line.waiting.push_back((number, waker.clone()));
        }
        false
    }

    /// A task has run for so long. Calls the next one of its address, or whoever begins the next
    /// round.
    fn ran(&mut self, address: IpAddr, time: Duration) -> Option<Waker> {
        let line = self.lines.get_mut(&address)?;
        let was_over = line.used >= SHARE;
        line.used += time;
        if line.used < SHARE {
            return line.call();
        }
        if was_over {
            return None;
        }
        self.over.push(address);
        self.next.take()
    }

    /// A task has ended, or is wanted no longer.
    fn leave(&mut self, address: IpAddr, number: u64) -> Option<Waker> {
        let line = self.lines.get_mut(&address)?;
        line.tasks -= 1;
        if line.tasks == 0 {
            self.lines.remove(&address);
            return None;
        }
        line.waiting.retain(|(waiting, _)| *waiting != number);
        line.called = line.called.filter(|called| *called != number);
        line.call()
    }
}

impl Line {
    /// Whoever waited first may go on, if there is time left.
    fn call(&mut self) -> Option<Waker> {
        if self.used >= SHARE || self.called.is_some() {
            return None;
        }
        let (number, waker) = self.waiting.pop_front()?;
        self.called = Some(number);
        Some(waker)
    }
}

impl<F: Future> Future for Turns<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { rounds, address, number, waits, task } = &mut *self;
        if !rounds.lock().admits(*address, *number, waits, cx.waker()) {
            return Poll::Pending;
        }
        let begun = rounds.clock.steady();
        let polled = task.as_mut().poll(cx);
        let time = rounds.clock.steady().saturating_sub(begun);
        let called = rounds.lock().ran(*address, time);
        called.into_iter().for_each(Waker::wake);
        polled
    }
}

impl<F> Drop for Turns<F> {
    fn drop(&mut self) {
        let called = self.rounds.lock().leave(self.address, self.number);
        called.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
