//! For tests: threads that have something else to do.

use super::Work;
use crate::model::{PoolId, Result};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Every thread is busy until this ends.
pub struct Busy(Vec<(Sender<()>, JoinHandle<Result<bool>>)>);

/// Keeps every thread busy from now on.
pub async fn keep_busy(work: &Arc<Work>) -> Busy {
    let mut jobs = Vec::new();
    for _ in 0..work.threads {
        let ((go, wait), (begin, begun), work) = (channel(), oneshot::channel(), Arc::clone(work));
        let job = move || begin.send(()).is_ok() && wait.recv().is_err();
        jobs.push((go, tokio::spawn(async move { work.run(PoolId::new(9), job).await })));
        begun.await.unwrap();
    }
    Busy(jobs)
}

/// Fills the line of a pool with a job from each of so many addresses.
pub async fn fill(work: &Arc<Work>, pool: PoolId, count: usize) {
    for number in 0..count {
        let (work, address) = (Arc::clone(work), Ipv4Addr::from_bits(number as u32).into());
        tokio::spawn(async move { work.run((pool, Some(address)), || ()).await });
    }
    while work.waiting() < count {
        tokio::task::yield_now().await;
    }
}

impl Busy {
    /// Lets the threads go on.
    pub async fn end(self) {
        for (go, job) in self.0 {
            drop(go);
            assert!(job.await.unwrap().unwrap());
        }
    }
}
