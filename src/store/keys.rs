//! The only place that builds keys. A [`Key`] names a record within one pool; the pool's id is put
//! before it by the `PoolStore`.

use crate::model::{AttributeId, EntryId, Sequence, Timestamp};

/// The kinds of records of a pool. The number is the first byte of the key and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Space {
    /// Entry id → entry record.
    Entry = 1,
    /// Entry id, generation, number → a part of a value that is too large for its entry's record.
    Value = 2,
    /// Parent id, normalised RDN → entry id.
    Child = 3,
    /// Attribute, normalised value → entry id.
    Unique = 4,
    /// Attribute, kind of term, term, entry id → ().
    Index = 5,
    /// Attribute, source, target → ().
    Link = 6,
    /// Attribute, target, source → ().
    Backlink = 7,
    /// Entry id, kind → sealed credential, or its lockout state.
    Credential = 8,
    /// Application id → client or service provider.
    Application = 9,
    /// Grant id, code or token hash → grant.
    Grant = 10,
    /// Session id hash → session.
    Session = 11,
    /// Browser, interaction id hash → a request that waits, its content, and its place among those
    /// of an address.
    Interaction = 12,
    /// Key id → signing key or data key, sealed.
    SigningKey = 13,
    /// Identity provider id → its record.
    Provider = 14,
    /// Provider, issuer, subject → entry id, and entry id, provider → federated identity.
    Federated = 15,
    /// Time, sequence, number → audit event.
    Audit = 16,
    /// Checkpoints of chains of commits.
    Checkpoint = 17,
    /// Throttles of names that do not exist, by keyed hash.
    Throttle = 18,
}

/// The kinds of index terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Term {
    /// Any value is there.
    Presence = 1,
    /// A hash of the normalised value.
    Equality = 2,
    /// A prefix of the normalised value, in the order of its ordering rule.
    Ordering = 3,
    /// Three consecutive bytes of the normalised value.
    Trigram = 4,
}

/// The name of a record within a pool: a space and the rest. Ordered as bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

/// All keys that begin alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prefix(Vec<u8>);

impl Key {
    fn of(space: Space, parts: &[&[u8]]) -> Self {
        Self(join(space, parts))
    }

    /// An entry's record.
    pub fn entry(id: EntryId) -> Self {
        Self::of(Space::Entry, &[&id.get().to_be_bytes()])
    }

    /// A part of a large value. A generation is a number that the writer draws anew for each value
    /// it spills.
    pub fn value(id: EntryId, generation: u64, number: u16) -> Self {
        Self::of(Space::Value, &[&id.get().to_be_bytes(), &generation.to_be_bytes(), &number.to_be_bytes()])
    }

    /// A child of an entry by its normalised RDN.
    pub fn child(parent: EntryId, rdn: &[u8]) -> Self {
        Self::of(Space::Child, &[&parent.get().to_be_bytes(), rdn])
    }

    /// The holder of a unique value.
    pub fn unique(attribute: AttributeId, value: &[u8]) -> Self {
        Self::of(Space::Unique, &[&attribute.get().to_be_bytes(), value])
    }

    /// One index term of an entry.
    pub fn index(attribute: AttributeId, kind: Term, term: &[u8], id: EntryId) -> Self {
        let attribute = attribute.get().to_be_bytes();
        Self::of(Space::Index, &[&attribute, &[kind as u8], term, &id.get().to_be_bytes()])
    }

    /// An edge from an entry to another.
    pub fn link(attribute: AttributeId, source: EntryId, target: EntryId) -> Self {
        edge(Space::Link, attribute, source, target)
    }

    /// The reverse of an edge.
    pub fn backlink(attribute: AttributeId, target: EntryId, source: EntryId) -> Self {
        edge(Space::Backlink, attribute, target, source)
    }

    /// A credential of an entry.
    pub fn credential(id: EntryId, kind: u8) -> Self {
        Self::of(Space::Credential, &[&id.get().to_be_bytes(), &[kind]])
    }

    /// An audit record. Sequences begin at one: with sequence zero this is the place before all
    /// records of that moment, to scan from.
    pub fn audit(at: Timestamp, sequence: Sequence, number: u16) -> Self {
        Self::of(Space::Audit, &[&ordered(at), &sequence.get().to_be_bytes(), &number.to_be_bytes()])
    }

    /// Time, commit and number, if this names an audit record.
    pub fn audit_parts(&self) -> Option<(Timestamp, Sequence, u16)> {
        let (space, rest) = self.0.split_first()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let number = rest.try_into().ok()?;
        (*space == Space::Audit as u8).then(|| (unordered(*at), Sequence::new(u64::from_be_bytes(*sequence)), u16::from_be_bytes(number)))
    }

    /// A record that is named by bytes of its owner's choice, in one of the spaces without a layout
    /// of their own.
    pub fn named(space: Space, name: &[u8]) -> Self {
        Self::of(space, &[name])
    }

    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes after the space.
    pub fn rest(&self) -> &[u8] {
        self.0.get(1..).unwrap_or_default()
    }

    /// The whole key within its pool.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last eight bytes as an entry id: what index, link and backlink keys end with.
    pub fn last_entry(&self) -> Option<EntryId> {
        self.0.last_chunk().map(|bytes| EntryId::new(u64::from_be_bytes(*bytes)))
    }
}

impl Prefix {
    fn of(space: Space, parts: &[&[u8]]) -> Self {
        Self(join(space, parts))
    }

    /// Every record of a space.
    pub fn space(space: Space) -> Self {
        Self::of(space, &[])
    }

    /// The children of an entry.
    pub fn children(parent: EntryId) -> Self {
        Self::of(Space::Child, &[&parent.get().to_be_bytes()])
    }

    /// The entries under one index term.
    pub fn index(attribute: AttributeId, kind: Term, term: &[u8]) -> Self {
        Self::of(Space::Index, &[&attribute.get().to_be_bytes(), &[kind as u8], term])
    }

    /// The edges from an entry along one attribute.
    pub fn links(attribute: AttributeId, source: EntryId) -> Self {
        Self::of(Space::Link, &[&attribute.get().to_be_bytes(), &source.get().to_be_bytes()])
    }

    /// The edges to an entry along one attribute.
    pub fn backlinks(attribute: AttributeId, target: EntryId) -> Self {
        Self::of(Space::Backlink, &[&attribute.get().to_be_bytes(), &target.get().to_be_bytes()])
    }

    /// The credentials of an entry.
    pub fn credentials(id: EntryId) -> Self {
        Self::of(Space::Credential, &[&id.get().to_be_bytes()])
    }

    /// The records of a space whose name begins with these bytes.
    pub fn named(space: Space, name: &[u8]) -> Self {
        Self::of(space, &[name])
    }

    /// The bytes that the keys begin with.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

const SIGN: u64 = 1 << 63;

/// A moment as bytes that sort like it.
pub(super) fn ordered(at: Timestamp) -> [u8; 8] {
    (at.micros().cast_unsigned() ^ SIGN).to_be_bytes()
}

pub(super) fn unordered(bytes: [u8; 8]) -> Timestamp {
    Timestamp::from_micros((u64::from_be_bytes(bytes) ^ SIGN).cast_signed())
}

fn edge(space: Space, attribute: AttributeId, from: EntryId, to: EntryId) -> Key {
    Key::of(space, &[&attribute.get().to_be_bytes(), &from.get().to_be_bytes(), &to.get().to_be_bytes()])
}

fn join(space: Space, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    bytes.push(space as u8);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}
