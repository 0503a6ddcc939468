//! The nouns of the domain, one file each, and what every room shares: ids, the error, time and
//! entropy.
//!
//! Owns the syntax of names ([`dn`]) and of TLVs ([`ber`]). Imports no other room, and does no I/O:
//! anything here can be used by a pure function.

pub mod actor;
pub mod address;
pub mod attribute;
pub mod ber;
pub mod dn;
pub mod entropy;
pub mod epoch;
pub mod error;
pub mod id;
pub mod listed;
pub mod record;
pub mod secret;
#[cfg(test)]
#[allow(clippy::unwrap_used, missing_docs)]
pub mod testing;
pub mod time;
pub mod voucher;

pub use actor::{Actor, Face, Role};
pub use attribute::Attribute;
pub use dn::{Ava, Dn, Rdn};
pub use entropy::Entropy;
pub use epoch::Epoch;
pub use error::{Error, Kind, Result};
pub use id::{AttributeId, EntryId, PoolId, Sequence};
pub use listed::{Listed, Unreadable};
pub use secret::Secret;
pub use time::{Clock, Days, Seconds, Timestamp};
pub use voucher::Voucher;
