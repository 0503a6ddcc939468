//! The handlers over a real store and the real engine, without warp.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::{callback, form, logout};
use crate::authn::{BrowserKey, Demands, Interaction, Place, testing::*};
use crate::entrance::SEALED_REQUEST;
use crate::model::Secret;
use crate::web::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use crate::web::page::PageError;
use crate::web::{PoolRequest, PoolUrl, Response, csrf};
use http_body_util::BodyExt as _;

/// What the browser of [`KEY`] sends.
struct Sent<'a> {
    method: Method,
    path: &'a str,
    body: String,
    header: (&'static str, &'a str),
}

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const ANOTHER: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

const USUAL: (&str, &str) = ("accept", "*/*");

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

fn post<'a>(bench: &Bench, path: &'a str, body: impl Into<String>, header: (&'static str, &'a str)) -> PoolRequest {
    request(bench, Sent { method: Method::POST, path, body: body.into(), header })
}

/// The request as the login page of a browser with that key carries it.
fn sealed(bench: &Bench, interaction: &Interaction, key: &str) -> String {
    bench.core.seal(&bench.pool, interaction, Place::Login, &BrowserKey::from_cookie(key)).unwrap()
}

/// The hidden fields of the login page of a browser with that key.
fn hidden(bench: &Bench, key: &str) -> String {
    let sealed = sealed(bench, &bench.begin(Demands::default()), key);
    let token = csrf::token(&Secret::new(key.to_owned()), &form::purpose(&sealed));
    format!("{SEALED_REQUEST}={sealed}&form_token={token}")
}

async fn text(response: Response) -> String {
    String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned()
}

#[tokio::test]
async fn a_form_that_another_site_sends_does_nothing() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    for (header, genuine) in [
        (USUAL, true),
        (("sec-fetch-site", "same-origin"), true),
        (("sec-fetch-site", "cross-site"), false),
        (("origin", "https://login.example"), true),
        (("origin", "null"), true),
        (("origin", "https://evil.example"), false),
    ] {
        let fields = hidden(&bench, KEY);
        let login = post(&bench, "/login", format!("username=alice&password=correct+horse&{fields}"), header);
        let status = shown(form::submit(bench.core.clone(), login).await).status();
        assert_eq!(status, if genuine { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN }, "{header:?}");
        let away = post(&bench, "/login/with/nobody", fields, header);
        let status = shown(callback::leave(bench.core.clone(), away).await).status();
        assert_eq!(status, if genuine { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN }, "{header:?}");
        let token = csrf::token(&Secret::new(KEY.to_owned()), "logout");
        let leave = post(&bench, "/logout", format!("form_token={token}"), header);
        let status = shown(logout::leave(bench.core.clone(), leave).await).status();
        assert_eq!(status, if genuine { StatusCode::OK } else { StatusCode::FORBIDDEN }, "{header:?}");
    }
}

/// Session fixation: somebody begins a request and has a victim send its form.
#[tokio::test]
async fn a_request_of_another_browser_is_no_way_in() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let runs = bench.runs();
    let theirs = sealed(&bench, &bench.begin(Demands::default()), ANOTHER);
    // Even with a token that this browser would be given for it.
    let token = csrf::token(&Secret::new(KEY.to_owned()), &form::purpose(&theirs));
    for token in [token, csrf::token(&Secret::new(ANOTHER.to_owned()), &form::purpose(&theirs))] {
        let fields = format!("{SEALED_REQUEST}={theirs}&form_token={token}");
        for path in ["/login", "/login/with/suppliers"] {
            let body = format!("username=alice&password=correct+horse&{fields}");
            let answer = async |header| {
                let sent = post(&bench, path, body.as_str(), header);
                shown(match path {
                    "/login" => form::submit(bench.core.clone(), sent).await,
                    _ => callback::leave(bench.core.clone(), sent).await,
                })
            };
            assert_eq!(answer(("sec-fetch-site", "cross-site")).await.status(), StatusCode::FORBIDDEN);
            let page = answer(USUAL).await;
            assert_eq!((page.status(), page.headers().contains_key("set-cookie")), (StatusCode::OK, false));
            assert!(text(page).await.contains("Please sign in once more"));
        }
    }
    assert_eq!((bench.stored_requests(), bench.runs()), (0, runs), "no password was tried");
}

/// Two pages that a browser opens at once are each given a key, and the browser keeps the one that
/// comes last.
#[tokio::test]
async fn a_page_that_was_opened_beside_another_one_asks_once_more() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let interaction = bench.begin(Demands::default());
    let lost = sealed(&bench, &interaction, ANOTHER);
    let token = csrf::token(&Secret::new(ANOTHER.to_owned()), &form::purpose(&lost));
    let credentials = "username=alice&password=correct+horse";
    let first = post(&bench, "/login", format!("{credentials}&{SEALED_REQUEST}={lost}&form_token={token}"), USUAL);
    let page = text(shown(form::submit(bench.core.clone(), first).await)).await;
    assert!(page.contains("value=\"alice\"") && !page.contains("correct horse"), "{page}");
    let field = |name: &str| page.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1.split('"').next().unwrap().to_owned();
    let renewed = format!("{SEALED_REQUEST}={}&form_token={}", field(SEALED_REQUEST), field("form_token"));
    let second = post(&bench, "/login", format!("{credentials}&{renewed}"), USUAL);
    let granted = shown(form::submit(bench.core.clone(), second).await);
    assert_eq!(granted.status(), StatusCode::SEE_OTHER);
    let back = granted.headers()["location"].to_str().unwrap();
    assert!(back.ends_with(&interaction.id().to_text()), "the same request: {back}");
}

