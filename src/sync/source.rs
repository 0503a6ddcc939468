//! Where an import comes from: something that can be read more than once, in one of the formats.

use super::csv;
use super::ldif::{self, FileError, Record};
use crate::crypto::digest;
use crate::model::Dn;
use bytes::{Buf, Bytes};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

/// Octets that are read at once for the fingerprint.
const BLOCK: u64 = 1 << 20;

/// A file that can be read again from its beginning.
pub trait Source: Send + Sync {
    /// A new reader at the beginning.
    fn open(&self) -> io::Result<Box<dyn BufRead + Send>>;
}

impl Source for PathBuf {
    fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        Ok(Box::new(BufReader::new(File::open(self)?)))
    }
}

impl Source for Bytes {
    fn open(&self) -> io::Result<Box<dyn BufRead + Send>> {
        Ok(Box::new(self.clone().reader()))
    }
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// LDIF (RFC 2849).
    Ldif,
    /// A table of entries, as `sync::csv` reads it.
    Csv,
}

/// The entries of a file.
pub(super) enum Records {
    Ldif(ldif::Reader<Box<dyn BufRead + Send>>),
    Csv(csv::Reader<Box<dyn BufRead + Send>>),
}

impl Records {
    pub(super) fn open(source: &dyn Source, format: Format, suffix: &Dn) -> io::Result<Self> {
        let input = source.open()?;
        Ok(match format {
            Format::Ldif => Self::Ldif(ldif::Reader::new(input)),
            Format::Csv => Self::Csv(csv::Reader::new(input, suffix.clone())),
        })
    }
}

impl Iterator for Records {
    type Item = Result<Record, FileError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Ldif(reader) => reader.next(),
            Self::Csv(reader) => reader.next(),
        }
    }
}

/// A digest by which a file is known again: a chain over its blocks, so that it need not be held in
/// memory.
pub(super) fn fingerprint(source: &dyn Source) -> io::Result<[u8; 32]> {
    let mut input = source.open()?;
    let mut chain = [0; 32];
    loop {
        let mut block = chain.to_vec();
        if input.by_ref().take(BLOCK).read_to_end(&mut block)? == 0 {
            return Ok(chain);
        }
        chain = digest::sha256(&block);
    }
}
