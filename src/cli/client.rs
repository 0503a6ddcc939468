//! A connection to the admin API of a running server, over its unix socket.

use super::{Failure, Outcome};
use crate::admin::socket_path;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;
use tokio::net::UnixStream;

/// What stays as it is in a segment of a path (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A connection to a server.
pub struct Client(SendRequest<Full<Bytes>>);

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

    /// Changes something.
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

    async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Outcome<Value> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        self.0.ready().await?;
        let response = self.0.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        let document: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or(Value::Null) };
        if status.is_success() {
            return Ok(document);
        }
        let detail =
            document.get("detail").and_then(Value::as_str).map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned);
        Err(Failure::new(if detail.is_empty() { status.to_string() } else { detail }))
    }
}

/// A name as a segment of a path.
pub fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}
