//! An operator: commands of `poolgate` and requests to the admin API's unix socket.

use crate::harness::{Finished, TestServer};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

impl TestServer {
    /// Runs `poolgate` with a secret on its standard input.
    pub async fn poolgate_with_input(&self, arguments: &[&str], input: &str) -> Finished {
        self.program(arguments.iter().copied()).input(input).run().await
    }

    /// Changes settings of a pool: `change` is given all of them.
    pub async fn settings(&self, slug: &str, change: impl FnOnce(&mut Value)) {
        let mut settings = self.json(&["pool", "show", slug]).await["settings"].take();
        change(&mut settings);
        let file = self.file("settings.json");
        std::fs::write(&file, settings.to_string()).unwrap();
        self.poolgate(&["pool", "update", slug, "--settings", file.to_str().unwrap()]).await.good();
    }

    /// Adds a user with that password to `acme`.
    pub async fn user(&self, uid: &str, password: &str) {
        let arguments = ["user", "create", "--pool", "acme", uid, "--password-stdin"];
        self.poolgate_with_input(&arguments, password).await.good();
    }

    /// The audit log of a pool, with what is counted in memory.
    pub async fn audit(&self, slug: &str) -> Vec<Value> {
        self.running.core().flush_audit().await.unwrap();
        match self.json(&["audit", "--pool", slug]).await {
            Value::Array(events) => events,
            other => panic!("{other}"),
        }
    }
}

/// A connection to the admin API.
pub struct AdminApi(SendRequest<Full<Bytes>>);

impl AdminApi {
    pub async fn connect(server: &TestServer) -> Self {
        let stream = UnixStream::connect(&server.running.addresses().socket).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        // Ends with the sender.
        tokio::spawn(connection);
        Self(sender)
    }

    /// The status and the body of the answer.
    pub async fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.0.ready().await.unwrap();
        let request = hyper::Request::builder().method(method).uri(format!("/api/v1{path}")).header("host", "localhost");
        let response = self.0.send_request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}
