//! HTTP connections: each request is placed (which pool, which path, who asks) before any route
//! sees it.

use super::health;
use super::idle::Requests;
use super::life::Life;
use super::listener::{Door, accept};
use super::load;
use super::network::{FORWARDED_FOR, Proxies};
use super::urls::{Destination, Urls, is_own_name};
use crate::authn::Core;
use crate::crowd::Guest;
use crate::crowd::requests::{Crowd, Entered};
use crate::pool::Status;
use crate::web::{Place, Response, problem, with_header};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use warp::filters::BoxedFilter;
use warp::http::uri::{PathAndQuery, Uri};
use warp::http::{HeaderMap, Method, Request, StatusCode, Version, header};
use warp::{Filter, Rejection};

/// The most header fields of a request.
const MAX_HEADERS: usize = 64;
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The most requests of one HTTP/2 connection at a time: what each of them holds is held for as long
/// as the client does not take the answer.
const MAX_STREAMS: u32 = 8;
/// How long a connection may be without a request after it had one.
const IDLE: Duration = Duration::from_secs(60);
/// How long somebody waits for the answer that too many requests of theirs are there.
const PAUSE_OF_MANY: Duration = Duration::from_secs(1);
/// Browsers come back over TLS only, for a year after each visit (RFC 6797).
const TRANSPORT_SECURITY: &str = "max-age=31536000";

/// What answers requests.
pub struct Http {
    /// The core behind the faces.
    pub core: Arc<Core>,
    /// Where URLs lead.
    pub urls: Urls,
    /// Whose word about an address is believed.
    pub proxies: Proxies,
    /// The routes of all faces.
    pub routes: BoxedFilter<(Response,)>,
    /// Lets connections in.
    pub door: Door,
    /// Counts requests.
    pub crowd: Arc<Crowd>,
    /// How long a handshake or the head of a request may take.
    pub patience: Duration,
    /// What `/metrics` shows.
    pub metrics: health::Metrics,
}

/// One connection: who is there, and the name that TLS was asked for.
struct Peer {
    address: IpAddr,
    server_name: Option<String>,
    guest: Guest,
}

/// Serves sockets in clear text, or within TLS, until the server stops.
pub fn serve(http: &Arc<Http>, sockets: Vec<TcpListener>, tls: Option<TlsAcceptor>, life: &Life) {
    for socket in sockets {
        let (http, tls, living) = (Arc::clone(http), tls.clone(), life.clone());
        let door = http.door.clone();
        let serve = move |stream, peer, guest| connection(Arc::clone(&http), stream, peer, guest, tls.clone(), living.clone());
        life.spawn(accept(socket, door, life.clone(), serve));
    }
}

async fn connection(http: Arc<Http>, stream: TcpStream, peer: SocketAddr, guest: Guest, tls: Option<TlsAcceptor>, life: Life) {
    let address = peer.ip().to_canonical();
    let Some(tls) = tls else {
        return converse(http, stream, Peer { address, server_name: None, guest }, life).await;
    };
    match tokio::time::timeout(http.patience, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let server_name = stream.get_ref().1.server_name().map(str::to_owned);
            converse(http, stream, Peer { address, server_name, guest }, life).await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(http: Arc<Http>, stream: S, peer: Peer, life: Life) {
    let (peer, patience) = (Arc::new(peer), http.patience);
    let answer = move |request| {
        let (http, peer) = (Arc::clone(&http), Arc::clone(&peer));
        async move {
            let response = load::told(answer(&http, &peer, request).await);
            http.metrics.count(response.status());
            response
        }
    };
    exchange(stream, patience, &life, answer).await;
}

/// Answers the requests of one connection until it ends, asks nothing for too long, or the server
/// stops.
async fn exchange<S, F>(stream: S, patience: Duration, life: &Life, answer: impl Fn(Request<Incoming>) -> F)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let requests = Requests::default();
    let counted = requests.clone();
    let service = hyper::service::service_fn(move |request| {
        let running = counted.begin();
        let answered = answer(request);
        async move {
            let response = answered.await;
            drop(running);
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD as u32);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = life.drain(connection, |connection| connection.graceful_shutdown()) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "an HTTP connection ended early");
            }
        }
        // Until the first bytes have told the version of HTTP, and between the requests of HTTP/2,
        // nothing else counts the time.
        () = requests.idle(patience, IDLE) => tracing::debug!("an HTTP connection without requests is closed"),
    }
}

