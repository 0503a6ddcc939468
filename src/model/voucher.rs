//! Who vouched for somebody.

use super::epoch::Epoch;
use minicbor::{Decode, Encode};

/// An upstream identity provider as it was when it vouched for somebody. One that was removed, is
/// registered anew under the same name, or has become somebody else's word by an edit, vouches no
/// more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Voucher {
    /// Its name within the pool.
    #[n(0)]
    pub provider: String,
    /// In which epoch of that name.
    #[n(1)]
    pub epoch: Epoch,
}
