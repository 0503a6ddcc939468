//! The domains for whose mail addresses an upstream vouches. Pure.
//!
//! A mail address is a name: applications join accounts by it, and one person of a pool has it. So
//! an upstream gives only those that its operator has the say over. Domains are compared whole, as
//! A-labels (RFC 5890, section 2.3.2.1), and an address that is not plainly `local@domain` belongs
//! to no domain at all.

use crate::model::error::Rule;
use crate::model::{Error, Result};
use idna::AsciiDenyList;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use std::collections::BTreeSet;

/// Domains that one provider may vouch for.
pub const MAX_MAIL_DOMAINS: usize = 64;
/// Bytes of a domain (RFC 1035, section 2.3.4).
pub const MAX_DOMAIN: usize = 253;
/// Bytes of the local part of an address (RFC 5321, section 4.5.3.1.1).
pub const MAX_LOCAL_PART: usize = 64;

/// What stands for every domain.
const ALL: &str = "*";
/// What a local part may have beside letters and digits (RFC 5322, section 3.2.3), dots apart.
const ATOM: &[u8] = b"!#$%&'*+-/=?^_`{|}~";

/// The domains for whose mail addresses a provider vouches; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailDomains {
    all: bool,
    /// As A-labels in lower case.
    listed: BTreeSet<String>,
}

/// How much the word of a provider about an address is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its domain is listed: the operator has said that it is the provider's.
    Listed,
    /// The provider is trusted with every address. It proves none against an administrator.
    Trusted,
}

impl MailDomains {
    /// Every domain, for a provider that is trusted whatever it says.
    pub fn all() -> Self {
        Self { all: true, listed: BTreeSet::new() }
    }

    /// Reads a list of domains, in any case, as A-labels or U-labels; `*` stands for all. Fails
    /// with `Invalid(Request)`, naming the one that is none.
    pub fn parse(texts: &[impl AsRef<str>]) -> Result<Self> {
        let mut domains = Self::default();
        for text in texts.iter().map(AsRef::as_ref) {
            if text == ALL {
                domains.all = true;
                continue;
            }
            let domain = ascii(text).ok_or_else(|| {
                let message =
                    format!("mail_domains: `{text:.260}` is no domain such as partner.example, without @ and final dot, nor * for all");
                Error::invalid(Rule::Request, message)
            })?;
            domains.listed.insert(domain);
        }
        if domains.listed.len() > MAX_MAIL_DOMAINS {
            return Err(Error::invalid(Rule::Request, format!("mail_domains: a provider has {MAX_MAIL_DOMAINS} of them at most")));
        }
        Ok(domains)
    }

    /// The domains as they are listed.
    pub fn texts(&self) -> Vec<String> {
        self.all.then(|| ALL.to_owned()).into_iter().chain(self.listed.iter().cloned()).collect()
    }

    /// Whether it vouches for no address.
    pub fn is_empty(&self) -> bool {
        !self.all && self.listed.is_empty()
    }

    /// Whether it vouches for every address for which the other vouches.
    pub fn covers(&self, other: &Self) -> bool {
        self.all || (!other.all && self.listed.is_superset(&other.listed))
    }

    /// The listed domains that another provider lists too.
    pub fn shared_with<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        self.listed.intersection(&other.listed).map(String::as_str)
    }

    /// The address in the form in which it is kept, with what the word about it is worth; `None` if
    /// it is none, or elsewhere.
    pub fn vouched(&self, address: &str) -> Option<(String, Standing)> {
        let (local, domain) = parts(address)?;
        let standing = match (self.listed.contains(&domain), self.all) {
            (true, _) => Standing::Listed,
            (false, true) => Standing::Trusted,
            (false, false) => return None,
        };
        Some((format!("{local}@{domain}"), standing))
    }
}

/// Splits an address into its local part, as it is, and its domain. No quotes, no comments, no
/// address literals: they are read differently by different programs.
fn parts(address: &str) -> Option<(&str, String)> {
    let (local, domain) = address.split_once('@')?;
    let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(|byte| byte.is_ascii_alphanumeric() || ATOM.contains(&byte));
    if local.len() > MAX_LOCAL_PART || !local.split('.').all(is_atom) {
        return None;
    }
    Some((local, ascii(domain)?))
}

/// A domain as A-labels in lower case (UTS #46).
fn ascii(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::STD3).ok()?;
    // The whole name, not a part of one that goes on to a root; and what ends with a number is an
    // address (RFC 3696, section 2).
    let last = ascii.rsplit('.').next()?;
    let is_name = !ascii.is_empty() && ascii.len() <= MAX_DOMAIN && ascii.split('.').all(|label| !label.is_empty() && label.len() <= 63);
    (is_name && !last.bytes().all(|byte| byte.is_ascii_digit())).then(|| ascii.into_owned())
}

impl<C> Encode<C> for MailDomains {
    fn encode<W: Write>(&self, encoder: &mut Encoder<W>, context: &mut C) -> std::result::Result<(), EncodeError<W::Error>> {
        self.texts().encode(encoder, context)
    }
}

