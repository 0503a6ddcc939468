//! Who makes the engine's segments durable before it writes over those that they replace.
//!
//! sled 0.34 takes what it has written for stable after `sync_file_range(2)`. That call persists
//! neither the length of a file nor its extents nor the drive's cache, and sled then overwrites
//! segments whose copies a power cut can still destroy. Where the call is missing (ENOSYS) sled
//! falls back to `fsync(2)` after each write of its log, before it calls anything stable: so this
//! process does without the call, by a seccomp filter.

use super::disk::{EngineSync, FileSync, Sync, data_file};
use super::rows::Pace;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter_all_threads};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

/// What came of the filter. There is one for the process, and nothing takes it off again.
static FILTER: OnceLock<Result<(), String>> = OnceLock::new();

/// The number of the call, where the filter knows the architecture.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
const SYNC_FILE_RANGE: Option<i64> = Some(libc::SYS_sync_file_range);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const SYNC_FILE_RANGE: Option<i64> = None;

/// That somebody syncs segments in time. Nothing else makes one but [`SegmentSync::install`], and
/// no store opens without.
#[derive(Clone, Copy, Debug)]
pub struct SegmentSync(&'static Result<(), String>);

impl SegmentSync {
    /// Has the engine sync by itself, in every thread that the process has or will have. Where the
    /// kernel or the architecture does not allow that, stores sync in its place and warn. To be
    /// called as often as one likes.
    ///
    /// The filter sets `no_new_privs`: programs that this process starts gain no privileges by
    /// their set-user-ID bit.
    pub fn install() -> Self {
        Self(FILTER.get_or_init(refuse_sync_file_range))
    }

    /// Why a store must sync in the engine's place, if it must.
    pub(super) fn missing(self) -> Option<&'static str> {
        self.0.as_ref().err().map(String::as_str)
    }

    /// What makes the rows in that folder durable when a commit asks for it.
    pub(super) fn sync(self, engine: &Path) -> io::Result<Box<dyn Sync>> {
        Ok(match self.missing() {
            None => Box::new(EngineSync),
            Some(_) => Box::new(FileSync(writable(engine)?)),
        })
    }

    /// What syncs between commits, if the engine does not.
    pub(super) fn pace(self, engine: &Path) -> io::Result<Option<Pace>> {
        self.missing().map(|_| writable(engine).map(Pace::new)).transpose()
    }
}

fn writable(engine: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(data_file(engine))
}

fn refuse_sync_file_range() -> Result<(), String> {
    let architecture = std::env::consts::ARCH;
    let number = SYNC_FILE_RANGE.ok_or_else(|| format!("no seccomp filter is known for {architecture}"))?;
    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let program = TargetArch::try_from(architecture).and_then(|architecture| {
        // A call without conditions is refused whatever its arguments are.
        let filter = SeccompFilter::new([(number, Vec::new())].into(), SeccompAction::Allow, missing, architecture)?;
        BpfProgram::try_from(filter)
    });
    let program = program.map_err(|error| format!("the seccomp filter cannot be made: {error}"))?;
    apply_filter_all_threads(&program).map_err(|error| format!("the seccomp filter cannot be installed: {error}"))
}
