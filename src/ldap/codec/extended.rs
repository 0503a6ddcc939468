//! The values of extended operations.

use super::decode::{Reason, text};
use crate::model::ber::{Reader, SEQUENCE, Writer, context};
use std::fmt;

const USER: u8 = context(0);
const OLD: u8 = context(1);
const NEW: u8 = context(2);
const GENERATED: u8 = context(0);

/// The value of a password modify request (RFC 3062, section 2).
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct PasswordModify<'a> {
    /// Whose password; without it, that of the bound user.
    pub user: Option<&'a str>,
    /// The present password.
    pub old: Option<&'a [u8]>,
    /// The password to come; without it the server makes one.
    pub new: Option<&'a [u8]>,
}

impl fmt::Debug for PasswordModify<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordModify({:?}, …)", self.user)
    }
}

impl<'a> PasswordModify<'a> {
    /// Reads the value; a request without a value names nothing.
    pub fn decode(value: Option<&'a [u8]>) -> Result<Self, Reason> {
        let Some(value) = value else { return Ok(Self::default()) };
        let mut outer = Reader::new(value);
        let mut reader = outer.sequence()?;
        outer.finish()?;
        let request = Self { user: reader.optional(USER)?.map(text).transpose()?, old: reader.optional(OLD)?, new: reader.optional(NEW)? };
        reader.finish()?;
        Ok(request)
    }

    /// Writes the value.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        Writer::new(&mut out).constructed(SEQUENCE, |writer| {
            self.user.iter().for_each(|user| writer.tlv(USER, user.as_bytes()));
            self.old.iter().for_each(|old| writer.tlv(OLD, old));
            self.new.iter().for_each(|new| writer.tlv(NEW, new));
        });
        out
    }
}

/// The value of a password modify response with the password that the server made (RFC 3062,
/// section 2).
pub fn encode_generated_password(password: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(&mut out).constructed(SEQUENCE, |writer| writer.tlv(GENERATED, password));
    out
}
