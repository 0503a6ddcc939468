//! Password hashes: argon2id for our own (RFC 9106), salted and plain SHA for those that other
//! directories bring along.
//!
//! Our own have the PHC form, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. Imported ones have the
//! form of userPassword (RFC 2307, section 5.3): `{SSHA}`, `{SSHA256}`, `{SSHA384}`, `{SSHA512}`
//! with base64 of digest and salt, the same without salt as `{SHA}` and so on, and `{ARGON2}`
//! before a PHC string of argon2id or argon2i, the default of slapd.

mod recognise;

#[cfg(test)]
pub(crate) use recognise::tests::human_passwords;
pub use recognise::{Recognised, could_be_a_hash, recognise};

use super::digest::equal;
use crate::model::error::Rule;
use crate::model::{Error, Result, Secret};
use argon2::{Argon2, Block, Version};
use aws_lc_rs::digest::{self, Context};
use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// Most memory that a hash may ask for, ours or imported, in KiB. Each thread that hashes keeps as
/// much as it ever needed.
pub const MAX_MEMORY_KIB: u32 = 256 * 1024;
/// Most passes that a hash may ask for.
pub const MAX_PASSES: u32 = 16;
/// Most lanes that a hash may ask for.
pub const MAX_LANES: u32 = 16;

/// Most work that a hash may ask for: KiB of memory times passes over it. Each login with the hash
/// costs as much on a thread that all pools share, and whoever administers one of them may bring
/// hashes along; this is 27 times the default, and what slapd and libsodium make lies below.
pub const MAX_COST: u64 = 1 << 20;
/// Longest stored form that is read.
pub const MAX_TEXT: usize = 512;
/// Longest salt of an imported hash, in bytes.
pub const MAX_SALT: usize = 64;
/// Longest password that is hashed, in bytes; a longer one matches nothing.
pub const MAX_PASSWORD: usize = 4096;

const OUTPUT: usize = 32;

/// Reads base64 with and without padding; writes it with.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&ALPHABET, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
/// The base64 of PHC strings: without padding.
const BASE64_PHC: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

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

impl Params {
    /// Whether a hash can be made with them: within the limits, and at least 8 KiB for each lane
    /// (RFC 9106, section 3.1).
    pub fn check(&self) -> Result<()> {
        let within = (1..=MAX_PASSES).contains(&self.passes)
            && (1..=MAX_LANES).contains(&self.lanes)
            && (8 * self.lanes..=MAX_MEMORY_KIB).contains(&self.memory_kib)
            && self.cost() <= MAX_COST;
        if within {
            return Ok(());
        }
        Err(Error::invalid(
            Rule::Constraint,
            format!(
                "password hashing takes 1 to {MAX_PASSES} passes, 1 to {MAX_LANES} lanes and 8 KiB for each lane up to {MAX_MEMORY_KIB} KiB of memory, and at most {MAX_COST} of passes times KiB"
            ),
        ))
    }

    fn cost(&self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }

    fn argon2(&self, output: usize) -> Result<argon2::Params> {
        self.check()?;
        argon2::Params::new(self.memory_kib, self.passes, self.lanes, Some(output))
            .map_err(|error| Error::invalid(Rule::Constraint, format!("argon2 refuses these parameters: {error}")))
    }
}

/// A stored hash of a password. `Debug` names its scheme only; `Display` is the stored form.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    Argon2 { variant: Variant, params: Params, salt: Vec<u8>, output: Vec<u8> },
    Sha { scheme: Scheme, salt: Vec<u8>, output: Vec<u8> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Id,
    I,
}

impl Variant {
    const fn name(self) -> &'static str {
        match self {
            Self::Id => "argon2id",
            Self::I => "argon2i",
        }
    }

    const fn algorithm(self) -> argon2::Algorithm {
        match self {
            Self::Id => argon2::Algorithm::Argon2id,
            Self::I => argon2::Algorithm::Argon2i,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Scheme {
    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }

    /// The scheme of that name, and whether it is the salted one. Names are compared without case.
    fn parse(name: &str) -> Option<(Self, bool)> {
        let name = name.to_ascii_uppercase();
        let (name, salted) = match name.strip_prefix("SSHA") {
            Some(rest) => (rest, true),
            None => (name.strip_prefix("SHA")?, false),
        };
        let scheme = match name.strip_prefix('-').unwrap_or(name) {
            "" => Self::Sha1,
            "256" => Self::Sha256,
            "384" => Self::Sha384,
            "512" => Self::Sha512,
            _ => return None,
        };
        Some((scheme, salted))
    }

    const fn name(self, salted: bool) -> &'static str {
        match (self, salted) {
            (Self::Sha1, true) => "SSHA",
            (Self::Sha256, true) => "SSHA256",
            (Self::Sha384, true) => "SSHA384",
            (Self::Sha512, true) => "SSHA512",
            (Self::Sha1, false) => "SHA",
            (Self::Sha256, false) => "SHA256",
            (Self::Sha384, false) => "SHA384",
            (Self::Sha512, false) => "SHA512",
        }
    }
}

