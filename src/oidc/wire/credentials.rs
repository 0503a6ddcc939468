//! What a request presents to prove who sends it: client credentials (RFC 6749, section 2.3.1) and
//! bearer tokens (RFC 6750, section 2).

use super::parameters::{Parameters, decode};
use crate::model::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What a client presents at the token endpoint.
#[derive(Clone, Debug)]
pub enum Presented {
    /// An identifier and a secret in the Authorization header.
    Basic(String, Secret<String>),
    /// An identifier and a secret in the form.
    Post(String, Secret<String>),
    /// An identifier alone.
    Identifier(String),
}

impl Presented {
    /// The identifier.
    pub fn client_id(&self) -> &str {
        match self {
            Self::Basic(client_id, _) | Self::Post(client_id, _) | Self::Identifier(client_id) => client_id,
        }
    }
}

/// Why credentials were not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The request breaks a rule: `invalid_request`.
    Request(&'static str),
    /// No credentials, or none of a kind that is supported: `invalid_client`.
    Client(&'static str),
}

/// Reads the credentials of a client. Refused: none, two kinds at once, and an identifier in the
/// form that contradicts the header.
pub fn client_credentials(authorization: Option<&str>, form: &Parameters) -> Result<Presented, Refused> {
    let duplicate = |_| Refused::Request("client_id or client_secret was sent more than once");
    let client_id = form.once("client_id").map_err(duplicate)?;
    let secret = form.once("client_secret").map_err(duplicate)?;
    if form.first("client_assertion").is_some() || form.first("client_assertion_type").is_some() {
        return Err(Refused::Client("client_assertion is not supported; use client_secret_basic or client_secret_post"));
    }
    match (authorization, client_id, secret) {
        (Some(_), _, Some(_)) => Err(Refused::Request("the client secret was sent in the header and in the form; send it once")),
        (Some(header), client_id, None) => {
            let (user, password) = basic(header).ok_or(Refused::Client("the Authorization header does not hold Basic credentials"))?;
            match client_id {
                Some(other) if other != user => {
                    Err(Refused::Request("client_id in the form differs from the one in the Authorization header"))
                }
                _ => Ok(Presented::Basic(user, password)),
            }
        }
        (None, Some(client_id), Some(secret)) => Ok(Presented::Post(client_id.to_owned(), Secret::new(secret.to_owned()))),
        (None, Some(client_id), None) => Ok(Presented::Identifier(client_id.to_owned())),
        (None, None, _) => Err(Refused::Client("the request does not say which client sends it")),
    }
}

/// The token of an Authorization header (RFC 6750, section 2.1): `None` for another scheme, or for
/// one that is not a token.
pub fn bearer(authorization: &str) -> Option<&str> {
    let token = scheme(authorization, "bearer")?;
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    (!token.is_empty() && token.bytes().all(fine)).then_some(token)
}

/// The identifier and the secret are form-encoded before they are joined (RFC 6749, section 2.3.1).
fn basic(authorization: &str) -> Option<(String, Secret<String>)> {
    let decoded = Secret::new(STANDARD.decode(scheme(authorization, "basic")?).ok()?);
    let mut halves = decoded.expose().splitn(2, |byte| *byte == b':');
    let user = decode(halves.next()?).ok()?;
    let password = decode(halves.next()?).ok()?;
    (!user.is_empty() && !password.is_empty()).then(|| (user, Secret::new(password)))
}

/// What follows the scheme, which is compared without regard to case (RFC 9110, section 11.1).
fn scheme<'a>(authorization: &'a str, name: &str) -> Option<&'a str> {
    let (scheme, rest) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case(name).then(|| rest.trim_matches(' '))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    fn read(authorization: Option<&str>, form: &str) -> Result<(&'static str, String, String), Refused> {
        client_credentials(authorization, &Parameters::parse(form.as_bytes()).unwrap()).map(|presented| match presented {
            Presented::Basic(id, secret) => ("basic", id, secret.expose().clone()),
            Presented::Post(id, secret) => ("post", id, secret.expose().clone()),
            Presented::Identifier(id) => ("none", id, String::new()),
        })
    }

    #[test]
    fn the_three_ways() {
        assert_eq!(read(Some(&header("app:word")), ""), Ok(("basic", "app".into(), "word".into())));
        assert_eq!(read(Some(&header("app:word")), "client_id=app"), Ok(("basic", "app".into(), "word".into())));
        assert_eq!(read(Some(&header("a%3Ab:x%25+y:z")), ""), Ok(("basic", "a:b".into(), "x% y:z".into())));
        assert_eq!(read(None, "client_id=app&client_secret=w%26rd"), Ok(("post", "app".into(), "w&rd".into())));
        assert_eq!(read(None, "client_id=app"), Ok(("none", "app".into(), String::new())));
    }

    #[test]
    fn mixtures_and_nonsense_are_refused() {
        for (authorization, form) in [
            (None, ""),
            (None, "client_secret=word"),
            (Some(header("app:word")), "client_secret=word"),
            (Some(header("app:word")), "client_id=app&client_secret=word"),
            (Some(header("app:word")), "client_id=other"),
            (Some(header("app")), ""),
            (Some(header(":word")), ""),
            (Some(header("app:")), ""),
            (Some(header("app:%")), ""),
            (Some(header("app:%ff")), ""),
            (Some("Basic".into()), ""),
            (Some("Basic !!!".into()), ""),
            (Some("Bearer token".into()), "client_id=app"),
            (None, "client_id=app&client_id=app"),
            (None, "client_id=app&client_secret=a&client_secret=a"),
            (None, "client_id=app&client_assertion=x&client_assertion_type=y"),
        ] {
            assert!(read(authorization.as_deref(), form).is_err(), "{authorization:?} {form}");
        }
    }

    #[test]
    fn bearer_tokens() {
        assert_eq!(bearer("Bearer abc.def-_~+/="), Some("abc.def-_~+/="));
        assert_eq!(bearer("bearer abc"), Some("abc"));
        for header in ["Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer a,b", "Bearer \u{e9}"] {
            assert_eq!(bearer(header), None, "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(text in ".{0,100}", form in "[a-z_=&%0-9]{0,60}") {
            let _ = bearer(&text);
            if let Ok(form) = Parameters::parse(form.as_bytes()) {
                let _ = client_credentials(Some(&text), &form);
                let _ = client_credentials(Some(&header(&text)), &form);
            }
        }
    }
}
