//! Attribute types (RFC 4512, section 2.5).

use crate::directory::value::{self, MatchingRule, Syntax};
use crate::model::{AttributeId, Error, Result, error::Rule};
pub use crate::policy::access::AccessClass;

/// The most octets of one value, where the schema names no other limit.
pub const DEFAULT_MAX_LENGTH: usize = 32 * 1024;

/// What an attribute is for (RFC 4512, section 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Usage {
    /// Data of users.
    UserApplications,
    /// Kept by the directory and the same on every server.
    DirectoryOperation,
    /// Shared between servers.
    DistributedOperation,
    /// Of one server.
    DsaOperation,
}

/// Which index terms are kept for an attribute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexes {
    /// Whether there is a value.
    pub presence: bool,
    /// Equal values.
    pub equality: bool,
    /// Ordered values; initial substrings too.
    pub ordering: bool,
    /// Substrings anywhere.
    pub substring: bool,
}

/// An attribute type, with what it inherits already filled in.
#[derive(Clone, Debug)]
pub struct AttributeType {
    /// The number that records hold; never used for another attribute.
    pub id: AttributeId,
    /// The object identifier, dotted.
    pub oid: String,
    /// The descriptors; the first is the one that is shown.
    pub names: Vec<String>,
    /// A description, if the definition has one.
    pub description: Option<String>,
    /// Whether the attribute is not to be used any more.
    pub obsolete: bool,
    /// The direct supertype.
    pub sup: Option<AttributeId>,
    /// The rule for equality; none means that values cannot be compared.
    pub equality: Option<MatchingRule>,
    /// The rule for ordering.
    pub ordering: Option<MatchingRule>,
    /// The rule for substrings.
    pub substr: Option<MatchingRule>,
    /// What values look like.
    pub syntax: Syntax,
    /// The most octets that one value may hold.
    pub max_length: usize,
    /// At most one value.
    pub single_value: bool,
    /// Users cannot change it.
    pub no_user_modification: bool,
    /// What it is for.
    pub usage: Usage,
    /// Who may read it.
    pub access: AccessClass,
    /// Whether values are DNs of entries of the pool and kept as edges.
    pub link: bool,
    /// Whether values are computed and never stored.
    pub is_virtual: bool,
    /// Which index terms are kept.
    pub indexes: Indexes,
    /// Whether no two entries of a pool may have the same value.
    pub unique: bool,
    /// The definition as the subschema shows it.
    pub definition: String,
}

impl AttributeType {
    /// The name that is shown: the first descriptor, or the OID.
    pub fn name(&self) -> &str {
        self.names.first().unwrap_or(&self.oid)
    }

    /// Whether it is returned only when asked for (RFC 4512, section 3.4).
    pub fn is_operational(&self) -> bool {
        self.usage != Usage::UserApplications
    }

    /// Checks one value: its length (Rule::Constraint) and its syntax (Rule::Syntax). The message
    /// names the attribute, never the value.
    pub fn check_value(&self, value: &[u8]) -> Result<()> {
        if value.len() > self.max_length {
            let (name, length, limit) = (self.name(), value.len(), self.max_length);
            return Err(Error::invalid(Rule::Constraint, format!("a value of {name} has {length} octets, over the limit of {limit}")));
        }
        value::validate(self.syntax, value).map_err(|error| Error::invalid(Rule::Syntax, format!("{}: {error}", self.name())))
    }

    /// The normal form of a value for equality; Rule::InappropriateMatching if values cannot be
    /// compared, Rule::Syntax if this one is malformed.
    pub fn normalise(&self, value: &[u8]) -> Result<Vec<u8>> {
        let rule = self.equality.ok_or_else(|| {
            Error::invalid(Rule::InappropriateMatching, format!("values of {} cannot be compared: it has no equality rule", self.name()))
        })?;
        value::normalise(rule, value).map_err(|error| Error::invalid(Rule::Syntax, format!("{}: {error}", self.name())))
    }
}
