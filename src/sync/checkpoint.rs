//! How far an import has come: the record that lets it go on after a crash.

use crate::model::{Error, Result, Timestamp, record};
use crate::pool::Pool;
use crate::store::{Key, Space};
use minicbor::{Decode, Encode};

const VERSION: u8 = 1;

/// The part of an import that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub(super) enum Phase {
    /// Entries are added, level by level of the tree.
    #[n(0)]
    Entries,
    /// Links between entries are added.
    #[n(1)]
    Links,
}

/// How far an import has come. Everything before this place is done; what comes after it may be.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Checkpoint {
    /// The fingerprint of the file.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) file: [u8; 32],
    /// When the import began: entries that were there before are not its own.
    #[n(1)]
    pub(super) began: Timestamp,
    #[n(2)]
    pub(super) phase: Phase,
    /// The level of the tree.
    #[n(3)]
    pub(super) depth: u64,
    /// Records of the file that are done in this phase and level.
    #[n(4)]
    pub(super) records: u64,
    /// Entries that were added.
    #[n(5)]
    pub(super) added: u64,
    /// Links that were added.
    #[n(6)]
    pub(super) links: u64,
}

impl Checkpoint {
    /// The beginning.
    pub(super) const fn begin(file: [u8; 32], began: Timestamp) -> Self {
        Self { file, began, phase: Phase::Entries, depth: 0, records: 0, added: 0, links: 0 }
    }

    /// Where an import of the pool was cut off, if one was.
    pub(super) fn load(pool: &Pool) -> Result<Option<Self>> {
        let row = pool.store().get(&key())?;
        row.map(|row| record::decode(VERSION, &row.value)).transpose()
    }

    /// Writes the first record. Fails with `Conflict(Exists)` if another import has begun meanwhile.
    pub(super) async fn claim(&self, pool: &Pool) -> Result<()> {
        pool.store()
            .decide(|changes| {
                if Self::load(pool)?.is_some() {
                    return Err(foreign());
                }
                changes.expect_absent(key());
                changes.put(key(), record::encode(VERSION, self));
                Ok(())
            })
            .await
    }

    /// Writes the record.
    pub(super) async fn save(&self, pool: &Pool) -> Result<()> {
        pool.store()
            .decide(|changes| {
                changes.put(key(), record::encode(VERSION, self));
                Ok(())
            })
            .await
    }

    /// Removes the record: the import is done, or given up.
    pub(super) async fn clear(pool: &Pool) -> Result<()> {
        pool.store()
            .decide(|changes| {
                changes.delete(key());
                Ok(())
            })
            .await
    }
}

/// Another file cannot be begun before the first is done.
pub(super) fn foreign() -> Error {
    Error::exists("an import of another file into this pool was cut off: import that file again to finish it, or give it up first")
}

fn key() -> Key {
    Key::named(Space::Checkpoint, b"import")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn the_record_keeps_its_bytes() {
        let checkpoint = Checkpoint {
            phase: Phase::Links,
            depth: 3,
            records: 256,
            added: 1000,
            links: 7,
            ..Checkpoint::begin([9; 32], Timestamp::from_micros(5))
        };
        let bytes = record::encode(VERSION, &checkpoint);
        let text: String = bytes.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(text, format!("01a7005820{}010502010303041901000519 03e80607", "09".repeat(32)).replace(' ', ""));
        assert_eq!(record::decode::<Checkpoint>(VERSION, &bytes).unwrap(), checkpoint);
    }
}
