//! Renaming and moving an entry: one record and its name change, whatever lies below it.

use super::{attribute, check, edges::Edges, room, write};
use crate::directory::draft::Draft;
use crate::directory::{Directory, Record, SUFFIX, Viewer};
use crate::model::error::Rule;
use crate::model::{Actor, Dn, EntryId, Error, Rdn, Result, Timestamp};
use crate::policy::access;
use crate::store::{Changes, Key, Space};

/// The new name (RFC 4511, section 4.9).
pub struct NewName<'a> {
    pub rdn: &'a Rdn,
    pub delete_old: bool,
    pub parent: Option<EntryId>,
}

pub fn rename(directory: &Directory, changes: &mut Changes, id: EntryId, name: &NewName<'_>, actor: &Actor, now: Timestamp) -> Result<()> {
    let schema = directory.schema;
    let viewer = Viewer::of(actor);
    let entry = directory.visible(id, &viewer)?;
    let parent = name.parent.map(|parent| directory.visible(parent, &viewer)).transpose()?;
    access::may_arrange(&viewer)?;
    if id == SUFFIX {
        return Err(Error::invalid(Rule::Unwilling, "the suffix of a pool cannot be renamed"));
    }
    let before = Draft::of(&entry)?;
    let mut after = before.clone();
    if let Some(parent) = parent.filter(|parent| Some(parent.id()) != entry.parent()) {
        place_under(directory, changes, &entry, &parent)?;
        after.header.parent = Some(parent.id());
    }
    let gone = || Error::not_found("there is no such entry");
    let parent_dn: Dn = directory.dn(after.header.parent.ok_or_else(gone)?)?.ok_or_else(gone)?;
    after.header.rdn = check::rdn_text(schema, name.rdn, &parent_dn)?;
    if name.delete_old {
        drop_old_values(directory, &mut after, &entry.rdn()?)?;
    }
    check::add_rdn_values(schema, &mut after, name.rdn)?;
    check::complete(schema, &mut after, &directory.linked(&entry)?)?;
    room::check(schema, &before, &after)?;
    after.touch(actor, now);
    write::replace(directory, changes, &entry, (&before, &after), &Edges::new(directory, id, &viewer), now)
}

/// The row that every move writes, so that a search that collects a branch notices it.
pub fn moved_key() -> Key {
    Key::named(Space::Checkpoint, b"directory/moved")
}

/// Expects the new parent and everything above it as they are now: if one of them moves, the commit
/// conflicts, so no circle can arise.
fn place_under(directory: &Directory, changes: &mut Changes, entry: &Record, parent: &Record) -> Result<()> {
    let above = directory.ancestors(parent.id())?;
    for ancestor in std::iter::once(parent).chain(&above) {
        if ancestor.id() == entry.id() {
            return Err(Error::invalid(Rule::Unwilling, "an entry cannot be moved below itself"));
        }
        if ancestor.id() != SUFFIX {
            changes.expect_version(Key::entry(ancestor.id()), ancestor.version());
        }
    }
    if parent.id() != SUFFIX && above.last().is_none_or(|last| last.id() != SUFFIX) {
        return Err(Error::contended());
    }
    changes.put(moved_key(), Vec::new());
    Ok(())
}

/// Removes the values of the old RDN. Those that the new one has too are added again afterwards.
pub fn drop_old_values(directory: &Directory, draft: &mut Draft, old: &Rdn) -> Result<()> {
    for ava in old.avas() {
        let Some(kind) = directory.schema.attribute(&ava.attribute) else { continue };
        attribute::drop_values(draft, kind, &[attribute::comparable(kind, &ava.value)?]);
    }
    Ok(())
}
