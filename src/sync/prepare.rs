//! From a record of a file to what is added: what the server keeps by itself is left out, links
//! wait for the second pass, what says that somebody may not log in becomes what says so here, and
//! of what stands in the place of a password only that is taken which is one.

pub(super) mod names;

use super::ldif::{Field, FileError, Record};
use super::outcome::Note;
use super::password::{self, Part, Plain};
use super::standing::{self, Became, Row, Standing};
use crate::authn::PasswordTerms;
use crate::crypto::digest;
use crate::directory::schema::{AttributeType, Schema};
use crate::directory::{EntryKind, NewEntry};
use crate::model::{Attribute, Timestamp};

/// Operational attributes of other servers that have no meaning here. They are left out and named
/// in the report.
const FOREIGN: &[&str] = &[
    "authTimestamp",
    "contextCSN",
    "entryCSN",
    "nsUniqueId",
    "numSubordinates",
    "pwdChangedTime",
    "pwdFailureTime",
    "pwdHistory",
    "pwdLastSuccess",
    "pwdPolicySubentry",
];

/// Auxiliary classes of other servers that allow attributes of [`standing`]. They are left out and
/// named in the report.
const FOREIGN_CLASSES: &[&str] = &["inetUser", "krbPrincipalAux", "ndsLoginProperties", "nsAccount", "qmailUser", "sambaSamAccount"];

const DISABLED: &str = "poolgateAccountDisabled";
const PASSWORD: &str = "userPassword";

/// How the records of one import are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The moment at which it began, before which what has ended has ended. An import that goes on
    /// keeps it.
    pub(super) now: Timestamp,
    /// What is taken as a password in plain text.
    pub(super) plain: Plain,
}

/// A record, sorted out.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The line of its name.
    pub(super) line: u64,
    /// The entry without links.
    pub(super) entry: NewEntry,
    /// The attributes whose values name other entries.
    pub(super) links: Vec<Field>,
    /// What holds of its password.
    pub(super) terms: PasswordTerms,
    /// The names of what is left out.
    pub(super) left_out: Vec<String>,
    /// What becomes other than it was, by line.
    pub(super) notes: Vec<Note>,
    /// Why its password cannot be imported.
    pub(super) problem: Option<FileError>,
}

impl Prepared {
    /// A digest of what becomes of the record, in whatever order it says so. It covers a password,
    /// so it is not for keeping.
    pub(super) fn digest(&self) -> [u8; 32] {
        let links = self.links.iter().map(|field| &field.attribute);
        let chain = |attribute: &Attribute| {
            let name = digest::sha256(attribute.name.to_ascii_lowercase().as_bytes());
            attribute.values.iter().fold(name, |chain, value| digest::sha256(&[&chain, value.as_slice()].concat()))
        };
        let mut attributes: Vec<[u8; 32]> = self.entry.attributes.iter().chain(links).map(chain).collect();
        // An entry that was added while its password still could be used is not the one of this
        // record.
        let PasswordTerms { must_change, expires } = self.terms;
        attributes.extend(must_change.then(|| digest::sha256(b"must change")));
        attributes.extend(expires.map(|end| digest::sha256(&[b"expires", end.micros().to_be_bytes().as_slice()].concat())));
        attributes.sort_unstable();
        digest::sha256(&attributes.concat())
    }

