//! Somebody as an upstream describes them.

use super::provider::Mapping;
use serde_json::{Map, Value};

/// Bytes of a text that is taken over from an upstream.
pub const MAX_CLAIM: usize = 256;

/// A verified identity of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamIdentity {
    /// The issuer that vouched.
    pub issuer: String,
    /// Who it is there: never given to anybody else.
    pub subject: String,
    /// What they are called there.
    pub username: Option<String>,
    /// Their mail address, unless the upstream says that it is not verified, and is not trusted with that.
    pub mail: Option<String>,
    /// Their whole name.
    pub name: Option<String>,
    /// Their given name.
    pub given_name: Option<String>,
    /// Their family name.
    pub family_name: Option<String>,
}

impl UpstreamIdentity {
    /// What the mapping takes out of verified claims.
    pub(super) fn of(issuer: &str, subject: &str, claims: &Map<String, Value>, mapping: &Mapping) -> Self {
        let text = |claim: &str| {
            let text = claims.get(claim)?.as_str()?.trim();
            (!text.is_empty() && text.len() <= MAX_CLAIM && !text.chars().any(char::is_control)).then(|| text.to_owned())
        };
        let unverified = claims.get("email_verified").is_some_and(|verified| matches!(verified, Value::Bool(false)) || verified == "false");
        Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            username: text(&mapping.username),
            mail: text(&mapping.mail).filter(|_| !unverified || mapping.unverified_mail),
            name: text(&mapping.name),
            given_name: text(&mapping.given_name),
            family_name: text(&mapping.family_name),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn identity(claims: Value) -> UpstreamIdentity {
        UpstreamIdentity::of("https://idp.example", "1", claims.as_object().unwrap(), &Mapping::default())
    }

    #[test]
    fn claims_are_taken_as_the_mapping_says_and_only_as_text() {
        let claims = serde_json::json!({"preferred_username": " erin ", "email": "erin@idp.example", "name": 7, "given_name": "", "family_name": "E\u{7}"});
        let found = identity(claims);
        assert_eq!(found.username.as_deref(), Some("erin"));
        assert_eq!(found.mail.as_deref(), Some("erin@idp.example"));
        assert_eq!((found.name, found.given_name, found.family_name), (None, None, None));
    }

    #[test]
    fn an_unverified_mail_address_is_taken_only_from_a_trusted_provider() {
        assert_eq!(identity(serde_json::json!({"email": "a@b", "email_verified": false})).mail, None);
        assert_eq!(identity(serde_json::json!({"email": "a@b", "email_verified": "false"})).mail, None);
        assert!(identity(serde_json::json!({"email": "a@b", "email_verified": true})).mail.is_some());
        let claims = serde_json::json!({"email": "a@b", "email_verified": false});
        let trusting = Mapping { unverified_mail: true, ..Mapping::default() };
        assert!(UpstreamIdentity::of("https://idp.example", "1", claims.as_object().unwrap(), &trusting).mail.is_some());
    }
}
