//! Responses, with the header fields that every page needs.

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::mpsc;
use warp::Reply;
use warp::http::header::{self, HeaderName, HeaderValue};
use warp::http::{self, StatusCode};

/// What a handler answers.
pub type Response = warp::reply::Response;

/// What a page may load: our own style sheet and pictures. No `form-action`: browsers apply it to
/// the whole redirect chain that follows a form, and a login that goes on to an upstream or back to
/// an application cannot know that chain.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; frame-ancestors 'none'";

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = http::Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A page.
pub fn html(status: StatusCode, page: String) -> Response {
    let response = respond(status, "text/html; charset=utf-8", page);
    with_header(response, header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)
}

/// A JSON document.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => respond(status, "application/json", text),
        Err(error) => respond(StatusCode::INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", error.to_string()),
    }
}

/// A line of text.
pub fn text(status: StatusCode, line: impl Into<String>) -> Response {
    respond(status, "text/plain; charset=utf-8", line.into())
}

/// Done, and nothing to say.
pub fn no_content() -> Response {
    respond(StatusCode::NO_CONTENT, "text/plain; charset=utf-8", String::new())
}

/// A body that comes piece by piece, as fast as the reader takes it. An error breaks it off.
pub fn pieces(content_type: &'static str, mut pieces: mpsc::Receiver<std::io::Result<Bytes>>) -> Response {
    let stream = futures_util::stream::poll_fn(move |context| pieces.poll_recv(context));
    let response = warp::reply::stream(stream).into_response();
    with_header(response, header::CONTENT_TYPE, content_type)
}

/// Go on there with a GET (RFC 9110, section 15.4.4).
pub fn see_other(url: &str) -> Response {
    with_header(respond(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", String::new()), header::LOCATION, url)
}

/// The response with one more header field; a field of that name is replaced, but cookies add up. A
/// value that no header can hold is left out.
pub fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        if name == header::SET_COOKIE {
            response.headers_mut().append(name, value);
        } else {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
