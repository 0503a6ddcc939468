//! A request to a pool, and the one way to make a route of a handler.

use super::Response;
use super::crowd::Entered;
use super::problem;
use crate::model::error::Rule;
use crate::model::{Error, Kind, Result};
use crate::pool::Pool;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method, StatusCode};
use warp::path::FullPath;

/// The largest body of a form or API request, in bytes, where a route names no other limit.
pub const MAX_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

/// The URL of a pool without a trailing slash: its issuer, and the base of every path of its faces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolUrl(String);

impl PoolUrl {
    /// Takes a URL that configuration and registry have vouched for; a trailing slash is dropped.
    pub fn new(url: impl Into<String>) -> Self {
        let mut url = url.into();
        url.truncate(url.trim_end_matches('/').len());
        Self(url)
    }

    /// The URL itself, as the issuer is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of a path under the pool; the path begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Whether browsers reach the pool over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The origin of the URL (RFC 6454, section 6.2).
    pub fn origin(&self) -> &str {
        self.0.strip_suffix(self.path()).unwrap_or(&self.0)
    }

    /// The path of the URL, for the scope of cookies: `/` when it has none.
    pub fn path(&self) -> &str {
        let after_scheme = self.0.split_once("://").map_or("", |(_, rest)| rest);
        after_scheme.find('/').and_then(|slash| after_scheme.get(slash..)).unwrap_or("/")
    }
}

/// What the listener knows about a request before any route has seen it. It travels in the
/// request's extensions.
#[derive(Clone)]
pub struct Place {
    /// The pool whose URL was asked.
    pub pool: Arc<Pool>,
    /// The URL of that pool.
    pub base: PoolUrl,
    /// Who asks: the address of the connection, or what a trusted proxy says it is.
    pub peer: IpAddr,
    /// Its place among the requests that are under way.
    pub entered: Entered,
}

/// A request to a pool, with its body read and bounded.
#[derive(Clone)]
pub struct PoolRequest {
    /// The pool whose URL was asked.
    pub pool: Arc<Pool>,
    /// The URL of that pool.
    pub base: PoolUrl,
    /// Who asks.
    pub peer: IpAddr,
    /// The method.
    pub method: Method,
    /// The path under the pool's URL, beginning with a slash.
    pub path: String,
    /// The query as sent, without the question mark.
    pub query: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl PoolRequest {
    /// A header field as text, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Makes a route: `matcher` says which method and path, `limit` bounds the body in bytes, `handler`
/// answers.
///
/// An error of the room becomes a response by its own `Into`; nothing of it passes through warp's
/// rejections.
pub fn route<S, H, F, E>(matcher: BoxedFilter<()>, limit: usize, state: S, handler: H) -> BoxedFilter<(Response,)>
where
    S: Clone + Send + Sync + 'static,
    H: Fn(S, PoolRequest) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = std::result::Result<Response, E>> + Send,
    E: Into<Response> + Send,
{
    matcher
        .and(warp::ext::get::<Place>())
        .and(warp::method())
        .and(warp::path::full())
        .and(query())
        .and(warp::header::headers_cloned())
        .and(bounded_body(limit))
        .then(move |place: Place, method, path: FullPath, query, headers, body: Result<Bytes>| {
            let (state, handler) = (state.clone(), handler.clone());
            async move {
                let body = match body {
                    Ok(body) => body,
                    Err(error) => return problem::plain(status(error.kind()), error.message()),
                };
                let path = path.as_str().to_owned();
                let Place { pool, base, peer, entered } = place;
                let _turn = entered.turn().await;
                let request = PoolRequest { pool, base, peer, method, path, query, headers, body };
                handler(state, request).await.unwrap_or_else(Into::into)
            }
        })
        .boxed()
}

/// The query as sent, empty if there is none.
pub fn query() -> BoxedFilter<(String,)> {
    warp::query::raw().or_else(|_| async { Ok::<_, Infallible>((String::new(),)) }).boxed()
}

/// The whole body, or an error if it is over the limit in bytes, breaks off or takes too long. A
/// limit that trusts `Content-Length` would bound nothing.
pub fn bounded_body(limit: usize) -> BoxedFilter<(Result<Bytes>,)> {
    warp::body::stream().then(move |body| read(body, limit)).boxed()
}

/// What a request whose body was not read is answered with.
const fn status(kind: &Kind) -> StatusCode {
    match kind {
        Kind::Unavailable(_) => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::PAYLOAD_TOO_LARGE,
    }
}

async fn read<B: Buf>(body: impl Stream<Item = std::result::Result<B, warp::Error>>, limit: usize) -> Result<Bytes> {
    let late = |_| Error::down("the body took too long to arrive");
    tokio::time::timeout(ARRIVAL, collect(body, limit)).await.map_err(late)?
}

async fn collect<B: Buf>(body: impl Stream<Item = std::result::Result<B, warp::Error>>, limit: usize) -> Result<Bytes> {
    let mut body = pin!(body);
    let mut whole = BytesMut::new();
    while let Some(part) = body.next().await {
        let mut part = part.map_err(|error| Error::invalid(Rule::Request, format!("the body broke off: {error}")))?;
        if whole.len() + part.remaining() > limit {
            return Err(Error::invalid(Rule::Request, format!("the body is over the limit of {limit} bytes")));
        }
        whole.extend_from_slice(&part.copy_to_bytes(part.remaining()));
    }
    Ok(whole.freeze())
}
