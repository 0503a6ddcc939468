//! Threads for connections, each with a runtime of its own. A connection stays on one of them: what
//! comes for it wakes that thread and no other. A runtime of many threads wakes a second one
//! whenever two connections have something to do, and that costs more than most requests do. And
//! the time of one thread can be shared by address, as [`Rounds`] do.
//!
//! The price: a connection is placed once, by how many there are and not by what they do, so two
//! busy ones can share a thread while another thread idles. And whatever is done there without
//! waiting stalls the neighbours for as long as it takes. So what a request does there is bounded,
//! and what takes longer is a job in `work`.

use super::error::ConfigError;
use crate::crowd::rounds::Rounds;
use crate::model::Clock;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

/// How many file descriptors one of them has for itself.
pub const DESCRIPTORS: u64 = 4;

/// After so many tasks a thread looks for what the network has brought.
const LOOKS_AT_NETWORK: u32 = 16;

/// Of so many tasks that a thread runs, one is of those that other threads have woken, however many
/// wake one another there: whoever has come, and whoever has to go.
const FROM_OTHERS: u32 = 2;

/// The threads. They end when this goes, and with them the connections that are served there. For
/// each of those a task on the runtime that accepted it waits until it has ended, and holds this
/// meanwhile.
pub struct Lanes {
    threads: Vec<Lane>,
    /// How many there are on each.
    connections: Mutex<Vec<usize>>,
    _end: DropGuard,
}

/// One thread: where to have it run something, and whose turn it is there.
struct Lane {
    runtime: Handle,
    rounds: Arc<Rounds>,
}

/// A seat on one of them, given back when dropped.
struct Seat<'a> {
    lanes: &'a Lanes,
    number: usize,
}

impl Lanes {
    /// Starts that many threads, and one at least.
    pub fn start(name: &str, count: usize, clock: &Arc<dyn Clock>) -> Result<Arc<Self>, ConfigError> {
        Self::start_by(count, clock, |number, end| start_thread(format!("{name}-{number}"), end))
            .map_err(|error| ConfigError::new(format!("a thread for connections does not start: {error}")))
    }

    fn start_by(
        count: usize,
        clock: &Arc<dyn Clock>,
        start: impl Fn(usize, CancellationToken) -> io::Result<Handle>,
    ) -> io::Result<Arc<Self>> {
        let end = CancellationToken::new();
        // From now on: those that have started end if a later one does not start.
        let guard = end.clone().drop_guard();
        let lane = |number| {
            let (runtime, rounds) = (start(number, end.clone())?, Rounds::new(Arc::clone(clock)));
            runtime.spawn(Arc::clone(&rounds).run());
            Ok(Lane { runtime, rounds })
        };
        let threads = (0..count.max(1)).map(lane).collect::<io::Result<Vec<_>>>()?;
        let connections = Mutex::new(vec![0; threads.len()]);
        Ok(Arc::new(Self { threads, connections, _end: guard }))
    }

    /// Serves a connection to its end, on the thread that has the fewest and by its rounds: on behalf
    /// of that address, or of nobody in particular.
    pub async fn serve<F>(
        &self,
        stream: TcpStream,
        address: Option<IpAddr>,
        serve: impl FnOnce(TcpStream, Arc<Rounds>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let seat = self.seat();
        let Some(lane) = self.threads.get(seat.number) else { return };
        let served = match lane.start(stream, address, serve) {
            // One that panics has said so, and ends alone.
            Ok(serving) => serving.await.unwrap_or(Ok(())),
            Err(error) => Err(error),
        };
        if let Err(error) = served {
            tracing::warn!(%error, "a connection cannot be served");
        }
    }

    fn seat(&self) -> Seat<'_> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let fewest = connections.iter_mut().enumerate().min_by_key(|(_, count)| **count);
        let number = fewest.map_or(0, |(number, count)| {
            *count += 1;
            number
        });
        Seat { lanes: self, number }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut connections = self.lanes.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = connections.get_mut(self.number) {
            *count -= 1;
        }
    }
}

