//! What runs until the server stops: its tasks, and the word that tells them to end.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The life of a server. A cheap handle.
#[derive(Clone, Default)]
pub struct Life {
    tasks: TaskTracker,
    end: CancellationToken,
}

impl Life {
    /// Starts a task that the end waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Completes when the server is to stop.
    pub async fn ending(&self) {
        self.end.cancelled().await;
    }

    /// Whether the server is to stop.
    pub fn is_ending(&self) -> bool {
        self.end.is_cancelled()
    }

    /// Runs a connection to its end. When the server stops, `shut` tells it to take no further
    /// request, and it ends after those that run.
    pub async fn drain<C: Future>(&self, connection: C, shut: impl FnOnce(Pin<&mut C>)) -> C::Output {
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.ending() => {
                shut(connection.as_mut());
                connection.await
            }
        }
    }

    /// The word itself, for rooms beneath.
    pub fn token(&self) -> CancellationToken {
        self.end.clone()
    }

    /// Tells all tasks to end and waits for them; whether they did in time.
    pub async fn end(&self, patience: Duration) -> bool {
        self.end.cancel();
        self.tasks.close();
        tokio::time::timeout(patience, self.tasks.wait()).await.is_ok()
    }
}
