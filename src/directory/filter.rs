//! Search filters (RFC 4511, section 4.5.1.7) with their names resolved and their values in normal form, and their three-valued evaluation.

use super::Directory;
use crate::model::Result;

/// A filter. The constructors never fail for what a client wrote: what the schema does not know, or what cannot match, is Undefined.
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
    /// Every entry: `(objectClass=*)`.
    pub fn everything() -> Self {
        Self::And(Vec::new())
    }

    /// `(name=*)`
    pub fn present(_directory: &Directory, _name: &str) -> Self {
        todo!()
    }

    /// `(name=value)`; reads the store to find the entry that a DN names.
    pub fn equality(_directory: &Directory, _name: &str, _value: &[u8]) -> Result<Self> {
        todo!()
    }

    /// `(name~=value)`: as equality.
    pub fn approximate(directory: &Directory, name: &str, value: &[u8]) -> Result<Self> {
        Self::equality(directory, name, value)
    }

    /// `(name>=value)`
    pub fn greater_or_equal(_directory: &Directory, _name: &str, _value: &[u8]) -> Self {
        todo!()
    }

    /// `(name<=value)`
    pub fn less_or_equal(_directory: &Directory, _name: &str, _value: &[u8]) -> Self {
        todo!()
    }

    /// `(name=initial*any*last)`
    pub fn substrings(_directory: &Directory, _name: &str, _parts: &Parts<'_>) -> Self {
        todo!()
    }

    /// `(name:dn:rule:=value)`
    pub fn extensible(
        _directory: &Directory,
        _name: Option<&str>,
        _rule: Option<&str>,
        _value: &[u8],
        _dn_attributes: bool,
    ) -> Result<Self> {
        todo!()
    }
}
