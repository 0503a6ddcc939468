//! What becomes of a data folder that is damaged: nothing, and a sentence.
//!
//! A server has run with the folder. Then something in it is taken away or written over, as a copy
//! that was cut off, a full disk or a failing one leave it, and `poolgate serve` is started again.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use poolgate::model::{EntryId, PoolId};
use poolgate::store::{Changes, Key, Options, SegmentSync, Store};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SEGMENT: u64 = 512 << 10;

/// `poolgate serve` with that data folder, listening on its socket only.
fn serve(data: &Path) -> Command {
    let file = data.with_extension("toml");
    fs::write(&file, format!("data = {data:?}\npool_urls = \"path\"\n")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolgate"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("POOLGATE_")) {
        command.env_remove(name);
    }
    command.env("RUST_BACKTRACE", "1").args(["serve", "--config"]).arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Starts a server, waits until it is ready, and ends it in that way.
fn run(data: &Path, signal: &str) {
    let mut server = serve(data).spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said: Vec<_> = lines.by_ref().take_while(|line| !line.contains("ready")).collect();
    assert!(server.try_wait().unwrap().is_none(), "it did not start: {said:?}");
    assert!(Command::new("kill").args([signal, &server.id().to_string()]).status().unwrap().success());
    // A server that cannot tell any more that it stops does not come to its end.
    assert!(lines.count() < 100);
    server.wait().unwrap();
}

/// A data folder that has been in use, some segments large.
fn used(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    run(&data, "-TERM");
    let store = Store::open(&data, Options::default(), SegmentSync::install()).unwrap();
    for round in 0..3 {
        for commit in 0..8_u64 {
            let mut changes = Changes::new();
            for entry in 0..150 {
                changes.put(Key::entry(EntryId::new(commit * 150 + entry)), vec![round; 5000]);
            }
            store.pool(PoolId::new(7)).commit_blocking(changes).unwrap();
        }
    }
    store.close();
    assert!(fs::metadata(data.join("db/db")).unwrap().len() > 8 * SEGMENT);
    data
}

/// What a file or a folder is: rights, time of change, contents.
type Item = (u32, (i64, i64), Vec<u8>);

/// Everything in a folder by its path.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Item> {
    let mut all = BTreeMap::new();
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        let about = fs::symlink_metadata(&path).unwrap();
        let bytes = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if about.is_dir() {
            all.extend(contents(&path));
        }
        all.insert(path, (about.mode(), (about.mtime(), about.mtime_nsec()), bytes));
    }
    all
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let to = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() { copy(&item.path(), &to) } else { assert!(fs::copy(item.path(), &to).is_ok(), "{to:?}") }
    }
}

fn snapshot(data: &Path) -> PathBuf {
    let files = fs::read_dir(data.join("db")).unwrap().map(|item| item.unwrap().path());
    files.into_iter().find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("snap.")).unwrap()
}

fn fill(file: &Path, from: u64, to: u64, byte: impl Fn(u64) -> u8) {
    let bytes: Vec<u8> = (from..to).map(byte).collect();
    File::options().write(true).open(file).unwrap().write_all_at(&bytes, from).unwrap();
}

