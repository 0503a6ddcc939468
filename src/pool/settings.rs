//! The settings of a pool.

use crate::crypto::password::{MAX_PASSWORD, Params};
use crate::model::error::Rule;
use crate::model::{Days, Dn, Error, Result, Seconds};
use crate::policy::lockout::{LockoutPolicy, MAX_KNOWN, MAX_NAMES};
use crate::policy::password::PasswordPolicy;
use crate::policy::secret::SecretPolicy;
use crate::policy::session::SessionPolicy;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What a pool's administrators may choose. Every field has a default, so that an empty document is
/// a whole one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct Settings {
    /// Rules for new passwords.
    #[n(0)]
    #[cbor(default)]
    pub password: PasswordPolicy,
    /// Rules for failed logins.
    #[n(1)]
    #[cbor(default)]
    pub lockout: LockoutPolicy,
    /// Rules for sessions.
    #[n(2)]
    #[cbor(default)]
    pub session: SessionPolicy,
    /// The group whose members administer the pool; `cn=admins,ou=groups,{suffix}` if not set.
    #[n(3)]
    #[cbor(with = "dn_cbor", has_nil)]
    #[serde(with = "dn_text")]
    pub administrators: Option<Dn>,
    /// How long codes and tokens live.
    #[n(4)]
    #[cbor(default)]
    pub lifetimes: Lifetimes,
    /// What password hashes cost.
    #[n(5)]
    #[cbor(default)]
    pub hashing: Params,
    // The number 6 is not used again: records of earlier versions hold it.
    /// What is kept of the audit log.
    #[n(7)]
    #[cbor(default)]
    pub audit: AuditLog,
    /// Rules for new client secrets that somebody chooses.
    #[n(8)]
    #[cbor(default)]
    pub client_secrets: SecretPolicy,
}

/// How long codes and tokens live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct Lifetimes {
    /// Authorization codes (RFC 6749, section 4.1.2).
    #[n(0)]
    #[serde(rename = "code_seconds")]
    pub code: Seconds,
    /// Access tokens.
    #[n(1)]
    #[serde(rename = "access_token_seconds")]
    pub access_token: Seconds,
    /// ID tokens.
    #[n(2)]
    #[serde(rename = "id_token_seconds")]
    pub id_token: Seconds,
}

/// What is kept of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct AuditLog {
    /// How long an event stays that is recorded from now on.
    #[n(0)]
    #[serde(rename = "retention_days")]
    pub retention: Days,
}

/// How long audit events stay where nothing else is set.
pub const AUDIT_RETENTION: Days = Days(90);
/// The longest that audit events may stay.
pub const MAX_AUDIT_RETENTION: Days = Days(3650);
/// Longest life of an authorization code, in seconds (RFC 6749, section 4.1.2 recommends ten
/// minutes at most).
pub const MAX_CODE_LIFETIME: Seconds = Seconds::minutes(10);
/// Longest life of an access token or an ID token. A signing key that was changed for another stays
/// public for longer than that.
pub const MAX_TOKEN_LIFETIME: Seconds = Seconds::days(1);
/// Longest life of a session.
pub const MAX_SESSION_LIFETIME: Seconds = Seconds::days(400);
/// The most characters that chosen client secrets can be asked for.
pub const MAX_SECRET_CHARS: usize = 128;
/// Longest name of the administrators' group, in bytes.
pub const MAX_ADMINISTRATORS_BYTES: usize = 512;

impl Settings {
    /// Whether these settings can work. Fails with `Invalid(Constraint)`, naming the field.
    pub fn check(&self) -> Result<()> {
        let refused = |what: &str| Err(Error::invalid(Rule::Constraint, format!("the settings cannot be taken: {what}")));
        self.hashing.check()?;
        let (min, max) = (self.password.min_length, self.password.max_length);
        if min == 0 || min > max || usize::from(max) > MAX_PASSWORD {
            return refused(&format!(
                "password.min_length must be at least 1 and at most password.max_length, which may be {MAX_PASSWORD}"
            ));
        }
        if self.lockout.threshold > 0 && (self.lockout.window.0 == 0 || self.lockout.duration.0 == 0) {
            return refused(
                "lockout.window_seconds and lockout.duration_seconds must be at least 1; lockout.threshold 0 turns locking off",
            );
        }
        if self.lockout.sources.names > MAX_NAMES || self.lockout.sources.known > MAX_KNOWN {
            return refused(&format!("lockout.sources.names may be {MAX_NAMES} and lockout.sources.known_days {}", MAX_KNOWN.0));
        }
        if self.client_secrets.min_length == 0 || usize::from(self.client_secrets.min_length) > MAX_SECRET_CHARS {
            return refused(&format!("client_secrets.min_length must be 1 to {MAX_SECRET_CHARS}"));
        }
        if self.session.idle.0 == 0 || self.session.idle > self.session.absolute || self.session.absolute > MAX_SESSION_LIFETIME {
            return refused(&format!(
                "session.idle_seconds must be at least 1 and at most session.absolute_seconds, which may be {}",
                MAX_SESSION_LIFETIME.0
            ));
        }
        let Lifetimes { code, access_token, id_token } = &self.lifetimes;
        if code.0 == 0 || *code > MAX_CODE_LIFETIME {
            return refused(&format!("lifetimes.code_seconds must be 1 to {}", MAX_CODE_LIFETIME.0));
        }
        if [access_token, id_token].into_iter().any(|lifetime| lifetime.0 == 0 || *lifetime > MAX_TOKEN_LIFETIME) {
            return refused(&format!(
                "lifetimes.access_token_seconds and lifetimes.id_token_seconds must be 1 to {}",
                MAX_TOKEN_LIFETIME.0
            ));
        }
        if self.audit.retention.0 == 0 || self.audit.retention > MAX_AUDIT_RETENTION {
            return refused(&format!("audit.retention_days must be 1 to {}", MAX_AUDIT_RETENTION.0));
        }
        if self.administrators.as_ref().is_some_and(|dn| dn.to_string().len() > MAX_ADMINISTRATORS_BYTES) {
            return refused(&format!("administrators may have {MAX_ADMINISTRATORS_BYTES} bytes at most"));
        }
        Ok(())
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { code: Seconds(60), access_token: Seconds::minutes(10), id_token: Seconds::minutes(10) }
    }
}

