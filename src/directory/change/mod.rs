//! Changes of entries. Each fills a `Changes` with what it expects and what it writes; who commits
//! it tries again on a conflict.
//!
//! What is expected makes concurrent changes that do not fit together conflict: the version of the
//! entry (its own changes), the presence of the parent and of every entry that is named (they may
//! be deleted), the absence of the name and of unique values (others may take them), the absence of
//! children (others may add one), and the versions of the ancestors of a new parent (a move of one
//! of them could close a circle).

mod add;
mod attribute;
mod check;
mod delete;
mod edges;
mod give_up;
mod modify;
mod rename;
mod room;
mod size;
mod suffix;
mod write;

pub(super) use rename::moved_key;

use super::kind;
use super::schema::{ObjectClass, Schema};
use super::{Directory, EntryKind};
use crate::model::{Actor, Attribute, Dn, Entropy, EntryId, Rdn, Result, Timestamp};
use crate::store::Changes;

/// An entry to add.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its name.
    pub dn: Dn,
    /// Its attributes; those of the RDN may be left out. The operator may name entryUUID,
    /// createTimestamp, modifyTimestamp, creatorsName and modifiersName, which an import keeps.
    pub attributes: Vec<Attribute>,
}

impl NewEntry {
    /// What it would be by the object classes that it names; `Other` if the schema does not know
    /// them.
    pub fn kind(&self, schema: &Schema) -> EntryKind {
        let classes = self.attributes.iter().filter(|attribute| attribute.name.eq_ignore_ascii_case("objectClass"));
        let named: Vec<&str> =
            classes.flat_map(|attribute| &attribute.values).filter_map(|class| std::str::from_utf8(class).ok()).collect();
        let all = schema.with_superclasses(&named).unwrap_or_default();
        kind::of(&all.into_iter().map(ObjectClass::name).collect::<Vec<_>>())
    }
}

/// What a modification does to the values of an attribute (RFC 4511, section 4.6; RFC 4525).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ModificationKind {
    /// Adds values.
    Add,
    /// Removes the values, or all of them if none is named.
    Delete,
    /// Puts the values in the place of all that were there.
    Replace,
    /// Adds a number to each value.
    Increment,
}

/// One step of a modify.
#[derive(Clone, Debug)]
pub struct Modification {
    /// What it does.
    pub kind: ModificationKind,
    /// To which attribute, with which values.
    pub attribute: Attribute,
}

impl Directory {
    /// The entries that every pool begins with: the suffix, and under it ou=people, ou=groups,
    /// ou=services and ou=apps.
    pub fn create_suffix(&self, changes: &mut Changes, actor: &Actor, now: Timestamp, entropy: &dyn Entropy) -> Result<()> {
        suffix::create(self, changes, actor, now, entropy)
    }

    /// Adds an entry (RFC 4511, section 4.7).
    pub fn add(&self, changes: &mut Changes, entry: NewEntry, actor: &Actor, now: Timestamp, entropy: &dyn Entropy) -> Result<EntryId> {
        add::add(self, changes, entry, actor, now, entropy)
    }

    /// Judges what can be judged of a new entry without looking at others: its name, its values,
    /// its object classes, not what it names. Answers what it would be. For an import, which judges
    /// a whole file before it writes anything.
    pub fn check_new(&self, entry: &NewEntry, actor: &Actor) -> Result<EntryKind> {
        add::check(self, entry, actor)
    }

    /// Modifies an entry (RFC 4511, section 4.6): all steps or none.
    pub fn modify(&self, changes: &mut Changes, id: EntryId, steps: &[Modification], actor: &Actor, now: Timestamp) -> Result<()> {
        modify::modify(self, changes, id, steps, actor, now)
    }

    /// Adds values that name other entries without a trace of it in modifyTimestamp and
    /// modifiersName. For the operator's imports.
    pub fn link(&self, changes: &mut Changes, id: EntryId, links: &Attribute, actor: &Actor, now: Timestamp) -> Result<()> {
        modify::link(self, changes, id, links, actor, now)
    }

    /// Takes mail addresses from an entry, and its name if there is another one for it, so that the
    /// same changes can give them to somebody else.
    pub fn give_up(
        &self,
        changes: &mut Changes,
        id: EntryId,
        mail: &[Vec<u8>],
        rdn: Option<&Rdn>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<()> {
        give_up::give_up(self, changes, id, mail, rdn, actor, now)
    }

    /// Deletes an entry that has no children, with its credentials and edges (RFC 4511, section
    /// 4.8).
    pub fn delete(&self, changes: &mut Changes, id: EntryId, actor: &Actor) -> Result<()> {
        delete::delete(self, changes, id, actor)
    }

    /// Renames an entry, and moves it under another parent if one is given (RFC 4511, section 4.9).
    #[allow(clippy::too_many_arguments, reason = "the fields of a ModifyDN request and who asks")]
    pub fn rename(
        &self,
        changes: &mut Changes,
        id: EntryId,
        rdn: &Rdn,
        delete_old: bool,
        parent: Option<EntryId>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<()> {
        rename::rename(self, changes, id, &rename::NewName { rdn, delete_old, parent }, actor, now)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod races;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod cost;
