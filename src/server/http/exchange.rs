//! One HTTP connection from its first byte to its end: its versions, bounds and times, and whose
//! part of the thread's time it takes.

use crate::crowd::rounds::{Paced, Rounds};
use crate::server::idle::Requests;
use crate::server::life::Life;
use crate::web::Response;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use warp::http::Request;

/// The most header fields of a request.
const MAX_HEADERS: usize = 64;
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 32 * 1024;
/// The most requests of one HTTP/2 connection at a time: what each of them holds is held for as long
/// as the client does not take the answer.
const MAX_STREAMS: u32 = 8;
/// How long a connection may be without a request after it had one.
const IDLE: Duration = Duration::from_secs(60);

/// For whom a connection takes the time of its thread.
#[derive(Clone)]
pub struct Pace {
    pub rounds: Arc<Rounds>,
    /// None where many stand behind one address: each of their requests counts by itself.
    pub address: Option<IpAddr>,
}

/// The requests of an HTTP/2 connection: tasks of their own, which end with it.
#[derive(Clone)]
struct Streams {
    pace: Pace,
    ends: CancellationToken,
}

/// Answers the requests of one connection until it ends, asks nothing for too long, or the server
/// stops.
pub async fn exchange<S, F>(stream: S, patience: Duration, pace: Pace, life: &Life, answer: impl Fn(Request<Incoming>) -> F)
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
    let ends = CancellationToken::new();
    let _ends = ends.clone().drop_guard();
    let mut builder = auto::Builder::new(Streams { pace, ends });
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

impl Pace {
    /// A request of that client.
    pub fn request<F: Future>(&self, client: IpAddr, answer: F) -> Paced<F> {
        self.rounds.pace(self.address.is_none().then_some(client), answer)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, request: F) {
        let Pace { rounds, address } = &self.pace;
        tokio::spawn(self.ends.clone().run_until_cancelled_owned(rounds.pace(*address, request)));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