async fn answer(http: &Http, peer: &Peer, request: Request<Incoming>) -> Response {
    let client = http.proxies.client(peer.address, request.headers());
    let host = host_of(&request).map(str::to_owned);
    let is_local = host.as_deref().is_some_and(|host| is_local(peer.address, host, request.headers()));
    let health = || health::answer(http, request.uri().path(), is_local);
    // Whoever watches this machine from itself waits for nobody's turn.
    if is_local && let Some(response) = health() {
        return response;
    }
    let Some(arrived) = http.crowd.arrive(client) else { return crowded(client) };
    let turn = tokio::select! {
        turn = arrived.turn() => turn,
        () = arrived.displaced() => {
            // Nothing of it is kept.
            drop((arrived, request));
            // Behind a proxy, others want the connection. Whoever has one for themselves may wait.
            if client == peer.address {
                tokio::time::sleep(PAUSE_OF_MANY).await;
            }
            return crowded(client);
        }
    };
    if let Some(response) = health() {
        return response;
    }
    let Some(host) = host else {
        return problem::plain(StatusCode::BAD_REQUEST, "the request names no host, several, or what is none");
    };
    if peer.server_name.as_deref().is_some_and(|name| !name.eq_ignore_ascii_case(&host)) {
        return problem::plain(StatusCode::MISDIRECTED_REQUEST, "the host is not the one that TLS was asked for");
    }
    let kept = request.body().is_end_stream().then_some(turn);
    let Some(entered) = arrived.enter(peer.guest.clone(), kept) else {
        return crowded(client);
    };
    let response = match place(http, &host, client, entered, request) {
        Ok(request) => {
            let Ok(response) = TowerToHyperService::new(warp::service(http.routes.clone())).call(request).await;
            response
        }
        Err(response) => *response,
    };
    if http.urls.is_https() { with_header(response, header::STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY) } else { response }
}

fn crowded(client: IpAddr) -> Response {
    tracing::warn!(address = %client, "too many requests of one network address are under way");
    problem::plain(StatusCode::SERVICE_UNAVAILABLE, "too many requests of this network address are under way; try again in a moment")
}

/// Whether somebody on this machine asks this machine: not a proxy here for somebody elsewhere, and
/// not a page elsewhere whose name leads a browser here.
fn is_local(peer: IpAddr, host: &str, headers: &HeaderMap) -> bool {
    let is_forwarded = [FORWARDED_FOR, header::FORWARDED.as_str(), header::VIA.as_str()].into_iter().any(|name| headers.contains_key(name));
    peer.is_loopback() && is_own_name(host) && !is_forwarded
}

/// Finds the pool, and leaves of the path what lies under the pool's URL.
fn place(
    http: &Http,
    host: &str,
    peer: IpAddr,
    entered: Entered,
    mut request: Request<Incoming>,
) -> Result<Request<Incoming>, Box<Response>> {
    let refuse = |status, text| Err(Box::new(problem::plain(status, text)));
    let path = request.uri().path().to_owned();
    let (slug, path) = match http.urls.destination(host, &path) {
        Destination::Pool { slug, path } => (slug.into_owned(), path.to_owned()),
        Destination::Server => return refuse(StatusCode::NOT_FOUND, "nothing is here"),
        Destination::Misdirected => return refuse(StatusCode::MISDIRECTED_REQUEST, "this server does not answer for that host"),
    };
    let pool = match http.core.registry.by_slug(&slug) {
        Ok(Some(pool)) if pool.status() != Status::Deleting => pool,
        Ok(_) => return refuse(StatusCode::NOT_FOUND, "nothing is here"),
        Err(error) => {
            tracing::error!(%error, "a pool cannot be looked up");
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "the server cannot answer now");
        }
    };
    let rest = request.uri().query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
    let Ok(rest) = PathAndQuery::try_from(rest) else {
        return refuse(StatusCode::BAD_REQUEST, "the path is not one");
    };
    *request.uri_mut() = Uri::from(rest);
    let base = http.urls.base(pool.slug().as_str());
    request.extensions_mut().insert(Place { pool, base, peer, entered });
    // HEAD is answered like GET, and the connection leaves the body out (RFC 9110, section 9.3.2).
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    Ok(request)
}

