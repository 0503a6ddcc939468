//! Search filters (RFC 4511, section 4.5.1.7) with their names resolved and their values in normal
//! form.

mod candidate;
mod evaluate;

pub(super) use evaluate::Verdict;

use super::known::Source;
use super::schema::AttributeType;
use super::value::{self, MatchingRule, Substring};
use super::{Directory, draft};
use crate::model::{EntryId, Error, Result};

/// A filter. The constructors never fail for what a client wrote: what the schema does not know, or
/// what cannot match, is Undefined.
#[derive(Clone, Debug)]
pub enum Filter {
    /// All are true. Without parts: true (RFC 4526).
    And(Vec<Filter>),
    /// One is true. Without parts: false (RFC 4526).
    Or(Vec<Filter>),
    /// It is false.
    Not(Box<Filter>),
    /// Neither true nor false.
    Undefined,
    /// A test of the values of an attribute.
    Test(Test),
}

/// A test of the values of an attribute and its subtypes.
#[derive(Clone, Debug)]
pub struct Test {
    pub(super) attributes: Vec<&'static AttributeType>,
    /// Options that a description must have.
    pub(super) options: Vec<String>,
    pub(super) assertion: Assertion,
}

/// What values are tested for.
#[derive(Clone, Debug)]
pub(super) enum Assertion {
    Present,
    Equal {
        rule: MatchingRule,
        normal: Vec<u8>,
        /// Whether the parts of the entry's name count as values too.
        dn: bool,
    },
    /// The value names this entry; `None` if there is no entry of that name.
    Names(Option<EntryId>),
    AtLeast {
        rule: MatchingRule,
        key: Vec<u8>,
    },
    AtMost {
        rule: MatchingRule,
        key: Vec<u8>,
    },
    Below {
        rule: MatchingRule,
        key: Vec<u8>,
    },
    Like {
        rule: MatchingRule,
        parts: Substring,
    },
}

/// The parts of a substring assertion as written.
#[derive(Clone, Debug, Default)]
pub struct Parts<'a> {
    /// What the value begins with.
    pub initial: Option<&'a [u8]>,
    /// What it holds, in this order.
    pub any: Vec<&'a [u8]>,
    /// What it ends with.
    pub last: Option<&'a [u8]>,
}

impl Filter {
    /// Every entry: `(&)`.
    pub const fn everything() -> Self {
        Self::And(Vec::new())
    }

    /// `(name=*)`
    pub fn present(directory: &Directory, name: &str) -> Self {
        let Some((attribute, options)) = lookup(directory, name) else { return Self::Undefined };
        test(directory, attribute, options, Assertion::Present)
    }

    /// `(name=value)`; reads the store to find the entry that a DN names.
    pub fn equality(directory: &Directory, name: &str, value: &[u8]) -> Result<Self> {
        let Some((attribute, options)) = lookup(directory, name) else { return Ok(Self::Undefined) };
        equality(directory, attribute, options, attribute.equality, value, false)
    }

    /// `(name~=value)`: as equality.
    pub fn approximate(directory: &Directory, name: &str, value: &[u8]) -> Result<Self> {
        Self::equality(directory, name, value)
    }

    /// `(name>=value)`
    pub fn greater_or_equal(directory: &Directory, name: &str, value: &[u8]) -> Self {
        ordering(directory, name, value, |rule, key| Assertion::AtLeast { rule, key })
    }

    /// `(name<=value)`
    pub fn less_or_equal(directory: &Directory, name: &str, value: &[u8]) -> Self {
        ordering(directory, name, value, |rule, key| Assertion::AtMost { rule, key })
    }

    /// `(name=initial*any*last)`
    pub fn substrings(directory: &Directory, name: &str, parts: &Parts<'_>) -> Self {
        let Some((attribute, options)) = lookup(directory, name) else { return Self::Undefined };
        let Some(rule) = attribute.substr else { return Self::Undefined };
        match Substring::new(rule, parts.initial, &parts.any, parts.last) {
            Ok(parts) => test(directory, attribute, options, Assertion::Like { rule, parts }),
            Err(_) => Self::Undefined,
        }
    }

