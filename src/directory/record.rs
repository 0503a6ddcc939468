//! The record of an entry: a header, a table of offsets, and the attributes as the TLVs that a search result holds.
//!
//! ```text
//! version (1)  length of header (2)  header: a CBOR map, so that a later version can add fields
//! count (2)    per attribute: number (2), flags (1), end in the body (4)      in the order of the numbers
//! body         per attribute: PartialAttribute (RFC 4511, section 4.1.7), or where its parts lie
//! ```
//!
//! An attribute that is large lies in parts, rows of their own that bear a generation. A generation is drawn anew whenever the attribute is written, so that who
//! reads an entry while it changes finds the old parts or none, never a mixture.

use crate::model::ber::{self, Reader, Writer};
use crate::model::{AttributeId, EntryId, Error, Result, Timestamp};
use crate::policy::access::EntryKind;
use crate::store::MAX_CHANGES;
use bytes::Bytes;
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;
use std::ops::Range;
use uuid::Uuid;

/// The format that is written.
const VERSION: u8 = 1;
/// An attribute whose TLV is longer lies in parts. Bytes.
pub const MAX_INLINE: usize = 4096;
/// The longest record. Bytes; a row and its key stay below what the engine holds in a page.
pub const MAX_RECORD: usize = 6000;
/// The longest part. Bytes.
pub const PART: usize = 4096;
/// The most octets of all rows of an entry: attributes, those in parts too, and index terms, but not edges, which are added in as many commits as they take.
/// One commit adds the entry, with its credential and audit event, and one removes it, with a part of its edges: so whatever can exist can be exported and
/// imported again, and whoever may change one attribute cannot grow an entry until reading it is a burden.
pub const MAX_ENTRY: usize = 768 << 10;
/// The longest name of an actor that a header keeps; a longer one is cut. Bytes.
pub const MAX_ACTOR: usize = 1000;

/// What a commit keeps free for what belongs to an entry and is no row of its own.
const BESIDE_ENTRY: usize = 256 << 10;
const _: () = assert!(MAX_ENTRY + BESIDE_ENTRY <= MAX_CHANGES, "an entry must fit into one commit");

const ROW: usize = 7;
const IN_PARTS: u8 = 1;

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
}

/// Where an attribute lies that is too large for its entry's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spill {
    pub generation: u64,
    /// Octets of the TLV.
    pub length: u32,
}

impl Spill {
    /// How many parts there are.
    pub fn parts(self) -> u16 {
        u16::try_from((self.length as usize).div_ceil(PART)).unwrap_or(u16::MAX)
    }
}

/// One attribute to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub attribute: AttributeId,
    /// The PartialAttribute that results show.
    pub tlv: Bytes,
    /// Where it lies if it is unchanged and lies in parts already.
    pub spill: Option<Spill>,
}

/// One part to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub generation: u64,
    pub number: u16,
    pub bytes: Vec<u8>,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub attribute: AttributeId,
    pub in_parts: bool,
    /// Where it lies in the record.
    pub range: Range<usize>,
}

