//! The settings of a pool.

use crate::crypto::password::Params;
use crate::model::{Dn, Seconds};
use crate::policy::lockout::LockoutPolicy;
use crate::policy::password::PasswordPolicy;
use crate::policy::session::SessionPolicy;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What a pool's administrators may choose. Every field has a default, so that an empty document is a whole one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Rules for new passwords.
    pub password: PasswordPolicy,
    /// Rules for failed logins.
    pub lockout: LockoutPolicy,
    /// Rules for sessions.
    pub session: SessionPolicy,
    /// The group whose members administer the pool; `cn=admins,ou=groups,{suffix}` if not set.
    #[serde(with = "dn_text")]
    pub administrators: Option<Dn>,
    /// How long codes and tokens live.
    pub lifetimes: Lifetimes,
    /// What password hashes cost.
    pub hashing: Params,
    /// Whether nobody in particular may read the pool over LDAP.
    pub anonymous: bool,
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

impl Default for Lifetimes {
    fn default() -> Self {
        Self { code: Seconds(60), access_token: Seconds::minutes(10), id_token: Seconds::minutes(10) }
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
