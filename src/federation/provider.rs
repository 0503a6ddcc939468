//! Records of upstream identity providers.
//!
//! A provider vouches for people, and what they began on its word names it by its name and by the
//! [`Epoch`] of that name. A new epoch begins when a provider is registered and when an edit
//! changes whose word it is or how far it is trusted; what it is called, our secret there, the
//! names of claims and one more mail domain change neither.

use super::{loopback, mail_domains::MailDomains};
use crate::{
    model::{Entropy, Epoch, Error, Listed, Result, Secret, Sequence, Unreadable, Voucher, error::Rule, record},
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
    /// Its name within the pool: lower-case letters, digits, hyphens. Fixed, since federated
    /// identities and generated uids hold it.
    pub name: String,
    /// What the button on the login page says.
    pub display_name: String,
    /// The protocol and its parameters.
    pub kind: ProviderKind,
    /// Which claims become which attributes at the first login.
    pub mapping: Mapping,
    /// For whose mail addresses it vouches.
    pub mail_domains: MailDomains,
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
    /// Whether a mail address is taken although the provider does not say that it is verified: for
    /// a provider whose operator vouches for the addresses.
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
    /// Absent before epochs were drawn: such a record is in the epoch of the commit that wrote it.
    #[n(3)]
    epoch: Option<Epoch>,
    /// Absent in records of earlier versions: then it vouches for every address if it is trusted
    /// with unverified ones, and else for none.
    #[n(30)]
    mail_domains: Option<MailDomains>,
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
    /// Whether what it has said is a word of the one that takes its place too: the same issuer
    /// speaks, to the same client of it, and is believed as much. One more mail domain takes back
    /// nothing of that, so it ends no login; a domain that is taken away may be that of an address
    /// which applications were told.
    fn speaks_as(&self, next: &Self) -> bool {
        let ProviderKind::Oidc { issuer, client_id, client_secret: _ } = &self.kind;
        let ProviderKind::Oidc { issuer: next_issuer, client_id: next_client_id, client_secret: _ } = &next.kind;
        (issuer, client_id, self.mapping.unverified_mail) == (next_issuer, next_client_id, next.mapping.unverified_mail)
            && next.mail_domains.covers(&self.mail_domains)
    }

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
        if self.mapping.unverified_mail && self.mail_domains.is_empty() {
            return refuse(
                "to take unverified mail addresses has no effect without mail_domains: name the domains for which it vouches, or * for all"
                    .into(),
            );
        }
        if !good {
            return refuse("its issuer must be an https URL (http on loopback only) without user, query and fragment".into());
        }
        Ok(())
    }
}

fn key(name: &str) -> Key {
    Key::named(Space::Provider, name.as_bytes())
}

/// A provider as it was read.
struct Present {
    provider: IdentityProvider,
    epoch: Epoch,
    /// The commit that last wrote it.
    read: Sequence,
}

/// The provider of that name.
pub fn find(pool: &Pool, name: &str) -> Result<Option<IdentityProvider>> {
    Ok(present(pool, name)?.map(|present| present.provider))
}

/// The same with the commit that last wrote it.
pub fn read_version(pool: &Pool, name: &str) -> Result<Option<(IdentityProvider, Sequence)>> {
    Ok(present(pool, name)?.map(|present| (present.provider, present.read)))
}

/// The provider of that name, as one that vouches for somebody from now on.
pub fn voucher(pool: &Pool, name: &str) -> Result<Option<Voucher>> {
    Ok(present(pool, name)?.map(|present| Voucher { provider: name.to_owned(), epoch: present.epoch }))
}

/// Whether the provider still vouches: it is registered, and it is the same.
pub fn vouches(pool: &Pool, voucher: &Voucher) -> Result<bool> {
    Ok(self::voucher(pool, &voucher.provider)?.as_ref() == Some(voucher))
}

/// Lets the commit conflict if the provider is changed before it. Contended if it vouches no more
/// already.
pub fn expect(pool: &Pool, changes: &mut Changes, voucher: &Voucher) -> Result<()> {
    let present = present(pool, &voucher.provider)?.filter(|present| present.epoch == voucher.epoch).ok_or_else(Error::contended)?;
    changes.expect_version(key(&voucher.provider), present.read);
    Ok(())
}

fn present(pool: &Pool, name: &str) -> Result<Option<Present>> {
    if name.len() > MAX_NAME {
        return Ok(None);
    }
    let key = key(name);
    let Some(row) = pool.store().get(&key)? else { return Ok(None) };
    let (provider, epoch) = read(pool, &key, &row.value)?;
    Ok(Some(Present { provider, epoch: epoch.unwrap_or(Epoch::of_commit(row.version)), read: row.version }))
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
        match read(pool, &key, &row.value) {
            Ok((provider, _)) => Ok(Ok(provider)),
            Err(reason) => Ok(Err(Unreadable { name: name_of(&key), reason })),
        }
    })
    .collect()
}

