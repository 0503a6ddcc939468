//! HTTP connections that ask nothing do not stay: each has a place at the gate that somebody else
//! could have.

use std::time::Duration;
use tokio::sync::watch;

/// The requests of one connection: how many run, and how many there have been.
#[derive(Clone, Default)]
pub struct Requests(watch::Sender<Count>);

#[derive(Clone, Copy, Default)]
struct Count {
    running: usize,
    begun: u64,
}

/// A request that runs until this is dropped.
pub struct Request(watch::Sender<Count>);

impl Requests {
    /// A request begins.
    pub fn begin(&self) -> Request {
        self.0.send_modify(|count| {
            count.running += 1;
            count.begun += 1;
        });
        Request(self.0.clone())
    }

    /// Ends when the connection has been without a request for too long: `first` is for its first
    /// request, `next` for each later one.
    pub async fn idle(&self, first: Duration, next: Duration) {
        let mut counts = self.0.subscribe();
        loop {
            let Count { running, begun } = *counts.borrow_and_update();
            let allowed = if begun == 0 { first } else { next };
            tokio::select! {
                () = tokio::time::sleep(allowed), if running == 0 => return,
                _ = counts.changed() => {}
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.send_modify(|count| count.running -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, poll};
    use std::pin::pin;

    const NEVER: Duration = Duration::from_secs(100_000);

    #[tokio::test]
    async fn the_first_request_and_later_ones_have_times_of_their_own() {
        let requests = Requests::default();
        requests.idle(Duration::ZERO, NEVER).await;
        drop(requests.begin());
        requests.idle(NEVER, Duration::ZERO).await;
    }

    #[tokio::test]
    async fn a_connection_is_not_idle_while_a_request_runs() {
        let requests = Requests::default();
        let (one, two) = (requests.begin(), requests.begin());
        assert!(requests.idle(Duration::ZERO, Duration::ZERO).now_or_never().is_none());
        let mut idle = pin!(requests.idle(NEVER, Duration::ZERO));
        drop(one);
        assert!(poll!(idle.as_mut()).is_pending());
        drop(two);
        idle.await;
    }
}
