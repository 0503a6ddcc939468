//! Who vouched for somebody.

use super::id::Sequence;
use minicbor::{Decode, Encode};

/// An upstream identity provider as it was when it vouched for somebody. One that was removed, or is registered anew under the same name, vouches no more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Voucher {
    /// Its name within the pool.
    #[n(0)]
    pub provider: String,
    /// The commit that wrote its record: no two registrations share it.
    #[n(1)]
    pub version: Sequence,
}
