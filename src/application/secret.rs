//! How client secrets are kept: a generated one (256 bits) as SHA-256, a chosen one as argon2id, since people choose words.

use crate::model::{Entropy, Secret};
use minicbor::{Decode, Encode};

/// The hash of a client secret. Says which function made it; never the secret.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct SecretHash(#[n(0)] String);

impl SecretHash {
    /// Draws a secret of 256 bits. It is told once and only its hash is kept.
    pub fn generate(_entropy: &dyn Entropy) -> (Secret<String>, Self) {
        todo!()
    }

    /// Hashes a secret that somebody chose. Takes as long as a password: call it in `work`.
    pub fn of_chosen(_secret: &Secret<String>, _salt: [u8; 16]) -> Self {
        todo!()
    }
}

impl std::fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHash(…)")
    }
}