impl PasswordHash {
    /// The schemes that are verified, for messages.
    pub const SCHEMES: &str =
        "{SSHA}, {SSHA256}, {SSHA384}, {SSHA512}, {SHA}, {SHA256}, {SHA384}, {SHA512}, {ARGON2}, $argon2id$ and $argon2i$";

    /// Reads the stored form: `$argon2id$…` (PHC) or `{SCHEME}…` (RFC 2307).
    ///
    /// Fails with `Invalid(Constraint)` on a scheme that is not known, on parameters beyond the
    /// limits and on anything malformed; the message does not repeat the text.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_TEXT {
            return Err(refused("is too long"));
        }
        if let Some(rest) = text.strip_prefix('$') {
            return parse_phc(rest);
        }
        let Some((name, rest)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
            return Err(refused("has neither the form {SCHEME}… nor $argon2id$…"));
        };
        if name.eq_ignore_ascii_case("ARGON2") {
            return parse_phc(rest.strip_prefix('$').unwrap_or_default());
        }
        let (scheme, salted) = Scheme::parse(name)
            .ok_or_else(|| refused(&format!("has an unknown scheme; those that can be taken over are {}", Self::SCHEMES)))?;
        let mut output = BASE64.decode(rest).map_err(|_| refused("is not base64"))?;
        let length = scheme.algorithm().output_len();
        if output.len() < length || output.len() > length + MAX_SALT || salted != (output.len() > length) {
            return Err(refused("has a wrong length for its scheme"));
        }
        let salt = output.split_off(length);
        Ok(Self(Form::Sha { scheme, salt, output }))
    }

    /// Whether a hash with these parameters should take its place at the next login: it is of
    /// another scheme, or it was made with other parameters.
    pub fn needs_rehash(&self, wanted: &Params) -> bool {
        match &self.0 {
            Form::Argon2 { variant, params, .. } => *variant != Variant::Id || params != wanted,
            Form::Sha { .. } => true,
        }
    }

    fn is_cheaper_than(&self, other: &Params) -> bool {
        match &self.0 {
            Form::Argon2 { params, .. } => params.cost() < other.cost(),
            Form::Sha { .. } => true,
        }
    }

    fn scheme_name(&self) -> &'static str {
        match &self.0 {
            Form::Argon2 { variant, .. } => variant.name(),
            Form::Sha { scheme, salt, .. } => scheme.name(!salt.is_empty()),
        }
    }
}

fn parse_phc(text: &str) -> Result<PasswordHash> {
    let (name, rest) = text.split_once('$').unwrap_or_default();
    let variant = [Variant::Id, Variant::I]
        .into_iter()
        .find(|variant| variant.name() == name)
        .ok_or_else(|| refused("is neither argon2id nor argon2i"))?;
    let mut parts = rest.split('$');
    let (Some("v=19"), Some(params), Some(salt), Some(output), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(refused("is not an argon2 hash of version 19"));
    };
    let mut numbers = params.split(',');
    let mut number = |name: &str| {
        let digits = numbers.next()?.strip_prefix(name)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        plain.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let (Some(memory_kib), Some(passes), Some(lanes)) = (number("m="), number("t="), number("p=")) else {
        return Err(refused("has no parameters of the form m=…,t=…,p=…"));
    };
    if numbers.next().is_some() {
        return Err(refused("has parameters that are not known"));
    }
    let params = Params { memory_kib, passes, lanes };
    params.check()?;
    let salt = BASE64_PHC.decode(salt).map_err(|_| refused("has a salt that is not base64"))?;
    let output = BASE64_PHC.decode(output).map_err(|_| refused("is not base64"))?;
    if !(8..=MAX_SALT).contains(&salt.len()) || !(16..=64).contains(&output.len()) {
        return Err(refused("has a salt or a length outside the limits"));
    }
    Ok(PasswordHash(Form::Argon2 { variant, params, salt, output }))
}

fn refused(why: &str) -> Error {
    Error::invalid(Rule::Constraint, format!("the password hash {why}"))
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PasswordHash({})", self.scheme_name())
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Argon2 { variant, params: Params { memory_kib, passes, lanes }, salt, output } => {
                let (name, salt, output) = (variant.name(), BASE64_PHC.encode(salt), BASE64_PHC.encode(output));
                write!(f, "${name}$v=19$m={memory_kib},t={passes},p={lanes}${salt}${output}")
            }
            Form::Sha { output, salt, .. } => write!(f, "{{{}}}{}", self.scheme_name(), BASE64.encode([output.as_slice(), salt].concat())),
        }
    }
}

