//! A connection to the admin API of a running server, over its unix socket.

use super::{Failure, Outcome};
use crate::admin::socket_path;
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use std::io;
use std::path::Path;
use tokio::net::UnixStream;

/// What stays as it is in a segment of a path (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a request carries: a document, or a file piece by piece.
type Body = BoxBody<Bytes, io::Error>;

/// A connection to a server.
pub struct Client(SendRequest<Body>);

impl Client {
    /// Connects to the server on that data folder.
    pub async fn connect(data: &Path) -> Outcome<Self> {
        let path = socket_path(data)?;
        let unreachable =
            |error| Failure::new(format!("no server answers at {}: {error}; is it running on this data folder?", path.display()));
        let stream = UnixStream::connect(&path).await.map_err(unreachable)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Ends when the sender is dropped.
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Reads a document.
    pub async fn get(&mut self, path: &str) -> Outcome<Value> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Sends a document.
    pub async fn post(&mut self, path: &str, document: &impl Serialize) -> Outcome<Value> {
        self.send(Method::POST, path, serde_json::to_vec(document)?.into()).await
    }

    /// Changes something by a merge patch (RFC 7396).
    pub async fn patch(&mut self, path: &str, document: &impl Serialize) -> Outcome<Value> {
        self.send(Method::PATCH, path, serde_json::to_vec(document)?.into()).await
    }

    /// Deletes something.
    pub async fn delete(&mut self, path: &str) -> Outcome<Value> {
        self.send(Method::DELETE, path, Bytes::new()).await
    }

    /// Every item of a list, part after part.
    pub async fn all(&mut self, path: &str) -> Outcome<Vec<Value>> {
        let join = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let mut page = self.get(&format!("{path}{join}limit=1000{next}")).await?;
            if let Some(Value::Array(part)) = page.get_mut("items").map(Value::take) {
                items.extend(part);
            }
            match page.get("next").and_then(Value::as_str) {
                Some(cursor) => next = format!("&after={}", segment(cursor)),
                None => return Ok(items),
            }
        }
    }

    /// Sends a file piece by piece; answers with the body of the response, which comes piece by
    /// piece too.
    pub async fn upload(&mut self, path: &str, file: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static) -> Outcome<Incoming> {
        let body = StreamBody::new(file.map_ok(Frame::data)).boxed();
        Ok(self.ask(Method::POST, path, body).await?.into_body())
    }

    /// Asks for a file; answers with the body of the response.
    pub async fn download(&mut self, path: &str) -> Outcome<Incoming> {
        Ok(self.ask(Method::GET, path, whole(Bytes::new())).await?.into_body())
    }

    async fn send(&mut self, method: Method, path: &str, document: Bytes) -> Outcome<Value> {
        let body = self.ask(method, path, whole(document)).await?.into_body().collect().await?.to_bytes();
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? })
    }

    /// The server's answer, provided that it is one of success.
    async fn ask(&mut self, method: Method, path: &str, body: Body) -> Outcome<Response<Incoming>> {
        let content_type = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder()
            .method(method)
            .uri(named(path)?)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, content_type)
            .body(body)?;
        self.0.ready().await?;
        let response = self.0.send_request(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.into_body().collect().await?.to_bytes();
        let problem: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let detail =
            problem.get("detail").and_then(Value::as_str).map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned);
        Err(Failure::new(if detail.is_empty() { status.to_string() } else { detail }))
    }
}

/// The URI of a path. A name that is empty would make it another one.
fn named(path: &str) -> Outcome<String> {
    let segments = path.split('?').next().unwrap_or_default().strip_prefix('/').unwrap_or_default();
    match segments.split('/').any(str::is_empty) {
        true => Err(Failure::usage("a name is empty: say which is meant")),
        false => Ok(format!("/api/v1{path}")),
    }
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

/// A name as a segment of a path.
pub fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}
