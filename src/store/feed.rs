//! The change feed of a pool: what commits touched, in their order, as far back as the journal
//! goes.

use super::keys::Key;
use crate::model::Sequence;

/// What one commit did to a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The commit.
    pub sequence: Sequence,
    /// The records it wrote.
    pub written: Vec<Key>,
    /// The records it removed.
    pub removed: Vec<Key>,
}

/// A part of a pool's change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feed {
    /// The changes after the position that was given.
    Changes {
        /// In the order of their commits.
        changes: Vec<Change>,
        /// Ask on from here: every change up to and with this commit has been told.
        position: Sequence,
    },
    /// The journal does not go back that far: read the pool anew, then ask on from `position`.
    Trimmed {
        /// The latest commit at the time of the answer.
        position: Sequence,
    },
}
