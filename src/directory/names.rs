//! Names of many entries: the name of a parent is composed once.

use super::{Directory, MAX_DEPTH, Record, SUFFIX, Viewer};
use crate::model::{EntryId, Error, Result};
use crate::policy::access;
use std::collections::HashMap;
use std::sync::Arc;

/// Parents whose names are kept at a time.
const CAPACITY: usize = 4096;

/// Composes the names of entries as text (RFC 4514). Holds the names of parents for as long as it
/// lives, so it is made for one result and thrown away.
pub struct Names<'a> {
    directory: &'a Directory,
    /// A parent whose name was known beforehand.
    known: Option<(EntryId, Arc<str>)>,
    parents: HashMap<EntryId, Option<String>>,
}

impl<'a> Names<'a> {
    /// Nothing composed yet.
    pub fn new(directory: &'a Directory) -> Self {
        Self { directory, known: None, parents: HashMap::new() }
    }

    /// Nothing composed yet but the name of that entry, for a result that most likely lies right
    /// below it.
    pub fn below(directory: &'a Directory, id: EntryId, name: Arc<str>) -> Self {
        Self { known: Some((id, name)), ..Self::new(directory) }
    }

    /// The name of an entry; `None` if an ancestor is gone.
    pub fn of(&mut self, entry: &Record) -> Result<Option<String>> {
        self.compose(entry, 0)
    }

    /// The name of an entry that the viewer may see; `None` if they may not, or it is gone.
    pub fn visible(&mut self, id: EntryId, viewer: &Viewer) -> Result<Option<String>> {
        match self.directory.record(id)? {
            Some(entry) if access::may_see_entry(viewer, entry.kind(), id) => self.of(&entry),
            _ => Ok(None),
        }
    }

    fn compose(&mut self, entry: &Record, depth: usize) -> Result<Option<String>> {
        if entry.id() == SUFFIX {
            return Ok(Some(self.directory.suffix.to_string()));
        }
        if depth > MAX_DEPTH {
            return Err(Error::internal(format!("the ancestors of entry {} form a circle, or are more than {MAX_DEPTH}", entry.id())));
        }
        let Some(parent) = entry.parent() else { return Ok(None) };
        if let Some((_, above)) = self.known.as_ref().filter(|(id, _)| *id == parent) {
            return Ok(Some(joined(entry.written_rdn(), above)));
        }
        if !self.parents.contains_key(&parent) {
            let name = match self.directory.record(parent)? {
                Some(parent) => self.compose(&parent, depth + 1)?,
                None => None,
            };
            if self.parents.len() >= CAPACITY {
                self.parents.clear();
            }
            self.parents.insert(parent, name);
        }
        let parent = self.parents.get(&parent).and_then(Option::as_deref);
        Ok(parent.map(|parent| joined(entry.written_rdn(), parent)))
    }
}

fn joined(rdn: &str, above: &str) -> String {
    let mut name = String::with_capacity(rdn.len() + 1 + above.len());
    name.push_str(rdn);
    name.push(',');
    name.push_str(above);
    name
}
