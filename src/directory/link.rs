//! Edges between entries: members, managers, owners. An attribute whose values name entries is kept as rows, one for each pair and direction, so that a group of
//! any size costs the same to change and a rename leaves no stale name behind.
//!
//! An edge to or from an entry that is gone is skipped wherever edges are read; ids are never used again.

use super::known::{KNOWN, Source};
use super::{Directory, Entry, Viewer};
use crate::model::error::Rule;
use crate::model::{AttributeId, Dn, EntryId, Error, Kind, Result};
use crate::store::{Changes, Key, Prefix, ReadError, Row, Space};

impl Directory {
    /// The groups that list the entry as a member, directly.
    pub fn groups_of(&self, id: EntryId) -> Result<Vec<EntryId>> {
        let mut groups = Vec::new();
        for attribute in membership() {
            for group in self.sources(attribute, id, None) {
                let group = group?;
                if !groups.contains(&group) && self.record(group)?.is_some() {
                    groups.push(group);
                }
            }
        }
        groups.sort_unstable();
        Ok(groups)
    }

    /// Whether the group lists the entry as a member, directly.
    pub fn is_member(&self, group: EntryId, id: EntryId) -> Result<bool> {
        for attribute in membership() {
            if self.has_edge(attribute, group, id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The entries that an attribute of an entry names, in the order of their ids, from after one of them on.
    pub fn targets(
        &self,
        attribute: AttributeId,
        source: EntryId,
        after: Option<EntryId>,
    ) -> impl Iterator<Item = Result<EntryId>> + use<> {
        let after = after.map(|after| Key::link(attribute, source, after));
        ends(self.store.scan(&Prefix::links(attribute, source), after.as_ref()))
    }

    /// The entries whose attribute names an entry, in the order of their ids, from after one of them on.
    pub fn sources(
        &self,
        attribute: AttributeId,
        target: EntryId,
        after: Option<EntryId>,
    ) -> impl Iterator<Item = Result<EntryId>> + use<> {
        let after = after.map(|after| Key::backlink(attribute, target, after));
        ends(self.store.scan(&Prefix::backlinks(attribute, target), after.as_ref()))
    }

    pub(super) fn has_edge(&self, attribute: AttributeId, source: EntryId, target: EntryId) -> Result<bool> {
        Ok(self.store.get(&Key::link(attribute, source, target))?.is_some())
    }

    /// The entry that a value of an attribute with edges names: a DN, or a uid in memberUid. `None` if there is no such entry.
    pub(super) fn target(&self, source: Source, value: &[u8]) -> Result<Option<EntryId>> {
        if source == Source::MemberUid {
            return self.by_unique("uid", value);
        }
        let not_a_dn = || Error::invalid(Rule::Syntax, "a value that names an entry must be a distinguished name");
        let dn = std::str::from_utf8(value).ok().and_then(|text| Dn::parse(text).ok()).ok_or_else(not_a_dn)?;
        match self.resolve(&dn) {
            Ok(id) => Ok(Some(id)),
            Err(error) if matches!(error.kind(), Kind::NotFound { .. } | Kind::Invalid(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The attributes whose edges make the values of an attribute of this entry: memberUid of a posixGroup shows its `member` too.
    pub(super) fn edges_behind(&self, entry: &Entry, attribute: AttributeId, source: Source) -> [Option<AttributeId>; 2] {
        match source {
            Source::MemberUid => [Some(attribute), entry.has_class("posixGroup").then_some(KNOWN.member)],
            _ => [Some(attribute), None],
        }
    }

    /// Whether an attribute of an entry names an entry that the viewer may see.
    pub(super) fn names_somebody(&self, entry: &Entry, attribute: AttributeId, source: Source, viewer: &Viewer) -> Result<bool> {
        let links = entry.header()?.links;
        for behind in self.edges_behind(entry, attribute, source).into_iter().flatten().filter(|behind| links.contains(behind)) {
            for target in self.targets(behind, entry.id(), None) {
                if self.is_visible(target?, viewer)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Adds to the changes the removal of up to `limit` edges that one end of has vanished, looking at edges after `after`; answers where to go on,
    /// or `None` at the end. For a background task.
    pub fn sweep_edges(&self, changes: &mut Changes, after: Option<&Key>, limit: usize) -> Result<Option<Key>> {
        let mut last = None;
        for row in self.store.scan(&Prefix::space(Space::Link), after).take(limit) {
            let (key, _) = row?;
            if let Some((attribute, source, target)) = edge(&key)
                && (self.record(source)?.is_none() || self.record(target)?.is_none())
            {
                remove_edge(changes, attribute, source, target);
            }
            last = Some(key);
        }
        Ok(last)
    }
}

/// The attributes by which a group lists its members.
pub(super) fn membership() -> [AttributeId; 3] {
    [KNOWN.member, KNOWN.unique_member, KNOWN.member_uid]
}

pub(super) fn put_edge(changes: &mut Changes, attribute: AttributeId, source: EntryId, target: EntryId) {
    changes.put(Key::link(attribute, source, target), Vec::new());
    changes.put(Key::backlink(attribute, target, source), Vec::new());
}

pub(super) fn remove_edge(changes: &mut Changes, attribute: AttributeId, source: EntryId, target: EntryId) {
    changes.delete(Key::link(attribute, source, target));
    changes.delete(Key::backlink(attribute, target, source));
}

fn edge(key: &Key) -> Option<(AttributeId, EntryId, EntryId)> {
    let (attribute, rest) = key.rest().split_first_chunk()?;
    let (source, rest) = rest.split_first_chunk()?;
    let target = rest.first_chunk()?;
    let id = |bytes: &[u8; 8]| EntryId::new(u64::from_be_bytes(*bytes));
    Some((AttributeId::new(u16::from_be_bytes(*attribute)), id(source), id(target)))
}

fn ends(rows: impl Iterator<Item = std::result::Result<(Key, Row), ReadError>>) -> impl Iterator<Item = Result<EntryId>> {
    rows.map(|row| row?.0.last_entry().ok_or_else(|| Error::internal("the key of an edge is too short")))
}
