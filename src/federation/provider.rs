//! Records of upstream identity providers.

use super::loopback;
use crate::{
    model::{Error, Listed, Result, Secret, Unreadable, Voucher, error::Rule, record},
    pool::Pool,
    store::{Changes, Key, PoolStore, Prefix, Space},
};
use minicbor::{Decode, Encode};
use url::Url;

/// The newest version of the record.
const VERSION: u8 = 1;

/// Characters of a provider's name.
pub const MAX_NAME: usize = 32;

/// Bytes of the other texts of a provider.
pub const MAX_TEXT: usize = 512;

/// Providers of a pool.
pub const MAX_PROVIDERS: usize = 100;

/// An upstream that a pool trusts to say who somebody is.
#[derive(Clone, Debug)]
pub struct IdentityProvider {
    /// Its name within the pool: lower-case letters, digits, hyphens. Fixed, since federated identities and generated uids hold it.
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
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Mapping {
    /// The claim that names the person upstream.
    #[n(0)]
    pub username: String,
    /// The claim with the mail address.
    #[n(1)]
    pub mail: String,
    /// The claim with the whole name.
    #[n(2)]
    pub name: String,
    /// The claim with the given name.
    #[n(3)]
    pub given_name: String,
    /// The claim with the family name.
    #[n(4)]
    pub family_name: String,
    /// Whether a mail address is taken although the provider does not say that it is verified: for a provider whose operator vouches for the addresses.
    #[n(5)]
    #[cbor(default)]
    pub unverified_mail: bool,
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            username: "preferred_username".into(),
            mail: "email".into(),
            name: "name".into(),
            given_name: "given_name".into(),
            family_name: "family_name".into(),
            unverified_mail: false,
        }
    }
}

/// The record. It is sealed as a whole, since it holds our secret at the upstream.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    display_name: String,
    #[n(1)]
    kind: StoredKind,
    #[n(2)]
    mapping: Mapping,
}

#[derive(Encode, Decode)]
enum StoredKind {
    #[n(0)]
    #[cbor(map)]
    Oidc {
        #[n(0)]
        issuer: String,
        #[n(1)]
        client_id: String,
        #[n(2)]
        client_secret: Option<String>,
    },
}

impl IdentityProvider {
    /// Whether the record can be used: its name, its texts, its issuer.
    pub fn check(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::invalid(Rule::Request, format!("identity provider {}: {why}", self.name)));
        let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > MAX_NAME || !self.name.bytes().all(shaped) {
            return refuse(format!("its name has 1 to {MAX_NAME} lower-case letters, digits and hyphens"));
        }
        let ProviderKind::Oidc { issuer, client_id, client_secret } = &self.kind;
        let secret = client_secret.as_ref().map(|secret| secret.expose().as_str());
        let Mapping { username, mail, name, given_name, family_name, unverified_mail: _ } = &self.mapping;
        let texts = [&self.display_name, client_id, issuer, username, mail, name, given_name, family_name];
        let long = |text: &str| text.is_empty() || text.len() > MAX_TEXT || text.chars().any(char::is_control);
        if texts.into_iter().map(String::as_str).chain(secret).any(long) {
            return refuse(format!("a text of it is empty, longer than {MAX_TEXT} bytes, or has control characters"));
        }
        let good = Url::parse(issuer).is_ok_and(|url| {
            url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
                && loopback::may_call(&url)
        });
        if !good {
            return refuse("its issuer must be an https URL (http on loopback only) without user, query and fragment".into());
        }
        Ok(())
    }
}

fn key(name: &str) -> Key {
    Key::named(Space::Provider, name.as_bytes())
}

/// The provider of that name.
pub fn find(pool: &Pool, name: &str) -> Result<Option<IdentityProvider>> {
    if name.len() > MAX_NAME {
        return Ok(None);
    }
    let key = key(name);
    pool.store().get(&key)?.map(|row| read(pool, &key, &row.value)).transpose()
}

/// The provider of that name, as one that vouches for somebody from now on.
pub fn voucher(store: &PoolStore, name: &str) -> Result<Option<Voucher>> {
    if name.len() > MAX_NAME {
        return Ok(None);
    }
    Ok(store.get(&key(name))?.map(|row| Voucher { provider: name.to_owned(), version: row.version }))
}

