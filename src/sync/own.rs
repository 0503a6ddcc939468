//! The entries that an import has added, until it is over: a row for each, in the commit that adds
//! the entry. By it an import that goes on knows its own work. Neither the name nor the time of an
//! entry could tell that from somebody else's.
//!
//! An import that is given up leaves its rows: the next one whose file holds the same records takes
//! the entries over.

use crate::authn::Core;
use crate::model::error::Rule;
use crate::model::{EntryId, Error, Result, entropy, record};
use crate::pool::Pool;
use crate::store::{Changes, Key, Prefix, Space};
use minicbor::{Decode, Encode};

const VERSION: u8 = 1;
/// Rows that one commit removes.
const AT_ONCE: usize = 2000;
const ROWS: &[u8] = b"import/own/";
const RUN: &[u8] = b"import/run";

/// What is known of an entry that an import has added.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Own {
    /// The beginning of the fingerprint of the import's file.
    #[cbor(n(0), with = "minicbor::bytes")]
    file: [u8; 8],
    /// A keyed hash of what the record says, since it can hold a password.
    #[cbor(n(1), with = "minicbor::bytes")]
    content: [u8; 16],
    /// Whether an import that was given up had added it.
    #[n(2)]
    taken_over: bool,
}

impl Own {
    /// What is known of the entry that a record with that digest has become.
    pub(super) fn new(pool: &Pool, file: &[u8; 32], id: EntryId, said: &[u8; 32]) -> Self {
        Self { file: beginning(file), content: content(pool, id, said), taken_over: false }
    }

    /// The same, of an entry that an import which was given up had added.
    pub(super) fn taken_over(self) -> Self {
        Self { taken_over: true, ..self }
    }

    /// Of the entry, if an import has added it and is not over.
    pub(super) fn load(pool: &Pool, id: EntryId) -> Result<Option<Self>> {
        pool.store().get(&key(id))?.map(|row| record::decode(VERSION, &row.value)).transpose()
    }

    /// Whether the import of that file has added it.
    pub(super) fn is_of(&self, file: &[u8; 32]) -> bool {
        self.file == beginning(file)
    }

    /// Whether an import that was given up had added it.
    pub(super) fn was_taken_over(&self) -> bool {
        self.taken_over
    }

    /// Whether it was added from a record that says the same.
    pub(super) fn is_from(&self, pool: &Pool, id: EntryId, said: &[u8; 32]) -> bool {
        self.content == content(pool, id, said)
    }

    /// Writes it with the entry.
    pub(super) fn put(&self, changes: &mut Changes, id: EntryId) {
        changes.put(key(id), record::encode(VERSION, self));
    }
}

/// Expects that the entry is still known as an import's own.
pub(super) fn expect(changes: &mut Changes, id: EntryId) {
    changes.expect_present(key(id));
}

/// How many entries the import of that file has added so far.
pub(super) fn count(pool: &Pool, file: &[u8; 32]) -> Result<u64> {
    let mut count = 0;
    for row in pool.store().scan(&Prefix::named(Space::Checkpoint, ROWS), None) {
        count += u64::from(record::decode::<Own>(VERSION, &row?.1.value)?.is_of(file));
    }
    Ok(count)
}

/// Removes the rows of the import of that file, in bounded commits.
pub(super) async fn forget(pool: &Pool, file: &[u8; 32], run: &Run) -> Result<()> {
    let mut after: Option<Key> = None;
    loop {
        let from = after.clone();
        after = pool
            .store()
            .decide(|changes| {
                run.hold(pool, changes)?;
                let mut last = None;
                for row in pool.store().scan(&Prefix::named(Space::Checkpoint, ROWS), from.as_ref()).take(AT_ONCE) {
                    let (key, row) = row?;
                    if record::decode::<Own>(VERSION, &row.value)?.is_of(file) {
                        changes.delete(key.clone());
                    }
                    last = Some(key);
                }
                Ok(last)
            })
            .await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// One run of an import. Whoever begins a later one, or gives the import up, ends it: its next
/// commit fails.
#[derive(Clone, Copy)]
pub(super) struct Run([u8; 16]);

impl Run {
    pub(super) fn new(core: &Core) -> Self {
        Self(entropy::random(core.entropy.as_ref()))
    }

    /// Makes this the run that may go on.
    pub(super) fn seize(&self, changes: &mut Changes) {
        changes.put(run_key(), self.0.to_vec());
    }

    /// Expects that it still is.
    pub(super) fn hold(&self, pool: &Pool, changes: &mut Changes) -> Result<()> {
        let row = pool.store().get(&run_key())?.filter(|row| row.value.as_ref() == self.0).ok_or_else(ended)?;
        changes.expect_version(run_key(), row.version);
        Ok(())
    }

    /// Says that there is none.
    pub(super) fn end(changes: &mut Changes) {
        changes.delete(run_key());
    }
}

/// The run has lost its right to go on.
pub(super) fn ended() -> Error {
    Error::invalid(Rule::Unwilling, "the import was given up, or begun once more, while it ran; this run of it has ended")
}

fn content(pool: &Pool, id: EntryId, said: &[u8; 32]) -> [u8; 16] {
    let code = pool.mac("import", &[&id.get().to_be_bytes(), said.as_slice()].concat());
    code.first_chunk().copied().unwrap_or_default()
}

fn beginning(file: &[u8; 32]) -> [u8; 8] {
    file.first_chunk().copied().unwrap_or_default()
}

fn key(id: EntryId) -> Key {
    Key::named(Space::Checkpoint, &[ROWS, &id.get().to_be_bytes()].concat())
}

fn run_key() -> Key {
    Key::named(Space::Checkpoint, RUN)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let own = Own { file: [8; 8], content: [7; 16], taken_over: true };
        let bytes = record::encode(VERSION, &own);
        let text: String = bytes.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(text, format!("01a30048{}0150{}02f5", "08".repeat(8), "07".repeat(16)));
        assert_eq!(record::decode::<Own>(VERSION, &bytes).unwrap(), own);
    }
}
