//! What an entry was and what it becomes, as puts and deletes.

use super::edges::Edges;
use super::room;
use crate::directory::draft::Draft;
use crate::directory::index::{self, Terms, Unique};
use crate::directory::record::Room;
use crate::directory::{Directory, Entry, dn};
use crate::model::error::Rule;
use crate::model::{EntryId, Error, Rdn, Result, Timestamp};
use crate::store::{Changes, Key};

/// Writes an entry that is new.
pub fn insert(directory: &Directory, changes: &mut Changes, id: EntryId, entry: &Draft, edges: &Edges<'_>, now: Timestamp) -> Result<()> {
    changes.expect_absent(Key::entry(id));
    if let Some(key) = child_key(directory, entry)? {
        take_name(directory, changes, key, id)?;
    }
    let all = |_| true;
    unique(directory, changes, id, &Unique::new(), &index::unique_values(directory.schema, entry, all))?;
    terms(changes, id, &Terms::new(), &index::terms(directory.schema, entry, all));
    edges.write(changes)?;
    room::check_new(directory.schema, entry)?;
    record(changes, id, &[], entry, now, Room::Filled)
}

/// Writes an entry in the place of what it was.
pub fn replace(
    directory: &Directory,
    changes: &mut Changes,
    entry: &Entry,
    (before, after): (&Draft, &Draft),
    edges: &Edges<'_>,
    now: Timestamp,
) -> Result<()> {
    let id = entry.id();
    let schema = directory.schema;
    changes.expect_version(Key::entry(id), entry.version());
    let (old, new) = (child_key(directory, before)?, child_key(directory, after)?);
    if old != new {
        if let Some(key) = new {
            take_name(directory, changes, key, id)?;
        }
        old.into_iter().for_each(|key| changes.delete(key));
    }
    let differing = index::differing(before, after);
    let differs = |attribute| differing.contains(&attribute);
    let unique_values = |draft| index::unique_values(schema, draft, differs);
    unique(directory, changes, id, &unique_values(before), &unique_values(after))?;
    terms(changes, id, &index::terms(schema, before, differs), &index::terms(schema, after, differs));
    edges.write(changes)?;
    record(changes, id, entry.bytes(), after, now, room::of_change(before, after))
}

/// Removes the rows of an entry but its edges and credentials.
pub fn remove(directory: &Directory, changes: &mut Changes, entry: &Entry, draft: &Draft) -> Result<()> {
    let id = entry.id();
    changes.expect_version(Key::entry(id), entry.version());
    child_key(directory, draft)?.into_iter().for_each(|key| changes.delete(key));
    let all = |_| true;
    for (attribute, value) in index::unique_values(directory.schema, draft, all) {
        changes.delete(Key::unique(attribute, &value));
    }
    terms(changes, id, &index::terms(directory.schema, draft, all), &Terms::new());
    delete_parts(changes, id, entry.bytes(), &[]);
    changes.delete(Key::entry(id));
    Ok(())
}

/// The row that holds the entry's name under its parent; the suffix has none.
fn child_key(directory: &Directory, entry: &Draft) -> Result<Option<Key>> {
    let Some(parent) = entry.header.parent else { return Ok(None) };
    let normal = dn::normalise_rdn(&Rdn::parse(&entry.header.rdn)?, directory.schema)?;
    Ok(Some(Key::child(parent, &index::name_term(&normal))))
}

fn take_name(directory: &Directory, changes: &mut Changes, key: Key, id: EntryId) -> Result<()> {
    if !is_free(directory, changes, &key)? {
        return Err(Error::exists("an entry of that name exists"));
    }
    changes.put(key, id.get().to_be_bytes().to_vec());
    Ok(())
}

/// Whether nobody holds what the row names, which is then expected of the commit; or whether the
/// same changes take it from its holder, whose version they expect.
fn is_free(directory: &Directory, changes: &mut Changes, key: &Key) -> Result<bool> {
    if directory.holder(key)?.is_some() {
        return Ok(changes.removes(key));
    }
    changes.expect_absent(key.clone());
    Ok(true)
}

fn unique(directory: &Directory, changes: &mut Changes, id: EntryId, before: &Unique, after: &Unique) -> Result<()> {
    for (attribute, value) in after.difference(before) {
        let key = Key::unique(*attribute, value);
        if !is_free(directory, changes, &key)? {
            let name = directory.schema.attribute_by_id(*attribute).map_or("attribute", |attribute| attribute.name());
            return Err(Error::invalid(Rule::Unique, format!("another entry of the pool has this {name}; no two may have the same")));
        }
        changes.put(key, id.get().to_be_bytes().to_vec());
    }
    for (attribute, value) in before.difference(after) {
        changes.delete(Key::unique(*attribute, value));
    }
    Ok(())
}

fn terms(changes: &mut Changes, id: EntryId, before: &Terms, after: &Terms) {
    for term in after.difference(before) {
        changes.put(index::key(term, id), Vec::new());
    }
    for term in before.difference(after) {
        changes.delete(index::key(term, id));
    }
}

/// The parts are put before the record that names them.
fn record(changes: &mut Changes, id: EntryId, old: &[u8], entry: &Draft, now: Timestamp, room: Room) -> Result<()> {
    let (record, parts) = entry.encode(now, room)?;
    for part in parts {
        changes.put(Key::value(id, part.generation, part.number), part.bytes);
    }
    delete_parts(changes, id, old, &record);
    changes.put(Key::entry(id), record);
    Ok(())
}

fn delete_parts(changes: &mut Changes, id: EntryId, old: &[u8], new: &[u8]) {
    let kept: Vec<_> = Draft::spills(new).collect();
    for spill in Draft::spills(old).filter(|spill| !kept.contains(spill)) {
        for number in 0..spill.parts() {
            changes.delete(Key::value(id, spill.generation, number));
        }
    }
}
