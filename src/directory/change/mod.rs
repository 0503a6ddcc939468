//! Changes of entries. Each fills a `Changes` with what it expects and what it writes; who commits it tries again on a conflict.

use super::Directory;
use crate::model::{Actor, Attribute, Dn, Entropy, EntryId, Rdn, Result, Timestamp};
use crate::store::Changes;

/// An entry to add.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its name.
    pub dn: Dn,
    /// Its attributes; those of the RDN may be left out. The operator may name entryUUID, createTimestamp and the like, which an import keeps.
    pub attributes: Vec<Attribute>,
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
    /// The entries that every pool begins with: the suffix, and under it ou=people, ou=groups, ou=services and ou=apps.
    pub fn create_suffix(&self, _changes: &mut Changes, _actor: &Actor, _now: Timestamp, _entropy: &dyn Entropy) -> Result<()> {
        todo!()
    }

    /// Adds an entry.
    pub fn add(
        &self,
        _changes: &mut Changes,
        _entry: NewEntry,
        _actor: &Actor,
        _now: Timestamp,
        _entropy: &dyn Entropy,
    ) -> Result<EntryId> {
        todo!()
    }

    /// Modifies an entry: all steps or none.
    pub fn modify(&self, _changes: &mut Changes, _id: EntryId, _steps: &[Modification], _actor: &Actor, _now: Timestamp) -> Result<()> {
        todo!()
    }

    /// Deletes an entry that has no children, with its credentials and edges.
    pub fn delete(&self, _changes: &mut Changes, _id: EntryId, _actor: &Actor) -> Result<()> {
        todo!()
    }

    /// Renames an entry, and moves it under another parent if one is given.
    #[allow(clippy::too_many_arguments, reason = "the fields of a ModifyDN request and who asks")]
    pub fn rename(
        &self,
        _changes: &mut Changes,
        _id: EntryId,
        _rdn: &Rdn,
        _delete_old: bool,
        _parent: Option<EntryId>,
        _actor: &Actor,
        _now: Timestamp,
    ) -> Result<()> {
        todo!()
    }
}
