//! An entry in a form that can be changed, and written back.

use super::Entry;
use super::known::KNOWN;
use super::record::{self, Facts, Header, Item, Part, Room, Spill};
use super::schema::AttributeType;
use crate::model::{Actor, AttributeId, Error, Result, Timestamp};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// An attribute with its options (RFC 4512, section 2.5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub attribute: AttributeId,
    /// In lower case, sorted, each with its semicolon; empty for most.
    pub options: String,
}

/// An attribute with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// A PartialAttribute, as the record has it.
    tlv: Bytes,
    /// Where it lies already, as long as it is unchanged.
    spill: Option<Spill>,
}

/// The whole entry without its edges.
#[derive(Clone, Debug)]
pub struct Draft {
    pub header: Header,
    pub attributes: BTreeMap<Name, Content>,
    /// Above every generation that the entry had when it was read.
    next_generation: u64,
}

impl Name {
    /// Splits an attribute description; the attribute has been looked up.
    pub fn of(attribute: AttributeId, description: &str) -> Self {
        Self { attribute, options: options(description).iter().map(|option| format!(";{option}")).collect() }
    }
}

/// The options of an attribute description, in lower case and sorted.
pub fn options(description: &str) -> Vec<String> {
    if !description.contains(';') {
        return Vec::new();
    }
    let mut options: Vec<String> = description.split(';').skip(1).map(str::to_ascii_lowercase).collect();
    options.sort_unstable();
    options.dedup();
    options
}

impl Content {
    /// Octets of the attribute as results show it.
    pub const fn octets(&self) -> usize {
        self.tlv.len()
    }

    /// Its values, in their order.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        record::values(&self.tlv)
    }
}

impl Draft {
    /// Of an entry that is new.
    pub const fn new(header: Header) -> Self {
        Self { header, attributes: BTreeMap::new(), next_generation: 0 }
    }

    /// Of an entry that was read with all its values.
    pub fn of(entry: &Entry) -> Result<Self> {
        let mut attributes = BTreeMap::new();
        let mut next_generation = 0;
        for (place, slot) in entry.slots() {
            let missing = || Error::internal("an entry was to be changed without all its values");
            let tlv = entry.shared_tlv(place, &slot).ok_or_else(missing)?;
            let spill = if slot.in_parts { Some(record::spill(entry.body(&slot))?.0) } else { None };
            next_generation = next_generation.max(spill.map_or(0, |spill| spill.generation.saturating_add(1)));
            let name = Name::of(slot.attribute, record::description(&tlv).unwrap_or_default());
            attributes.insert(name, Content { tlv, spill });
        }
        Ok(Self { header: entry.header()?, attributes, next_generation })
    }

    /// The values of an attribute, of all its options.
    pub fn values(&self, attribute: AttributeId) -> impl Iterator<Item = &[u8]> {
        self.attributes.iter().filter(move |(name, _)| name.attribute == attribute).flat_map(|(_, content)| content.values())
    }

    /// The values of an attribute as text.
    pub fn texts(&self, attribute: AttributeId) -> impl Iterator<Item = &str> {
        self.values(attribute).filter_map(|value| std::str::from_utf8(value).ok())
    }

    /// Sets the values of an attribute; without values it is gone.
    pub fn set(&mut self, attribute: &AttributeType, name: Name, values: &[Vec<u8>]) {
        if values.is_empty() {
            self.attributes.remove(&name);
            return;
        }
        let description = format!("{}{}", attribute.name(), name.options);
        let tlv = record::partial_attribute(&description, values).into();
        self.attributes.insert(name, Content { tlv, spill: None });
    }

    /// Drops values of an attribute, of all its options, that are not to be kept. Where all are,
    /// they stay where they lie.
    pub fn retain_values(&mut self, attribute: &AttributeType, keep: impl Fn(&[u8]) -> bool) {
        let names: Vec<Name> = self.attributes.keys().filter(|name| name.attribute == attribute.id).cloned().collect();
        for name in names {
            let Some(content) = self.attributes.get(&name) else { continue };
            let kept: Vec<_> = content.values().filter(|value| keep(value)).map(<[u8]>::to_vec).collect();
            if kept.len() != content.values().count() {
                self.set(attribute, name, &kept);
            }
        }
    }

    /// Notes that it is changed, when and by whom. Later than it was changed before, whatever the
    /// clock says: entryCSN never goes back.
    pub fn touch(&mut self, actor: &Actor, now: Timestamp) {
        self.header.modified = now.max(self.header.modified.plus(Duration::from_micros(1)));
        self.header.modifier.clone_from(&actor.name);
        self.header.changes = self.header.changes.wrapping_add(1);
    }

    /// The record and the parts that are new. Generations follow the time, and those of the parts
    /// that are there.
    pub fn encode(&self, now: Timestamp, room: Room) -> Result<(Vec<u8>, Vec<Part>)> {
        let items: Vec<Item> = self.attributes.iter().map(item).collect();
        // The time alone would not do: a clock can be set back.
        let generation = u64::try_from(now.micros()).unwrap_or(0).max(self.next_generation);
        let facts = Facts::told_by(self.values(KNOWN.disabled), self.values(KNOWN.uid));
        record::encode(&self.header, facts, &items, generation, room)
    }

    /// The least octets that its attributes take of the record, poolgateAccountDisabled not among
    /// them.
    pub fn least(&self) -> usize {
        self.attributes.iter().filter(|(name, _)| name.attribute != KNOWN.disabled).map(|named| record::least(&item(named))).sum()
    }

    /// The parts that a record names.
    pub fn spills(record: &[u8]) -> impl Iterator<Item = Spill> + '_ {
        let parts = record::slots(record).filter(|slot| slot.in_parts);
        parts.filter_map(|slot| Some(record::spill(record.get(slot.range)?).ok()?.0))
    }
}

fn item((name, content): (&Name, &Content)) -> Item {
    Item { attribute: name.attribute, tlv: content.tlv.clone(), spill: content.spill }
}
