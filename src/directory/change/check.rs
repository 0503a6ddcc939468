//! What must hold of an entry before it is written.

use crate::directory::draft::{Content, Draft, Name};
use crate::directory::known::KNOWN;
use crate::directory::schema::{ObjectClass, Schema};
use crate::directory::{dn, kind};
use crate::model::dn::{MAX_DN_BYTES, MAX_RDNS};
use crate::model::error::Rule;
use crate::model::{AttributeId, Dn, Error, Rdn, Result};

use super::attribute;

/// The longest RDN as text. Bytes.
pub const MAX_RDN: usize = 1024;

/// Completes the object classes with their superclasses, checks the entry against the schema, and
/// notes what kind of entry it is. `linked` are the attributes of which it has edges.
pub fn complete(schema: &Schema, draft: &mut Draft, linked: &[AttributeId]) -> Result<()> {
    let named: Vec<&str> = draft.texts(KNOWN.object_class).collect();
    let all: Vec<&str> = schema.with_superclasses(&named)?.into_iter().map(|class| class.name()).collect();
    if named != all {
        let attribute = schema.require_attribute("objectClass")?;
        let values: Vec<_> = all.iter().map(|class| class.as_bytes().to_vec()).collect();
        draft.set(attribute, Name { attribute: attribute.id, options: String::new() }, &values);
    }
    let mut present: Vec<AttributeId> = Vec::new();
    for (name, content) in &draft.attributes {
        let Some(attribute) = schema.attribute_by_id(name.attribute) else { continue };
        if attribute.single_value && content.values().nth(1).is_some() {
            return Err(Error::invalid(Rule::Constraint, format!("{} holds one value only", attribute.name())));
        }
        if !attribute.is_operational() && present.last() != Some(&attribute.id) {
            present.push(attribute.id);
        }
    }
    present.extend_from_slice(linked);
    schema.check_entry(&all, &present)?;
    draft.header.kind = kind::of(&all);
    Ok(())
}

/// The structural class of an entry never changes (RFC 4512, section 2.4.2).
pub fn same_structure(schema: &Schema, before: &Draft, after: &Draft) -> Result<()> {
    let class = |draft: &Draft| {
        let classes: Vec<_> = draft.texts(KNOWN.object_class).collect();
        schema.structural_class(&classes).map(ObjectClass::name)
    };
    if class(before)? == class(after)? {
        return Ok(());
    }
    Err(Error::invalid(Rule::ClassChange, "the structural object class of an entry cannot be changed; delete the entry and add it anew"))
}

/// Every value of the RDN must be among the values of the entry.
pub fn holds_rdn(schema: &Schema, draft: &Draft) -> Result<()> {
    let rdn = Rdn::parse(&draft.header.rdn)?;
    for ava in rdn.avas() {
        let attribute = schema.require_attribute(&ava.attribute)?;
        let named = attribute::comparable(attribute, &ava.value)?;
        let there = draft.values(attribute.id).any(|value| attribute::comparable(attribute, value).is_ok_and(|value| value == named));
        if !there {
            let message = format!("a value of {} names the entry and can only be changed by renaming it", attribute.name());
            return Err(Error::invalid(Rule::Rdn, message));
        }
    }
    Ok(())
}

/// Adds the values of the RDN that the entry lacks.
pub fn add_rdn_values(schema: &Schema, draft: &mut Draft, rdn: &Rdn) -> Result<()> {
    for ava in rdn.avas() {
        let unfit = |reason: &str| Error::invalid(Rule::Naming, format!("{} cannot name an entry: {reason}", ava.attribute));
        let attribute = schema.attribute(&ava.attribute).ok_or_else(|| unfit("the schema has no such attribute"))?;
        if crate::directory::known::Source::of(attribute).is_derived() || attribute.is_operational() || attribute.equality.is_none() {
            return Err(unfit("its values are kept by the server, or cannot be compared"));
        }
        attribute::may_write(&crate::policy::access::Viewer::OPERATOR, attribute, crate::directory::SUFFIX)?;
        let named = attribute::normal(attribute, &ava.value)?;
        let there = draft.values(attribute.id).any(|value| attribute::comparable(attribute, value).is_ok_and(|value| value == named));
        if !there {
            let name = Name { attribute: attribute.id, options: String::new() };
            let stored = draft.attributes.get(&name).into_iter().flat_map(Content::values).map(<[u8]>::to_vec);
            let values: Vec<_> = stored.chain([ava.value.clone()]).collect();
            draft.set(attribute, name, &values);
        }
    }
    Ok(())
}

/// An RDN that can name an entry under that parent: its text.
pub fn rdn_text(schema: &Schema, rdn: &Rdn, parent: &Dn) -> Result<String> {
    let naming = |message: String| Error::invalid(Rule::Naming, message);
    let text = rdn.to_string();
    dn::normalise_rdn(rdn, schema)?;
    if text.len() > MAX_RDN {
        return Err(naming(format!("the RDN has {} bytes, over the limit of {MAX_RDN}", text.len())));
    }
    let length = text.len() + 1 + parent.to_string().len();
    if length > MAX_DN_BYTES || parent.rdns().len() >= MAX_RDNS {
        return Err(naming(format!("the name would be longer than {MAX_DN_BYTES} bytes or {MAX_RDNS} RDNs")));
    }
    Ok(text)
}
