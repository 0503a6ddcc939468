//! What readers and the committer share: the rows, the cache, the counts, and how far commits are
//! visible.

use super::cache::Cache;
use super::committer::Failure;
use super::disk::{self, Lock};
use super::rows::Rows;
use super::{names, row};
use crate::model::Sequence;
use crate::store::{CommitError, ReadError, Row, Statistics};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// A number that several threads count up.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub gets: Count,
    pub hits: Count,
    pub scanned: Count,
    pub commits: Count,
    pub conflicts: Count,
    pub groups: Count,
    pub syncs: Count,
    pub journal_records: Count,
    pub journal_trimmed: Count,
    pub row_writes: Count,
    pub replayed: Count,
}

pub(super) struct Shared {
    pub rows: Rows,
    pub cache: Cache,
    pub counts: Counts,
    /// The latest commit that readers see.
    pub visible: AtomicU64,
    /// The earliest commit that the journal holds.
    pub floor: AtomicU64,
    pub stopped: OnceLock<String>,
    /// Where each consumer of a change feed stands, by its number.
    pub consumers: Mutex<BTreeMap<u64, u64>>,
    pub engine: PathBuf,
    /// Last, so that it goes after the rows.
    pub _lock: Lock,
}

impl Shared {
    /// One record by its full name, through the cache.
    pub(super) fn get(&self, name: &[u8]) -> Result<Option<Row>, ReadError> {
        self.counts.gets.add(1);
        let (row, hit) = self.cache.get(name, || match self.rows.get(name)? {
            Some(bytes) => row::read(&bytes).map(Some).ok_or_else(unreadable),
            None => Ok(None),
        })?;
        if hit {
            self.counts.hits.add(1);
        }
        Ok(row)
    }

    pub(super) fn visible(&self) -> Sequence {
        Sequence::new(self.visible.load(Ordering::Acquire))
    }

    pub(super) fn consumers(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down why the store stops, if it does.
    pub(super) fn stop_unless<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(reason) = &result
            && self.stopped.set(reason.clone()).is_ok()
        {
            tracing::error!(%reason, "the store has stopped");
        }
        result
    }

    /// The answer to whoever waits for a commit that will not be done.
    pub(super) fn refusal(&self) -> CommitError {
        CommitError::Stopped(self.stopped.get().cloned().unwrap_or_else(|| "it takes no more commits".into()))
    }

    pub(super) fn statistics(&self) -> Statistics {
        let counts = &self.counts;
        Statistics {
            gets: counts.gets.get(),
            hits: counts.hits.get(),
            scanned: counts.scanned.get(),
            commits: counts.commits.get(),
            conflicts: counts.conflicts.get(),
            groups: counts.groups.get(),
            syncs: counts.syncs.get(),
            journal_records: counts.journal_records.get(),
            journal_trimmed: counts.journal_trimmed.get(),
            row_writes: counts.row_writes.get(),
            replayed: counts.replayed.get(),
            waiting: 0,
            blobs: disk::blobs(&self.engine),
            bytes_on_disk: disk::bytes(&self.engine),
        }
    }
}

/// Says that the store has stopped if a thread that writes ends by a panic.
pub(super) struct StopOnPanic<'a>(pub &'a Shared);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.stopped.set("its thread has failed; the log has the details".into());
        }
    }
}

/// The rows under a prefix in order, from after `after` on.
pub(super) fn rows_under(rows: &Rows, prefix: &[u8], after: Option<&[u8]>) -> sled::Iter {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let from = match after {
        Some(after) if after >= prefix => Excluded(after.to_vec()),
        _ => Included(prefix.to_vec()),
    };
    match (names::successor(prefix), from) {
        (Some(end), Excluded(after)) if after >= end => rows.range::<Vec<u8>, _>(end.clone()..end),
        (Some(end), from) => rows.range::<Vec<u8>, _>((from, Excluded(end))),
        (None, from) => rows.range::<Vec<u8>, _>((from, Unbounded)),
    }
}

pub(super) fn unreadable() -> ReadError {
    ReadError("a row has a form that this version does not know".into())
}
