//! The short name of a pool in URLs.

use crate::model::error::Rule;
use crate::model::{Error, Result};
use std::fmt;

/// Most characters of a slug: those of a DNS label (RFC 1035, section 2.3.4).
pub const MAX_SLUG: usize = 63;

/// Slugs that no pool may have: they are or could become names of the server's own in paths and
/// host names.
pub const RESERVED: &[&str] = &[
    "account",
    "accounts",
    "admin",
    "api",
    "app",
    "apps",
    "assets",
    "auth",
    "cdn",
    "console",
    "dev",
    "docs",
    "federation",
    "ftp",
    "healthz",
    "help",
    "host",
    "id",
    "idp",
    "imap",
    "internal",
    "ldap",
    "ldaps",
    "local",
    "localhost",
    "login",
    "logout",
    "mail",
    "metrics",
    "ns",
    "ns1",
    "ns2",
    "oauth",
    "oauth2",
    "oidc",
    "openid",
    "operator",
    "pool",
    "poolgate",
    "pools",
    "pop",
    "public",
    "readyz",
    "root",
    "saml",
    "saml2",
    "scim",
    "server",
    "smtp",
    "sso",
    "static",
    "status",
    "support",
    "system",
    "well-known",
    "wpad",
    "www",
];

/// A slug: lower-case letters, digits and hyphens, at most 63, none at either end a hyphen; not
/// reserved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(String);

impl Slug {
    /// Reads a slug. Upper case is refused rather than folded: a slug is part of an issuer, which
    /// is compared as written.
    pub fn parse(text: &str) -> Result<Self> {
        let shaped = !text.is_empty()
            && text.len() <= MAX_SLUG
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if !shaped {
            return Err(Error::invalid(
                Rule::Request,
                format!("a slug has 1 to {MAX_SLUG} lower-case letters, digits and hyphens, and neither begins nor ends with a hyphen"),
            ));
        }
        // An "xn--" label would be shown as other letters than those of the slug.
        if RESERVED.binary_search(&text).is_ok() || text.starts_with("xn--") {
            return Err(Error::invalid(Rule::Request, format!("the slug `{text}` is reserved; choose another")));
        }
        Ok(Self(text.to_owned()))
    }

    /// A slug that was judged when its pool was created: a word that is reserved since then does
    /// not take it away.
    pub(super) const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_labels_of_host_names() {
        let longest = "a".repeat(MAX_SLUG);
        for text in ["acme", "a", "7", "a-b", "a--b", "0-9", &longest] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
        let too_long = "a".repeat(MAX_SLUG + 1);
        for text in ["", "-a", "a-", "-", "Acme", "a.b", "a_b", "a b", "a/b", "ä", "a\0", "a%2f", &too_long] {
            assert!(Slug::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reserved_words_are_refused() {
        assert!(RESERVED.is_sorted());
        for text in RESERVED.iter().chain(&["xn--80ak6aa92e"]) {
            assert!(Slug::parse(text).unwrap_err().message().contains("reserved"), "{text}");
        }
    }
}
