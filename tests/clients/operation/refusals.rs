//! What is refused before anybody looks at what it asks: other hosts, too much, too many.

use super::{exchange, exchange_with, status};
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::ldap_wire;
use crate::web_client::{Application, Browser};
use bytes::Bytes;
use futures_util::future::select_all;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ldap3::Scope;
use poolgate::model::PoolId;
use rustls_pki_types::ServerName;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long the server may take to notice who has come or gone.
const PATIENCE: Duration = Duration::from_secs(60);
const PATH: &str = "/pools/acme/.well-known/openid-configuration";
const SERVICE: &str = "cn=app,ou=services,o=acme";
const PASSWORD: &str = "the password of a service";

/// A request within TLS: the name that TLS is asked for, and the one that HTTP is.
async fn over_tls(server: &TestServer, server_name: &str, host: &str) -> String {
    let stream = TcpStream::connect(server.running.addresses().https[0]).await.unwrap();
    let name = ServerName::try_from(server_name.to_owned()).unwrap();
    let stream = TlsConnector::from(server.trust()).connect(name, stream).await.unwrap();
    exchange(stream, format!("GET {PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_other_hosts_are_misdirected() {
    let server = TestServer::demo().await;
    let address = server.running.addresses().http[0];
    let asked =
        async |lines: &str| status(&exchange_with(address, format!("GET {PATH} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")).await);
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "localhost:8080"] {
        assert_eq!(asked(&format!("Host: {host}\r\n")).await, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "evil.example:80", "10.0.0.1", "acme.localhost", "[::2]"] {
        assert_eq!(asked(&format!("Host: {host}\r\n")).await, 421, "{host}");
    }
    for none in ["localhost@evil.example", "evil.example@localhost", "localhost:80@evil.example", "localhost:x", "[::1]evil.example", ""] {
        assert_eq!(asked(&format!("Host: {none}\r\n")).await, 400, "{none}");
    }
    assert_eq!(asked("").await, 400, "no host at all");
    assert_eq!(asked("Host: localhost\r\nHost: evil.example\r\n").await, 400, "two of them");
    let absolute = format!("GET http://evil.example{PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&exchange_with(address, absolute).await), 421, "an absolute target outweighs the field (RFC 9112, section 3.2.2)");
    // Nothing of what a request says about its host comes back.
    let answer = exchange_with(
        address,
        format!("GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:1\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n"),
    )
    .await;
    assert!(answer.contains(&format!("\"issuer\":\"{}\"", server.issuer("acme"))) && !answer.contains("evil"), "{answer}");
    server.stop().await;
}

/// The status of a request over HTTP/2 for that authority, where TLS was asked for `localhost`.
async fn over_http_2(server: &TestServer, authority: &str) -> u16 {
    let stream = TcpStream::connect(server.running.addresses().https[0]).await.unwrap();
    let mut trust = (*server.trust()).clone();
    trust.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TlsConnector::from(Arc::new(trust)).connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(format!("https://{authority}{PATH}")).body(Empty::<Bytes>::new()).unwrap();
    sender.send_request(request).await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_is_the_one_that_tls_was_asked_for() {
    let server = TestServer::demo().await;
    assert_eq!(status(&over_tls(&server, "localhost", "localhost").await), 200);
    assert_eq!(status(&over_tls(&server, "localhost", "LocalHost:8443").await), 200);
    // An address as a name asks TLS for nothing (RFC 6066, section 3).
    assert_eq!(status(&over_tls(&server, "127.0.0.1", "127.0.0.1").await), 200);
    for (server_name, host) in [("localhost", "127.0.0.1"), ("localhost", "evil.example"), ("localhost", "acme.localhost")] {
        assert_eq!(status(&over_tls(&server, server_name, host).await), 421, "{server_name} {host}");
    }
    // And over HTTP/2, where the authority is a field of its own.
    let authority = std::fs::read(&server.certificate.authority).unwrap();
    let client =
        reqwest::Client::builder().tls_certs_only([reqwest::Certificate::from_pem(&authority).unwrap()]).no_proxy().build().unwrap();
    let url = format!("https://localhost:{}{PATH}", server.running.addresses().https[0].port());
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    let foreign = client.get(&url).header("host", "127.0.0.1").send().await.unwrap();
    assert_eq!((foreign.version(), foreign.status().as_u16()), (reqwest::Version::HTTP_2, 400), "two hosts in one request");
    assert_eq!(over_http_2(&server, "localhost").await, 200);
    assert_eq!(over_http_2(&server, "127.0.0.1").await, 421);
    server.stop().await;
}

/// A POST of a form whose body is made of that many bytes.
fn post(path: &str, size: usize) -> String {
    let body = format!("a={}", "x".repeat(size - 2));
    let form = "Content-Type: application/x-www-form-urlencoded";
    format!("POST /pools/acme{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{form}\r\nContent-Length: {size}\r\n\r\n{body}")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused() {
    let server = TestServer::demo().await;
    let address = server.running.addresses().http[0];
    let most = poolgate::web::MAX_BODY;
    for path in ["/login", "/oauth2/token", "/oauth2/authorize", "/oauth2/userinfo", "/oauth2/logout", "/logout"] {
        assert_ne!(status(&exchange_with(address, post(path, most)).await), 413, "{path}");
        assert_eq!(status(&exchange_with(address, post(path, most + 1)).await), 413, "{path}");
    }
    assert_eq!(status(&exchange_with(address, post("/saml2/sso", poolgate::saml::wire::MAX_ENCODED + 1)).await), 413);
    // A length that is not told is counted all the same.
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", most + 1, "x".repeat(most + 1));
    let chunked =
        format!("POST /pools/acme/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
    assert_eq!(status(&exchange_with(address, chunked).await), 413);
    let with_body = "GET /pools/acme/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(status(&exchange_with(address, with_body).await), 413, "a page that takes no body takes none");

    let get = |lines: &str| format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n");
    assert_eq!(status(&exchange_with(address, get(&format!("X-Long: {}\r\n", "x".repeat(16 << 10)))).await), 200);
    assert_eq!(status(&exchange_with(address, get(&format!("X-Long: {}\r\n", "x".repeat(33 << 10)))).await), 431);
    let many = |count: usize| (0..count).map(|number| format!("X-{number}: x\r\n")).collect::<String>();
    assert_eq!(status(&exchange_with(address, get(&many(60))).await), 200);
    assert_eq!(status(&exchange_with(address, get(&many(70))).await), 431);
    let cookies = format!("Cookie: {}\r\n", (0..2000).map(|number| format!("c{number}=x; ")).collect::<String>());
    assert_eq!(status(&exchange_with(address, get(&cookies)).await), 200);
    for nonsense in ["\r\n\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03"] {
        let answer = exchange_with(address, nonsense).await;
        assert!(answer.is_empty() || status(&answer) == 400, "{nonsense:?}: {answer}");
    }
    // It goes on for everybody else.
    Browser::new().tokens(&Application::demo(&server), "alice", "alice-demo-password").await;
    server.stop().await;
}

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

/// Whether the server answers on a connection; otherwise it has closed it.
async fn is_served(stream: &mut TcpStream, request: &[u8]) -> bool {
    // A connection that the server has closed already may refuse what is written.
    let _ = stream.write_all(request).await;
    matches!(stream.read(&mut [0; 4096]).await, Ok(count) if count > 0)
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
    let client = ["client", "create", "--pool", "acme", "shop", "--redirect-uri", "http://localhost:9/c", "--secret-stdin"];
    server.poolgate_with_input(&client, "the secret of a client").await.good();
    let to = server.running.addresses().http[0];
    let ((go, wait), (begin, begun)) = (channel::<()>(), tokio::sync::oneshot::channel());
    let (core, job) = (Arc::clone(server.running.core()), move || begin.send(()).is_ok() && wait.recv().is_err());
    let working = tokio::spawn(async move { core.work.run(PoolId::new(9), job).await });
    begun.await.unwrap();
    // A client waits for the thread, and has the one turn that there is.
    let form = "grant_type=authorization_code&code=c&redirect_uri=r&client_id=shop&client_secret=another+secret+of+a+client";
    let token = format!(
        "POST /pools/acme/oauth2/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let waiting = tokio::spawn(exchange_with(to, token));
    timeout(PATIENCE, async {
        while server.running.core().work.waiting() == 0 {
            tokio::task::yield_now().await
        }
    })
    .await
    .unwrap();
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
    drop(go);
    assert!(working.await.unwrap().unwrap());
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

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_the_directory_are_configured() {
    let server = TestServer::configured(|config| {
        config.limits.ldap.search_entries = 3.try_into().unwrap();
        config.limits.ldap.message_kib = 1.try_into().unwrap();
    })
    .await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let service = ["service", "create", "--pool", "acme", "app", "--password-stdin"];
    server.poolgate_with_input(&service, PASSWORD).await.good();
    let mut directory = Directory::bound(&server, SERVICE, PASSWORD).await;
    let (found, answer) = directory.search("o=acme", Scope::Subtree, "(objectClass=*)", &["1.1"]).await;
    assert_eq!((found.len(), answer.code), (3, code::SIZE_LIMIT_EXCEEDED));
    let (found, answer) = directory.search("o=acme", Scope::Base, "(objectClass=*)", &["1.1"]).await;
    assert_eq!((found.len(), answer.code), (1, code::SUCCESS));

    let mut wire = ldap_wire::Wire::bound(&server, SERVICE, PASSWORD).await;
    let long = ldap_wire::password_modify(None, None, &"x".repeat(1024));
    assert!(ldap_wire::is_notice(&wire.ask(&long).await));
    wire.assert_closed().await;
    server.stop().await;
}
