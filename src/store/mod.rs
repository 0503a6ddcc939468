//! Persistence: the only room that knows an engine.
//!
//! Owns keys, the commit contract, the change feed and the cache of hot records. Uses `model` only.
//! Never knows a rule of the domain: it stores bytes under keys. Reads are plain calls, since the
//! embedded engine answers in microseconds; commits are awaited, since they end with a data sync.
//!
//! The contract, which every engine keeps and [`conformance`] checks: get, ordered scan,
//! conditional commit, change feed. What is visible is durable. There are no snapshot reads: a
//! reader can meet a commit between two of its rows, so whatever one record says about another is
//! verified against that other.

mod changes;
pub mod conformance;
mod decide;
mod embedded;
mod error;
mod feed;
mod keys;
mod server_keys;
mod statistics;
mod turns;

pub use changes::{Changes, ServerChanges};
pub use embedded::{Consumer, SegmentSync};
pub use error::{CommitError, ReadError};
pub use feed::{Change, Feed};
pub use keys::{Key, Prefix, Space, Term};
pub use server_keys::{ServerKey, ServerPrefix};
pub use statistics::Statistics;

use crate::model::{PoolId, Sequence, Timestamp};
use embedded::Embedded;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often a use case reads, decides and commits again after [`CommitError::Conflict`] before it
/// gives up.
pub const ATTEMPTS: usize = 8;

/// Bytes of a record's key within its pool.
pub const MAX_KEY: usize = 1024;

/// Bytes of a record. With its key it must stay under 7 KB: the engine puts pages over 128 KB into
/// files that it does not sync, and a page holds up to 17 rows.
pub const MAX_ROW: usize = 6 * 1024;

/// Bytes of all keys and values of one commit. What is larger is a chain of commits.
pub const MAX_CHANGES: usize = 1 << 20;

/// Settings of a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes that the engine may cache.
    pub engine_cache: u64,
    /// Bytes that the cache of hot records may hold.
    pub hot_cache: u64,
    /// Commits that the journal keeps for consumers of the change feed that come back.
    pub journal_kept: u64,
    /// Bytes that it keeps for them: where that is less, it counts.
    pub journal_kept_bytes: u64,
    /// Commits that the journal keeps at most while a consumer lags.
    pub journal_cap: u64,
    /// Bytes that it keeps at most then.
    pub journal_cap_bytes: u64,
    /// How long the engine may take for a write, or for a group of commits; then the store stops.
    pub write_deadline: Duration,
    /// Names of files that only a server which has had a store leaves in the data folder. Beside
    /// one of them a missing store is damage, and none is made.
    pub signs: &'static [&'static str],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            engine_cache: 32 << 20,
            hot_cache: 16 << 20,
            journal_kept: 16_384,
            journal_kept_bytes: 64 << 20,
            journal_cap: 262_144,
            journal_cap_bytes: 256 << 20,
            write_deadline: Duration::from_secs(60),
            signs: &[],
        }
    }
}

/// A record as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The commit that last wrote it.
    pub version: Sequence,
    /// Its bytes.
    pub value: bytes::Bytes,
}

/// The whole store. Held by `server` and `pool` only. A second engine would be chosen here: nothing
/// above knows which one it is.
#[derive(Clone)]
pub struct Store(Arc<Embedded>);

impl Store {
    /// Opens the store in that folder, or creates it where nothing of a store lies; refused while
    /// another process has it open, and where what lies there cannot be read. What is refused is
    /// left as it is.
    pub fn open(folder: &Path, options: Options, segments: SegmentSync) -> Result<Self, ReadError> {
        Ok(Self(Arc::new(Embedded::open(folder, &options, segments)?)))
    }

    /// The records of one pool.
    pub fn pool(&self, id: PoolId) -> PoolStore {
        PoolStore { id, engine: Arc::clone(&self.0), audit_kept: None }
    }

    /// One record of the server.
    pub fn server_get(&self, key: &ServerKey) -> Result<Option<Row>, ReadError> {
        self.0.server_get(key)
    }

    /// The records of the server under a prefix in the order of their keys, from after `after` on.
    pub fn server_scan(
        &self,
        prefix: &ServerPrefix,
        after: Option<&ServerKey>,
    ) -> impl Iterator<Item = Result<(ServerKey, Row), ReadError>> + use<> {
        self.0.server_scan(prefix, after)
    }

