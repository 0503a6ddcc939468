//! The journal as the change feed of one pool. A feed row says that a journal record holds commits
//! of its pool: it is named by the first commit of the record, whosever that is. Commits that share
//! a record share the row.

use super::journal::{self, Assembler, Commit};
use super::names;
use super::row;
use super::rows::Rows;
use super::shared::Shared;
use crate::model::{PoolId, Sequence};
use crate::store::{Change, Feed, Key, ReadError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A reader of a pool's change feed for which the journal is kept, within the cap of the options,
/// until it is dropped.
pub struct Consumer {
    shared: Arc<Shared>,
    pool: PoolId,
    number: u64,
    position: Sequence,
}

impl Consumer {
    pub(super) fn new(shared: Arc<Shared>, pool: PoolId, after: Sequence) -> Self {
        let mut consumers = shared.consumers();
        let number = consumers.last_key_value().map_or(0, |(last, _)| last + 1);
        consumers.insert(number, after.get());
        drop(consumers);
        Self { shared, pool, number, position: after }
    }

    /// Up to `limit` changes after those that were taken.
    pub fn read(&self, limit: usize) -> Result<Feed, ReadError> {
        read(&self.shared, self.pool, self.position, limit)
    }

    /// Says that everything up to and with `position` is taken.
    pub fn advance(&mut self, position: Sequence) {
        self.position = position;
        self.shared.consumers().insert(self.number, position.get());
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.shared.consumers().remove(&self.number);
    }
}

pub(super) fn read(shared: &Shared, pool: PoolId, after: Sequence, limit: usize) -> Result<Feed, ReadError> {
    let visible = shared.visible();
    let trimmed = || shared.floor.load(Ordering::Acquire) > after.get().saturating_add(1);
    if trimmed() {
        return Ok(Feed::Trimmed { position: visible });
    }
    let read = read_untrimmed(shared, pool, after, visible, limit);
    // The journal may have been trimmed under the reader: then it was not read whole.
    if trimmed() {
        return Ok(Feed::Trimmed { position: visible });
    }
    read
}

fn read_untrimmed(shared: &Shared, pool: PoolId, after: Sequence, visible: Sequence, limit: usize) -> Result<Feed, ReadError> {
    let rows = &shared.rows;
    let mut changes: Vec<Change> = Vec::new();
    let from = Sequence::new(after.get().saturating_add(1));
    if from <= visible {
        for name in rows.range(names::feed_key(pool, holder(rows, from)?)..=names::feed_key(pool, visible)).keys() {
            let Some(first) = names::feed_record(&name?) else { continue };
            let fresh = |commit: &Commit| commit.sequence > after && commit.sequence <= visible && pool_of(commit) == Some(pool);
            for commit in load(rows, first)?.iter().filter(|commit| fresh(commit)) {
                if changes.len() >= limit {
                    let position = changes.last().map_or(after, |change| change.sequence);
                    return Ok(Feed::Changes { changes, position });
                }
                changes.push(change(pool, commit));
            }
        }
    }
    Ok(Feed::Changes { changes, position: visible.max(after) })
}

/// The first commit of the journal record that holds that one.
fn holder(rows: &Rows, sequence: Sequence) -> Result<Sequence, ReadError> {
    let name = rows.range(names::journal_prefix()..=names::journal_key(sequence, 0)).next_back().transpose()?;
    Ok(name.and_then(|(name, _)| names::journal_parts(&name)).map_or(sequence, |(first, _)| first))
}

/// The commits of the journal record that begins with that one; none if it is trimmed.
pub(super) fn load(rows: &Rows, first: Sequence) -> Result<Vec<Commit>, ReadError> {
    let mut journal = Assembler::default();
    for item in rows.range(names::journal_key(first, 0)..=names::journal_key(first, u16::MAX)) {
        let (key, bytes) = item?;
        let Some(name) = names::journal_parts(&key) else { break };
        let damaged = |error: journal::Damaged| ReadError(error.to_string());
        let record = journal::decode(name, &bytes).map_err(damaged)?;
        let commits = journal.take(name, record.body).map_err(damaged)?;
        if !commits.is_empty() {
            return Ok(commits);
        }
    }
    Ok(Vec::new())
}

/// Writes down in the feeds of their pools where these commits of one journal record are; tells how
/// many rows that took.
pub(super) fn insert(rows: &Rows, first: Sequence, commits: &[Commit]) -> Result<usize, sled::Error> {
    let pools = pools(commits);
    for pool in &pools {
        rows.insert(names::feed_key(*pool, first), row::whole(first, &row::tail(&[], None)))?;
    }
    Ok(pools.len())
}

/// Takes the row of a journal record out of the feeds of its commits; tells how many rows there
/// were.
pub(super) fn remove(rows: &Rows, first: Sequence, commits: &[Commit]) -> Result<usize, sled::Error> {
    let pools = pools(commits);
    for pool in &pools {
        rows.remove(names::feed_key(*pool, first))?;
    }
    Ok(pools.len())
}

/// Takes what is left of a pool's feed before that journal record; tells how many rows there were.
pub(super) fn remove_before(rows: &Rows, pool: PoolId, first: Sequence) -> Result<usize, sled::Error> {
    let mut removed = 0;
    for name in rows.range(names::feed_key(pool, Sequence::new(0))..names::feed_key(pool, first)).keys() {
        rows.remove(name?)?;
        removed += 1;
    }
    Ok(removed)
}

/// The pools that commits touch.
pub(super) fn pools(commits: &[Commit]) -> BTreeSet<PoolId> {
    commits.iter().filter_map(pool_of).collect()
}

/// The pool that a commit touches. It is one at most: to forget a pool's commits must not take
/// anything from another's feed.
pub(super) fn pool_of(commit: &Commit) -> Option<PoolId> {
    commit.names().find_map(names::pool_of)
}

fn change(pool: PoolId, commit: &Commit) -> Change {
    let ours = |name: &[u8]| (names::pool_of(name) == Some(pool)).then(|| Key::from_bytes(names::within(name).to_vec()));
    Change {
        sequence: commit.sequence,
        written: commit.puts.iter().filter_map(|(name, _)| ours(name)).collect(),
        removed: commit.deletes.iter().filter_map(|name| ours(name)).collect(),
    }
}