impl<'b, C> Decode<'b, C> for MailDomains {
    fn decode(decoder: &mut Decoder<'b>, context: &mut C) -> std::result::Result<Self, DecodeError> {
        let texts: Vec<String> = Vec::decode(decoder, context)?;
        Self::parse(&texts).map_err(|_| DecodeError::message("a mail domain that is none"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_meant_exactly() {
        let domains = MailDomains::parse(&["Example.COM", "bücher.example", "xn--strae-oqa.example"]).unwrap();
        assert_eq!(domains.texts(), ["example.com", "xn--bcher-kva.example", "xn--strae-oqa.example"]);
        for (address, kept) in [
            ("erin@example.com", "erin@example.com"),
            ("Erin.O'Neil+list@EXAMPLE.com", "Erin.O'Neil+list@example.com"),
            ("erin@bücher.example", "erin@xn--bcher-kva.example"),
            ("erin@BÜCHER.example", "erin@xn--bcher-kva.example"),
            ("erin@xn--bcher-kva.example", "erin@xn--bcher-kva.example"),
            ("erin@straße.example", "erin@xn--strae-oqa.example"),
            ("erin@ｅxample.com", "erin@example.com"),
            ("erin@example。com", "erin@example.com"),
        ] {
            assert_eq!(domains.vouched(address), Some((kept.to_owned(), Standing::Listed)), "{address}");
        }
        for address in [
            "erin@badexample.com",
            "erin@example.com.evil",
            "erin@mail.example.com",
            "erin@example.com.",
            "erin@.example.com",
            "erin@example..com",
            "erin@com",
            "erin@bucher.example",
            "erin@bu\u{308}.example",
            "\"erin@evil.example\"@example.com",
            "\"erin\"@example.com",
            "erin@evil.example@example.com",
            "erin@example.com@evil.example",
            "erin@example.com,mallory@evil.example",
            "erin@example.com\0.evil.example",
            "erin@example.com\n",
            "erin @example.com",
            "erin@ example.com",
            "erin@(x)example.com",
            "erin@[127.0.0.1]",
            "erin@127.0.0.1",
            "erin.@example.com",
            ".erin@example.com",
            "er..in@example.com",
            "@example.com",
            "erin@",
            "example.com",
            "",
            "<erin@example.com>",
            "erin%evil@example.com%20",
            "ërin@example.com",
            &format!("{}@example.com", "a".repeat(MAX_LOCAL_PART + 1)),
        ] {
            assert_eq!(domains.vouched(address), None, "{address}");
        }
    }

    #[test]
    fn none_are_vouched_for_unless_the_operator_says_so() {
        assert_eq!(MailDomains::default().vouched("erin@example.com"), None);
        assert!(MailDomains::default().is_empty() && MailDomains::parse(&[""; 0]).unwrap().is_empty());
        let all = MailDomains::parse(&["*"]).unwrap();
        assert_eq!((&all, all.is_empty()), (&MailDomains::all(), false));
        assert_eq!(all.vouched("erin@example.com"), Some(("erin@example.com".into(), Standing::Trusted)));
        assert_eq!(all.vouched("erin@localhost"), Some(("erin@localhost".into(), Standing::Trusted)));
        assert_eq!(all.vouched("\"a@b\"@example.com"), None, "what is read in two ways is nobody's address");
        let both = MailDomains::parse(&["*", "example.com"]).unwrap();
        assert_eq!(both.texts(), ["*", "example.com"]);
        assert_eq!(both.vouched("erin@example.com").map(|(_, standing)| standing), Some(Standing::Listed));
    }

    #[test]
    fn what_is_no_domain_is_refused_and_they_are_not_too_many() {
        for text in [
            "",
            ".",
            "a..b",
            "example.com.",
            "@example.com",
            "erin@example.com",
            "*.example.com",
            "**",
            "a b",
            "127.0.0.1",
            "[::1]",
            "a_b.example",
        ] {
            let error = MailDomains::parse(&[text]).unwrap_err();
            assert!(error.message().starts_with("mail_domains: "), "{text}: {error}");
        }
        assert!(MailDomains::parse(&[format!("{}.example", "a".repeat(64))]).is_err());
        let many: Vec<String> = (0..=MAX_MAIL_DOMAINS).map(|number| format!("d{number}.example")).collect();
        assert!(MailDomains::parse(&many[..MAX_MAIL_DOMAINS]).is_ok());
        assert!(MailDomains::parse(&many).unwrap_err().message().contains("64"));
    }

    #[test]
    fn domains_cover_others() {
        let domains = |texts: &[&str]| MailDomains::parse(texts).unwrap();
        for (these, others, covered) in [
            (&["a.example", "b.example"][..], &["B.example"][..], true),
            (&["a.example"], &["a.example"], true),
            (&["a.example"], &[], true),
            (&[], &[], true),
            (&["*"], &["a.example"], true),
            (&["*"], &["*", "a.example"], true),
            (&["a.example"], &["a.example", "b.example"], false),
            (&["a.example"], &["*"], false),
            (&[], &["a.example"], false),
        ] {
            assert_eq!(domains(these).covers(&domains(others)), covered, "{these:?} {others:?}");
        }
    }

    #[test]
    fn a_domain_of_two_providers_is_found() {
        let one = MailDomains::parse(&["a.example", "b.example", "*"]).unwrap();
        let two = MailDomains::parse(&["B.example", "c.example", "*"]).unwrap();
        assert_eq!(one.shared_with(&two).collect::<Vec<_>>(), ["b.example"]);
    }
}
