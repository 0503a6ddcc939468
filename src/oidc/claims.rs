//! What the scopes tell about a person (OpenID Connect Core 1.0, sections 5.1 and 5.4), read from
//! the entry as the person themselves may read it.

use super::wire::Scope;
use crate::directory::{Directory, Entry, Viewer};
use crate::model::{Dn, Result, Role};
use serde_json::{Map, Value, json};

/// Every claim that may be told, for discovery.
pub const CLAIMS: &[&str] = &[
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "name",
    "given_name",
    "family_name",
    "preferred_username",
    "locale",
    "updated_at",
    "email",
    "phone_number",
    "phone_number_verified",
    "address",
    "groups",
];

/// The claims of those scopes; one that the entry has no value for is left out (section 5.3.2).
pub fn about(directory: &Directory, entry: &Entry, scopes: &[Scope]) -> Result<Map<String, Value>> {
    let reader = Reader { directory, entry, viewer: Viewer { role: Role::User, entry: Some(entry.id()) } };
    let mut claims = Map::new();
    for scope in scopes {
        match scope {
            Scope::Openid => {}
            Scope::Profile => reader.profile(&mut claims)?,
            Scope::Email => {
                // No `email_verified`: only administrators write an address, so it is not the word
                // of the person, and yet nobody has found out whether they receive mail there.
                // `true` would let applications join accounts by it, and some of them take `false`
                // for a reason to keep the person out.
                if let Some(mail) = reader.first(&["mail"])? {
                    claims.insert("email".into(), mail.into());
                }
            }
            Scope::Phone => {
                if let Some(number) = reader.first(&["telephoneNumber", "mobile"])? {
                    claims.insert("phone_number".into(), number.into());
                    claims.insert("phone_number_verified".into(), false.into());
                }
            }
            Scope::Address => reader.address(&mut claims)?,
            Scope::Groups => {
                claims.insert("groups".into(), reader.groups()?.into());
            }
        }
    }
    Ok(claims)
}

struct Reader<'a> {
    directory: &'a Directory,
    entry: &'a Entry,
    viewer: Viewer,
}

impl Reader<'_> {
    fn profile(&self, claims: &mut Map<String, Value>) -> Result<()> {
        for (claim, attributes) in [
            ("name", &["displayName", "cn"][..]),
            ("given_name", &["givenName"]),
            ("family_name", &["sn"]),
            ("preferred_username", &["uid"]),
            ("locale", &["preferredLanguage"]),
        ] {
            if let Some(value) = self.first(attributes)? {
                claims.insert(claim.into(), value.into());
            }
        }
        claims.insert("updated_at".into(), self.entry.modified().seconds().into());
        Ok(())
    }

    /// Section 5.1.1. In a postal address `$` separates lines and is escaped, like the backslash,
    /// by its hexadecimal code (RFC 4517, section 3.3.28).
    fn address(&self, claims: &mut Map<String, Value>) -> Result<()> {
        let mut address = Map::new();
        if let Some(text) = self.first(&["postalAddress"])? {
            let lines = text.replace('$', "\n").replace("\\24", "$").replace("\\5C", "\\").replace("\\5c", "\\");
            address.insert("formatted".into(), lines.into());
        }
        for (claim, attribute) in
            [("street_address", "street"), ("locality", "l"), ("region", "st"), ("postal_code", "postalCode"), ("country", "c")]
        {
            if let Some(value) = self.first(&[attribute])? {
                address.insert(claim.into(), value.into());
            }
        }
        if !address.is_empty() {
            claims.insert("address".into(), json!(address));
        }
        Ok(())
    }

    /// The names of the groups, without the place in the tree: applications compare them with words
    /// of their own.
    fn groups(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self.texts("memberOf")?.filter_map(|dn| name_of(&dn)).collect();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    fn first(&self, attributes: &[&str]) -> Result<Option<String>> {
        for attribute in attributes {
            if let Some(value) = self.texts(attribute)?.next() {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn texts(&self, attribute: &str) -> Result<impl Iterator<Item = String> + use<>> {
        let values = self.directory.attribute(self.entry, attribute, &self.viewer)?;
        Ok(values.into_iter().filter_map(|value| String::from_utf8(value).ok()))
    }
}

fn name_of(dn: &str) -> Option<String> {
    let dn = Dn::parse(dn).ok()?;
    let name = dn.rdns().first()?.avas().first()?;
    String::from_utf8(name.value.clone()).ok()
}
