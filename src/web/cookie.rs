//! Cookies of a pool: named by its id, sent to its URL only, never readable by a script.

use super::PoolRequest;
use std::time::Duration;
use warp::http::header;

/// What a cookie is for; it becomes part of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Ties requests that wait for a login to one browser.
    Browser,
    /// A login.
    Session,
    /// That people have logged in with this browser before.
    Mark,
}

/// The cookie's name: `__Host-` in front when the pool's URL is https.
pub fn name(request: &PoolRequest, purpose: Purpose) -> String {
    let prefix = if request.base.is_https() { "__Host-" } else { "" };
    let purpose = match purpose {
        Purpose::Browser => "browser",
        Purpose::Session => "session",
        Purpose::Mark => "mark",
    };
    format!("{prefix}poolgate-{}-{purpose}", request.pool.id())
}

/// The cookie's value, if the browser sent it exactly once.
pub fn get(request: &PoolRequest, purpose: Purpose) -> Option<String> {
    let name = name(request, purpose);
    let mut values = request
        .headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(known, _)| *known == name)
        .map(|(_, value)| value.to_owned());
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// A `Set-Cookie` value that lasts as long as the browser runs. The value is base64url text.
pub fn set(request: &PoolRequest, purpose: Purpose, value: &str) -> String {
    format!("{}={value}; {}", name(request, purpose), attributes(request))
}

/// The same, for a cookie that lasts that long.
pub fn set_for(request: &PoolRequest, purpose: Purpose, value: &str, time: Duration) -> String {
    format!("{}={value}; Max-Age={}; {}", name(request, purpose), time.as_secs(), attributes(request))
}

/// A `Set-Cookie` value that removes the cookie.
pub fn clear(request: &PoolRequest, purpose: Purpose) -> String {
    format!("{}=; Max-Age=0; {}", name(request, purpose), attributes(request))
}

fn attributes(request: &PoolRequest) -> String {
    if request.base.is_https() {
        // `__Host-` demands the root path.
        "Path=/; Secure; HttpOnly; SameSite=Lax".to_owned()
    } else {
        format!("Path={}; HttpOnly; SameSite=Lax", request.base.path())
    }
}
