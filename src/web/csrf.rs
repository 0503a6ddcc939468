//! Form tokens: proof that a form came from a page that we gave to this browser.
//!
//! A token is a digest of the browser's key, which no other site can read, and of what the form is
//! for.

use super::{PoolRequest, browser};
use crate::crypto::digest;
use crate::model::Secret;
use warp::http::header;

/// The hidden field that carries the token.
pub const FIELD: &str = "form_token";

/// The token of a form: `purpose` names what it does and to what, such as the hash of the request
/// that the form carries.
pub fn token(browser: &Secret<String>, purpose: &str) -> String {
    digest::base64url(&digest::hmac(browser.expose().as_bytes(), purpose.as_bytes()))
}

/// Whether a form is one that we gave to this browser for that purpose: it brings the token, and no
/// header field says that another site has sent it.
pub fn is_ours(request: &PoolRequest, purpose: &str, sent: Option<&str>) -> bool {
    let Some(browser) = browser::existing(request) else { return false };
    let matches = sent.is_some_and(|sent| digest::equal(token(&browser, purpose).as_bytes(), sent.as_bytes()));
    matches && !is_foreign(request)
}

/// Whether header fields say that a page of another site has sent it. They are judged only where
/// they are present: proxies and old browsers leave them out.
pub fn is_foreign(request: &PoolRequest) -> bool {
    let cross_site = request.header("sec-fetch-site") == Some("cross-site");
    let other_origin = request.header(header::ORIGIN.as_str()).is_some_and(|origin| origin != request.base.origin() && origin != "null");
    cross_site || other_origin
}