/// The record of an entry and the parts to write with it. `items` are in the order of their numbers. Generations are drawn from `next_generation` on.
/// Rule::Constraint if the entry has more attributes than a record can name.
pub fn encode(header: &Header, items: &[Item], mut next_generation: u64) -> Result<(Vec<u8>, Vec<Part>)> {
    let header = encode_header(header)?;
    let octets: usize = items.iter().map(|item| item.spill.map_or(item.tlv.len(), |spill| spill.length as usize)).sum();
    if octets > MAX_ENTRY {
        return Err(over_limit(octets));
    }
    let body = |item: &Item| match item.spill {
        Some(spill) => (Some(spill), reference(spill, &item.tlv)),
        None => (None, item.tlv.clone()),
    };
    let mut bodies: Vec<(Option<Spill>, Bytes)> = items.iter().map(body).collect();
    let mut parts = Vec::new();
    let mut total = 5 + header.len() + bodies.iter().map(|(_, body)| ROW + body.len()).sum::<usize>();
    loop {
        let whole = bodies.iter_mut().filter(|(spill, _)| spill.is_none());
        let Some((slot, body)) = whole.max_by_key(|(_, body)| body.len()) else { break };
        let length = body.len();
        if length <= MAX_INLINE && total <= MAX_RECORD {
            break;
        }
        let spill = Spill { generation: next_generation, length: u32::try_from(length).map_err(|_| too_large())? };
        if usize::from(spill.parts()).saturating_mul(PART) < length {
            return Err(too_large());
        }
        let short = reference(spill, body);
        total = total - length + short.len();
        for (number, bytes) in (0..=u16::MAX).zip(body.chunks(PART)) {
            parts.push(Part { generation: next_generation, number, bytes: bytes.to_vec() });
        }
        (*slot, *body) = (Some(spill), short);
        next_generation = next_generation.wrapping_add(1);
    }
    if total > MAX_RECORD {
        return Err(too_large());
    }
    let mut out = Vec::with_capacity(total);
    out.push(VERSION);
    push_u16(&mut out, header.len())?;
    out.extend_from_slice(&header);
    push_u16(&mut out, items.len())?;
    let mut end = 0;
    for (item, (spill, body)) in items.iter().zip(&bodies) {
        end += body.len();
        out.extend_from_slice(&item.attribute.get().to_be_bytes());
        out.push(if spill.is_some() { IN_PARTS } else { 0 });
        out.extend_from_slice(&u32::try_from(end).map_err(|_| too_large())?.to_be_bytes());
    }
    for (_, body) in &bodies {
        out.extend_from_slice(body);
    }
    Ok((out, parts))
}

/// Reads the fields that most readers need, and the RDN as written.
pub fn fixed(record: &[u8]) -> Result<(Fixed, &str)> {
    let wire = wire(record)?;
    Ok((Fixed::of(&wire), wire.rdn))
}

/// Reads the whole header.
pub fn header(record: &[u8]) -> Result<Header> {
    let wire = wire(record)?;
    let Fixed { parent, uuid, kind, created, modified, .. } = Fixed::of(&wire);
    let (creator, modifier, rdn) = (wire.creator.to_owned(), wire.modifier.to_owned(), wire.rdn.to_owned());
    let links = wire.links.chunks_exact(2).filter_map(|pair| Some(AttributeId::new(u16::from_be_bytes(*pair.first_chunk()?)))).collect();
    Ok(Header { parent, uuid, kind, created, modified, creator, modifier, rdn, node: wire.node, links, changes: wire.changes.unwrap_or(0) })
}

/// The rows of the table, and where the body begins; no rows if the record is damaged there.
fn table(record: &[u8]) -> (&[u8], usize) {
    let table = record.get(1..).and_then(|rest| u16_at(rest, 0)).map_or(usize::MAX, |length| 3 + length);
    let count = record.get(table..).and_then(|rest| u16_at(rest, 0)).unwrap_or(0);
    let rows = record.get(table.saturating_add(2)..).and_then(|rest| rest.get(..count * ROW)).unwrap_or_default();
    (rows, table.saturating_add(2 + count * ROW))
}

/// Whether an attribute lies in parts.
pub fn has_parts(record: &[u8]) -> bool {
    table(record).0.chunks_exact(ROW).any(|row| matches!(row, [_, _, flags, ..] if flags & IN_PARTS != 0))
}

/// The table; empty if the record is damaged there.
pub fn slots(record: &[u8]) -> impl Iterator<Item = Slot> + '_ {
    let (rows, body) = table(record);
    let mut start = body;
    rows.chunks_exact(ROW).map_while(move |row| {
        let [a, b, flags, end @ ..] = *<&[u8; ROW]>::try_from(row).ok()?;
        let end = body.checked_add(u32::from_be_bytes(end) as usize)?;
        let range = start..end;
        start = end;
        record.get(range.clone())?;
        Some(Slot { attribute: AttributeId::new(u16::from_be_bytes([a, b])), in_parts: flags & IN_PARTS != 0, range })
    })
}

/// Where the parts of an attribute lie, and its description: the body of a slot that says so.
pub fn spill(body: &[u8]) -> Result<(Spill, &str)> {
    let broken = || Error::internal("the record of an entry names parts in a form that cannot be read");
    let (generation, rest) = body.split_first_chunk().ok_or_else(broken)?;
    let (length, description) = rest.split_first_chunk().ok_or_else(broken)?;
    let description = std::str::from_utf8(description).map_err(|_| broken())?;
    Ok((Spill { generation: u64::from_be_bytes(*generation), length: u32::from_be_bytes(*length) }, description))
}