impl Default for AuditLog {
    fn default() -> Self {
        Self { retention: AUDIT_RETENTION }
    }
}

mod dn_text {
    use crate::model::Dn;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(dn: &Option<Dn>, serializer: S) -> Result<S::Ok, S::Error> {
        dn.as_ref().map(Dn::to_string).serialize(serializer)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<Option<Dn>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| Dn::parse(&text).map_err(serde::de::Error::custom)).transpose()
    }
}

mod dn_cbor {
    use crate::model::Dn;
    use minicbor::decode::Error;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub fn encode<C, W: Write>(dn: &Option<Dn>, encoder: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        encoder.encode(dn.as_ref().map(Dn::to_string))?.ok()
    }

    pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Option<Dn>, Error> {
        let text: Option<&str> = decoder.decode()?;
        text.map(|text| Dn::parse(text).map_err(|_| Error::message("a name that is none"))).transpose()
    }

    pub fn is_nil(dn: &Option<Dn>) -> bool {
        dn.is_none()
    }

    pub fn nil() -> Option<Option<Dn>> {
        Some(None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_document_is_the_defaults_and_they_can_work() {
        let settings: Settings = serde_json::from_str("{}").unwrap();
        assert_eq!(settings, Settings::default());
        settings.check().unwrap();
        assert_eq!(settings.audit.retention, Days(90));
        assert_eq!(
            (settings.lifetimes.code, settings.lifetimes.access_token, settings.lifetimes.id_token),
            (Seconds(60), Seconds(600), Seconds(600))
        );
    }

    #[test]
    fn a_document_comes_back_as_it_was_and_unknown_fields_are_refused() {
        let text = r#"{"administrators":"cn=root,o=acme","session":{"idle_seconds":60},"lifetimes":{"code_seconds":30}}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        assert_eq!(settings.session.idle, Seconds(60));
        let written = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&written).unwrap(), settings);
        for text in [r#"{"sesion":{}}"#, r#"{"session":{"idle":60}}"#, r#"{"administrators":"no name"}"#, r#"{"anonymous":true}"#] {
            assert!(serde_json::from_str::<Settings>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused_with_the_field() {
        type Change = fn(&mut Settings);
        let cases: [(&str, Change); 18] = [
            ("password.min_length", |settings| settings.password.min_length = 0),
            ("password.min_length", |settings| settings.password.min_length = 300),
            ("password.max_length", |settings| settings.password.max_length = 5000),
            ("lockout.window_seconds", |settings| settings.lockout.window = Seconds(0)),
            ("lockout.duration_seconds", |settings| settings.lockout.duration = Seconds(0)),
            ("lockout.sources.names", |settings| settings.lockout.sources.names = 1001),
            ("lockout.sources.known_days", |settings| settings.lockout.sources.known = Days(401)),
            ("client_secrets.min_length", |settings| settings.client_secrets.min_length = 0),
            ("client_secrets.min_length", |settings| settings.client_secrets.min_length = 129),
            ("session.idle_seconds", |settings| settings.session.idle = Seconds(0)),
            ("session.absolute_seconds", |settings| settings.session.absolute = Seconds(10)),
            ("session.absolute_seconds", |settings| settings.session.absolute = Seconds(u32::MAX)),
            ("lifetimes.code_seconds", |settings| settings.lifetimes.code = Seconds(601)),
            ("lifetimes.access_token_seconds", |settings| settings.lifetimes.access_token = Seconds(0)),
            ("lifetimes.id_token_seconds", |settings| settings.lifetimes.id_token = Seconds::days(2)),
            ("audit.retention_days", |settings| settings.audit.retention = Days(0)),
            ("audit.retention_days", |settings| settings.audit.retention = Days(3651)),
            ("administrators", |settings| settings.administrators = Dn::parse(&format!("cn={}", "a".repeat(600))).ok()),
        ];
        for (field, change) in cases {
            let mut settings = Settings::default();
            change(&mut settings);
            let error = settings.check().unwrap_err();
            assert!(error.message().contains(field), "{field}: {error}");
        }
        let lockout = LockoutPolicy { threshold: 0, window: Seconds(0), duration: Seconds(0), ..LockoutPolicy::default() };
        Settings { lockout, ..Settings::default() }.check().unwrap();
    }
}
