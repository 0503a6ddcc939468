//! Somebody as an upstream describes them.

use super::mail_domains::MailDomains;
use super::provider::Mapping;
use crate::model::Timestamp;
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
    /// Their mail address, if the upstream says that it is verified, or is trusted without that,
    /// and vouches for its domain.
    pub mail: Option<String>,
    /// An address that would have been theirs, had the upstream vouched for its domain. For the
    /// operator to read, and for nothing else.
    pub mail_elsewhere: Option<String>,
    /// Their whole name.
    pub name: Option<String>,
    /// Their given name.
    pub given_name: Option<String>,
    /// Their family name.
    pub family_name: Option<String>,
    /// When they logged in there, if the upstream says so.
    pub logged_in: Option<Timestamp>,
}

impl UpstreamIdentity {
    /// What the provider's settings take out of verified claims.
    pub(super) fn of(issuer: &str, subject: &str, claims: &Map<String, Value>, mapping: &Mapping, domains: &MailDomains) -> Self {
        let text = |claim: &str| {
            let text = claims.get(claim)?.as_str()?.trim();
            (!text.is_empty() && text.len() <= MAX_CLAIM && !text.chars().any(char::is_control)).then(|| text.to_owned())
        };
        // It speaks of the claim `email` alone (OpenID Connect Core 1.0, section 5.1). Some send it
        // as text.
        let verified = mapping.mail == "email"
            && claims.get("email_verified").is_some_and(|verified| matches!(verified, Value::Bool(true)) || verified == "true");
        let said = text(&mapping.mail).filter(|_| verified || mapping.unverified_mail);
        let mail = said.as_deref().and_then(|said| domains.vouched(said)).map(|(mail, _)| mail);
        Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            username: text(&mapping.username),
            mail_elsewhere: said.filter(|_| mail.is_none()),
            mail,
            name: text(&mapping.name),
            given_name: text(&mapping.given_name),
            family_name: text(&mapping.family_name),
            logged_in: None,
        }
    }
}

/// Whether the ID token leaves open what the mapping asks for, so that userinfo is worth a request.
pub(super) fn is_incomplete(claims: &Map<String, Value>, mapping: &Mapping) -> bool {
    let is_open = |claim: &str| !claims.contains_key(claim);
    let unverified = mapping.mail == "email" && !mapping.unverified_mail && is_open("email_verified");
    unverified || [&mapping.username, &mapping.mail, &mapping.name].into_iter().any(|claim| is_open(claim))
}

/// Adds what userinfo says and the ID token does not. That an address is verified is said of the
/// address beside it, and of no other.
pub(super) fn complete(claims: &mut Map<String, Value>, mut more: Map<String, Value>) {
    match claims.get("email") {
        Some(email) if more.get("email") != Some(email) => drop(more.remove("email_verified")),
        Some(_) => {}
        None => drop(claims.remove("email_verified")),
    }
    for (claim, value) in more {
        claims.entry(claim).or_insert(value);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn userinfo_says_whether_an_address_is_verified_but_of_its_own_alone() {
        let token = claims(serde_json::json!({ "preferred_username": "erin", "name": "Erin", "email": "erin@idp.example" }));
        assert!(is_incomplete(&token, &Mapping::default()));
        assert!(!is_incomplete(&token, &Mapping { unverified_mail: true, ..Mapping::default() }));
        for (email, mail) in [("erin@idp.example", Some("erin@idp.example")), ("other@idp.example", None)] {
            let mut claims = token.clone();
            complete(&mut claims, self::claims(serde_json::json!({ "sub": "1", "name": "Other", "email": email, "email_verified": true })));
            let found = UpstreamIdentity::of("https://idp.example", "1", &claims, &Mapping::default(), &MailDomains::all());
            assert_eq!((found.mail.as_deref(), found.name.as_deref()), (mail, Some("Erin")));
        }
    }

    #[test]
    fn the_id_token_says_nothing_of_an_address_that_userinfo_names() {
        for (said, mail) in [(serde_json::json!(false), None), (Value::Null, None), (serde_json::json!(true), Some("erin@idp.example"))] {
            let mut claims = claims(serde_json::json!({ "email_verified": true }));
            let mut more = self::claims(serde_json::json!({ "email": "erin@idp.example", "email_verified": said }));
            more.retain(|_, value| !value.is_null());
            complete(&mut claims, more);
            let found = UpstreamIdentity::of("https://idp.example", "1", &claims, &Mapping::default(), &MailDomains::all());
            assert_eq!(found.mail.as_deref(), mail);
        }
    }

    fn identity(claims: Value) -> UpstreamIdentity {
        UpstreamIdentity::of("https://idp.example", "1", claims.as_object().unwrap(), &Mapping::default(), &MailDomains::all())
    }

    #[test]
    fn claims_are_taken_as_the_mapping_says_and_only_as_text() {
        let claims = serde_json::json!({
            "preferred_username": " erin ", "email": "erin@idp.example", "email_verified": true, "name": 7, "given_name": "", "family_name": "E\u{7}",
        });
        let found = identity(claims);
        assert_eq!(found.username.as_deref(), Some("erin"));
        assert_eq!(found.mail.as_deref(), Some("erin@idp.example"));
        assert_eq!((found.name, found.given_name, found.family_name), (None, None, None));
    }

    #[test]
    fn a_mail_address_is_taken_if_it_is_verified_or_the_provider_is_trusted() {
        let trusting = Mapping { unverified_mail: true, ..Mapping::default() };
        let elsewhere = Mapping { mail: "upn".into(), ..Mapping::default() };
        for (said, taken) in [
            (Value::Bool(true), true),
            ("true".into(), true),
            (Value::Bool(false), false),
            ("false".into(), false),
            (Value::Null, false),
            (1.into(), false),
        ] {
            let mut claims = serde_json::json!({"email": "a@b", "upn": "a@b", "email_verified": said});
            if said.is_null() {
                claims.as_object_mut().unwrap().remove("email_verified");
            }
            let domains = MailDomains::parse(&["b"]).unwrap();
            let mail =
                |mapping: &Mapping| UpstreamIdentity::of("https://idp.example", "1", claims.as_object().unwrap(), mapping, &domains).mail;
            assert_eq!(mail(&Mapping::default()).is_some(), taken, "{said}");
            assert_eq!(mail(&trusting).as_deref(), Some("a@b"), "{said}");
            assert_eq!(mail(&elsewhere), None, "{said}: that is about another claim");
        }
    }

    #[test]
    fn a_mail_address_is_taken_only_where_the_provider_vouches_for_its_domain() {
        let claims = claims(serde_json::json!({ "email": "Erin@Partner.Example", "email_verified": true }));
        for (domains, mail) in [
            (&["partner.example"][..], Some("Erin@partner.example")),
            (&["*"], Some("Erin@partner.example")),
            (&["example"], None),
            (&[], None),
        ] {
            let domains = MailDomains::parse(domains).unwrap();
            let found = UpstreamIdentity::of("https://idp.example", "1", &claims, &Mapping::default(), &domains);
            assert_eq!(found.mail.as_deref(), mail, "{domains:?}");
            assert_eq!(found.mail_elsewhere.is_some(), mail.is_none(), "{domains:?}");
        }
    }
}
