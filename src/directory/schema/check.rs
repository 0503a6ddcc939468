//! The checks of an entry against its object classes (RFC 4512, section 2.4).

use super::class::{ClassKind, ObjectClass};
use super::{AttributeType, Schema};
use crate::model::{AttributeId, Error, Result, error::Rule};

impl Schema {
    /// Checks an entry (RFC 4512, section 2.4): its classes are known and form one structural
    /// chain, every required attribute is there, every attribute is allowed. Answers the structural
    /// class. Rule::Syntax for a class that is unknown, Rule::ObjectClass for everything else.
    pub fn check_entry(&self, classes: &[&str], present: &[AttributeId]) -> Result<&ObjectClass> {
        let structural = self.structural_class(classes)?;
        let all = self.with_superclasses(classes)?;
        for class in &all {
            let missing: Vec<&str> = class
                .must
                .iter()
                .filter(|id| !present.contains(id))
                .filter_map(|id| self.attribute_by_id(*id))
                .map(AttributeType::name)
                .collect();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                return Err(violation(format!("the object class {} requires {missing}: add what is missing", class.name())));
            }
        }
        for id in present {
            let Some(attribute) = self.attribute_by_id(*id) else {
                return Err(Error::internal(format!("the schema has no attribute of number {id}")));
            };
            if !attribute.is_operational() && !all.iter().any(|class| class.must.contains(id) || class.may.contains(id)) {
                return Err(violation(self.not_allowed(attribute, structural)));
            }
        }
        Ok(structural)
    }

    /// The structural class of an entry: the one that all its other structural classes are
    /// superclasses of.
    pub fn structural_class(&self, classes: &[&str]) -> Result<&ObjectClass> {
        let mut found: Option<usize> = None;
        for name in classes {
            let position = self.require_class(name)?;
            if self.class_at(position).is_none_or(|class| class.kind != ClassKind::Structural) {
                continue;
            }
            found = match found {
                None => Some(position),
                Some(other) if self.derives(other, position) => Some(other),
                Some(other) if self.derives(position, other) => Some(position),
                Some(other) => return Err(violation(self.two_structural(other, position))),
            };
        }
        found.and_then(|position| self.class_at(position)).ok_or_else(|| {
            violation("the entry has no structural object class: add one that says what it is, such as inetOrgPerson, groupOfNames or organizationalUnit")
        })
    }

    /// The classes with all their superclasses, each once, superclasses first, as an entry is to
    /// list them.
    pub fn with_superclasses(&self, classes: &[&str]) -> Result<Vec<&ObjectClass>> {
        let mut positions = Vec::new();
        for name in classes {
            self.collect(self.require_class(name)?, &mut positions);
        }
        Ok(positions.into_iter().filter_map(|position| self.class_at(position)).collect())
    }

    fn require_class(&self, name: &str) -> Result<usize> {
        let unknown = || {
            Error::invalid(
                Rule::Syntax,
                format!("the schema knows no object class '{name}': see objectClasses of cn=subschema for those it knows"),
            )
        };
        self.class_position(name).ok_or_else(unknown)
    }

    fn class_at(&self, position: usize) -> Option<&ObjectClass> {
        self.object_classes().get(position)
    }

    /// Whether the class at `position` is the one at `ancestor` or derives from it. Superclasses
    /// are defined before, so this ends.
    fn derives(&self, position: usize, ancestor: usize) -> bool {
        position == ancestor
            || self.class_at(position).is_some_and(|class| class.sup.iter().any(|sup| *sup < position && self.derives(*sup, ancestor)))
    }

    fn collect(&self, position: usize, into: &mut Vec<usize>) {
        if into.contains(&position) {
            return;
        }
        let sups = self.class_at(position).map(|class| class.sup.as_slice()).unwrap_or_default();
        for sup in sups {
            self.collect(*sup, into);
        }
        into.push(position);
    }

    fn two_structural(&self, left: usize, right: usize) -> String {
        let name = |position| self.class_at(position).map(ObjectClass::name).unwrap_or_default();
        let (left, right) = (name(left), name(right));
        format!("{left} and {right} are both structural object classes and neither derives from the other: keep one of them")
    }

    fn not_allowed(&self, attribute: &AttributeType, structural: &ObjectClass) -> String {
        let allows = |class: &&ObjectClass| class.must.contains(&attribute.id) || class.may.contains(&attribute.id);
        let helpers: Vec<&str> = self
            .object_classes()
            .iter()
            .filter(|class| class.kind == ClassKind::Auxiliary)
            .filter(allows)
            .map(ObjectClass::name)
            .take(3)
            .collect();
        let name = attribute.name();
        let remedy =
            if helpers.is_empty() { "remove it".to_owned() } else { format!("add the object class {} or remove it", helpers.join(" or ")) };
        format!("the attribute {name} is not allowed in an entry of the class {} with its other classes: {remedy}", structural.name())
    }
}

fn violation(message: impl Into<String>) -> Error {
    Error::invalid(Rule::ObjectClass, message)
}
