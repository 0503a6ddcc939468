//! Uids that the server makes for users of upstreams.
//!
//! People log in by uid or by mail address, and applications are told either. So a uid that an
//! upstream has a say in reads like nobody's address: it has no `@`, and nobody has it as one.

use crate::crypto::digest;
use crate::directory::Directory;
use crate::directory::schema::AttributeType;
use crate::federation::UpstreamIdentity;
use crate::model::{Entropy, Error, Result, entropy::random};
use std::collections::BTreeSet;

/// Names that are tried before one gets a random end: `x`, `x-2` … `x-9`.
const COUNTED_NAMES: u32 = 9;

/// Characters of the upstream's username that a uid holds at most.
const MAX_USERNAME: usize = 64;

/// What stands in the place of `@`.
const INSTEAD_OF_AT: char = '_';

/// What the uid of somebody begins with.
pub fn base(provider: &str, identity: &UpstreamIdentity) -> String {
    let username: String = identity.username.as_deref().unwrap_or(&identity.subject).chars().take(MAX_USERNAME).collect();
    format!("{provider}.{username}")
}

/// What looks for uids that are free.
pub struct Names<'a> {
    directory: &'a Directory,
    entropy: &'a dyn Entropy,
    /// In the normal form of uids: what the changes at hand give to somebody, so that the store
    /// does not know of it.
    given: BTreeSet<Vec<u8>>,
}

impl<'a> Names<'a> {
    /// Nothing is given yet.
    pub const fn new(directory: &'a Directory, entropy: &'a dyn Entropy) -> Self {
        Self { directory, entropy, given: BTreeSet::new() }
    }

    /// Notes a uid or an address that the changes at hand give to somebody.
    pub fn give(&mut self, value: &[u8]) -> Result<()> {
        // What has no normal form is no name of anybody.
        self.given.extend(self.kind()?.normalise(value).ok());
        Ok(())
    }

    /// A uid that nobody has, neither as uid nor as mail address. The next one is another.
    pub fn free(&mut self, base: &str) -> Result<String> {
        let kind = self.kind()?;
        let base: String = base.chars().map(|letter| if reads_as_at(kind, letter) { INSTEAD_OF_AT } else { letter }).collect();
        let counted = std::iter::once(String::new()).chain((2..=COUNTED_NAMES).map(|number| format!("-{number}")));
        let drawn = std::iter::once(format!("-{}", digest::base64url(&random::<6>(self.entropy))));
        for end in counted.chain(drawn) {
            let name = format!("{}{end}", beginning(&base, kind.max_length.saturating_sub(end.len())));
            if self.is_free(&name)? {
                self.give(name.as_bytes())?;
                return Ok(name);
            }
        }
        Err(Error::contended())
    }

    fn is_free(&self, name: &str) -> Result<bool> {
        let is_given = self.kind()?.normalise(name.as_bytes()).is_ok_and(|name| self.given.contains(&name));
        let holder = |attribute| self.directory.by_unique(attribute, name.as_bytes());
        Ok(!is_given && holder("uid")?.is_none() && holder("mail")?.is_none())
    }

    fn kind(&self) -> Result<&'static AttributeType> {
        self.directory.schema().require_attribute("uid")
    }
}

/// Whether a uid with that letter matches one with `@`: wide forms of it do.
fn reads_as_at(uid: &AttributeType, letter: char) -> bool {
    let is_wide = || uid.normalise(letter.encode_utf8(&mut [0; 4]).as_bytes()).is_ok_and(|normal| normal.contains(&b'@'));
    letter == '@' || (!letter.is_ascii() && is_wide())
}

/// As much of a text as fits into so many bytes.
fn beginning(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}
