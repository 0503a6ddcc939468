//! The handlers over a real store and the real engine, without warp.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::callback;
use crate::authn::{Demands, testing::*};
use crate::web::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use crate::web::page::PageError;
use crate::web::{PoolRequest, PoolUrl, Response};
use http_body_util::BodyExt as _;

/// What a browser sends.
struct Sent<'a> {
    method: Method,
    path: &'a str,
    body: String,
    header: (&'static str, &'a str),
}

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn request(bench: &Bench, sent: Sent<'_>) -> PoolRequest {
    let (path, query) = sent.path.split_once('?').unwrap_or((sent.path, ""));
    let mut headers = HeaderMap::new();
    headers.append("cookie", format!("__Host-poolgate-{}-browser={KEY}", bench.pool.id()).parse().unwrap());
    headers.append(HeaderName::from_static(sent.header.0), HeaderValue::from_str(sent.header.1).unwrap());
    PoolRequest {
        pool: bench.pool.clone(),
        base: PoolUrl::new("https://login.example/pools/acme"),
        peer: ADDRESS,
        method: sent.method,
        path: path.into(),
        query: query.into(),
        headers,
        body: sent.body.into(),
    }
}

fn shown(response: Result<Response, PageError>) -> Response {
    response.unwrap_or_else(Into::into)
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_told_so() {
    let bench = Bench::new().await;
    let interaction = bench.begin(&bench.browser(KEY), Demands::default()).await;
    for state in [interaction.as_str(), &format!("{interaction}.x"), "x.y"] {
        let path = format!("/oauth2/idpresponse?code=c&state={state}");
        let late = request(&bench, Sent { method: Method::GET, path: &path, body: String::new(), header: ("accept", "*/*") });
        let page = shown(callback::back(bench.core.clone(), late).await);
        assert_eq!(page.status(), StatusCode::BAD_REQUEST, "{state}");
        let page = page.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&page).contains("This sign-in has expired"), "{page:?}");
    }
}
