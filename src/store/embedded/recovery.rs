//! Opening: what the journal holds and the rows may lack is applied again, in order, before any
//! reader is let in.

use super::disk::Sync;
use super::journal::{self, Assembler, Body, Commit, Name};
use super::rows::Rows;
use super::{feed, names, row};
use crate::model::Sequence;
use crate::store::{ReadError, ServerKey};

/// The format of the rows. Raised when they are written in another way.
///
/// - 1: a feed row for each commit, an expiry row for each audit row.
/// - 2: a feed row for each pool and journal record, an expiry row for the audit rows of an hour.
const FORMAT: u32 = 2;

/// The commit by which a store is created.
const FIRST: u64 = 1;

/// What recovery has found.
pub(super) struct Recovered {
    /// The last commit.
    pub last: u64,
    /// The last commit of which the last journal record says that it is applied.
    pub recorded: u64,
    /// The earliest commit that the journal holds.
    pub floor: u64,
    /// Commits that were applied again.
    pub replayed: usize,
}

/// Brings the rows up to the journal. Nobody else may use them yet.
pub(super) fn recover(rows: &Rows, file: &mut dyn Sync) -> Result<Recovered, ReadError> {
    // Before anything is written: what another version wrote is left as it is.
    check_format(rows)?;
    let found = match rows.scan_prefix(names::journal_prefix()).next_back().transpose()? {
        Some((name, record)) => replay(rows, name_of(&name)?, &record)?,
        None => return Err(ReadError("the journal is missing; restore the data folder from a backup".into())),
    };
    if !check_format(rows)? {
        return Err(ReadError("the format of the data is not written down; restore the data folder from a backup".into()));
    }
    file.sync(rows.tree()).map_err(|error| ReadError(format!("syncing the data failed: {error}")))?;
    Ok(found)
}

fn replay(rows: &Rows, last: Name, record: &[u8]) -> Result<Recovered, ReadError> {
    let recorded = journal::decode(last, record).map_err(damaged)?.applied;
    let mut journal = Assembler::default();
    let mut found = Recovered { last: recorded.get(), recorded: recorded.get(), floor: first_in_journal(rows)?, replayed: 0 };
    for item in rows.range(start(rows, recorded)?..).take_while(in_journal) {
        let (name, bytes) = item?;
        let name = name_of(&name)?;
        let body = journal::decode(name, &bytes).map_err(damaged)?.body;
        if name.0 <= recorded && !matches!(body, Body::Whole(_)) {
            continue;
        }
        let mut commits = journal.take(name, body).map_err(damaged)?;
        commits.retain(|commit| commit.sequence > recorded);
        for commit in &commits {
            if commit.sequence.get() != found.last + 1 {
                return Err(ReadError(format!("the journal lacks commit {}; restore the data folder from a backup", found.last + 1)));
            }
            apply(rows, commit)?;
            found.last = commit.sequence.get();
            found.replayed += 1;
        }
        feed::insert(rows, name.0, &commits)?;
    }
    if let Some(torn) = journal.torn() {
        // It was never acknowledged. Its number is given again, so none of its parts may stay. The
        // last goes first: what a crash leaves is torn as before.
        let parts = rows.range(names::journal_key(torn, 0)..=names::journal_key(torn, u16::MAX)).keys();
        for name in parts.collect::<Result<Vec<_>, _>>()?.iter().rev() {
            rows.remove(name)?;
        }
        // What the torn record said is gone with it: until the next one says it again, nothing may
        // be trimmed by it.
        found.recorded = 0;
    }
    Ok(found)
}

/// Writes the first commit of a store, which names the format.
pub(super) fn create(rows: &Rows) -> Result<(), ReadError> {
    let first = Commit { puts: vec![(format_name(), format_tail())], ..Commit::empty(Sequence::new(FIRST)) };
    for ((sequence, part), record) in journal::records(std::slice::from_ref(&first), Sequence::new(0)) {
        rows.insert(names::journal_key(sequence, part), record)?;
    }
    apply(rows, &first)
}

fn apply(rows: &Rows, commit: &Commit) -> Result<(), ReadError> {
    for (name, tail) in &commit.puts {
        rows.insert(name.as_slice(), row::whole(commit.sequence, tail))?;
    }
    for name in &commit.deletes {
        rows.remove(name)?;
    }
    Ok(())
}

/// The name of the record that holds the commit after that one, or that would.
fn start(rows: &Rows, applied: Sequence) -> Result<Vec<u8>, ReadError> {
    let next = names::journal_key(Sequence::new(applied.get() + 1), 0);
    let before = rows.range(names::journal_prefix()..=next.clone()).next_back().transpose()?;
    Ok(before.map_or(next, |(name, _)| name.to_vec()))
}

/// The first commit that the journal holds whole: a trim that was cut off can have left the end of
/// the one before.
fn first_in_journal(rows: &Rows) -> Result<u64, ReadError> {
    match rows.scan_prefix(names::journal_prefix()).keys().next() {
        Some(name) => {
            let (first, part) = name_of(&name?)?;
            Ok(first.get() + u64::from(part > 0))
        }
        None => Ok(0),
    }
}

fn in_journal(item: &Result<(sled::IVec, sled::IVec), sled::Error>) -> bool {
    item.as_ref().map_or(true, |(name, _)| name.starts_with(&names::journal_prefix()))
}

fn name_of(name: &[u8]) -> Result<Name, ReadError> {
    names::journal_parts(name).ok_or_else(|| ReadError("the journal holds a record without a number".into()))
}

fn format_name() -> Vec<u8> {
    names::server_key(&ServerKey::meta("format"))
}

fn format_tail() -> Vec<u8> {
    row::tail(&FORMAT.to_be_bytes(), None)
}

/// Whether the format of the data is written down; it is this one then.
fn check_format(rows: &Rows) -> Result<bool, ReadError> {
    let Some(bytes) = rows.get(format_name())? else { return Ok(false) };
    let format = row::split(&bytes).and_then(|(_, payload)| payload.try_into().ok()).map(u32::from_be_bytes);
    match format {
        Some(FORMAT) => Ok(true),
        Some(format) => Err(ReadError(format!(
            "the data folder has format {format}, and this version reads format {FORMAT}; use the version that wrote it, or export each pool with that and \
             import the files into a new folder"
        ))),
        None => Err(ReadError("the format of the data cannot be read".into())),
    }
}

fn damaged(error: journal::Damaged) -> ReadError {
    ReadError(format!("{error}; restore the data folder from a backup"))
}
