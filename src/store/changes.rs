//! What one commit asks for: expectations, puts and deletes, applied all or not at all.

use super::keys::{Key, Prefix};
use crate::model::{Sequence, Timestamp};

/// What must hold at the moment of the commit.
#[derive(Clone, Debug)]
pub enum Expectation {
    /// There is no such record.
    Absent(Key),
    /// The record is there, and was last written by this commit.
    Version(Key, Sequence),
    /// The record is there.
    Present(Key),
    /// No record begins so.
    Empty(Prefix),
}

/// A record to write.
#[derive(Clone, Debug)]
pub struct Put {
    /// Its name.
    pub key: Key,
    /// Its bytes.
    pub value: Vec<u8>,
    /// When the sweep may remove it; the store keeps the expiry row.
    pub expires: Option<Timestamp>,
}

/// The changes of one commit to one pool.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub(super) expectations: Vec<Expectation>,
    pub(super) puts: Vec<Put>,
    pub(super) deletes: Vec<Key>,
    /// Audit records (time, bytes): the committer gives each its key.
    pub(super) audit: Vec<(Timestamp, Vec<u8>)>,
}

impl Changes {
    /// No change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects that there is no such record.
    pub fn expect_absent(&mut self, key: Key) {
        self.expectations.push(Expectation::Absent(key));
    }

    /// Expects the record as it was read.
    pub fn expect_version(&mut self, key: Key, version: Sequence) {
        self.expectations.push(Expectation::Version(key, version));
    }

    /// Expects that the record is there.
    pub fn expect_present(&mut self, key: Key) {
        self.expectations.push(Expectation::Present(key));
    }

    /// Expects that no record begins so.
    pub fn expect_empty(&mut self, prefix: Prefix) {
        self.expectations.push(Expectation::Empty(prefix));
    }

    /// Writes a record.
    pub fn put(&mut self, key: Key, value: Vec<u8>) {
        self.puts.push(Put { key, value, expires: None });
    }

    /// Writes a record that ends by itself. Whoever reads it checks the time too: the sweep comes later.
    pub fn put_until(&mut self, key: Key, value: Vec<u8>, expires: Timestamp) {
        self.puts.push(Put { key, value, expires: Some(expires) });
    }

    /// Removes a record; no error if it is not there.
    pub fn delete(&mut self, key: Key) {
        self.deletes.push(key);
    }

    /// Adds an audit record; it is committed with the act.
    pub fn audit(&mut self, at: Timestamp, record: Vec<u8>) {
        self.audit.push((at, record));
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty() && self.audit.is_empty()
    }
}
