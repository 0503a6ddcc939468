//! What lies in a data folder, looked at before anything in it is opened, made or changed.
//!
//! New is only a folder in which nothing of a store lies. The first store in a folder is made
//! under another name, synced, and then named `db`: so `db` is there whole or not at all, and
//! whatever else is found under that name is damage. Never is it a reason to begin anew.

use super::disk::{about, data_file, files};
use crate::store::ReadError;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes of the engine's segments.
const SEGMENT: u64 = 512 << 10;

/// Bytes of a segment's header: `checksum:4 lsn:8 stable:8`.
const HEADER: usize = 20;

/// The shortest file of the engine's settings that it does not write anew.
const SETTINGS: u64 = 9;

/// What a folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// No store, or one whose making was cut off before it was named.
    Nothing,
    Store,
}

/// The folder of the engine within a data folder.
pub(super) fn engine(folder: &Path) -> PathBuf {
    folder.join("db")
}

/// What it is called until it is whole.
pub(super) fn unfinished(folder: &Path) -> PathBuf {
    folder.join("db.new")
}

/// Judges a folder without a change to it. `signs` are the names of files that only a server which
/// has had a store leaves in it.
pub(super) fn look(folder: &Path, signs: &[&str]) -> Result<Found, ReadError> {
    let engine = engine(folder);
    if holds_something(&engine)? {
        return look_at_engine(&engine).map(|()| Found::Store);
    }
    for sign in signs.iter().map(|sign| folder.join(sign)) {
        if fs::symlink_metadata(&sign).is_ok() {
            return Err(damaged(&engine, &format!("it is empty or missing, but {} is there", sign.display())));
        }
    }
    Ok(Found::Nothing)
}

/// Whether anything but empty folders lies there.
fn holds_something(path: &Path) -> Result<bool, ReadError> {
    let items = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(damaged(path, "it is no folder")),
        read => read.map_err(|error| about(path, &error))?,
    };
    for item in items {
        let item = item.map_err(|error| about(path, &error))?;
        let is_folder = item.file_type().map_err(|error| about(path, &error))?.is_dir();
        if !is_folder || holds_something(&item.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses what the engine would take for an empty store, what it would lose without a word, and
/// what it cannot read.
fn look_at_engine(engine: &Path) -> Result<(), ReadError> {
    let data = data_file(engine);
    let length = match fs::metadata(&data) {
        Ok(found) if found.is_file() => found.len(),
        Ok(_) => return Err(damaged(&data, "it is no file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged(&data, "it is missing")),
        Err(error) => return Err(about(&data, &error)),
    };
    if length == 0 {
        return Err(damaged(&data, "it is empty"));
    }
    let file = File::open(&data).map_err(|error| about(&data, &error))?;
    if !has_segment(&file, length).map_err(|error| about(&data, &error))? {
        return Err(damaged(&data, &format!("none of its {length} bytes can be read")));
    }
    let settings = engine.join("conf");
    if fs::metadata(&settings).map_or(0, |found| found.len()) < SETTINGS {
        return Err(damaged(&settings, "it is missing or cut off"));
    }
    let blobs = engine.join("blobs");
    if holds_something(&blobs)? {
        return Err(damaged(&blobs, "it holds files, which the engine does not sync"));
    }
    for snapshot in files(engine).map_err(|error| about(engine, &error))? {
        let is_snapshot = snapshot.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap."));
        let is_whole = snapshot.extension().is_some_and(|extension| extension != "generating");
        if is_snapshot && is_whole && !is_sealed(&fs::read(&snapshot).map_err(|error| about(&snapshot, &error))?) {
            return Err(damaged(&snapshot, "its checksum does not match"));
        }
    }
    Ok(())
}

/// Whether the file has a segment that the engine would take for one.
fn has_segment(file: &File, length: u64) -> io::Result<bool> {
    let mut header = [0; HEADER];
    for start in (0..length.saturating_sub(HEADER as u64 - 1)).step_by(SEGMENT as usize) {
        file.read_exact_at(&mut header, start)?;
        let (sum, rest) = header.split_at(4);
        if (!crc32fast::hash(rest)).to_le_bytes() == sum {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether these are the bytes of a snapshot, which end with `length:8 checksum:4`.
fn is_sealed(snapshot: &[u8]) -> bool {
    let Some((rest, sum)) = snapshot.split_last_chunk::<4>() else { return false };
    let Some((body, _)) = rest.split_last_chunk::<8>() else { return false };
    !body.is_empty() && crc32fast::hash(body) == u32::from_le_bytes(*sum)
}

fn damaged(path: &Path, what: &str) -> ReadError {
    let advice = "restore the data folder from a backup, or begin with an empty one if no pool was ever made in this one";
    ReadError(format!("{}: {what}. Nothing was changed; {advice}", path.display()))
}
