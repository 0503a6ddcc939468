//! From names to entries and back, and the reading of entries.

use super::entry::{Entry, EntryHead, Record};
use super::known::KNOWN;
use super::record::Slot;
use super::{Directory, MAX_DEPTH, SUFFIX, Viewer, dn, index, record, value};
use crate::model::{Dn, EntryId, Error, Kind, Rdn, Result};
use crate::policy::access;
use crate::store::{Key, Prefix};
use bytes::Bytes;
use std::borrow::Cow;

/// How often an entry is read again because it changes while its parts are read.
const READS: usize = 16;

impl Directory {
    /// The entry of that name. Kind::NotFound otherwise, with the nearest ancestor that exists.
    pub fn resolve(&self, dn: &Dn) -> Result<EntryId> {
        match self.walk(dn)? {
            (Some(id), 0) => Ok(id),
            (nearest, _) => Err(self.not_found(dn, nearest, &Viewer::OPERATOR)?),
        }
    }

    /// The entry of that name if the viewer may see it. Kind::NotFound otherwise, with the nearest
    /// ancestor that they may see.
    pub fn find(&self, dn: &Dn, viewer: &Viewer) -> Result<Entry> {
        let record = self.locate(dn, viewer)?;
        let parent = record.parent();
        match self.complete(&record)? {
            Some(entry) if access::may_see_entry(viewer, entry.kind(), entry.id()) => Ok(entry),
            _ => Err(self.not_found(dn, parent, viewer)?),
        }
    }

    /// The same for a caller who only asks which entry it is.
    pub fn locate(&self, dn: &Dn, viewer: &Viewer) -> Result<Record> {
        let (nearest, missing) = self.walk(dn)?;
        if let (Some(id), 0) = (nearest, missing)
            && let Some(record) = self.record(id)?
            && access::may_see_entry(viewer, record.kind(), id)
        {
            return Ok(record);
        }
        Err(self.not_found(dn, nearest, viewer)?)
    }

    /// The name of an entry; `None` if it is gone.
    pub fn dn(&self, id: EntryId) -> Result<Option<Dn>> {
        let mut rdns: Vec<Rdn> = Vec::new();
        let mut at = id;
        while at != SUFFIX {
            let Some(entry) = self.record(at)? else { return Ok(None) };
            let Some(parent) = entry.parent() else { return Ok(None) };
            rdns.push(entry.rdn()?);
            if rdns.len() > MAX_DEPTH {
                return Err(circle(id));
            }
            at = parent;
        }
        let dn = rdns.into_iter().rev().fold((*self.suffix).clone(), |dn, rdn| dn.child(rdn));
        if id == SUFFIX && self.record(SUFFIX)?.is_none() {
            return Ok(None);
        }
        Ok(Some(dn))
    }

    /// What one needs to know of an entry to let somebody log in; `None` if there is none. One read
    /// of the store, or the whole entry where its record is of an earlier release, whose header
    /// does not tell all that decides.
    pub fn head(&self, id: EntryId) -> Result<Option<EntryHead>> {
        let Some(record) = self.record(id)? else { return Ok(None) };
        match EntryHead::of(&record)? {
            Some(head) => Ok(Some(head)),
            None => Ok(self.complete(&record)?.map(Entry::into_head)),
        }
    }

    /// An entry with all its values; `None` if there is none.
    pub fn entry(&self, id: EntryId) -> Result<Option<Entry>> {
        match self.record(id)? {
            Some(record) => self.complete(&record),
            None => Ok(None),
        }
    }

    /// An entry that the viewer may see; Kind::NotFound otherwise.
    pub fn visible(&self, id: EntryId, viewer: &Viewer) -> Result<Entry> {
        match self.entry(id)? {
            Some(entry) if access::may_see_entry(viewer, entry.kind(), id) => Ok(entry),
            _ => Err(Error::not_found("there is no such entry")),
        }
    }

