//! Upstream identity providers.

use crate::admin::patch::Document;
use serde::{Deserialize, Serialize};

/// An upstream identity provider, to add or as it is; its client secret is never shown.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderDocument {
    /// Its name in URLs and in the uids of the users it brings: letters, digits, hyphens. Fixed for
    /// ever.
    pub name: String,
    /// What the login page calls it; the name if not given.
    pub display_name: Option<String>,
    /// Its issuer: https, or http on this machine. It sends people back to `/oauth2/idpresponse`
    /// under the pool's URL if its metadata promises
    /// `authorization_response_iss_parameter_supported`, and else to `/oauth2/idpresponse/{name}`.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// Our client secret there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Which claims become which attributes.
    #[serde(default)]
    pub mapping: MappingDocument,
    /// The domains for whose mail addresses it vouches, each meant exactly: `partner.example` says
    /// nothing of `mail.partner.example`. An address elsewhere becomes nobody's `mail` here and is
    /// told to no application. `*` takes every address, and against an administrator's word it
    /// proves none.
    #[serde(default)]
    pub mail_domains: Vec<String>,
}

impl Document for ProviderDocument {
    const NOUN: &'static str = "identity provider";
    const FIXED: &'static [&'static str] = &["name"];
    const UNSHOWN: &'static [&'static str] = &["client_secret"];
}

/// Which claims become which attributes at the first login; what is left out has its standard name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MappingDocument {
    /// The claim that names the person.
    pub username: Option<String>,
    /// The claim with the mail address.
    pub mail: Option<String>,
    /// The claim with the whole name.
    pub name: Option<String>,
    /// The claim with the given name.
    pub given_name: Option<String>,
    /// The claim with the family name.
    pub family_name: Option<String>,
    /// Whether a mail address is taken even if the provider does not say, by `email_verified`, that
    /// it is verified, or if `mail` names another claim than `email`.
    pub unverified_mail: bool,
}
