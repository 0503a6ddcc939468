//! Blocking work off the async threads: a bounded number of threads, shared fairly between pools.
//!
//! Owns the threads, the queue of each pool and the memory of argon2. Uses `model` and `crypto::password` (whose memory blocks belong to the threads). Knows nothing
//! of what a job does. Each pool has a queue of its own and pools take turns, so that one pool's login storm cannot starve another's; a full queue answers busy at once.

mod hasher;

pub use hasher::Hasher;

use crate::model::{PoolId, Result};

/// The threads and the queues before them. Dropping it lets running jobs end and drops the waiting ones.
pub struct Work;

impl Work {
    /// Starts that many threads; each pool may have that many jobs waiting.
    pub fn new(_threads: usize, _queue_per_pool: usize) -> Self {
        todo!()
    }

    /// Runs a job for a pool and answers with its result. Jobs should take milliseconds: a pool's turn ends with its job.
    ///
    /// Fails with `Unavailable(Busy)` when the pool's queue is full and with `Internal` when the job panicked.
    pub async fn run<T: Send + 'static>(&self, _pool: PoolId, _job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        todo!()
    }
}
