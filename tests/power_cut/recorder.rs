//! Records what a process writes to one file, when it syncs that file, and what it says meanwhile.
//!
//! The process has itself traced: a seccomp filter of its own stops each of its threads at the
//! calls of [`CALLS`], and the recorder, which is its tracer, looks at the call and lets it go on.
//! So the order of what is recorded is the order in which it happened: a write counts when it has
//! returned, and a sync makes durable what had returned when it began.

use super::naming::Naming;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter_all_threads};
use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The calls at which the process stops.
const CALLS: &[i64] = &[
    libc::SYS_write,
    libc::SYS_pwrite64,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync_file_range,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
];

/// Something that has happened.
pub enum Event {
    /// Bytes were written to the file.
    Written { at: u64, bytes: Vec<u8> },
    /// It was cut to a length, or grown.
    Length(u64),
    /// So many of the events before it are durable.
    Synced(usize),
    /// Bytes were written to the file of what it says.
    Said(Vec<u8>),
}

pub struct Recorded {
    pub events: Vec<Event>,
    /// How often the kernel was asked to sync a range, in vain or not.
    pub ranges: usize,
    /// What was not on disk of a new store when it got its name; none if no new store got one.
    pub unsynced: Option<Vec<PathBuf>>,
}

/// Has this process stop at its calls. To be called once its tracer is there: without one they
/// fail.
pub fn be_recorded() {
    act_on(CALLS, SeccompAction::Trace(0));
}

/// Has all threads of this process meet another kernel at these calls.
pub fn act_on(calls: &[i64], action: SeccompAction) {
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, architecture).unwrap();
    apply_filter_all_threads(&BpfProgram::try_from(filter).unwrap()).unwrap();
}

/// Traces a process that waits, calls `go`, and records until the process has ended.
pub fn record(process: u32, file: &Path, said: &Path, go: impl FnOnce()) -> Recorded {
    let process = Pid::from_raw(process.try_into().unwrap());
    let options =
        Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_TRACESECCOMP | Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL;
    for thread in fs::read_dir(format!("/proc/{process}/task")).unwrap() {
        let thread = thread.unwrap().file_name().to_str().unwrap().parse().unwrap();
        ptrace::seize(Pid::from_raw(thread), options).unwrap();
    }
    go();
    let naming = Naming::of(file.parent().unwrap());
    let mut recorder =
        Recorder { process, file: file.into(), said: said.into(), calls: HashMap::new(), events: Vec::new(), ranges: 0, naming };
    // Children of other threads are not ours to wait for.
    let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    loop {
        match waitpid(None, Some(flags)).unwrap() {
            WaitStatus::PtraceEvent(thread, _, libc::PTRACE_EVENT_SECCOMP) => {
                recorder.begins(thread);
                resume(ptrace::syscall(thread, None));
            }
            WaitStatus::PtraceSyscall(thread) => {
                recorder.ends(thread);
                resume(ptrace::cont(thread, None));
            }
            WaitStatus::PtraceEvent(thread, ..) => resume(ptrace::cont(thread, None)),
            WaitStatus::Stopped(thread, Signal::SIGTRAP) => resume(ptrace::cont(thread, None)),
            WaitStatus::Stopped(thread, signal) => resume(ptrace::cont(thread, signal)),
            WaitStatus::Exited(thread, code) if thread == process => {
                assert_eq!(code, 0, "the recorded process failed");
                return Recorded { events: recorder.events, ranges: recorder.ranges, unsynced: recorder.naming.unsynced() };
            }
            WaitStatus::Signaled(thread, signal, _) if thread == process => panic!("the recorded process died of {signal}"),
            _ => {}
        }
    }
}

/// A thread that has just ended with its process cannot go on.
fn resume(resumed: nix::Result<()>) {
    assert!(matches!(resumed, Ok(()) | Err(nix::Error::ESRCH)), "{resumed:?}");
}

/// A call with the arguments that matter.
struct Call {
    number: i64,
    file: u64,
    second: u64,
    offset: u64,
}

struct Recorder {
    process: Pid,
    file: PathBuf,
    said: PathBuf,
    /// Calls that have begun, by their threads, with how many events there were.
    calls: HashMap<Pid, (Call, usize)>,
    events: Vec<Event>,
    ranges: usize,
    naming: Naming,
}

impl Recorder {
    fn begins(&mut self, thread: Pid) {
        let call = call(thread);
        self.ranges += usize::from(call.number == libc::SYS_sync_file_range);
        self.calls.insert(thread, (call, self.events.len()));
    }

    fn ends(&mut self, thread: Pid) {
        let Some((call, before)) = self.calls.remove(&thread) else { return };
        let Ok(done) = u64::try_from(answer(thread)) else { return };
        if is_rename(call.number) {
            self.naming.renamed();
            return;
        }
        let Ok(path) = fs::read_link(format!("/proc/{}/fd/{}", self.process, call.file)) else { return };
        match call.number {
            libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_ftruncate => self.naming.written(&path),
            libc::SYS_fsync | libc::SYS_fdatasync => self.naming.synced(&path),
            _ => {}
        }
        let is_file = path == self.file;
        if !is_file && path != self.said {
            return;
        }
        match call.number {
            libc::SYS_pwrite64 => {
                let mut bytes = vec![0; done.try_into().unwrap()];
                File::open(&path).unwrap().read_exact_at(&mut bytes, call.offset).unwrap();
                self.events.push(if is_file { Event::Written { at: call.offset, bytes } } else { Event::Said(bytes) });
            }
            libc::SYS_ftruncate if is_file => self.events.push(Event::Length(call.second)),
            libc::SYS_fsync | libc::SYS_fdatasync if is_file => self.events.push(Event::Synced(before)),
            _ => {}
        }
    }
}

fn is_rename(number: i64) -> bool {
    #[cfg(target_arch = "x86_64")]
    let is_short = number == libc::SYS_rename;
    #[cfg(not(target_arch = "x86_64"))]
    let is_short = false;
    is_short || [libc::SYS_renameat, libc::SYS_renameat2].contains(&number)
}

#[cfg(target_arch = "x86_64")]
fn call(thread: Pid) -> Call {
    let registers = ptrace::getregs(thread).unwrap();
    Call { number: registers.orig_rax.cast_signed(), file: registers.rdi, second: registers.rsi, offset: registers.r10 }
}

#[cfg(target_arch = "x86_64")]
fn answer(thread: Pid) -> i64 {
    // A process that is ending has no answers any more.
    ptrace::getregs(thread).map_or(-1, |registers| registers.rax.cast_signed())
}

#[cfg(target_arch = "aarch64")]
fn call(thread: Pid) -> Call {
    let registers = ptrace::getregs(thread).unwrap().regs;
    Call { number: registers[8].cast_signed(), file: registers[0], second: registers[1], offset: registers[3] }
}

#[cfg(target_arch = "aarch64")]
fn answer(thread: Pid) -> i64 {
    ptrace::getregs(thread).map_or(-1, |registers| registers.regs[0].cast_signed())
}
