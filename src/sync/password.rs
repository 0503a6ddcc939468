//! Which of the values that a record has in the place of a password is imported: a hash that can be
//! verified, else, if the operator allows it, the password in plain text. Everything else is left
//! out and told, so that no hash is ever taken for a password.

use super::ldif::{Field, FileError, Record};
use super::outcome::Note;
use super::standing::{Said, compared, shown};
use crate::crypto::password::{PasswordHash, Recognised, could_be_a_hash, recognise};

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
pub(super) const PASSWORDS: &[&str] = &["userpassword", "password", "passwd", "pwd", "plainpassword", "initialpassword"];
pub(super) const HASHES: &[&str] = &[
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

/// What is told of a digest.
const DIGEST: &str = "what looks like a hash and does not name its scheme";

impl Part {
    /// Of an attribute or column.
    pub(super) fn find(name: &str) -> Option<Self> {
        let name = compared(name);
        let parts = [(PASSWORDS, Self::Password), (HASHES, Self::Hash), (COMPANIONS, Self::Companion)];
        parts.into_iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, part)| part)
    }
}

/// How the passwords of a file are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    /// Whether a password in plain text is taken.
    pub(super) is_taken: bool,
    /// Whether hashes stand in the file where passwords do. Then a text with as many letters as one
    /// is taken for a hash of a form that is not known: who keeps hashes seldom keeps a password
    /// beside them, and who has it could log in.
    pub(super) is_among_hashes: bool,
}

/// What becomes of the password of a record.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The hash or the password.
    pub(super) value: Option<Vec<u8>>,
    /// What says that the password is locked.
    pub(super) locks: Vec<Said>,
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
    part: Part,
    found: Recognised,
}

/// What stands in a file where passwords do, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Census {
    marked: u64,
    digests: u64,
    plain: u64,
}

impl Census {
    /// Counts what a record has, under the names of the schema.
    pub(super) fn count(&mut self, record: &Record) {
        for candidate in
            candidates(&record.attributes).iter().filter(|candidate| candidate.part == Part::Password && !candidate.value.is_empty())
        {
            *match candidate.found {
                Recognised::Hash(_) | Recognised::Unverifiable(_) | Recognised::Locked => &mut self.marked,
                Recognised::Digest => &mut self.digests,
                Recognised::Plain => &mut self.plain,
            } += 1;
        }
    }

    /// Whether nothing that follows changes the answer.
    pub(super) const fn is_certain(&self) -> bool {
        self.marked > 0
    }

    /// Whether passwords of the file are hashes. Random passwords look like digests without a mark,
    /// so a few of those do not say so.
    pub(super) const fn has_hashes(&self) -> bool {
        self.marked > 0 || (self.digests > 0 && self.digests >= self.plain)
    }
}

/// Chooses among the fields that have to do with the password.
pub(super) fn choose(fields: &[Field], plain: Plain) -> Chosen {
    let mut chosen = Chosen::default();
    let mut left = Vec::new();
    let candidates = candidates(fields);
    let is_hash = |candidate: &Candidate<'_>| matches!(candidate.found, Recognised::Hash(_));
    let best = candidates.iter().position(is_hash).or_else(|| candidates.iter().position(|candidate| candidate.found == Recognised::Plain));
    for (place, candidate) in candidates.iter().enumerate() {
        let Candidate { name, line, value, found, .. } = candidate;
        let line = *line;
        match found {
            Recognised::Plain if Some(place) == best => match plain.judge(name, value) {
                Ok(()) => chosen.value = Some(value.to_vec()),
                Err(message) => chosen.problem = Some(FileError { line, message }),
            },
            Recognised::Hash(_) if Some(place) == best => chosen.value = Some(value.to_vec()),
            Recognised::Hash(_) | Recognised::Plain => left.push((name, line, "one more password".to_owned())),
            Recognised::Locked => chosen.locks.push(Said::denied(line, format!("{name} says that the password is locked"))),
            Recognised::Unverifiable(what) => left.push((name, line, what.clone())),
            Recognised::Digest => left.push((name, line, DIGEST.to_owned())),
        }
    }
    let end = |what: &str| match chosen.value {
        Some(_) => "left out, since another value is the password",
        None if what == DIGEST => "imported without a password; if it is the password itself, set it (poolgate user password)",
        None => "imported without a password, since it cannot be verified",
    };
    chosen.notes.extend(left.into_iter().map(|(name, line, what)| Note { line, message: format!("{name} holds {what}: {}", end(&what)) }));
    chosen
}

impl Plain {
    /// Whether what is no hash of a known form is taken as the password; else why not, and what to
    /// do.
    fn judge(self, name: &str, value: &[u8]) -> Result<(), String> {
        let apart = "if it is the password, move the entry to a file of its own, with others whose passwords are in plain text; else remove the value";
        match self {
            Self { is_taken: false, is_among_hashes: false } => Err(format!(
                "{name} holds a password in plain text, or a hash of a form that is not known: if it is the password, import the file with --plain-passwords \
                 (plain_passwords=true in the API); else remove it, or put a hash of {} in its place",
                PasswordHash::SCHEMES
            )),
            Self { is_taken: false, is_among_hashes: true } => Err(format!(
                "{name} holds no hash of a form that is known, and other passwords of the file are hashes: {apart}, or put a hash of {} in its place",
                PasswordHash::SCHEMES
            )),
            Self { is_among_hashes: true, .. } if std::str::from_utf8(value).is_ok_and(could_be_a_hash) => Err(format!(
                "{name} holds a text that can be a hash of a form that is not known, since other passwords of the file are hashes: {apart}"
            )),
            Self { is_taken: true, .. } => Ok(()),
        }
    }
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
            candidates.push(Candidate { name: shown(&field.attribute.name), line: *line, value, part, found });
        }
    }
    candidates
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
