//! The entries of a small branch of the tree.

use crate::directory::change::moved_key;
use crate::directory::{Directory, index};
use crate::model::{EntryId, Error, Result};
use std::collections::BTreeSet;

/// The most entries that are collected; a larger branch is searched by going over all entries.
const MAX_BRANCH: usize = 1024;
/// How often collecting is tried while entries move.
const TRIES: usize = 3;

/// The base and all that is below it, in the order of ids; `None` if that is too much to collect, or does not hold still.
///
/// An entry that moves from a parent that is looked at late to one that was looked at early would be missed. So the branch is collected twice, which finds it, since
/// a second miss takes a second move; and a move writes a row that tells of it, before it takes anything away.
pub fn below(directory: &Directory, base: EntryId) -> Result<Option<Vec<EntryId>>> {
    for _ in 0..TRIES {
        let before = directory.store.get(&moved_key())?.map(|row| row.version);
        let mut found = BTreeSet::from([base]);
        if !collect(directory, base, &mut found)? || !collect(directory, base, &mut found)? {
            return Ok(None);
        }
        if directory.store.get(&moved_key())?.map(|row| row.version) == before {
            return Ok(Some(found.into_iter().collect()));
        }
    }
    Ok(None)
}

fn collect(directory: &Directory, base: EntryId, found: &mut BTreeSet<EntryId>) -> Result<bool> {
    let mut open = vec![base];
    let mut seen = BTreeSet::from([base]);
    while let Some(parent) = open.pop() {
        for row in directory.store.scan(&index::children(parent), None) {
            let child = row.map_err(Error::from)?.0.last_entry().ok_or_else(|| Error::internal("the key of a child is too short"))?;
            if seen.insert(child) {
                open.push(child);
                found.insert(child);
            }
            if found.len() > MAX_BRANCH {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
