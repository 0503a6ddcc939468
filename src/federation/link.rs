//! The tie between an upstream identity and a local user.
//!
//! It is keyed by provider, issuer and subject: an upstream that changes its issuer is another
//! upstream, and a mail address or a name ties nobody to anything.

mod mail;
mod names;

pub(super) use names::Names;

use super::identity::UpstreamIdentity;
use crate::{
    crypto::digest,
    directory::{Directory, NewEntry},
    model::{
        Actor, Attribute, Entropy, EntryId, Error, Face, Kind, Rdn, Result, Role, Sequence, Timestamp,
        entropy::random,
        error::{Clash, Rule},
        record,
    },
    store::{Changes, Key, Prefix, Space},
};
use minicbor::{Decode, Encode};
use uuid::Uuid;

/// The newest version of the record.
const VERSION: u8 = 1;

/// The kinds of rows: from an identity to an entry, and back. A byte is given once.
const BY_IDENTITY: u8 = b'i';
const BY_ENTRY: u8 = b'e';

/// What the name of the server begins with where it does what an upstream has said.
pub(super) const ACTOR: &str = "federation:";

#[derive(Clone, Encode, Decode)]
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
    /// Absent in records of earlier versions.
    #[n(30)]
    mail: Option<MailOrigin>,
}

/// Where the mail address of an entry is from.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) enum MailOrigin {
    /// The upstream has given this one, or has none to give.
    #[n(0)]
    Upstream(#[n(0)] Option<String>),
    /// An administrator has decided what it is, or that there is none.
    #[n(1)]
    Administrator,
}

/// A tie of an entry, as it was read.
pub(super) struct Tie {
    key: Key,
    version: Sequence,
    stored: Stored,
}

impl Tie {
    pub(super) fn provider(&self) -> &str {
        &self.stored.provider
    }

    pub(super) fn issuer(&self) -> &str {
        &self.stored.issuer
    }

    pub(super) const fn mail(&self) -> Option<&MailOrigin> {
        self.stored.mail.as_ref()
    }

    /// Writes down where the address is from by now.
    pub(super) fn put_mail(&self, changes: &mut Changes, mail: MailOrigin) {
        changes.expect_version(self.key.clone(), self.version);
        changes.put(self.key.clone(), record::encode(VERSION, &Stored { mail: Some(mail), ..self.stored.clone() }));
    }
}

/// Somebody who has come from an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Their local user.
    pub linked: Linked,
    /// What became of mail addresses by it, in sentences for the operator: true once the changes
    /// are committed.
    pub told: Vec<String>,
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

/// The local user of that identity, or a new one within the changes. Of two first logins at once
/// one conflicts and finds the other's user when it decides again.
pub fn find_or_create(
    directory: &Directory,
    changes: &mut Changes,
    provider: &str,
    identity: &UpstreamIdentity,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Arrival> {
    let word = mail::Word { directory, provider, identity, now };
    let mut told = Vec::new();
    let key = identity_key(provider, identity);
    match directory.store().get(&key)? {
        Some(row) => {
            let stored: Stored = record::decode(VERSION, &row.value)?;
            let entry = stored.entry;
            if directory.head(entry)?.is_some() {
                word.renew(changes, &Tie { key, version: row.version, stored }, &mut told)?;
                return Ok(Arrival { linked: Linked::Found(entry), told });
            }
            // The user was deleted: the next login is a first login again.
            changes.expect_version(key.clone(), row.version);
        }
        None => changes.expect_absent(key.clone()),
    }
    let uuid = uuid::Builder::from_random_bytes(random(entropy)).into_uuid();
    let name = Names::new(directory, entropy).free(&names::base(provider, identity))?;
    let dn = directory.suffix().child(Rdn::single("ou", "people")).child(Rdn::single("uid", name.as_str()));
    let text = dn.to_string();
    let mail = word.first(changes, &text, &mut told)?;
    let entry = NewEntry { dn, attributes: attributes(identity, mail, &name, uuid) };
    let entry = directory.add(changes, entry, &server(provider), now, entropy).map_err(|error| match error.kind() {
        // The name was free a moment ago: somebody is taking it now, perhaps for this very
        // identity.
        Kind::Conflict(Clash::Exists) | Kind::Invalid(Rule::Unique) => Error::contended(),
        _ => error,
    })?;
    let stored = Stored {
        entry,
        provider: provider.to_owned(),
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        linked: now,
        mail: Some(MailOrigin::Upstream(mail.map(str::to_owned))),
    };
    changes.put(entry_key(entry, &key), Vec::new());
    changes.put(key, record::encode(VERSION, &stored));
    Ok(Arrival { linked: Linked::Created { entry, uuid, name, dn: text }, told })
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

/// The ties of an entry.
pub(super) fn of_entry(directory: &Directory, entry: EntryId) -> Result<Vec<Tie>> {
    let prefix = entry_prefix(entry);
    let mut ties = Vec::new();
    for row in directory.store().scan(&Prefix::named(Space::Federated, &prefix), None) {
        let Some(identity) = row?.0.rest().get(prefix.len()..).map(|name| Key::named(Space::Federated, name)) else { continue };
        if let Some(row) = directory.store().get(&identity)? {
            ties.push(Tie { key: identity, version: row.version, stored: record::decode(VERSION, &row.value)? });
        }
    }
    Ok(ties)
}

/// The server, where it does what an upstream has said.
fn server(provider: &str) -> Actor {
    Actor { role: Role::Operator, entry: None, name: format!("{ACTOR}{provider}"), face: Face::Server, address: None }
}

fn attributes(identity: &UpstreamIdentity, mail: Option<&str>, name: &str, uuid: Uuid) -> Vec<Attribute> {
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
    if let Some(mail) = mail {
        attributes.push(Attribute::new("mail", [mail]));
    }
    attributes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
pub(super) mod tests {
    use super::*;

    /// Writes a tie as versions did that did not say where the address is from.
    pub fn put_former(changes: &mut Changes, tie: Tie) {
        changes.put(tie.key, record::encode(VERSION, &Stored { mail: None, ..tie.stored }));
    }

    /// A record of version 1 as it lies in stores: it must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let stored = |mail| Stored {
            entry: EntryId::new(7),
            provider: "idp".into(),
            issuer: "https://i".into(),
            subject: "s".into(),
            linked: Timestamp::from_seconds(1_790_000_000),
            mail,
        };
        let written = |stored| record::encode(VERSION, &stored).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let before = "01a500070163696470026968747470733a2f2f69036173041b00065bfeda25e000";
        assert_eq!(written(stored(None)), before);
        let with = |mail: &str| before.replacen("01a5", "01a6", 1) + "181e" + mail;
        assert_eq!(written(stored(Some(MailOrigin::Upstream(Some("m".into()))))), with("820081616d"));
        assert_eq!(written(stored(Some(MailOrigin::Upstream(None)))), with("820080"));
        assert_eq!(written(stored(Some(MailOrigin::Administrator))), with("820180"));
        for text in [before.to_owned(), with("820081616d"), with("820080"), with("820180")] {
            let bytes: Vec<u8> = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
            assert_eq!(written(record::decode::<Stored>(VERSION, &bytes).unwrap()), text);
        }
    }
}
