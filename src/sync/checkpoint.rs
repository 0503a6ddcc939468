//! How far an import has come: the record that lets it go on after a crash.

use super::own::{self, Run};
use crate::model::{Error, Result, Timestamp, record};
use crate::pool::Pool;
use crate::store::{Changes, Key, Space};
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
    /// Everything is there; what the import has noted about its entries is removed.
    #[n(2)]
    Over,
}

/// How far an import has come. Everything before this place is done; what comes after it may be.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Checkpoint {
    /// The fingerprint of the file.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) file: [u8; 32],
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
    /// Entries that were there before.
    #[cbor(n(7), default)]
    pub(super) kept: u64,
    /// Entries that were taken over from an import that was given up.
    #[cbor(n(8), default)]
    pub(super) taken_over: u64,
    /// The moment at which the records are judged; unknown of an import that an earlier release has
    /// begun.
    #[n(9)]
    pub(super) judged: Option<Timestamp>,
}

impl Checkpoint {
    /// The beginning.
    pub(super) const fn begin(file: [u8; 32], judged: Option<Timestamp>) -> Self {
        Self { file, phase: Phase::Entries, depth: 0, records: 0, added: 0, links: 0, kept: 0, taken_over: 0, judged }
    }

    /// Where an import of the pool was cut off, if one was.
    pub(super) fn load(pool: &Pool) -> Result<Option<Self>> {
        let row = pool.store().get(&key())?;
        row.map(|row| record::decode(VERSION, &row.value)).transpose()
    }

    /// Begins a run of the import of that file, judged at that moment, or goes on with it where it
    /// is by now. Fails with `Conflict(Exists)` if an import of another file has begun meanwhile.
    pub(super) async fn claim(pool: &Pool, file: [u8; 32], judged: Option<Timestamp>, is_resumed: bool, run: &Run) -> Result<Self> {
        pool.store()
            .decide(|changes| {
                let at = match pool.store().get(&key())? {
                    Some(row) => {
                        changes.expect_version(key(), row.version);
                        Some(record::decode::<Self>(VERSION, &row.value)?).filter(|at| at.file == file).ok_or_else(foreign)?
                    }
                    None if is_resumed => return Err(own::ended()),
                    None => {
                        changes.expect_absent(key());
                        Self::begin(file, judged)
                    }
                };
                changes.put(key(), record::encode(VERSION, &at));
                run.seize(changes);
                Ok(at)
            })
            .await
    }

    /// Writes the record, as long as the run has not been ended by another.
    pub(super) async fn save(&self, pool: &Pool, run: &Run) -> Result<()> {
        pool.store()
            .decide(|changes| {
                run.hold(pool, changes)?;
                changes.put(key(), record::encode(VERSION, self));
                Ok(())
            })
            .await
    }

    /// Removes the record, and with it whatever run there is: the import is done, or given up. What
    /// `note` adds is in the same commit.
    pub(super) async fn clear(pool: &Pool, mut note: impl FnMut(&mut Changes) -> Result<()>) -> Result<()> {
        pool.store()
            .decide(|changes| {
                note(changes)?;
                changes.delete(key());
                Run::end(changes);
                Ok(())
            })
            .await
    }

    /// Expects that the import is the one that was read, wherever it is by now.
    pub(super) fn expect(&self, pool: &Pool, changes: &mut Changes) -> Result<()> {
        let row = pool.store().get(&key())?.ok_or_else(none)?;
        changes.expect_version(key(), row.version);
        let is_same = record::decode::<Self>(VERSION, &row.value)?.file == self.file;
        if is_same { Ok(()) } else { Err(foreign()) }
    }
}

/// Another file cannot be begun before the first is done.
pub(super) fn foreign() -> Error {
    Error::exists(
        "an import of another file into this pool is under way or was cut off: import that file again to finish it, \
         or give it up first (`poolgate import --pool P --give-up`), after which its entries stay",
    )
}

/// There is no import to give up.
pub(super) fn none() -> Error {
    Error::not_found("no import into this pool was cut off: there is nothing to give up")
}

fn key() -> Key {
    Key::named(Space::Checkpoint, b"import")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let checkpoint = Checkpoint {
            phase: Phase::Links,
            depth: 3,
            records: 256,
            added: 1000,
            links: 7,
            kept: 2,
            taken_over: 4,
            ..Checkpoint::begin([9; 32], None)
        };
        let bytes = record::encode(VERSION, &checkpoint);
        let text: String = bytes.iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(text, format!("01a8005820{}02010303041901000519 03e8060707020804", "09".repeat(32)).replace(' ', ""));
        assert_eq!(record::decode::<Checkpoint>(VERSION, &bytes).unwrap(), checkpoint);
        let judged = Checkpoint { judged: Some(Timestamp::from_seconds(1_790_000_000)), ..checkpoint };
        let bytes = record::encode(VERSION, &judged);
        assert!(bytes.starts_with(&[0x01, 0xa9]) && bytes.ends_with(&[0x09, 0x1b, 0x00, 0x06, 0x5b, 0xfe, 0xda, 0x25, 0xe0, 0x00]));
        assert_eq!(record::decode::<Checkpoint>(VERSION, &bytes).unwrap(), judged);
        // As it was before the last three fields, and with one that is gone.
        let former: Vec<u8> = [&[0x01, 0xa7, 0, 0x58, 0x20], &[9; 32][..], &[1, 5, 2, 1, 3, 3, 4, 0x18, 100, 5, 0x18, 100, 6, 7]].concat();
        let read = record::decode::<Checkpoint>(VERSION, &former).unwrap();
        assert_eq!((read.phase, read.records, read.links, read.kept), (Phase::Links, 100, 7, 0));
    }
}
