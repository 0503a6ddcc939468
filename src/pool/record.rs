//! The registry row of a pool.

use super::handle::Status;
use super::settings::Settings;
use crate::model::{PoolId, Result, Timestamp, record};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

const VERSION: u8 = 1;

/// A pool as stored.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub(super) struct PoolRecord {
    #[n(0)]
    pub(super) slug: String,
    #[n(1)]
    pub(super) suffix: String,
    #[n(2)]
    pub(super) display_name: String,
    #[n(3)]
    pub(super) status: Status,
    #[n(4)]
    pub(super) created: Timestamp,
    #[n(5)]
    pub(super) settings: Settings,
    /// Data keys, sealed under the master key; the last one seals, all of them open.
    #[n(6)]
    pub(super) data_keys: Vec<ByteVec>,
}

impl PoolRecord {
    pub(super) fn encode(&self) -> Vec<u8> {
        record::encode(VERSION, self)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        record::decode(VERSION, bytes)
    }
}

/// What a slug row and the counter of pool ids hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct NumberRecord {
    #[n(0)]
    pool: PoolId,
}

/// Writes a row that holds the number of a pool.
pub(super) fn encode_number(pool: PoolId) -> Vec<u8> {
    record::encode(VERSION, &NumberRecord { pool })
}

/// Reads a row that holds the number of a pool.
pub(super) fn decode_number(bytes: &[u8]) -> Result<PoolId> {
    record::decode::<NumberRecord>(VERSION, bytes).map(|record| record.pool)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::{Dn, Kind, Seconds};

    fn golden_record() -> PoolRecord {
        PoolRecord {
            slug: "a".into(),
            suffix: "o=a".into(),
            display_name: "A".into(),
            status: Status::Suspended,
            created: Timestamp::from_micros(5),
            settings: Settings { administrators: Some(Dn::parse("cn=r,o=a").unwrap()), ..Settings::default() },
            data_keys: vec![vec![9, 8].into()],
        }
    }

    #[test]
    fn golden_bytes_of_the_record() {
        #[rustfmt::skip]
        let golden = [
            1, 0xa7,
            0, 0x61, b'a',
            1, 0x63, b'o', b'=', b'a',
            2, 0x61, b'A',
            3, 1,
            4, 5,
            5, 0xa8,
                0, 0xa4, 0, 8, 1, 0x19, 0x01, 0x00, 2, 0xf5, 3, 0xf5, // 8 to 256, no names, nothing common
                1, 0xa4, 0, 10, 1, 0x19, 0x03, 0x84, 2, 0x19, 0x03, 0x84, // 10 failures, 15 minutes each
                    3, 0xa2, 0, 0x18, 30, 1, 0x18, 180, // 30 names, 180 days
                2, 0xa2, 0, 0x19, 0x0e, 0x10, 1, 0x19, 0xa8, 0xc0, // 1 hour, 12 hours
                3, 0x68, b'c', b'n', b'=', b'r', b',', b'o', b'=', b'a',
                4, 0xa3, 0, 0x18, 60, 1, 0x19, 0x02, 0x58, 2, 0x19, 0x02, 0x58, // 60 seconds, 10 minutes each
                5, 0xa3, 0, 0x19, 0x4c, 0x00, 1, 2, 2, 1, // 19 MiB, 2 passes, 1 lane
                7, 0xa1, 0, 0x18, 90, // 90 days
                8, 0xa2, 0, 15, 1, 0xf5, // 15 characters, nothing plain
            6, 0x81, 0x42, 9, 8,
        ];
        assert_eq!(golden_record().encode(), golden);
        assert_eq!(PoolRecord::decode(&golden).unwrap(), golden_record());
    }

    /// Written before logins had sources: what is not said there has its default, and is not off.
    #[test]
    fn golden_bytes_of_an_earlier_record() {
        #[rustfmt::skip]
        let golden = [
            1, 0xa7,
            0, 0x61, b'a',
            1, 0x63, b'o', b'=', b'a',
            2, 0x61, b'A',
            3, 1,
            4, 5,
            5, 0xa7,
                0, 0xa4, 0, 8, 1, 0x19, 0x01, 0x00, 2, 0xf5, 3, 0xf5, // 8 to 256, no names, nothing common
                1, 0xa3, 0, 10, 1, 0x19, 0x03, 0x84, 2, 0x19, 0x03, 0x84, // 10 failures, 15 minutes each
                2, 0xa2, 0, 0x19, 0x0e, 0x10, 1, 0x19, 0xa8, 0xc0, // 1 hour, 12 hours
                3, 0x68, b'c', b'n', b'=', b'r', b',', b'o', b'=', b'a',
                4, 0xa3, 0, 0x18, 60, 1, 0x19, 0x02, 0x58, 2, 0x19, 0x02, 0x58, // 60 seconds, 10 minutes each
                5, 0xa3, 0, 0x19, 0x4c, 0x00, 1, 2, 2, 1, // 19 MiB, 2 passes, 1 lane
                7, 0xa1, 0, 0x18, 90, // 90 days
            6, 0x81, 0x42, 9, 8,
        ];
        assert_eq!(PoolRecord::decode(&golden).unwrap(), golden_record());
    }

    #[test]
    fn golden_bytes_of_a_number() {
        assert_eq!(encode_number(PoolId::new(500)), [1, 0xa1, 0, 0x19, 0x01, 0xf4]);
        assert_eq!(decode_number(&[1, 0xa1, 0, 0x19, 0x01, 0xf4]).unwrap(), PoolId::new(500));
    }

    #[test]
    fn settings_that_a_record_lacks_have_their_defaults() {
        let with_empty_settings = [1, 0xa7, 0, 0x61, b'a', 1, 0x60, 2, 0x60, 3, 0, 4, 0, 5, 0xa0, 6, 0x80];
        assert_eq!(PoolRecord::decode(&with_empty_settings).unwrap().settings, Settings::default());
        let with_one_that_is_gone = [1, 0xa7, 0, 0x61, b'a', 1, 0x60, 2, 0x60, 3, 0, 4, 0, 5, 0xa1, 6, 0xf4, 6, 0x80];
        assert_eq!(PoolRecord::decode(&with_one_that_is_gone).unwrap().settings, Settings::default());
    }

    #[test]
    fn a_record_of_a_later_version_is_refused() {
        let mut bytes = golden_record().encode();
        bytes[0] = VERSION + 1;
        assert_eq!(*PoolRecord::decode(&bytes).unwrap_err().kind(), Kind::Internal);
    }

    #[test]
    fn the_largest_record_fits_a_row() {
        let mut record = golden_record();
        record.slug = "s".repeat(crate::pool::slug::MAX_SLUG);
        record.suffix = "s".repeat(crate::pool::suffix::MAX_SUFFIX_BYTES);
        record.display_name = "n".repeat(crate::pool::registry::MAX_DISPLAY_NAME);
        record.settings.administrators = Some(Dn::parse(&format!("cn={}", "a".repeat(500))).unwrap());
        record.settings.session.absolute = Seconds(u32::MAX);
        record.data_keys = vec![vec![0xff; 100].into(); 16];
        assert!(record.encode().len() < crate::store::MAX_ROW);
    }
}
