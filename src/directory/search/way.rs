//! Ways to come to candidates, before it is known which of them is the shortest.

use super::rows;
use crate::directory::{Directory, index};
use crate::model::{AttributeId, EntryId, Result};
use crate::store::{Key, Prefix, Term};

/// Rows whose keys differ in the id that they end with.
#[derive(Clone, Debug)]
pub enum Rows {
    Term(AttributeId, Term, Vec<u8>),
    Targets(AttributeId, EntryId),
    Sources(AttributeId, EntryId),
}

/// A way to come to candidates.
#[derive(Clone, Debug)]
pub enum Way {
    /// Over every entry.
    Everything,
    /// These.
    Ids(Vec<EntryId>),
    /// Rows whose order is that of ids.
    Rows(Rows),
    /// Rows whose order is that of values.
    Range(Range),
    /// All of these.
    Union(Vec<Way>),
}

/// Ordering terms of an attribute.
#[derive(Clone, Debug)]
pub struct Range {
    pub attribute: AttributeId,
    /// What every term begins with.
    pub start: Vec<u8>,
    /// Where to begin among them.
    pub from: Option<Vec<u8>>,
    /// The start of the last terms.
    pub to: Option<Vec<u8>>,
}

impl Rows {
    pub fn prefix(&self) -> Prefix {
        match self {
            Self::Term(attribute, kind, term) => Prefix::index(*attribute, *kind, term),
            Self::Targets(attribute, source) => Prefix::links(*attribute, *source),
            Self::Sources(attribute, target) => Prefix::backlinks(*attribute, *target),
        }
    }

    pub fn key(&self, id: EntryId) -> Key {
        match self {
            Self::Term(attribute, kind, term) => Key::index(*attribute, *kind, term, id),
            Self::Targets(attribute, source) => Key::link(*attribute, *source, id),
            Self::Sources(attribute, target) => Key::backlink(*attribute, *target, id),
        }
    }
}

impl Way {
    /// To the children of an entry.
    pub fn children(parent: EntryId) -> Self {
        Self::Rows(Rows::Term(index::PARENT, Term::Equality, index::parent_term(parent).to_vec()))
    }

    pub const fn nothing() -> Self {
        Self::Ids(Vec::new())
    }
}

impl Range {
    pub fn rows(&self, directory: &Directory) -> impl Iterator<Item = Result<EntryId>> + use<> {
        // No entry has the id zero, so this key lies before the first row of the term.
        let from = self.from.as_ref().map(|from| Key::index(self.attribute, Term::Ordering, from, EntryId::new(0)));
        let last = self.to.as_ref().map(|to| Prefix::index(self.attribute, Term::Ordering, to));
        let rows = directory.store.scan(&Prefix::index(self.attribute, Term::Ordering, &self.start), from.as_ref());
        rows.take_while(move |row| match (row, &last) {
            (Ok((key, _)), Some(last)) => key.as_bytes() <= last.as_bytes() || key.as_bytes().starts_with(last.as_bytes()),
            _ => true,
        })
        .map(|row| rows::last(&row?.0))
    }
}

/// Which of two ways is preferred when both have many candidates.
pub fn rank(way: &Way) -> (usize, usize) {
    match way {
        Way::Ids(ids) => (0, ids.len()),
        Way::Rows(Rows::Targets(..) | Rows::Sources(..)) => (1, 0),
        Way::Rows(Rows::Term(_, Term::Trigram, _)) => (2, 0),
        Way::Rows(Rows::Term(_, Term::Equality | Term::Ordering, _)) => (3, 0),
        Way::Union(_) => (4, 0),
        Way::Range(_) => (5, 0),
        Way::Rows(Rows::Term(_, Term::Presence, _)) => (6, 0),
        Way::Everything => (7, 0),
    }
}

pub fn union(ways: impl Iterator<Item = Result<Way>>) -> Result<Way> {
    let mut parts = Vec::new();
    for way in ways {
        match way? {
            Way::Everything => return Ok(Way::Everything),
            Way::Ids(ids) if ids.is_empty() => {}
            Way::Union(inner) => parts.extend(inner),
            way => parts.push(way),
        }
    }
    Ok(match parts.len() {
        0 => Way::nothing(),
        1 => parts.swap_remove(0),
        _ => Way::Union(parts),
    })
}
