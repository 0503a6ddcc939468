//! The browser key: a random cookie that ties requests that wait for a login, and form tokens, to
//! one browser.

use super::cookie::{self, Purpose};
use super::{PoolRequest, Response, with_header};
use crate::crypto::digest;
use crate::model::{Entropy, Secret};
use warp::http::header::SET_COOKIE;

/// The key of this browser, and the `Set-Cookie` value when it is new.
pub struct Browser {
    /// The key.
    pub key: Secret<String>,
    /// What to send so that it keeps a new key.
    set_cookie: Option<String>,
}

impl Browser {
    /// The response, with which the browser keeps its key if that is new.
    pub fn keep(&self, response: Response) -> Response {
        match &self.set_cookie {
            Some(cookie) => with_header(response, SET_COOKIE, cookie),
            None => response,
        }
    }
}

/// The browser's key, made anew if it has none of the right shape.
pub fn key(request: &PoolRequest, entropy: &dyn Entropy) -> Browser {
    match existing(request) {
        Some(key) => Browser { key, set_cookie: None },
        None => {
            let key = digest::token(entropy);
            let set_cookie = Some(cookie::set(request, Purpose::Browser, key.expose()));
            Browser { key, set_cookie }
        }
    }
}

/// The browser's key, if it has one.
pub fn existing(request: &PoolRequest) -> Option<Secret<String>> {
    cookie::get(request, Purpose::Browser).filter(|value| is_key(value)).map(Secret::new)
}

/// Whether it looks like 256 bits in base64url.
fn is_key(value: &str) -> bool {
    value.len() == 43 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
