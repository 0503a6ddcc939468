//! Kills a process that commits, again and again, and looks at what it leaves.
//!
//! The child is this test binary itself. Its threads tell on standard error what they try and what
//! was answered; the parent kills it (SIGKILL) after a number of answers, in every second round
//! kills one more child while it recovers, then opens the store and holds it against what it was
//! told: everything acknowledged is there, nothing is there in part, no unique key is held twice,
//! and what was neither acknowledged nor tried is not there.
//!
//! More rounds: `POOLGATE_CRASH_ROUNDS=2000 cargo test --test store_crash -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "process/registers.rs"]
mod registers;

use poolgate::model::{EntryId, PoolId, Sequence, Timestamp};
use poolgate::store::{Changes, CommitError, Key, Options, PoolStore, Prefix, SegmentSync, Space, Store};
use registers::{Numbers, register};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter_all_threads};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "POOLGATE_CRASH_FOLDER";
const LAUNCH: &str = "POOLGATE_CRASH_LAUNCH";
const ROUNDS: &str = "POOLGATE_CRASH_ROUNDS";
const REGULAR_ROUNDS: u64 = 40;

const FAILING_FOLDER: &str = "POOLGATE_CRASH_FAILING_FOLDER";
const FAILING_ROUNDS: usize = 12;
/// How long to wait for what must come, so that its lack fails a test and does not hang it.
const A_WHILE: Duration = Duration::from_secs(30);

const POOL: PoolId = PoolId::new(1);
const WRITERS: u64 = 4;
const NAMES: u64 = 12;
const REGISTER_ROWS: u64 = 6;

fn open(folder: &Path) -> Store {
    // A short journal, so that trimming is killed too.
    Store::open(folder, Options { journal_kept: 50, ..Options::default() }, SegmentSync::install()).unwrap()
}

fn holder(name: u64) -> Key {
    Key::named(Space::Unique, &name.to_be_bytes())
}

fn session(at: i64) -> Key {
    Key::named(Space::Session, &at.to_be_bytes())
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(*bytes.first_chunk().unwrap())
}

// ---- the child ----

/// The process that is killed. Run without the folder in its environment, as every other test is,
/// it has nothing to do.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    // Every child has a number of its own, higher than those before it: what it writes is named by
    // it.
    let launch: u64 = std::env::var(LAUNCH).unwrap().parse().unwrap();
    tell("opening");
    let store = open(Path::new(&folder));
    tell("open");
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let pool = store.pool(POOL);
            scope.spawn(move || write(&pool, writer, launch));
        }
        let store = store.clone();
        scope.spawn(move || keep_house(&store, launch));
    });
}

