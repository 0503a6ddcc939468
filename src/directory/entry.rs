//! Entries as they were read: a record alone, what of it decides, and the whole.
//!
//! Attributes that are large lie outside of the record, and which ones do depends on what else the
//! entry holds. So nothing is told by a record's attributes but to this room, which fetches what is
//! missing; whoever else holds a [`Record`] or an [`EntryHead`] has nothing to ask for an
//! attribute.

use super::known::KNOWN;
use super::record::{self, Facts, Fixed, Header, Slot};
use super::schema::Schema;
use crate::model::{AttributeId, EntryId, Rdn, Result, Sequence, Timestamp};
use crate::policy::access::EntryKind;
use crate::store::Row;
use bytes::Bytes;
use std::ops::{Deref, Range};
use uuid::Uuid;

/// The record of an entry as of one commit, one read of the store: which entry it is. Cheap to
/// clone: it shares the bytes that were read.
#[derive(Clone, Debug)]
pub struct Record {
    id: EntryId,
    version: Sequence,
    bytes: Bytes,
    fixed: Fixed,
    /// A part of the bytes.
    rdn: Bytes,
    /// Attributes that lie in parts and have been read, by the place of their slot.
    parts: Vec<(usize, Bytes)>,
}

/// A record with what decides whether somebody may log in, and as whom.
#[derive(Clone, Debug)]
pub struct EntryHead {
    record: Record,
    disabled: bool,
    uid: Option<Bytes>,
}

/// An entry with all its values.
#[derive(Clone, Debug)]
pub struct Entry {
    head: EntryHead,
}

impl Record {
    pub(super) fn read(id: EntryId, row: Row) -> Result<Self> {
        let (fixed, rdn) = record::fixed(&row.value)?;
        let rdn = row.value.slice_ref(rdn.as_bytes());
        Ok(Self { id, version: row.version, bytes: row.value, fixed, rdn, parts: Vec::new() })
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

    /// Octets of its attributes that are not read with it, because they are too large for its
    /// record.
    pub fn octets_in_parts(&self) -> usize {
        if !self.has_parts() {
            return 0;
        }
        let parts = self.slots().filter(|(_, slot)| slot.in_parts);
        parts.filter_map(|(_, slot)| record::spill(self.body(&slot)).ok()).map(|(spill, _)| spill.length as usize).sum()
    }

    /// The values of an attribute, of all its options, as far as they have been read.
    pub(super) fn read_values(&self, attribute: AttributeId) -> impl Iterator<Item = &[u8]> {
        self.slots()
            .filter(move |(_, slot)| slot.attribute == attribute)
            .filter_map(|(place, slot)| self.tlv(place, &slot))
            .flat_map(record::values)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
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
        record::header(&self.bytes)
    }

    /// The attributes of the record, with their places.
    pub(super) fn slots(&self) -> impl Iterator<Item = (usize, Slot)> + '_ {
        record::slots(&self.bytes).enumerate()
    }

    /// Whether attributes of it lie in parts.
    pub(super) fn has_parts(&self) -> bool {
        record::has_parts(&self.bytes)
    }

    /// The bytes of a slot: a PartialAttribute, or where its parts lie.
    pub(super) fn body(&self, slot: &Slot) -> &[u8] {
        self.part_of_record(&slot.range)
    }

    /// The bytes of one slot, or of several side by side.
    pub(super) fn part_of_record(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
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
        Some(self.bytes.slice_ref(self.body(slot)))
    }

    pub(super) fn set_tlv(&mut self, place: usize, bytes: Bytes) {
        self.parts.push((place, bytes));
    }
}

impl EntryHead {
    /// Of a record whose header tells all that decides; `None` if it does not, as those of earlier
    /// releases do not.
    pub(super) fn of(record: &Record) -> Result<Option<Self>> {
        let facts = record::facts(&record.bytes)?;
        Ok(facts.map(|Facts { disabled, uid }| {
            let uid = uid.map(|uid| record.bytes.slice_ref(uid.as_bytes()));
            Self { record: record.clone(), disabled, uid }
        }))
    }

    /// Whether nobody may log in with it.
    pub const fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// Its first uid, if it has one.
    pub fn uid(&self) -> Option<&str> {
        self.uid.as_deref().and_then(|uid| std::str::from_utf8(uid).ok())
    }

    /// The name that somebody logs in with: their uid, else what names their entry.
    pub fn login_name(&self) -> Result<String> {
        if let Some(uid) = self.uid() {
            return Ok(uid.to_owned());
        }
        let rdn = self.rdn()?;
        Ok(rdn.avas().first().map(|ava| String::from_utf8_lossy(&ava.value).into_owned()).unwrap_or_default())
    }
}

impl Entry {
    /// Of a record with all its parts; `None` if one is missing.
    pub(super) fn of(record: Record) -> Result<Option<Self>> {
        if record.slots().any(|(place, slot)| record.tlv(place, &slot).is_none()) {
            return Ok(None);
        }
        let head = EntryHead::of(&record)?.unwrap_or_else(|| {
            let Facts { disabled, uid } = Facts::told_by(record.read_values(KNOWN.disabled), record.read_values(KNOWN.uid));
            let uid = uid.map(|uid| Bytes::copy_from_slice(uid.as_bytes()));
            EntryHead { record, disabled, uid }
        });
        Ok(Some(Self { head }))
    }

    /// The stored values of an attribute, of all its options. Empty for what is computed or kept as
    /// edges: see `Directory::attribute`.
    pub fn values(&self, attribute: AttributeId) -> impl Iterator<Item = &[u8]> {
        self.read_values(attribute)
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

    /// What of it decides, without its values.
    pub fn into_head(self) -> EntryHead {
        self.head
    }
}

impl Deref for EntryHead {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Deref for Entry {
    type Target = EntryHead;

    fn deref(&self) -> &EntryHead {
        &self.head
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
