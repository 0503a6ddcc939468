//! What the committer does beside commits: the sweep of what has ended, the removal of pools, the
//! trimming of the journal.

use super::audit_hours;
use super::committer::{Committer, Failure, Kept, failed};
use super::feed::{self, pool_of};
use super::journal::{self, Assembler, Body, Commit};
use super::overlay::read_head;
use super::rows::Rows;
use super::{names, row};
use crate::model::{PoolId, Sequence, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Commits that may pile up before the journal is trimmed: trimming in batches touches the same
/// pages together.
const TRIM_BATCH: u64 = 256;

/// Bytes that may pile up before that.
const TRIM_BATCH_BYTES: u64 = 4 << 20;

/// Records trimmed in one go at most, so that commits do not wait long.
const MAX_TRIMMED: usize = 1024;

/// Bytes of names that one sweep removes at most.
const MAX_SWEPT: usize = crate::store::MAX_CHANGES;

/// What a sweep is to do.
#[derive(Default)]
struct Due {
    /// By pool, without their sequences.
    commits: BTreeMap<Option<PoolId>, Commit>,
    /// The expiry rows that were due.
    expiries: Vec<Vec<u8>>,
    /// Rows that count against the limit.
    met: usize,
    /// Bytes of the names to remove.
    bytes: usize,
}

impl Due {
    /// Removes the rows of an hour that have ended, and the expiry row if it has come to the last
    /// row of the hour. Otherwise the expiry row keeps where to go on.
    fn add_hour(
        &mut self,
        hour: Range<Vec<u8>>,
        (expiry, value): (&[u8], &[u8]),
        rows: &Rows,
        now: Timestamp,
        limit: usize,
    ) -> Result<(), sled::Error> {
        let commit = self.commits.entry(names::pool_of(&hour.start)).or_insert_with(unnumbered);
        let reached = row::split(value).map(|(_, reached)| reached).filter(|reached| !reached.is_empty());
        let start = reached.map_or(hour.start, <[u8]>::to_vec);
        let before = self.met;
        for item in rows.range(start..hour.end) {
            let (name, bytes) = item?;
            if self.met >= limit || self.bytes > MAX_SWEPT {
                commit.puts.push((expiry.to_vec(), row::tail(&name, None)));
                return Ok(());
            }
            self.met += 1;
            if row::split(&bytes).and_then(|(head, _)| head.expires).is_some_and(|end| end <= now) {
                self.bytes += name.len();
                commit.deletes.push(name.to_vec());
            }
        }
        self.met = self.met.max(before + 1);
        self.bytes += expiry.len();
        commit.deletes.push(expiry.to_vec());
        Ok(())
    }
}

/// A commit of the store's own before it has its sequence.
const fn unnumbered() -> Commit {
    Commit::empty(Sequence::new(0))
}

impl Committer {
    /// Removes what has ended by `now`, as commits of the store's own, one for each pool. An expiry
    /// row that its row no longer agrees with goes alone.
    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> Result<usize, Failure> {
        self.settle()?;
        let due = self.due(now, limit).map_err(|error| failed("reading expiry rows", &error))?;
        // What is put again from now on is put anew, also for an hour that is done in part.
        due.expiries.iter().for_each(|expiry| self.hours.forget(expiry));
        if !due.commits.is_empty() {
            self.commit_own(due.commits.into_values().collect())?;
        }
        Ok(due.met)
    }

    fn due(&self, now: Timestamp, limit: usize) -> Result<Due, sled::Error> {
        let rows = &self.shared.rows;
        let mut due = Due::default();
        for item in rows.range(names::expiry_prefix()..names::expiry_end(now)) {
            let (expiry, value) = item?;
            if due.met >= limit || due.bytes > MAX_SWEPT {
                break;
            }
            let Some((at, name)) = names::expiry_parts(&expiry) else { continue };
            due.expiries.push(expiry.to_vec());
            if let Some(hour) = audit_hours::rows(name) {
                due.add_hour(hour, (&expiry, &value), rows, now, limit)?;
                continue;
            }
            let commit = due.commits.entry(names::pool_of(name)).or_insert_with(unnumbered);
            if read_head(rows, name)?.is_some_and(|head| head.expires == Some(at)) {
                commit.deletes.push(name.to_vec());
            }
            commit.deletes.push(expiry.to_vec());
            due.met += 1;
            due.bytes += 2 * expiry.len();
        }
        Ok(due)
    }

    /// Removes rows of a pool outside the journal, which is to forget them: an empty commit first
    /// says that all before it is applied, so that no replay brings them back. From now on nobody
    /// commits to the pool, whoever still holds its handle.
    pub(super) fn remove_pool(&mut self, pool: PoolId, limit: usize) -> Result<usize, Failure> {
        self.settle()?;
        if self.closed.insert(pool) {
            self.hours.forget_pool(pool);
        }
        let (from, to) = names::pool_range(pool);
        if limit == 0 || self.shared.rows.range(from..to).next().is_none() {
            return Ok(0);
        }
        self.commit_own(vec![unnumbered()])?;
        let removed = self.remove_rows(pool, limit).map_err(|error| failed("removing a pool", &error))?;
        self.make_durable()?;
        Ok(removed)
    }

    fn remove_rows(&mut self, pool: PoolId, limit: usize) -> Result<usize, sled::Error> {
        let shared = Arc::clone(&self.shared);
        let rows = &shared.rows;
        let (from, to) = names::pool_range(pool);
        let (mut removed, mut last) = (0, Vec::new());
        for item in rows.range(from..to).take(limit) {
            let (name, bytes) = item?;
            if let Some(first) = names::feed_record(&name) {
                self.forget(pool, first)?;
            }
            if let Some(end) = row::split(&bytes).and_then(|(head, _)| head.expires) {
                let expiry = audit_hours::expiry_key_of(&name, end).unwrap_or_else(|| names::expiry_key(end, &name));
                // The audit rows of an hour share theirs.
                if expiry != last {
                    rows.remove(&expiry)?;
                    last = expiry;
                }
            }
            rows.remove(&name)?;
            shared.cache.remove(&name);
            removed += 1;
        }
        Ok(removed)
    }

    /// Empties a pool's commits in the journal record that begins with that one. All that they
    /// wrote is applied, so no replay needs it.
    fn forget(&mut self, pool: PoolId, first: Sequence) -> Result<(), sled::Error> {
        let rows = &self.shared.rows;
        let mut left = 0;
        // A trim that was cut off can have left only the end of a large commit.
        if let Some(bytes) = rows.get(names::journal_key(first, 0))? {
            let record = journal::decode((first, 0), &bytes).map_err(|error| sled::Error::Unsupported(error.to_string()))?;
            let commits = match record.body {
                Body::Whole(commits) => commits,
                Body::Part(_) | Body::Last { .. } => vec![Commit::empty(first)],
            };
            let emptied = |commit: Commit| if pool_of(&commit) == Some(pool) { Commit::empty(commit.sequence) } else { commit };
            let emptied: Vec<_> = commits.into_iter().map(emptied).collect();
            for ((first, part), bytes) in journal::records(&emptied, record.applied) {
                left += bytes.len();
                rows.insert(names::journal_key(first, part), bytes)?;
            }
        }
        for part in rows.range(names::journal_key(first, 1)..=names::journal_key(first, u16::MAX)).keys() {
            rows.remove(part?)?;
        }
        self.extent.resize(first.get(), left);
        Ok(())
    }

    /// Removes old journal records and their feed rows, down to what consumers still want and never
    /// what a replay could need; of the pools that it meets also the feed rows that a trim which
    /// was cut off has left.
    pub(super) fn trim(&mut self) -> Result<(), Failure> {
        let floor = self.shared.floor.load(Ordering::Acquire);
        let target = self.trim_to();
        if target < floor.saturating_add(TRIM_BATCH) && self.extent.before(target, TRIM_BATCH_BYTES) < TRIM_BATCH_BYTES {
            return Ok(());
        }
        self.trim_below(target).map_err(|error| failed("trimming the journal", &error))
    }

    /// The earliest commit that stays.
    fn trim_to(&self) -> u64 {
        let slowest = self.shared.consumers().values().min().map_or(u64::MAX, |position| position.saturating_add(1));
        let most = slowest.min(self.recorded);
        let wanted = self.beyond(&self.kept, most).min(slowest).max(self.beyond(&self.cap, self.recorded));
        wanted.min(self.recorded)
    }

    /// The earliest commit that is to be kept, looked for up to `most`.
    fn beyond(&self, kept: &Kept, most: u64) -> u64 {
        self.next.saturating_sub(kept.commits).max(self.extent.within(kept.bytes, most))
    }

    fn trim_below(&mut self, target: u64) -> Result<(), sled::Error> {
        let shared = Arc::clone(&self.shared);
        let rows = &shared.rows;
        let mut old = Vec::new();
        let mut floor = None;
        for item in rows.scan_prefix(names::journal_prefix()) {
            let (key, bytes) = item?;
            let first = names::journal_parts(&key).map_or(0, |(first, _)| first.get());
            // A record holds the commits up to the next one: the last that begins no later than the
            // target holds the target.
            if first > target {
                break;
            }
            if old.len() >= MAX_TRIMMED && floor != Some(first) {
                floor = Some(first);
                break;
            }
            floor = Some(first);
            old.push((key, bytes));
        }
        let Some(floor) = floor else { return Ok(()) };
        old.retain(|(key, _)| names::journal_parts(key).is_none_or(|(first, _)| first.get() < floor));
        shared.floor.store(floor, Ordering::Release);
        self.extent.drop_before(floor);
        let mut journal = Assembler::default();
        let mut pools = BTreeSet::new();
        for (key, bytes) in &old {
            // A record goes before its feed rows: should a crash come between, the feed lacks
            // nothing of what the journal still has.
            rows.remove(key)?;
            if let Some(name) = names::journal_parts(key)
                && let Ok(record) = journal::decode(name, bytes)
                && let Ok(commits) = journal.take(name, record.body)
            {
                shared.counts.row_writes.add(feed::remove(rows, name.0, &commits)?);
                pools.extend(feed::pools(&commits));
            }
        }
        // What a trim has left that was cut off after a record.
        for pool in pools {
            shared.counts.row_writes.add(feed::remove_before(rows, pool, Sequence::new(floor))?);
        }
        shared.counts.journal_trimmed.add(old.len());
        shared.counts.row_writes.add(old.len());
        Ok(())
    }
}