/// CVE-2026-49448 of authentik: a form that is posted empty, or by half.
#[tokio::test]
async fn a_form_that_is_sent_by_half_does_nothing() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let fields = hidden(&bench, KEY);
    let (request, token) = fields.split_once('&').unwrap();
    let credentials = "username=alice&password=correct+horse";
    for (body, status) in [
        (String::new(), 400),
        (credentials.to_owned(), 400),
        (format!("{credentials}&{token}"), 400),
        (format!("{credentials}&{request}"), 403),
        (format!("{credentials}&{request}&form_token="), 403),
        (fields.clone(), 401),
        (format!("{fields}&username=alice"), 401),
        (format!("{fields}&password=correct+horse"), 401),
        (format!("{credentials}&{fields}&password=x"), 400),
        (format!("{credentials}&{fields}"), 303),
    ] {
        let login = post(&bench, "/login", body.as_str(), USUAL);
        assert_eq!(shown(form::submit(bench.core.clone(), login).await).status().as_u16(), status, "{body}");
        if status != 303 {
            assert_eq!(bench.stored_requests(), 0, "{body}");
        }
    }
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookies_is_told_so() {
    let bench = Bench::new().await;
    let fields = hidden(&bench, KEY);
    for path in ["/login", "/login/with/suppliers"] {
        let mut bare = post(&bench, path, format!("{fields}&username=alice&password=x"), USUAL);
        bare.headers.remove("cookie");
        let page = match path {
            "/login" => form::submit(bench.core.clone(), bare).await,
            _ => callback::leave(bench.core.clone(), bare).await,
        };
        let page = shown(page);
        assert_eq!(page.status(), StatusCode::BAD_REQUEST);
        assert!(text(page).await.contains("Your browser keeps no cookies"));
    }
}

#[tokio::test]
async fn what_a_login_leaves_in_a_browser_is_for_the_pool_alone_and_for_no_script() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let known = bench.pool.settings().lockout.sources.known.duration().as_secs();
    for (base, prefix, attributes) in [
        ("https://login.example/pools/acme", "__Host-", "Path=/; Secure; HttpOnly; SameSite=Lax"),
        ("http://localhost:8080/pools/acme", "", "Path=/pools/acme; HttpOnly; SameSite=Lax"),
    ] {
        let name = format!("{prefix}poolgate-{}", bench.pool.id());
        let body = format!("username=alice&password=correct+horse&{}", hidden(&bench, KEY));
        let mut login = post(&bench, "/login", body, USUAL);
        login.base = PoolUrl::new(base);
        login.headers.insert("cookie", format!("{name}-browser={KEY}").parse().unwrap());
        let response = shown(form::submit(bench.core.clone(), login).await);
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
        let [session, mark] = cookies[..] else { panic!("{cookies:?}") };
        for (cookie, purpose, attributes) in
            [(session, "session", attributes.to_owned()), (mark, "mark", format!("Max-Age={known}; {attributes}"))]
        {
            let (value, rest) = cookie.strip_prefix(&format!("{name}-{purpose}=")).unwrap().split_once("; ").unwrap();
            assert_eq!((value.len(), rest), (43, attributes.as_str()));
        }
    }
}

/// Somebody on a neighbouring domain can add a cookie; which of the two is ours nobody can tell.
#[tokio::test]
async fn a_cookie_that_comes_twice_is_none() {
    let bench = Bench::new().await;
    for value in [KEY, ANOTHER] {
        let mut login = post(&bench, "/login", hidden(&bench, KEY), USUAL);
        login.headers.append("cookie", format!("__Host-poolgate-{}-browser={value}", bench.pool.id()).parse().unwrap());
        let page = shown(form::submit(bench.core.clone(), login).await);
        assert_eq!(page.status(), StatusCode::BAD_REQUEST);
        assert!(text(page).await.contains("Your browser keeps no cookies"));
    }
}

#[tokio::test]
async fn a_wrong_password_leaves_the_request_where_it_was() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let fields = hidden(&bench, KEY);
    for _ in 0..2 {
        let login = post(&bench, "/login", format!("username=alice&password=wrong&{fields}"), USUAL);
        let page = shown(form::submit(bench.core.clone(), login).await);
        assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
        let page = text(page).await;
        for field in fields.split('&') {
            let (name, value) = field.split_once('=').unwrap();
            assert!(page.contains(&format!("name=\"{name}\" value=\"{value}\"")), "{name}: {page}");
        }
    }
    assert_eq!(bench.stored_requests(), 0);
    let login = post(&bench, "/login", format!("username=alice&password=correct+horse&{fields}"), USUAL);
    assert_eq!(shown(form::submit(bench.core.clone(), login).await).status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nobody_begins_at_the_login_page() {
    let bench = Bench::new().await;
    let path = "/login?interaction=x";
    let page = shown(
        form::show(bench.core.clone(), request(&bench, Sent { method: Method::GET, path, body: String::new(), header: USUAL })).await,
    );
    assert_eq!(page.status(), StatusCode::OK);
    assert!(text(page).await.contains("Start from the application"));
}

#[tokio::test]
async fn an_answer_that_comes_too_late_is_told_so() {
    let bench = Bench::new().await;
    let id = bench.begin(Demands::default()).id().to_text();
    for state in [id.as_str(), &format!("{id}.x"), "x.y"] {
        let path = format!("/oauth2/idpresponse?code=c&state={state}");
        let late = request(&bench, Sent { method: Method::GET, path: &path, body: String::new(), header: USUAL });
        let page = shown(callback::back(bench.core.clone(), late).await);
        assert_eq!(page.status(), StatusCode::BAD_REQUEST, "{state}");
        assert!(text(page).await.contains("This sign-in has expired"));
    }
}
