//! The names of applications: client identifiers and entity identifiers.

use crate::model::error::{Error, Result, Rule};
use minicbor::{Decode, Encode};
use std::fmt;

/// The longest client identifier, in bytes.
pub const MAX_CLIENT_ID: usize = 128;

/// The longest entity identifier, in bytes. SAML 2.0 core, section 8.3.6, allows 1024 characters; a
/// key of the store holds a little less.
pub const MAX_ENTITY_ID: usize = 1000;

/// The identifier of an OIDC client within its pool (RFC 6749, section 2.2): visible ASCII
/// characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct ClientId(#[n(0)] String);

/// The identifier of a SAML service provider within its pool (SAML 2.0 core, section 8.3.6):
/// usually a URL, always without white space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct EntityId(#[n(0)] String);

impl ClientId {
    /// Parses the identifier. Refused: empty, too long, anything but visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > MAX_CLIENT_ID || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::invalid(
                Rule::Request,
                format!("a client id has 1 to {MAX_CLIENT_ID} visible ASCII characters without spaces"),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl EntityId {
    /// Parses the identifier. Refused: empty, too long, white space or control characters.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > MAX_ENTITY_ID || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Error::invalid(Rule::Request, format!("an entity id has 1 to {MAX_ENTITY_ID} bytes without white space")));
        }
        Ok(Self(text.to_owned()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_fine() {
        for text in ["demo-app", "https://app.example/id", "a", &"x".repeat(MAX_CLIENT_ID)] {
            assert!(ClientId::parse(text).is_ok(), "{text}");
        }
        for text in ["http://localhost:9091/metadata", "urn:example:sp", "example.com", &"x".repeat(MAX_ENTITY_ID)] {
            assert!(EntityId::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn names_that_are_refused() {
        for text in ["", "a b", "a\n", "é", "\u{0}", &"x".repeat(MAX_CLIENT_ID + 1)] {
            assert!(ClientId::parse(text).is_err(), "{text}");
        }
        for text in ["", "a b", "a\n", "\u{a0}x", &"x".repeat(MAX_ENTITY_ID + 1)] {
            assert!(EntityId::parse(text).is_err(), "{text}");
        }
    }
}
