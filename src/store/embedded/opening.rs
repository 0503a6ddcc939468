//! Opening the engine, which panics over some damage: here that becomes a sentence.

use super::disk::{self, about, data_file};
use super::folder::{engine, unfinished};
use super::recovery;
use super::rows::Rows;
use crate::store::{Options, ReadError};
use std::any::Any;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::panic;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long to wait for the engine's own lock, which a store that this process has just closed can
/// hold for a moment. Ours is taken already.
const ENGINE_LOCK_ATTEMPTS: u32 = 500;
const ENGINE_LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The name of the thread that opens, and how those of the engine's own pool begin.
const OPENER: &str = "engine opener";
const ENGINES_OWN: &str = "sled-io-";

/// How many engines are being opened: their panics are told by whoever opens.
static OPENING: AtomicUsize = AtomicUsize::new(0);

/// Makes a folder if it is not there, open to its owner alone. One that is there stays as the
/// operator has made it.
pub(super) fn make_private_folder(path: &Path) -> Result<(), ReadError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| about(path, &error))
}

/// Makes the first store of a folder. It gets its name when it is whole and on disk, so a crash
/// leaves either nothing of that name or a store.
pub(super) fn create(folder: &Path, options: &Options) -> Result<(), ReadError> {
    let (engine, new) = (engine(folder), unfinished(folder));
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(about(&new, &error)),
        _ => {}
    }
    make_private_folder(&new)?;
    let rows = Rows::new(open_engine(&new, options)?, None);
    recovery::create(&rows)?;
    rows.tree().flush()?;
    drop(rows);
    // The engine syncs its log alone, and neither its settings nor a folder.
    disk::sync_tree(&new).map_err(|error| about(&new, &error))?;
    let named = remove_empty(&engine).and_then(|()| fs::rename(&new, &engine)).and_then(|()| disk::sync_folders(folder, &engine));
    named.map_err(|error| about(&engine, &error))
}

/// Removes a folder that holds nothing but empty folders.
fn remove_empty(folder: &Path) -> io::Result<()> {
    let items = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    items.into_iter().try_for_each(|item| remove_empty(&item?.path()))?;
    fs::remove_dir(folder)
}

/// Opens the engine in its folder.
pub(super) fn open_engine(engine: &Path, options: &Options) -> Result<sled::Db, ReadError> {
    disk::remove_unfinished_snapshots(engine).map_err(|error| about(engine, &error))?;
    // After a kill the file can hold what is not on disk yet, and the engine takes all that it
    // finds for stable.
    match File::open(data_file(engine)).and_then(|file| file.sync_all()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(about(engine, &error)),
        _ => {}
    }
    // The committer flushes; a thread that does so beside it would only take time from it.
    let config = sled::Config::new().path(engine).cache_capacity(options.engine_cache).flush_every_ms(None);
    for _ in 1..ENGINE_LOCK_ATTEMPTS {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => thread::sleep(ENGINE_LOCK_PAUSE),
            opened => return Ok(opened?),
        }
    }
    Ok(config.open()?)
}

/// Does what opens the engine or reads it first. Whatever is wrong with it then is told in a
/// sentence that names its file.
pub(super) fn caught<T: Send>(engine: &Path, open: impl FnOnce() -> Result<T, ReadError> + Send) -> Result<T, ReadError> {
    silence();
    OPENING.fetch_add(1, Ordering::SeqCst);
    let opened = thread::scope(|scope| Ok(thread::Builder::new().name(OPENER.into()).spawn_scoped(scope, open)?.join()));
    OPENING.fetch_sub(1, Ordering::SeqCst);
    let ReadError(reason) = match opened.map_err(|error| about(engine, &error))? {
        Ok(Ok(opened)) => return Ok(opened),
        Ok(Err(refusal)) => refusal,
        Err(panic) => ReadError::unreadable(reason(panic.as_ref())),
    };
    Err(ReadError(format!("{}: {reason}", data_file(engine).display())))
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it gives no reason")
}

/// Keeps panics of an opening from being printed: they are told in a sentence.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let thread = thread::current();
            let name = thread.name().unwrap_or_default();
            let is_ours = name == OPENER || (name.starts_with(ENGINES_OWN) && OPENING.load(Ordering::SeqCst) > 0);
            if !is_ours {
                print(panic);
            }
        }));
    });
}
