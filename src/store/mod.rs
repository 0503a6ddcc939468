//! Persistence: the only room that knows an engine.
//!
//! Owns keys, the commit contract, the change feed and the cache of hot records. Uses `model` only. Never knows a rule of the domain: it stores bytes under keys.
//! Reads are plain calls, since the embedded engine answers in microseconds; commits are awaited, since they end with a data sync.

mod changes;
mod keys;

pub use changes::{Changes, Expectation, Put};
pub use keys::{Key, Prefix, Space, Term};

use crate::model::{PoolId, Sequence, Timestamp};
use std::path::Path;

/// Settings of a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes that the engine may cache.
    pub engine_cache: u64,
    /// Bytes that the cache of hot records may hold.
    pub hot_cache: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { engine_cache: 32 << 20, hot_cache: 16 << 20 }
    }
}

/// Why a commit was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// An expectation did not hold: read again, decide again.
    #[error("a record changed meanwhile")]
    Conflict,
    /// More than one commit may hold.
    #[error("the change holds {size} bytes, over the limit of {limit}")]
    TooLarge {
        /// Bytes of the change.
        size: usize,
        /// The cap.
        limit: usize,
    },
    /// The store has stopped after a failed write and stays stopped until it is opened again.
    #[error("the store has stopped: {0}")]
    Stopped(String),
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
#[error("the store cannot be read: {0}")]
pub struct ReadError(pub String);

/// A record as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The commit that last wrote it.
    pub version: Sequence,
    /// Its bytes.
    pub value: bytes::Bytes,
}

/// The whole store. Held by `server` and `pool` only.
#[derive(Clone)]
pub struct Store;

impl Store {
    /// Opens or creates the store in that folder; refused while another process has it open.
    pub fn open(_folder: &Path, _options: Options) -> Result<Self, ReadError> {
        todo!()
    }

    /// The records of one pool.
    pub fn pool(&self, _id: PoolId) -> PoolStore {
        todo!()
    }
}

/// The records of one pool. Nothing that it is given can name a record of another.
#[derive(Clone)]
pub struct PoolStore;

impl PoolStore {
    /// Whose records these are.
    pub fn pool(&self) -> PoolId {
        todo!()
    }

    /// One record.
    pub fn get(&self, _key: &Key) -> Result<Option<Row>, ReadError> {
        todo!()
    }

    /// The records under a prefix in the order of their keys, from after `after` on.
    pub fn scan(&self, _prefix: &Prefix, _after: Option<&Key>) -> impl Iterator<Item = Result<(Key, Row), ReadError>> + use<> {
        std::iter::empty()
    }

    /// Commits the changes, or none of them; answers when they are on disk and visible.
    pub async fn commit(&self, _changes: Changes) -> Result<Sequence, CommitError> {
        todo!()
    }

    /// Removes up to `limit` records whose time has come before `now`; tells how many. For the sweep of `server`.
    pub async fn sweep(&self, _now: Timestamp, _limit: usize) -> Result<usize, CommitError> {
        todo!()
    }
}
