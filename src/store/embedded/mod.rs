//! The embedded engine: sled under a commit protocol of our own.
//!
//! sled alone loses acknowledged writes in a power cut, and older ones with them: see
//! [`segment_sync`], without which no store opens. Its transactions switch a lock on for good that
//! every reader pays. So a commit is first one journal record, or several, each a single insert;
//! then a sync; then its rows. What is visible is durable, and the journal is the change feed.
//!
//! - [`committer`] decides, alone, and makes durable; [`overlay`] checks what commits expect;
//!   [`journal`] is the record; [`applier`] writes the rows; [`upkeep`] sweeps, removes pools and
//!   trims; [`audit_hours`] says when audit rows end.
//! - [`folder`] judges what lies in a data folder, [`opening`] creates and opens the engine there,
//!   and [`recovery`] applies again what the journal holds and the rows may lack. [`watchdog`]
//!   stops a store whose engine does not come back.
//! - [`rows`] is the engine's tree. [`shared`] and [`cache`] read; [`feed`] tells from the journal
//!   what has changed.
//!
//! Never used: sled's `transaction` and `apply_batch`.

mod applier;
mod audit_hours;
mod batch;
mod cache;
mod committer;
mod disk;
mod extent;
mod feed;
mod folder;
mod journal;
mod names;
mod opening;
mod overlay;
mod recovery;
mod row;
mod rows;
mod segment_sync;
mod shared;
mod upkeep;
mod watchdog;

pub use feed::Consumer;
pub use segment_sync::SegmentSync;

use super::turns::Lines;
use super::{Changes, CommitError, Feed, Key, Options, Prefix, ReadError, Row, ServerChanges, ServerKey, ServerPrefix, Statistics};
use crate::model::{PoolId, Sequence, Timestamp};
use applier::Applier;
use audit_hours::Remembered;
use batch::Batch;
use cache::Cache;
use committer::{Committer, Kept, Reply, Request};
use disk::{Lock, Sync};
use extent::Extent;
use folder::Found;
use rows::Rows;
use shared::{Counts, Shared};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use tokio::sync::{Semaphore, mpsc, oneshot};
use watchdog::Turns;

/// Commits that wait for the committer at most; further callers wait before they hand theirs over.
const MAX_WAITING: usize = 1024;

/// Bytes of those commits at most, by the callers' reckoning.
const MAX_WAITING_BYTES: usize = 64 << 20;

pub(super) struct Embedded {
    shared: Arc<Shared>,
    requests: RwLock<Option<mpsc::Sender<Request>>>,
    /// What is left of [`MAX_WAITING_BYTES`].
    room: Arc<Semaphore>,
    lines: Arc<Lines>,
    thread: Mutex<Option<JoinHandle<()>>>,
    turns: Arc<Turns>,
    /// Last, so that closing is watched.
    _watchdog: Sender<()>,
}

impl Embedded {
    pub(super) fn open(folder: &Path, options: &Options, segments: SegmentSync) -> Result<Self, ReadError> {
        Self::open_with(folder, options, segments, |file| file)
    }

    /// Opens with what the caller puts around the sync.
    fn open_with(
        folder: &Path,
        options: &Options,
        segments: SegmentSync,
        around: impl FnOnce(Box<dyn Sync>) -> Box<dyn Sync> + Send,
    ) -> Result<Self, ReadError> {
        let about = |error: io::Error| disk::about(folder, &error);
        if let Some(reason) = segments.missing() {
            tracing::warn!(
                reason,
                "the engine does not sync its log by itself; the store does, within each {} bytes of it",
                rows::SYNCED_BYTES
            );
        }
        // Before anything is made: what is refused is left as it is.
        folder::look(folder, options.signs)?;
        opening::make_private_folder(folder)?;
        let lock = Lock::take(folder)?;
        if folder::look(folder, options.signs)? == Found::Nothing {
            opening::caught(&folder::unfinished(folder), || opening::create(folder, options))?;
        }
        let engine = folder::engine(folder);
        let (rows, found, extent, file) = opening::caught(&engine, || {
            let tree = opening::open_engine(&engine, options)?;
            let rows = Rows::new(tree, segments.pace(&engine).map_err(about)?);
            let mut file = around(segments.sync(&engine).map_err(about)?);
            disk::sync_folders(folder, &engine).map_err(about)?;
            let found = recovery::recover(&rows, file.as_mut())?;
            let extent = Extent::measure(&rows)?;
            Ok((rows, found, extent, file))
        })?;
        let shared = Arc::new(Shared {
            rows,
            cache: Cache::new(options.hot_cache),
            counts: Counts::default(),
            visible: AtomicU64::new(found.last),
            floor: AtomicU64::new(found.floor),
            stopped: OnceLock::new(),
            consumers: Mutex::new(BTreeMap::new()),
            engine,
            _lock: lock,
        });
        shared.counts.replayed.add(found.replayed);
        let (sender, requests) = mpsc::channel(MAX_WAITING);
        let turns = Arc::<Turns>::default();
        let _watchdog = watchdog::watch(Arc::downgrade(&shared), Arc::clone(&turns), options.write_deadline).map_err(about)?;
        let committer = Committer {
            shared: Arc::clone(&shared),
            file,
            requests,
            next: found.last + 1,
            recorded: found.recorded,
            extent,
            kept: Kept { commits: options.journal_kept, bytes: options.journal_kept_bytes },
            cap: Kept {
                commits: options.journal_cap.max(options.journal_kept),
                bytes: options.journal_cap_bytes.max(options.journal_kept_bytes),
            },
            closed: BTreeSet::new(),
            hours: Remembered::default(),
            before: Arc::default(),
            applier: Applier::start(Arc::clone(&shared)).map_err(about)?,
            turns: Arc::clone(&turns),
        };
        let thread = thread::Builder::new().name("committer".into()).spawn(|| committer.run()).map_err(about)?;
        let room = Arc::new(Semaphore::new(MAX_WAITING_BYTES));
        let (requests, thread) = (RwLock::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { shared, requests, room, thread, lines: Arc::default(), turns, _watchdog })
    }

