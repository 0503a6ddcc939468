//! Attributes as a request names them: which type, which options, which values, and whether the
//! request may write them.

use crate::directory::draft::{Draft, Name};
use crate::directory::known::{KNOWN, Source};
use crate::directory::schema::{AttributeType, Schema};
use crate::directory::{Viewer, value};
use crate::model::error::Rule;
use crate::model::{EntryId, Error, Result};
use crate::policy::access::{self, AccessClass};
use std::collections::HashMap;

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
    attribute.check_value(octets)?;
    comparable(attribute, octets).map_err(|error| Error::new(error.kind().clone(), format!("{}: {}", attribute.name(), error.message())))
}

/// The form in which a value is compared with others of its attribute; without a rule for equality
/// the octets themselves.
pub fn comparable(attribute: &AttributeType, octets: &[u8]) -> Result<Vec<u8>> {
    attribute.equality.map_or_else(|| Ok(octets.to_vec()), |rule| value::normalise(rule, octets))
}

/// Drops values of a draft, whatever options they have, that are compared in one of these forms. A
/// value that has no such form, which a rule of another version may have let in, is none of them:
/// it stays.
pub fn drop_values(draft: &mut Draft, attribute: &AttributeType, forms: &[Vec<u8>]) {
    draft.retain_values(attribute, |octets| comparable(attribute, octets).map_or(true, |form| !forms.contains(&form)));
}

/// The values of an attribute while a request changes them. The forms in which they are compared
/// are made once, however many steps there are.
#[derive(Default)]
pub struct Values {
    /// In their order; a value that was removed leaves its place empty.
    values: Vec<Option<Vec<u8>>>,
    count: usize,
    /// From a normal form to the place of its value, once it was needed.
    places: Option<HashMap<Vec<u8>, usize>>,
}

impl Values {
    /// Those that are there.
    pub fn of(values: Vec<Vec<u8>>) -> Self {
        Self { count: values.len(), values: values.into_iter().map(Some).collect(), places: None }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Removes all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds values; Rule::ValueExists for one that is there already.
    pub fn add(&mut self, attribute: &AttributeType, values: &[Vec<u8>]) -> Result<()> {
        self.compare_by(attribute)?;
        let places = self.places.get_or_insert_default();
        for octets in values {
            if places.insert(normal(attribute, octets)?, self.values.len()).is_some() {
                return Err(Error::invalid(
                    Rule::ValueExists,
                    format!("{} has one of the values already, or it is named twice", attribute.name()),
                ));
            }
            self.values.push(Some(octets.clone()));
            self.count += 1;
        }
        Ok(())
    }

    /// Removes values; Rule::NoSuchAttribute for one that is not there.
    pub fn remove(&mut self, attribute: &AttributeType, values: &[Vec<u8>]) -> Result<()> {
        self.compare_by(attribute)?;
        for octets in values {
            let form = comparable(attribute, octets)?;
            let place = self.places.as_mut().and_then(|places| places.remove(&form));
            let removed = place.and_then(|place| self.values.get_mut(place)).and_then(Option::take);
            if removed.is_none() {
                return Err(Error::invalid(Rule::NoSuchAttribute, format!("{} has no such value", attribute.name())));
            }
            self.count -= 1;
        }
        Ok(())
    }

    /// Gives the values to a function that makes others of them.
    pub fn replace(&mut self, with: impl FnOnce(&[Vec<u8>]) -> Result<Vec<Vec<u8>>>) -> Result<()> {
        *self = Self::of(with(&std::mem::take(self).into_values())?);
        Ok(())
    }

    /// What has come of them.
    pub fn into_values(self) -> Vec<Vec<u8>> {
        self.values.into_iter().flatten().collect()
    }

    fn compare_by(&mut self, attribute: &AttributeType) -> Result<()> {
        if self.places.is_none() {
            let mut places = HashMap::with_capacity(self.values.len());
            for (place, octets) in self.values.iter().enumerate() {
                if let Some(octets) = octets {
                    places.entry(comparable(attribute, octets)?).or_insert(place);
                }
            }
            self.places = Some(places);
        }
        Ok(())
    }
}
