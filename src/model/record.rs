//! The one form of a stored record: a version byte, then fields that are named by numbers (CBOR,
//! RFC 8949).
//!
//! A field gets a number once. A later version may add fields, which an earlier record lacks; it
//! never changes the meaning of a number.

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
/// Fails with `Internal` on a newer version, on bytes that are no such record, and on bytes after
/// it: all of them mean a damaged or foreign store.
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Kind;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, Encode, Decode)]
    #[cbor(map)]
    struct First {
        #[n(0)]
        name: String,
    }

    #[derive(Debug, PartialEq, Encode, Decode)]
    #[cbor(map)]
    struct Second {
        #[n(0)]
        name: String,
        #[n(2)]
        note: Option<u32>,
    }

    #[test]
    fn a_record_is_a_version_and_numbered_fields() {
        assert_eq!(encode(1, &First { name: "a".into() }), [1, 0xa1, 0, 0x61, b'a']);
    }

    #[test]
    fn a_later_version_reads_an_earlier_record() {
        let bytes = encode(1, &First { name: "a".into() });
        assert_eq!(decode::<Second>(2, &bytes).unwrap(), Second { name: "a".into(), note: None });
    }

    #[test]
    fn a_newer_record_is_refused_with_a_sentence() {
        let bytes = encode(2, &Second { name: "a".into(), note: Some(7) });
        let error = decode::<First>(1, &bytes).unwrap_err();
        assert_eq!(*error.kind(), Kind::Internal);
        assert_eq!(
            error.message(),
            "a stored record has version 2 and this server reads versions 1 to 1; start the server version that wrote it"
        );
    }

    #[test]
    fn damaged_records_are_refused() {
        let good = encode(1, &First { name: "a".into() });
        let longer = [good.as_slice(), &[0]].concat();
        for bytes in [&[][..], &[0], &[1], &good[..4], &longer, &[1, 0xff]] {
            assert_eq!(*decode::<First>(1, bytes).unwrap_err().kind(), Kind::Internal, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(name: String, note: Option<u32>) {
            let record = Second { name, note };
            prop_assert_eq!(&decode::<Second>(1, &encode(1, &record)).unwrap(), &record);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = decode::<Second>(1, &bytes);
        }
    }
}