/// One line, in one write: a line without its end was cut by the kill.
fn tell(line: &str) {
    std::io::stderr().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn write(pool: &PoolStore, writer: u64, launch: u64) {
    let mut numbers = Numbers(launch * WRITERS + writer + 1);
    let mut value = pool.get(&register(writer, 0)).unwrap().map_or(0, |row| number(&row.value));
    loop {
        value += 1;
        // Some take several journal records.
        let padding = vec![0; if numbers.below(4) == 0 { 3000 } else { 10 }];
        let mut changes = Changes::new();
        for row in 0..REGISTER_ROWS {
            changes.put(register(writer, row), [&value.to_be_bytes(), padding.as_slice()].concat());
        }
        tell(&format!("try {writer} set {value}"));
        let sequence = pool.commit_blocking(changes).unwrap();
        tell(&format!("done {writer} set {value} {sequence}"));

        let name = numbers.below(NAMES);
        let id = (launch << 40) + (value << 4) + writer;
        let (act, changes) = match pool.get(&holder(name)).unwrap() {
            None => ("claim", claim(name, id)),
            Some(row) if number(&row.value) % 16 == writer => ("release", release(name, number(&row.value), row.version)),
            Some(_) => continue,
        };
        tell(&format!("try {writer} {act} {name} {id}"));
        match pool.commit_blocking(changes) {
            Ok(sequence) => tell(&format!("done {writer} {act} {name} {id} {sequence}")),
            Err(CommitError::Conflict) => tell(&format!("lost {writer}")),
            Err(error) => panic!("{error}"),
        }
    }
}

fn claim(name: u64, id: u64) -> Changes {
    let mut changes = Changes::new();
    changes.expect_absent(holder(name));
    changes.put(holder(name), id.to_be_bytes().to_vec());
    for number in 0..3 {
        changes.put(Key::value(EntryId::new(id), name, number), vec![7; 1500]);
    }
    changes.put(Key::entry(EntryId::new(id)), name.to_be_bytes().to_vec());
    changes
}

fn release(name: u64, id: u64, version: Sequence) -> Changes {
    let mut changes = Changes::new();
    changes.expect_version(holder(name), version);
    changes.delete(holder(name));
    for number in 0..3 {
        changes.delete(Key::value(EntryId::new(id), name, number));
    }
    changes.delete(Key::entry(EntryId::new(id)));
    changes
}

/// Sessions that end and are swept; pools that come and go.
fn keep_house(store: &Store, launch: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let first = i64::try_from(launch << 20).unwrap();
    for step in first.. {
        let mut changes = Changes::new();
        changes.put_until(session(step), Vec::new(), Timestamp::from_seconds(step));
        store.pool(POOL).commit_blocking(changes).unwrap();
        runtime.block_on(store.sweep(Timestamp::from_seconds(step - 3), 100)).unwrap();
        tell(&format!("swept {}", step - 3));

        let id = u32::try_from(launch * 10_000 + step.abs_diff(first) + 2).unwrap();
        let mut changes = Changes::new();
        for row in 0..REGISTER_ROWS {
            changes.put_until(register(0, row), vec![0; 2000], Timestamp::from_seconds(i64::MAX / 2_000_000));
        }
        store.pool(PoolId::new(id)).commit_blocking(changes).unwrap();
        tell(&format!("made {id}"));
        while runtime.block_on(store.remove_pool_rows(PoolId::new(id), 3)).unwrap() > 0 {}
        tell(&format!("removed {id}"));
    }
}

/// A process whose disk fails while it commits: from then on every write of the engine's log does,
/// in whichever thread.
#[test]
fn child_with_a_failing_disk() {
    let Ok(folder) = std::env::var(FAILING_FOLDER) else { return };
    let (end, ended) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        if ended.recv_timeout(A_WHILE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            tell("nobody is told");
            std::process::exit(3);
        }
    });
    let options = Options { write_deadline: Duration::from_secs(10), ..Options::default() };
    let store = Store::open(Path::new(&folder), options, SegmentSync::install()).unwrap();
    let failed = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let pool = store.pool(POOL);
                scope.spawn(move || {
                    (0..).find_map(|round: u64| {
                        let mut changes = Changes::new();
                        for row in 0..100 {
                            changes.put(register(writer, row), vec![round as u8; 5000]);
                        }
                        pool.commit_blocking(changes).err()
                    })
                })
            })
            .collect();
        while store.statistics().commits < 20 {
            std::thread::yield_now();
        }
        let missing = SeccompAction::Errno(libc::EIO.unsigned_abs());
        let architecture = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new([(libc::SYS_pwrite64, Vec::new())].into(), SeccompAction::Allow, missing, architecture);
        apply_filter_all_threads(&BpfProgram::try_from(filter.unwrap()).unwrap()).unwrap();
        writers.into_iter().map(|writer| writer.join().unwrap().unwrap()).collect::<Vec<_>>()
    });
    assert!(failed.iter().all(|error| matches!(error, CommitError::Stopped(_))), "{failed:?}");
    let reason = store.stopped().unwrap();
    tell(&format!("stopped {reason}"));
    store.close();
    drop(end);
    std::process::exit(0);
}

// ---- the parent ----

#[test]
fn whoever_commits_while_the_disk_fails_is_told() {
    for _ in 0..FAILING_ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child_with_a_failing_disk", "--nocapture"]).env(FAILING_FOLDER, folder.path());
        let done = command.output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.contains("stopped "), "{}: {said}", done.status);
    }
}

