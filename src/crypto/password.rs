//! Password hashes: argon2id for our own (RFC 9106), salted and plain SHA for those that other directories bring along.

use crate::model::{Result, Secret};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a hash of ours costs (RFC 9106, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct Params {
    /// Memory in KiB.
    #[n(0)]
    pub memory_kib: u32,
    /// Passes over the memory.
    #[n(1)]
    pub passes: u32,
    /// Lanes.
    #[n(2)]
    pub lanes: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

/// A stored hash of a password. `Debug` names its scheme only; `Display` is the stored form.
#[derive(Clone)]
pub struct PasswordHash;

/// The memory that argon2 fills: made once per worker and used again.
#[derive(Default)]
pub struct Memory;

impl PasswordHash {
    /// Reads the stored form: `$argon2id$…` (PHC) or `{SCHEME}…` (RFC 2307).
    pub fn parse(_text: &str) -> Result<Self> {
        todo!()
    }

    /// Whether a hash with these parameters should take its place at the next login.
    pub fn needs_rehash(&self, _params: &Params) -> bool {
        todo!()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

/// Hashes a password with argon2id.
pub fn hash(_password: &Secret<Vec<u8>>, _params: &Params, _salt: [u8; 16], _memory: &mut Memory) -> Result<PasswordHash> {
    todo!()
}

/// Whether the password is the one that was hashed.
pub fn verify(_hash: &PasswordHash, _password: &Secret<Vec<u8>>, _memory: &mut Memory) -> bool {
    todo!()
}

/// As [`verify`], at the price of one argon2 hash whatever the answer: without a hash (nobody of that name) and after a failed check of an imported one it hashes for nothing.
pub fn check(_hash: Option<&PasswordHash>, _password: &Secret<Vec<u8>>, _params: &Params, _memory: &mut Memory) -> bool {
    todo!()
}
