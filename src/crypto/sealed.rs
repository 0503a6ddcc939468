//! Sealing of stored secrets: AES-256-GCM (NIST SP 800-38D) under a data key, which itself is
//! sealed under the server's master key.
//!
//! A sealed record is `format (1) | key id (4) | nonce (12) | ciphertext | tag (16)`. The
//! associated data is the full name of the record, so that what was sealed for one place opens at
//! no other. Nonces are random: a data key is to be rotated before 2³² records.

use super::digest;
use crate::model::{Entropy, Error, Result, Secret, entropy::random};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

const FORMAT: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;
const HEADER: usize = 1 + 4 + NONCE;
/// What a check value is sealed for, and what is sealed in it.
const CHECK: (&[u8], &[u8]) = (b"check value of the master key", b"poolgate");

/// The key of the server, held outside the store. It seals data keys and its own check value, and
/// nothing else.
#[derive(Clone)]
pub struct MasterKey(DataKey);

/// A key that seals secrets of one pool.
#[derive(Clone)]
pub struct DataKey {
    id: u32,
    bytes: Secret<[u8; 32]>,
}

impl MasterKey {
    /// The key with these bytes. Its id follows from them.
    pub fn new(bytes: Secret<[u8; 32]>) -> Self {
        let [a, b, c, d, ..] = digest::hmac(bytes.expose(), b"poolgate master key id");
        Self(DataKey { id: u32::from_be_bytes([a, b, c, d]), bytes })
    }

    /// A new key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self::new(Secret::new(random(entropy)))
    }

    /// Reads what a master key file holds: 32 bytes as base64, with or without a final line break.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |what: &str| Error::internal(format!("{what}; it must hold 32 bytes as base64: `openssl rand -base64 32` makes them"));
        let text = text.trim();
        if text.is_empty() {
            return Err(refuse("the master key file is empty"));
        }
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| refuse("the master key file is no base64"))?);
        let bytes = bytes.as_slice().try_into().map_err(|_| refuse(&format!("the master key file holds {} bytes", bytes.len())))?;
        Ok(Self::new(Secret::new(bytes)))
    }

    /// What a master key file holds.
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(STANDARD.encode(self.0.bytes.expose()))
    }

    /// Which key it is; tells nothing of its bytes.
    pub const fn id(&self) -> u32 {
        self.0.id
    }

    /// Something sealed by which this key is known again.
    pub fn check_value(&self, entropy: &dyn Entropy) -> Result<Vec<u8>> {
        let (place, content) = CHECK;
        seal(&self.0, content, place, entropy)
    }

    /// Fails unless that is a check value of this very key.
    pub fn verify_check_value(&self, sealed: &[u8]) -> Result<()> {
        let (place, content) = CHECK;
        match open(&self.0, sealed, place)?.expose() == content {
            true => Ok(()),
            false => Err(Error::internal("the check value of the master key holds something else; restore the store from a backup")),
        }
    }

    /// Seals a data key for the place that `aad` names.
    pub fn wrap(&self, key: &DataKey, aad: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
        let mut plain = Zeroizing::new(key.id.to_be_bytes().to_vec());
        plain.extend_from_slice(key.bytes.expose());
        seal(&self.0, &plain, aad, entropy)
    }

    /// Opens a sealed data key.
    pub fn unwrap(&self, sealed: &[u8], aad: &[u8]) -> Result<DataKey> {
        let plain = open(&self.0, sealed, aad)?;
        match plain.expose().split_first_chunk() {
            Some((id, bytes)) if bytes.len() == 32 => {
                let mut array = [0; 32];
                array.copy_from_slice(bytes);
                Ok(DataKey { id: u32::from_be_bytes(*id), bytes: Secret::new(array) })
            }
            _ => Err(Error::internal("a sealed data key has a wrong length; restore the store from a backup")),
        }
    }
}

impl DataKey {
    /// A new key with that id, which must be new among the keys of its pool.
    pub fn generate(id: u32, entropy: &dyn Entropy) -> Self {
        Self { id, bytes: Secret::new(random(entropy)) }
    }

    /// Which of the pool's keys it is.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// A message authentication code for one purpose: codes for different purposes say nothing
    /// about each other.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let mut key = digest::hmac(self.bytes.expose(), purpose.as_bytes());
        let code = digest::hmac(&key, message);
        key.zeroize();
        code
    }

    /// A key of its own for one purpose and one salt, under the same id. What strangers can have
    /// sealed without end is sealed with such keys, each with a salt that is drawn anew, so that it
    /// uses up none of the nonces of this one.
    pub fn derive(&self, purpose: &str, salt: &[u8]) -> Self {
        Self { id: self.id, bytes: Secret::new(self.mac(purpose, salt)) }
    }

    fn cipher(&self) -> Result<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.bytes.expose())
            .map(LessSafeKey::new)
            .map_err(|_| Error::internal("AES-256-GCM is not available"))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({:08x})", self.0.id)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id)
    }
}

/// Seals `plain` for the place that `aad` names.
pub fn seal(key: &DataKey, plain: &[u8], aad: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
    let nonce: [u8; NONCE] = random(entropy);
    let mut sealed = Vec::with_capacity(HEADER + plain.len() + TAG);
    sealed.push(FORMAT);
    sealed.extend_from_slice(&key.id.to_be_bytes());
    sealed.extend_from_slice(&nonce);
    let mut body = Zeroizing::new(plain.to_vec());
    let tag = key
        .cipher()?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body)
        .map_err(|_| Error::internal("a secret is too large to be sealed"))?;
    sealed.extend_from_slice(&body);
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens what [`seal`] made with that key for that place; refuses everything else.
pub fn open(key: &DataKey, sealed: &[u8], aad: &[u8]) -> Result<Secret<Vec<u8>>> {
    if key_id(sealed) != Some(key.id) {
        return Err(Error::internal("a secret was sealed with another key: give the server the master key that the store was made with"));
    }
    let nonce = sealed.get(5..HEADER).and_then(|nonce| <[u8; NONCE]>::try_from(nonce).ok());
    let (Some(nonce), Some(body)) = (nonce, sealed.get(HEADER..)) else {
        return Err(Error::internal("a sealed secret is cut short; restore the store from a backup"));
    };
    let mut body = Zeroizing::new(body.to_vec());
    let plain = key
        .cipher()?
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body)
        .map_err(|_| Error::internal("a sealed secret does not open: it was changed, moved, or sealed with another key"))?;
    Ok(Secret::new(plain.to_vec()))
}

/// The id of the key that a sealed record names; `None` if it is no sealed record.
pub fn key_id(sealed: &[u8]) -> Option<u32> {
    match sealed.split_first() {
        Some((&FORMAT, rest)) => rest.first_chunk().map(|id| u32::from_be_bytes(*id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