    /// The entry with its links, as it is to be.
    pub(super) fn whole(&self) -> NewEntry {
        let mut whole = self.entry.clone();
        whole.attributes.extend(self.links.iter().map(|field| field.attribute.clone()));
        whole
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

/// Whether the attribute is not stored as it is.
pub(super) fn is_left_out(schema: &Schema, description: &str) -> bool {
    let name = names::of(schema, description);
    let is_foreign = || FOREIGN.iter().any(|foreign| foreign.eq_ignore_ascii_case(&name)) || Row::find(&name).is_some();
    let is_dropped = schema.attribute(&name).map_or_else(is_foreign, |attribute| attribute.is_virtual);
    is_dropped || is_of_password(schema, &name)
}

/// Whether it is an object class of another server that is left out.
pub(super) fn is_foreign_class(schema: &Schema, class: &[u8]) -> bool {
    let is_named = |class: &str| schema.class(class).is_none() && FOREIGN_CLASSES.iter().any(|name| name.eq_ignore_ascii_case(class));
    std::str::from_utf8(class).is_ok_and(is_named)
}

fn is_of_password(schema: &Schema, name: &str) -> bool {
    let is_other = schema.attribute(name).is_some_and(|attribute| attribute.name() != PASSWORD);
    !is_other && Part::find(name).is_some()
}

/// Sorts a record out.
pub(super) fn prepare(schema: &Schema, record: Record, rules: Rules) -> Prepared {
    let problem = names::password_in_name(schema, &record);
    let record = names::resolved(schema, record);
    let mut standing = standing::judge(&record.attributes, rules.now);
    let mut prepared = Prepared {
        line: record.line,
        entry: NewEntry { dn: record.dn, attributes: Vec::with_capacity(record.attributes.len()) },
        links: Vec::new(),
        terms: PasswordTerms::default(),
        left_out: Vec::new(),
        notes: Vec::new(),
        problem,
    };
    let mut of_password = Vec::new();
    for field in record.attributes {
        let name = &field.attribute.name;
        if is_of_password(schema, name) {
            of_password.push(field);
        } else if is_left_out(schema, name) {
            prepared.left_out.push(name.clone());
        } else if schema.attribute(name).is_some_and(is_link) {
            prepared.links.push(field);
        } else {
            prepared.entry.attributes.push(field.attribute);
        }
    }
    prepared.leave_out_classes(schema);
    let logs_in = matches!(prepared.entry.kind(schema), EntryKind::User | EntryKind::Service);
    let mut has_password = false;
    if logs_in {
        has_password = prepared.take_password(&of_password, rules.plain, &mut standing);
        prepared.disable(standing.is_disabled);
    } else {
        let parts = of_password.iter().map(|field| Note {
            line: field.lines.first().copied().unwrap_or(record.line),
            message: format!("{} is left out: nobody logs in with an entry of these object classes", field.attribute.name),
        });
        prepared.notes.extend(parts);
    }
    if has_password {
        // Without one there is none that could end or be changed.
        prepared.terms = standing.terms;
    }
    // Told last: not what was meant to become of the owner, but what did.
    let became = Became { logs_in, has_password, is_disabled: prepared.is_disabled() };
    prepared.notes.extend(standing.said.iter().map(|said| said.note(became)));
    prepared.notes.sort_by_key(|note| note.line);
    prepared
}

impl Prepared {
    fn leave_out_classes(&mut self, schema: &Schema) {
        for attribute in self.entry.attributes.iter_mut().filter(|attribute| attribute.name.eq_ignore_ascii_case("objectClass")) {
            for class in attribute.values.extract_if(.., |class| is_foreign_class(schema, class)) {
                self.left_out.push(format!("objectClass {}", String::from_utf8_lossy(&class)));
            }
        }
        self.entry.attributes.retain(|attribute| !attribute.values.is_empty() || !attribute.name.eq_ignore_ascii_case("objectClass"));
    }

    /// Takes the password; whether there is one.
    fn take_password(&mut self, fields: &[Field], plain: Plain, standing: &mut Standing) -> bool {
        let companions = fields.iter().filter(|field| Part::find(&field.attribute.name) == Some(Part::Companion));
        self.left_out.extend(companions.map(|field| field.attribute.name.clone()));
        let chosen = password::choose(fields, plain);
        let has_password = chosen.value.is_some();
        self.entry.attributes.extend(chosen.value.map(|value| Attribute { name: PASSWORD.to_owned(), values: vec![value] }));
        self.notes.extend(chosen.notes);
        self.problem = self.problem.take().or(chosen.problem);
        chosen.locks.into_iter().for_each(|lock| standing.add(lock));
        has_password
    }

    /// Disables the entry if it is to be, unless the record says of this server itself that it is
    /// not: an administrator has enabled it here.
    fn disable(&mut self, is_disabled: bool) {
        if is_disabled && self.own_word().is_none() {
            self.entry.attributes.push(Attribute::new(DISABLED, ["TRUE"]));
        }
    }

    fn is_disabled(&self) -> bool {
        self.own_word().is_some_and(|word| word.values.iter().any(|value| value.eq_ignore_ascii_case(b"TRUE")))
    }

    fn own_word(&self) -> Option<&Attribute> {
        self.entry.attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(DISABLED))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
