//! Deleting an entry.

use super::write;
use crate::directory::draft::Draft;
use crate::directory::{Directory, SUFFIX, Viewer};
use crate::model::error::Rule;
use crate::model::{Actor, EntryId, Error, Result};
use crate::policy::access;
use crate::store::{Changes, Prefix};

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
    directory.remove_edges_with(changes, id)
}
