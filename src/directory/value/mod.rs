//! Values of attributes: which octets a syntax allows (RFC 4517), and when two of them are the same
//! (RFC 4517, RFC 4518).
//!
//! Owns syntaxes, matching rules and the normal forms that indexes hold. Pure and bounded: any
//! octets can come in. Uses the schema only to compare names and object identifiers. Never decides
//! who may compare.

mod form;
mod normal;
mod prepare;
mod rule;
mod substring;
mod syntax;
mod time;

#[cfg(test)]
pub(crate) use normal::count;
pub use normal::{is_normal, normalise, normalise_part, ordering_key};
pub use rule::MatchingRule;
pub use substring::{Part, Substring};
pub use syntax::Syntax;
pub use time::{generalized, timestamp};

use crate::model::{Error, Result, error::Rule};

/// The version of the normal forms. Indexes that were built by another version must be built anew.
pub const VERSION: u32 = 1;

/// Checks that the octets follow the syntax; Rule::Syntax with what they should look like
/// otherwise.
pub fn validate(syntax: Syntax, value: &[u8]) -> Result<()> {
    syntax.check(value).map_err(|expected| Error::invalid(Rule::Syntax, format!("the value is not {expected} ({})", syntax.description())))
}

#[cfg(test)]
mod tests;
