//! The record of an entry: a header, a table of offsets, and the attributes as the TLVs that a
//! search result holds.
//!
//! ```text
//! version (1)  length of header (2)  header: a CBOR map, so that a later version can add fields
//! count (2)    per attribute: number (2), flags (1), end in the body (4)      in the order of the numbers
//! body         per attribute: PartialAttribute (RFC 4511, section 4.1.7), or where its parts lie
//! ```
//!
//! An attribute that is large lies in parts, rows of their own that bear a generation. A generation
//! is drawn anew whenever the attribute is written, so that who reads an entry while it changes
//! finds the old parts or none, never a mixture.

mod header;

pub use header::{Facts, Fixed, Header, MAX_ACTOR, facts, fixed, header};

use crate::model::ber::{self, Reader, Writer};
use crate::model::{AttributeId, Error, Result};
use crate::store::{MAX_CHANGES, MAX_ROW};
use bytes::Bytes;
use header::{encode_header, short_header};
use std::ops::Range;

/// The format that is written.
const VERSION: u8 = 1;
/// An attribute whose TLV is longer lies in parts. Bytes.
pub const MAX_INLINE: usize = 4096;
/// The longest record that a change may make which adds to the attributes of an entry. Bytes.
pub const MAX_FILLED: usize = 6000;
/// The longest record. Bytes. What is above [`MAX_FILLED`] is for changes that make an entry no
/// fuller: one that is full can still be disabled.
pub const MAX_RECORD: usize = MAX_ROW;
/// The longest part. Bytes.
pub const PART: usize = 4096;
/// The most octets of all rows of an entry: attributes, those in parts too, and index terms, but
/// not edges, which are added in as many commits as they take. One commit adds the entry, with its
/// credential and audit event, and one removes it, with a part of its edges: so whatever can exist
/// can be exported and imported again, and whoever may change one attribute cannot grow an entry
/// until reading it is a burden.
pub const MAX_ENTRY: usize = 832 << 10;
/// What a commit keeps free for what belongs to an entry and is no row of its own.
const BESIDE_ENTRY: usize = 192 << 10;
const _: () = assert!(MAX_ENTRY + BESIDE_ENTRY <= MAX_CHANGES, "an entry must fit into one commit");

/// Octets of a row of the table.
const ROW: usize = 7;
/// Octets of the version and the two numbers around the header.
const FRAME: usize = 5;
/// Octets of where the parts of an attribute lie, without its description.
const SPILL: usize = 12;
const IN_PARTS: u8 = 1;

/// How far a record may be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Up to [`MAX_FILLED`].
    Filled,
    /// Up to [`MAX_RECORD`], for a change that makes the entry no fuller. A header that is too long
    /// then does without the uid, which the attributes tell as well, and at last without the end of
    /// the modifier.
    Brim,
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

/// The record of an entry and the parts to write with it. `items` are in the order of their
/// numbers. Generations are drawn from `next_generation` on. Rule::Constraint if the entry has more
/// attributes than a record can name.
pub fn encode(header: &Header, facts: Facts<'_>, items: &[Item], mut next_generation: u64, room: Room) -> Result<(Vec<u8>, Vec<Part>)> {
    let mut wire_header = encode_header(header, facts)?;
    let body = |item: &Item| match item.spill {
        Some(spill) => (Some(spill), reference(spill, &item.tlv)),
        None => (None, item.tlv.clone()),
    };
    let mut bodies: Vec<(Option<Spill>, Bytes)> = items.iter().map(body).collect();
    let references: Vec<usize> = items.iter().map(|item| reference_size(&item.tlv)).collect();
    let mut parts = Vec::new();
    let mut rest = FRAME + bodies.iter().map(|(_, body)| ROW + body.len()).sum::<usize>();
    loop {
        let whole = bodies.iter_mut().zip(&references).filter(|((spill, body), reference)| spill.is_none() && body.len() > **reference);
        let Some(((slot, body), _)) = whole.max_by_key(|((_, body), _)| body.len()) else { break };
        let length = body.len();
        if length <= MAX_INLINE && wire_header.len() + rest <= MAX_FILLED {
            break;
        }
        let spill = Spill { generation: next_generation, length: u32::try_from(length).map_err(|_| too_large())? };
        if usize::from(spill.parts()).saturating_mul(PART) < length {
            return Err(too_large());
        }
        let short = reference(spill, body);
        rest = rest - length + short.len();
        for (number, bytes) in (0..=u16::MAX).zip(body.chunks(PART)) {
            parts.push(Part { generation: next_generation, number, bytes: bytes.to_vec() });
        }
        (*slot, *body) = (Some(spill), short);
        next_generation = next_generation.wrapping_add(1);
    }
    if wire_header.len() + rest > MAX_FILLED {
        wire_header = match room {
            Room::Filled => return Err(too_large()),
            Room::Brim => short_header(header, facts, MAX_RECORD.checked_sub(rest).ok_or_else(too_large)?)?,
        };
    }
    let mut out = Vec::with_capacity(wire_header.len() + rest);
    out.push(VERSION);
    push_u16(&mut out, wire_header.len())?;
    out.extend_from_slice(&wire_header);
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

/// The least octets that an attribute takes of a record, wherever its values lie.
pub fn least(item: &Item) -> usize {
    let reference = reference_size(&item.tlv);
    ROW + if item.spill.is_some() { reference } else { reference.min(item.tlv.len()) }
}

/// The least octets that an attribute of that description takes at most, however many and long its
/// values are.
pub const fn least_of(description: usize) -> usize {
    ROW + SPILL + description
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

/// The header of a record.
fn header_of(record: &[u8]) -> Result<&[u8]> {
    match record.first() {
        Some(&VERSION) => {}
        Some(version) => return Err(broken(&format!("its format is {version}, this server knows up to {VERSION}; start a newer one"))),
        None => return Err(broken("it is empty")),
    }
    let length = record.get(1..).and_then(|rest| u16_at(rest, 0)).ok_or_else(|| broken("it ends early"))?;
    record.get(3..3 + length).ok_or_else(|| broken("it ends within its header"))
}

fn broken(reason: &str) -> Error {
    Error::internal(format!("the record of an entry cannot be read: {reason}"))
}

/// What stands in a record for an attribute that lies in parts.
fn reference(spill: Spill, tlv: &[u8]) -> Bytes {
    let description = description(tlv).unwrap_or_default();
    let mut body = Vec::with_capacity(SPILL + description.len());
    body.extend_from_slice(&spill.generation.to_be_bytes());
    body.extend_from_slice(&spill.length.to_be_bytes());
    body.extend_from_slice(description.as_bytes());
    body.into()
}

/// Octets of what stands in a record for an attribute that lies in parts.
fn reference_size(tlv: &[u8]) -> usize {
    SPILL + description(tlv).map_or(0, str::len)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let pair = bytes.get(at..at + 2)?;
    Some(usize::from(u16::from_be_bytes(*pair.first_chunk()?)))
}

fn push_u16(out: &mut Vec<u8>, number: usize) -> Result<()> {
    out.extend_from_slice(&u16::try_from(number).map_err(|_| too_large())?.to_be_bytes());
    Ok(())
}

fn too_large() -> Error {
    Error::invalid(
        crate::model::error::Rule::Constraint,
        "the entry has more attributes, options or values than an entry can hold: give it fewer",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
