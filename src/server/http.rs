//! HTTP connections: each request is placed (which pool, which path, who asks) before any route
//! sees it.

mod answer;
mod exchange;
mod host;
mod place;

use super::health;
use super::lanes::Lanes;
use super::life::Life;
use super::listener::{Door, accept};
use super::load;
use super::network::Proxies;
use super::urls::Urls;
use crate::authn::Core;
use crate::crowd::Guest;
use crate::crowd::requests::{Arrived, Crowd, Entered};
use crate::crowd::rounds::pressing;
use crate::web::{Response, problem, with_header};
use answer::Answer;
use exchange::{Lane, MAX_HEADERS, exchange};
use futures_util::FutureExt;
use host::{host_of, is_local};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use place::place;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Request, StatusCode, header};
use warp::{Filter, Rejection};

/// The most cookies of a request over HTTP/2, where each may be a field of its own (RFC 9113, section
/// 8.2.3): as many as browsers keep for a site.
const MAX_COOKIES: usize = 180;
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
    lane: Lane,
}

/// The bytes of a connection.
type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Serves sockets in clear text, or within TLS, until the server stops.
pub fn serve(http: &Arc<Http>, sockets: Vec<TcpListener>, tls: Option<TlsAcceptor>, lanes: &Arc<Lanes>, life: &Life) {
    for socket in sockets {
        let (http, tls, lanes, living) = (Arc::clone(http), tls.clone(), Arc::clone(lanes), life.clone());
        let door = http.door.clone();
        let serve = move |stream, peer: SocketAddr, guest| {
            let (http, tls, lanes, life) = (Arc::clone(&http), tls.clone(), Arc::clone(&lanes), living.clone());
            let address = http.door.counted(peer.ip());
            let connection = async move |stream, rounds| {
                let lane = Lane { rounds, address };
                connection(http, stream, Peer { address: peer.ip().to_canonical(), server_name: None, guest, lane }, tls, life).await;
            };
            async move { lanes.serve(stream, address, connection).await }
        };
        life.spawn(accept(socket, door, life.clone(), serve));
    }
}

async fn connection(http: Arc<Http>, stream: TcpStream, peer: Peer, tls: Option<TlsAcceptor>, life: Life) {
    let Some(tls) = tls else { return converse(http, Either::Left(stream), peer, life).await };
    match tokio::time::timeout(http.patience, Box::pin(tls.accept(stream))).await {
        Ok(Ok(stream)) => {
            let server_name = stream.get_ref().1.server_name().map(str::to_owned);
            converse(http, Either::Right(Box::new(stream)), Peer { server_name, ..peer }, life).await;
        }
        Ok(Err(error)) => tracing::debug!(peer = %peer.address, %error, "the TLS handshake failed"),
        Err(_) => tracing::debug!(peer = %peer.address, "the TLS handshake took too long"),
    }
}

async fn converse(http: Arc<Http>, stream: Stream, peer: Peer, life: Life) {
    let (patience, address, peer) = (http.patience, peer.address, Arc::new(peer));
    let answer = move |request| {
        let counting = Arc::clone(&http);
        answer(&http, &peer, request).map(move |answer| counting.count(answer))
    };
    if exchange(stream, patience, &life, answer).await {
        tracing::info!(peer = %address, "a connection that does not take its answers gives way to another one");
    }
}

impl Http {
    fn count(&self, Answer { response, place }: Answer) -> Answer {
        let response = load::told(response);
        self.metrics.count(response.status());
        Answer { response, place }
    }
}

/// Who comes is counted at once; what they ask is looked at when it is their turn.
fn answer(http: &Arc<Http>, peer: &Arc<Peer>, request: Request<Incoming>) -> impl Future<Output = Answer> + use<> {
    let (http, peer) = (Arc::clone(http), Arc::clone(peer));
    let client = http.proxies.client(peer.address, request.headers());
    let asks_itself = host_of(&request).is_some_and(|host| is_local(peer.address, host, request.headers()));
    let health = if asks_itself { health::answer(&http, request.uri().path(), true) } else { None };
    let arrived = match health {
        // Whoever watches this machine from itself waits for nobody's turn.
        Some(health) => Err(health),
        None if has_too_many_fields(request.headers()) => Err(too_many_fields(client)),
        None => http.crowd.arrive(client).ok_or_else(|| crowded(client)),
    };
    async move {
        let arrived = match arrived {
            Ok(arrived) => arrived,
            Err(response) => return response.into(),
        };
        let (displaced, version) = (arrived.displaced(), request.version());
        tokio::select! {
            biased;
            answer = peer.lane.request(client, version, in_turn(&http, &peer, client, arrived, request)) => return answer,
            // Nothing of it is kept.
            () = displaced => {}
        }
        // Behind a proxy, others want the connection. Whoever has one for themselves may wait.
        if client == peer.address {
            tokio::time::sleep(PAUSE_OF_MANY).await;
        }
        crowded(client).into()
    }
}

async fn in_turn(http: &Http, peer: &Peer, client: IpAddr, arrived: Arrived, request: Request<Incoming>) -> Answer {
    let turn = arrived.turn().await;
    // From here on it can hold what others wait for.
    let _pressing = pressing();
    let turn = request.body().is_end_stream().then_some(turn);
    let Some(entered) = arrived.enter(peer.guest.clone(), turn) else {
        return crowded(client).into();
    };
    let place = peer.lane.is_of_one(request.version()).then(|| entered.clone());
    Answer { response: route(http, peer, client, entered, request).await, place }
}

async fn route(http: &Http, peer: &Peer, client: IpAddr, entered: Entered, request: Request<Incoming>) -> Response {
    if let Some(response) = health::answer(http, request.uri().path(), false) {
        return response;
    }
    let Some(host) = host_of(&request).map(str::to_owned) else {
        return problem::plain(StatusCode::BAD_REQUEST, "the request names no host, several, or what is none");
    };
    if peer.server_name.as_deref().is_some_and(|name| !name.eq_ignore_ascii_case(&host)) {
        return problem::plain(StatusCode::MISDIRECTED_REQUEST, "the host is not the one that TLS was asked for");
    }
    let response = match place(http, &host, client, entered, request) {
        Ok(request) => {
            let Ok(response) = TowerToHyperService::new(warp::service(http.routes.clone())).call(request).await;
            response
        }
        Err(response) => *response,
    };
    if http.urls.is_https() { with_header(response, header::STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY) } else { response }
}

/// Over HTTP/1 such a request is answered before it is one.
fn has_too_many_fields(headers: &HeaderMap) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter().count();
    cookies > MAX_COOKIES || headers.len() - cookies > MAX_HEADERS
}

fn too_many_fields(client: IpAddr) -> Response {
    tracing::info!(address = %client, "a request is refused: it has too many header fields");
    problem::plain(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the request has too many header fields")
}

fn crowded(client: IpAddr) -> Response {
    tracing::warn!(address = %client, "a request is refused: too many are under way");
    problem::crowded()
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
