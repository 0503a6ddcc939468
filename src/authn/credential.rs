//! Passwords and failures of an entry: their records, and nothing that a face could read.
//!
//! A password's record is sealed. Its version is the commit that wrote it: whoever compared a
//! password with one version knows nothing about the next.

use crate::{
    crypto::password::PasswordHash,
    model::{Entropy, EntryId, Epoch, Result, Sequence, Timestamp, record},
    policy::lockout::{
        LockoutPolicy, State,
        history::{History, KnownSource},
    },
    pool::Pool,
    store::{Changes, Key},
};
use minicbor::{Decode, Encode};
use std::time::Duration;

/// The kinds of credential records. A number is given once.
const PASSWORD: u8 = 1;
const LOCKOUT: u8 = 2;
const EPOCH: u8 = 3;

/// The newest version of the records of this file.
const VERSION: u8 = 1;

/// A password as it is set.
#[derive(Clone, Debug)]
pub struct Password {
    /// Its hash.
    pub hash: PasswordHash,
    /// When it was set. It tells the passwords of an entry apart: what a former one began is over.
    /// A renewed hash of the same password keeps it.
    pub changed: Timestamp,
    /// It must be changed before it can be used.
    pub must_change: bool,
    /// It cannot be used from then on.
    pub expires: Option<Timestamp>,
}

impl Password {
    /// A password that can be used from now on.
    pub const fn new(hash: PasswordHash, now: Timestamp) -> Self {
        Self { hash, changed: now, must_change: false, expires: None }
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    hash: String,
    #[n(1)]
    changed: Timestamp,
    #[n(2)]
    must_change: bool,
    #[n(3)]
    expires: Option<Timestamp>,
}

/// The failures of an entry, and its sources: the first three fields are those of strangers.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredHistory {
    #[n(0)]
    failures: u16,
    #[n(1)]
    last_failure: Option<Timestamp>,
    #[n(2)]
    locked_until: Option<Timestamp>,
    #[n(3)]
    known: Option<Vec<KnownSource>>,
}

impl From<&History> for StoredHistory {
    fn from(history: &History) -> Self {
        let State { failures, last_failure, locked_until } = history.strangers;
        Self { failures, last_failure, locked_until, known: Some(history.known.clone()).filter(|known| !known.is_empty()) }
    }
}

impl From<StoredHistory> for History {
    fn from(stored: StoredHistory) -> Self {
        let StoredHistory { failures, last_failure, locked_until, known } = stored;
        Self { strangers: State { failures, last_failure, locked_until }, known: known.unwrap_or_default() }
    }
}

/// In which epoch the logins of an entry count.
#[derive(Encode, Decode)]
#[cbor(map)]
struct StoredEpoch {
    #[n(0)]
    epoch: Epoch,
}

fn password_key(entry: EntryId) -> Key {
    Key::credential(entry, PASSWORD)
}

fn lockout_key(entry: EntryId) -> Key {
    Key::credential(entry, LOCKOUT)
}

fn epoch_key(entry: EntryId) -> Key {
    Key::credential(entry, EPOCH)
}

/// The epoch of an entry: what was proven in another one is over. None until one was begun.
pub(super) fn epoch(pool: &Pool, entry: EntryId) -> Result<Option<Epoch>> {
    let Some(row) = pool.store().get(&epoch_key(entry))? else { return Ok(None) };
    Ok(Some(record::decode::<StoredEpoch>(VERSION, &row.value)?.epoch))
}

/// Ends all that the entry's logins have begun: sessions, codes, grants and bound connections.
pub(super) fn begin_epoch(changes: &mut Changes, entry: EntryId, entropy: &dyn Entropy) {
    changes.put(epoch_key(entry), record::encode(VERSION, &StoredEpoch { epoch: Epoch::draw(entropy) }));
}

/// Removes all that is kept of an entry that goes.
pub(super) fn delete(changes: &mut Changes, entry: EntryId) {
    delete_password(changes, entry);
    changes.delete(epoch_key(entry));
}

/// The password of an entry, with its version.
pub(super) fn password(pool: &Pool, entry: EntryId) -> Result<Option<(Password, Sequence)>> {
    let key = password_key(entry);
    let Some(row) = pool.store().get(&key)? else { return Ok(None) };
    let plain = pool.open(&key, &row.value)?;
    let stored: Stored = record::decode(VERSION, plain.expose())?;
    let hash = PasswordHash::parse(&stored.hash)?;
    let password = Password { hash, changed: stored.changed, must_change: stored.must_change, expires: stored.expires };
    Ok(Some((password, row.version)))
}

/// Writes the password of an entry, whatever it was before, and forgets its failures and where it
/// was used with the former one. Answers the moment that tells it from all others of the entry.
pub fn put_password(pool: &Pool, changes: &mut Changes, entry: EntryId, password: &Password) -> Result<Timestamp> {
    changes.delete(lockout_key(entry));
    // A clock that was set back, or two changes within its tick, must not make two passwords look
    // like one.
    let after = self::password(pool, entry)?.map(|(former, _)| former.changed.plus(Duration::from_micros(1)));
    let changed = after.map_or(password.changed, |after| after.max(password.changed));
    write(pool, changes, entry, &Password { changed, ..password.clone() })?;
    Ok(changed)
}