/// Bytes that mean nothing.
fn noise(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

type Damage = (&'static str, &'static str, fn(&Path));

/// What is done to the folder, and what the refusal names.
const DAMAGES: &[Damage] = &[
    ("the folder of the engine is gone", "db", |data| fs::remove_dir_all(data.join("db")).unwrap()),
    ("the folder of the engine is empty", "db", |data| {
        fs::remove_dir_all(data.join("db")).unwrap();
        fs::create_dir(data.join("db")).unwrap();
    }),
    ("only a folder for blobs is left", "db", |data| {
        fs::remove_dir_all(data.join("db")).unwrap();
        fs::create_dir_all(data.join("db/blobs")).unwrap();
    }),
    ("the folder of the engine is a file", "db", |data| {
        fs::remove_dir_all(data.join("db")).unwrap();
        fs::write(data.join("db"), b"").unwrap();
    }),
    ("the engine's file is gone", "db/db", |data| fs::remove_file(data.join("db/db")).unwrap()),
    ("it is empty", "db/db", |data| fs::write(data.join("db/db"), b"").unwrap()),
    ("it is a folder", "db/db", |data| {
        fs::remove_file(data.join("db/db")).unwrap();
        fs::create_dir(data.join("db/db")).unwrap();
        fs::write(data.join("db/db/x"), b"").unwrap();
    }),
    ("it holds zeros", "db/db", |data| fs::write(data.join("db/db"), vec![0; 64 << 20]).unwrap()),
    ("it holds noise", "db/db", |data| {
        let length = fs::metadata(data.join("db/db")).unwrap().len();
        fill(&data.join("db/db"), 0, length, noise);
    }),
    ("two of its segments are the same", "db/db", |data| {
        let file = fs::read(data.join("db/db")).unwrap();
        let length = file.len() as u64 / SEGMENT * SEGMENT;
        fill(&data.join("db/db"), length - SEGMENT, length, |at| file[(at - SEGMENT) as usize]);
    }),
    ("the engine's settings are gone", "db/conf", |data| fs::remove_file(data.join("db/conf")).unwrap()),
    ("they hold noise", "db/", |data| fill(&data.join("db/conf"), 0, fs::metadata(data.join("db/conf")).unwrap().len(), noise)),
    ("the snapshot holds noise", "db/snap.", |data| {
        let file = snapshot(data);
        fill(&file, 0, fs::metadata(&file).unwrap().len(), noise);
    }),
    ("the snapshot is empty", "db/snap.", |data| fs::write(snapshot(data), b"").unwrap()),
    ("a blob is there", "db/blobs", |data| fs::write(data.join("db/blobs/4711"), b"x").unwrap()),
    ("everything but the master key is gone", "db", |data| {
        fs::remove_dir_all(data.join("db")).unwrap();
        fs::remove_file(data.join("lock")).unwrap();
    }),
    ("everything but the socket is gone", "db", |data| {
        for name in ["master.key", "lock"] {
            fs::remove_file(data.join(name)).unwrap();
        }
        fs::remove_dir_all(data.join("db")).unwrap();
        drop(std::os::unix::net::UnixListener::bind(data.join("admin.sock")).unwrap());
    }),
];

/// Damage that only the engine meets, when it has already begun to mend what it takes for the end
/// of its log.
const DAMAGES_WITHIN: &[Damage] = &[
    ("half of it is gone", "db/db", |data| {
        let file = File::options().write(true).open(data.join("db/db")).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    }),
    ("all but its beginning is gone", "db/db", |data| {
        File::options().write(true).open(data.join("db/db")).unwrap().set_len(1000).unwrap();
    }),
    ("its beginning holds zeros", "db/db", |data| fill(&data.join("db/db"), 0, 2 * SEGMENT, |_| 0)),
    ("its middle holds noise", "db/db", |data| fill(&data.join("db/db"), 3 * SEGMENT, 6 * SEGMENT, noise)),
    ("its pages hold noise but for the headers of segments", "db/db", |data| {
        let length = fs::metadata(data.join("db/db")).unwrap().len();
        for segment in (0..length / SEGMENT).map(|number| number * SEGMENT) {
            fill(&data.join("db/db"), segment + 20, segment + SEGMENT, noise);
        }
    }),
];

#[test]
fn a_damaged_folder_is_refused_in_a_sentence_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = used(folder.path());
    let mut wrong = Vec::new();
    for (number, (damage, names, act)) in DAMAGES.iter().chain(DAMAGES_WITHIN).enumerate() {
        let damaged = folder.path().join(format!("{number}"));
        copy(&data, &damaged);
        act(&damaged);
        let before = contents(&damaged);
        let mut server = serve(&damaged).spawn().unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said: Vec<_> = lines.by_ref().take_while(|line| !line.contains(" ready ")).collect();
        // One that starts all the same would go on for ever.
        let _ = server.kill();
        let (done, after, said) = (server.wait().unwrap(), contents(&damaged), said.join("\n"));
        let sentence = said.lines().last().unwrap_or_default();
        let mut check = |holds: bool, what: &str| {
            if !holds {
                wrong.push(format!("{damage}: {what}: {said}"));
            }
        };
        check(done.code() == Some(1), &format!("it ends with {done}"));
        check(!said.contains("panicked") && !said.contains("backtrace"), "a panic is shown");
        check(sentence.starts_with("poolgate: ") && sentence.contains(damaged.join(names).to_str().unwrap()), "it names no file");
        check(sentence.to_lowercase().contains("restore the data folder from a backup"), "it does not say what to do");
        if number >= DAMAGES.len() {
            continue;
        }
        let changed: Vec<_> = before.iter().filter(|(path, about)| after.get(*path) != Some(*about)).map(|(path, _)| path).collect();
        let made: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
        check(changed.is_empty() && made.is_empty(), &format!("changed {changed:?}, made {made:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_folder_without_a_store_is_new_whatever_else_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir_all(data.join("lost+found")).unwrap();
    fs::write(data.join("notes"), b"of the operator").unwrap();
    // What the making of a first store can leave.
    fs::write(data.join("lock"), b"").unwrap();
    fs::create_dir_all(data.join("db/blobs")).unwrap();
    fs::create_dir_all(data.join("db.new/blobs")).unwrap();
    fs::write(data.join("db.new/db"), vec![b'x'; 100]).unwrap();
    run(&data, "-KILL");
    assert!(!data.join("db.new").exists());
    assert_eq!(fs::read(data.join("notes")).unwrap(), b"of the operator");
    let key = fs::read(data.join("master.key")).unwrap();
    run(&data, "-KILL");
    run(&data, "-TERM");
    assert_eq!(fs::read(data.join("master.key")).unwrap(), key, "the second start found the first store");
}
