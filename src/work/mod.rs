//! Blocking work off the async threads: a bounded number of threads, shared fairly between pools.
//!
//! Owns the threads, the queue of each pool and the memory of argon2. Uses `model` and
//! `crypto::password` (whose memory blocks belong to the threads). Knows nothing of what a job
//! does. Each pool has a queue of its own and pools take turns, so that one pool's login storm
//! cannot starve another's; so do the addresses from which a pool is asked, so that nobody alone
//! keeps it busy. A full queue answers busy at once: to whoever has an equal share of it, or else
//! to whoever gives way.

mod hasher;
mod queue;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod testing;

pub use hasher::Hasher;
pub use queue::Places;

use crate::model::{Error, PoolId, Result, address::subscriber};
use queue::{Full, Queue};
use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::sync::oneshot;

/// Most jobs that wait in all queues together.
pub const MAX_WAITING: usize = 16_384;

const TOTAL: &str = "too much work is waiting; try again in a moment";

type Job = Box<dyn FnOnce(Fate) + Send>;

/// What becomes of a job that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is done.
    Done,
    /// It gives way to another one.
    Evicted,
}

/// For whom a job is done: those for one pool and one address wait in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pool: PoolId,
    /// With IPv6 a /64; none for work of our own.
    address: Option<IpAddr>,
    /// Whether it is for somebody who has shown who they are, or who has come from there before.
    is_known: bool,
}

impl Caller {
    /// Somebody who is known, to whom strangers are not in the way.
    pub fn known(pool: PoolId, address: Option<IpAddr>) -> Self {
        Self::from((pool, address)).known_if(true)
    }

    /// The same, if that is so.
    pub const fn known_if(self, is_known: bool) -> Self {
        Self { is_known: self.is_known || is_known, ..self }
    }
}

impl From<PoolId> for Caller {
    fn from(pool: PoolId) -> Self {
        Self { pool, address: None, is_known: true }
    }
}

impl From<(PoolId, Option<IpAddr>)> for Caller {
    fn from((pool, address): (PoolId, Option<IpAddr>)) -> Self {
        Self { pool, address: address.map(subscriber), is_known: address.is_none() }
    }
}

/// The threads and the queues before them. Dropping it lets running jobs end and drops the waiting
/// ones.
pub struct Work {
    shared: Arc<Shared>,
    threads: usize,
    /// Jobs that found no place, or gave theirs up.
    refused: AtomicU64,
}

struct Shared {
    state: Mutex<State>,
    ready: Condvar,
}

struct State {
    queue: Queue<Job>,
    open: bool,
}

impl Work {
    /// Starts that many threads, at least one, before that many places to wait.
    pub fn new(threads: usize, places: Places) -> Self {
        let state = State { queue: Queue::new(places, MAX_WAITING), open: true };
        let shared = Arc::new(Shared { state: Mutex::new(state), ready: Condvar::new() });
        let start = |number| {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("work-{number}")).spawn(move || shared.serve())
        };
        let threads = (0..threads.max(1)).filter(|number| start(*number).is_ok()).count();
        Self { shared, threads, refused: AtomicU64::new(0) }
    }

    /// How many threads work.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// How many jobs wait.
    pub fn waiting(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// How many jobs found no place, or gave theirs up.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Runs a job for a pool, and for an address if it has one, and answers with its result. Jobs
    /// should take milliseconds: a pool's turn ends with its job. A caller that stops waiting takes
    /// back a job that has not begun.
    ///
    /// Fails with `Unavailable(Busy)` when the queue of the pool or of the address is full, or when
    /// the job gave way to another's, and with `Internal` when the job panicked.
    pub async fn run<T: Send + 'static>(&self, caller: impl Into<Caller>, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move |fate| {
            if !sender.is_closed() {
                // The caller may have gone while the job ran: then nobody needs the answer.
                drop(sender.send(match fate {
                    Fate::Done => Ok(job()),
                    Fate::Evicted => Err(Error::busy(TOTAL)),
                }));
            }
        });
        self.submit(caller.into(), job)?;
        receiver.await.map_err(|_| Error::internal("a job ended without an answer: it panicked, or the server is stopping"))?
    }

    fn submit(&self, caller: Caller, job: Job) -> Result<()> {
        if self.threads == 0 {
            return Err(Error::down(
                "no thread could be started for blocking work: raise the limit of threads of the process and start it again",
            ));
        }
        let pushed = self.shared.lock().queue.push(caller, job);
        if let Some(evicted) = pushed.map_err(|full| self.refuse(caller, &full))? {
            self.count(caller, "another job gave way");
            evicted(Fate::Evicted);
        }
        self.shared.ready.notify_one();
        Ok(())
    }

    /// Why there is no place.
    fn refuse(&self, caller: Caller, full: &Full) -> Error {
        let why = match full {
            Full::Address => "too much work that was asked for from this network address is waiting; try again in a moment",
            Full::Pool => "too much work of this pool is waiting; try again in a moment",
            Full::Total => TOTAL,
        };
        self.count(caller, why);
        Error::busy(why)
    }

    /// Counts a job that is answered busy, and tells the operator whose it was.
    fn count(&self, caller: Caller, why: &str) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let Caller { pool, address, .. } = caller;
        tracing::warn!(%pool, address = address.map(tracing::field::display), why, "no place was left for work");
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.open = false;
        state.queue.clear();
        drop(state);
        self.shared.ready.notify_all();
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work({} threads)", self.threads)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Jobs run outside the lock, so a panic cannot leave the queue half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(|| job(Fate::Done))).is_err() {
                tracing::error!("a job of blocking work panicked");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        while state.open {
            if let Some(job) = state.queue.pop() {
                return Some(job);
            }
            state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }
}

#[cfg(test)]
mod tests;
