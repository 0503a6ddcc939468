//! One name for each attribute of a record, before anything is judged by it: a file may write its
//! OID, any of its names, in any case, with options (RFC 4512, section 2.5).

use super::super::ldif::{Field, FileError, Record};
use super::super::password::Part;
use super::super::standing::{self, Row};
use super::{DISABLED, PASSWORD};
use crate::directory::schema::Schema;
use crate::model::dn::is_oid;

/// What some files write before an OID (RFC 1779, section 2.3; RFC 3061).
const BEFORE_OID: &[&str] = &["oid.", "urn:oid:"];

/// The name of an attribute or a column: the schema's, or the one that its server gives it. What
/// neither knows keeps its own.
pub fn of(schema: &Schema, description: &str) -> String {
    let (written, options) = description.split_once(';').map_or((description, ""), |(name, options)| (name, options));
    let start = BEFORE_OID.iter().find(|start| written.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)));
    let oid = start.and_then(|start| written.get(start.len()..)).filter(|rest| is_oid(rest));
    let name = oid.unwrap_or(written);
    let known = schema.attribute(name).map(|attribute| attribute.name()).or_else(|| standing::name_of(name));
    let name = known.unwrap_or(written);
    // Whether somebody may log in, and with what, does not depend on a language or on the form of
    // transfer.
    match options.is_empty() || name == DISABLED || Part::find(name).is_some() || Row::find(name).is_some() {
        true => name.to_owned(),
        false => format!("{name};{options}"),
    }
}

/// The record with those names. What they say twice becomes one attribute, and what the name of the
/// entry says beside them is said too.
pub fn resolved(schema: &Schema, record: Record) -> Record {
    let mut named = Record { attributes: Vec::with_capacity(record.attributes.len()), ..record };
    for Field { attribute, lines } in record.attributes {
        let name = of(schema, &attribute.name);
        attribute.values.into_iter().zip(lines).for_each(|(value, line)| named.push(name.clone(), value, line));
    }
    let of_rdn: Vec<_> =
        named.dn.rdn().into_iter().flat_map(|rdn| rdn.avas()).map(|ava| (of(schema, &ava.attribute), ava.value.clone())).collect();
    for (name, value) in of_rdn {
        let is_said = |field: &Field| field.attribute.name.eq_ignore_ascii_case(&name) && field.attribute.values.contains(&value);
        if (name == DISABLED || Row::find(&name).is_some()) && !named.attributes.iter().any(is_said) {
            named.push(name, value, named.line);
        }
    }
    named
}

/// A password in the name of an entry, where everybody reads it.
pub fn password_in_name(schema: &Schema, record: &Record) -> Option<FileError> {
    let avas = record.dn.rdns().iter().flat_map(|rdn| rdn.avas());
    let is_password = |name: &str| of(schema, name) == PASSWORD;
    let named = avas.into_iter().any(|ava| is_password(&ava.attribute));
    named.then(|| FileError { line: record.line, message: format!("the name holds {PASSWORD}: name the entry by something else") })
}
