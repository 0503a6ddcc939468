//! An operator: the requests that `poolgate pool create` and its like make, over the same unix
//! socket, without a process for each.

#![allow(clippy::disallowed_methods, reason = "what is measured is real time")]

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use poolgate::admin::{socket_path, types::NewPool};
use serde::Serialize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

/// A connection to the admin API.
pub struct Operator(SendRequest<Full<Bytes>>);

impl Operator {
    pub async fn connect(data: &Path) -> Self {
        let stream = UnixStream::connect(socket_path(data).expect("the path of the socket")).await.expect("a connection");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
        // Ends with the sender.
        tokio::spawn(connection);
        Self(sender)
    }

    /// Adds what the document says to the list at that path.
    pub async fn add(&mut self, list: &str, document: &impl Serialize) {
        let body = serde_json::to_vec(document).expect("a document");
        let request = hyper::Request::post(format!("/api/v1{list}")).header("host", "localhost").header("content-type", "application/json");
        self.0.ready().await.expect("a connection");
        let response = self.0.send_request(request.body(Full::new(body.into())).expect("a request")).await.expect("an answer");
        let status = response.status();
        let body = response.into_body().collect().await.expect("an answer").to_bytes();
        assert!(status.is_success(), "{list}: {status} {}", String::from_utf8_lossy(&body));
    }
}

/// The slug of a pool.
pub fn slug(number: usize) -> String {
    format!("pool-{number}")
}

/// How fast pools were created.
pub struct Created {
    pools: usize,
    took: Duration,
    last_tenth_took: Duration,
}

impl Created {
    /// Pools a second.
    pub fn rate(&self) -> f64 {
        self.pools as f64 / self.took.as_secs_f64()
    }

    /// Pools a second over the last tenth: creation must not become slower with their number.
    pub fn last_rate(&self) -> f64 {
        tenth(self.pools) as f64 / self.last_tenth_took.as_secs_f64()
    }
}

fn tenth(pools: usize) -> usize {
    pools.div_ceil(10)
}

/// Creates the pools of these numbers, so many at the same time.
pub async fn create_pools(data: &Path, numbers: Range<usize>, in_flight: usize) -> Created {
    let pools = numbers.len();
    let (next, done) = (Arc::new(AtomicUsize::new(numbers.start)), Arc::new(AtomicUsize::new(0)));
    let mut operators = Vec::new();
    for _ in 0..in_flight {
        operators.push(Operator::connect(data).await);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut operator in operators {
        let (next, done, end) = (Arc::clone(&next), Arc::clone(&done), numbers.end);
        tasks.spawn(async move {
            let mut last_tenth = None;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return last_tenth;
                }
                let pool = NewPool { slug: slug(number), suffix: None, display_name: None, settings: Default::default() };
                operator.add("/pools", &pool).await;
                if done.fetch_add(1, Ordering::Relaxed) + 1 == pools - tenth(pools) {
                    last_tenth = Some(Instant::now());
                }
            }
        });
    }
    let last_tenth = tasks.join_all().await.into_iter().flatten().next().unwrap_or(start);
    Created { pools, took: start.elapsed(), last_tenth_took: last_tenth.elapsed() }
}
