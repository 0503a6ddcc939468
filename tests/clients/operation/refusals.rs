//! What is refused before anybody looks at what it asks: other hosts, and what is too large.

use super::{exchange, exchange_with, status};
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::ldap_wire;
use crate::web_client::{Application, Browser};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use ldap3::Scope;
use rustls_pki_types::ServerName;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

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

/// The status of a request over HTTP/2 for that authority with so many fields and cookies, where TLS
/// was asked for `localhost`.
async fn over_http_2(server: &TestServer, authority: &str, fields: usize, cookies: usize) -> u16 {
    let stream = TcpStream::connect(server.running.addresses().https[0]).await.unwrap();
    let mut trust = (*server.trust()).clone();
    trust.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TlsConnector::from(Arc::new(trust)).connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get(format!("https://{authority}{PATH}"));
    let request = (0..fields).fold(request, |request, number| request.header(format!("x-{number}"), ""));
    let request = (0..cookies).fold(request, |request, number| request.header("cookie", format!("c{number}=v")));
    let request = request.body(Empty::<Bytes>::new()).unwrap();
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
    assert_eq!(over_http_2(&server, "localhost", 0, 0).await, 200);
    assert_eq!(over_http_2(&server, "127.0.0.1", 0, 0).await, 421);
    server.stop().await;
}

/// A field costs more memory than its bytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_so_many_header_fields() {
    let server = TestServer::demo().await;
    for (fields, cookies, status) in [(64, 0, 200), (65, 0, 431), (64, 180, 200), (0, 181, 431)] {
        assert_eq!(over_http_2(&server, "localhost", fields, cookies).await, status, "{fields} {cookies}");
    }
    let fields: String = (0..65).map(|number| format!("x-{number}: \r\n")).collect();
    let request = format!("GET {PATH} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    assert_eq!(status(&exchange_with(server.running.addresses().http[0], request).await), 431);
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
