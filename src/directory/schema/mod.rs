//! What entries may hold (RFC 4512, section 4): attribute types, object classes, and the checks of an entry against them.
//!
//! Owns the parser of schema definitions and the built-in schema. Uses `value` for syntaxes and matching rules. Never reads a store.

mod attribute;
mod class;

pub use attribute::{AccessClass, AttributeType, Indexes, Usage};
pub use class::{ClassKind, ObjectClass};

use super::value::{MatchingRule, Syntax};
use crate::model::{Attribute, AttributeId, Result};
use std::sync::LazyLock;

/// A set of attribute types and object classes that fit together.
#[derive(Debug)]
pub struct Schema {
    attributes: Vec<AttributeType>,
    classes: Vec<ObjectClass>,
}

static BUILTIN: LazyLock<Schema> = LazyLock::new(|| Schema { attributes: Vec::new(), classes: Vec::new() });

impl Schema {
    /// The schema that is built in: the files of `schemas/`.
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// An attribute type by one of its names or its OID; case and options (`;lang-de`) do not matter.
    pub fn attribute(&self, _description: &str) -> Option<&AttributeType> {
        todo!()
    }

    /// The same as [`attribute`](Self::attribute), with an error (Rule::UndefinedAttribute) that names what is missing.
    pub fn require_attribute(&self, _description: &str) -> Result<&AttributeType> {
        todo!()
    }

    /// An attribute type by the number that records hold.
    pub fn attribute_by_id(&self, _id: AttributeId) -> Option<&AttributeType> {
        todo!()
    }

    /// An object class by one of its names or its OID.
    pub fn class(&self, _name: &str) -> Option<&ObjectClass> {
        todo!()
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

    /// What `cn=subschema` holds: attributeTypes, objectClasses, ldapSyntaxes, matchingRules, matchingRuleUse (RFC 4512, section 4.2).
    pub fn subschema_attributes(&self) -> Vec<Attribute> {
        todo!()
    }

    /// Whether `attribute` is `ancestor` or one of its subtypes.
    pub fn is_subtype(&self, _attribute: AttributeId, _ancestor: AttributeId) -> bool {
        todo!()
    }

    /// Checks an entry (RFC 4512, section 2.4): its classes are known and form one structural chain, every required attribute is there,
    /// every attribute is allowed. Answers the structural class.
    pub fn check_entry(&self, _classes: &[&str], _present: &[AttributeId]) -> Result<&ObjectClass> {
        todo!()
    }

    /// The classes with all their superclasses, each once, as an entry is to list them.
    pub fn with_superclasses(&self, _classes: &[&str]) -> Result<Vec<&ObjectClass>> {
        todo!()
    }
}
