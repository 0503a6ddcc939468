//! Counting of what is too frequent to be recorded one by one.

use super::event::{Action, Reason};
use crate::model::{EntryId, Face, PoolId, Timestamp};
use crate::store::Changes;
use std::net::IpAddr;

/// What is counted rather than recorded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// A login that the cache of verified passwords answered.
    Repeat {
        /// Whose.
        entry: EntryId,
        /// Their name in the log.
        name: String,
    },
    /// A failed login of a name that nobody has. The name itself is not kept: people type passwords into name fields.
    UnknownName {
        /// A keyed hash of the name.
        hash: [u8; 16],
    },
}

/// Counts in memory, bounded; recorded once a minute.
pub struct Counters;

impl Counters {
    /// Nothing counted yet.
    pub fn new() -> Self {
        todo!()
    }

    /// Counts one.
    #[allow(clippy::too_many_arguments)]
    pub fn count(
        &self,
        _pool: PoolId,
        _action: Action,
        _what: Counted,
        _reason: Option<Reason>,
        _face: Face,
        _address: Option<IpAddr>,
        _now: Timestamp,
    ) {
        todo!()
    }

    /// What was counted since the last time, as changes to commit.
    pub fn flush(&self, _now: Timestamp) -> Vec<(PoolId, Changes)> {
        todo!()
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}
