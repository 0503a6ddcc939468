//! Deleting an entry.

use super::write;
use crate::directory::draft::Draft;
use crate::directory::known::KNOWN;
use crate::directory::{Directory, SUFFIX, Viewer, link};
use crate::model::error::Rule;
use crate::model::{Actor, EntryId, Error, Result};
use crate::policy::access;
use crate::store::{Changes, Prefix};

/// Edges that go with an entry in the same commit. Those beyond are left without an end, skipped by every reader, and removed by the sweep.
const MAX_EDGES: usize = 2000;

pub fn delete(directory: &Directory, changes: &mut Changes, id: EntryId, actor: &Actor) -> Result<()> {
    let viewer = Viewer::of(actor);
    let entry = directory.visible(id, &viewer)?;
    access::may_arrange(&viewer)?;
    if id == SUFFIX {
        return Err(Error::invalid(Rule::Unwilling, "the suffix goes with its pool; delete the pool"));
    }
    if directory.children_exist(id)? {
        return Err(Error::invalid(Rule::NonLeaf, "the entry has children; delete them first"));
    }
    changes.expect_empty(Prefix::children(id));
    write::remove(directory, changes, &entry, &Draft::of(&entry)?)?;
    for row in directory.store.scan(&Prefix::credentials(id), None) {
        changes.delete(row?.0);
    }
    let mut left = MAX_EDGES;
    for attribute in &KNOWN.links {
        for target in directory.targets(*attribute, id, None).take(left) {
            link::remove_edge(changes, *attribute, id, target?);
            left -= 1;
        }
        for source in directory.sources(*attribute, id, None).take(left) {
            link::remove_edge(changes, *attribute, source?, id);
            left -= 1;
        }
    }
    Ok(())
}
