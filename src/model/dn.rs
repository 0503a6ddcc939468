//! Distinguished names as written (RFC 4514): parsing and printing. Matching of their values needs the schema and lives in `directory`.

use super::error::Result;
use std::fmt;

/// A distinguished name, most specific RDN first. The empty sequence is the root.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Dn(Vec<Rdn>);

/// A relative distinguished name: one or more attribute-value pairs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rdn(Vec<Ava>);

/// One attribute type with its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ava {
    /// The attribute type as written: a descriptor or a dotted OID.
    pub attribute: String,
    /// The value, unescaped.
    pub value: Vec<u8>,
}

impl Dn {
    /// The name of the root: no RDN at all.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// Parses the string form (RFC 4514, section 3).
    pub fn parse(_text: &str) -> Result<Self> {
        todo!()
    }

    /// The RDNs, most specific first.
    pub fn rdns(&self) -> &[Rdn] {
        &self.0
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The name without its most specific RDN; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        todo!()
    }

    /// The name of a child.
    pub fn child(&self, rdn: Rdn) -> Self {
        let mut rdns = Vec::with_capacity(self.0.len() + 1);
        rdns.push(rdn);
        rdns.extend_from_slice(&self.0);
        Self(rdns)
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl Rdn {
    /// An RDN of one pair.
    pub fn single(attribute: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self(vec![Ava { attribute: attribute.into(), value: value.into() }])
    }

    /// Parses one RDN (RFC 4514, section 3), as `newrdn` of a ModifyDN request holds it.
    pub fn parse(_text: &str) -> Result<Self> {
        todo!()
    }

    /// The pairs, as written.
    pub fn avas(&self) -> &[Ava] {
        &self.0
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
