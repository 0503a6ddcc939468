//! Entity tags (RFC 9110, section 8.8.3): one names one state of a document, and of no other.

use crate::crypto::digest::{hex, sha256};
use crate::model::error::Rule;
use crate::model::{Error, Result, Sequence};
use serde::Serialize;

/// Bytes of a digest that tell two states of one document apart.
const DIGEST: usize = 12;

/// The strong entity tag of a document as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ETag(String);

impl ETag {
    /// Of a document that is shown from a record of that version. The version alone would not do: a
    /// part may come from other records, such as the groups of a user.
    pub fn of<T: Serialize>(version: Sequence, document: &T) -> Result<Self> {
        let unshown = |error| Error::internal(format!("a document cannot be shown: {error}"));
        let mut message = version.get().to_be_bytes().to_vec();
        message.extend(serde_json::to_vec(document).map_err(unshown)?);
        let digest = sha256(&message);
        Ok(Self(hex(digest.get(..DIGEST).unwrap_or(&digest))))
    }

    /// The opaque tag without its quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As the header field holds it.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

/// The states that a request is for (RFC 9110, section 13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: whatever is there.
    Any,
    /// One of these tags. Weak ones are none of them, since they match no state strongly.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Reads the value of the header field: `*`, or tags in quotes with commas between them.
    pub fn parse(value: &str) -> Result<Self> {
        let refused = || {
            Error::invalid(Rule::Request, format!("If-Match: `{value:.200}` must be * or ETags in double quotes with commas between them"))
        };
        if value.trim() == "*" {
            return Ok(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = value.trim();
        while !rest.is_empty() {
            let (is_weak, quoted) = match rest.strip_prefix("W/") {
                Some(quoted) => (true, quoted),
                None => (false, rest),
            };
            let (tag, after) = quoted.strip_prefix('"').and_then(|text| text.split_once('"')).ok_or_else(refused)?;
            if !is_weak {
                tags.push(tag.to_owned());
            }
            let after = after.trim_start();
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.is_empty() => after,
                None => return Err(refused()),
            };
        }
        Ok(Self::Tags(tags))
    }

    /// Whether the request is for that state.
    pub fn meets(&self, etag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| tag == etag.as_str()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_of_one_version_and_of_what_is_shown() {
        let tag = |version, shown: &str| ETag::of(Sequence::new(version), &shown).unwrap();
        assert_eq!(tag(1, "a"), tag(1, "a"));
        assert_ne!(tag(1, "a"), tag(2, "a"), "there and back again is another state");
        assert_ne!(tag(1, "a"), tag(1, "b"), "a part may come from other records");
        assert_eq!(tag(1, "a").quoted(), format!("\"{}\"", tag(1, "a").as_str()));
        let can_be_an_argument = |tag: ETag| tag.as_str().bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!((0..500).all(|version| can_be_an_argument(tag(version, "a"))), "none begins with a hyphen");
    }

    #[test]
    fn if_match_is_read_as_the_rfc_writes_it() {
        let tag = ETag::of(Sequence::new(1), &"a").unwrap();
        let quoted = tag.quoted();
        for (value, meets) in [
            ("*".to_owned(), true),
            (quoted.clone(), true),
            (format!("\"x\", {quoted}"), true),
            (format!(" \"a,b\",\t{quoted} "), true),
            ("\"x\"".to_owned(), false),
            (format!("W/{quoted}"), false),
            (String::new(), false),
        ] {
            assert_eq!(IfMatch::parse(&value).unwrap().meets(&tag), meets, "{value}");
        }
        for value in ["x", "\"x", "\"x\" \"y\"", "\"x\";", "* , \"x\"", "w/\"x\""] {
            assert!(IfMatch::parse(value).is_err(), "{value}");
        }
    }
}
