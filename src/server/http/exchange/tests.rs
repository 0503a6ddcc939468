use super::*;
use crate::crowd::requests::{Crowd, Entered, Limits};
use crate::crowd::{Gate, Room};
use crate::model::testing::SteadyHand;
use crate::web::{Response, problem, with_header};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::TokioExecutor;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use warp::http::header::{CONTENT_LENGTH, LOCATION};
use warp::http::{Method, StatusCode};

#[tokio::test]
async fn a_connection_that_asks_nothing_is_closed() {
    let answer = |_| async { problem::plain(StatusCode::OK, "fine").into() };
    for said in ["", "PRI * HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        theirs.write_all(said.as_bytes()).await.unwrap();
        assert!(!exchange(ours, Duration::from_millis(20), &Life::default(), answer).await);
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

    fn serve(&self, address: [u8; 4], behind_a_proxy: bool) -> (DuplexStream, JoinHandle<bool>) {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let lane = Lane { rounds: Arc::clone(&self.rounds), address: (!behind_a_proxy).then_some(address.into()) };
        let (clock, answered, begin) = (Arc::clone(&self.clock), Arc::clone(&self.answered), self.begin.subscribe());
        let answer = move |request: Request<Incoming>| {
            let (clock, answered, mut begin) = (Arc::clone(&clock), Arc::clone(&answered), begin.clone());
            lane.request(address.into(), request.version(), async move {
                begin.wait_for(|begin| *begin).await.unwrap();
                clock.forward(Duration::from_millis(1));
                answered.lock().unwrap().push(address[3]);
                problem::plain(StatusCode::OK, "fine").into()
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

const HERE: [u8; 4] = [192, 0, 2, 1];

/// Whoever may have one request that was let in.
struct Single {
    crowd: Arc<Crowd>,
}

impl Single {
    fn new() -> Self {
        let one = Room { places: 1, per_address: 1 };
        Self { crowd: Crowd::new(Limits { at_once: 1, waiting: one, entered: one }) }
    }

    fn enters(&self) -> Entered {
        let connection = Gate::new(Room { places: 1, per_address: 1 }).enter(None).unwrap();
        self.crowd.arrive(HERE.into()).unwrap().enter(connection, None).unwrap()
    }

    /// A connection of which every request is answered with a head and a body of so many bytes.
    fn serve(&self, head: usize, body: usize) -> (DuplexStream, JoinHandle<bool>) {
        let (ours, theirs) = tokio::io::duplex(1024);
        let single = Self { crowd: Arc::clone(&self.crowd) };
        let answer = move |_| {
            let response = Response::new("b".repeat(body).into());
            let response = with_header(response, LOCATION, &"h".repeat(head));
            let place = single.enters();
            async move {
                place.answered().await;
                Answer { response, place: Some(place) }
            }
        };
        (theirs, tokio::spawn(async move { exchange(ours, NEVER, &Life::default(), answer).await }))
    }
}

/// The first bytes of an HTTP/2 connection: its streams may have so many bytes each, and the first
/// one asks (RFC 9113, sections 3.4, 6.5 and 6.2).
fn ask_for(window: u32) -> Vec<u8> {
    let settings = [&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4][..], &window.to_be_bytes()].concat();
    let headers = [&[0, 0, 14, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 9][..], b"localhost"].concat();
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &headers].concat()
}

#[tokio::test]
async fn an_answer_has_a_place_until_it_is_taken() {
    // What is asked, whether what comes is read, and the bytes of the head and of the body.
    let cases = [
        ("no window", ask_for(0), true, 0, 3000),
        ("a small window", ask_for(1), true, 0, 3000),
        ("a body that is not read", ask_for(1 << 16), false, 0, 3000),
        ("a head that is not read", ask_for(1 << 16), false, 50_000, 0),
        ("HTTP/1", GET.to_vec(), false, 0, 3000),
    ];
    for (name, asked, is_read, head, body) in cases {
        let single = Single::new();
        let (mut client, served) = single.serve(head, body);
        client.write_all(&asked).await.unwrap();
        let (mut reads, _writes) = tokio::io::split(client);
        let reading =
            tokio::spawn(async move { if is_read { tokio::io::copy(&mut reads, &mut tokio::io::sink()).await.unwrap() } else { 0 } });
        settle().await;
        assert!(!served.is_finished(), "{name}");
        let _other = single.enters();
        assert!(timeout(Duration::from_secs(10), served).await.expect(name).unwrap(), "{name}");
        assert!(!is_read || reading.await.unwrap() > 0, "{name}");
    }
}

#[tokio::test]
async fn an_answer_that_is_taken_has_no_place_any_more() {
    for (name, asked) in [("HTTP/1", GET.to_vec()), ("HTTP/2", ask_for(1 << 16))] {
        for (head, body) in [(0, 0), (0, 3000), (3000, 0)] {
            let single = Single::new();
            let (mut client, served) = single.serve(head, body);
            client.write_all(&asked).await.unwrap();
            let (mut reads, _writes) = tokio::io::split(client);
            let reading = tokio::spawn(async move { tokio::io::copy(&mut reads, &mut tokio::io::sink()).await.unwrap() });
            settle().await;
            drop([single.enters(), single.enters()]);
            settle().await;
            assert!(!served.is_finished(), "{name}: {head}, {body}");
            served.abort();
            assert!(reading.await.unwrap() >= body as u64, "{name}: {head}, {body}");
        }
    }
}

/// Nobody who asks sees that an answer had a place: whether there is a body, how long it is, and
/// where it ends is told as ever.
#[tokio::test]
async fn an_answer_with_a_place_is_told_like_others() {
    let single = Single::new();
    for body in [0, 3000] {
        for method in [Method::GET, Method::HEAD] {
            let (client, _served) = single.serve(3, body);
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(client)).await.unwrap();
            tokio::spawn(connection);
            let request = Request::builder().method(method.clone()).body(Empty::<Bytes>::new()).unwrap();
            let response = sender.send_request(request).await.unwrap();
            let length = response.headers().get(CONTENT_LENGTH).map(|length| length.to_str().unwrap().to_owned());
            assert_eq!(length, (body > 0).then(|| body.to_string()), "{method}");
            let came = response.into_body().collect().await.unwrap().to_bytes().len();
            assert_eq!(came, if method == Method::GET { body } else { 0 }, "{method}");
        }
        let (mut client, _served) = single.serve(3, body);
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        let (head, rest) = heard.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {body}")) && rest.len() == body, "{heard}");
    }
}