#[test]
fn what_was_acknowledged_outlives_every_kill_and_nothing_is_there_in_part() {
    let rounds = std::env::var(ROUNDS).map_or(REGULAR_ROUNDS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let mut known = Known::default();
    let (mut answers, mut replayed) = (0, 0);
    let mut launches = 1..;
    let mut start = || Killed::start(folder.path(), launches.next().unwrap());
    for round in 1..=rounds {
        let mut child = start();
        child.read_until_answers(20 + numbers.below(150), &mut known);
        child.kill(&mut known);
        if round % 2 == 0 {
            // Some die before they have opened, some while they replay, some soon after.
            let mut recovering = start();
            recovering.read_until("opening", &mut known);
            std::thread::sleep(std::time::Duration::from_micros(numbers.below(12_000)));
            recovering.kill(&mut known);
        }
        let store = open(folder.path());
        replayed += store.statistics().replayed;
        known.check(&store, round);
        answers = known.answers;
        store.close();
    }
    assert!(answers >= rounds * 20);
    println!("{rounds} rounds, {answers} acknowledged commits, {replayed} commits replayed in the openings that were watched");
}

struct Killed {
    child: Child,
    lines: BufReader<ChildStderr>,
}

impl Killed {
    fn start(folder: &Path, launch: u64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture"]).env(FOLDER, folder).env(LAUNCH, launch.to_string());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Self { child, lines }
    }

    /// The next line that is whole; none at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.strip_suffix('\n').map(str::to_owned)
    }

    fn read_until_answers(&mut self, count: u64, known: &mut Known) {
        let end = known.answers + count;
        while known.answers < end {
            known.hear(&self.line().expect("the child ended by itself"));
        }
    }

    fn read_until(&mut self, wanted: &str, known: &mut Known) {
        loop {
            let line = self.line().expect("the child ended by itself");
            known.hear(&line);
            if line == wanted {
                return;
            }
        }
    }

    fn kill(mut self, known: &mut Known) {
        self.child.kill().unwrap();
        while let Some(line) = self.line() {
            known.hear(&line);
        }
        let status = self.child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "the child ended by itself: {status}");
    }
}

/// What a writer was at when it was killed.
#[derive(Clone, Debug, PartialEq)]
enum Tried {
    Set(u64),
    Claim(u64, u64),
    Release(u64),
}

/// What the children said.
#[derive(Default)]
struct Known {
    answers: u64,
    /// The acknowledged value of each writer's register.
    registers: BTreeMap<u64, u64>,
    /// Acknowledged changes of each name by their sequence: the id that holds it, or nobody.
    names: BTreeMap<u64, BTreeMap<u64, Option<u64>>>,
    /// What was tried and not answered.
    tried: Vec<Tried>,
    trying: BTreeMap<u64, Tried>,
    swept: i64,
    removed: BTreeSet<u32>,
}

