//! Values of attributes: which octets a syntax allows (RFC 4517), and when two of them are the same (RFC 4517, RFC 4518).
//!
//! Owns syntaxes, matching rules and the normal forms that indexes hold. Pure and bounded: any octets can come in. Uses the schema only to compare names
//! and object identifiers. Never decides who may compare.

mod rule;
mod substring;
mod syntax;

pub use rule::MatchingRule;
pub use substring::{Part, Substring};
pub use syntax::Syntax;

use crate::model::Result;

/// The version of the normal forms. Indexes that were built by another version must be built anew.
pub const VERSION: u32 = 1;

/// Checks that the octets follow the syntax; Rule::Syntax with the reason otherwise.
pub fn validate(_syntax: Syntax, _value: &[u8]) -> Result<()> {
    todo!()
}

/// The normal form for equality: two values match if and only if these octets are the same. Rule::Syntax if the value does not fit the rule's syntax.
pub fn normalise(_rule: MatchingRule, _value: &[u8]) -> Result<Vec<u8>> {
    todo!()
}

/// The normal form of a part of a substring assertion (RFC 4517, section 4.2.6).
pub fn normalise_part(_rule: MatchingRule, _part: Part, _value: &[u8]) -> Result<Vec<u8>> {
    todo!()
}

/// A key whose order as octets is the order of the values.
pub fn ordering_key(_rule: MatchingRule, _value: &[u8]) -> Result<Vec<u8>> {
    todo!()
}
