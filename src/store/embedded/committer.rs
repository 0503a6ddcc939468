//! The one thread that writes. It takes all commits that wait, puts them into the journal, syncs, applies their rows, and only then answers.
//!
//! ```text
//! check expectations → journal → flush, sync_data → apply → drop from the cache → publish → answer → trim
//! ```
//!
//! Any failure stops it for good: what the disk holds after a failed sync is not known, so a second try could acknowledge what is lost.

use super::audit_hours::Remembered;
use super::batch::Batch;
use super::disk::Sync;
use super::extent::Extent;
use super::feed;
use super::journal::{self, Commit, Name};
use super::names;
use super::overlay::Overlay;
use super::row;
use super::shared::Shared;
use crate::model::{PoolId, Sequence, Timestamp};
use crate::store::CommitError;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Commits of one group.
const MAX_GROUP: usize = 512;

/// Bytes of one group, by the callers' reckoning.
const MAX_GROUP_BYTES: usize = 4 << 20;

pub(super) type Reply<T> = oneshot::Sender<Result<T, CommitError>>;

/// What the committer is asked to do.
pub(super) enum Request {
    Commit { batch: Batch, reply: Reply<Sequence>, room: OwnedSemaphorePermit },
    Sweep { now: Timestamp, limit: usize, reply: Reply<usize> },
    RemovePool { pool: PoolId, limit: usize, reply: Reply<usize> },
}

pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) file: Box<dyn Sync>,
    pub(super) requests: mpsc::Receiver<Request>,
    /// The sequence of the next commit.
    pub(super) next: u64,
    /// The last commit of which the last journal record says that it is applied.
    pub(super) recorded: u64,
    /// What the journal holds.
    pub(super) extent: Extent,
    /// What it keeps, always and at most.
    pub(super) kept: Kept,
    pub(super) cap: Kept,
    /// Pools that are being removed or are gone. Their ids are never given again, and no handle outlives the process, so this is enough to keep their rows gone.
    pub(super) closed: BTreeSet<PoolId>,
    /// Expiry rows that need not be put again.
    pub(super) hours: Remembered,
}

/// How much of the journal stays: whichever is less.
pub(super) struct Kept {
    pub(super) commits: u64,
    pub(super) bytes: u64,
}

/// Why the committer cannot go on.
pub(super) type Failure = String;

