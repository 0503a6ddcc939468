//! The bytes of a row: the commit that wrote it, when it ends, and what its owner stored.
//!
//! `version:8 kind:1 [expires:8] payload`. Without the version it is a row's tail, which is what
//! the journal holds: a record's commit is known there already.

use crate::model::{Sequence, Timestamp};
use crate::store::Row;
use bytes::Bytes;

const LASTING: u8 = 0;
const ENDING: u8 = 1;

/// What the store itself needs to know of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub version: Sequence,
    pub expires: Option<Timestamp>,
}

pub(super) fn tail(payload: &[u8], expires: Option<Timestamp>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(9 + payload.len());
    match expires {
        None => bytes.push(LASTING),
        Some(at) => {
            bytes.push(ENDING);
            bytes.extend_from_slice(&at.micros().to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

pub(super) fn whole(version: Sequence, tail: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + tail.len());
    write_whole(&mut bytes, version, tail);
    bytes
}

/// The same in a place that was used before.
pub(super) fn write_whole(bytes: &mut Vec<u8>, version: Sequence, tail: &[u8]) {
    bytes.clear();
    bytes.extend_from_slice(&version.get().to_be_bytes());
    bytes.extend_from_slice(tail);
}

/// When a row with that tail ends.
pub(super) fn tail_expires(tail: &[u8]) -> Option<Timestamp> {
    match tail.split_first()? {
        (&ENDING, rest) => rest.first_chunk().map(|at| Timestamp::from_micros(i64::from_be_bytes(*at))),
        _ => None,
    }
}

/// The head and the payload; none if this is not a row.
pub(super) fn split(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let (version, rest) = bytes.split_first_chunk()?;
    let version = Sequence::new(u64::from_be_bytes(*version));
    match rest.split_first()? {
        (&LASTING, payload) => Some((Head { version, expires: None }, payload)),
        (&ENDING, rest) => {
            let (at, payload) = rest.split_first_chunk()?;
            let at = Timestamp::from_micros(i64::from_be_bytes(*at));
            Some((Head { version, expires: Some(at) }, payload))
        }
        _ => None,
    }
}

pub(super) fn read(bytes: &[u8]) -> Option<Row> {
    let (head, payload) = split(bytes)?;
    Some(Row { version: head.version, value: Bytes::copy_from_slice(payload) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let at = Timestamp::from_micros(0x0102);
        assert_eq!(whole(Sequence::new(5), &tail(b"ab", None)), b"\0\0\0\0\0\0\0\x05\0ab");
        assert_eq!(whole(Sequence::new(5), &tail(b"ab", Some(at))), b"\0\0\0\0\0\0\0\x05\x01\0\0\0\0\0\0\x01\x02ab");
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        for expires in [None, Some(Timestamp::from_micros(-3))] {
            assert_eq!(tail_expires(&tail(b"payload", expires)), expires);
            let bytes = whole(Sequence::new(9), &tail(b"payload", expires));
            let (head, payload) = split(&bytes).unwrap();
            assert_eq!((head, payload), (Head { version: Sequence::new(9), expires }, b"payload".as_slice()));
            assert_eq!(read(&bytes).unwrap().value, b"payload".as_slice());
        }
    }

    #[test]
    fn what_is_no_row_is_refused() {
        assert_eq!(split(b""), None);
        assert_eq!(split(b"\0\0\0\0\0\0\0\x05"), None);
        assert_eq!(split(b"\0\0\0\0\0\0\0\x05\x02"), None);
        assert_eq!(split(b"\0\0\0\0\0\0\0\x05\x01\0\0"), None);
    }
}
