//! Whether an entry lies within the scope of a search: a walk over its ancestors, whose answers are
//! kept for the search.

use super::Scope;
use crate::directory::{Directory, MAX_DEPTH, Record, SUFFIX};
use crate::model::{EntryId, Result};
use std::collections::HashMap;

/// Answers that are kept at a time.
const CAPACITY: usize = 10_000;

pub struct Reach {
    base: EntryId,
    scope: Scope,
    /// Whether entries that are parents lie in the scope.
    known: HashMap<EntryId, bool>,
}

impl Reach {
    pub fn new(base: EntryId, scope: Scope) -> Self {
        Self { base, scope, known: HashMap::new() }
    }

    pub fn contains(&mut self, directory: &Directory, entry: &Record) -> Result<bool> {
        match self.scope {
            Scope::Base => Ok(entry.id() == self.base),
            Scope::One => Ok(entry.parent() == Some(self.base)),
            Scope::Subtree if self.base == SUFFIX || entry.id() == self.base => Ok(true),
            Scope::Subtree => self.is_below(directory, entry.parent()),
        }
    }

    fn is_below(&mut self, directory: &Directory, parent: Option<EntryId>) -> Result<bool> {
        let mut path = Vec::new();
        let mut at = parent;
        let below = loop {
            let Some(id) = at else { break false };
            if id == self.base {
                break true;
            }
            if let Some(known) = self.known.get(&id) {
                break *known;
            }
            path.push(id);
            if path.len() > MAX_DEPTH {
                break false;
            }
            at = directory.record(id)?.and_then(|entry| entry.parent());
        };
        if self.known.len() + path.len() > CAPACITY {
            self.known.clear();
        }
        self.known.extend(path.into_iter().map(|id| (id, below)));
        Ok(below)
    }
}