/// Starts one, which ends with that token.
fn start_thread(name: String, end: CancellationToken) -> io::Result<Handle> {
    let (tell, told) = mpsc::channel();
    // It makes its runtime itself: if it does not start there is none to drop, which must not
    // happen within another runtime.
    thread::Builder::new().name(name).spawn(move || {
        match Builder::new_current_thread().enable_all().event_interval(LOOKS_AT_NETWORK).global_queue_interval(FROM_OTHERS).build() {
            Ok(runtime) => {
                let _ = tell.send(Ok(runtime.handle().clone()));
                runtime.block_on(end.cancelled());
            }
            Err(error) => {
                let _ = tell.send(Err(error));
            }
        }
    })?;
    told.recv().map_err(io::Error::other)?
}

impl Lane {
    /// Begins to serve a connection, for as long as somebody waits for its end.
    fn start<F>(
        &self,
        stream: TcpStream,
        address: Option<IpAddr>,
        serve: impl FnOnce(TcpStream, Arc<Rounds>) -> F + Send + 'static,
    ) -> io::Result<AbortOnDropHandle<io::Result<()>>>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // A runtime hears only of sockets that have been registered with it.
        let stream = stream.into_std()?;
        let rounds = Arc::clone(&self.rounds);
        let served = self.rounds.pace(address, async move {
            serve(TcpStream::from_std(stream)?, rounds).await;
            Ok(())
        });
        Ok(AbortOnDropHandle::new(self.runtime.spawn(served)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::testing::SteadyHand;
    use crate::server::SystemClock;
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc::{Sender, channel};
    use tokio::sync::oneshot;

    const ADDRESS: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

    fn clock() -> Arc<dyn Clock> {
        Arc::new(SystemClock::default())
    }

    /// Both ends of a connection.
    async fn pair() -> (TcpStream, TcpStream) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        (client, socket.accept().await.unwrap().0)
    }

    fn name() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    /// Keeps this for as long as the thread of that runtime runs.
    fn hold(runtime: &Handle, held: &Sender<()>) {
        let held = held.clone();
        runtime.spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
    }

    /// Serves a connection that answers each octet with one, and tells on which thread it is
    /// served.
    async fn echo(lanes: &Arc<Lanes>) -> (TcpStream, String) {
        let ((client, stream), (tell, told), lanes) = (pair().await, oneshot::channel(), Arc::clone(lanes));
        let serve = async move |mut stream: TcpStream, _| {
            tell.send(name()).unwrap();
            while let Ok(octet) = stream.read_u8().await {
                stream.write_u8(octet + 1).await.unwrap();
            }
        };
        tokio::spawn(async move { lanes.serve(stream, ADDRESS, serve).await });
        (client, told.await.unwrap())
    }

    #[tokio::test]
    async fn a_connection_is_served_on_the_thread_that_has_the_fewest() {
        let lanes = Lanes::start("lane", 2, &clock()).unwrap();
        let mut connections = Vec::new();
        for expected in ["lane-0", "lane-1", "lane-0", "lane-1"] {
            let (mut client, name) = echo(&lanes).await;
            assert_eq!(name, expected);
            client.write_u8(7).await.unwrap();
            assert_eq!(client.read_u8().await.unwrap(), 8);
            connections.push(client);
        }
        assert_eq!(*lanes.connections.lock().unwrap(), [2, 2]);
    }

    #[tokio::test]
    async fn a_connection_that_panics_ends_alone_and_gives_its_place_back() {
        let lanes = Lanes::start("lane", 1, &clock()).unwrap();
        let (mut other, _) = echo(&lanes).await;
        let (mut client, stream) = pair().await;
        lanes.serve(stream, ADDRESS, async |_, _| panic!("a defect")).await;
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "it is closed");
        other.write_u8(7).await.unwrap();
        assert_eq!(other.read_u8().await.unwrap(), 8);
        assert_eq!(*lanes.connections.lock().unwrap(), [1]);
    }