    /// Commits changes to the server's records, or none of them.
    pub async fn commit_server(&self, changes: ServerChanges) -> Result<Sequence, CommitError> {
        self.0.commit(PoolId::new(0), Changes::new(), changes).await
    }

    /// Commits changes to one pool and to the server's records together, or none of them.
    pub async fn commit_pool(&self, pool: PoolId, changes: Changes, registry: ServerChanges) -> Result<Sequence, CommitError> {
        self.0.commit(pool, changes, registry).await
    }

    /// Removes up to `limit` records of a pool for good, with what the journal, the feed and the
    /// expiry rows hold of them; tells how many. Zero says that the pool is empty, and it stays so:
    /// from the first call on, whoever commits to the pool is refused with [`CommitError::Closed`].
    /// A crash loses no step that was acknowledged.
    pub async fn remove_pool_rows(&self, pool: PoolId, limit: usize) -> Result<usize, CommitError> {
        self.0.remove_pool_rows(pool, limit).await
    }

    /// Removes up to `limit` records whose time has come by `now`; tells how many it went through,
    /// none if nothing is due.
    pub async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, CommitError> {
        self.0.sweep(now, limit).await
    }

    /// The latest commit that is visible.
    pub fn latest(&self) -> Sequence {
        self.0.latest()
    }

    /// What the store has counted since it was opened.
    pub fn statistics(&self) -> Statistics {
        self.0.statistics()
    }

    /// Why the store has stopped, if it has.
    pub fn stopped(&self) -> Option<String> {
        self.0.stopped()
    }

    /// Ends the commits that wait, writes everything down and takes no more. Dropping the last
    /// handle does the same.
    pub fn close(self) {
        self.0.close();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// The records of one pool. Nothing that it is given can name a record of another.
#[derive(Clone)]
pub struct PoolStore {
    id: PoolId,
    engine: Arc<Embedded>,
    audit_kept: Option<Duration>,
}

impl PoolStore {
    /// The same; audit records that are committed through it stay so long, where the commit does
    /// not say otherwise. See [`Changes::keep_audit`].
    pub fn keeping_audit(self, time: Duration) -> Self {
        Self { audit_kept: Some(time), ..self }
    }

    /// Whose records these are.
    pub const fn pool(&self) -> PoolId {
        self.id
    }

    /// One record.
    pub fn get(&self, key: &Key) -> Result<Option<Row>, ReadError> {
        self.engine.get(self.id, key)
    }

    /// The records under a prefix in the order of their keys, from after `after` on.
    pub fn scan(&self, prefix: &Prefix, after: Option<&Key>) -> impl Iterator<Item = Result<(Key, Row), ReadError>> + use<> {
        self.engine.scan(self.id, prefix, after)
    }

    /// How many records are under a prefix. Goes over all of them.
    pub fn count(&self, prefix: &Prefix) -> Result<usize, ReadError> {
        self.scan(prefix, None).try_fold(0, |count, row| row.map(|_| count + 1))
    }

    /// Commits the changes, or none of them; answers when they are on disk and visible. A caller
    /// that stops waiting does not undo the commit.
    pub async fn commit(&self, changes: Changes) -> Result<Sequence, CommitError> {
        self.engine.commit(self.id, self.completed(changes), ServerChanges::new()).await
    }

    /// The same for a thread that may block; not to be called on a thread of the async runtime.
    pub fn commit_blocking(&self, changes: Changes) -> Result<Sequence, CommitError> {
        self.engine.commit_blocking(self.id, self.completed(changes), ServerChanges::new())
    }

    fn completed(&self, mut changes: Changes) -> Changes {
        changes.audit_kept = changes.audit_kept.or(self.audit_kept);
        changes
    }

    /// The latest commit of the store that is visible.
    pub fn latest(&self) -> Sequence {
        self.engine.latest()
    }

    /// Up to `limit` changes of this pool after a commit.
    pub fn feed(&self, after: Sequence, limit: usize) -> Result<Feed, ReadError> {
        self.engine.feed(self.id, after, limit)
    }

    /// Asks the journal to keep what comes after `after` for this consumer, within the cap of the
    /// options.
    pub fn consumer(&self, after: Sequence) -> Consumer {
        self.engine.consumer(self.id, after)
    }
}

impl fmt::Debug for PoolStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoolStore({})", self.id)
    }
}
