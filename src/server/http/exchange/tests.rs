use super::*;
use crate::model::testing::SteadyHand;
use crate::web::problem;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use warp::http::StatusCode;

#[tokio::test]
async fn a_connection_that_asks_nothing_is_closed() {
    let answer = |_| async { problem::plain(StatusCode::OK, "fine") };
    for said in ["", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(said.as_bytes()).await.unwrap();
        exchange(ours, Duration::from_millis(20), &Life::default(), answer).await;
        let mut heard = Vec::new();
        theirs.read_to_end(&mut heard).await.unwrap();
    }
}

/// A thread whose rounds are counted by a clock of its own: each answer takes a millisecond.
struct Thread {
    clock: Arc<SteadyHand>,
    rounds: Arc<Rounds>,
    answered: Arc<Mutex<Vec<u8>>>,
    begin: watch::Sender<bool>,
}

impl Thread {
    fn start() -> Self {
        let clock = Arc::new(SteadyHand::default());
        let rounds = Rounds::new(clock.clone());
        tokio::spawn(Arc::clone(&rounds).run());
        Self { clock, rounds, answered: Arc::default(), begin: watch::Sender::default() }
    }

    /// A connection from that address, or of a proxy for a client of that address: the other end
    /// of it. Requests are answered as soon as all may begin.
    fn connection(&self, address: [u8; 4], behind_a_proxy: bool) -> DuplexStream {
        self.serve(address, behind_a_proxy).0
    }

    fn serve(&self, address: [u8; 4], behind_a_proxy: bool) -> (DuplexStream, JoinHandle<()>) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let lane = Lane { rounds: Arc::clone(&self.rounds), address: (!behind_a_proxy).then_some(address.into()) };
        let (clock, answered, begin) = (Arc::clone(&self.clock), Arc::clone(&self.answered), self.begin.subscribe());
        let answer = move |request: Request<Incoming>| {
            let (clock, answered, mut begin) = (Arc::clone(&clock), Arc::clone(&answered), begin.clone());
            lane.request(address.into(), request.version(), async move {
                begin.wait_for(|begin| *begin).await.unwrap();
                clock.forward(Duration::from_millis(1));
                answered.lock().unwrap().push(address[3]);
                problem::plain(StatusCode::OK, "fine")
            })
        };
        // As a lane does.
        let served = async move { exchange(ours, NEVER, &Life::default(), answer).await };
        (theirs, tokio::spawn(self.rounds.pace((!behind_a_proxy).then_some(address.into()), served)))
    }

    /// Lets them begin, and tells how many of the address 1 were answered before the address 2
    /// had this many answers.
    async fn before(&self, answers: usize) -> usize {
        self.begin.send_replace(true);
        loop {
            let answered = self.answered.lock().unwrap().clone();
            let of = |wanted| answered.iter().filter(move |number| **number == wanted).count();
            if of(2) >= answers {
                return of(1);
            }
            tokio::task::yield_now().await;
        }
    }
}

const NEVER: Duration = Duration::from_secs(100_000);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// However many requests of one address are ready, on however many connections and streams, an
/// address that has few waits for few of them.
#[tokio::test]
async fn a_multitude_of_one_address_stands_before_nobody() {
    for behind_a_proxy in [false, true] {
        let thread = Thread::start();
        let mut clients = Vec::new();
        for _ in 0..200 {
            let mut client = thread.connection([192, 0, 2, 1], behind_a_proxy);
            client.write_all(&GET.repeat(20)).await.unwrap();
            clients.push(client);
        }
        let mut one = thread.connection([192, 0, 2, 2], behind_a_proxy);
        one.write_all(&GET.repeat(5)).await.unwrap();
        settle().await;
        let before = thread.before(5).await;
        assert!(before <= 20, "{before} before, behind a proxy: {behind_a_proxy}");
    }
}

#[tokio::test]
async fn the_streams_of_a_connection_count_like_connections() {
    let thread = Thread::start();
    let mut many = Vec::new();
    for _ in 0..50 {
        let client = thread.connection([192, 0, 2, 1], false);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
        tokio::spawn(connection);
        for _ in 0..MAX_STREAMS {
            let mut sender = sender.clone();
            many.push(tokio::spawn(async move { sender.send_request(Request::new(Empty::<Bytes>::new())).await.unwrap() }));
        }
    }
    let mut one = thread.connection([192, 0, 2, 2], false);
    one.write_all(GET).await.unwrap();
    settle().await;
    let before = thread.before(1).await;
    assert!(before <= 4, "{before}");
    for answer in many {
        assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    }
}

/// Whoever has lost their place leaves nothing behind, however long they would have to wait for
/// their turn.
#[tokio::test]
async fn streams_end_with_their_connection() {
    let thread = Thread::start();
    let (client, served) = thread.serve([192, 0, 2, 1], false);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
    tokio::spawn(connection);
    let asked: Vec<_> = (0..MAX_STREAMS).map(|_| sender.clone().send_request(Request::new(Empty::<Bytes>::new()))).collect();
    let asked = tokio::spawn(futures_util::future::join_all(asked));
    settle().await;
    assert_eq!(Arc::strong_count(&thread.answered), 2 + MAX_STREAMS as usize);
    let clock = Arc::clone(&thread.clock);
    let owes = async move { clock.forward(NEVER) };
    tokio::spawn(thread.rounds.pace(Some([192, 0, 2, 1].into()), owes)).await.unwrap();
    served.abort();
    settle().await;
    assert_eq!(Arc::strong_count(&thread.answered), 1);
    assert!(asked.await.unwrap().iter().all(Result::is_err));
}
