//! Failures as JSON for programs (RFC 9457) and as a line of text where no page can be shown.

use super::Response;
use super::response::{json, text, with_header};
use serde::Serialize;
use warp::http::StatusCode;
use warp::http::header::CONTENT_TYPE;

/// A problem document (RFC 9457, section 3).
#[derive(Serialize)]
struct Problem<'a> {
    status: u16,
    title: &'a str,
    detail: &'a str,
}

/// A problem document of that status.
pub fn document(status: StatusCode, detail: &str) -> Response {
    let problem = Problem { status: status.as_u16(), title: status.canonical_reason().unwrap_or("Error"), detail };
    with_header(json(status, &problem), CONTENT_TYPE, "application/problem+json")
}

/// What somebody hears whose request has no place, or gives it up: too many are under way, of one
/// network address or of all.
pub fn crowded() -> Response {
    plain(StatusCode::SERVICE_UNAVAILABLE, "too many requests are under way; try again in a moment")
}

/// One line of text of that status.
pub fn plain(status: StatusCode, detail: &str) -> Response {
    text(status, format!("{detail}\n"))
}
