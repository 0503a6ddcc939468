//! Cuts the power under a store that commits.
//!
//! A child, this test binary itself, writes and says what was acknowledged, while [`recorder`]
//! notes each write and each sync of the engine's file. From that [`disk`] makes what a power cut
//! could have left at many moments; each is opened, and everything that was acknowledged by then
//! must be there. Writers overwrite large records, so that the engine reuses its segments between
//! two commits.
//!
//! Of a first start [`naming`] tells what was not on disk when the store got its name.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod disk;
mod naming;
mod recorder;
#[path = "../process/registers.rs"]
mod registers;

use disk::{Disk, Losing};

use poolgate::model::PoolId;
use poolgate::store::{Changes, Options, SegmentSync, Store};
use recorder::{Event, Recorded};
use registers::{Numbers, register};
use seccompiler::SeccompAction;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

const FOLDER: &str = "POOLGATE_POWER_FOLDER";
const KERNEL: &str = "POOLGATE_POWER_KERNEL";
/// Set for a child that ends when its store is open.
const OPENS_ONLY: &str = "POOLGATE_POWER_OPENS_ONLY";

const POOL: PoolId = PoolId::new(1);
const WRITERS: u64 = 4;
const ROUNDS: u64 = 14;
const ROWS: u64 = 90;
const ROW: usize = 6000;
/// Moments at which the power is cut, of a recording that must lose nothing, and of one that must
/// not do so.
const CUTS: usize = 24;
const FEW_CUTS: usize = 6;

fn open(folder: &Path) -> Result<Store, poolgate::store::ReadError> {
    // A short journal, so that its segments are reused too.
    Store::open(folder, Options { journal_kept: 2, journal_kept_bytes: 1 << 20, ..Options::default() }, SegmentSync::install())
}

/// Under which kernel the child runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kernel {
    /// The one that there is.
    Present,
    /// One without seccomp: the filter cannot be installed, and the store syncs in its place.
    WithoutSeccomp,
    /// One that says that the filter is installed and does not install it.
    Lying,
}

// ---- the child ----

/// The process that is recorded. Run without the folder in its environment, as every other test is,
/// it has nothing to do.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let Ok(kernel) = std::env::var(KERNEL) else { return open(Path::new(&folder)).unwrap().close() };
    // The tracer comes, and says so.
    eprintln!("waiting");
    std::io::stdin().read_exact(&mut [0]).unwrap();
    recorder::be_recorded();
    match kernel.as_str() {
        "WithoutSeccomp" => recorder::act_on(&[libc::SYS_seccomp], SeccompAction::Errno(libc::ENOSYS.unsigned_abs())),
        "Lying" => recorder::act_on(&[libc::SYS_seccomp], SeccompAction::Errno(0)),
        _ => {}
    }
    let store = open(Path::new(&folder)).unwrap();
    if std::env::var_os(OPENS_ONLY).is_some() {
        std::process::exit(0);
    }
    let said = File::create(said(Path::new(&folder))).unwrap();
    let end = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (pool, said, end) = (store.pool(POOL), &said, &end);
            scope.spawn(move || {
                for round in 1..=ROUNDS {
                    pool.commit_blocking(round_of(writer, round)).unwrap();
                    let line = [writer.to_be_bytes(), round.to_be_bytes()].concat();
                    said.write_all_at(&line, end.fetch_add(16, Ordering::Relaxed)).unwrap();
                }
            });
        }
    });
    // Closing writes on; what matters is over.
    std::process::exit(0);
}

fn round_of(writer: u64, round: u64) -> Changes {
    let mut changes = Changes::new();
    for row in 0..ROWS {
        let mut numbers = Numbers(writer << 40 | round << 20 | row | 1);
        let noise = (0..ROW / 8).flat_map(|_| numbers.below(u64::MAX).to_be_bytes());
        changes.put(register(writer, row), round.to_be_bytes().into_iter().chain(noise).collect::<Vec<u8>>());
    }
    changes
}

fn said(folder: &Path) -> PathBuf {
    folder.with_extension("said")
}

// ---- the parent ----

struct Run {
    kernel: Kernel,
    _temporary: tempfile::TempDir,
    folder: PathBuf,
    /// The engine's file before.
    before: Vec<u8>,
    recorded: Recorded,
}

fn data(folder: &Path) -> PathBuf {
    folder.join("db").join("db")
}

/// A child that has that folder, and that kernel if it is to be recorded.
fn child_in(folder: &Path, kernel: Option<Kernel>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env(FOLDER, folder);
    command.envs(kernel.map(|kernel| (KERNEL, format!("{kernel:?}"))));
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// A folder for data, as the kernel names it.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().canonicalize().unwrap().join("data");
    (temporary, folder)
}

/// Records a child under that kernel. This process must not have a filter of its own yet: children
/// inherit it.
fn record(kernel: Kernel) -> Run {
    let (temporary, folder) = folder();
    assert!(child_in(&folder, None).status().unwrap().success());
    let before = fs::read(data(&folder)).unwrap();
    let recorded = recorded(&folder, child_in(&folder, Some(kernel)));
    Run { kernel, _temporary: temporary, folder, before, recorded }
}

