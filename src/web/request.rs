//! A request to a pool, and the one way to make a route of a handler.

use super::Response;
use super::problem;
use crate::crowd::requests::Entered;
use crate::model::error::Rule;
use crate::model::{Error, Kind, Result};
use crate::pool::Pool;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use std::convert::Infallible;
use std::fmt::Display;
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

/// Bytes over the limit of a body that are read and thrown away: who still writes hears no answer.
const OVERFLOW: usize = 4 << 20;

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
        .and(warp::body::stream())
        .then(move |place: Place, method, path: FullPath, query, headers, body| {
            let (state, handler) = (state.clone(), handler.clone());
            async move {
                let Place { pool, base, peer, entered } = place;
                let answer = async {
                    let body = match read(body, limit).await {
                        Ok(body) => body,
                        Err(error) => return problem::plain(status(error.kind()), error.message()),
                    };
                    let path = path.as_str().to_owned();
                    entered.answered().await;
                    let request = PoolRequest { pool, base, peer, method, path, query, headers, body };
                    handler(state, request).await.unwrap_or_else(Into::into)
                };
                tokio::select! {
                    biased;
                    answer = answer => answer,
                    () = entered.displaced() => {
                        tracing::warn!(address = %peer, "a request gives way to another one");
                        problem::crowded()
                    }
                }
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
        Kind::Invalid(Rule::Constraint) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    }
}

async fn read<B: Buf, E: Display>(body: impl Stream<Item = std::result::Result<B, E>>, limit: usize) -> Result<Bytes> {
    let late = |_| Error::down("the body took too long to arrive");
    tokio::time::timeout(ARRIVAL, collect(body, limit)).await.map_err(late)?
}

async fn collect<B: Buf, E: Display>(body: impl Stream<Item = std::result::Result<B, E>>, limit: usize) -> Result<Bytes> {
    let mut body = pin!(body);
    let (mut whole, mut length) = (BytesMut::new(), 0);
    while let Some(part) = body.next().await {
        let mut part = part.map_err(|error| Error::invalid(Rule::Request, format!("the body broke off: {error}")))?;
        length += part.remaining();
        if length <= limit {
            whole.extend_from_slice(&part.copy_to_bytes(part.remaining()));
        } else if length > limit.saturating_add(OVERFLOW) {
            break;
        }
    }
    match length <= limit {
        true => Ok(whole.freeze()),
        false => Err(Error::invalid(Rule::Constraint, format!("the body is over the limit of {limit} bytes"))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::cell::Cell;

    /// What becomes of a body that comes in so many parts of a kilobyte, and how many were taken.
    async fn arrived(parts: usize, limit: usize) -> (std::result::Result<usize, u16>, usize) {
        let taken = Cell::new(0);
        let part = |number| {
            taken.set(number + 1);
            Ok::<_, Infallible>(Bytes::from(vec![b'x'; 1024]))
        };
        let read = read(stream::iter((0..parts).map(part)), limit).await;
        (read.map(|body| body.len()).map_err(|error| status(error.kind()).as_u16()), taken.get())
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_heard_out_as_far_as_is_bearable() {
        assert_eq!(arrived(4, 4096).await, (Ok(4096), 4));
        assert_eq!(arrived(5, 4096).await, (Err(413), 5));
        assert_eq!(arrived(1000, 4096).await, (Err(413), 1000));
        let all = (4096 + OVERFLOW) / 1024;
        assert_eq!(arrived(2 * all, 4096).await, (Err(413), all + 1));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_no_large_one() {
        let parts = [Ok(Bytes::from_static(b"a")), Err("the peer has gone")];
        let error = read(stream::iter(parts), 4096).await.unwrap_err();
        assert_eq!((status(error.kind()).as_u16(), error.message()), (400, "the body broke off: the peer has gone"));
    }
}