    /// `(name:dn:rule:=value)` (RFC 4511, section 4.5.1.7.7). Without a name it tests every
    /// attribute whose equality is decided by the rule. Rules for substrings are Undefined here.
    pub fn extensible(directory: &Directory, name: Option<&str>, rule: Option<&str>, value: &[u8], dn_attributes: bool) -> Result<Self> {
        let rule = match rule.map(MatchingRule::find) {
            Some(None) => return Ok(Self::Undefined),
            Some(found) => found,
            None => None,
        };
        let named = match name.map(|name| lookup(directory, name)) {
            Some(None) => return Ok(Self::Undefined),
            Some(found) => found,
            None => None,
        };
        if let (Some((attribute, _)), Some(rule)) = (&named, rule)
            && !rule.applies_to(attribute.syntax)
        {
            return Ok(Self::Undefined);
        }
        match (named, rule) {
            (Some((attribute, options)), None) => equality(directory, attribute, options, attribute.equality, value, dn_attributes),
            (Some((attribute, options)), Some(rule)) if rule.is_ordering() => Ok(match value::ordering_key(rule, value) {
                Ok(key) => test(directory, attribute, options, Assertion::Below { rule, key }),
                Err(_) => Self::Undefined,
            }),
            (_, Some(rule)) if rule.is_substrings() => Ok(Self::Undefined),
            (Some((attribute, options)), rule) => equality(directory, attribute, options, rule, value, dn_attributes),
            (None, Some(rule)) => any_attribute(directory, rule, value, dn_attributes),
            (None, None) => Ok(Self::Undefined),
        }
    }
}

fn lookup(directory: &Directory, name: &str) -> Option<(&'static AttributeType, Vec<String>)> {
    Some((directory.schema.attribute(name)?, draft::options(name)))
}

fn test(directory: &Directory, attribute: &'static AttributeType, options: Vec<String>, assertion: Assertion) -> Filter {
    let schema = directory.schema;
    let subtypes = schema.subtypes(attribute.id).iter().filter(|other| **other != attribute.id);
    let subtypes = subtypes.filter_map(|other| schema.attribute_by_id(*other));
    Filter::Test(Test { attributes: std::iter::once(attribute).chain(subtypes).collect(), options, assertion })
}

/// Tests every attribute whose equality is decided by the rule: one test for all that are compared
/// in normal form, and one for each way to name an entry, so that the filter does not grow with the
/// schema.
fn any_attribute(directory: &Directory, rule: MatchingRule, value: &[u8], dn: bool) -> Result<Filter> {
    let (mut compared, mut by_dn, mut by_uid) = (Vec::new(), Vec::new(), Vec::new());
    for attribute in directory.schema.attribute_types().iter().filter(|attribute| attribute.equality == Some(rule)) {
        match Source::of(attribute) {
            Source::Edges | Source::MemberOf | Source::EntryDn => by_dn.push(attribute),
            Source::MemberUid => by_uid.push(attribute),
            _ => compared.push(attribute),
        }
    }
    let mut parts = Vec::new();
    let all = |attributes, assertion| Filter::Test(Test { attributes, options: Vec::new(), assertion });
    for (attributes, source) in [(by_dn, Source::EntryDn), (by_uid, Source::MemberUid)] {
        if !attributes.is_empty() {
            parts.push(match directory.target(source, value) {
                Ok(target) => all(attributes, Assertion::Names(target)),
                Err(error) => undefined_if_invalid(error)?,
            });
        }
    }
    if !compared.is_empty() {
        parts.push(match value::normalise(rule, value) {
            Ok(normal) => all(compared, Assertion::Equal { rule, normal, dn }),
            Err(error) => undefined_if_invalid(error)?,
        });
    }
    Ok(Filter::Or(parts))
}

fn equality(
    directory: &Directory,
    attribute: &'static AttributeType,
    options: Vec<String>,
    rule: Option<MatchingRule>,
    value: &[u8],
    dn: bool,
) -> Result<Filter> {
    let Some(rule) = rule else { return Ok(Filter::Undefined) };
    let source = Source::of(attribute);
    if matches!(source, Source::Edges | Source::MemberUid | Source::MemberOf | Source::EntryDn) {
        return match directory.target(source, value) {
            Ok(target) => Ok(test(directory, attribute, options, Assertion::Names(target))),
            Err(error) => undefined_if_invalid(error),
        };
    }
    match value::normalise(rule, value) {
        Ok(normal) => Ok(test(directory, attribute, options, Assertion::Equal { rule, normal, dn })),
        Err(error) => undefined_if_invalid(error),
    }
}

fn ordering(directory: &Directory, name: &str, value: &[u8], assertion: impl FnOnce(MatchingRule, Vec<u8>) -> Assertion) -> Filter {
    let Some((attribute, options)) = lookup(directory, name) else { return Filter::Undefined };
    let Some(rule) = attribute.ordering else { return Filter::Undefined };
    match value::ordering_key(rule, value) {
        Ok(key) => test(directory, attribute, options, assertion(rule, key)),
        Err(_) => Filter::Undefined,
    }
}

fn undefined_if_invalid(error: Error) -> Result<Filter> {
    match error.kind() {
        crate::model::Kind::Invalid(_) => Ok(Filter::Undefined),
        _ => Err(error),
    }
}
