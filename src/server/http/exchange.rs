//! One HTTP connection from its first byte to its end: its versions, bounds and times, and for
//! whom it takes the time of the thread that serves it.

use super::answer::{Answer, Fresh, without_body};
use crate::crowd::rounds::{Paced, Rounds};
use crate::server::idle::Requests;
use crate::server::life::Life;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use warp::http::{Method, Request, Version};

/// The most header fields of a request, whatever the version: each costs more than its bytes.
pub const MAX_HEADERS: usize = 64;
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The most requests of one HTTP/2 connection at a time: what each of them holds is held for as long
/// as the client does not take the answer.
const MAX_STREAMS: u32 = 8;
/// How long a connection may be without a request after it had one.
const IDLE: Duration = Duration::from_secs(60);

/// The thread that serves a connection.
pub struct Lane {
    /// How its time is shared.
    pub rounds: Arc<Rounds>,
    /// For whom the connection takes it; for nobody in particular where many stand behind one
    /// address.
    pub address: Option<IpAddr>,
}

/// The requests of an HTTP/2 connection: tasks of their own, which end with it.
#[derive(Clone)]
struct Streams {
    ends: CancellationToken,
}

/// Drives a connection, and knows which of its answers it has tried to write.
struct Driven<C> {
    connection: Pin<Box<C>>,
    fresh: Fresh,
}

/// Answers the requests of one connection until it ends, asks nothing for too long, or the server
/// stops. Whether it gave way to others, since its answers were not taken.
pub async fn exchange<S, F>(stream: S, patience: Duration, life: &Life, answer: impl Fn(Request<Incoming>) -> F) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let requests = Requests::default();
    let counted = requests.clone();
    let ends = CancellationToken::new();
    let _ends = ends.clone().drop_guard();
    let fresh = Fresh::of(ends.clone());
    let answers = fresh.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (running, answers, version) = (counted.begin(), answers.clone(), request.version());
        let is_head = request.method() == Method::HEAD && version == Version::HTTP_2;
        // What it takes to answer is large, and is given back before the answer is taken.
        let answered = Box::pin(answer(request));
        async move {
            let Answer { response, place } = answered.await;
            drop(running);
            let response = answers.untaken(response, place, version);
            Ok::<_, Infallible>(if is_head { without_body(response) } else { response })
        }
    });
    let mut builder = auto::Builder::new(Streams { ends: ends.clone() });
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience).max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS).max_header_list_size(MAX_HEAD as u32);
    // It is large, and is moved from hand to hand.
    let connection = Box::pin(builder.serve_connection(TokioIo::new(stream), service));
    let driven = Driven { connection, fresh };
    tokio::select! {
        ended = life.drain(driven, |driven| driven.get_mut().connection.as_mut().graceful_shutdown()) => {
            if let Err(error) = ended {
                tracing::debug!(%error, "an HTTP connection ended early");
            }
            false
        }
        // Until the first bytes have told the version of HTTP, and between the requests of HTTP/2,
        // nothing else counts the time.
        () = requests.idle(patience, IDLE) => {
            tracing::debug!("an HTTP connection without requests is closed");
            false
        }
        () = ends.cancelled() => true,
    }
}

impl<C: Future> Future for Driven<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Output> {
        let Self { connection, fresh } = &mut *self;
        fresh.drive(context, |context| connection.as_mut().poll(context))
    }
}

impl Lane {
    /// Whether a connection of that version may end because of one request: over HTTP/2, a proxy
    /// shares it among many clients.
    pub fn is_of_one(&self, version: Version) -> bool {
        self.address.is_some() || version != Version::HTTP_2
    }

    /// A request of that client takes the time for them. Over HTTP/1 it is a part of the task of its
    /// connection, which does so already if the client has it for themselves.
    pub fn request<F: Future>(&self, client: IpAddr, version: Version, answer: F) -> Paced<F> {
        let is_of_its_connection = self.address.is_some() && version != Version::HTTP_2;
        self.rounds.pace((!is_of_its_connection).then_some(client), answer)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, request: F) {
        let ends = self.ends.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = ends.cancelled() => {}
                _ = request => {}
            }
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
