//! Which of the values that a record has in the place of a password is imported: a hash that can be verified, else, if the operator allows it, the password in
//! plain text. Everything else is left out and told, so that no hash is ever taken for a password.

use super::ldif::{Field, FileError};
use super::outcome::Note;
use super::standing::{DISABLED, compared, shown};
use crate::crypto::password::{PasswordHash, Recognised, recognise};

/// What a column or an attribute has to do with the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It holds the password, or a hash with its mark.
    Password,
    /// It holds a hash, with or without a mark.
    Hash,
    /// It belongs to a hash and says nothing alone.
    Companion,
}

/// Names as they are compared: small letters and digits.
const PASSWORDS: &[&str] = &["userpassword", "password", "passwd", "pwd", "plainpassword", "initialpassword"];
const HASHES: &[&str] = &[
    "hash",
    "passwordhash",
    "passwdhash",
    "pwdhash",
    "hashedpassword",
    "custompasswordhash",
    "encryptedpassword",
    "cryptpassword",
    "passworddigest",
    "authpassword",
    "credentials",
    "credential",
    "secretdata",
    "sambantpassword",
    "sambalmpassword",
    "ntpassword",
    "lmpassword",
    "unicodepwd",
    "krbprincipalkey",
    "krb5key",
];
const COMPANIONS: &[&str] = &[
    "salt",
    "passwordsalt",
    "hashsalt",
    "hashalgorithm",
    "passwordalgorithm",
    "passwordhashalgorithm",
    "hashiterations",
    "credentialdata",
];

impl Part {
    /// Of an attribute or column. A description with options is judged by whoever sets the password.
    pub(super) fn find(description: &str) -> Option<Self> {
        if description.contains(';') {
            return None;
        }
        let name = compared(description);
        let parts = [(PASSWORDS, Self::Password), (HASHES, Self::Hash), (COMPANIONS, Self::Companion)];
        parts.into_iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, part)| part)
    }
}

/// What becomes of the password of a record.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The hash or the password.
    pub(super) value: Option<Vec<u8>>,
    /// Whether a value says that the password is locked.
    pub(super) is_locked: bool,
    /// What is left out.
    pub(super) notes: Vec<Note>,
    /// Why the file cannot be imported as it is.
    pub(super) problem: Option<FileError>,
}

/// A value in the place of a password.
struct Candidate<'a> {
    name: String,
    line: u64,
    value: &'a [u8],
    found: Recognised,
}

/// Chooses among the fields that have to do with the password.
pub(super) fn choose(fields: &[Field], takes_plain: bool) -> Chosen {
    let mut chosen = Chosen::default();
    let mut left = Vec::new();
    let candidates = candidates(fields);
    let is_hash = |candidate: &Candidate<'_>| matches!(candidate.found, Recognised::Hash(_));
    let best = candidates.iter().position(is_hash).or_else(|| candidates.iter().position(|candidate| candidate.found == Recognised::Plain));
    for (place, candidate) in candidates.iter().enumerate() {
        let Candidate { name, line, value, found } = candidate;
        let line = *line;
        match found {
            Recognised::Plain if Some(place) == best && !takes_plain => {
                let message = format!(
                    "{name} holds a password in plain text, or a hash of a form that is not known: if it is the password, import the file with \
                     --plain-passwords (plain_passwords=true in the API); else remove it, or put a hash of {} in its place",
                    PasswordHash::SCHEMES
                );
                chosen.problem = Some(FileError { line, message });
            }
            Recognised::Hash(_) | Recognised::Plain if Some(place) == best => chosen.value = Some(value.to_vec()),
            Recognised::Hash(_) | Recognised::Plain => left.push((name, line, "one more password".to_owned())),
            Recognised::Locked => {
                chosen.is_locked = true;
                let message = format!("{name} says that the password is locked: {DISABLED}");
                chosen.notes.push(Note { line, message });
            }
            Recognised::Unverifiable(what) => left.push((name, line, what.clone())),
            Recognised::Digest => left.push((name, line, "a hash that does not name its scheme".to_owned())),
        }
    }
    let end = match chosen.value {
        Some(_) => "left out, since another value is the password",
        None => "imported without a password, since it cannot be verified",
    };
    chosen.notes.extend(left.into_iter().map(|(name, line, what)| Note { line, message: format!("{name} holds {what}: {end}") }));
    chosen
}

fn candidates(fields: &[Field]) -> Vec<Candidate<'_>> {
    let mut candidates = Vec::new();
    for field in fields {
        let Some(part @ (Part::Password | Part::Hash)) = Part::find(&field.attribute.name) else { continue };
        for (value, line) in field.attribute.values.iter().zip(&field.lines) {
            let found = match std::str::from_utf8(value).map_or(Recognised::Plain, recognise) {
                Recognised::Plain if value.is_empty() => Recognised::Unverifiable("an empty value".to_owned()),
                // What stands among hashes is one.
                Recognised::Plain if part == Part::Hash => Recognised::Digest,
                found => found,
            };
            candidates.push(Candidate { name: shown(&field.attribute.name), line: *line, value, found });
        }
    }
    candidates
}
