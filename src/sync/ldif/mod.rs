//! LDIF, the text form of entries (RFC 2849): a bounded, streaming reader that knows its line numbers, and a writer.

mod reader;
mod writer;

pub use reader::{MAX_LINE, MAX_RECORD, Reader};
pub use writer::Writer;

use crate::model::{Attribute, Dn};
use std::fmt;

/// One entry of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line of its `dn:`, counted from 1.
    pub line: u64,
    /// Its name.
    pub dn: Dn,
    /// Its attributes, each once, in the order of their first values.
    pub attributes: Vec<Field>,
}

/// An attribute of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The line of its first value.
    pub line: u64,
    /// Description and values.
    pub attribute: Attribute,
}

/// Why a file cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for FileError {}

#[cfg(test)]
mod tests;
