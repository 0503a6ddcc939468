//! Imports and exports. An import answers with lines of JSON: how far it has come, again and again,
//! and at last how it ended.

use serde::{Deserialize, Serialize};

/// One line of an import's answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportLine {
    /// How far it has come.
    Progress {
        /// Records that were judged.
        judged: u64,
        /// Entries that were added.
        added: u64,
        /// Links between entries that were added.
        links: u64,
    },
    /// It is done.
    Done(ImportReport),
    /// The file was refused, and this run wrote nothing.
    Refused {
        /// What is wrong with it.
        problems: Vec<Problem>,
        /// Entries that are there because an earlier run of the import, which was cut off, had
        /// added them.
        earlier: u64,
    },
    /// It ended before its end; what was written stays.
    Stopped {
        /// Why.
        problem: Problem,
        /// Whether the same import goes on from there if it is run again, with nothing mended.
        goes_on: bool,
    },
}

/// What an import did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ImportReport {
    /// Entries that were added, those before a crash included.
    pub added: u64,
    /// Links between entries that were added.
    pub links: u64,
    /// Entries of the file that were there before and stay as they are.
    pub kept: u64,
    /// Entries that an import which was given up had added from the same records; their links were
    /// added.
    pub taken_over: u64,
    /// Whether it went on where an earlier attempt was cut off.
    pub resumed: bool,
    /// Attributes that were left out.
    pub left_out: Vec<String>,
    /// What has become other than the file says, by line: who is disabled, whose password was left
    /// out, must be changed or has ended.
    #[serde(default)]
    pub notes: Vec<Problem>,
    /// How many more notes there were than are told.
    #[serde(default)]
    pub more_notes: u64,
}

/// An import that was given up.
#[derive(Debug, Serialize, Deserialize)]
pub struct GivenUp {
    /// Entries that it had added. They stay.
    pub added: u64,
}

/// What is wrong or has become other, and where.
#[derive(Debug, Serialize, Deserialize)]
pub struct Problem {
    /// The line of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong with it and how to mend it, or what has become of it.
    pub message: String,
}
