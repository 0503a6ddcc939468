//! Edges between entries: members, managers, owners. An attribute whose values name entries is kept
//! as rows, one for each pair and direction, so that a group of any size costs the same to change
//! and a rename leaves no stale name behind.
//!
//! An edge to or from an entry that is gone is skipped wherever edges are read; ids are never used
//! again. Edges go after their entry, in bounded commits.

use super::known::{KNOWN, Source};
use super::{Directory, Record, Viewer};
use crate::model::error::Rule;
use crate::model::{AttributeId, Dn, EntryId, Error, Kind, Result};
use crate::store::{Changes, Key, Prefix, ReadError, Row, Space};
use std::collections::BTreeSet;

/// Edges that one commit removes with their entry, or after it.
const EDGES_AT_ONCE: usize = 2000;

/// Edges of one attribute that are many to show.
const MANY: usize = 256;

/// What the rows begin with that name an entry which is gone and has left edges.
const LOOSE: &[u8] = b"directory/loose-edges/";

impl Directory {
    /// The groups that list the entry as a member, directly.
    pub fn groups_of(&self, id: EntryId) -> Result<Vec<EntryId>> {
        let mut groups = BTreeSet::new();
        for attribute in membership() {
            for group in self.sources(attribute, id, None) {
                let group = group?;
                if self.record(group)?.is_some() {
                    groups.insert(group);
                }
            }
        }
        Ok(groups.into_iter().collect())
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

    /// As [`is_member`](Self::is_member); the commit expects that it stays so.
    pub fn expect_member(&self, changes: &mut Changes, group: EntryId, id: EntryId) -> Result<bool> {
        for attribute in membership() {
            if self.has_edge(attribute, group, id)? {
                changes.expect_present(Key::entry(group));
                changes.expect_present(Key::link(attribute, group, id));
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The entries that an attribute of an entry names, in the order of their ids, from after one
    /// of them on.
    pub fn targets(
        &self,
        attribute: AttributeId,
        source: EntryId,
        after: Option<EntryId>,
    ) -> impl Iterator<Item = Result<EntryId>> + use<> {
        let after = after.map(|after| Key::link(attribute, source, after));
        ends(self.store.scan(&Prefix::links(attribute, source), after.as_ref()))
    }

    /// The entries whose attribute names an entry, in the order of their ids, from after one of
    /// them on.
    pub fn sources(
        &self,
        attribute: AttributeId,
        target: EntryId,
        after: Option<EntryId>,
    ) -> impl Iterator<Item = Result<EntryId>> + use<> {
        let after = after.map(|after| Key::backlink(attribute, target, after));
        ends(self.store.scan(&Prefix::backlinks(attribute, target), after.as_ref()))
    }

    /// Whether the entry names so many others that showing them takes its time.
    pub fn names_many(&self, entry: &Record) -> Result<bool> {
        if !entry.has_links() {
            return Ok(false);
        }
        let many = |attribute: &AttributeId| self.targets(*attribute, entry.id(), None).take(MANY).count() == MANY;
        Ok(entry.header()?.links.iter().any(many))
    }

    /// Whether so many groups list the entry that showing them takes its time.
    pub(super) fn is_named_by_many(&self, id: EntryId) -> Result<bool> {
        for attribute in membership() {
            if self.sources(attribute, id, None).take(MANY).count() == MANY {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn has_edge(&self, attribute: AttributeId, source: EntryId, target: EntryId) -> Result<bool> {
        Ok(self.store.get(&Key::link(attribute, source, target))?.is_some())
    }

    /// The entry that a value of an attribute with edges names: a DN, or a uid in memberUid. `None`
    /// if there is no such entry.
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

    /// The attributes whose edges make the values of an attribute of this entry, if it has such
    /// edges: memberUid of a posixGroup shows its `member` too.
    pub(super) fn edges_behind(&self, entry: &Record, attribute: AttributeId, source: Source) -> Result<Vec<AttributeId>> {
        if !entry.has_links() {
            return Ok(Vec::new());
        }
        let mut behind = vec![attribute];
        if source == Source::MemberUid && self.has_class(entry, "posixGroup")? {
            behind.push(KNOWN.member);
        }
        let links = entry.header()?.links;
        behind.retain(|attribute| links.contains(attribute));
        Ok(behind)
    }

    /// Whether an attribute of an entry names an entry that the viewer may see.
    pub(super) fn names_somebody(&self, entry: &Record, attribute: AttributeId, source: Source, viewer: &Viewer) -> Result<bool> {
        for behind in self.edges_behind(entry, attribute, source)? {
            for target in self.targets(behind, entry.id(), None) {
                if self.is_visible(target?, viewer)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Removes edges of an entry that is gone: those that its deletion left because they were many,
    /// or that others added while it was deleted. Answers whether there are more. Writes nothing if
    /// there are none.
    pub fn drop_edges(&self, changes: &mut Changes, gone: EntryId) -> Result<bool> {
        changes.expect_absent(Key::entry(gone));
        let more = self.remove_edges(changes, gone)?;
        if !more && self.store.get(&loose_key(gone))?.is_some() {
            changes.delete(loose_key(gone));
        }
        Ok(more)
    }

    /// The entries that are gone and have left edges, because the removal of these was cut off.
    pub fn gone_with_edges(&self) -> Result<Vec<EntryId>> {
        ends(self.store.scan(&Prefix::named(Space::Checkpoint, LOOSE), None)).collect()
    }

    /// Removes the edges of an entry that goes. Where they are too many for one commit, a row says
    /// so until [`drop_edges`](Self::drop_edges) has removed the last.
    pub(super) fn remove_edges_with(&self, changes: &mut Changes, going: EntryId) -> Result<()> {
        if self.remove_edges(changes, going)? {
            changes.put(loose_key(going), Vec::new());
        }
        Ok(())
    }

    /// Removes up to [`EDGES_AT_ONCE`] edges of an entry, in both directions; whether there are
    /// more.
    fn remove_edges(&self, changes: &mut Changes, id: EntryId) -> Result<bool> {
        let mut removed = 0;
        for attribute in &KNOWN.links {
            let from = self.targets(*attribute, id, None).map(|target| target.map(|target| (id, target)));
            let to = self.sources(*attribute, id, None).map(|source| source.map(|source| (source, id)));
            for edge in from.chain(to) {
                let (source, target) = edge?;
                if removed == EDGES_AT_ONCE {
                    return Ok(true);
                }
                remove_edge(changes, *attribute, source, target);
                removed += 1;
            }
        }
        Ok(false)
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

fn loose_key(gone: EntryId) -> Key {
    Key::named(Space::Checkpoint, &[LOOSE, &gone.get().to_be_bytes()].concat())
}

fn ends(rows: impl Iterator<Item = std::result::Result<(Key, Row), ReadError>>) -> impl Iterator<Item = Result<EntryId>> {
    rows.map(|row| row?.0.last_entry().ok_or_else(|| Error::internal("the key of an edge is too short")))
}
