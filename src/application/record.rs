//! How the records of this room are read, listed and put: one way for clients and service providers
//! alike.

use crate::model::error::{Error, Result, Rule};
use crate::model::{Listed, Sequence, Unreadable, record};
use crate::store::{Changes, Key, PoolStore, Prefix, Space};
use minicbor::{Decode, Encode};

/// The first byte of every record of this room.
const VERSION: u8 = 1;

/// The largest application record, in bytes: the store keeps rows small.
pub(super) const MAX_RECORD: usize = 6000;

/// The kinds of applications, and what is remembered of them. The byte is the first of the
/// record's name and is never used again for another kind.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Kind {
    Client = b'c',
    ServiceProvider = b's',
    ClientHistory = b'h',
}

pub(super) fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    record::encode(VERSION, value)
}

pub(super) fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T> {
    record::decode(VERSION, bytes)
}

pub(super) fn key(kind: Kind, name: &str) -> Key {
    let mut bytes = Vec::with_capacity(1 + name.len());
    bytes.push(kind as u8);
    bytes.extend_from_slice(name.as_bytes());
    Key::named(Space::Application, &bytes)
}

pub(super) fn find<T: for<'b> Decode<'b, ()>>(store: &PoolStore, key: &Key) -> Result<Option<(T, Sequence)>> {
    match store.get(key)? {
        Some(row) => Ok(Some((decode(&row.value)?, row.version))),
        None => Ok(None),
    }
}

/// The record that is about to be changed; the commit expects it as it was read here.
pub(super) fn present<T: for<'b> Decode<'b, ()>>(store: &PoolStore, changes: &mut Changes, key: &Key) -> Result<T> {
    let (record, read) = find(store, key)?.ok_or_else(|| Error::not_found("the application is not registered any more"))?;
    changes.expect_version(key.clone(), read);
    Ok(record)
}

pub(super) fn list<T: for<'b> Decode<'b, ()>>(store: &PoolStore, kind: Kind, after: Option<&str>, limit: usize) -> Result<Vec<Listed<T>>> {
    let after = after.map(|name| key(kind, name));
    let prefix = Prefix::named(Space::Application, &[kind as u8]);
    let rows = store.scan(&prefix, after.as_ref()).take(limit);
    rows.map(|row| {
        let (key, row) = row?;
        Ok(decode(&row.value).map_err(|reason| Unreadable { name: name(&key), reason }))
    })
    .collect()
}

/// Whether there is a record of that name, whatever it says: what cannot be read is in the way of a
/// new one, and can be deleted.
pub(super) fn is_there(store: &PoolStore, key: &Key) -> Result<bool> {
    Ok(store.get(key)?.is_some())
}

/// The name of an application, as [`key`] was given it.
fn name(key: &Key) -> String {
    String::from_utf8_lossy(key.rest().get(1..).unwrap_or_default()).into_owned()
}

pub(super) fn put<T: Encode<()>>(changes: &mut Changes, key: Key, value: &T) -> Result<()> {
    let bytes = encode(value);
    if bytes.len() > MAX_RECORD {
        let message = format!(
            "the application's settings take {} bytes, over the limit of {MAX_RECORD}; use fewer or shorter URIs or certificates",
            bytes.len()
        );
        return Err(Error::invalid(Rule::Unwilling, message));
    }
    changes.put(key, bytes);
    Ok(())
}
