//! From names to entries and back.

use super::{Directory, Entry, Viewer};
use crate::model::{Dn, EntryId, Result};

impl Directory {
    /// The entry of that name. Kind::NotFound otherwise, with the nearest ancestor that exists.
    pub fn resolve(&self, _dn: &Dn) -> Result<EntryId> {
        todo!()
    }

    /// The entry of that name if the viewer may see it. Kind::NotFound otherwise, with the nearest ancestor that they may see.
    pub fn find(&self, _dn: &Dn, _viewer: &Viewer) -> Result<Entry> {
        todo!()
    }

    /// The name of an entry; `None` if it is gone.
    pub fn dn(&self, _id: EntryId) -> Result<Option<Dn>> {
        todo!()
    }

    /// An entry with all its values; `None` if there is none.
    pub fn entry(&self, _id: EntryId) -> Result<Option<Entry>> {
        todo!()
    }

    /// An entry that the viewer may see; Kind::NotFound otherwise.
    pub fn visible(&self, _id: EntryId, _viewer: &Viewer) -> Result<Entry> {
        todo!()
    }

    /// The holder of a unique value (uid, mail, entryUUID), written in any way that matches.
    pub fn by_unique(&self, _attribute: &str, _value: &[u8]) -> Result<Option<EntryId>> {
        todo!()
    }

    /// Whether the entry has children.
    pub fn children_exist(&self, _id: EntryId) -> Result<bool> {
        todo!()
    }
}
