//! Calls to upstreams: bounded in time and size, never redirected.

use super::loopback;
use crate::model::{Error, Result};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse, http};
use std::{future::Future, pin::Pin, time::Duration};
use url::Url;

/// How long an upstream may take for one answer.
pub const TIME_OUT: Duration = Duration::from_secs(10);

/// Bytes of one answer.
pub const MAX_RESPONSE: usize = 256 * 1024;

/// An error of a library with all that led to it, where it does not say that itself.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string) {
        if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It must not be called.
    #[error(
        "{0} may not be called: an upstream is reached over https, or over http on this machine, and cannot lead from one to the other"
    )]
    Refused(String),
    /// It did not answer, or not in time.
    #[error("the upstream did not answer: {0}")]
    Failed(#[from] reqwest::Error),
    /// Its answer is too large.
    #[error("the upstream's answer is larger than {MAX_RESPONSE} bytes")]
    TooLarge,
    /// Its answer is no HTTP.
    #[error("the upstream's answer cannot be read: {0}")]
    Malformed(#[from] http::Error),
}

/// Calls upstreams.
pub struct HttpClient {
    outward: reqwest::Client,
    /// For this machine: what the environment says about proxies does not concern it.
    local: reqwest::Client,
}

impl HttpClient {
    /// A client with connections of its own.
    pub fn new() -> Result<Self> {
        // An error says that the process has a provider already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let builder = || reqwest::Client::builder().timeout(TIME_OUT).redirect(reqwest::redirect::Policy::none());
        let build = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| Error::internal(format!("the client for upstream identity providers cannot be made: {error}")))
        };
        Ok(Self { outward: build(builder())?, local: build(builder().no_proxy())? })
    }

    /// Calls of the upstream of that issuer.
    pub fn calls(&self, issuer: &Url) -> Calls<'_> {
        Calls { client: self, issuer: issuer.clone() }
    }

    async fn send(&self, issuer: &Url, request: HttpRequest) -> std::result::Result<HttpResponse, CallError> {
        let url = Url::parse(&request.uri().to_string()).ok().filter(|url| loopback::may_lead_to(issuer, url));
        let Some(url) = url else { return Err(CallError::Refused(request.uri().to_string())) };
        let client = if loopback::is_loopback(&url) { &self.local } else { &self.outward };
        let mut response = client.execute(request.try_into()?).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_RESPONSE {
                return Err(CallError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        Ok(answer.body(body)?)
    }
}

/// Calls of one upstream, wherever what it says about itself leads to: each is judged before it is
/// made.
pub struct Calls<'h> {
    client: &'h HttpClient,
    issuer: Url,
}

impl<'c> AsyncHttpClient<'c> for Calls<'_> {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.client.send(&self.issuer, request))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use rustls::NamedGroup;
    use rustls::server::Acceptor;
    use tokio::net::TcpListener;
    use tokio_rustls::LazyConfigAcceptor;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Caused(&'static str, #[source] Option<Box<Caused>>);

    #[test]
    fn an_error_is_told_with_its_causes() {
        let refused = Caused("connection refused", None);
        let call = Caused("the upstream did not answer: connection refused", Some(Box::new(refused)));
        assert_eq!(
            with_causes(&Caused("request failed", Some(Box::new(call)))),
            "request failed: the upstream did not answer: connection refused"
        );
    }

    #[tokio::test]
    async fn an_upstream_on_the_network_cannot_make_us_call_this_machine() {
        let client = HttpClient::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = format!("http://{}/keys", listener.local_addr().unwrap());
        let calls = client.calls(&Url::parse("https://idp.example").unwrap());
        let request = http::Request::builder().uri(&here).body(Vec::new()).unwrap();
        let refused = tokio::select! {
            answer = calls.call(request) => answer.unwrap_err(),
            _ = listener.accept() => panic!("it was called"),
        };
        assert!(matches!(refused, CallError::Refused(url) if url == here));
    }

    #[tokio::test]
    async fn the_first_key_exchange_that_is_offered_withstands_quantum_computers() {
        let client = HttpClient::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = Url::parse(&format!("https://{}", listener.local_addr().unwrap())).unwrap();
        let calls = client.calls(&issuer);
        let request = http::Request::builder().uri(issuer.as_str()).body(Vec::new()).unwrap();
        let hello = async {
            let (stream, _) = listener.accept().await.unwrap();
            let greeted = LazyConfigAcceptor::new(Acceptor::default(), stream).await.unwrap();
            greeted.client_hello().named_groups().unwrap().to_vec()
        };
        let (called, groups) = futures_util::future::join(calls.call(request), hello).await;
        assert!(matches!(called, Err(CallError::Failed(_))), "the server hung up");
        assert_eq!(groups[..2], [NamedGroup::X25519MLKEM768, NamedGroup::X25519]);
    }
}
