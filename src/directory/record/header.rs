//! What every entry has besides its attributes, as its record begins with it: a CBOR map, so that a
//! later version can add fields.

use super::{broken, header_of, too_large};
use crate::model::{AttributeId, EntryId, Error, Result, Timestamp};
use crate::policy::access::EntryKind;
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The longest name of an actor that a header keeps; a longer one is cut. Bytes.
pub const MAX_ACTOR: usize = 1000;

/// What every entry has besides its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub parent: Option<EntryId>,
    pub uuid: Uuid,
    pub kind: EntryKind,
    pub created: Timestamp,
    pub modified: Timestamp,
    pub creator: String,
    pub modifier: String,
    /// As written (RFC 4514).
    pub rdn: String,
    /// The server that last wrote the entry; entryCSN shows it.
    pub node: u16,
    /// Attributes of which the entry has edges, or had. The edges themselves are rows of their own.
    pub links: BTreeSet<AttributeId>,
    /// How often the entry was changed since it was added; starts again after the greatest number.
    pub changes: u32,
}

/// What decides whether somebody may log in, and as whom. It lies in the header, so that a record
/// alone tells it however full the entry is. A record of an earlier release has none of it; the
/// attributes of the whole entry tell it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    pub disabled: bool,
    /// The first uid; `None` if there is none.
    pub uid: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// As the values of poolgateAccountDisabled and uid tell it.
    pub fn told_by(mut disabled: impl Iterator<Item = &'a [u8]>, uid: impl Iterator<Item = &'a [u8]>) -> Self {
        Self { disabled: disabled.any(|value| value == b"TRUE"), uid: uid.filter_map(|value| std::str::from_utf8(value).ok()).next() }
    }
}

/// The fields of a header that most readers need; read once, without copying text.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    pub parent: Option<EntryId>,
    pub uuid: Uuid,
    pub kind: EntryKind,
    pub created: Timestamp,
    pub modified: Timestamp,
    /// Whether it has edges, or had.
    pub has_links: bool,
}

impl Fixed {
    fn of(wire: &Wire<'_>) -> Self {
        Self {
            parent: (wire.parent != 0).then_some(EntryId::new(wire.parent)),
            uuid: Uuid::from_bytes(wire.uuid),
            kind: kind(wire.kind),
            created: Timestamp::from_micros(wire.created),
            modified: Timestamp::from_micros(wire.modified),
            has_links: !wire.links.is_empty(),
        }
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Wire<'a> {
    #[n(0)]
    parent: u64,
    #[cbor(n(1), with = "minicbor::bytes")]
    uuid: [u8; 16],
    #[n(2)]
    kind: u8,
    #[n(3)]
    created: i64,
    #[n(4)]
    modified: i64,
    #[b(5)]
    creator: &'a str,
    #[b(6)]
    modifier: &'a str,
    #[b(7)]
    rdn: &'a str,
    #[n(8)]
    node: u16,
    #[cbor(b(9), with = "minicbor::bytes")]
    links: &'a [u8],
    #[n(10)]
    changes: Option<u32>,
    #[n(11)]
    disabled: Option<bool>,
    /// Empty if the entry has none.
    #[b(12)]
    uid: Option<&'a str>,
}

/// Reads the fields that most readers need, and the RDN as written.
pub fn fixed(record: &[u8]) -> Result<(Fixed, &str)> {
    let wire = wire(record)?;
    Ok((Fixed::of(&wire), wire.rdn))
}

/// Reads what decides; `None` if the header does not tell all of it.
pub fn facts(record: &[u8]) -> Result<Option<Facts<'_>>> {
    let wire = wire(record)?;
    Ok(wire.disabled.zip(wire.uid).map(|(disabled, uid)| Facts { disabled, uid: Some(uid).filter(|uid| !uid.is_empty()) }))
}

/// Reads the whole header.
pub fn header(record: &[u8]) -> Result<Header> {
    let wire = wire(record)?;
    let Fixed { parent, uuid, kind, created, modified, .. } = Fixed::of(&wire);
    let (creator, modifier, rdn) = (wire.creator.to_owned(), wire.modifier.to_owned(), wire.rdn.to_owned());
    let links = wire.links.chunks_exact(2).filter_map(|pair| Some(AttributeId::new(u16::from_be_bytes(*pair.first_chunk()?)))).collect();
    Ok(Header { parent, uuid, kind, created, modified, creator, modifier, rdn, node: wire.node, links, changes: wire.changes.unwrap_or(0) })
}

/// The whole header.
pub fn encode_header(header: &Header, facts: Facts<'_>) -> Result<Vec<u8>> {
    encode(header, facts.disabled, Some(facts.uid.unwrap_or_default()), MAX_ACTOR)
}

/// A header that fits into so many bytes: if it must, without the uid, and at last without the end
/// of the modifier.
pub fn short_header(header: &Header, facts: Facts<'_>, room: usize) -> Result<Vec<u8>> {
    let whole = encode_header(header, facts)?;
    if whole.len() <= room {
        return Ok(whole);
    }
    let without_uid = encode(header, facts.disabled, None, MAX_ACTOR)?;
    let modifier = header.modifier.len().min(MAX_ACTOR);
    let short = match without_uid.len().saturating_sub(room) {
        0 => without_uid,
        over => encode(header, facts.disabled, None, modifier.saturating_sub(over))?,
    };
    if short.len() <= room { Ok(short) } else { Err(too_large()) }
}

/// `uid` is empty for an entry that has none, and left out for `None`; the modifier is cut at
/// `actor` bytes.
fn encode(header: &Header, disabled: bool, uid: Option<&str>, actor: usize) -> Result<Vec<u8>> {
    let links: Vec<u8> = header.links.iter().flat_map(|attribute| attribute.get().to_be_bytes()).collect();
    let wire = Wire {
        parent: header.parent.map_or(0, EntryId::get),
        uuid: *header.uuid.as_bytes(),
        kind: kind_number(header.kind),
        created: header.created.micros(),
        modified: header.modified.micros(),
        creator: cut(&header.creator, MAX_ACTOR),
        modifier: cut(&header.modifier, actor),
        rdn: &header.rdn,
        node: header.node,
        links: &links,
        changes: Some(header.changes).filter(|changes| *changes > 0),
        disabled: Some(disabled),
        uid,
    };
    minicbor::to_vec(&wire).map_err(|error| Error::internal(format!("the header of an entry cannot be written: {error}")))
}

fn wire(record: &[u8]) -> Result<Wire<'_>> {
    minicbor::decode(header_of(record)?).map_err(|error| broken(&error.to_string()))
}

fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default()
}

const fn kind_number(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::Other => 0,
        EntryKind::User => 1,
        EntryKind::Service => 2,
        EntryKind::Group => 3,
        EntryKind::Container => 4,
    }
}

const fn kind(number: u8) -> EntryKind {
    match number {
        1 => EntryKind::User,
        2 => EntryKind::Service,
        3 => EntryKind::Group,
        4 => EntryKind::Container,
        _ => EntryKind::Other,
    }
}
