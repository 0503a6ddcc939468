//! Records of upstream identity providers.

use crate::{
    model::{Result, Secret},
    pool::Pool,
    store::Changes,
};

/// An upstream that a pool trusts to say who somebody is.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    /// Its name within the pool: letters, digits, hyphens. Fixed, since federated identities and generated uids hold it.
    pub name: String,
    /// What the button on the login page says.
    pub display_name: String,
    /// The protocol and its parameters.
    pub kind: ProviderKind,
    /// Which claims become which attributes at the first login.
    pub mapping: Mapping,
}

/// The protocol towards an upstream.
#[derive(Clone, Debug)]
pub enum ProviderKind {
    /// OpenID Connect, authorization code flow with PKCE.
    Oidc {
        /// The issuer: https, or http on loopback.
        issuer: String,
        /// Our client id there.
        client_id: String,
        /// Our client secret there, if the client is confidential; sealed in the store.
        client_secret: Option<Secret<String>>,
    },
}

/// Which claims become which attributes at the first login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The claim that names the person upstream.
    pub username: String,
    /// The claim with the mail address.
    pub mail: String,
    /// The claim with the whole name.
    pub name: String,
    /// The claim with the given name.
    pub given_name: String,
    /// The claim with the family name.
    pub family_name: String,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            username: "preferred_username".into(),
            mail: "email".into(),
            name: "name".into(),
            given_name: "given_name".into(),
            family_name: "family_name".into(),
        }
    }
}

/// The provider of that name.
pub fn find(_pool: &Pool, _name: &str) -> Result<Option<IdentityProvider>> {
    todo!()
}

/// All providers of the pool, by name.
pub fn list(_pool: &Pool) -> Result<Vec<IdentityProvider>> {
    todo!()
}

/// Writes a provider, new or changed. The issuer is checked: https, or http on loopback.
pub fn put(_pool: &Pool, _changes: &mut Changes, _provider: &IdentityProvider) -> Result<()> {
    todo!()
}

/// Removes a provider. Its federated identities stay, and are good again if it comes back with the same issuer.
pub fn delete(_changes: &mut Changes, _name: &str) {
    todo!()
}
