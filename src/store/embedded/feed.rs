//! Reading the journal as the change feed of one pool.

use super::journal::{self, Assembler, Commit};
use super::names;
use super::shared::Shared;
use crate::model::{PoolId, Sequence};
use crate::store::{Change, Feed, Key, ReadError};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A reader of a pool's change feed for which the journal is kept, within the cap of the options, until it is dropped.
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
    let mut reader = Reader { shared, commits: Vec::new() };
    let mut changes = Vec::new();
    let mut position = after;
    let from = Sequence::new(after.get().saturating_add(1));
    if from <= visible {
        for name in shared.rows.range(names::feed_key(pool, from)..=names::feed_key(pool, visible)).keys() {
            let Some(sequence) = names::feed_sequence(&name?) else { continue };
            if changes.len() >= limit {
                return Ok(Feed::Changes { changes, position });
            }
            changes.extend(reader.commit(sequence)?.map(|commit| change(pool, commit)));
            position = sequence;
        }
    }
    Ok(Feed::Changes { changes, position: visible.max(after) })
}

/// Reads commits out of the journal, and keeps those of the last record: neighbours share one.
struct Reader<'a> {
    shared: &'a Shared,
    commits: Vec<Commit>,
}

impl Reader<'_> {
    fn commit(&mut self, sequence: Sequence) -> Result<Option<&Commit>, ReadError> {
        if !self.commits.iter().any(|commit| commit.sequence == sequence) {
            self.load(sequence)?;
        }
        Ok(self.commits.iter().find(|commit| commit.sequence == sequence))
    }

    fn load(&mut self, sequence: Sequence) -> Result<(), ReadError> {
        let rows = &self.shared.rows;
        let holder = rows.range(names::journal_prefix()..=names::journal_key(sequence, 0)).next_back().transpose()?;
        let Some((first, _)) = holder else { return Ok(()) };
        let mut journal = Assembler::default();
        for item in rows.range(first..) {
            let (key, bytes) = item?;
            let Some(name) = names::journal_parts(&key) else { break };
            let damaged = |error: journal::Damaged| ReadError(error.to_string());
            let record = journal::decode(name, &bytes).map_err(damaged)?;
            self.commits = journal.take(name, record.body).map_err(damaged)?;
            if !self.commits.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

fn change(pool: PoolId, commit: &Commit) -> Change {
    let ours = |name: &[u8]| (names::pool_of(name) == Some(pool)).then(|| Key::from_bytes(names::within(name).to_vec()));
    Change {
        sequence: commit.sequence,
        written: commit.puts.iter().filter_map(|(name, _)| ours(name)).collect(),
        removed: commit.deletes.iter().filter_map(|name| ours(name)).collect(),
    }
}
