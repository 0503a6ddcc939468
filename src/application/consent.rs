//! What people have agreed to: that a client which is not the pool's own is told what it asks for
//! (OpenID Connect Core 1.0, section 3.1.2.4).
//!
//! Somebody agreed with one client. Another one that is registered under the same identifier asks
//! anew, and so does one that leads elsewhere than it did then.

use super::client::Client;
use super::name::ClientId;
use super::record;
use crate::crypto::digest::sha256;
use crate::model::error::Result;
use crate::model::{EntryId, Epoch, Timestamp};
use crate::store::{Changes, Key, PoolStore, Prefix, Space};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};

/// The first byte of the name, among those of [`super::grant`].
const CONSENT: u8 = b'a';

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Consent {
    /// The name of the client and where it led, hashed: what told it from others of its identifier
    /// before epochs were drawn.
    #[n(0)]
    shown: Option<ByteArray<32>>,
    #[n(1)]
    scopes: Vec<String>,
    #[n(2)]
    given: Timestamp,
    /// The epoch of the client, if it had one.
    #[n(3)]
    epoch: Option<Epoch>,
    /// Where the client led, hashed.
    #[n(4)]
    leads_to: Option<ByteArray<32>>,
}

impl Consent {
    /// Whether it was that very client with which the person agreed.
    fn is_with(&self, client: &Client) -> bool {
        let same = match (&self.leads_to, &self.shown) {
            (Some(then), _) => **then == leads_to(client),
            (None, Some(then)) => **then == shown(client),
            (None, None) => false,
        };
        same && self.epoch == client.epoch
    }
}

/// Whether the person has agreed that the client is told all of that.
pub fn has_consented(store: &PoolStore, client: &Client, entry: EntryId, scopes: &[&str]) -> Result<bool> {
    let consent = find(store, client, entry)?;
    Ok(consent.is_some_and(|consent| scopes.iter().all(|scope| consent.scopes.iter().any(|known| known == scope))))
}

/// Remembers that the person agrees to that, beside what they have agreed to before.
pub fn put_consent(
    store: &PoolStore,
    changes: &mut Changes,
    client: &Client,
    entry: EntryId,
    scopes: &[&str],
    now: Timestamp,
) -> Result<()> {
    let mut agreed = find(store, client, entry)?.map(|consent| consent.scopes).unwrap_or_default();
    agreed.extend(scopes.iter().map(|scope| (*scope).to_owned()));
    agreed.sort_unstable();
    agreed.dedup();
    let consent = Consent { shown: None, scopes: agreed, given: now, epoch: client.epoch, leads_to: Some(leads_to(client).into()) };
    changes.put(key(entry, &client.client_id), record::encode(&consent));
    Ok(())
}

/// Forgets what the person has agreed to.
pub fn delete_consent(changes: &mut Changes, client_id: &ClientId, entry: EntryId) {
    changes.delete(key(entry, client_id));
}

/// Forgets all that somebody has agreed to whose entry is being deleted.
pub fn forget_consents(store: &PoolStore, changes: &mut Changes, entry: EntryId) -> Result<()> {
    for row in store.scan(&Prefix::named(Space::Grant, &of(entry)), None) {
        changes.delete(row?.0);
    }
    Ok(())
}

fn find(store: &PoolStore, client: &Client, entry: EntryId) -> Result<Option<Consent>> {
    let found: Option<(Consent, _)> = record::find(store, &key(entry, &client.client_id))?;
    Ok(found.map(|(consent, _)| consent).filter(|consent| consent.is_with(client)))
}

/// What stands for the places that the client leads to.
fn leads_to(client: &Client) -> [u8; 32] {
    all(client.redirect_uris.iter().map(|uri| uri.as_str()))
}

/// What stands for the name of the client and the places that it leads to.
fn shown(client: &Client) -> [u8; 32] {
    all(std::iter::once(client.name.as_str()).chain(client.redirect_uris.iter().map(|uri| uri.as_str())))
}

fn all<'a>(texts: impl Iterator<Item = &'a str>) -> [u8; 32] {
    sha256(&texts.flat_map(|text| sha256(text.as_bytes())).collect::<Vec<u8>>())
}

fn of(entry: EntryId) -> Vec<u8> {
    [[CONSENT].as_slice(), &entry.get().to_be_bytes()].concat()
}

fn key(entry: EntryId, client_id: &ClientId) -> Key {
    Key::named(Space::Grant, &[of(entry).as_slice(), client_id.as_str().as_bytes()].concat())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::super::redirect::RedirectUri;
    use super::*;
    use crate::model::Sequence;

    /// Records of version 1 as they lie in stores, with and without epochs: they must stay
    /// readable, and the newer one written so.
    #[test]
    fn golden_bytes() {
        let consent = Consent {
            shown: None,
            scopes: vec!["openid".into()],
            given: Timestamp::from_seconds(1000),
            epoch: Some(Epoch::of_commit(Sequence::new(5))),
            leads_to: Some([7; 32].into()),
        };
        let bytes: String = record::encode(&consent).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(bytes, "01a40181666f70656e6964021a3b9aca0003050458200707070707070707070707070707070707070707070707070707070707070707");
        let former = "01a30058200707070707070707070707070707070707070707070707070707070707070707018166\
                      6f70656e6964021a3b9aca00";
        let former: Vec<u8> = (0..former.len()).step_by(2).map(|at| u8::from_str_radix(&former[at..at + 2], 16).unwrap()).collect();
        let former: Consent = record::decode(&former).unwrap();
        assert_eq!(former, Consent { shown: Some([7; 32].into()), epoch: None, leads_to: None, ..consent });
    }

    /// What was agreed to before epochs were drawn holds as it did then, and for no client that was
    /// made since.
    #[test]
    fn a_former_consent_is_with_the_former_client() {
        let uris = vec![RedirectUri::parse("https://app.example/callback").unwrap()];
        let client = Client::public(ClientId::parse("app").unwrap(), "App", uris);
        let former = Consent {
            shown: Some(shown(&client).into()),
            scopes: Vec::new(),
            given: Timestamp::from_seconds(1000),
            epoch: None,
            leads_to: None,
        };
        assert!(former.is_with(&client));
        assert!(!former.is_with(&Client { name: "Another".into(), ..client.clone() }));
        assert!(!former.is_with(&Client { epoch: Some(Epoch::of_commit(Sequence::new(5))), ..client.clone() }));
        assert!(!Consent { shown: None, ..former }.is_with(&client), "one that names nothing is with nobody");
    }
}
