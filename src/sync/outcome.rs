//! How an import goes and how it ends, for whoever asked for it.

use super::ldif::FileError;
use crate::model::error::{Clash, Rule};
use crate::model::{Error, Kind};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far an import has come since it was started, for whoever watches it.
#[derive(Debug, Default)]
pub struct Progress {
    pub(super) judged: AtomicU64,
    pub(super) added: AtomicU64,
    pub(super) links: AtomicU64,
}

impl Progress {
    /// Records that the first pass has judged.
    pub fn judged(&self) -> u64 {
        self.judged.load(Ordering::Relaxed)
    }

    /// Entries that the second pass has added.
    pub fn added(&self) -> u64 {
        self.added.load(Ordering::Relaxed)
    }

    /// Links that the third pass has added.
    pub fn links(&self) -> u64 {
        self.links.load(Ordering::Relaxed)
    }
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that were added, those before a crash included.
    pub added: u64,
    /// Links between entries that were added.
    pub links: u64,
    /// Entries of the file that were there before and stay as they are: the suffix, organizational
    /// units.
    pub kept: u64,
    /// Entries that an import which was given up had added from the same records; their links were
    /// added.
    pub taken_over: u64,
    /// Whether it went on where an earlier attempt was cut off.
    pub resumed: bool,
    /// Attributes that were left out, because the server computes them or only another server uses
    /// them.
    pub left_out: Vec<String>,
    /// What has become other than the file says, by line: who is disabled, whose password was left
    /// out, must be changed or has ended; and who loses a mail address to the entry of the line,
    /// unless an earlier run that was cut off has taken it. The first [`MAX_NOTES`].
    pub notes: Vec<Note>,
    /// How many more notes there were.
    pub more_notes: u64,
}

/// The most problems that are told before the first pass ends.
pub const MAX_PROBLEMS: usize = 100;

/// The most notes that are told with their lines. What a note says of an entry, the entry itself
/// says too, or the audit log.
pub const MAX_NOTES: usize = 10_000;

/// What became of a line of the file, other than it says, or of somebody else by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line, counted from 1.
    pub line: u64,
    /// What it says and what became of it.
    pub message: String,
}

/// Why an import did not end well.
#[derive(Debug)]
pub enum Failure {
    /// The first pass found problems, and this run wrote nothing.
    Refused {
        /// What is wrong with the file.
        problems: Vec<FileError>,
        /// Entries that are in the pool because an earlier run, which was cut off, had added them.
        earlier: u64,
    },
    /// It ended before its end. What is done stays done.
    Stopped {
        /// The line of the record, if it was one.
        line: Option<u64>,
        /// Why.
        error: Error,
        /// Whether the same import goes on from there if it is run again, with nothing mended.
        goes_on: bool,
    },
}

impl Failure {
    pub(super) fn at(line: u64, error: Error) -> Self {
        Self::Stopped { line: Some(line), goes_on: goes_on(&error), error }
    }
}

fn goes_on(error: &Error) -> bool {
    matches!(error.kind(), Kind::Unavailable(_) | Kind::Conflict(Clash::Contended))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Stopped { line: None, goes_on: goes_on(&error), error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { problems, earlier } => {
                match earlier {
                    0 => f.write_str("the file was not imported; nothing was written.")?,
                    _ => write!(
                        f,
                        "the import does not go on: {earlier} entries are there from the run that was cut off, and this one wrote nothing."
                    )?,
                }
                let more = if problems.len() >= MAX_PROBLEMS { ", the first of them" } else { "" };
                write!(f, " Problems{more}:")?;
                problems.iter().try_for_each(|problem| write!(f, "\n{problem}"))
            }
            Self::Stopped { line, error, goes_on } => {
                match line {
                    Some(line) => write!(f, "the import stopped at line {line}: {error}")?,
                    None => error.fmt(f)?,
                }
                f.write_str(if *goes_on { "; import the file again to go on" } else { "" })
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::Refused { .. } => Kind::Invalid(Rule::Constraint),
            Failure::Stopped { error, .. } => error.kind().clone(),
        };
        Self::new(kind, failure.to_string())
    }
}