/// The host that the request names, without a port. None if it names several, or what is none:
/// what stands before us could go by another one.
fn host_of<B>(request: &Request<B>) -> Option<&str> {
    let mut fields = request.headers().get_all(header::HOST).iter().map(|field| field.to_str().ok().and_then(name_of));
    let (field, another) = (fields.next(), fields.next());
    let target = request.uri().authority().map(|authority| name_of(authority.as_str()));
    match (target, field, another) {
        (_, _, Some(_)) => None,
        (None, field, None) => field?,
        // RFC 9113, section 8.3.1; in HTTP/1.1 the target outweighs the field (RFC 9112, section
        // 3.2.2).
        (Some(target), Some(field), None) if request.version() == Version::HTTP_2 && target != field => None,
        (Some(target), _, None) => target,
    }
}

/// The host of an authority, without a port. None if there is more than that, such as user
/// information (RFC 9110, section 4.2.4): it could make another host look like ours.
fn name_of(authority: &str) -> Option<&str> {
    let end = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    (!host.is_empty() && !host.contains('@') && is_port).then_some(host)
}

/// Joins the routes of the faces; what none of them knows is 404, or 405 where only the method is
/// wrong.
pub fn join(groups: Vec<BoxedFilter<(Response,)>>) -> BoxedFilter<(Response,)> {
    let nowhere = warp::any().and_then(|| async { Err::<Response, Rejection>(warp::reject::not_found()) }).boxed();
    let all = groups.into_iter().fold(nowhere, |all, group| all.or(group).unify().boxed());
    all.recover(|rejection: Rejection| async move { Ok::<_, Infallible>(refusal(&rejection)) }).unify().boxed()
}

fn refusal(rejection: &Rejection) -> Response {
    if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        problem::plain(StatusCode::METHOD_NOT_ALLOWED, "this path has other methods")
    } else {
        problem::plain(StatusCode::NOT_FOUND, "nothing is here")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use warp::http::HeaderValue;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn only_somebody_on_this_machine_is_local() {
        let (here, there) = ("127.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(is_local(here, host, &headers(&[])), "{host}");
        }
        assert!(is_local("::1".parse().unwrap(), "localhost", &headers(&[])));
        assert!(!is_local(there, "localhost", &headers(&[])));
        for host in ["id.example", "localhost.evil.example", "evil.example"] {
            assert!(!is_local(here, host, &headers(&[])), "{host}");
        }
        for field in [(FORWARDED_FOR, "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("via", "1.1 proxy")] {
            assert!(!is_local(here, "localhost", &headers(&[field])), "{field:?}");
        }
    }

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for (authority, host) in [
            ("id.example", "id.example"),
            ("id.example:8443", "id.example"),
            ("id.example:", "id.example"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
        ] {
            assert_eq!(name_of(authority), Some(host), "{authority}");
        }
        for none in [
            "",
            ":80",
            "id.example:80@evil.example",
            "id.example@evil.example",
            "evil.example@id.example",
            "id.example:evil",
            "id.example:80:80",
            "id.example:80 ",
            "[::1]evil.example",
            "[::1]:80@evil.example",
            "[::1]@evil.example",
            "::1",
        ] {
            assert_eq!(name_of(none), None, "{none}");
        }
    }

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
}
