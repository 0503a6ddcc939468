//! What entries may hold (RFC 4512, section 4): attribute types, object classes, and the checks of
//! an entry against them.
//!
//! Owns the parser of schema definitions and the built-in schema. Uses `value` for syntaxes and
//! matching rules. Never reads a store.

mod attribute;
mod check;
mod class;
mod listing;
mod load;
mod parse;

pub use attribute::{AccessClass, AttributeType, DEFAULT_MAX_LENGTH, Indexes, Usage};
pub use class::{ClassKind, ObjectClass};
pub use parse::{Definition, MAX_DEFINITION, ParseError, attribute_type as parse_attribute_type, object_class as parse_object_class};

use super::value::{MatchingRule, Syntax};
use crate::model::{Attribute, AttributeId, Error, Result, error::Rule};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The built-in files, in the order in which they refer to each other.
const FILES: &[(&str, &str)] = &[
    ("system.schema", include_str!("../../../schemas/system.schema")),
    ("core.schema", include_str!("../../../schemas/core.schema")),
    ("cosine.schema", include_str!("../../../schemas/cosine.schema")),
    ("inetorgperson.schema", include_str!("../../../schemas/inetorgperson.schema")),
    ("rfc2307bis.schema", include_str!("../../../schemas/rfc2307bis.schema")),
    ("openssh-lpk.schema", include_str!("../../../schemas/openssh-lpk.schema")),
    ("poolgate.schema", include_str!("../../../schemas/poolgate.schema")),
];

static BUILTIN: LazyLock<Schema> = LazyLock::new(|| Schema::load(FILES).expect("the built-in schema loads, as its tests show"));

/// A set of attribute types and object classes that fit together.
#[derive(Debug, Default)]
pub struct Schema {
    attributes: Vec<AttributeType>,
    classes: Vec<ObjectClass>,
    /// Names and OIDs in lower case → position.
    attribute_names: HashMap<String, usize>,
    class_names: HashMap<String, usize>,
    /// What a number leads to, by the number itself: they are small, and few are free.
    numbers: Vec<Numbered>,
}

/// What the number of an attribute type leads to.
#[derive(Clone, Debug, Default)]
struct Numbered {
    /// The position of the attribute type that has the number.
    position: Option<usize>,
    /// That attribute and all its subtypes.
    subtypes: Vec<AttributeId>,
}

impl Schema {
    /// The schema that is built in: the files of `schemas/`.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// Reads schema files, each a name and a text. The error names file, line and octet.
    pub fn load(files: &[(&str, &str)]) -> Result<Self> {
        let mut schema = Self::default();
        for (name, text) in files {
            load::file(&mut schema, name, text).map_err(|error| Error::invalid(Rule::Syntax, error))?;
        }
        Ok(schema)
    }

    /// An attribute type by one of its names or its OID; case and options (`;lang-de`) do not
    /// matter.
    pub fn attribute(&self, description: &str) -> Option<&AttributeType> {
        let name = if description.contains(';') { description.split(';').next().unwrap_or_default() } else { description };
        find(&self.attribute_names, name).and_then(|position| self.attributes.get(position))
    }

    /// The same as [`attribute`](Self::attribute), with an error (Rule::UndefinedAttribute) that
    /// names what is missing.
    pub fn require_attribute(&self, description: &str) -> Result<&AttributeType> {
        self.attribute(description).ok_or_else(|| {
            let shown: String = description.chars().take(80).collect();
            Error::invalid(
                Rule::UndefinedAttribute,
                format!("the schema knows no attribute '{shown}': see attributeTypes of cn=subschema for those it knows"),
            )
        })
    }

    /// An attribute type by the number that records hold.
    pub fn attribute_by_id(&self, id: AttributeId) -> Option<&AttributeType> {
        self.numbered(id).and_then(|numbered| self.attributes.get(numbered.position?))
    }

    /// An object class by one of its names or its OID.
    pub fn class(&self, name: &str) -> Option<&ObjectClass> {
        self.class_position(name).and_then(|position| self.classes.get(position))
    }

    /// Every attribute type, in the order of the files.
    pub fn attribute_types(&self) -> &[AttributeType] {
        &self.attributes
    }

    /// Every object class, in the order of the files.
    pub fn object_classes(&self) -> &[ObjectClass] {
        &self.classes
    }

