//! Checks expectations: against what the commits before it will write, of its own group and of the
//! one before, then against the rows.

use super::audit_hours::{self, Remembered};
use super::batch::Batch;
use super::journal::Commit;
use super::names;
use super::row::{self, Head};
use super::rows::Rows;
use crate::model::Sequence;
use crate::store::changes::{Expectation, Write};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound::{Included, Unbounded};

/// What a group of commits will have written: the last word on each row that it touches, none for a
/// row that it removes.
#[derive(Default)]
pub(super) struct Touched(HashMap<Vec<u8>, Option<Head>>);

/// A group while it is put together, over the one before it, whose rows may be written already or
/// not.
pub(super) struct Overlay<'a> {
    rows: &'a Rows,
    before: &'a Touched,
    touched: Touched,
    /// The names of both in order, from the first time on that somebody asks what begins alike.
    ordered: Option<BTreeSet<Vec<u8>>>,
    /// Expiry rows for hours of audit rows that it puts.
    hours: HashSet<Vec<u8>>,
}

/// What the rows themselves say, as far as the expectations of a commit had them read.
type Known<'a> = HashMap<&'a [u8], Option<Head>>;

impl<'a> Overlay<'a> {
    pub(super) fn new(rows: &'a Rows, before: &'a Touched) -> Self {
        Self { rows, before, touched: Touched::default(), ordered: None, hours: HashSet::new() }
    }

