//! An attribute as callers hand it over: a description as written and its values.

/// An attribute type with its values, not yet checked against a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute description as written (RFC 4512, section 2.5): a descriptor or an OID, with
    /// its options.
    pub name: String,
    /// The values as octets.
    pub values: Vec<Vec<u8>>,
}

impl Attribute {
    /// An attribute with textual values.
    pub fn new<'a>(name: impl Into<String>, values: impl IntoIterator<Item = &'a str>) -> Self {
        Self { name: name.into(), values: values.into_iter().map(|value| value.as_bytes().to_vec()).collect() }
    }
}
