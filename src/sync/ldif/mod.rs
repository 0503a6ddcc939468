//! LDIF, the text form of entries (RFC 2849): a bounded, streaming reader that knows its line
//! numbers, and a writer.

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
    /// Description and values.
    pub attribute: Attribute,
    /// The line of each value.
    pub lines: Vec<u64>,
}

impl Record {
    /// Octets of its values.
    pub(super) fn octets(&self) -> usize {
        self.attributes.iter().flat_map(|field| &field.attribute.values).map(Vec::len).sum()
    }

    /// Adds a value; descriptions that differ in case only are one attribute.
    pub(super) fn push(&mut self, name: String, value: Vec<u8>, line: u64) {
        match self.attributes.iter_mut().find(|field| field.attribute.name.eq_ignore_ascii_case(&name)) {
            Some(field) => {
                field.attribute.values.push(value);
                field.lines.push(line);
            }
            None => self.attributes.push(Field { attribute: Attribute { name, values: vec![value] }, lines: vec![line] }),
        }
    }
}

/// What is wrong with a file, and where.
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
