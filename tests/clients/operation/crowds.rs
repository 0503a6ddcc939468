//! Where not all can be served at once: who gives way, and who waits for whom.

use super::{exchange, exchange_with, status};
use crate::harness::TestServer;
use crate::ldap_client::Directory;
use crate::ldap_wire;
use bytes::Bytes;
use futures_util::future::select_all;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use poolgate::model::PoolId;
use poolgate::server::Addresses;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use warp::http::Request;

/// How long the server may take to notice who has come or gone.
const PATIENCE: Duration = Duration::from_secs(60);
const PATH: &str = "/pools/acme/.well-known/openid-configuration";
const SERVICE: &str = "cn=app,ou=services,o=acme";
const PASSWORD: &str = "the password of a service";

/// A connection from an address of this machine.
async fn connect(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((from, 0))).unwrap();
    socket.connect(to).await.unwrap()
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn read_some(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 4096];
    let count = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

/// Whether the server answers on a connection; otherwise it has closed it.
async fn is_served(stream: &mut TcpStream, request: &[u8]) -> bool {
    // A connection that the server has closed already may refuse what is written.
    let _ = stream.write_all(request).await;
    matches!(stream.read(&mut [0; 4096]).await, Ok(count) if count > 0)
}

/// A client whose secret is checked by a hash.
async fn create_client(server: &TestServer) {
    let client = ["client", "create", "--pool", "acme", "shop", "--redirect-uri", "http://localhost:9/c", "--secret-stdin"];
    server.poolgate_with_input(&client, "the secret of a client").await.good();
}

/// A request of that client with another secret.
fn token_request() -> String {
    let form = "grant_type=authorization_code&code=c&redirect_uri=r&client_id=shop&client_secret=another+secret+of+a+client";
    format!(
        "POST /pools/acme/oauth2/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

/// The one thread for work is busy until this ends.
struct Busy {
    go: Sender<()>,
    working: JoinHandle<poolgate::model::Result<bool>>,
}

async fn keep_busy(server: &TestServer) -> Busy {
    let ((go, wait), (begin, begun)) = (channel::<()>(), tokio::sync::oneshot::channel());
    let (core, job) = (Arc::clone(server.running.core()), move || begin.send(()).is_ok() && wait.recv().is_err());
    let working = tokio::spawn(async move { core.work.run(PoolId::new(9), job).await });
    begun.await.unwrap();
    Busy { go, working }
}

impl Busy {
    async fn end(self) {
        drop(self.go);
        assert!(self.working.await.unwrap().unwrap());
    }
}

/// Lets whoever asks this way take so much time of each thread that they would have to wait for
/// years.
async fn overspend(server: &TestServer, from: [u8; 4], to: SocketAddr, request: &[u8]) {
    let threads = std::thread::available_parallelism().unwrap().get();
    let mut connections = Vec::new();
    for _ in 0..2 * threads {
        let mut stream = connect(from, to).await;
        assert!(is_served(&mut stream, request).await);
        connections.push(stream);
    }
    server.clock.hurry(Duration::from_secs(1_000_000));
    loop {
        for stream in &mut connections {
            stream.write_all(request).await.unwrap();
        }
        let any = select_all(connections.iter().map(|stream| Box::pin(stream.readable())));
        let answered = timeout(Duration::from_millis(300), any).await.map(|(_, number, _)| number);
        let Ok(answered) = answered else { break };
        assert!(connections[answered].read(&mut [0; 1 << 16]).await.unwrap() > 0);
    }
    server.clock.hurry(Duration::ZERO);
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "not yet: {what}");
}

/// There is always a place for one more, and it is the place of whoever has most.
#[tokio::test(flavor = "multi_thread")]
async fn connections_are_bounded_for_all_and_for_each_address() {
    let server = TestServer::configured(|config| {
        config.limits.connections = 3.try_into().unwrap();
        config.limits.connections_per_address = 2.try_into().unwrap();
    })
    .await;
    let addresses = server.running.addresses();
    let who_am_i = ldap_wire::who_am_i();
    for (to, request) in [(addresses.http[0], &b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"[..]), (addresses.ldap[0], &who_am_i)] {
        let mut open = Vec::new();
        for from in [[127, 0, 0, 2], [127, 0, 0, 2], [127, 0, 0, 2], [127, 0, 0, 3], [127, 0, 0, 4]] {
            let mut stream = connect(from, to).await;
            assert!(is_served(&mut stream, request).await, "{from:?}");
            open.push(stream);
        }
        for (number, served) in [(0, false), (1, false), (2, true), (3, true), (4, true)] {
            assert_eq!(is_served(&mut open[number], request).await, served, "{number}");
        }
    }
    server.stop().await;
}

/// However many strangers come from however many addresses: applications keep what they have bound,
/// people log in, and who watches sees it.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_displace_strangers_only() {
    const STRANGERS: u8 = 200;
    let server = TestServer::configured(|config| config.limits.connections = 32.try_into().unwrap()).await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    server.poolgate_with_input(&["service", "create", "--pool", "acme", "app", "--password-stdin"], PASSWORD).await.good();
    let mut bound = Vec::new();
    for _ in 0..16 {
        bound.push(ldap_wire::Wire::bound(&server, SERVICE, PASSWORD).await);
    }
    let addresses = server.running.addresses();
    let mut strangers = Vec::new();
    for to in [addresses.ldap[0], addresses.http[0]] {
        for number in 1..=STRANGERS {
            for _ in 0..2 {
                strangers.push(connect([127, 0, 1, number], to).await);
            }
        }
    }
    for wire in &mut bound {
        assert!(!ldap_wire::is_notice(&wire.ask(&ldap_wire::who_am_i()).await));
    }
    let mut newcomer = Directory::bound(&server, SERVICE, PASSWORD).await;
    assert_eq!(newcomer.who_am_i().await, format!("dn:{SERVICE}"));
    let get = |path| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&exchange_with(addresses.http[0], get(PATH)).await), 200);
    let metrics = exchange_with(addresses.http[0], get("/metrics")).await;
    for kind in ["http", "ldap"] {
        let line = format!("poolgate_connections_displaced_total{{kind=\"{kind}\"}} ");
        let displaced = metrics.lines().find_map(|found| found.strip_prefix(&line)?.parse::<u32>().ok());
        // Metrics are those of all servers of this process.
        assert!(displaced.is_some_and(|displaced| displaced > 300), "{metrics}");
    }
    drop(strangers);
    server.stop().await;
}

