//! What a browser keeps after a login, so that strangers who fail with a name lock only strangers.

use crate::{
    crypto::digest,
    model::{Entropy, Secret},
};

/// Characters of a mark: 256 bits in base64url.
const LENGTH: usize = 43;

/// A long-lived cookie of one browser at one pool: random, and written down, as a keyed hash, with
/// each person who has logged in with it, until they change their password. It proves nothing.
/// Whoever has stolen one has the few guesses of that browser instead of those of strangers.
#[derive(Clone, Debug)]
pub struct BrowserMark(Secret<String>);

impl BrowserMark {
    /// A new one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(digest::token(entropy))
    }

    /// The one that a browser sent, if it looks like one.
    pub fn from_cookie(value: &str) -> Option<Self> {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (value.len() == LENGTH && value.bytes().all(fine)).then(|| Self(Secret::new(value.to_owned())))
    }

    /// The value of the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What a browser has kept of earlier logins at a pool.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept<'a> {
    /// The cookie of its session, which ends when the next login succeeds.
    pub session: Option<&'a str>,
    /// What tells that it was used before.
    pub mark: Option<&'a BrowserMark>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_look_like_a_mark_is_none() {
        let mark = "A".repeat(LENGTH);
        assert!(BrowserMark::from_cookie(&mark).is_some_and(|read| read.expose() == mark));
        for value in ["", "A", &"A".repeat(LENGTH + 1), &"A".repeat(4000), &mark.replacen('A', "+", 1), &mark.replacen('A', "\u{e9}", 1)] {
            assert!(BrowserMark::from_cookie(value).is_none(), "{value}");
        }
    }
}
