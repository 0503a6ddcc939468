//! Writes the rows of groups that are in the journal and on disk, publishes them, and answers.
//! Under load a thread of its own does that while the committer syncs the next group; where nobody
//! waits, the committer does it itself and saves the way to another thread.

use super::committer::{Failure, Reply, answer, failed};
use super::feed;
use super::journal::{Commit, Name};
use super::overlay::Touched;
use super::row;
use super::shared::{Shared, StopOnPanic};
use crate::model::Sequence;
use crate::store::CommitError;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Commits that are durable, in their order.
pub(super) struct Group {
    pub commits: Vec<Commit>,
    /// The journal records that hold them.
    pub records: Vec<Name>,
    /// The last word on each row.
    pub touched: Arc<Touched>,
    /// The latest commit when all of them are applied.
    pub last: Sequence,
    /// What to say to whom then. Conflicts too are answered only then: before, a caller would read
    /// the rows as they were before the commit that it lost to, and lose again.
    pub answers: Vec<(Reply<Sequence>, Result<Sequence, CommitError>)>,
}

/// The thread, and whether it has a group.
pub(super) struct Applier {
    shared: Arc<Shared>,
    groups: Option<SyncSender<Group>>,
    applied: Receiver<Result<(), Failure>>,
    is_busy: bool,
    thread: Option<JoinHandle<()>>,
}

impl Applier {
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (groups, taken) = sync_channel::<Group>(1);
        let (done, applied) = sync_channel(1);
        let serve = {
            let shared = Arc::clone(&shared);
            move || {
                for group in taken {
                    if done.send(apply(&shared, group)).is_err() {
                        break;
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("applier".into()).spawn(serve)?;
        Ok(Self { shared, groups: Some(groups), applied, is_busy: false, thread: Some(thread) })
    }

    /// Applies a group on this thread, after the one before it.
    pub(super) fn apply(&mut self, group: Group) -> Result<(), Failure> {
        self.wait()?;
        apply(&self.shared, group)
    }

    /// Has the other thread apply a group, once it has applied the one before it.
    pub(super) fn hand_over(&mut self, group: Group) -> Result<(), Failure> {
        self.wait()?;
        self.is_busy = self.groups.as_ref().is_some_and(|groups| groups.send(group).is_ok());
        if self.is_busy { Ok(()) } else { Err(gone()) }
    }

    /// Waits until every group is applied.
    pub(super) fn wait(&mut self) -> Result<(), Failure> {
        if !std::mem::take(&mut self.is_busy) {
            return Ok(());
        }
        self.applied.recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Applier {
    fn drop(&mut self) {
        drop(self.groups.take());
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has said so already, through `stopped`.
            let _ = thread.join();
        }
    }
}

fn gone() -> Failure {
    "the thread that applies commits has failed; the log has the details".into()
}

fn apply(shared: &Shared, group: Group) -> Result<(), Failure> {
    let _unwinding = StopOnPanic(shared);
    let applied = write(shared, &group).and_then(|()| tell(shared, &group)).map_err(|error| failed("applying a commit", &error));
    // Before anybody who waits is turned away, so that they learn why.
    shared.stop_unless(applied)?;
    if !group.commits.is_empty() {
        shared.visible.store(group.last.get(), Ordering::Release);
        shared.counts.groups.add(1);
    }
    shared.counts.commits.add(group.answers.iter().filter(|(_, done)| done.is_ok()).count());
    shared.counts.conflicts.add(group.answers.iter().filter(|(_, done)| *done == Err(CommitError::Conflict)).count());
    group.answers.into_iter().for_each(|(reply, done)| answer(reply, done));
    Ok(())
}

/// Puts before deletes, so that a rename never hides an entry.
fn write(shared: &Shared, group: &Group) -> Result<(), sled::Error> {
    let Shared { rows, cache, counts, .. } = shared;
    let mut bytes = Vec::new();
    for commit in &group.commits {
        for (name, tail) in commit.puts.iter().filter(|(name, _)| group.touched.keeps(name, commit.sequence)) {
            row::write_whole(&mut bytes, commit.sequence, tail);
            rows.insert(name.as_slice(), bytes.as_slice())?;
            cache.update(name, || row::read(&bytes));
            counts.row_writes.add(1);
        }
    }
    for name in group.commits.iter().flat_map(|commit| &commit.deletes).filter(|name| group.touched.removes(name)) {
        rows.remove(name)?;
        cache.remove(name);
        counts.row_writes.add(1);
    }
    Ok(())
}

/// Writes the feed rows of the commits: one for each pool and record.
fn tell(shared: &Shared, group: &Group) -> Result<(), sled::Error> {
    let begins_record = |commit: &Commit| group.records.binary_search(&(commit.sequence, 0)).is_ok();
    for commits in group.commits.chunk_by(|_, next| !begins_record(next)) {
        if let Some(first) = commits.first() {
            shared.counts.row_writes.add(feed::insert(&shared.rows, first.sequence, commits)?);
        }
    }
    Ok(())
}
