//! OpenID Connect clients and SAML service providers.

use crate::admin::patch::Document;
use serde::{Deserialize, Serialize};

/// A client to add.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewClient {
    /// Its id; one is made if it is empty.
    pub client_id: String,
    /// What people see; the id if empty.
    pub name: String,
    /// Whether it can keep no secret (a browser or mobile application).
    pub public: bool,
    /// The secret of a confidential client; one is made if it is not given.
    pub secret: Option<String>,
    /// Where codes may be sent, compared exactly.
    pub redirect_uris: Vec<String>,
    /// Where a logout may lead, compared exactly.
    pub post_logout_redirect_uris: Vec<String>,
    /// Whether it must use PKCE; `true` if not given, and always for a public client.
    pub require_pkce: Option<bool>,
    /// Whether it is the pool owner's own and asks no consent.
    pub first_party: bool,
    /// `RS256` or `ES256`; RS256 if not given.
    pub id_token_alg: Option<String>,
}

/// A client. What cannot be changed may stand in a patch as it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientDocument {
    /// Its id.
    pub client_id: String,
    /// What people see; the id if empty.
    #[serde(default)]
    pub name: String,
    /// Whether it can keep no secret.
    pub public: bool,
    /// Where codes may be sent.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where a logout may lead.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// Whether it must use PKCE.
    #[serde(default = "always")]
    pub require_pkce: bool,
    /// Whether it is the pool owner's own.
    #[serde(default)]
    pub first_party: bool,
    /// The algorithm of its ID tokens.
    #[serde(default = "rs256")]
    pub id_token_alg: String,
}

impl Document for ClientDocument {
    const NOUN: &'static str = "client";
    const FIXED: &'static [&'static str] = &["client_id", "public"];
}

/// A client that was added.
#[derive(Serialize, Deserialize)]
pub struct ClientCreated {
    /// The client.
    pub client: ClientDocument,
    /// Its secret, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A new secret for a client.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewSecret {
    /// The secret; one is made if it is not given.
    pub secret: Option<String>,
    /// Whether all that the client was given is taken back as well, as after a secret that others
    /// know: codes, tokens and consents.
    pub revoke: bool,
}

/// The secret of a client, shown this once.
#[derive(Default, Serialize, Deserialize)]
pub struct SecretMade {
    /// The secret, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A service provider, to add or as it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceProviderDocument {
    /// Its entity id.
    pub entity_id: String,
    /// What people see; the entity id if empty.
    #[serde(default)]
    pub name: String,
    /// Where assertions may be sent.
    pub acs: Vec<AcsDocument>,
    /// `persistent`, `transient`, `email` or `uid`.
    #[serde(default = "persistent")]
    pub name_id: String,
    /// Which attributes it is told.
    #[serde(default)]
    pub attributes: Vec<AttributeDocument>,
    /// What is signed: `assertion`, `response` or `both`.
    #[serde(default = "both")]
    pub sign: String,
    /// Certificates of its request signatures, PEM or base64 DER.
    #[serde(default)]
    pub request_certificates: Vec<String>,
    /// Whether an unsigned request is refused.
    #[serde(default)]
    pub require_signed_requests: bool,
}

impl Document for ServiceProviderDocument {
    const NOUN: &'static str = "service provider";
    const FIXED: &'static [&'static str] = &["entity_id"];
}

/// One assertion consumer service.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcsDocument {
    /// Its URL, compared exactly.
    pub url: String,
    /// Its index.
    #[serde(default)]
    pub index: u16,
    /// Whether it is the one for requests that name none.
    #[serde(default)]
    pub is_default: bool,
}

/// One attribute that a service provider is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeDocument {
    /// The LDAP attribute.
    pub source: String,
    /// Its name in assertions.
    pub name: String,
}

const fn always() -> bool {
    true
}

fn rs256() -> String {
    "RS256".to_owned()
}

fn persistent() -> String {
    "persistent".to_owned()
}

fn both() -> String {
    "both".to_owned()
}
