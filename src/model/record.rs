//! The one form of a stored record: a version byte, then fields that are named by numbers (CBOR, RFC 8949).
//!
//! A field gets a number once. A later version may add fields, which an earlier record lacks; it never changes the meaning of a number.

use super::error::{Error, Result};
use minicbor::{Decode, Decoder, Encode};

/// Writes a record: the version, then its fields.
pub fn encode<T: Encode<()>>(version: u8, record: &T) -> Vec<u8> {
    let mut bytes = vec![version];
    match minicbor::encode(record, &mut bytes) {
        Ok(()) => bytes,
        Err(error) => unreachable!("writing a record to memory does not fail: {error}"),
    }
}

/// Reads a record that is no newer than `newest`, the latest version that the caller knows.
///
/// Fails with `Internal` on a newer version, on bytes that are no such record, and on bytes after it: all of them mean a damaged or foreign store.
pub fn decode<'b, T: Decode<'b, ()>>(newest: u8, bytes: &'b [u8]) -> Result<T> {
    let Some((version, fields)) = bytes.split_first() else {
        return Err(Error::internal("a stored record is empty; restore the store from a backup"));
    };
    if *version == 0 || *version > newest {
        return Err(Error::internal(format!(
            "a stored record has version {version} and this server reads versions 1 to {newest}; start the server version that wrote it"
        )));
    }
    let mut decoder = Decoder::new(fields);
    let record = decoder.decode().map_err(damaged)?;
    if decoder.position() != fields.len() {
        return Err(damaged("bytes after its end"));
    }
    Ok(record)
}

fn damaged(reason: impl std::fmt::Display) -> Error {
    Error::internal(format!("a stored record is damaged ({reason}); restore the store from a backup"))
}
