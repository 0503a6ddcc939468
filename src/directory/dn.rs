//! Matching of names: one normal form for every way to write the same DN (RFC 4517, section
//! 4.2.15).

use super::schema::{AttributeType, Schema};
use super::value;
use crate::model::{Ava, Dn, Error, Rdn, Result, error::Rule};

/// The most octets of the normal form of an RDN: it is part of a key of the store.
pub const MAX_RDN_LENGTH: usize = 2048;

/// The normal form of an RDN: equal for equal RDNs, whatever names, OIDs, order, case or spaces
/// they are written with.
///
/// Per pair, in the order of the attributes' numbers: number (2 octets), length of the value's
/// normal form (4 octets), normal form. Rule::DnSyntax if an attribute is unknown, cannot name
/// entries or comes twice.
pub fn normalise_rdn(rdn: &Rdn, schema: &Schema) -> Result<Vec<u8>> {
    let mut pairs = rdn.avas().iter().map(|ava| normalise_ava(ava, schema)).collect::<Result<Vec<_>>>()?;
    pairs.sort_unstable_by_key(|(attribute, _)| attribute.id);
    let mut normal = Vec::new();
    let mut previous = None;
    for (attribute, value) in pairs {
        if previous.replace(attribute.id) == Some(attribute.id) {
            return Err(refuse(format!("{} comes twice in '{rdn}'; a part of a name holds each attribute once", attribute.name())));
        }
        let length = u32::try_from(value.len()).map_err(|_| refuse("a value in the name is too long"))?;
        normal.extend_from_slice(&attribute.id.get().to_be_bytes());
        normal.extend_from_slice(&length.to_be_bytes());
        normal.extend_from_slice(&value);
    }
    if normal.len() > MAX_RDN_LENGTH {
        return Err(refuse(format!("a part of the name has {} octets in normal form, over the limit of {MAX_RDN_LENGTH}", normal.len())));
    }
    Ok(normal)
}

/// The normal form of a name, most specific RDN first: per RDN its length (4 octets) and its normal
/// form.
pub fn normalise(dn: &Dn, schema: &Schema) -> Result<Vec<u8>> {
    let mut normal = Vec::new();
    for rdn in dn.rdns() {
        let part = normalise_rdn(rdn, schema)?;
        let length = u32::try_from(part.len()).map_err(|_| refuse("a part of the name is too long"))?;
        normal.extend_from_slice(&length.to_be_bytes());
        normal.extend_from_slice(&part);
    }
    Ok(normal)
}

/// What is left of `dn` in front of `ancestor`, most specific RDN first; `None` if it does not lie
/// at or under it.
pub fn below<'a>(dn: &'a Dn, ancestor: &Dn, schema: &Schema) -> Result<Option<&'a [Rdn]>> {
    let Some((own, shared)) = dn.rdns().len().checked_sub(ancestor.rdns().len()).and_then(|count| dn.rdns().split_at_checked(count)) else {
        return Ok(None);
    };
    // Most write an ancestor as it is written here.
    for (left, right) in shared.iter().zip(ancestor.rdns()).filter(|(left, right)| left != right) {
        // A name whose attribute the schema does not know lies under none that has a place.
        let Ok(left) = normalise_rdn(left, schema) else { return Ok(None) };
        if left != normalise_rdn(right, schema)? {
            return Ok(None);
        }
    }
    Ok(Some(own))
}

fn normalise_ava<'a>(ava: &Ava, schema: &'a Schema) -> Result<(&'a AttributeType, Vec<u8>)> {
    let attribute = schema
        .attribute(&ava.attribute)
        .ok_or_else(|| refuse(format!("the schema knows no attribute '{}', which the name '{ava}' uses", ava.attribute)))?;
    let rule = attribute.equality.filter(|rule| rule.names_entries());
    let rule = rule.ok_or_else(|| refuse(format!("{} cannot be part of a name", attribute.name())))?;
    let normal = value::normalise(rule, &ava.value).map_err(|error| refuse(format!("'{ava}' cannot be part of a name: {error}")))?;
    Ok((attribute, normal))
}

fn refuse(message: impl Into<String>) -> Error {
    Error::invalid(Rule::DnSyntax, message)
}

#[cfg(test)]
mod tests;
