//! The tie between an upstream identity and a local user.
//!
//! It is keyed by provider, issuer and subject: an upstream that changes its issuer is another upstream, and a mail address or a name ties nobody to anything.

use super::identity::UpstreamIdentity;
use crate::{
    crypto::digest,
    directory::{Directory, NewEntry},
    model::{Actor, Attribute, Entropy, EntryId, Error, Face, Kind, Rdn, Result, Role, Timestamp, entropy::random, error::Clash, record},
    store::{Changes, Key, Prefix, Space},
};
use minicbor::{Decode, Encode};
use uuid::Uuid;

/// The newest version of the record.
const VERSION: u8 = 1;

/// The kinds of rows: from an identity to an entry, and back. A byte is given once.
const BY_IDENTITY: u8 = b'i';
const BY_ENTRY: u8 = b'e';

/// Names that are tried before one gets a random end: `x`, `x-2` … `x-9`.
const COUNTED_NAMES: u32 = 9;

/// Characters of the upstream's username that a generated uid holds.
const MAX_USERNAME: usize = 64;

#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    entry: EntryId,
    #[n(1)]
    provider: String,
    #[n(2)]
    issuer: String,
    #[n(3)]
    subject: String,
    #[n(4)]
    linked: Timestamp,
}

/// The local user of an upstream identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linked {
    /// There already.
    Found(EntryId),
    /// Made by the changes at hand.
    Created {
        /// The entry.
        entry: EntryId,
        /// Its UUID.
        uuid: Uuid,
        /// Its uid.
        name: String,
        /// Its DN.
        dn: String,
    },
}

fn identity_key(provider: &str, identity: &UpstreamIdentity) -> Key {
    let mut message = Vec::new();
    for part in [provider, &identity.issuer, &identity.subject] {
        message.extend_from_slice(&digest::sha256(part.as_bytes()));
    }
    Key::named(Space::Federated, &[&[BY_IDENTITY], digest::sha256(&message).as_slice()].concat())
}

fn entry_prefix(entry: EntryId) -> Vec<u8> {
    [&[BY_ENTRY], entry.get().to_be_bytes().as_slice()].concat()
}

fn entry_key(entry: EntryId, identity: &Key) -> Key {
    Key::named(Space::Federated, &[&entry_prefix(entry), identity.rest()].concat())
}

/// The local user of that identity, or a new one within the changes. Of two first logins at once one conflicts and finds the other's user when it decides again.
pub fn find_or_create(
    directory: &Directory,
    changes: &mut Changes,
    provider: &str,
    identity: &UpstreamIdentity,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Linked> {
    let key = identity_key(provider, identity);
    match directory.store().get(&key)? {
        Some(row) => {
            let stored: Stored = record::decode(VERSION, &row.value)?;
            if directory.record(stored.entry)?.is_some() {
                return Ok(Linked::Found(stored.entry));
            }
            // The user was deleted: the next login is a first login again.
            changes.expect_version(key.clone(), row.version);
        }
        None => changes.expect_absent(key.clone()),
    }
    let uuid = uuid::Builder::from_random_bytes(random(entropy)).into_uuid();
    let name = free_name(directory, provider, identity, entropy)?;
    let dn = directory.suffix().child(Rdn::single("ou", "people")).child(Rdn::single("uid", name.as_str()));
    let text = dn.to_string();
    let entry = NewEntry { dn, attributes: attributes(directory, identity, &name, uuid)? };
    let server = Actor { role: Role::Operator, entry: None, name: format!("federation:{provider}"), face: Face::Server, address: None };
    let entry = directory.add(changes, entry, &server, now, entropy).map_err(|error| match error.kind() {
        // The name was free a moment ago: somebody is taking it now, perhaps for this very identity.
        Kind::Conflict(Clash::Exists) => Error::contended(),
        _ => error,
    })?;
    let stored =
        Stored { entry, provider: provider.to_owned(), issuer: identity.issuer.clone(), subject: identity.subject.clone(), linked: now };
    changes.put(entry_key(entry, &key), Vec::new());
    changes.put(key, record::encode(VERSION, &stored));
    Ok(Linked::Created { entry, uuid, name, dn: text })
}

/// Forgets the upstream identities of an entry that is being deleted.
pub fn forget(directory: &Directory, changes: &mut Changes, entry: EntryId) -> Result<()> {
    let prefix = entry_prefix(entry);
    for row in directory.store().scan(&Prefix::named(Space::Federated, &prefix), None) {
        let (key, _) = row?;
        if let Some(identity) = key.rest().get(prefix.len()..) {
            changes.delete(Key::named(Space::Federated, identity));
        }
        changes.delete(key);
    }
    Ok(())
}

/// A uid that nobody has.
fn free_name(directory: &Directory, provider: &str, identity: &UpstreamIdentity, entropy: &dyn Entropy) -> Result<String> {
    let username: String = identity.username.as_deref().unwrap_or(&identity.subject).chars().take(MAX_USERNAME).collect();
    let base = format!("{provider}.{username}");
    let counted = std::iter::once(base.clone()).chain((2..=COUNTED_NAMES).map(|number| format!("{base}-{number}")));
    let drawn = std::iter::once(format!("{base}-{}", digest::base64url(&random::<6>(entropy))));
    for name in counted.chain(drawn) {
        if directory.by_unique("uid", name.as_bytes())?.is_none() {
            return Ok(name);
        }
    }
    Err(Error::contended())
}

fn attributes(directory: &Directory, identity: &UpstreamIdentity, name: &str, uuid: Uuid) -> Result<Vec<Attribute>> {
    let whole = identity.name.clone().or_else(|| match (&identity.given_name, &identity.family_name) {
        (Some(given), Some(family)) => Some(format!("{given} {family}")),
        (one, other) => one.clone().or_else(|| other.clone()),
    });
    let common = whole.as_deref().or(identity.username.as_deref()).unwrap_or(name);
    let surname = identity.family_name.as_deref().or_else(|| whole.as_deref().and_then(|whole| whole.split_whitespace().last()));
    let mut attributes = vec![
        Attribute::new("objectClass", ["inetOrgPerson"]),
        Attribute::new("uid", [name]),
        Attribute::new("cn", [common]),
        Attribute::new("sn", [surname.unwrap_or(common)]),
        Attribute::new("entryUUID", [uuid.to_string().as_str()]),
    ];
    if let Some(whole) = &whole {
        attributes.push(Attribute::new("displayName", [whole.as_str()]));
    }
    if let Some(given) = &identity.given_name {
        attributes.push(Attribute::new("givenName", [given.as_str()]));
    }
    // A mail address belongs to one user of a pool. One that is taken, or that is none, must not keep the person out.
    if let Some(mail) = &identity.mail
        && mail.is_ascii()
        && matches!(directory.by_unique("mail", mail.as_bytes()), Ok(None))
    {
        attributes.push(Attribute::new("mail", [mail.as_str()]));
    }
    Ok(attributes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// A record of version 1 as it lies in stores: it must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let stored = Stored {
            entry: EntryId::new(7),
            provider: "idp".into(),
            issuer: "https://i".into(),
            subject: "s".into(),
            linked: Timestamp::from_seconds(1_790_000_000),
        };
        let bytes: String = record::encode(VERSION, &stored).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(bytes, "01a500070163696470026968747470733a2f2f69036173041b00065bfeda25e000");
    }
}
