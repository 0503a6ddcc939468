//! From a record of a file to what is added: what the server keeps by itself is left out, and links wait for the second pass.

use super::ldif::{Field, Record};
use crate::crypto::digest;
use crate::directory::NewEntry;
use crate::directory::schema::{AttributeType, Schema};
use crate::model::Attribute;
use std::collections::BTreeSet;

/// Operational attributes of other servers that have no meaning here. They are left out and named in the report.
const FOREIGN: &[&str] = &[
    "authTimestamp",
    "contextCSN",
    "entryCSN",
    "nsUniqueId",
    "numSubordinates",
    "pwdAccountLockedTime",
    "pwdChangedTime",
    "pwdFailureTime",
    "pwdGraceUseTime",
    "pwdHistory",
    "pwdLastSuccess",
    "pwdPolicySubentry",
    "pwdReset",
];

/// A record, sorted out.
pub(super) struct Prepared {
    /// The line of its name.
    pub(super) line: u64,
    /// The entry without links.
    pub(super) entry: NewEntry,
    /// The attributes whose values name other entries.
    pub(super) links: Vec<Field>,
}

impl Prepared {
    /// A digest of what the record says, in whatever order. It covers a password, so it is not for keeping.
    pub(super) fn digest(&self) -> [u8; 32] {
        let links = self.links.iter().map(|field| &field.attribute);
        let chain = |attribute: &Attribute| {
            let name = digest::sha256(attribute.name.to_ascii_lowercase().as_bytes());
            attribute.values.iter().fold(name, |chain, value| digest::sha256(&[&chain, value.as_slice()].concat()))
        };
        let mut attributes: Vec<[u8; 32]> = self.entry.attributes.iter().chain(links).map(chain).collect();
        attributes.sort_unstable();
        digest::sha256(&attributes.concat())
    }
}

/// Whether the values of an attribute name other entries: by DN, or by uid as in memberUid.
pub(super) fn is_link(attribute: &AttributeType) -> bool {
    attribute.link || is_member_uid(attribute)
}

/// Whether values are uids of people.
pub(super) fn is_member_uid(attribute: &AttributeType) -> bool {
    attribute.name() == "memberUid"
}

/// Whether the attribute is left out of an import.
pub(super) fn is_left_out(schema: &Schema, description: &str) -> bool {
    match schema.attribute(description) {
        Some(attribute) => attribute.is_virtual,
        None => FOREIGN.iter().any(|name| name.eq_ignore_ascii_case(description)),
    }
}

/// Sorts a record out; the names of what is left out go to `left_out`.
pub(super) fn prepare(schema: &Schema, record: Record, left_out: &mut BTreeSet<String>) -> Prepared {
    let mut attributes: Vec<Attribute> = Vec::with_capacity(record.attributes.len());
    let mut links = Vec::new();
    for field in record.attributes {
        let name = &field.attribute.name;
        if is_left_out(schema, name) {
            left_out.insert(schema.attribute(name).map_or_else(|| name.clone(), |attribute| attribute.name().to_owned()));
        } else if schema.attribute(name).is_some_and(is_link) {
            links.push(field);
        } else {
            attributes.push(field.attribute);
        }
    }
    Prepared { line: record.line, entry: NewEntry { dn: record.dn, attributes }, links }
}
