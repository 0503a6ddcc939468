//! Edges that a request adds and removes, over those that are in the store.

use crate::directory::known::Source;
use crate::directory::schema::AttributeType;
use crate::directory::{Directory, Viewer, link};
use crate::model::error::Rule;
use crate::model::{AttributeId, EntryId, Error, Result};
use crate::store::{Changes, Key};
use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

/// Edges that one change adds and removes at most: with their rows in both directions they leave
/// room in a commit for the entry itself.
const MAX_CHANGED: usize = 10_000;

/// Values that a request may replace or delete without naming them. Whoever replaces more than that
/// changes too many in any case, and reading them takes time.
const MAX_READ: usize = 40_000;

pub struct Edges<'a> {
    directory: &'a Directory,
    source: EntryId,
    viewer: &'a Viewer,
    added: BTreeSet<(AttributeId, EntryId)>,
    removed: BTreeSet<(AttributeId, EntryId)>,
    /// All values as they are by now, of the attributes of which they were needed. They are read
    /// once, however many steps replace them.
    current: BTreeMap<AttributeId, BTreeSet<EntryId>>,
}

impl<'a> Edges<'a> {
    /// None changed yet.
    pub const fn new(directory: &'a Directory, source: EntryId, viewer: &'a Viewer) -> Self {
        Self { directory, source, viewer, added: BTreeSet::new(), removed: BTreeSet::new(), current: BTreeMap::new() }
    }

    /// Adds values. Rule::Constraint for one that names no entry, Rule::ValueExists for one that is
    /// there.
    pub fn add(&mut self, attribute: &AttributeType, values: &[Vec<u8>]) -> Result<()> {
        // Each value adds an edge or takes back a removal.
        may_change(self.added.len() + values.len().abs_diff(self.removed.len()))?;
        for value in values {
            let Some(target) = self.target(attribute, value)? else {
                let message = format!("{}: {} names no entry of this pool", attribute.name(), String::from_utf8_lossy(value));
                return Err(Error::invalid(Rule::Constraint, message));
            };
            if self.has(attribute.id, target)? {
                let message = format!("{} names {} already, or names it twice", attribute.name(), String::from_utf8_lossy(value));
                return Err(Error::invalid(Rule::ValueExists, message));
            }
            if !self.removed.remove(&(attribute.id, target)) {
                self.added.insert((attribute.id, target));
            }
            if let Some(current) = self.current.get_mut(&attribute.id) {
                current.insert(target);
            }
        }
        if attribute.single_value && self.current(attribute.id)?.len() > 1 {
            return Err(Error::invalid(Rule::Constraint, format!("{} holds one value only", attribute.name())));
        }
        Ok(())
    }

    /// Removes values. Rule::NoSuchAttribute for one that is not there.
    pub fn remove(&mut self, attribute: &AttributeType, values: &[Vec<u8>]) -> Result<()> {
        // Each value removes an edge or takes back an addition.
        may_change(self.removed.len() + values.len().abs_diff(self.added.len()))?;
        for value in values {
            let missing = || Error::invalid(Rule::NoSuchAttribute, format!("{} has no such value", attribute.name()));
            let target = self.target(attribute, value)?.ok_or_else(missing)?;
            if !self.has(attribute.id, target)? {
                return Err(missing());
            }
            if !self.added.remove(&(attribute.id, target)) {
                self.removed.insert((attribute.id, target));
            }
            if let Some(current) = self.current.get_mut(&attribute.id) {
                current.remove(&target);
            }
        }
        Ok(())
    }

    /// Removes all values of an attribute; false if there were none.
    pub fn clear(&mut self, attribute: AttributeId) -> Result<bool> {
        let there = std::mem::take(self.current(attribute)?);
        for target in &there {
            if !self.added.remove(&(attribute, *target)) {
                self.removed.insert((attribute, *target));
            }
        }
        Ok(!there.is_empty())
    }

    /// Whether the attribute has a value after the request.
    pub fn remains(&self, attribute: AttributeId) -> Result<bool> {
        if self.added.iter().any(|(added, _)| *added == attribute) {
            return Ok(true);
        }
        for target in self.directory.targets(attribute, self.source, None) {
            if !self.removed.contains(&(attribute, target?)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The attributes that the request adds values to.
    pub fn added_attributes(&self) -> impl Iterator<Item = AttributeId> {
        self.added.iter().map(|(attribute, _)| *attribute)
    }

    /// Fills the changes: who is named must still be there when they are committed. Rule::Unwilling
    /// if they are too many for one commit.
    pub fn write(&self, changes: &mut Changes) -> Result<()> {
        may_change(self.added.len() + self.removed.len())?;
        for (attribute, target) in &self.added {
            // An entry that names itself as it is added is not there yet.
            if *target != self.source {
                changes.expect_present(Key::entry(*target));
            }
            link::put_edge(changes, *attribute, self.source, *target);
        }
        for (attribute, target) in &self.removed {
            link::remove_edge(changes, *attribute, self.source, *target);
        }
        Ok(())
    }

    fn has(&self, attribute: AttributeId, target: EntryId) -> Result<bool> {
        if self.added.contains(&(attribute, target)) {
            return Ok(true);
        }
        Ok(!self.removed.contains(&(attribute, target)) && self.directory.has_edge(attribute, self.source, target)?)
    }

    fn current(&mut self, attribute: AttributeId) -> Result<&mut BTreeSet<EntryId>> {
        match self.current.entry(attribute) {
            Slot::Occupied(known) => Ok(known.into_mut()),
            Slot::Vacant(slot) => {
                let stored = self.directory.targets(attribute, self.source, None).take(MAX_READ + 1).collect::<Result<BTreeSet<_>>>()?;
                if stored.len() > MAX_READ {
                    return Err(too_many(&format!("more than {MAX_READ} of them")));
                }
                let added = self.added.iter().filter(|(other, _)| *other == attribute).map(|(_, target)| *target);
                let kept = stored.into_iter().filter(|target| !self.removed.contains(&(attribute, *target)));
                Ok(slot.insert(kept.chain(added).collect()))
            }
        }
    }

    /// The entry that a value names, as far as whoever asks may know it.
    fn target(&self, attribute: &AttributeType, value: &[u8]) -> Result<Option<EntryId>> {
        let located = |error: Error| Error::new(error.kind().clone(), format!("{}: {}", attribute.name(), error.message()));
        let Some(target) = self.directory.target(Source::of(attribute), value).map_err(located)? else { return Ok(None) };
        Ok(self.directory.is_visible(target, self.viewer)?.then_some(target))
    }
}

fn may_change(edges: usize) -> Result<()> {
    if edges > MAX_CHANGED { Err(too_many(&format!("{edges} of them"))) } else { Ok(()) }
}

fn too_many(how_many: &str) -> Error {
    let message = format!(
        "the request would change {how_many} where values name entries, and one request changes {MAX_CHANGED} at most: \
         add and delete the values by name, {MAX_CHANGED} at a time"
    );
    Error::invalid(Rule::Unwilling, message)
}
