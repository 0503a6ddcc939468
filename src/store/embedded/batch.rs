//! What a caller wants committed, in the names and rows of the engine and within the caps. Made on
//! the caller's thread: the committer has enough to do.

use super::{names, row};
use crate::model::{PoolId, Timestamp};
use crate::store::changes::{Expectation, Write};
use crate::store::{Changes, CommitError, MAX_CHANGES, MAX_KEY, MAX_ROW, ServerChanges};
use std::collections::HashSet;
use std::time::Duration;

/// What a write costs beside its own bytes: lengths, pool, version.
const FRAME: usize = 16;

/// What an audit record costs beside its own bytes: the same and its key. Keeps their number in one
/// change below 65,536.
const AUDIT_FRAME: usize = FRAME + 24;

pub(super) struct Batch {
    pub pool: PoolId,
    pub expectations: Vec<Expectation<Vec<u8>, Vec<u8>>>,
    /// One for each row, with the tail of the row for its value.
    pub writes: Vec<Write<Vec<u8>>>,
    /// Moments, and tails of rows.
    pub audit: Vec<(Timestamp, Vec<u8>)>,
    pub audit_kept: Option<Duration>,
    pub size: usize,
}

impl Batch {
    pub(super) fn new(pool: PoolId, changes: Changes, server: ServerChanges) -> Result<Self, CommitError> {
        let audit_kept = changes.audit_kept;
        let mut batch = Self { pool, expectations: Vec::new(), writes: Vec::new(), audit: Vec::new(), audit_kept, size: 0 };
        for expectation in changes.expectations {
            batch.expectations.push(match expectation {
                Expectation::Absent(key) => Expectation::Absent(names::pool_key(pool, key.as_bytes())),
                Expectation::Version(key, version) => Expectation::Version(names::pool_key(pool, key.as_bytes()), version),
                Expectation::Unchanged(key, version) => Expectation::Unchanged(names::pool_key(pool, key.as_bytes()), version),
                Expectation::Present(key) => Expectation::Present(names::pool_key(pool, key.as_bytes())),
                Expectation::Empty(prefix) => Expectation::Empty(names::pool_key(pool, prefix.as_bytes())),
            });
        }
        for expectation in server.expectations {
            batch.expectations.push(match expectation {
                Expectation::Absent(key) => Expectation::Absent(names::server_key(&key)),
                Expectation::Version(key, version) => Expectation::Version(names::server_key(&key), version),
                Expectation::Unchanged(key, version) => Expectation::Unchanged(names::server_key(&key), version),
                Expectation::Present(key) => Expectation::Present(names::server_key(&key)),
            });
        }
        for write in changes.writes {
            batch.add(write, |key| names::pool_key(pool, key.as_bytes()))?;
        }
        for write in server.writes {
            batch.add(write, names::server_key)?;
        }
        for (at, record) in changes.audit {
            within("the value of a record", record.len(), MAX_ROW)?;
            batch.size += AUDIT_FRAME + record.len();
            batch.audit.push((at, row::tail(&record, audit_kept.map(|kept| at.plus(kept)))));
        }
        within("a change", batch.size, MAX_CHANGES)?;
        keep_last_of_each(&mut batch.writes);
        Ok(batch)
    }

    fn add<K>(&mut self, write: Write<K>, name: impl Fn(&K) -> Vec<u8>) -> Result<(), CommitError> {
        let write = match write {
            Write::Put { key, value, expires } => {
                within("the value of a record", value.len(), MAX_ROW)?;
                self.size += value.len();
                Write::Put { key: name(&key), value: row::tail(&value, expires), expires }
            }
            Write::Delete { key } => Write::Delete { key: name(&key) },
        };
        let key = key_of(&write);
        within("the key of a record", names::within(key).len(), MAX_KEY)?;
        self.size += FRAME + key.len();
        self.writes.push(write);
        Ok(())
    }
}

fn key_of(write: &Write<Vec<u8>>) -> &[u8] {
    let (Write::Put { key, .. } | Write::Delete { key }) = write;
    key
}

/// Drops the writes to rows that a later one writes too.
fn keep_last_of_each(writes: &mut Vec<Write<Vec<u8>>>) {
    let mut seen = HashSet::with_capacity(writes.len());
    let mut from_last: Vec<bool> = writes.iter().rev().map(|write| seen.insert(key_of(write))).collect();
    writes.retain(|_| from_last.pop().unwrap_or(true));
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), CommitError> {
    if size > limit { Err(CommitError::TooLarge { what, size, limit }) } else { Ok(()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::store::{Key, Space};

    fn size_of(changes: Changes) -> Result<usize, CommitError> {
        Batch::new(PoolId::new(1), changes, ServerChanges::new()).map(|batch| batch.size)
    }

    fn refused(changes: Changes) -> (&'static str, usize) {
        match size_of(changes) {
            Err(CommitError::TooLarge { what, limit, .. }) => (what, limit),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_caps_hold_at_their_edge() {
        let put = |key: usize, value: usize| {
            let mut changes = Changes::new();
            changes.put(Key::named(Space::Grant, &vec![0; key - 1]), vec![0; value]);
            changes
        };
        assert!(size_of(put(MAX_KEY, MAX_ROW)).is_ok());
        assert_eq!(refused(put(MAX_KEY + 1, 0)), ("the key of a record", MAX_KEY));
        assert_eq!(refused(put(1, MAX_ROW + 1)), ("the value of a record", MAX_ROW));
    }

    #[test]
    fn deletes_and_audit_records_count_too() {
        let mut changes = Changes::new();
        changes.delete(Key::named(Space::Grant, &[0; MAX_KEY]));
        assert_eq!(refused(changes).0, "the key of a record");
        let mut changes = Changes::new();
        changes.audit(Timestamp::from_micros(0), vec![0; MAX_ROW + 1]);
        assert_eq!(refused(changes).0, "the value of a record");
        let mut changes = Changes::new();
        for _ in 0..=MAX_CHANGES / MAX_ROW {
            changes.audit(Timestamp::from_micros(0), vec![0; MAX_ROW]);
        }
        assert_eq!(refused(changes), ("a change", MAX_CHANGES));
    }

    #[test]
    fn of_the_writes_to_a_row_the_last_stays_in_its_place() {
        let mut changes = Changes::new();
        for (name, value) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4"), ("d", "5"), ("b", "6"), ("d", "7")] {
            changes.put(Key::named(Space::Grant, name.as_bytes()), value.as_bytes().to_vec());
        }
        changes.delete(Key::named(Space::Grant, b"c"));
        let batch = Batch::new(PoolId::new(1), changes, ServerChanges::new()).unwrap();
        let left = batch.writes.iter().map(|write| match write {
            Write::Put { key, value, .. } => (key.last().copied().unwrap(), value.last().copied()),
            Write::Delete { key } => (key.last().copied().unwrap(), None),
        });
        assert_eq!(left.collect::<Vec<_>>(), [(b'a', Some(b'4')), (b'b', Some(b'6')), (b'd', Some(b'7')), (b'c', None)]);
    }

    #[test]
    fn audit_records_of_one_change_can_be_numbered() {
        assert!(MAX_CHANGES / AUDIT_FRAME < usize::from(u16::MAX));
    }

    #[test]
    fn the_largest_row_leaves_its_page_inside_the_log() {
        let row = 4 + MAX_KEY + 17 + MAX_ROW;
        assert!(17 * row < 128 << 10);
    }
}
