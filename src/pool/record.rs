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
