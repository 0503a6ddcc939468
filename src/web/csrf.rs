//! Form tokens: proof that a form came from a page that we gave to this browser.
//!
//! A token is a digest of the browser's key, which no other site can read, and of what the form is for.

use super::{PoolRequest, browser};
use crate::crypto::digest;
use crate::model::Secret;
use warp::http::{HeaderMap, header};

/// The hidden field that carries the token.
pub const FIELD: &str = "form_token";

/// The token of a form: `purpose` names what it does and to what, such as the interaction's id.
pub fn token(browser: &Secret<String>, purpose: &str) -> String {
    digest::base64url(&digest::hmac(browser.expose().as_bytes(), purpose.as_bytes()))
}

/// Whether a form is one that we gave to this browser for that purpose: it brings the token, and no header field says that another site has sent it.
pub fn is_ours(request: &PoolRequest, purpose: &str, sent: Option<&str>) -> bool {
    let Some(browser) = browser::existing(request) else { return false };
    let matches = sent.is_some_and(|sent| digest::equal(token(&browser, purpose).as_bytes(), sent.as_bytes()));
    matches && !is_foreign(&request.headers, request.base.origin())
}

/// Judged only where they are present: proxies and old browsers leave them out.
fn is_foreign(headers: &HeaderMap, own_origin: &str) -> bool {
    let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let cross_site = field("sec-fetch-site") == Some("cross-site");
    let other_origin = field(header::ORIGIN.as_str()).is_some_and(|origin| origin != own_origin && origin != "null");
    cross_site || other_origin
}