/// Who is connected is served on threads of their own, where the time goes round by address: not on
/// those that let others in.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn whoever_is_connected_waits_for_no_newcomers() {
    let server = TestServer::demo().await;
    let addresses = server.running.addresses();
    let get = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
    let faces = [(addresses.http[0], get), (addresses.ldap[0], ldap_wire::who_am_i())];
    let ask = |stream: &mut std::net::TcpStream, request: &[u8]| {
        stream.write_all(request).unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    };
    let mut connections = faces.map(|(to, request)| {
        let mut stream = std::net::TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        ask(&mut stream, &request);
        (stream, request)
    });
    let ((go, wait), (begin, begun)) = (channel::<()>(), channel());
    let busy = tokio::spawn(async move { begin.send(()).is_ok() && wait.recv().is_err() });
    begun.recv().unwrap();
    for (stream, request) in &mut connections {
        ask(stream, request);
    }
    drop(go);
    assert!(busy.await.unwrap());
    server.stop().await;
}

/// Requests of one address wait for one another, as many as may; whoever watches from this machine
/// waits for nobody.
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_one_address_wait_for_one_another() {
    let server = TestServer::configured(|config| {
        config.limits.requests_per_address = 4.try_into().unwrap();
        config.limits.work_threads = 1;
    })
    .await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    create_client(&server).await;
    let to = server.running.addresses().http[0];
    let work = keep_busy(&server).await;
    // A client waits for the thread, and has the one turn that there is.
    let token = token_request();
    let waiting = tokio::spawn(exchange_with(to, token));
    until("it waits for the thread", || server.running.core().work.waiting() == 1).await;
    let get = |path| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    // Sixteen may wait; for one more the oldest is refused, after a moment.
    let mut others: Vec<_> = (0..17).map(|_| tokio::spawn(exchange_with(to, get(PATH)))).collect();
    for path in ["/readyz", "/healthz", "/metrics"] {
        let answer = timeout(PATIENCE, exchange_with(to, get(path))).await.unwrap();
        assert_eq!(status(&answer), 200, "{path}");
    }
    let refused = timeout(PATIENCE, async {
        loop {
            if let Some(index) = others.iter().position(tokio::task::JoinHandle::is_finished) {
                break others.remove(index).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    });
    let refused = refused.await.unwrap();
    assert!(status(&refused) == 503 && refused.contains("too many requests are under way"), "{refused}");
    assert!(!others.iter().any(tokio::task::JoinHandle::is_finished), "the others of the address wait");
    work.end().await;
    assert_eq!(status(&waiting.await.unwrap()), 401);
    for other in others {
        assert_eq!(status(&other.await.unwrap()), 200);
    }
    server.stop().await;
}

/// A request that is not here yet gives way to one that is: of the same address where that has very
/// much under way.
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_bounded_for_each_address() {
    const MOST: usize = 16;
    let server = TestServer::configured(|config| config.limits.requests_per_address = MOST.try_into().unwrap()).await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let to = server.running.addresses().http[0];
    let asked = async |from| {
        let stream = connect(from, to).await;
        status(&exchange(stream, format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes()).await)
    };
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\nConnection: close\r\n\r\ngrant";
    let half = format!("POST /pools/acme/oauth2/token HTTP/1.1\r\nHost: localhost\r\n{form}");
    let mut halves = Vec::new();
    for _ in 0..MOST {
        let mut stream = connect([127, 0, 0, 2], to).await;
        stream.write_all(half.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    // Until all of them have arrived, there is room. Which of them arrived first nobody knows.
    let refused = async {
        loop {
            let any = select_all(halves.iter().map(|half| Box::pin(half.readable())));
            let first = timeout(Duration::from_millis(50), any).await.map(|(_, first, _)| first);
            if let Ok(first) = first {
                break read_to_end(&mut halves.remove(first)).await;
            }
            assert_eq!(asked([127, 0, 0, 2]).await, 200);
        }
    };
    let refused = timeout(PATIENCE, refused).await.unwrap();
    assert_eq!(status(&refused), 503);
    assert!(refused.contains("retry-after:") && refused.contains("too many requests"), "{refused}");
    assert_eq!(asked([127, 0, 0, 3]).await, 200);
    // What is under way is answered, however much there is of it.
    assert_eq!(status(&exchange(halves.pop().unwrap(), b"_xyz").await), 401);
    server.stop().await;
}

/// Who owes the time of their address, and holds or awaits what others wait for, does not wait for
/// rounds that come in years.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_wait_for_is_not_held_by_somebody_who_waits() {
    const THERE: [u8; 4] = [127, 0, 0, 2];
    let server = TestServer::configured(|config| {
        config.limits.work_threads = 1;
        config.limits.drain_seconds = 0;
    })
    .await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    create_client(&server).await;
    server.poolgate_with_input(&["service", "create", "--pool", "acme", "app", "--password-stdin"], PASSWORD).await.good();
    let Addresses { http, ldap, .. } = server.running.addresses();
    let (web, directory) = (http[0], ldap[0]);
    let work = keep_busy(&server).await;
    let (mut login, mut bind) = (connect(THERE, web).await, connect(THERE, directory).await);
    login.write_all(token_request().as_bytes()).await.unwrap();
    bind.write_all(&ldap_wire::bind(SERVICE, PASSWORD)).await.unwrap();
    until("both wait for the thread", || server.running.core().work.waiting() == 2).await;
    let get = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
    for (to, request) in [(web, get), (directory, ldap_wire::who_am_i())] {
        overspend(&server, THERE, to, &request).await;
    }
    work.end().await;
    let answers = async {
        assert_eq!(status(&read_to_end(&mut login).await), 401);
        let mut answer = vec![0; 64];
        let count = bind.read(&mut answer).await.unwrap();
        assert_eq!(ldap_wire::result_code(&answer[..count]), 0);
    };
    timeout(PATIENCE, answers).await.unwrap();
    server.stop().await;
}

/// Who has to wait is counted, whatever they have taken before: a client behind a proxy keeps no
/// more of its connections waiting than it may.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_their_time_is_counted() {
    const PROXY: [u8; 4] = [127, 0, 0, 3];
    let server = TestServer::configured(|config| {
        config.trusted_proxies = vec!["127.0.0.3".parse().unwrap()];
        config.limits.requests_per_address = 1.try_into().unwrap();
        config.limits.drain_seconds = 0;
    })
    .await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let to = server.running.addresses().http[0];
    let get = |client| format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {client}\r\n\r\n").into_bytes();
    overspend(&server, PROXY, to, &get("192.0.2.1")).await;
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let mut stream = connect(PROXY, to).await;
        stream.write_all(&get("192.0.2.1")).await.unwrap();
        waiting.push(stream);
    }
    let (refused, _, _) = timeout(PATIENCE, select_all(waiting.iter_mut().map(|stream| Box::pin(read_some(stream))))).await.unwrap();
    assert_eq!(status(&refused), 503);
    let mut other = connect(PROXY, to).await;
    other.write_all(&get("192.0.2.2")).await.unwrap();
    assert_eq!(status(&timeout(PATIENCE, read_some(&mut other)).await.unwrap()), 200);
    server.stop().await;
}

/// The first bytes of an HTTP/2 connection whose streams may have no body yet, and so many requests
/// (RFC 9113, sections 3.4, 6.5 and 6.2).
fn asks_and_takes_nothing(requests: u8, client: &str) -> Vec<u8> {
    let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00".to_vec();
    let fields = [(":method", "GET"), (":scheme", "http"), (":path", PATH), (":authority", "localhost"), ("x-forwarded-for", client)];
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    let literal = |(name, value): (&str, &str)| [&[0, length(name)][..], name.as_bytes(), &[length(value)], value.as_bytes()].concat();
    let head: Vec<u8> = fields.into_iter().flat_map(literal).collect();
    for number in 0..requests {
        said.extend([0, 0, u8::try_from(head.len()).unwrap(), 1, 5, 0, 0, 0, 2 * number + 1]);
        said.extend(&head);
    }
    said
}

/// However many requests of one address there are at a time, whoever takes the answers keeps the
/// connections.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_their_answers_gives_way_to_nobody() {
    let server = TestServer::configured(|config| config.limits.requests_per_address = 16.try_into().unwrap()).await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let to = server.running.addresses().http[0];
    let client = move || async move {
        let stream = TokioIo::new(TcpStream::connect(to).await.unwrap());
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        tokio::spawn(connection);
        let stream = || async {
            let mut sender = sender.clone();
            for (path, status) in [(PATH, 200), ("/pools/acme/nothing", 404)].repeat(20) {
                let request = Request::get(format!("http://localhost{path}")).body(Empty::<Bytes>::new()).unwrap();
                let response = sender.send_request(request).await.unwrap();
                assert_eq!(response.status(), status);
                assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());
            }
        };
        futures_util::future::join_all((0..8).map(|_| stream())).await;
    };
    for client in [(); 8].map(|()| tokio::spawn(client())) {
        client.await.unwrap();
    }
    server.stop().await;
}