    #[tokio::test]
    async fn the_connections_of_one_address_share_the_time_of_a_thread_with_one_of_another() {
        // Every poll takes a millisecond.
        let clock: Arc<dyn Clock> = Arc::new(SteadyHand::stepping(Duration::from_millis(1)));
        let lanes = Lanes::start("lane", 1, &clock).unwrap();
        let polls = Arc::new(AtomicU64::new(0));
        let (begin, _) = tokio::sync::watch::channel(false);
        let mut clients = Vec::new();
        for _ in 0..100 {
            let ((client, stream), lanes, polls, mut begun) = (pair().await, Arc::clone(&lanes), Arc::clone(&polls), begin.subscribe());
            let busy = async move |_: TcpStream, _| {
                begun.changed().await.unwrap();
                loop {
                    polls.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            };
            clients.push(client);
            tokio::spawn(async move { lanes.serve(stream, ADDRESS, busy).await });
        }
        let (client, stream) = pair().await;
        let (tell, told) = oneshot::channel();
        let few = {
            let (polls, mut begun) = (Arc::clone(&polls), begin.subscribe());
            async move |_: TcpStream, _| {
                begun.changed().await.unwrap();
                let before = polls.load(Ordering::SeqCst);
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                tell.send(polls.load(Ordering::SeqCst) - before).unwrap();
            }
        };
        let other = Arc::clone(&lanes);
        tokio::spawn(async move { other.serve(stream, Some(Ipv4Addr::new(192, 0, 2, 1).into()), few).await });
        while begin.receiver_count() < 101 {
            tokio::task::yield_now().await;
        }
        begin.send_replace(true);
        let between = told.await.unwrap();
        assert!(between < 200, "{between} polls of the many, to 50 of the one");
        drop((clients, client));
    }

    /// However busy a thread is with what it has, others come and go.
    #[tokio::test]
    async fn what_other_threads_wake_is_not_behind_all_that_is_ready() {
        let lanes = Lanes::start("lane", 1, &clock()).unwrap();
        let runtime = &lanes.threads[0].runtime;
        let ((go, wait), polls) = (std::sync::mpsc::channel::<()>(), Arc::new(AtomicU64::new(0)));
        let busy = Arc::clone(&polls);
        runtime.spawn(async move {
            for _ in 0..10 {
                let busy = Arc::clone(&busy);
                tokio::spawn(std::future::poll_fn(move |cx| {
                    busy.fetch_add(1, Ordering::SeqCst);
                    cx.waker().wake_by_ref();
                    std::task::Poll::<()>::Pending
                }));
            }
            let _ = wait.recv();
        });
        let others: Vec<_> = (0..1000).map(|_| runtime.spawn(async {})).collect();
        let (last, counted) = (Arc::clone(&polls), others.len());
        let last = runtime.spawn(async move { last.load(Ordering::SeqCst) });
        drop(go);
        let before = last.await.unwrap();
        assert!(before < 4000, "{before} polls of what was ready before {counted} others had run");
    }

    #[tokio::test]
    async fn the_threads_end_with_the_lanes_and_take_what_runs_along() {
        let lanes = Lanes::start("lane", 2, &clock()).unwrap();
        let (held, mut gone) = channel::<()>(1);
        lanes.threads.iter().for_each(|lane| hold(&lane.runtime, &held));
        drop((held, lanes));
        assert_eq!(gone.recv().await, None);
    }

    #[tokio::test]
    async fn threads_end_if_a_later_one_does_not_start() {
        let (held, mut gone) = channel::<()>(1);
        let start = move |number: usize, end| {
            if number == 2 {
                return Err(io::Error::other("one too many"));
            }
            let runtime = start_thread(number.to_string(), end)?;
            hold(&runtime, &held);
            Ok(runtime)
        };
        let refused = Lanes::start_by(3, &clock(), start).map(|_| ()).unwrap_err();
        assert_eq!(refused.to_string(), "one too many");
        assert_eq!(gone.recv().await, None, "what ran on the first two has gone with them");
    }
}
