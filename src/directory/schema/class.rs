//! Object classes (RFC 4512, section 2.4).

use crate::model::AttributeId;

/// The kind of an object class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClassKind {
    /// Only to be inherited from.
    Abstract,
    /// What an entry is; each entry has one chain of them.
    Structural,
    /// What an entry may be besides.
    Auxiliary,
}

/// An object class. `must` and `may` are its own; those of its superclasses are theirs.
#[derive(Clone, Debug)]
pub struct ObjectClass {
    /// The object identifier, dotted.
    pub oid: String,
    /// The descriptors; the first is the one that is shown.
    pub names: Vec<String>,
    /// A description, if the definition has one.
    pub description: Option<String>,
    /// Whether the class is not to be used any more.
    pub obsolete: bool,
    /// The direct superclasses, as positions in
    /// [`Schema::object_classes`](super::Schema::object_classes).
    pub sup: Vec<usize>,
    /// Its kind.
    pub kind: ClassKind,
    /// Attributes that an entry of the class must have.
    pub must: Vec<AttributeId>,
    /// Attributes that it may have.
    pub may: Vec<AttributeId>,
    /// The definition as the subschema shows it.
    pub definition: String,
}

impl ObjectClass {
    /// The name that is shown: the first descriptor, or the OID.
    pub fn name(&self) -> &str {
        self.names.first().unwrap_or(&self.oid)
    }
}