/// Answers that nobody takes have no more places than requests may: for one more the oldest goes,
/// and its connection, unless that is a proxy's for many.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_no_answers_gives_way() {
    const PROXY: [u8; 4] = [127, 0, 0, 3];
    const MOST: u8 = 8;
    let server = TestServer::configured(|config| {
        config.trusted_proxies = vec!["127.0.0.3".parse().unwrap()];
        config.limits.requests_per_address = usize::from(MOST).try_into().unwrap();
        config.limits.drain_seconds = 0;
    })
    .await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let to = server.running.addresses().http[0];
    for (from, ends) in [([127, 0, 0, 2], true), (PROXY, false)] {
        let mut first = connect(from, to).await;
        first.write_all(&asks_and_takes_nothing(MOST, "192.0.2.1")).await.unwrap();
        let mut heads = 0;
        while heads < MOST {
            // Heads of answers are frames of their own (type 1).
            let mut frame = [0; 9];
            first.read_exact(&mut frame).await.unwrap();
            let length = u32::from_be_bytes([0, frame[0], frame[1], frame[2]]) as usize;
            first.read_exact(&mut vec![0; length]).await.unwrap();
            heads += u8::from(frame[3] == 1);
        }
        let mut second = connect(from, to).await;
        second.write_all(&asks_and_takes_nothing(1, "192.0.2.1")).await.unwrap();
        // Long before it would be closed for asking nothing.
        let rest = timeout(Duration::from_secs(if ends { 20 } else { 1 }), first.read_to_end(&mut Vec::new())).await;
        assert_eq!(rest.is_ok(), ends, "{from:?}");
    }
    server.stop().await;
}