/// Writes a provider, new or changed. The issuer is checked: https, or http on loopback.
pub fn put(pool: &Pool, changes: &mut Changes, provider: &IdentityProvider, entropy: &dyn Entropy) -> Result<()> {
    provider.check()?;
    let key = key(&provider.name);
    let epoch = match present(pool, &provider.name)? {
        Some(former) => {
            changes.expect_version(key.clone(), former.read);
            Some(former.epoch).filter(|_| former.provider.speaks_as(provider))
        }
        None => {
            changes.expect_absent(key.clone());
            if pool.store().scan(&Prefix::space(Space::Provider), None).take(MAX_PROVIDERS).count() >= MAX_PROVIDERS {
                let message = format!("the pool has {MAX_PROVIDERS} identity providers already; delete one first");
                return Err(Error::invalid(Rule::Unwilling, message));
            }
            None
        }
    };
    let IdentityProvider { display_name, kind, mapping, mail_domains, .. } = provider.clone();
    let ProviderKind::Oidc { issuer, client_id, client_secret } = kind;
    let kind = StoredKind::Oidc { issuer, client_id, client_secret: client_secret.map(|secret| secret.expose().clone()) };
    let epoch = Some(epoch.unwrap_or_else(|| Epoch::draw(entropy)));
    let stored = Stored { display_name, kind, mapping, epoch, mail_domains: Some(mail_domains) };
    let plain = Secret::new(record::encode(VERSION, &stored));
    let sealed = pool.seal(&key, plain.expose())?;
    changes.put(key, sealed);
    Ok(())
}

/// Writes a provider in the place of what that commit wrote; the commit conflicts if it is another
/// one by now.
pub fn replace(pool: &Pool, changes: &mut Changes, provider: &IdentityProvider, version: Sequence, entropy: &dyn Entropy) -> Result<()> {
    changes.expect_version(key(&provider.name), version);
    put(pool, changes, provider, entropy)
}

/// Removes a provider, and with it the logins for which it vouched. Its federated identities stay,
/// since they name the issuer: they are good again if that issuer comes back under the name, and
/// mean nothing to another.
pub fn delete(changes: &mut Changes, name: &str) {
    changes.delete(key(name));
}

fn read(pool: &Pool, key: &Key, sealed: &[u8]) -> Result<(IdentityProvider, Option<Epoch>)> {
    let plain = pool.open(key, sealed)?;
    let Stored { display_name, kind: StoredKind::Oidc { issuer, client_id, client_secret }, mapping, epoch, mail_domains } =
        record::decode(VERSION, plain.expose())?;
    let mail_domains = mail_domains.unwrap_or_else(|| if mapping.unverified_mail { MailDomains::all() } else { MailDomains::default() });
    let kind = ProviderKind::Oidc { issuer, client_id, client_secret: client_secret.map(Secret::new) };
    Ok((IdentityProvider { name: name_of(key), display_name, kind, mapping, mail_domains }, epoch))
}

fn name_of(key: &Key) -> String {
    String::from_utf8_lossy(key.rest()).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
pub(super) mod tests {
    use super::*;

    /// Writes a provider's record as versions did that knew neither epochs nor mail domains.
    pub fn put_former(pool: &Pool, changes: &mut Changes, name: &str) {
        let key = key(name);
        let plain = pool.open(&key, &pool.store().get(&key).unwrap().unwrap().value).unwrap();
        let stored: Stored = record::decode(VERSION, plain.expose()).unwrap();
        let former = record::encode(VERSION, &Stored { epoch: None, mail_domains: None, ..stored });
        changes.put(key.clone(), pool.seal(&key, &former).unwrap());
    }

    /// Records of version 1 as they lie sealed in stores, with and without the field that came
    /// last: they must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let former = "01a3006144018200a3006968747470733a2f2f6901616302617302a500727072656665727265645f757365726e616d650165656d61696c02646e616d65036a676976656e5f6e616d65046b66616d696c795f6e616d65";
        let former: Vec<u8> = (0..former.len()).step_by(2).map(|at| u8::from_str_radix(&former[at..at + 2], 16).unwrap()).collect();
        assert_eq!(record::decode::<Stored>(VERSION, &former).unwrap().mapping, Mapping::default());

        let before = "01a3006144018200a3006968747470733a2f2f6901616302617302a600727072656665727265645f757365726e616d650165656d61696c02646e616d65036a676976656e5f6e616d65046b66616d696c795f6e616d6505f4";
        let kind = || StoredKind::Oidc { issuer: "https://i".into(), client_id: "c".into(), client_secret: Some("s".into()) };
        let stored =
            |epoch, mail_domains| Stored { display_name: "D".into(), kind: kind(), mapping: Mapping::default(), epoch, mail_domains };
        let written = |stored| record::encode(VERSION, &stored).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let with = |fields: &str, more: &str| before.replacen("01a3", fields, 1) + more;
        let epoch = Some(Epoch::of_commit(Sequence::new(5)));
        assert_eq!(written(stored(None, None)), before);
        assert_eq!(written(stored(epoch, None)), with("01a4", "0305"));
        let listed = MailDomains::parse(&["b.example", "a.example"]).unwrap();
        assert_eq!(written(stored(None, Some(listed.clone()))), with("01a4", "181e8269612e6578616d706c6569622e6578616d706c65"));
        assert_eq!(written(stored(epoch, Some(listed))), with("01a5", "0305181e8269612e6578616d706c6569622e6578616d706c65"));
        assert_eq!(written(stored(epoch, Some(MailDomains::all()))), with("01a5", "0305181e81612a"));
    }
}
