//! What people have agreed to: that a client which is not the pool's own is told what it asks for (OpenID Connect Core 1.0, section 3.1.2.4).
//!
//! Somebody agreed to what they were shown. A client of another name, or one that leads elsewhere, asks anew, even under the same identifier.

use super::client::Client;
use super::name::ClientId;
use super::record;
use crate::crypto::digest::sha256;
use crate::model::error::Result;
use crate::model::{EntryId, Timestamp};
use crate::store::{Changes, Key, PoolStore, Prefix, Space};
use minicbor::{Decode, Encode};

/// The first byte of the name, among those of [`super::grant`].
const CONSENT: u8 = b'a';

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Consent {
    /// What of the client the person was shown, hashed.
    #[cbor(n(0), with = "minicbor::bytes")]
    shown: [u8; 32],
    #[n(1)]
    scopes: Vec<String>,
    #[n(2)]
    given: Timestamp,
}

/// Whether the person has agreed that the client is told all of that. They are asked each time where anybody could pass for the client: one without a secret of its own,
/// whose redirect URI another program of the same device can take (RFC 8252, section 8.6).
pub fn has_consented(store: &PoolStore, client: &Client, entry: EntryId, scopes: &[&str]) -> Result<bool> {
    if client.is_public() {
        return Ok(false);
    }
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
    let consent = Consent { shown: shown(client), scopes: agreed, given: now };
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
    Ok(found.map(|(consent, _)| consent).filter(|consent| consent.shown == shown(client)))
}

/// What stands for the name of the client and where it leads.
fn shown(client: &Client) -> [u8; 32] {
    let texts = std::iter::once(client.name.as_str()).chain(client.redirect_uris.iter().map(|uri| uri.as_str()));
    sha256(&texts.flat_map(|text| sha256(text.as_bytes())).collect::<Vec<u8>>())
}

fn of(entry: EntryId) -> Vec<u8> {
    [[CONSENT].as_slice(), &entry.get().to_be_bytes()].concat()
}

fn key(entry: EntryId, client_id: &ClientId) -> Key {
    Key::named(Space::Grant, &[of(entry).as_slice(), client_id.as_str().as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of version 1 as it lies in stores: it must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let consent = Consent { shown: [7; 32], scopes: vec!["openid".into()], given: Timestamp::from_seconds(1000) };
        let bytes: String = record::encode(&consent).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            bytes,
            "01a30058200707070707070707070707070707070707070707070707070707070707070707018166\
             6f70656e6964021a3b9aca00"
                .replace(char::is_whitespace, "")
        );
    }
}