impl Known {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        match words.first().copied() {
            // A new child: whatever the one before it tried stays open.
            Some("opening") => self.tried.extend(std::mem::take(&mut self.trying).into_values()),
            Some("open" | "made") => {}
            Some("try") => {
                let tried = match words[2] {
                    "set" => Tried::Set(number(1) << 56 | number(3)),
                    "claim" => Tried::Claim(number(3), number(4)),
                    "release" => Tried::Release(number(3)),
                    _ => panic!("{line}"),
                };
                self.trying.insert(number(1), tried);
            }
            Some("lost") => {
                self.trying.remove(&number(1));
            }
            Some("done") => {
                self.answers += 1;
                self.trying.remove(&number(1));
                match words[2] {
                    "set" => drop(self.registers.insert(number(1), number(3))),
                    "claim" => drop(self.names.entry(number(3)).or_default().insert(number(5), Some(number(4)))),
                    "release" => drop(self.names.entry(number(3)).or_default().insert(number(5), None)),
                    _ => panic!("{line}"),
                }
            }
            Some("swept") => self.swept = words[1].parse().unwrap(),
            Some("removed") => drop(self.removed.insert(words[1].parse().unwrap())),
            _ => panic!("the child said: {line}"),
        }
    }

    /// Holds the store against what was said, then takes what is there for known: what was tried
    /// has happened or never will.
    fn check(&mut self, store: &Store, round: u64) {
        self.tried.extend(std::mem::take(&mut self.trying).into_values());
        let pool = store.pool(POOL);
        for writer in 0..WRITERS {
            let rows = (0..REGISTER_ROWS).map(|row| pool.get(&register(writer, row)).unwrap().map_or(0, |row| number(&row.value)));
            let rows: Vec<_> = rows.collect();
            assert!(rows.windows(2).all(|pair| pair[0] == pair[1]), "round {round}: half a commit of writer {writer}: {rows:?}");
            let acknowledged = self.registers.get(&writer).copied().unwrap_or(0);
            let tried = self.tried.contains(&Tried::Set(writer << 56 | rows[0]));
            assert!(rows[0] == acknowledged || (rows[0] > acknowledged && tried), "round {round}: {acknowledged} became {}", rows[0]);
            self.registers.insert(writer, rows[0]);
        }
        self.check_names(&pool, round);
        self.check_house(store, round);
        self.tried.clear();
    }

    fn check_names(&mut self, pool: &PoolStore, round: u64) {
        let rows: Result<Vec<_>, _> = pool.scan(&Prefix::space(Space::Unique), None).collect();
        let held: BTreeMap<u64, (u64, Sequence)> =
            rows.unwrap().into_iter().map(|(key, row)| (number(key.rest()), (number(&row.value), row.version))).collect();
        for name in 0..NAMES {
            let history = self.names.remove(&name).unwrap_or_default();
            let acknowledged = history.last_key_value().and_then(|(_, holder)| *holder);
            let found = held.get(&name).map(|(id, _)| *id);
            let may = match found {
                _ if found == acknowledged => true,
                Some(id) => self.tried.contains(&Tried::Claim(name, id)),
                None => self.tried.contains(&Tried::Release(name)),
            };
            assert!(may, "round {round}: name {name} was held by {acknowledged:?} and is held by {found:?}");
            if let Some((id, version)) = held.get(&name) {
                self.names.insert(name, BTreeMap::from([(version.get(), Some(*id))]));
            }
        }
        let entries: Result<Vec<_>, _> = pool.scan(&Prefix::space(Space::Entry), None).collect();
        let entries: BTreeMap<u64, u64> =
            entries.unwrap().into_iter().map(|(key, row)| (key.last_entry().unwrap().get(), number(&row.value))).collect();
        let holders: BTreeMap<u64, u64> = held.iter().map(|(name, (id, _))| (*id, *name)).collect();
        assert_eq!(entries, holders, "round {round}: entries and the names that they hold");
        let parts = pool.count(&Prefix::space(Space::Value)).unwrap();
        assert_eq!(parts, 3 * entries.len(), "round {round}: parts of entries");
    }

    fn check_house(&self, store: &Store, round: u64) {
        let rows: Result<Vec<_>, _> = store.pool(POOL).scan(&Prefix::space(Space::Session), None).collect();
        let sessions: Vec<u64> = rows.unwrap().into_iter().map(|(key, _)| number(key.rest())).collect();
        assert!(sessions.iter().all(|at| *at > self.swept.unsigned_abs()), "round {round}: a swept session is back");
        for pool in &self.removed {
            assert_eq!(store.pool(PoolId::new(*pool)).count(&Prefix::space(Space::Checkpoint)).unwrap(), 0, "round {round}: pool {pool}");
        }
        // Each session has its expiry row, and no other is left: those of pools that were being
        // removed end much later.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let due = runtime.block_on(store.sweep(Timestamp::from_seconds(1 << 42), 10_000)).unwrap();
        assert_eq!(due, sessions.len(), "round {round}: sessions and expiry rows");
    }
}