/// The description in a PartialAttribute.
pub fn description(attribute: &[u8]) -> Option<&str> {
    let mut reader = Reader::new(attribute).sequence().ok()?;
    std::str::from_utf8(reader.octets().ok()?).ok()
}

/// The values in a PartialAttribute.
pub fn values(attribute: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut set =
        Reader::new(attribute).sequence().and_then(|mut reader| reader.octets().and_then(|_| reader.set())).unwrap_or(Reader::new(&[]));
    std::iter::from_fn(move || set.octets().ok())
}

/// A PartialAttribute (RFC 4511, section 4.1.7).
pub fn partial_attribute<V: AsRef<[u8]>>(description: &str, values: &[V]) -> Vec<u8> {
    let mut out = Vec::new();
    write_partial_attribute(&mut Writer::new(&mut out), description, values);
    out
}

/// Writes a PartialAttribute; its lengths are known beforehand, so that nothing is moved.
pub fn write_partial_attribute<V: AsRef<[u8]>>(writer: &mut Writer<'_>, description: &str, values: &[V]) {
    let set = values.iter().map(|value| ber::tlv_size(value.as_ref().len())).sum();
    writer.header(ber::SEQUENCE, ber::tlv_size(description.len()) + ber::tlv_size(set));
    writer.octets(description.as_bytes());
    writer.header(ber::SET, set);
    for value in values {
        writer.octets(value.as_ref());
    }
}

fn encode_header(header: &Header) -> Result<Vec<u8>> {
    let links: Vec<u8> = header.links.iter().flat_map(|attribute| attribute.get().to_be_bytes()).collect();
    let wire = Wire {
        parent: header.parent.map_or(0, EntryId::get),
        uuid: *header.uuid.as_bytes(),
        kind: kind_number(header.kind),
        created: header.created.micros(),
        modified: header.modified.micros(),
        creator: cut(&header.creator),
        modifier: cut(&header.modifier),
        rdn: &header.rdn,
        node: header.node,
        links: &links,
        changes: Some(header.changes).filter(|changes| *changes > 0),
    };
    minicbor::to_vec(&wire).map_err(|error| Error::internal(format!("the header of an entry cannot be written: {error}")))
}

fn wire(record: &[u8]) -> Result<Wire<'_>> {
    let broken = |reason: &str| Error::internal(format!("the record of an entry cannot be read: {reason}"));
    match record.first() {
        Some(&VERSION) => {}
        Some(version) => return Err(broken(&format!("its format is {version}, this server knows up to {VERSION}; start a newer one"))),
        None => return Err(broken("it is empty")),
    }
    let length = record.get(1..).and_then(|rest| u16_at(rest, 0)).ok_or_else(|| broken("it ends early"))?;
    let header = record.get(3..3 + length).ok_or_else(|| broken("it ends within its header"))?;
    minicbor::decode(header).map_err(|error| broken(&error.to_string()))
}

/// What stands in a record for an attribute that lies in parts.
fn reference(spill: Spill, tlv: &[u8]) -> Bytes {
    let description = description(tlv).unwrap_or_default();
    let mut body = Vec::with_capacity(12 + description.len());
    body.extend_from_slice(&spill.generation.to_be_bytes());
    body.extend_from_slice(&spill.length.to_be_bytes());
    body.extend_from_slice(description.as_bytes());
    body.into()
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_ACTOR)).unwrap_or_default()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let pair = bytes.get(at..at + 2)?;
    Some(usize::from(u16::from_be_bytes(*pair.first_chunk()?)))
}

fn push_u16(out: &mut Vec<u8>, number: usize) -> Result<()> {
    out.extend_from_slice(&u16::try_from(number).map_err(|_| too_large())?.to_be_bytes());
    Ok(())
}

/// An entry of so many octets is over [`MAX_ENTRY`].
pub fn over_limit(octets: usize) -> Error {
    let message =
        format!("the entry would take {octets} bytes, its index included, over the limit of {MAX_ENTRY}: give it fewer or smaller values");
    Error::invalid(crate::model::error::Rule::Constraint, message)
}

fn too_large() -> Error {
    Error::invalid(crate::model::error::Rule::Constraint, "the entry has more attributes, or larger ones, than an entry can hold")
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