    /// Every syntax that is implemented.
    pub fn syntaxes(&self) -> &'static [Syntax] {
        Syntax::ALL
    }

    /// Every matching rule that is implemented.
    pub fn matching_rules(&self) -> &'static [MatchingRule] {
        MatchingRule::ALL
    }

    /// What `cn=subschema` holds: attributeTypes, objectClasses, ldapSyntaxes, matchingRules,
    /// matchingRuleUse (RFC 4512, section 4.2).
    pub fn subschema_attributes(&self) -> Vec<Attribute> {
        listing::subschema(self)
    }

    /// The attribute and all its subtypes, to which a filter on it extends (RFC 4512, section
    /// 2.5.1).
    pub fn subtypes(&self, id: AttributeId) -> &[AttributeId] {
        self.numbered(id).map(|numbered| numbered.subtypes.as_slice()).unwrap_or_default()
    }

    /// Whether `attribute` is `ancestor` or one of its subtypes.
    pub fn is_subtype(&self, attribute: AttributeId, ancestor: AttributeId) -> bool {
        self.subtypes(ancestor).contains(&attribute)
    }

    /// The dotted OID that a class, attribute type or matching rule of that name has; a dotted OID
    /// stands for itself.
    pub fn oid_of(&self, name: &str) -> Option<String> {
        if crate::model::dn::is_oid(name) {
            return Some(name.to_owned());
        }
        let class = self.class(name).map(|class| class.oid.clone());
        let attribute =
            || find(&self.attribute_names, name).and_then(|position| self.attributes.get(position)).map(|attribute| attribute.oid.clone());
        class.or_else(attribute).or_else(|| MatchingRule::find(name).map(|rule| rule.oid().to_owned()))
    }

    fn numbered(&self, id: AttributeId) -> Option<&Numbered> {
        self.numbers.get(usize::from(id.get()))
    }

    fn class_position(&self, name: &str) -> Option<usize> {
        find(&self.class_names, name)
    }

    fn insert_attribute(&mut self, attribute: AttributeType) -> std::result::Result<(), String> {
        let position = self.attributes.len();
        claim(&mut self.attribute_names, &attribute.oid, &attribute.names, position)?;
        let number = usize::from(attribute.id.get());
        if self.numbers.len() <= number {
            self.numbers.resize_with(number + 1, Numbered::default);
        }
        match self.numbers.get_mut(number) {
            Some(Numbered { position: Some(_), .. }) => return Err(format!("X-POOLGATE-ID {number} belongs to another attribute")),
            Some(own) => *own = Numbered { position: Some(position), subtypes: vec![attribute.id] },
            None => {}
        }
        let mut ancestor = attribute.sup;
        while let Some(id) = ancestor {
            if let Some(above) = self.numbers.get_mut(usize::from(id.get())) {
                above.subtypes.push(attribute.id);
            }
            ancestor = self.attribute_by_id(id).and_then(|above| above.sup);
        }
        self.attributes.push(attribute);
        Ok(())
    }

    fn insert_class(&mut self, class: ObjectClass) -> std::result::Result<(), String> {
        claim(&mut self.class_names, &class.oid, &class.names, self.classes.len())?;
        self.classes.push(class);
        Ok(())
    }
}

fn find(names: &HashMap<String, usize>, name: &str) -> Option<usize> {
    let position = match name.bytes().any(|octet| octet.is_ascii_uppercase()) {
        true => names.get(&name.to_ascii_lowercase()),
        false => names.get(name),
    };
    position.copied()
}

fn claim(taken: &mut HashMap<String, usize>, oid: &str, names: &[String], position: usize) -> std::result::Result<(), String> {
    for name in names.iter().map(String::as_str).chain([oid]) {
        if taken.insert(name.to_ascii_lowercase(), position).is_some() {
            return Err(format!("'{name}' is defined twice"));
        }
    }
    Ok(())
}

pub(super) fn check_attribute_description(value: &[u8]) -> std::result::Result<(), String> {
    check_definition(value, parse::attribute_type)
}

pub(super) fn check_class_description(value: &[u8]) -> std::result::Result<(), String> {
    check_definition(value, parse::object_class)
}

pub(super) fn check_description(value: &[u8]) -> std::result::Result<(), String> {
    check_definition(value, parse::other)
}

fn check_definition(value: &[u8], parse: fn(&str) -> std::result::Result<Definition, ParseError>) -> std::result::Result<(), String> {
    let text = std::str::from_utf8(value).map_err(|_| "UTF-8".to_owned())?;
    parse(text).map(drop).map_err(|error| format!("a schema definition: {error}"))
}

#[cfg(test)]
mod tests;
