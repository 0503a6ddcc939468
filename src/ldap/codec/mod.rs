//! The messages of LDAPv3 (RFC 4511, section 4) as bytes and as values.
//!
//! Pure: no I/O, no clock, no schema. Decoding borrows from the input and enforces [`Limits`];
//! nothing that a peer sends can make it panic, recurse without bound or allocate more than a small
//! multiple of the message. Names, filters and passwords stay what they are on the wire: octets,
//! and UTF-8 only where the protocol says so.

mod decode;
mod encode;
mod extended;
mod filter;
mod message;
mod paged;

pub use decode::{Answerable, DecodeError, Glance, Reason, decode, frame_size, glance, operation_bytes};
pub use encode::{encode, encode_entry};
pub use extended::{PasswordModify, encode_generated_password};
pub use filter::{Assertion, Extensible, Filter, Substrings};
pub use message::{
    AddRequest, Authentication, BindRequest, BindResponse, Change, ChangeKind, CompareRequest, Control, DerefAliases, Entry,
    ExtendedRequest, ExtendedResponse, Intermediate, LdapResult, Message, ModifyDnRequest, ModifyRequest, Operation, PartialAttribute,
    ResultCode, Scope, SearchRequest,
};
pub use paged::PagedResults;

/// What a peer may send in one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of a message with its envelope.
    pub message_size: usize,
    /// How deep a filter may nest; a single item has depth 1.
    pub filter_depth: usize,
    /// Items, operators and parts of substrings of a filter.
    pub filter_items: usize,
    /// Controls of a message.
    pub controls: usize,
    /// Attribute descriptions of a search or attributes of an add; changes of a modify.
    pub attributes: usize,
    /// Values of all attributes of an add or a modify.
    pub values: usize,
}

impl Limits {
    /// Before a bind: enough for a bind and for reading the root DSE.
    pub const UNBOUND: Self = Self { message_size: 64 << 10, filter_depth: 8, filter_items: 32, controls: 8, attributes: 64, values: 64 };
    /// After a bind.
    pub const BOUND: Self =
        Self { message_size: 4 << 20, filter_depth: 32, filter_items: 1_000, controls: 16, attributes: 1_000, values: 20_000 };
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