    /// The entry of a record, with the values that a search has left in the store. If it changed
    /// since, it is read anew; `None` if it is gone.
    pub fn complete(&self, record: &Record) -> Result<Option<Entry>> {
        let missing = || Error::internal(format!("entry {} was read without all its parts", record.id()));
        self.with_parts(record.clone())?.map(|record| Entry::of(record)?.ok_or_else(missing)).transpose()
    }

    /// The record with all its parts, if one that is wanted has not been read: so what is judged or
    /// shown together is one state of the entry. `None` if it is gone.
    pub(super) fn with_wanted<'r>(&self, record: &'r Record, wanted: impl Fn(&Slot) -> bool) -> Result<Option<Cow<'r, Record>>> {
        let is_missing = |(place, slot): (usize, Slot)| slot.in_parts && record.tlv(place, &slot).is_none() && wanted(&slot);
        if record.has_parts() && record.slots().any(is_missing) {
            return Ok(self.with_parts(record.clone())?.map(Cow::Owned));
        }
        Ok(Some(Cow::Borrowed(record)))
    }

    /// Whether an entry has that object class, by its first name in the schema; false if it is
    /// gone.
    pub(super) fn has_class(&self, record: &Record, name: &str) -> Result<bool> {
        let record = self.with_wanted(record, |slot| slot.attribute == KNOWN.object_class)?;
        Ok(record.is_some_and(|record| record.read_values(KNOWN.object_class).any(|class| class.eq_ignore_ascii_case(name.as_bytes()))))
    }

    /// The record with all its parts; read anew if it changed since, `None` if it is gone.
    pub(super) fn with_parts(&self, mut record: Record) -> Result<Option<Record>> {
        let id = record.id();
        for _ in 0..READS {
            if self.fetch(&mut record)? {
                return Ok(Some(record));
            }
            match self.record(id)? {
                Some(again) => record = again,
                None => return Ok(None),
            }
        }
        Err(Error::internal(format!("parts of entry {id} are missing from the store; restore it from a backup or an export")))
    }

    /// The holder of a unique value (uid, mail, entryUUID), written in any way that matches. A
    /// value that breaks the syntax has none.
    pub fn by_unique(&self, attribute: &str, value: &[u8]) -> Result<Option<EntryId>> {
        let attribute = self.schema.require_attribute(attribute)?;
        let Some(rule) = attribute.equality.filter(|_| attribute.unique) else { return Ok(None) };
        let Ok(normal) = value::normalise(rule, value) else { return Ok(None) };
        self.holder(&Key::unique(attribute.id, &index::unique_term(&normal)))
    }

    /// Whether the entry has children.
    pub fn children_exist(&self, id: EntryId) -> Result<bool> {
        Ok(self.store.scan(&Prefix::children(id), None).next().transpose()?.is_some())
    }

    /// Whether the entry has a child that the viewer may see.
    pub(super) fn shows_children(&self, id: EntryId, viewer: &Viewer) -> Result<bool> {
        for row in self.store.scan(&index::children(id), None) {
            let child = row?.0.last_entry().ok_or_else(|| Error::internal("the key of a child is too short"))?;
            if self.is_visible(child, viewer)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The record of an entry; `None` if there is none.
    pub(super) fn record(&self, id: EntryId) -> Result<Option<Record>> {
        self.store.get(&Key::entry(id))?.map(|row| Record::read(id, row)).transpose()
    }

    /// The entry that a row names which holds nothing but an id.
    pub(super) fn holder(&self, key: &Key) -> Result<Option<EntryId>> {
        let Some(row) = self.store.get(key)? else { return Ok(None) };
        let bytes = row.value.first_chunk().ok_or_else(|| Error::internal("a row that names an entry is too short"))?;
        Ok(Some(EntryId::new(u64::from_be_bytes(*bytes))))
    }

    /// The ancestors of an entry, nearest first, up to the suffix; the entry itself is not among
    /// them.
    pub(super) fn ancestors(&self, id: EntryId) -> Result<Vec<Record>> {
        let mut ancestors = Vec::new();
        let mut at = self.record(id)?.and_then(|entry| entry.parent());
        while let Some(id) = at {
            let Some(entry) = self.record(id)? else { break };
            at = entry.parent();
            ancestors.push(entry);
            if ancestors.len() > MAX_DEPTH {
                return Err(circle(id));
            }
        }
        Ok(ancestors)
    }

    /// The nearest existing entry on the way to a name, and how many RDNs are missing from there.
    fn walk(&self, dn: &Dn) -> Result<(Option<EntryId>, usize)> {
        let Some(below) = self.below_suffix(dn)? else { return Ok((None, dn.rdns().len())) };
        // All of them before the first is looked for: whether a name is malformed must not depend
        // on which of its ancestors exist.
        let normals = below.iter().rev().map(|rdn| dn::normalise_rdn(rdn, self.schema)).collect::<Result<Vec<_>>>()?;
        if self.store.get(&Key::entry(SUFFIX))?.is_none() {
            return Ok((None, dn.rdns().len()));
        }
        let mut at = SUFFIX;
        for (done, normal) in normals.iter().enumerate() {
            match self.holder(&Key::child(at, &index::name_term(normal)))? {
                Some(id) => at = id,
                None => return Ok((Some(at), below.len() - done)),
            }
        }
        Ok((Some(at), 0))
    }

    /// The RDNs of a name below the suffix; `None` if it does not lie under it.
    pub(super) fn below_suffix<'a>(&self, dn: &'a Dn) -> Result<Option<&'a [Rdn]>> {
        dn::below(dn, &self.suffix, self.schema)
    }

    fn not_found(&self, dn: &Dn, nearest: Option<EntryId>, viewer: &Viewer) -> Result<Error> {
        let mut matched = Dn::root();
        let mut at = nearest;
        while let Some(id) = at {
            let Some(entry) = self.record(id)? else { break };
            // The name that is asked for is no ancestor of itself.
            let itself = self.dn(id)?.filter(|found| found.rdns().len() < dn.rdns().len());
            match itself {
                Some(found) if access::may_see_entry(viewer, entry.kind(), id) => {
                    matched = found;
                    break;
                }
                _ => at = entry.parent(),
            }
        }
        Ok(Error::new(Kind::NotFound { matched }, "there is no such entry"))
    }

    /// Reads the parts of an entry; false if one is gone because the entry has changed.
    fn fetch(&self, entry: &mut Record) -> Result<bool> {
        let missing: Vec<_> = entry.slots().filter(|(place, slot)| entry.tlv(*place, slot).is_none()).collect();
        for (place, slot) in missing {
            let (spill, _) = record::spill(entry.body(&slot))?;
            let Some(bytes) = self.parts(entry.id(), spill)? else { return Ok(false) };
            entry.set_tlv(place, bytes);
        }
        Ok(true)
    }

    /// The TLV of an attribute that lies in parts; `None` if one of them is gone.
    pub(super) fn parts(&self, id: EntryId, spill: record::Spill) -> Result<Option<Bytes>> {
        let mut bytes = Vec::with_capacity(spill.length as usize);
        for number in 0..spill.parts() {
            let Some(row) = self.store.get(&Key::value(id, spill.generation, number))? else { return Ok(None) };
            bytes.extend_from_slice(&row.value);
        }
        if bytes.len() != spill.length as usize {
            return Ok(None);
        }
        Ok(Some(Bytes::from(bytes)))
    }

    /// Whether the viewer may see the entry; false if it is gone.
    pub(super) fn is_visible(&self, id: EntryId, viewer: &Viewer) -> Result<bool> {
        Ok(self.record(id)?.is_some_and(|entry| access::may_see_entry(viewer, entry.kind(), id)))
    }

    /// The uid of an entry, if it has one.
    pub(super) fn uid(&self, id: EntryId) -> Result<Option<Vec<u8>>> {
        Ok(self.head(id)?.and_then(|head| head.uid().map(|uid| uid.as_bytes().to_vec())))
    }
}

fn circle(id: EntryId) -> Error {
    Error::internal(format!("the ancestors of entry {id} form a circle, or are more than {MAX_DEPTH}"))
}