/// Whether the provider still vouches: it is registered, and it is the same.
pub fn vouches(store: &PoolStore, voucher: &Voucher) -> Result<bool> {
    Ok(self::voucher(store, &voucher.provider)?.as_ref() == Some(voucher))
}

/// Lets the commit conflict unless the provider still vouches.
pub fn expect(changes: &mut Changes, voucher: &Voucher) {
    changes.expect_version(key(&voucher.provider), voucher.version);
}

/// Whether there is a provider of that name, one that cannot be read too.
pub fn is_there(store: &PoolStore, name: &str) -> Result<bool> {
    Ok(name.len() <= MAX_NAME && store.get(&key(name))?.is_some())
}

/// All providers of the pool, by name.
pub fn list(pool: &Pool) -> Result<Vec<Listed<IdentityProvider>>> {
    let rows = pool.store().scan(&Prefix::space(Space::Provider), None).take(MAX_PROVIDERS);
    rows.map(|row| {
        let (key, row) = row?;
        Ok(read(pool, &key, &row.value).map_err(|reason| Unreadable { name: name_of(&key), reason }))
    })
    .collect()
}

/// Writes a provider, new or changed. The issuer is checked: https, or http on loopback.
pub fn put(pool: &Pool, changes: &mut Changes, provider: &IdentityProvider) -> Result<()> {
    provider.check()?;
    let key = key(&provider.name);
    if pool.store().get(&key)?.is_none()
        && pool.store().scan(&Prefix::space(Space::Provider), None).take(MAX_PROVIDERS).count() >= MAX_PROVIDERS
    {
        return Err(Error::invalid(Rule::Unwilling, format!("the pool has {MAX_PROVIDERS} identity providers already; delete one first")));
    }
    let IdentityProvider { display_name, kind, mapping, .. } = provider.clone();
    let ProviderKind::Oidc { issuer, client_id, client_secret } = kind;
    let client_secret = client_secret.map(|secret| secret.expose().clone());
    let stored = Stored { display_name, kind: StoredKind::Oidc { issuer, client_id, client_secret }, mapping };
    let plain = Secret::new(record::encode(VERSION, &stored));
    let sealed = pool.seal(&key, plain.expose())?;
    changes.put(key, sealed);
    Ok(())
}

/// Removes a provider, and with it the logins for which it vouched. Its federated identities stay, and are good again if it comes back with the same issuer.
pub fn delete(changes: &mut Changes, name: &str) {
    changes.delete(key(name));
}

fn read(pool: &Pool, key: &Key, sealed: &[u8]) -> Result<IdentityProvider> {
    let plain = pool.open(key, sealed)?;
    let Stored { display_name, kind: StoredKind::Oidc { issuer, client_id, client_secret }, mapping } =
        record::decode(VERSION, plain.expose())?;
    let kind = ProviderKind::Oidc { issuer, client_id, client_secret: client_secret.map(Secret::new) };
    Ok(IdentityProvider { name: name_of(key), display_name, kind, mapping })
}

fn name_of(key: &Key) -> String {
    String::from_utf8_lossy(key.rest()).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// Records of version 1 as they lie sealed in stores, with and without the field that came last: they must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let former = "01a3006144018200a3006968747470733a2f2f6901616302617302a500727072656665727265645f757365726e616d650165656d61696c02646e616d65036a676976656e5f6e616d65046b66616d696c795f6e616d65";
        let former: Vec<u8> = (0..former.len()).step_by(2).map(|at| u8::from_str_radix(&former[at..at + 2], 16).unwrap()).collect();
        assert_eq!(record::decode::<Stored>(VERSION, &former).unwrap().mapping, Mapping::default());

        let kind = StoredKind::Oidc { issuer: "https://i".into(), client_id: "c".into(), client_secret: Some("s".into()) };
        let stored = Stored { display_name: "D".into(), kind, mapping: Mapping::default() };
        let bytes: String = record::encode(VERSION, &stored).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            bytes,
            "01a3006144018200a3006968747470733a2f2f6901616302617302a600727072656665727265645f757365726e616d650165656d61696c02646e616d65036a676976656e5f6e616d65046b66616d696c795f6e616d6505f4"
        );
    }
}
