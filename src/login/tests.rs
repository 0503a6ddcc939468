//! The handlers over a real store and the real engine, without warp.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::{callback, form, logout};
use crate::authn::{Demands, testing::*};
use crate::model::Secret;
use crate::web::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use crate::web::page::PageError;
use crate::web::{PoolRequest, PoolUrl, Response, csrf};
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
async fn a_form_that_another_site_sends_does_nothing() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    for (header, genuine) in [
        (("accept", "*/*"), true),
        (("sec-fetch-site", "same-origin"), true),
        (("sec-fetch-site", "cross-site"), false),
        (("origin", "https://login.example"), true),
        (("origin", "null"), true),
        (("origin", "https://evil.example"), false),
    ] {
        let interaction = bench.begin(&bench.browser(KEY), Demands::default()).await;
        let token = |purpose: &str| csrf::token(&Secret::new(KEY.to_owned()), purpose);
        let body = format!("username=alice&password=correct+horse&form_token={}", token(&format!("login {interaction}")));
        let path = format!("/login?interaction={interaction}");
        let login = request(&bench, Sent { method: Method::POST, path: &path, body, header });
        let status = shown(form::submit(bench.core.clone(), login).await).status();
        assert_eq!(status, if genuine { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN }, "{header:?}");
        let body = format!("form_token={}", token("logout"));
        let leave = request(&bench, Sent { method: Method::POST, path: "/logout", body, header });
        let status = shown(logout::leave(bench.core.clone(), leave).await).status();
        assert_eq!(status, if genuine { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{header:?}");
    }
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
