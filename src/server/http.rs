//! HTTP connections: each request is placed (which pool, which path, who asks) before any route sees it.

use super::health;
use super::life::Life;
use super::listener::{Gate, accept};
use super::network::{Network, client_address};
use super::urls::{Destination, Urls};
use crate::authn::Core;
use crate::pool::Status;
use crate::web::{Place, Response, problem};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use warp::filters::BoxedFilter;
use warp::http::uri::{PathAndQuery, Uri};
use warp::http::{Request, StatusCode, header};
use warp::{Filter, Rejection};

/// The most header fields of a request.
const MAX_HEADERS: usize = 64;
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The most requests of one HTTP/2 connection at a time.
const MAX_STREAMS: u32 = 100;

/// What answers requests.
pub struct Http {
    /// The core behind the faces.
    pub core: Arc<Core>,
    /// Where URLs lead.
    pub urls: Urls,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// The routes of all faces.
    pub routes: BoxedFilter<(Response,)>,
    /// Counts connections.
    pub gate: Arc<Gate>,
    /// How long a handshake or the head of a request may take.
    pub patience: Duration,
    /// What `/metrics` shows.
    pub metrics: health::Metrics,
}

/// One connection: who is there, and the name that TLS was asked for.
struct Peer {
    address: IpAddr,
    server_name: Option<String>,
}

/// Serves sockets in clear text, or within TLS, until the server stops.
pub fn serve(http: &Arc<Http>, sockets: Vec<TcpListener>, tls: Option<TlsAcceptor>, life: &Life) {
    for socket in sockets {
        let (http, tls, living) = (Arc::clone(http), tls.clone(), life.clone());
        let gate = Arc::clone(&http.gate);
        let serve = move |stream, peer| connection(Arc::clone(&http), stream, peer, tls.clone(), living.clone());
        life.spawn(accept(socket, gate, life.clone(), serve));
    }
}

async fn connection(http: Arc<Http>, stream: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>, life: Life) {
    let address = peer.ip().to_canonical();
    let Some(tls) = tls else {
        return exchange(http, stream, Peer { address, server_name: None }, life).await;
    };
    match tokio::time::timeout(http.patience, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let server_name = stream.get_ref().1.server_name().map(str::to_owned);
            exchange(http, stream, Peer { address, server_name }, life).await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "the TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(http: Arc<Http>, stream: S, peer: Peer, life: Life) {
    let peer = Arc::new(peer);
    let patience = http.patience;
    let service = hyper::service::service_fn(move |request| {
        let (http, peer) = (Arc::clone(&http), Arc::clone(&peer));
        async move {
            let response = answer(&http, &peer, request).await;
            http.metrics.count(response.status());
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD as u32);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = life.ending() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

async fn answer(http: &Http, peer: &Peer, request: Request<Incoming>) -> Response {
    let forwarded = request.headers().get("x-forwarded-for").and_then(|field| field.to_str().ok());
    let client = client_address(peer.address, forwarded, &http.trusted_proxies);
    if let Some(response) = health::answer(http, client, request.uri().path()) {
        return response;
    }
    let Some(host) = host_of(&request).map(str::to_owned) else {
        return problem::plain(StatusCode::BAD_REQUEST, "the request names no host");
    };
    if peer.server_name.as_deref().is_some_and(|name| !name.eq_ignore_ascii_case(&host)) {
        return problem::plain(StatusCode::MISDIRECTED_REQUEST, "the host is not the one that TLS was asked for");
    }
    match place(http, &host, client, request) {
        Ok(request) => {
            let Ok(response) = TowerToHyperService::new(warp::service(http.routes.clone())).call(request).await;
            response
        }
        Err(response) => *response,
    }
}

/// Finds the pool, and leaves of the path what lies under the pool's URL.
fn place(http: &Http, host: &str, peer: IpAddr, mut request: Request<Incoming>) -> Result<Request<Incoming>, Box<Response>> {
    let refuse = |status, text| Err(Box::new(problem::plain(status, text)));
    let path = request.uri().path().to_owned();
    let (slug, path) = match http.urls.destination(host, &path) {
        Destination::Pool { slug, path } => (slug.to_owned(), path.to_owned()),
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
    request.extensions_mut().insert(Place { pool, base, peer });
    Ok(request)
}

/// The host that the request names, without a port.
fn host_of<B>(request: &Request<B>) -> Option<&str> {
    let authority = match request.uri().authority() {
        Some(authority) => authority.as_str(),
        None => request.headers().get(header::HOST)?.to_str().ok()?,
    };
    let host = match authority.rfind(']') {
        Some(end) => authority.get(..=end)?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

/// Joins the routes of the faces; what none of them knows is 404, or 405 where only the method is wrong.
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