impl Committer {
    /// Serves requests until nobody can send one any more.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let unwinding = StopOnPanic(Arc::clone(&shared));
        let mut ahead = None;
        while let Some(request) = ahead.take().or_else(|| self.requests.blocking_recv()) {
            let served = match request {
                Request::Commit { batch, reply, room } => {
                    drop(room);
                    let (batches, replies);
                    (batches, replies, ahead) = self.group(batch, reply);
                    self.serve_group(batches, replies)
                }
                Request::Sweep { now, limit, reply } => {
                    let due = self.sweep(now, limit);
                    self.stop_unless(due).map(|due| answer(reply, Ok(due)))
                }
                Request::RemovePool { pool, limit, reply } => {
                    let removed = self.remove_pool(pool, limit);
                    self.stop_unless(removed).map(|removed| answer(reply, Ok(removed)))
                }
            };
            let trimmed = served.and_then(|()| self.trim());
            if self.stop_unless(trimmed).is_err() {
                break;
            }
        }
        if shared.stopped.get().is_none() {
            let written = self.make_durable();
            // Nobody is left to be told but whoever asks why.
            let _ = self.stop_unless(written);
        }
        drop(unwinding);
    }

    /// Writes down why the store stops, if it does: before anybody who waits is turned away, so that they learn why.
    fn stop_unless<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(reason) = &result
            && self.shared.stopped.set(reason.clone()).is_ok()
        {
            tracing::error!(%reason, "the store has stopped");
        }
        result
    }

    /// All commits that wait already, up to the caps of a group, and the request after them if it is of another kind.
    fn group(&mut self, batch: Batch, reply: Reply<Sequence>) -> (Vec<Batch>, Vec<Reply<Sequence>>, Option<Request>) {
        let mut bytes = batch.size;
        let (mut batches, mut replies) = (vec![batch], vec![reply]);
        while batches.len() < MAX_GROUP && bytes < MAX_GROUP_BYTES {
            match self.requests.try_recv() {
                Ok(Request::Commit { batch, reply, room: _ }) => {
                    bytes += batch.size;
                    batches.push(batch);
                    replies.push(reply);
                }
                Ok(other) => return (batches, replies, Some(other)),
                Err(_) => break,
            }
        }
        (batches, replies, None)
    }

    fn serve_group(&mut self, batches: Vec<Batch>, replies: Vec<Reply<Sequence>>) -> Result<(), Failure> {
        let committed = self.commit(batches);
        let committed = self.stop_unless(committed)?;
        let counts = &self.shared.counts;
        counts.commits.add(committed.iter().flatten().count());
        counts.conflicts.add(committed.iter().filter(|done| **done == Err(CommitError::Conflict)).count());
        // Conflicts too are answered only now: before, a caller would read the rows as they were before the commit that it lost to, and lose again.
        for (reply, done) in replies.into_iter().zip(committed) {
            answer(reply, done);
        }
        Ok(())
    }

    /// The sequence of each batch, or why it was not committed.
    fn commit(&mut self, batches: Vec<Batch>) -> Result<Vec<Result<Sequence, CommitError>>, Failure> {
        let shared = Arc::clone(&self.shared);
        let mut overlay = Overlay::new(&shared.rows);
        let mut commits = Vec::with_capacity(batches.len());
        let mut committed = Vec::with_capacity(batches.len());
        for batch in batches {
            if self.closed.contains(&batch.pool) {
                committed.push(Err(CommitError::Closed));
                continue;
            }
            let commit = overlay.add(batch, Sequence::new(self.next), &self.hours).map_err(|error| failed("reading rows", &error))?;
            committed.push(commit.as_ref().map(|commit| commit.sequence).ok_or(CommitError::Conflict));
            self.next += u64::from(commit.is_some());
            commits.extend(commit);
        }
        if !commits.is_empty() {
            self.write(&commits, &overlay)?;
            self.hours.extend(overlay.new_hours());
        }
        Ok(committed)
    }

    /// Does commits of the store's own, which expect nothing. They get their sequences here.
    pub(super) fn commit_own(&mut self, mut commits: Vec<Commit>) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let mut overlay = Overlay::new(&shared.rows);
        for commit in &mut commits {
            commit.sequence = Sequence::new(self.next);
            self.next += 1;
            overlay.touch(commit);
        }
        self.write(&commits, &overlay)
    }

    fn write(&mut self, commits: &[Commit], overlay: &Overlay<'_>) -> Result<(), Failure> {
        let shared = &self.shared;
        let applied = shared.visible();
        let records = journal::records(commits, applied);
        for ((first, part), record) in &records {
            let name = names::journal_key(*first, *part);
            shared.rows.insert(name, record.as_slice()).map_err(|error| failed("writing the journal", &error))?;
            self.extent.add(first.get(), record.len());
        }
        shared.counts.journal_records.add(records.len());
        shared.counts.row_writes.add(records.len());
        self.recorded = applied.get();
        self.make_durable()?;
        let applied = self.apply(commits, overlay).and_then(|()| self.tell(commits, &records));
        applied.map_err(|error| failed("applying a commit", &error))?;
        self.shared.visible.store(self.next - 1, Ordering::Release);
        self.shared.counts.groups.add(1);
        Ok(())
    }

    pub(super) fn make_durable(&mut self) -> Result<(), Failure> {
        self.shared.rows.flush().map_err(|error| failed("flushing", &error))?;
        self.file.sync_data().map_err(|error| format!("syncing the data file failed: {error}"))?;
        self.shared.counts.syncs.add(1);
        Ok(())
    }

    /// Puts before deletes, so that a rename never hides an entry.
    fn apply(&self, commits: &[Commit], overlay: &Overlay<'_>) -> Result<(), sled::Error> {
        let Shared { rows, cache, counts, .. } = &*self.shared;
        let mut bytes = Vec::new();
        for commit in commits {
            for (name, tail) in commit.puts.iter().filter(|(name, _)| overlay.keeps(name, commit.sequence)) {
                row::write_whole(&mut bytes, commit.sequence, tail);
                rows.insert(name.as_slice(), bytes.as_slice())?;
                cache.remove(name);
                counts.row_writes.add(1);
            }
        }
        for name in commits.iter().flat_map(|commit| &commit.deletes).filter(|name| overlay.removes(name)) {
            rows.remove(name)?;
            cache.remove(name);
            counts.row_writes.add(1);
        }
        Ok(())
    }

    /// Writes the feed rows of the commits: one for each pool and record.
    fn tell(&self, commits: &[Commit], records: &[(Name, Vec<u8>)]) -> Result<(), sled::Error> {
        let begins_record = |commit: &Commit| records.binary_search_by_key(&(commit.sequence, 0), |(name, _)| *name).is_ok();
        for commits in commits.chunk_by(|_, next| !begins_record(next)) {
            if let Some(first) = commits.first() {
                self.shared.counts.row_writes.add(feed::insert(&self.shared.rows, first.sequence, commits)?);
            }
        }
        Ok(())
    }
}

pub(super) fn failed(doing: &str, error: &sled::Error) -> Failure {
    format!("{doing} failed: {error}")
}

fn answer<T>(reply: Reply<T>, result: Result<T, CommitError>) {
    // Nobody waits any more: the commit is done all the same.
    let _ = reply.send(result);
}

/// Says that the store has stopped if its thread ends by a panic.
struct StopOnPanic(Arc<Shared>);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.stopped.set("its thread has failed; the log has the details".into());
        }
    }
}
