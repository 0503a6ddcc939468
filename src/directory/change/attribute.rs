//! Attributes as a request names them: which type, which options, which values, and whether the request may write them.

use crate::directory::draft::{Content, Name};
use crate::directory::known::{KNOWN, Source};
use crate::directory::schema::{AttributeType, Schema};
use crate::directory::{Viewer, value};
use crate::model::error::Rule;
use crate::model::{EntryId, Error, Result};
use crate::policy::access::{self, AccessClass};
use std::collections::HashSet;

/// Options that one description may have.
const MAX_OPTIONS: usize = 4;
/// The longest option. Bytes.
const MAX_OPTION: usize = 32;

/// The attribute type and the options of a description.
pub fn describe<'a>(schema: &'a Schema, description: &str) -> Result<(&'a AttributeType, Name)> {
    let attribute = schema.require_attribute(description)?;
    let name = Name::of(attribute.id, description);
    let options = name.options.split(';').skip(1);
    let bad = |option: &str| {
        option.is_empty() || option.len() > MAX_OPTION || !option.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    if options.clone().any(bad) || options.count() > MAX_OPTIONS {
        return Err(Error::invalid(
            Rule::UndefinedAttribute,
            format!(
                "an option of {} is not of letters, digits and hyphens, or is over {MAX_OPTION} bytes long, or is one too many",
                attribute.name()
            ),
        ));
    }
    let takes_options = !Source::of(attribute).is_derived() && !attribute.is_operational() && attribute.id != KNOWN.object_class;
    if !name.options.is_empty() && !takes_options {
        return Err(Error::invalid(Rule::UndefinedAttribute, format!("{} takes no options", attribute.name())));
    }
    Ok((attribute, name))
}

/// Whether a request may write the attribute at all, and whether this one may.
pub fn may_write(viewer: &Viewer, attribute: &AttributeType, id: EntryId) -> Result<()> {
    let name = attribute.name();
    if attribute.access == AccessClass::Secret {
        return Err(Error::invalid(Rule::Unwilling, format!("{name} is not kept in the entry; set it where passwords are set")));
    }
    let source = Source::of(attribute);
    let computed = attribute.is_virtual || (source.is_derived() && !matches!(source, Source::Edges | Source::MemberUid));
    if attribute.no_user_modification || computed {
        return Err(Error::invalid(Rule::Constraint, format!("{name} is kept by the server and cannot be changed")));
    }
    access::may_write(viewer, name, id)
}

/// Checks a value against the syntax, and gives the form in which it is compared.
pub fn normal(attribute: &AttributeType, octets: &[u8]) -> Result<Vec<u8>> {
    let name = attribute.name();
    if octets.len() > attribute.max_length {
        return Err(Error::invalid(
            Rule::Constraint,
            format!("a value of {name} has {} bytes, over the limit of {}", octets.len(), attribute.max_length),
        ));
    }
    let located = |error: Error| Error::new(error.kind().clone(), format!("{name}: {}", error.message()));
    value::validate(attribute.syntax, octets).map_err(located)?;
    comparable(attribute, octets).map_err(located)
}

/// The form in which a value is compared with others of its attribute; without a rule for equality the octets themselves.
pub fn comparable(attribute: &AttributeType, octets: &[u8]) -> Result<Vec<u8>> {
    attribute.equality.map_or_else(|| Ok(octets.to_vec()), |rule| value::normalise(rule, octets))
}

/// Adds values to those that are there; Rule::ValueExists for one that is there already.
pub fn add_values(attribute: &AttributeType, content: &mut Content, values: &[Vec<u8>]) -> Result<()> {
    let mut there = content.values.iter().map(|value| comparable(attribute, value)).collect::<Result<HashSet<_>>>()?;
    for octets in values {
        if !there.insert(normal(attribute, octets)?) {
            return Err(Error::invalid(
                Rule::ValueExists,
                format!("{} has one of the values already, or it is named twice", attribute.name()),
            ));
        }
        content.values.push(octets.clone());
    }
    content.spill = None;
    Ok(())
}

/// Removes values; Rule::NoSuchAttribute for one that is not there.
pub fn remove_values(attribute: &AttributeType, content: &mut Content, values: &[Vec<u8>]) -> Result<()> {
    let mut gone = HashSet::new();
    let missing = || Error::invalid(Rule::NoSuchAttribute, format!("{} has no such value", attribute.name()));
    for octets in values {
        if !gone.insert(comparable(attribute, octets)?) {
            return Err(missing());
        }
    }
    content.values.retain(|value| !comparable(attribute, value).is_ok_and(|value| gone.remove(&value)));
    content.spill = None;
    if gone.is_empty() { Ok(()) } else { Err(missing()) }
}
