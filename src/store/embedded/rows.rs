//! The rows as the engine holds them. Everything that is written goes through here, so that it is
//! synced in time also where the engine does not see to that.

use sled::{Db, IVec, Iter};
use std::fs::File;
use std::ops::RangeBounds;
use std::sync::{Mutex, PoisonError};

/// Bytes of the engine's log after which it is synced, where the engine does not do that by itself.
/// A segment is written over no earlier than one segment of log after the last page in it was
/// copied; so what is synced within each segment is on disk before its old place is gone.
pub(super) const SYNCED_BYTES: u64 = 512 << 10;

/// Bytes that a write can put into the log beside the row itself, in the mean: every tenth write to
/// a page writes it whole, moves another, and may split it, and a page has up to 128 KiB.
const PAGE_SHARE: u64 = 32 << 10;

/// The rows.
pub(super) struct Rows {
    tree: Db,
    pace: Option<Pace>,
}

/// Syncs the engine's log in time.
pub(super) struct Pace {
    file: File,
    /// Bytes since the last sync. Held during a write, so that none comes beside a sync.
    unsynced: Mutex<u64>,
}

impl Pace {
    pub(super) const fn new(file: File) -> Self {
        Self { file, unsynced: Mutex::new(0) }
    }

    fn write<T>(&self, tree: &Db, bytes: usize, write: impl FnOnce() -> sled::Result<T>) -> sled::Result<T> {
        let mut unsynced = self.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        let written = write()?;
        *unsynced += bytes as u64 + PAGE_SHARE;
        if *unsynced >= SYNCED_BYTES {
            tree.flush()?;
            self.file.sync_data()?;
            *unsynced = 0;
        }
        Ok(written)
    }
}

impl Rows {
    pub(super) const fn new(tree: Db, pace: Option<Pace>) -> Self {
        Self { tree, pace }
    }

    pub(super) const fn tree(&self) -> &Db {
        &self.tree
    }

    pub(super) fn get(&self, name: impl AsRef<[u8]>) -> sled::Result<Option<IVec>> {
        self.tree.get(name)
    }

    pub(super) fn range<K: AsRef<[u8]>, R: RangeBounds<K>>(&self, names: R) -> Iter {
        self.tree.range(names)
    }

    pub(super) fn scan_prefix(&self, prefix: impl AsRef<[u8]>) -> Iter {
        self.tree.scan_prefix(prefix)
    }

    pub(super) fn insert(&self, name: impl AsRef<[u8]>, row: impl AsRef<[u8]>) -> sled::Result<()> {
        let (name, row) = (name.as_ref(), row.as_ref());
        self.write(name.len() + row.len(), || self.tree.insert(name, row))
    }

    pub(super) fn remove(&self, name: impl AsRef<[u8]>) -> sled::Result<()> {
        let name = name.as_ref();
        self.write(name.len(), || self.tree.remove(name))
    }

    fn write(&self, bytes: usize, write: impl FnOnce() -> sled::Result<Option<IVec>>) -> sled::Result<()> {
        match &self.pace {
            Some(pace) => pace.write(&self.tree, bytes, write).map(drop),
            None => write().map(drop),
        }
    }
}
