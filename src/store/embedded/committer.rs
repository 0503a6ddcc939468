//! The one thread that decides what is committed. It takes all commits that wait, puts them into
//! the journal and syncs; then [`super::applier`] writes their rows, and only then answers.
//!
//! ```text
//! committer   check expectations → journal → sync → trim
//! applier                                        → apply, in the cache too → publish → answer
//! ```
//!
//! While one group is applied the next is synced, and no more than that: what a group finds is the
//! rows, with the last word of the group before it on each that it touches. Any failure stops both
//! for good: what the disk holds after a failed sync is not known, so a second try could
//! acknowledge what is lost.

use super::applier::{Applier, Group};
use super::audit_hours::Remembered;
use super::batch::Batch;
use super::disk::Sync;
use super::extent::Extent;
use super::journal::{self, Commit, Name};
use super::names;
use super::overlay::{Overlay, Touched};
use super::shared::{Shared, StopOnPanic};
use super::watchdog::Turns;
use crate::model::{PoolId, Sequence, Timestamp};
use crate::store::CommitError;
use std::collections::BTreeSet;
use std::sync::Arc;
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
    /// Pools that are being removed or are gone. Their ids are never given again, and no handle
    /// outlives the process, so this is enough to keep their rows gone.
    pub(super) closed: BTreeSet<PoolId>,
    /// Expiry rows that need not be put again.
    pub(super) hours: Remembered,
    /// What the group has touched that is applied now, or was last.
    pub(super) before: Arc<Touched>,
    pub(super) applier: Applier,
    pub(super) turns: Arc<Turns>,
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
        let (shared, turns) = (Arc::clone(&self.shared), Arc::clone(&self.turns));
        let _end = turns.end_with();
        let unwinding = StopOnPanic(&shared);
        let mut ahead = None;
        while let Some(request) = ahead.take().or_else(|| self.requests.blocking_recv()) {
            // The other thread may have failed meanwhile: what the engine holds is not known then.
            if shared.stopped.get().is_some() {
                break;
            }
            let turn = turns.begin();
            let served = match request {
                Request::Commit { batch, reply, room } => {
                    drop(room);
                    let (batches, replies);
                    (batches, replies, ahead) = self.group(batch, reply);
                    self.serve_group(batches, replies)
                }
                Request::Sweep { now, limit, reply } => {
                    let due = self.sweep(now, limit);
                    self.shared.stop_unless(due).map(|due| answer(reply, Ok(due)))
                }
                Request::RemovePool { pool, limit, reply } => {
                    let removed = self.remove_pool(pool, limit);
                    self.shared.stop_unless(removed).map(|removed| answer(reply, Ok(removed)))
                }
            };
            let trimmed = served.and_then(|()| self.trim());
            drop(turn);
            if self.shared.stop_unless(trimmed).is_err() {
                break;
            }
        }
        if shared.stopped.get().is_none() {
            let _turn = turns.begin();
            let written = self.settle().and_then(|()| self.make_durable());
            // Nobody is left to be told but whoever asks why.
            let _ = self.shared.stop_unless(written);
        }
        drop(unwinding);
    }

    /// All commits that wait already, up to the caps of a group, and the request after them if it
    /// is of another kind.
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
        let group = self.write(batches, replies)?;
        self.before = Arc::clone(&group.touched);
        // Who waits shall not wait for the rows of others; if nobody does, another thread would
        // only be a detour.
        if self.requests.is_empty() { self.applier.apply(group) } else { self.applier.hand_over(group) }
    }

    /// Puts into the journal what can be committed, and makes it durable.
    fn write(&mut self, batches: Vec<Batch>, replies: Vec<Reply<Sequence>>) -> Result<Group, Failure> {
        let (shared, before) = (Arc::clone(&self.shared), Arc::clone(&self.before));
        let mut overlay = Overlay::new(&shared.rows, &before);
        let mut commits = Vec::with_capacity(batches.len());
        let mut answers = Vec::with_capacity(batches.len());
        for (batch, reply) in batches.into_iter().zip(replies) {
            if self.closed.contains(&batch.pool) {
                answers.push((reply, Err(CommitError::Closed)));
                continue;
            }
            let commit = overlay.add(batch, Sequence::new(self.next), &self.hours).map_err(|error| failed("reading rows", &error));
            // Before those who wait are turned away, so that they learn why.
            let commit = shared.stop_unless(commit)?;
            answers.push((reply, commit.as_ref().map(|commit| commit.sequence).ok_or(CommitError::Conflict)));
            self.next += u64::from(commit.is_some());
            commits.extend(commit);
        }
        let (touched, hours) = overlay.finish();
        let records = self.record(&commits);
        let records = shared.stop_unless(records)?;
        self.hours.extend(hours);
        Ok(Group { commits, records, touched: Arc::new(touched), last: Sequence::new(self.next - 1), answers })
    }

    /// Does commits of the store's own, which expect nothing, to their end. They get their
    /// sequences here.
    pub(super) fn commit_own(&mut self, mut commits: Vec<Commit>) -> Result<(), Failure> {
        let (shared, before) = (Arc::clone(&self.shared), Touched::default());
        let mut overlay = Overlay::new(&shared.rows, &before);
        for commit in &mut commits {
            commit.sequence = Sequence::new(self.next);
            self.next += 1;
            overlay.touch(commit);
        }
        let (touched, _) = overlay.finish();
        let records = self.record(&commits)?;
        let last = Sequence::new(self.next - 1);
        self.applier.apply(Group { commits, records, touched: Arc::new(touched), last, answers: Vec::new() })?;
        self.settle()
    }

    /// Waits until every group is applied: then the rows alone tell what is there.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        self.applier.wait()?;
        self.before = Arc::default();
        Ok(())
    }

    /// Writes the journal records of the commits, and makes them durable.
    fn record(&mut self, commits: &[Commit]) -> Result<Vec<Name>, Failure> {
        if commits.is_empty() {
            return Ok(Vec::new());
        }
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
        Ok(records.into_iter().map(|(name, _)| name).collect())
    }

    pub(super) fn make_durable(&mut self) -> Result<(), Failure> {
        self.file.sync(self.shared.rows.tree()).map_err(|error| format!("syncing the data failed: {error}"))?;
        self.shared.counts.syncs.add(1);
        self.turns.come_forward();
        Ok(())
    }
}

pub(super) fn failed(doing: &str, error: &sled::Error) -> Failure {
    format!("{doing} failed: {error}")
}

pub(super) fn answer<T>(reply: Reply<T>, result: Result<T, CommitError>) {
    // Nobody waits any more: the commit is done all the same.
    let _ = reply.send(result);
}