    /// The commit that the batch becomes under that sequence; none if an expectation does not hold.
    pub(super) fn add(&mut self, batch: Batch, sequence: Sequence, remembered: &Remembered) -> Result<Option<Commit>, sled::Error> {
        let mut known = Known::new();
        for expectation in &batch.expectations {
            let holds = match expectation {
                Expectation::Absent(name) => self.expected(name, &mut known)?.is_none(),
                Expectation::Present(name) => self.expected(name, &mut known)?.is_some(),
                Expectation::Version(name, version) | Expectation::Unchanged(name, version) => {
                    self.expected(name, &mut known)?.is_some_and(|head| head.version == *version)
                }
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
            self.touched.0.insert(name.clone(), Some(head));
        }
        for name in &commit.deletes {
            self.touched.0.insert(name.clone(), None);
        }
        if let Some(ordered) = &mut self.ordered {
            ordered.extend(commit.names().map(<[u8]>::to_vec));
        }
    }

    /// The last word on each row, and the expiry rows for hours of audit rows that the group puts.
    pub(super) fn finish(self) -> (Touched, HashSet<Vec<u8>>) {
        (self.touched, self.hours)
    }

    /// Adds the write and keeps the expiry rows in step where the old row is known or may end. An
    /// expiry row that is left behind by a row that was overwritten unread is dropped by the sweep
    /// when its time comes.
    fn write(&self, write: Write<Vec<u8>>, commit: &mut Commit, known: &Known<'_>) -> Result<(), sled::Error> {
        let (Write::Put { key, .. } | Write::Delete { key }) = &write;
        let expires = if let Write::Put { expires, .. } = &write { *expires } else { None };
        let before = match self.coming(key).or_else(|| known.get(key.as_slice()).copied()) {
            Some(head) => head,
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
        if let Some(head) = self.coming(name).or_else(|| known.get(name).copied()) {
            return Ok(head);
        }
        let head = read_head(self.rows, name)?;
        known.insert(name, head);
        Ok(head)
    }

    /// What a row will say when the group before is applied, and this one as far as it goes;
    /// nothing if neither touches it.
    fn coming(&self, name: &[u8]) -> Option<Option<Head>> {
        self.touched.0.get(name).or_else(|| self.before.0.get(name)).copied()
    }

    fn is_empty(&mut self, prefix: &[u8]) -> Result<bool, sled::Error> {
        if self.ordered.is_none() {
            self.ordered = Some(self.before.0.keys().chain(self.touched.0.keys()).cloned().collect());
        }
        let names = self.ordered.iter().flat_map(|ordered| ordered.range::<[u8], _>((Included(prefix), Unbounded)));
        if names.take_while(|name| name.starts_with(prefix)).any(|name| self.coming(name).flatten().is_some()) {
            return Ok(false);
        }
        for name in self.rows.scan_prefix(prefix).keys() {
            if self.coming(&name?).is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Touched {
    /// Whether the group still means this put when all of it is applied.
    pub(super) fn keeps(&self, name: &[u8], sequence: Sequence) -> bool {
        matches!(self.0.get(name), Some(Some(head)) if head.version == sequence)
    }

    /// Whether the row is gone when all of the group is applied.
    pub(super) fn removes(&self, name: &[u8]) -> bool {
        matches!(self.0.get(name), Some(None))
    }
}

/// What the row says of itself, read from the engine.
pub(super) fn read_head(rows: &Rows, name: &[u8]) -> Result<Option<Head>, sled::Error> {
    let Some(bytes) = rows.get(name)? else { return Ok(None) };
    match row::split(&bytes) {
        Some((head, _)) => Ok(Some(head)),
        None => Err(sled::Error::Unsupported("a row has a form that this version does not know".into())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::{PoolId, Timestamp};
    use crate::store::{Changes, Key, Prefix, ServerChanges, Space};

    const POOL: PoolId = PoolId::new(7);

    fn key(name: &str) -> Key {
        Key::named(Space::Grant, name.as_bytes())
    }

    fn name(of: &str) -> Vec<u8> {
        names::pool_key(POOL, key(of).as_bytes())
    }

    fn head(version: u64, expires: Option<i64>) -> Head {
        Head { version: Sequence::new(version), expires: expires.map(Timestamp::from_micros) }
    }

    /// An engine that holds `there` and `going` as the third commit wrote them, and the group after
    /// it, which writes `there` and `coming` and removes `going`. Its rows are not written yet, or
    /// some are.
    fn two_groups(test: impl Fn(&Rows, &Touched)) {
        let folder = tempfile::tempdir().unwrap();
        let rows = Rows::new(sled::open(folder.path()).unwrap(), None);
        let put = |of: &str, version| {
            let mut row = Vec::new();
            row::write_whole(&mut row, Sequence::new(version), &row::tail(b"", None));
            rows.insert(name(of), row).unwrap();
        };
        put("there", 3);
        put("going", 3);
        let touched = [("there", Some(head(4, Some(9)))), ("coming", Some(head(4, None))), ("going", None)];
        let before = Touched(touched.into_iter().map(|(of, head)| (name(of), head)).collect());
        test(&rows, &before);
        put("coming", 4);
        test(&rows, &before);
        rows.remove(name("going")).unwrap();
        test(&rows, &before);
        put("there", 4);
        test(&rows, &before);
    }

    fn add(rows: &Rows, before: &Touched, fill: impl FnOnce(&mut Changes)) -> Option<Commit> {
        let mut changes = Changes::new();
        fill(&mut changes);
        let batch = Batch::new(POOL, changes, ServerChanges::new()).unwrap();
        Overlay::new(rows, before).add(batch, Sequence::new(5), &Remembered::default()).unwrap()
    }

    #[test]
    fn a_group_finds_what_the_one_before_means_however_much_of_it_is_applied() {
        two_groups(|rows, before| {
            let holds = |fill: &dyn Fn(&mut Changes)| add(rows, before, fill).is_some();
            assert!(holds(&|changes| changes.expect_version(key("there"), Sequence::new(4))));
            assert!(!holds(&|changes| changes.expect_version(key("there"), Sequence::new(3))));
            assert!(holds(&|changes| changes.expect_present(key("coming"))));
            assert!(!holds(&|changes| changes.expect_absent(key("coming"))));
            assert!(holds(&|changes| changes.expect_absent(key("going"))));
            assert!(!holds(&|changes| changes.expect_present(key("going"))));
            assert!(holds(&|changes| changes.expect_empty(Prefix::named(Space::Grant, b"goi"))));
            assert!(!holds(&|changes| changes.expect_empty(Prefix::named(Space::Grant, b"com"))));
            assert!(!holds(&|changes| changes.expect_empty(Prefix::named(Space::Grant, b"the"))));
        });
    }

    #[test]
    fn an_end_that_the_group_before_has_set_is_taken_away() {
        two_groups(|rows, before| {
            let commit = add(rows, before, |changes| changes.put(key("there"), Vec::new())).unwrap();
            assert_eq!(commit.deletes, [names::expiry_key(Timestamp::from_micros(9), &name("there"))]);
        });
    }
}
