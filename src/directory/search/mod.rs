//! Search: candidates from the indexes, in the order of entry ids, each checked against its entry.

use super::{Directory, Entry, Filter, Viewer};
use crate::model::{EntryId, Result};

/// How far a search reaches (RFC 4511, section 4.5.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The base alone.
    Base,
    /// The children of the base.
    One,
    /// The base and all that is below it.
    Subtree,
}

/// A search. Whether the viewer may see the base is for the caller to check, with `Directory::find`.
#[derive(Clone, Copy)]
pub struct Search<'a> {
    /// Where it begins.
    pub base: EntryId,
    /// How far it reaches.
    pub scope: Scope,
    /// What entries must satisfy.
    pub filter: &'a Filter,
    /// Only entries after this one: where an earlier search stopped.
    pub after: Option<EntryId>,
    /// Who asks.
    pub viewer: &'a Viewer,
    /// Asked before each candidate; the search ends when it says true (a time limit, an abandoned request).
    pub stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

/// The entries that a search finds, in the order of their ids. Ends after an error.
pub struct Found<'a> {
    _directory: &'a Directory,
}

impl Directory {
    /// Begins a search.
    pub fn search<'a>(&'a self, _search: Search<'a>) -> Result<Found<'a>> {
        todo!()
    }
}

impl Found<'_> {
    /// Whether `stop` has ended it.
    pub fn was_stopped(&self) -> bool {
        todo!()
    }
}

impl Iterator for Found<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        todo!()
    }
}
