//! Checks expectations: against what the group before a commit will write, then against the rows.

use super::audit_hours::{self, Remembered};
use super::batch::Batch;
use super::journal::Commit;
use super::names;
use super::row::{self, Head};
use crate::model::Sequence;
use crate::store::changes::{Expectation, Write};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound::{Included, Unbounded};

/// What a group of commits will have written: the last word on each row that it touches, none for a row that it removes.
pub(super) struct Overlay<'a> {
    rows: &'a sled::Db,
    touched: HashMap<Vec<u8>, Option<Head>>,
    /// The same names in order, from the first time on that somebody asks what begins alike.
    ordered: Option<BTreeSet<Vec<u8>>>,
    /// Expiry rows for hours of audit rows that it puts.
    hours: HashSet<Vec<u8>>,
}

/// What the rows themselves say, as far as the expectations of a commit had them read.
type Known<'a> = HashMap<&'a [u8], Option<Head>>;

impl<'a> Overlay<'a> {
    pub(super) fn new(rows: &'a sled::Db) -> Self {
        Self { rows, touched: HashMap::new(), ordered: None, hours: HashSet::new() }
    }

    /// The commit that the batch becomes under that sequence; none if an expectation does not hold.
    pub(super) fn add(&mut self, batch: Batch, sequence: Sequence, remembered: &Remembered) -> Result<Option<Commit>, sled::Error> {
        let mut known = Known::new();
        for expectation in &batch.expectations {
            let holds = match expectation {
                Expectation::Absent(name) => self.expected(name, &mut known)?.is_none(),
                Expectation::Present(name) => self.expected(name, &mut known)?.is_some(),
                Expectation::Version(name, version) => self.expected(name, &mut known)?.is_some_and(|head| head.version == *version),
                Expectation::Empty(prefix) => self.is_empty(prefix)?,
            };
            if !holds {
                return Ok(None);
            }
        }
        let mut commit = Commit::empty(sequence);
        for write in batch.writes {
            self.write(write, &mut commit, &known)?;
        }
        for (number, (at, tail)) in (0..).zip(batch.audit) {
            let key = names::audit_key(batch.pool, at, sequence, number);
            // The key is a new one: there is no former row to read, and no former end to take away.
            if let Some(kept) = batch.audit_kept {
                let expiry = audit_hours::expiry_key(batch.pool, at, kept);
                if !remembered.contains(&expiry) && self.hours.insert(expiry.clone()) {
                    commit.puts.push((expiry, row::tail(&[], None)));
                }
            }
            commit.puts.push((key, tail));
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
        if let Some(ordered) = &mut self.ordered {
            ordered.extend(commit.names().map(<[u8]>::to_vec));
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

    /// Whether the row is gone when all of the group is applied.
    pub(super) fn removes(&self, name: &[u8]) -> bool {
        matches!(self.touched.get(name), Some(None))
    }

    /// Adds the write and keeps the expiry rows in step where the old row is known or may end. An expiry row that is left behind by a row
    /// that was overwritten unread is dropped by the sweep when its time comes.
    fn write(&self, write: Write<Vec<u8>>, commit: &mut Commit, known: &Known<'_>) -> Result<(), sled::Error> {
        let (Write::Put { key, .. } | Write::Delete { key }) = &write;
        let expires = if let Write::Put { expires, .. } = &write { *expires } else { None };
        let before = match self.touched.get(key).or_else(|| known.get(key.as_slice())) {
            Some(head) => *head,
            None if expires.is_some() => read_head(self.rows, key)?,
            None => None,
        };
        let before = before.and_then(|head| head.expires);
        if before != expires {
            commit.puts.extend(expires.map(|at| (names::expiry_key(at, key), row::tail(&[], None))));
            commit.deletes.extend(before.map(|at| names::expiry_key(at, key)));
        }
        match write {
            Write::Put { key, value: tail, .. } => commit.puts.push((key, tail)),
            Write::Delete { key } => commit.deletes.push(key),
        }
        Ok(())
    }

    fn expected<'b>(&self, name: &'b [u8], known: &mut Known<'b>) -> Result<Option<Head>, sled::Error> {
        if let Some(head) = self.touched.get(name) {
            return Ok(*head);
        }
        if let Some(head) = known.get(name) {
            return Ok(*head);
        }
        let head = read_head(self.rows, name)?;
        known.insert(name, head);
        Ok(head)
    }

    fn is_empty(&mut self, prefix: &[u8]) -> Result<bool, sled::Error> {
        let touched = &self.touched;
        let ordered = self.ordered.get_or_insert_with(|| touched.keys().cloned().collect());
        let mut coming = ordered.range::<[u8], _>((Included(prefix), Unbounded)).take_while(|name| name.starts_with(prefix));
        if coming.any(|name| touched.get(name).is_some_and(Option::is_some)) {
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
