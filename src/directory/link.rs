//! Edges between entries: members, managers, owners.

use super::Directory;
use crate::model::{EntryId, Result};

impl Directory {
    /// The groups that list the entry as a member, directly.
    pub fn groups_of(&self, _id: EntryId) -> Result<Vec<EntryId>> {
        todo!()
    }

    /// Whether the group lists the entry as a member, directly.
    pub fn is_member(&self, _group: EntryId, _id: EntryId) -> Result<bool> {
        todo!()
    }
}
