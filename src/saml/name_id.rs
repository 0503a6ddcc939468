//! What a person is called towards a service provider (SAML core, section 8.3).
//!
//! Persistent names are derived, not stored: a code under a key of the pool over the service
//! provider and the entry's UUID. Two service providers cannot tell that their names mean one
//! person, nobody without the key can compute a name, a login writes nothing for it, and it stays
//! the same for as long as the entry keeps its UUID, whatever else about the entry changes.
//!
//! A service provider that is registered anew gets the same names. They are made for an entity id,
//! which is its own and not a name that the pool gives away (SAML core, section 8.3.7), its
//! accounts hang on them, and they open nothing here.

use super::wire::NameId;
use crate::application::NameIdFormat;
use crate::crypto::digest;
use crate::model::{Entropy, entropy};
use crate::pool::Pool;
use uuid::Uuid;

/// A name without a stated meaning.
pub const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
/// The same as some service providers misspell it.
pub const UNSPECIFIED_2_0: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:unspecified";
const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const EMAIL: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
/// What persistent names are derived for; part of every name, so it never changes.
const PURPOSE: &str = "saml-name-id";

/// The formats that are given, in the order of the metadata.
pub const FORMATS: [NameIdFormat; 4] =
    [NameIdFormat::Persistent, NameIdFormat::Transient, NameIdFormat::EmailAddress, NameIdFormat::Unspecified];

/// The URI of a format.
pub const fn uri(format: NameIdFormat) -> &'static str {
    match format {
        NameIdFormat::Persistent => PERSISTENT,
        NameIdFormat::Transient => TRANSIENT,
        NameIdFormat::EmailAddress => EMAIL,
        NameIdFormat::Unspecified => UNSPECIFIED,
    }
}

/// The format of a URI.
pub fn from_uri(format: &str) -> Option<NameIdFormat> {
    FORMATS.into_iter().find(|known| uri(*known) == format)
}

/// Who is named, and towards whom.
pub struct Subject<'a> {
    /// Our entity id.
    pub issuer: &'a str,
    /// The entity id of the service provider.
    pub audience: &'a str,
    /// The person's entry.
    pub uuid: Uuid,
    /// Their login name.
    pub login_name: &'a str,
    /// Their mail address, if they have one.
    pub mail: Option<&'a str>,
}

/// The name in that format; `None` if the person has none of that kind.
pub fn name(pool: &Pool, format: NameIdFormat, subject: &Subject<'_>, entropy: &dyn Entropy) -> Option<NameId> {
    let value = match format {
        NameIdFormat::Persistent => digest::base64url(&pool.mac(PURPOSE, &pairwise(subject.audience, subject.uuid.as_bytes()))),
        NameIdFormat::Transient => format!("_{}", digest::base64url(&entropy::random::<24>(entropy))),
        NameIdFormat::EmailAddress => subject.mail?.to_owned(),
        NameIdFormat::Unspecified => subject.login_name.to_owned(),
    };
    // Persistent names hold between the two of us only, and say so.
    let qualifiers = (format == NameIdFormat::Persistent).then(|| (subject.issuer.to_owned(), subject.audience.to_owned()));
    Some(NameId { format: uri(format), value, qualifiers })
}

/// Something of a person's towards one service provider. The length keeps the two parts apart.
pub fn pairwise(audience: &str, own: &[u8]) -> Vec<u8> {
    let mut message = (audience.len() as u64).to_be_bytes().to_vec();
    message.extend_from_slice(audience.as_bytes());
    message.extend_from_slice(own);
    message
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_uri_of_its_own() {
        for format in FORMATS {
            assert_eq!(from_uri(uri(format)), Some(format));
        }
        assert_eq!(from_uri("urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted"), None);
    }

    #[test]
    fn the_parts_of_a_pair_cannot_be_shifted() {
        assert_ne!(pairwise("ab", b"c"), pairwise("a", b"bc"));
    }
}
