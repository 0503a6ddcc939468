//! Checks expectations: against what the group before a commit will write, then against the rows.

use super::audit_hours::{self, Remembered};
use super::batch::Batch;
use super::journal::Commit;
use super::names;
use super::row::{self, Head};
use crate::model::Sequence;
use crate::store::changes::{Expectation, Write};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What a group of commits will have written: the last word on each row that it touches, none for a row that it removes.
pub(super) struct Overlay<'a> {
    rows: &'a sled::Db,
    touched: BTreeMap<Vec<u8>, Option<Head>>,
    /// Expiry rows for hours of audit rows that it puts.
    hours: HashSet<Vec<u8>>,
}

/// What the rows themselves say, as far as a commit has read them.
type Known = HashMap<Vec<u8>, Option<Head>>;

impl<'a> Overlay<'a> {
    pub(super) fn new(rows: &'a sled::Db) -> Self {
        Self { rows, touched: BTreeMap::new(), hours: HashSet::new() }
    }

    /// The commit that the batch becomes under that sequence; none if an expectation does not hold.
    pub(super) fn add(&mut self, batch: Batch, sequence: Sequence, remembered: &Remembered) -> Result<Option<Commit>, sled::Error> {
        let mut known = Known::new();
        for expectation in &batch.expectations {
            let holds = match expectation {
                Expectation::Absent(name) => self.head(name, &mut known)?.is_none(),
                Expectation::Present(name) => self.head(name, &mut known)?.is_some(),
                Expectation::Version(name, version) => self.head(name, &mut known)?.is_some_and(|head| head.version == *version),
                Expectation::Empty(prefix) => self.is_empty(prefix)?,
            };
            if !holds {
                return Ok(None);
            }
        }
        let mut commit = Commit::empty(sequence);
        for write in last_of_each(batch.writes) {
            self.write(write, &mut commit, &mut known)?;
        }
        for (number, (at, record)) in (0..).zip(batch.audit) {
            let key = names::audit_key(batch.pool, at, sequence, number);
            let expires = batch.audit_kept.map(|kept| at.plus(kept));
            // The key is a new one: there is no former row to read, and no former end to take away.
            if let Some(kept) = batch.audit_kept {
                let expiry = audit_hours::expiry_key(batch.pool, at, kept);
                if !remembered.contains(&expiry) && self.hours.insert(expiry.clone()) {
                    commit.puts.push((expiry, row::tail(&[], None)));
                }
            }
            commit.puts.push((key, row::tail(&record, expires)));
        }
        self.touch(&commit);
        Ok(Some(commit))
    }

    /// Takes note of what a commit writes.
    pub(super) fn touch(&mut self, commit: &Commit) {
        for (name, tail) in &commit.puts {
            let head = Head { version: commit.sequence, expires: row::tail_expires(tail) };
            self.touched.insert(name.clone(), Some(head));
        }
        for name in &commit.deletes {
            self.touched.insert(name.clone(), None);
        }
    }

    /// The expiry rows for hours of audit rows that the group puts.
    pub(super) fn new_hours(self) -> HashSet<Vec<u8>> {
        self.hours
    }

    /// Whether the group still means this put when all of it is applied.
    pub(super) fn keeps(&self, name: &[u8], sequence: Sequence) -> bool {
        matches!(self.touched.get(name), Some(Some(head)) if head.version == sequence)
    }

    /// The rows that are gone when all of the group is applied.
    pub(super) fn removed(&self) -> impl Iterator<Item = &[u8]> {
        self.touched.iter().filter(|(_, head)| head.is_none()).map(|(name, _)| name.as_slice())
    }

    /// Adds the write and keeps the expiry rows in step where the old row is known or may end. An expiry row that is left behind by a row
    /// that was overwritten unread is dropped by the sweep when its time comes.
    fn write(&self, write: Write<Vec<u8>>, commit: &mut Commit, known: &mut Known) -> Result<(), sled::Error> {
        let (Write::Put { key, .. } | Write::Delete { key }) = &write;
        let expires = if let Write::Put { expires, .. } = &write { *expires } else { None };
        let read = expires.is_some() || known.contains_key(key) || self.touched.contains_key(key);
        let before = if read { self.head(key, known)?.and_then(|head| head.expires) } else { None };
        if before != expires {
            commit.puts.extend(expires.map(|at| (names::expiry_key(at, key), row::tail(&[], None))));
            commit.deletes.extend(before.map(|at| names::expiry_key(at, key)));
        }
        match write {
            Write::Put { key, value, expires } => commit.puts.push((key, row::tail(&value, expires))),
            Write::Delete { key } => commit.deletes.push(key),
        }
        Ok(())
    }

    fn head(&self, name: &[u8], known: &mut Known) -> Result<Option<Head>, sled::Error> {
        if let Some(head) = self.touched.get(name) {
            return Ok(*head);
        }
        if let Some(head) = known.get(name) {
            return Ok(*head);
        }
        let head = read_head(self.rows, name)?;
        known.insert(name.to_vec(), head);
        Ok(head)
    }

    fn is_empty(&self, prefix: &[u8]) -> Result<bool, sled::Error> {
        let mut coming = self.touched.range(prefix.to_vec()..).take_while(|(name, _)| name.starts_with(prefix));
        if coming.any(|(_, head)| head.is_some()) {
            return Ok(false);
        }
        for name in self.rows.scan_prefix(prefix).keys() {
            if !self.touched.contains_key(name?.as_ref()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What the row says of itself, read from the engine.
pub(super) fn read_head(rows: &sled::Db, name: &[u8]) -> Result<Option<Head>, sled::Error> {
    let Some(bytes) = rows.get(name)? else { return Ok(None) };
    match row::split(&bytes) {
        Some((head, _)) => Ok(Some(head)),
        None => Err(sled::Error::Unsupported("a row has a form that this version does not know".into())),
    }
}

/// The last write to each row, in the order of those last writes.
fn last_of_each(writes: Vec<Write<Vec<u8>>>) -> Vec<Write<Vec<u8>>> {
    let mut seen = HashSet::new();
    let mut kept: Vec<_> = Vec::with_capacity(writes.len());
    for write in writes.into_iter().rev() {
        let (Write::Put { key, .. } | Write::Delete { key }) = &write;
        if seen.insert(key.clone()) {
            kept.push(write);
        }
    }
    kept.reverse();
    kept
}
