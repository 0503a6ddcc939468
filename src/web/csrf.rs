//! Form tokens: proof that a form came from a page that we gave to this browser.
//!
//! A token is a digest of the browser's key, which no other site can read, and of what the form is for.

use crate::crypto::digest;
use crate::model::Secret;
use warp::http::{HeaderMap, header};

/// The hidden field that carries the token.
pub const FIELD: &str = "form_token";

/// The token of a form: `purpose` names what it does and to what, such as the interaction's id.
pub fn token(browser: &Secret<String>, purpose: &str) -> String {
    digest::base64url(&digest::hmac(browser.expose().as_bytes(), purpose.as_bytes()))
}

/// Whether the form's token is the right one.
pub fn matches(browser: &Secret<String>, purpose: &str, sent: Option<&str>) -> bool {
    sent.is_some_and(|sent| digest::equal(token(browser, purpose).as_bytes(), sent.as_bytes()))
}

/// Whether the header fields say that another site sent the form. Judged only where they are present.
pub fn is_foreign(headers: &HeaderMap, own_origin: &str) -> bool {
    let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let cross_site = field("sec-fetch-site") == Some("cross-site");
    let other_origin = field(header::ORIGIN.as_str()).is_some_and(|origin| origin != own_origin && origin != "null");
    cross_site || other_origin
}
