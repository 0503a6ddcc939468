//! An entry as it was read.

use super::known::KNOWN;
use super::record::{self, Fixed, Header, Slot};
use super::schema::Schema;
use crate::model::{AttributeId, EntryId, Rdn, Result, Sequence, Timestamp};
use crate::policy::access::EntryKind;
use crate::store::Row;
use bytes::Bytes;
use std::ops::Range;
use uuid::Uuid;

/// An entry as of one commit. Cheap to clone: it shares the bytes of its record.
#[derive(Clone, Debug)]
pub struct Entry {
    id: EntryId,
    version: Sequence,
    record: Bytes,
    fixed: Fixed,
    /// A part of the record.
    rdn: Bytes,
    /// Attributes that lie in parts and have been read, by the place of their slot.
    parts: Vec<(usize, Bytes)>,
}

impl Entry {
    pub(super) fn read(id: EntryId, row: Row) -> Result<Self> {
        let (fixed, rdn) = record::fixed(&row.value)?;
        let rdn = row.value.slice_ref(rdn.as_bytes());
        Ok(Self { id, version: row.version, record: row.value, fixed, rdn, parts: Vec::new() })
    }

    /// Its number within the pool.
    pub const fn id(&self) -> EntryId {
        self.id
    }

    /// The commit that last wrote it.
    pub const fn version(&self) -> Sequence {
        self.version
    }

    /// Its parent; `None` for the suffix.
    pub const fn parent(&self) -> Option<EntryId> {
        self.fixed.parent
    }

    /// Its entryUUID (RFC 4530): what other systems know it by.
    pub const fn uuid(&self) -> Uuid {
        self.fixed.uuid
    }

    /// When it was added.
    pub const fn created(&self) -> Timestamp {
        self.fixed.created
    }

    /// When it was last changed.
    pub const fn modified(&self) -> Timestamp {
        self.fixed.modified
    }

    /// Who added it and who last changed it, by the names that they had then.
    pub fn written_by(&self) -> Result<(String, String)> {
        let header = self.header()?;
        Ok((header.creator, header.modifier))
    }

    /// Its RDN as written.
    pub fn rdn(&self) -> Result<Rdn> {
        Rdn::parse(self.written_rdn())
    }

    /// What it is.
    pub const fn kind(&self) -> EntryKind {
        self.fixed.kind
    }

    /// Whether nobody may log in with it.
    pub fn is_disabled(&self) -> bool {
        self.values(KNOWN.disabled).any(|value| value == b"TRUE")
    }

    /// The stored values of an attribute, of all its options. Empty for what is computed or kept as edges: see `Directory::attribute`. An entry that a
    /// search found leaves values in the store that are too large for its record; `Directory::complete` fetches them.
    pub fn values(&self, attribute: AttributeId) -> impl Iterator<Item = &[u8]> {
        self.slots()
            .filter(move |(_, slot)| slot.attribute == attribute)
            .filter_map(|(place, slot)| self.tlv(place, &slot))
            .flat_map(record::values)
    }

    /// The first stored value of an attribute by name, as text.
    pub fn first_text(&self, attribute: &str) -> Option<&str> {
        self.texts(attribute).next()
    }

    /// The stored values of an attribute by name, as text.
    pub fn texts(&self, attribute: &str) -> impl Iterator<Item = &str> {
        let attribute = Schema::builtin().attribute(attribute).map(|attribute| attribute.id);
        attribute.into_iter().flat_map(|attribute| self.values(attribute)).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// The names of its object classes, superclasses included.
    pub fn object_classes(&self) -> impl Iterator<Item = &str> {
        self.values(KNOWN.object_class).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// Whether it has that object class, by its first name in the schema.
    pub fn has_class(&self, name: &str) -> bool {
        self.object_classes().any(|class| class.eq_ignore_ascii_case(name))
    }

    /// Octets of its attributes that are not read with it, because they are too large for its record.
    pub fn octets_in_parts(&self) -> usize {
        if !self.has_parts() {
            return 0;
        }
        let parts = self.slots().filter(|(_, slot)| slot.in_parts);
        parts.filter_map(|(_, slot)| record::spill(self.body(&slot)).ok()).map(|(spill, _)| spill.length as usize).sum()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.record
    }

    /// Its RDN as written, as text.
    pub(super) fn written_rdn(&self) -> &str {
        std::str::from_utf8(&self.rdn).unwrap_or_default()
    }

    /// Whether it may name others by edges.
    pub(super) const fn has_links(&self) -> bool {
        self.fixed.has_links
    }

    pub(super) fn header(&self) -> Result<Header> {
        record::header(&self.record)
    }

    /// The attributes of the record, with their places.
    pub(super) fn slots(&self) -> impl Iterator<Item = (usize, Slot)> + '_ {
        record::slots(&self.record).enumerate()
    }

    /// Whether attributes of it lie in parts.
    pub(super) fn has_parts(&self) -> bool {
        record::has_parts(&self.record)
    }

    /// The bytes of a slot: a PartialAttribute, or where its parts lie.
    pub(super) fn body(&self, slot: &Slot) -> &[u8] {
        self.part_of_record(&slot.range)
    }

    /// The bytes of one slot, or of several side by side.
    pub(super) fn part_of_record(&self, range: &Range<usize>) -> &[u8] {
        self.record.get(range.clone()).unwrap_or_default()
    }

    /// The PartialAttribute of a slot; `None` if it lies in parts that have not been read.
    pub(super) fn tlv(&self, place: usize, slot: &Slot) -> Option<&[u8]> {
        if slot.in_parts {
            return self.parts.iter().find(|(other, _)| *other == place).map(|(_, bytes)| bytes.as_ref());
        }
        Some(self.body(slot))
    }

    /// The same, sharing the bytes of the entry.
    pub(super) fn shared_tlv(&self, place: usize, slot: &Slot) -> Option<Bytes> {
        if slot.in_parts {
            return self.parts.iter().find(|(other, _)| *other == place).map(|(_, bytes)| bytes.clone());
        }
        Some(self.record.slice_ref(self.body(slot)))
    }

    pub(super) fn set_tlv(&mut self, place: usize, bytes: Bytes) {
        self.parts.push((place, bytes));
    }
}
