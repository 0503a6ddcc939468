//! Threads for connections that ask for little and often, each with a runtime of its own. A connection stays on one of them: what comes for it wakes that thread and
//! no other. A runtime of many threads wakes a second one whenever two connections have something to do, and that costs more than most requests do.

use super::config::ConfigError;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The threads. They end when this goes, which every connection on them holds.
pub struct Lanes {
    runtimes: Vec<Handle>,
    /// Connections on each.
    open: Mutex<Vec<usize>>,
    _end: DropGuard,
}

/// A place on one of them, given back when dropped.
struct Place<'a> {
    lanes: &'a Lanes,
    number: usize,
}

impl Lanes {
    /// Starts that many threads, and one at least.
    pub fn start(count: usize) -> Result<Arc<Self>, ConfigError> {
        let failed = |error: io::Error| ConfigError::new(format!("a thread for connections does not start: {error}"));
        let end = CancellationToken::new();
        let mut runtimes = Vec::new();
        for number in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
            runtimes.push(runtime.handle().clone());
            let end = end.clone();
            thread::Builder::new().name(format!("lane-{number}")).spawn(move || runtime.block_on(end.cancelled())).map_err(failed)?;
        }
        let open = Mutex::new(vec![0; runtimes.len()]);
        Ok(Arc::new(Self { runtimes, open, _end: end.drop_guard() }))
    }

    /// Serves a connection to its end, on the thread that has the fewest.
    pub async fn serve<F>(&self, stream: TcpStream, serve: impl FnOnce(TcpStream) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let place = self.place();
        let Some(runtime) = self.runtimes.get(place.number) else { return };
        if let Err(error) = serve_on(runtime, stream, serve).await {
            tracing::warn!(%error, "a connection cannot be served");
        }
    }

    fn place(&self) -> Place<'_> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let fewest = open.iter_mut().enumerate().min_by_key(|(_, open)| **open);
        let number = fewest.map_or(0, |(number, open)| {
            *open += 1;
            number
        });
        Place { lanes: self, number }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut open = self.lanes.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = open.get_mut(self.number) {
            *open -= 1;
        }
    }
}

async fn serve_on<F>(runtime: &Handle, stream: TcpStream, serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    // A runtime hears only of sockets that have been registered with it.
    let stream = stream.into_std()?;
    let served = runtime.spawn(async move {
        serve(TcpStream::from_std(stream)?).await;
        Ok(())
    });
    // One that panics has said so, and ends alone.
    served.await.unwrap_or(Ok(()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::{mpsc, oneshot};

    /// Both ends of a connection.
    async fn pair() -> (TcpStream, TcpStream) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        (client, socket.accept().await.unwrap().0)
    }

    fn name() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    /// Serves a connection that answers each octet with one, and tells on which thread it is served.
    async fn echo(lanes: &Arc<Lanes>) -> (TcpStream, String) {
        let ((client, stream), (tell, told), lanes) = (pair().await, oneshot::channel(), Arc::clone(lanes));
        let serve = async move |mut stream: TcpStream| {
            tell.send(name()).unwrap();
            while let Ok(octet) = stream.read_u8().await {
                stream.write_u8(octet + 1).await.unwrap();
            }
        };
        tokio::spawn(async move { lanes.serve(stream, serve).await });
        (client, told.await.unwrap())
    }

    #[tokio::test]
    async fn a_connection_is_served_on_the_thread_that_has_the_fewest() {
        let lanes = Lanes::start(2).unwrap();
        let mut connections = Vec::new();
        for expected in ["lane-0", "lane-1", "lane-0", "lane-1"] {
            let (mut client, name) = echo(&lanes).await;
            assert_eq!(name, expected);
            client.write_u8(7).await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), 8);
            connections.push(client);
        }
        assert_eq!(*lanes.open.lock().unwrap(), [2, 2]);
    }

    #[tokio::test]
    async fn a_connection_that_panics_ends_alone_and_gives_its_place_back() {
        let lanes = Lanes::start(1).unwrap();
        let (mut other, _) = echo(&lanes).await;
        let (mut client, stream) = pair().await;
        lanes.serve(stream, async |_| panic!("a defect")).await;
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "it is closed");
        other.write_u8(7).await.unwrap();
        assert_eq!(other.read_u8().await.unwrap(), 8);
        assert_eq!(*lanes.open.lock().unwrap(), [1]);
    }

    #[tokio::test]
    async fn the_threads_end_with_the_lanes_and_take_what_runs_along() {
        let lanes = Lanes::start(2).unwrap();
        let (held, mut gone) = mpsc::channel::<()>(1);
        for runtime in &lanes.runtimes {
            let held = held.clone();
            runtime.spawn(async move {
                std::future::pending::<()>().await;
                drop(held);
            });
        }
        drop(held);
        drop(lanes);
        assert_eq!(gone.recv().await, None);
    }
}
