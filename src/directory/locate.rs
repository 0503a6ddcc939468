//! From names to entries and back, and the reading of entries.

use super::known::KNOWN;
use super::{Directory, Entry, MAX_DEPTH, SUFFIX, Viewer, dn, index, record, value};
use crate::model::{Dn, EntryId, Error, Kind, Rdn, Result};
use crate::policy::access;
use crate::store::{Key, Prefix};
use bytes::Bytes;

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

    /// The entry of that name if the viewer may see it. Kind::NotFound otherwise, with the nearest ancestor that they may see.
    pub fn find(&self, dn: &Dn, viewer: &Viewer) -> Result<Entry> {
        let entry = self.locate(dn, viewer)?;
        let parent = entry.parent();
        match self.complete(entry)? {
            Some(entry) if access::may_see_entry(viewer, entry.kind(), entry.id()) => Ok(entry),
            _ => Err(self.not_found(dn, parent, viewer)?),
        }
    }

    /// The same without the values that are too large for the entry's record: what a caller needs who only asks which entry it is.
    pub fn locate(&self, dn: &Dn, viewer: &Viewer) -> Result<Entry> {
        let (nearest, missing) = self.walk(dn)?;
        if let (Some(id), 0) = (nearest, missing)
            && let Some(entry) = self.record(id)?
            && access::may_see_entry(viewer, entry.kind(), id)
        {
            return Ok(entry);
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

    /// An entry with all its values; `None` if there is none.
    pub fn entry(&self, id: EntryId) -> Result<Option<Entry>> {
        for _ in 0..READS {
            let Some(mut entry) = self.record(id)? else { return Ok(None) };
            if self.fetch(&mut entry)? {
                return Ok(Some(entry));
            }
        }
        Err(Error::internal(format!("parts of entry {id} are missing from the store; restore it from a backup or an export")))
    }

    /// An entry that the viewer may see; Kind::NotFound otherwise.
    pub fn visible(&self, id: EntryId, viewer: &Viewer) -> Result<Entry> {
        match self.entry(id)? {
            Some(entry) if access::may_see_entry(viewer, entry.kind(), id) => Ok(entry),
            _ => Err(Error::not_found("there is no such entry")),
        }
    }

    /// Fetches the values of an entry that a search has left in the store. If it changed since, it is read anew; `None` if it is gone.
    pub fn complete(&self, mut entry: Entry) -> Result<Option<Entry>> {
        if self.fetch(&mut entry)? { Ok(Some(entry)) } else { self.entry(entry.id()) }
    }

    /// The holder of a unique value (uid, mail, entryUUID), written in any way that matches. A value that breaks the syntax has none.
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

    /// An entry without the values that lie in parts: one read, for who needs to know what it is and whether it may log in.
    pub fn record(&self, id: EntryId) -> Result<Option<Entry>> {
        self.store.get(&Key::entry(id))?.map(|row| Entry::read(id, row)).transpose()
    }

    /// The entry that a row names which holds nothing but an id.
    pub(super) fn holder(&self, key: &Key) -> Result<Option<EntryId>> {
        let Some(row) = self.store.get(key)? else { return Ok(None) };
        let bytes = row.value.first_chunk().ok_or_else(|| Error::internal("a row that names an entry is too short"))?;
        Ok(Some(EntryId::new(u64::from_be_bytes(*bytes))))
    }

    /// The ancestors of an entry, nearest first, up to the suffix; the entry itself is not among them.
    pub(super) fn ancestors(&self, id: EntryId) -> Result<Vec<Entry>> {
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
        // All of them before the first is looked for: whether a name is malformed must not depend on which of its ancestors exist.
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
    fn fetch(&self, entry: &mut Entry) -> Result<bool> {
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
        Ok(self.record(id)?.and_then(|entry| entry.values(KNOWN.uid).next().map(<[u8]>::to_vec)))
    }
}

fn circle(id: EntryId) -> Error {
    Error::internal(format!("the ancestors of entry {id} form a circle, or are more than {MAX_DEPTH}"))
}
