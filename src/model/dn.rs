//! Distinguished names as written (RFC 4514): parsing and printing. Matching of their values needs
//! the schema and lives in `directory`.

mod parse;

pub use parse::{is_descriptor, is_oid};

use super::error::{Error, Result, Rule};
use std::fmt::{self, Write};

/// The most octets that the string form of a name may hold.
pub const MAX_DN_BYTES: usize = 8192;
/// The most RDNs that a name may hold.
pub const MAX_RDNS: usize = 64;
/// The most attribute-value pairs that one RDN may hold.
pub const MAX_AVAS: usize = 16;

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

    /// Parses the string form (RFC 4514, section 3). Spaces around `,`, `+` and `=` are passed
    /// over, as RFC 2253 asks.
    pub fn parse(text: &str) -> Result<Self> {
        parse::dn(text.as_bytes())
    }

    /// Parses the string form from the octets of an LDAP message.
    pub fn parse_bytes(text: &[u8]) -> Result<Self> {
        parse::dn(text)
    }

    /// A name of these RDNs, most specific first; Rule::DnSyntax if there are more than
    /// [`MAX_RDNS`].
    pub fn from_rdns(rdns: Vec<Rdn>) -> Result<Self> {
        if rdns.len() > MAX_RDNS {
            return Err(Error::invalid(Rule::DnSyntax, format!("the name has {} parts, over the limit of {MAX_RDNS}", rdns.len())));
        }
        Ok(Self(rdns))
    }

    /// The RDNs, most specific first.
    pub fn rdns(&self) -> &[Rdn] {
        &self.0
    }

    /// The most specific RDN; `None` for the root.
    pub fn rdn(&self) -> Option<&Rdn> {
        self.0.first()
    }

    /// Whether it is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The name without its most specific RDN; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.get(1..).map(|rest| Self(rest.to_vec()))
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, rdn) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_char(',')?;
            }
            rdn.fmt(f)?;
        }
        Ok(())
    }
}

impl Rdn {
    /// An RDN of one pair.
    pub fn single(attribute: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self(vec![Ava { attribute: attribute.into(), value: value.into() }])
    }

    /// An RDN of these pairs; Rule::DnSyntax if there is none or more than [`MAX_AVAS`].
    pub fn new(avas: Vec<Ava>) -> Result<Self> {
        match avas.len() {
            0 => Err(Error::invalid(Rule::DnSyntax, "a relative distinguished name needs an attribute and a value, such as cn=staff")),
            1..=MAX_AVAS => Ok(Self(avas)),
            count => Err(Error::invalid(
                Rule::DnSyntax,
                format!("a part of the name has {count} values joined by '+', over the limit of {MAX_AVAS}"),
            )),
        }
    }

    /// Parses one RDN (RFC 4514, section 3), as `newrdn` of a ModifyDN request holds it.
    pub fn parse(text: &str) -> Result<Self> {
        parse::rdn(text.as_bytes())
    }

    /// The pairs, as written.
    pub fn avas(&self) -> &[Ava] {
        &self.0
    }
}

impl fmt::Display for Rdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, ava) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_char('+')?;
            }
            ava.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Ava {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.attribute)?;
        if self.attribute.starts_with(|first: char| first.is_ascii_digit()) {
            return write_hexstring(f, &self.value);
        }
        for (position, chunk) in self.value.utf8_chunks().enumerate() {
            let is_first = position == 0;
            let is_last = chunk.invalid().is_empty();
            write_string(f, chunk.valid(), is_first, is_last)?;
            for octet in chunk.invalid() {
                write!(f, "\\{octet:02x}")?;
            }
        }
        Ok(())
    }
}

/// A value whose type is a dotted OID is shown as the BER encoding of an OCTET STRING (RFC 4514,
/// section 2.4).
fn write_hexstring(f: &mut fmt::Formatter<'_>, value: &[u8]) -> fmt::Result {
    let mut encoded = Vec::with_capacity(value.len() + 4);
    super::ber::Writer::new(&mut encoded).octets(value);
    f.write_char('#')?;
    encoded.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
}

/// Escapes what RFC 4514, section 2.4 names, and control characters besides, so that a name stays
/// on its line.
fn write_string(f: &mut fmt::Formatter<'_>, text: &str, is_first: bool, is_last: bool) -> fmt::Result {
    for (position, character) in text.char_indices() {
        let leads = is_first && position == 0;
        let trails = is_last && position + character.len_utf8() == text.len();
        match character {
            ' ' if leads || trails => f.write_str("\\ ")?,
            '#' if leads => f.write_str("\\#")?,
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}")?,
            '\0'..='\x1f' | '\x7f' => write!(f, "\\{:02x}", u32::from(character))?,
            _ => f.write_char(character)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