/// The memory that argon2 fills: made at first use and used again. It grows to what the costliest
/// hash needed.
#[derive(Default)]
pub struct Memory {
    blocks: Vec<Block>,
    runs: u64,
}

impl Memory {
    /// No memory yet.
    pub const fn new() -> Self {
        Self { blocks: Vec::new(), runs: 0 }
    }

    /// How often argon2 has run in it.
    pub const fn runs(&self) -> u64 {
        self.runs
    }

    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.blocks.len() < count {
            self.blocks.resize(count, Block::new());
        }
        self.blocks.get_mut(..count).unwrap_or_default()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} KiB)", self.blocks.len())
    }
}

/// Hashes a password with argon2id. Fails with `Invalid(Constraint)` on parameters beyond the
/// limits and on a password of over [`MAX_PASSWORD`] bytes.
pub fn hash(password: &Secret<Vec<u8>>, params: &Params, salt: [u8; 16], memory: &mut Memory) -> Result<PasswordHash> {
    if password.expose().len() > MAX_PASSWORD {
        return Err(Error::invalid(Rule::Constraint, format!("a password may have at most {MAX_PASSWORD} bytes")));
    }
    let output = derive(Variant::Id, password, params, &salt, OUTPUT, memory)?.to_vec();
    Ok(PasswordHash(Form::Argon2 { variant: Variant::Id, params: *params, salt: salt.to_vec(), output }))
}

/// Whether the password is the one that was hashed.
pub fn verify(hash: &PasswordHash, password: &Secret<Vec<u8>>, memory: &mut Memory) -> bool {
    if password.expose().len() > MAX_PASSWORD {
        return false;
    }
    match &hash.0 {
        Form::Argon2 { variant, params, salt, output } => {
            derive(*variant, password, params, salt, output.len(), memory).is_ok_and(|derived| equal(&derived, output))
        }
        Form::Sha { scheme, salt, output } => {
            let mut context = Context::new(scheme.algorithm());
            context.update(password.expose());
            context.update(salt);
            equal(context.finish().as_ref(), output)
        }
    }
}

/// As [`verify`], at the price of at least one hash with `params` whatever the answer: without a
/// hash (nobody of that name) and beside a cheaper one it hashes for nothing. That holds for a
/// success too: whoever is locked or disabled gets no further, and must not learn by the time that
/// the password was right.
pub fn check(hash: Option<&PasswordHash>, password: &Secret<Vec<u8>>, params: &Params, memory: &mut Memory) -> bool {
    let matched = hash.is_some_and(|hash| verify(hash, password, memory));
    if hash.is_none_or(|hash| hash.is_cheaper_than(params)) {
        let nothing = derive(Variant::Id, password, params, b"of no account...", OUTPUT, memory);
        std::hint::black_box(nothing.is_ok());
    }
    matched
}

fn derive(
    variant: Variant,
    password: &Secret<Vec<u8>>,
    params: &Params,
    salt: &[u8],
    length: usize,
    memory: &mut Memory,
) -> Result<Zeroizing<Vec<u8>>> {
    let params = params.argon2(length)?;
    let mut output = Zeroizing::new(vec![0; length]);
    memory.runs += 1;
    let blocks = memory.blocks(params.block_count());
    Argon2::new(variant.algorithm(), Version::V0x13, params)
        .hash_password_into_with_memory(password.expose(), salt, &mut output, blocks)
        .map_err(|error| Error::internal(format!("argon2 does not work: {error}")))?;
    Ok(output)
}

#[cfg(test)]
mod tests;
