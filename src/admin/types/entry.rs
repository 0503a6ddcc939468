//! Users, groups and service accounts.

use crate::admin::patch::Document;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An entry of the directory. Values that are not text are shown as `base64:…`. What the server
/// keeps may stand in a patch as it is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryDocument {
    /// Its name: the uid of a user, the cn of a group or service account.
    pub name: String,
    /// Its distinguished name.
    pub dn: String,
    /// Its entryUUID, which is also the `sub` of tokens.
    pub uuid: String,
    /// Whether it may not log in.
    #[serde(default)]
    pub disabled: bool,
    /// Its attributes by their LDAP names with all their values. In a patch, null or no value takes
    /// the attribute away.
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl Document for EntryDocument {
    const NOUN: &'static str = "entry";
    const FIXED: &'static [&'static str] = &["name", "dn", "uuid"];
}

/// A user to add.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The uid.
    pub uid: String,
    /// The password; without one the user cannot log in with a password until one is set.
    pub password: Option<String>,
    /// The mail address.
    pub mail: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name; the uid if not given, since inetOrgPerson needs one.
    pub family_name: Option<String>,
    /// What people see; given and family name if not given.
    pub display_name: Option<String>,
    /// Further attributes by their LDAP names.
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// A group to add.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// The cn.
    pub cn: String,
    /// What it is for.
    pub description: Option<String>,
    /// The uids of its first members.
    #[serde(default)]
    pub members: Vec<String>,
}

/// A service account to add.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewService {
    /// The cn.
    pub cn: String,
    /// What it is for.
    pub description: Option<String>,
    /// The password; one is made if it is not given.
    pub password: Option<String>,
}

/// A password to set.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The password; one is made if it is not given.
    pub password: Option<String>,
}

/// A secret that was made, shown this once.
#[derive(Default, Serialize, Deserialize)]
pub struct Generated {
    /// The password, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// A member to add.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its uid.
    pub uid: String,
}