/// Writes the password of an entry in the place of the version that was read.
pub(super) fn replace_password(pool: &Pool, changes: &mut Changes, entry: EntryId, password: &Password, read: Sequence) -> Result<()> {
    changes.expect_version(password_key(entry), read);
    write(pool, changes, entry, password)
}

fn write(pool: &Pool, changes: &mut Changes, entry: EntryId, password: &Password) -> Result<()> {
    let Password { hash, changed, must_change, expires } = password;
    let stored = Stored { hash: hash.to_string(), changed: *changed, must_change: *must_change, expires: *expires };
    let key = password_key(entry);
    let sealed = pool.seal(&key, &record::encode(VERSION, &stored))?;
    changes.put(key, sealed);
    Ok(())
}

/// The version of the password of an entry, if it has one.
pub(super) fn version(pool: &Pool, entry: EntryId) -> Result<Option<Sequence>> {
    Ok(pool.store().get(&password_key(entry))?.map(|row| row.version))
}

/// Expects that the entry's password is still the one that was read.
pub(super) fn expect_password(changes: &mut Changes, entry: EntryId, read: Option<Sequence>) {
    expect(changes, password_key(entry), read);
}

/// Expects that the entry is there, so that no password is set for one that is gone.
pub(super) fn expect_entry(changes: &mut Changes, entry: EntryId) {
    changes.expect_present(Key::entry(entry));
}

/// Removes the password of an entry: nobody can log in with one.
pub(super) fn delete_password(changes: &mut Changes, entry: EntryId) {
    changes.delete(password_key(entry));
    changes.delete(lockout_key(entry));
}

/// The failures of an entry and its sources, and the version of their record if there is one.
pub(super) fn history(pool: &Pool, entry: EntryId) -> Result<(History, Option<Sequence>)> {
    match pool.store().get(&lockout_key(entry))? {
        Some(row) => Ok((record::decode::<StoredHistory>(VERSION, &row.value)?.into(), Some(row.version))),
        None => Ok((History::default(), None)),
    }
}

/// Writes the history of an entry in the place of what was read. The record ends by itself when it
/// means nothing any more.
pub(super) fn put_history(changes: &mut Changes, entry: EntryId, policy: &LockoutPolicy, history: &History, read: Option<Sequence>) {
    let key = lockout_key(entry);
    expect(changes, key.clone(), read);
    match history.forgotten_at(policy) {
        Some(end) => changes.put_until(key, record::encode(VERSION, &StoredHistory::from(history)), end),
        None => changes.delete(key),
    }
}

/// Writes the history of an entry as it was read: an attempt that changes nothing takes the time
/// of one commit like any other, and adds no record to the store.
pub(super) fn keep_history(
    changes: &mut Changes,
    entry: EntryId,
    policy: &LockoutPolicy,
    history: &History,
    read: Option<Sequence>,
    now: Timestamp,
) {
    let key = lockout_key(entry);
    expect(changes, key.clone(), read);
    changes.put_until(key, record::encode(VERSION, &StoredHistory::from(history)), history.forgotten_at(policy).unwrap_or(now));
}

/// Forgets the failures of an entry, whoever they were of.
pub(super) fn forgive(pool: &Pool, changes: &mut Changes, entry: EntryId) -> Result<()> {
    let (history, read) = history(pool, entry)?;
    if read.is_some() {
        put_history(changes, entry, &pool.settings().lockout, &history.forgiven(), read);
    }
    Ok(())
}

fn expect(changes: &mut Changes, key: Key, read: Option<Sequence>) {
    match read {
        Some(version) => changes.expect_version(key, version),
        None => changes.expect_absent(key),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// Records of version 1 as they lie in stores: they must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let moment = Timestamp::from_seconds(1_790_000_000);
        let stored = Stored { hash: "$argon2id$x".into(), changed: moment, must_change: true, expires: Some(moment) };
        assert_eq!(hex(&record::encode(VERSION, &stored)), "01a4006b246172676f6e3269642478011b00065bfeda25e00002f5031b00065bfeda25e000");
        let epoch = StoredEpoch { epoch: Epoch::of_commit(Sequence::new(9)) };
        assert_eq!(hex(&record::encode(VERSION, &epoch)), "01a10009");
        let strangers = State { failures: 3, last_failure: Some(moment), locked_until: None };
        let encoded = |history: &History| hex(&record::encode(VERSION, &StoredHistory::from(history)));
        assert_eq!(encoded(&strangers.into()), "01a20003011b00065bfeda25e000", "as before there were sources");
        let known = KnownSource { source: [7; 16], seen: moment, failures: State { failures: 1, ..State::default() } };
        let history = History { strangers, known: vec![known] };
        let bytes = record::encode(VERSION, &StoredHistory::from(&history));
        let source = "07".repeat(16);
        assert_eq!(hex(&bytes), format!("01a30003011b00065bfeda25e0000381a30050{source}011b00065bfeda25e00002a10001"));
        assert_eq!(History::from(record::decode::<StoredHistory>(VERSION, &bytes).unwrap()), history);
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
