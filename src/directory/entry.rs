//! An entry as it was read.

use super::EntryKind;
use crate::model::{AttributeId, EntryId, Rdn, Sequence, Timestamp};
use uuid::Uuid;

/// An entry as of one commit.
#[derive(Clone, Debug)]
pub struct Entry {
    id: EntryId,
    version: Sequence,
}

impl Entry {
    /// Its number within the pool.
    pub const fn id(&self) -> EntryId {
        self.id
    }

    /// The commit that last wrote it.
    pub const fn version(&self) -> Sequence {
        self.version
    }

    /// Its parent; `None` for the suffix.
    pub fn parent(&self) -> Option<EntryId> {
        todo!()
    }

    /// Its entryUUID (RFC 4530): what other systems know it by.
    pub fn uuid(&self) -> Uuid {
        todo!()
    }

    /// When it was added.
    pub fn created(&self) -> Timestamp {
        todo!()
    }

    /// When it was last changed.
    pub fn modified(&self) -> Timestamp {
        todo!()
    }

    /// Its RDN as written.
    pub fn rdn(&self) -> Rdn {
        todo!()
    }

    /// What it is.
    pub fn kind(&self) -> EntryKind {
        todo!()
    }

    /// Whether nobody may log in with it.
    pub fn is_disabled(&self) -> bool {
        todo!()
    }

    /// The stored values of an attribute. Empty for links and computed attributes: see `Directory::attribute`.
    pub fn values(&self, _attribute: AttributeId) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }

    /// The first stored value of an attribute by name, as text.
    pub fn first_text(&self, _attribute: &str) -> Option<&str> {
        todo!()
    }

    /// The stored values of an attribute by name, as text.
    pub fn texts(&self, _attribute: &str) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// The names of its object classes, superclasses included.
    pub fn object_classes(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }
}