/// What that child does in that folder.
#[allow(clippy::zombie_processes, reason = "the recorder, who traces it, waits for its end")]
fn recorded(folder: &Path, mut child: Command) -> Recorded {
    let mut child = child.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while line.trim_end() != "waiting" {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the child ended by itself");
    }
    let mut input = child.stdin.take().unwrap();
    // What it says more is for whoever reads the output of a test that fails.
    let rest = std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::stderr()));
    let recorded = recorder::record(child.id(), &data(folder), &said(folder), || input.write_all(b".").unwrap());
    rest.join().unwrap().unwrap();
    recorded
}

/// What came of power cuts.
#[derive(Debug, Default)]
struct Outcome {
    kept: usize,
    lost: Vec<String>,
}

/// Cuts the power at up to so many moments, in each way.
fn cut(run: &Run, cuts: usize) -> Outcome {
    let events = &run.recorded.events;
    let moments = moments(run, cuts);
    let mut numbers = Numbers(0x9e37_79b9);
    let mut outcome = Outcome::default();
    let (mut disk, mut acknowledged) = (Disk::new(run.before.clone()), [0; WRITERS as usize]);
    for (number, event) in events.iter().enumerate() {
        disk.take(events, number);
        if let Event::Said(line) = event {
            acknowledged[of(line, 0) as usize] = of(line, 8);
        }
        if !moments.contains(&number) {
            continue;
        }
        for losing in [Losing::All, Losing::Growth, Losing::Pages] {
            match found(run, &disk.cut(events, losing, || numbers.below(2) == 0), acknowledged) {
                Ok(()) => outcome.kept += 1,
                Err(what) => outcome.lost.push(format!("cut after event {number}, losing {losing:?}: {what}")),
            }
        }
    }
    outcome
}

/// Moments to cut at, since the first acknowledgement: where a tear is possible, else after a
/// write.
fn moments(run: &Run, cuts: usize) -> BTreeSet<usize> {
    let events = &run.recorded.events;
    let begin = events.iter().position(|event| matches!(event, Event::Said(_))).unwrap();
    let mut disk = Disk::new(run.before.clone());
    let (mut tears, mut writes) = (Vec::new(), Vec::new());
    for (number, event) in events.iter().enumerate() {
        disk.take(events, number);
        if number > begin && matches!(event, Event::Written { .. }) {
            if disk.may_tear(events) { &mut tears } else { &mut writes }.push(number);
        }
    }
    let some = |all: &[usize]| all.iter().copied().step_by((all.len() * 2 / cuts).max(1)).take(cuts / 2).collect::<Vec<_>>();
    some(&tears).into_iter().chain(some(&writes)).collect()
}

fn of(line: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(line[at..at + 8].try_into().unwrap())
}

/// Whether a store opens with that file of the engine and holds what was acknowledged, each commit
/// whole.
fn found(run: &Run, file: &[u8], acknowledged: [u64; WRITERS as usize]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let engine = folder.path().join("db");
    fs::create_dir_all(engine.join("blobs")).unwrap();
    // The small files that the engine writes while it opens, and syncs.
    for beside in fs::read_dir(run.folder.join("db")).unwrap().map(|item| item.unwrap().path()).filter(|path| path.is_file()) {
        fs::copy(&beside, engine.join(beside.file_name().unwrap())).unwrap();
    }
    fs::write(data(folder.path()), file).unwrap();
    let store = open(folder.path()).map_err(|refusal| refusal.to_string())?;
    let pool = store.pool(POOL);
    for writer in 0..WRITERS {
        let rows = (0..ROWS).map(|row| pool.get(&register(writer, row)).map(|row| row.map_or(0, |row| of(&row.value, 0))));
        let rows = rows.collect::<Result<BTreeSet<_>, _>>().map_err(|error| error.to_string())?;
        let least = acknowledged[writer as usize];
        if rows.len() != 1 || rows.first() < Some(&least) {
            return Err(format!("writer {writer} was told {least} and has {rows:?}"));
        }
    }
    Ok(())
}

#[test]
fn what_was_acknowledged_outlives_every_power_cut() {
    // First, since this process has a filter of its own from its first store on.
    let [present, without, lying] = [Kernel::Present, Kernel::WithoutSeccomp, Kernel::Lying].map(record);
    assert_eq!(present.recorded.ranges, 0, "the engine could still sync a range");
    assert!(without.recorded.ranges > 0 && lying.recorded.ranges > 0, "the kernels are as they are meant");
    for run in [present, without] {
        let (kernel, outcome) = (run.kernel, cut(&run, CUTS));
        assert!(outcome.lost.is_empty(), "{kernel:?}: {} kept, {} lost: {:#?}", outcome.kept, outcome.lost.len(), outcome.lost);
        assert!(outcome.kept >= CUTS, "{} cuts", outcome.kept);
    }
    let outcome = cut(&lying, FEW_CUTS);
    assert!(!outcome.lost.is_empty(), "a kernel that lies loses nothing: these cuts prove nothing");
    println!("{} of {} cuts lose under a kernel that lies", outcome.lost.len(), outcome.lost.len() + outcome.kept);
}

#[test]
fn a_first_store_gets_its_name_when_all_of_it_is_on_disk() {
    let (_temporary, folder) = folder();
    let mut child = child_in(&folder, Some(Kernel::Present));
    child.env(OPENS_ONLY, "");
    let recorded = recorded(&folder, child);
    assert!(folder.join("db").join("conf").exists(), "the engine has settings of its own");
    assert_eq!(recorded.unsynced, Some(Vec::new()));
}
