//! What one commit asks for: expectations, puts and deletes, applied all or not at all.

use super::keys::{Key, Prefix};
use super::server_keys::ServerKey;
use crate::model::{Result, Sequence, Timestamp};
use std::time::Duration;

/// What must hold at the moment of the commit.
#[derive(Clone, Debug)]
pub(super) enum Expectation<K, P> {
    /// There is no such record.
    Absent(K),
    /// The record is there, and was last written by this commit.
    Version(K, Sequence),
    /// The same of a record on which the commit rests and which it does not write.
    Unchanged(K, Sequence),
    /// The record is there.
    Present(K),
    /// No record begins so.
    Empty(P),
}

/// One row to write or to remove.
#[derive(Clone, Debug)]
pub(super) enum Write<K> {
    Put { key: K, value: Vec<u8>, expires: Option<Timestamp> },
    Delete { key: K },
}

/// The changes of one commit to one pool.
///
/// Where a record is named twice, the later call wins. Readers meet the puts in the order of the
/// calls, and the deletes after all puts.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub(super) expectations: Vec<Expectation<Key, Prefix>>,
    pub(super) writes: Vec<Write<Key>>,
    /// Audit records (time, bytes): the committer gives each its key.
    pub(super) audit: Vec<(Timestamp, Vec<u8>)>,
    /// How long they stay; for ever if nobody has said.
    pub(super) audit_kept: Option<Duration>,
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

    /// Expects a record as it was read on which the decision rests, such as who has asked. Nobody
    /// lines up for it: many may rest on one, and none of them changes it.
    pub fn expect_unchanged(&mut self, key: Key, version: Sequence) {
        self.expectations.push(Expectation::Unchanged(key, version));
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
        self.writes.push(Write::Put { key, value, expires: None });
    }

    /// Writes a record that ends by itself. Whoever reads it checks the time too: the sweep comes
    /// later.
    pub fn put_until(&mut self, key: Key, value: Vec<u8>, expires: Timestamp) {
        self.writes.push(Write::Put { key, value, expires: Some(expires) });
    }

    /// Removes a record; no error if it is not there.
    pub fn delete(&mut self, key: Key) {
        self.writes.push(Write::Delete { key });
    }

    /// Whether they remove that record, as far as they go by now.
    pub fn removes(&self, key: &Key) -> bool {
        let last = self.writes.iter().rev().find(|write| match write {
            Write::Put { key: named, .. } | Write::Delete { key: named } => named == key,
        });
        matches!(last, Some(Write::Delete { .. }))
    }

    /// Adds an audit record; it is committed with the act.
    pub fn audit(&mut self, at: Timestamp, record: Vec<u8>) {
        self.audit.push((at, record));
    }

    /// Says how long its audit records stay: at least so long. They end by the hour, so they are
    /// due up to an hour later and go with the next sweep.
    pub fn keep_audit(&mut self, time: Duration) {
        self.audit_kept = Some(time);
    }

    /// Lets `fill` add to them; if it fails, they are as they were. For whoever goes on after that
    /// error: it can come when a part of the rows is there already.
    pub fn attempt<T>(&mut self, fill: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        // These rather than others that are merged later: what fills them asks what they remove.
        let (expectations, writes, audit, kept) = (self.expectations.len(), self.writes.len(), self.audit.len(), self.audit_kept);
        let filled = fill(self);
        if filled.is_err() {
            self.expectations.truncate(expectations);
            self.writes.truncate(writes);
            self.audit.truncate(audit);
            self.audit_kept = kept;
        }
        filled
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.audit.is_empty()
    }
}

/// Changes to the server's own records: the registry of pools, counters, checkpoints. The same
/// rules as for [`Changes`].
#[derive(Clone, Debug, Default)]
pub struct ServerChanges {
    pub(super) expectations: Vec<Expectation<ServerKey, std::convert::Infallible>>,
    pub(super) writes: Vec<Write<ServerKey>>,
}

impl ServerChanges {
    /// No change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Expects that there is no such record.
    pub fn expect_absent(&mut self, key: ServerKey) {
        self.expectations.push(Expectation::Absent(key));
    }

    /// Expects the record as it was read.
    pub fn expect_version(&mut self, key: ServerKey, version: Sequence) {
        self.expectations.push(Expectation::Version(key, version));
    }

    /// Expects that the record is there.
    pub fn expect_present(&mut self, key: ServerKey) {
        self.expectations.push(Expectation::Present(key));
    }

    /// Writes a record.
    pub fn put(&mut self, key: ServerKey, value: Vec<u8>) {
        self.writes.push(Write::Put { key, value, expires: None });
    }

    /// Removes a record; no error if it is not there.
    pub fn delete(&mut self, key: ServerKey) {
        self.writes.push(Write::Delete { key });
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{EntryId, Error};

    #[test]
    fn an_attempt_that_fails_leaves_nothing() {
        let key = |number| Key::entry(EntryId::new(number));
        let mut changes = Changes::new();
        changes.delete(key(1));
        changes.expect_present(key(1));
        let fill = |changes: &mut Changes| {
            assert!(changes.removes(&key(1)), "it sees what is there already");
            changes.expect_absent(key(2));
            changes.put(key(2), Vec::new());
            changes.put(key(1), Vec::new());
            changes.audit(Timestamp::from_seconds(1), Vec::new());
            changes.keep_audit(Duration::from_secs(1));
        };
        let failed: Result<()> = changes.attempt(|changes| {
            fill(changes);
            Err(Error::contended())
        });
        assert!(failed.is_err() && changes.removes(&key(1)));
        assert_eq!((changes.expectations.len(), changes.writes.len(), changes.audit.len(), changes.audit_kept), (1, 1, 0, None));
        changes
            .attempt(|changes| {
                fill(changes);
                Ok(())
            })
            .unwrap();
        assert!(!changes.removes(&key(1)));
        assert_eq!((changes.expectations.len(), changes.writes.len(), changes.audit.len()), (2, 3, 1));
    }
}
