//! The data folder: its lock, the sync of the engine's file, what lies in it.

use crate::store::ReadError;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How long to wait for the lock of a folder that was in use a moment ago: a program that is being
/// started shares the locks of the process that starts it until it has become itself.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Makes what was written to the rows survive a power cut.
pub(super) trait Sync: Send {
    fn sync(&mut self, rows: &sled::Db) -> io::Result<()>;
}

/// Where the engine syncs each write of its log, its flush waits for those syncs, which are `fsync`
/// and keep the length too (sled 0.34.7, `IoBufs::write_to_log`, `make_stable`). A sync of our own
/// behind it has nothing to write, yet flushes the drive again: 0.5 to 0.9 ms of a lone writer's
/// 2.2.
pub(super) struct EngineSync;

impl Sync for EngineSync {
    fn sync(&mut self, rows: &sled::Db) -> io::Result<()> {
        rows.flush()?;
        Ok(())
    }
}

/// Where it does not, its file is synced after the flush.
pub(super) struct FileSync(pub File);

impl Sync for FileSync {
    fn sync(&mut self, rows: &sled::Db) -> io::Result<()> {
        rows.flush()?;
        self.0.sync_data()
    }
}

/// Where the engine keeps its file within its folder.
pub(super) fn data_file(engine: &Path) -> PathBuf {
    engine.join("db")
}

/// Keeps other processes out of a data folder while it lives.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(folder: &Path) -> Result<Self, ReadError> {
        let path = folder.join("lock");
        // For nobody else to open: whoever can read a file can lock it.
        let file =
            File::options().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(|error| about(&path, &error))?;
        for _ in 0..LOCK_ATTEMPTS {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(error)) => return Err(about(&path, &error)),
            }
        }
        Err(ReadError(format!("another process has the data folder {} open; stop it, or choose another folder", folder.display())))
    }
}

/// Removes snapshots that a crash left half written: the engine would not open beside one.
pub(super) fn remove_unfinished_snapshots(engine: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for file in files(engine)? {
        if file.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(file)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Makes the names of new files survive a power cut, and the small files that the engine writes
/// once.
pub(super) fn sync_folders(folder: &Path, engine: &Path) -> io::Result<()> {
    for file in files(engine)? {
        File::open(file)?.sync_all()?;
    }
    for folder in [Some(engine), Some(folder), folder.parent()].into_iter().flatten() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Makes a folder and all that is in it survive a power cut; its own name is its parent's matter.
pub(super) fn sync_tree(folder: &Path) -> io::Result<()> {
    for item in fs::read_dir(folder)? {
        let item = item?;
        if item.file_type()?.is_dir() {
            sync_tree(&item.path())?;
        } else {
            File::open(item.path())?.sync_all()?;
        }
    }
    File::open(folder)?.sync_all()
}

/// How many files lie outside the engine's log, unsynced.
pub(super) fn blobs(engine: &Path) -> u64 {
    fs::read_dir(engine.join("blobs")).map_or(0, |files| files.count() as u64)
}

/// Bytes of the files of a folder.
pub(super) fn bytes(engine: &Path) -> u64 {
    let sizes = files(engine).unwrap_or_default().into_iter().filter_map(|file| fs::metadata(file).ok());
    sizes.map(|data| data.len()).sum()
}

pub(super) fn about(path: &Path, error: &io::Error) -> ReadError {
    ReadError(format!("{}: {error}", path.display()))
}

pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for item in fs::read_dir(folder)? {
        let item = item?;
        if item.file_type()?.is_file() {
            files.push(item.path());
        }
    }
    Ok(files)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        let refusal = Lock::take(folder.path()).err().unwrap();
        assert!(refusal.0.contains("another process has the data folder"), "{refusal}");
        assert!(refusal.0.contains(&folder.path().display().to_string()), "{refusal}");
        drop(first);
        assert!(Lock::take(folder.path()).is_ok());
    }

    #[test]
    fn only_unfinished_snapshots_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["db", "conf", "snap.01", "snap.02.generating"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        assert_eq!(remove_unfinished_snapshots(folder.path()).unwrap(), 1);
        assert_eq!(files(folder.path()).unwrap().len(), 3);
        assert_eq!(bytes(folder.path()), 13);
    }
}