    pub(super) fn get(&self, pool: PoolId, key: &Key) -> Result<Option<Row>, ReadError> {
        self.shared.get(&names::pool_key(pool, key.as_bytes()))
    }

    /// Where those wait who want to write the same record.
    pub(super) const fn lines(&self) -> &Arc<Lines> {
        &self.lines
    }

    pub(super) fn server_get(&self, key: &ServerKey) -> Result<Option<Row>, ReadError> {
        self.shared.get(&names::server_key(key))
    }

    pub(super) fn scan(
        &self,
        pool: PoolId,
        prefix: &Prefix,
        after: Option<&Key>,
    ) -> impl Iterator<Item = Result<(Key, Row), ReadError>> + use<> {
        let prefix = names::pool_key(pool, prefix.as_bytes());
        let after = after.map(|key| names::pool_key(pool, key.as_bytes()));
        self.rows(&prefix, after.as_deref()).map(|item| item.map(|(name, row)| (Key::from_bytes(name), row)))
    }

    pub(super) fn server_scan(
        &self,
        prefix: &ServerPrefix,
        after: Option<&ServerKey>,
    ) -> impl Iterator<Item = Result<(ServerKey, Row), ReadError>> + use<> {
        let prefix = names::server_prefix(prefix);
        let after = after.map(names::server_key);
        self.rows(&prefix, after.as_deref()).map(|item| item.map(|(name, row)| (ServerKey::from_bytes(name), row)))
    }

    fn rows(&self, prefix: &[u8], after: Option<&[u8]>) -> impl Iterator<Item = Result<(Vec<u8>, Row), ReadError>> + use<> {
        let shared = Arc::clone(&self.shared);
        shared::rows_under(&self.shared.rows, prefix, after).map(move |item| {
            let (name, bytes) = item?;
            shared.counts.scanned.add(1);
            let row = row::read(&bytes).ok_or_else(shared::unreadable)?;
            Ok((names::within(&name).to_vec(), row))
        })
    }

    pub(super) async fn commit(&self, pool: PoolId, changes: Changes, server: ServerChanges) -> Result<Sequence, CommitError> {
        let batch = Batch::new(pool, changes, server)?;
        let bytes = u32::try_from(batch.size).unwrap_or(u32::MAX);
        self.in_time(async {
            let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.map_err(|_| self.shared.refusal())?;
            self.ask(|reply| Request::Commit { batch, reply, room }).await
        })
        .await
    }

    pub(super) fn commit_blocking(&self, pool: PoolId, changes: Changes, server: ServerChanges) -> Result<Sequence, CommitError> {
        block_on(self.commit(pool, changes, server))
    }

    pub(super) async fn remove_pool_rows(&self, pool: PoolId, limit: usize) -> Result<usize, CommitError> {
        self.in_time(self.ask(|reply| Request::RemovePool { pool, limit, reply })).await
    }

    pub(super) async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, CommitError> {
        self.in_time(self.ask(|reply| Request::Sweep { now, limit, reply })).await
    }

    /// What is asked for, or why it will never come.
    async fn in_time<T>(&self, asked: impl Future<Output = Result<T, CommitError>>) -> Result<T, CommitError> {
        tokio::select! {
            biased;
            done = asked => done,
            () = self.turns.overdue() => Err(self.shared.refusal()),
        }
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, CommitError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.sender()?.send(request(reply)).await;
        sent.map_err(|_| self.shared.refusal())?;
        answer.await.unwrap_or_else(|_| Err(self.shared.refusal()))
    }

    fn sender(&self) -> Result<mpsc::Sender<Request>, CommitError> {
        let requests = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        requests.clone().ok_or_else(|| self.shared.refusal())
    }

    pub(super) fn statistics(&self) -> Statistics {
        let waiting = self.sender().map_or(0, |requests| requests.max_capacity() - requests.capacity());
        Statistics { waiting: waiting as u64, ..self.shared.statistics() }
    }

    pub(super) fn stopped(&self) -> Option<String> {
        self.shared.stopped.get().cloned()
    }

    pub(super) fn latest(&self) -> Sequence {
        self.shared.visible()
    }

    pub(super) fn feed(&self, pool: PoolId, after: Sequence, limit: usize) -> Result<Feed, ReadError> {
        feed::read(&self.shared, pool, after, limit)
    }

    pub(super) fn consumer(&self, pool: PoolId, after: Sequence) -> Consumer {
        Consumer::new(Arc::clone(&self.shared), pool, after)
    }

    /// Lets the committer end what waits, and waits for it.
    pub(super) fn close(&self) {
        drop(self.requests.write().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // One that is overdue may never come back, so nobody waits for it.
        if let Some(thread) = thread
            && self.turns.wait_for_end()
        {
            // A panic of that thread has said so already, through `stopped`.
            let _ = thread.join();
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

/// Waits for a future on this thread, which sleeps meanwhile.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
        thread::park();
    }
}

#[cfg(test)]
mod tests;
