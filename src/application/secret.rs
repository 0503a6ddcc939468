//! How client secrets are kept: a generated one (256 bits) as SHA-256, a chosen one as argon2id,
//! since people choose words. What may be chosen is the pool's policy's to say; what was chosen
//! before stays good.

use crate::crypto::digest;
use crate::crypto::password::{Params, PasswordHash};
use crate::model::error::{Error, Result, Rule};
use crate::model::{Entropy, Secret};
use crate::policy::secret::{self as policy, Violation};
use crate::pool::Pool;
use crate::work::{Caller, Hasher};
use minicbor::{Decode, Encode};
use std::fmt;

/// The longest client secret, in bytes.
pub const MAX_SECRET: usize = 256;

const GENERATED: &str = "{sha256}";

/// The hash of a client secret. Says which function made it; never the secret.
#[derive(Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct SecretHash(#[n(0)] String);

impl SecretHash {
    /// Draws a secret of 256 bits. It is told once and only its hash is kept.
    pub fn generate(entropy: &dyn Entropy) -> (Secret<String>, Self) {
        let secret = digest::token(entropy);
        let hash = Self(of_generated(&secret));
        (secret, hash)
    }

    /// Hashes a secret that somebody chose for a client of that pool.
    ///
    /// Fails with `Invalid` on an empty or too long one, and on one that the pool's policy
    /// refuses; with `Unavailable(Busy)` when the pool's queue is full.
    pub async fn choose(secret: &Secret<String>, hasher: &Hasher, pool: &Pool, entropy: &dyn Entropy) -> Result<Self> {
        if secret.expose().is_empty() || secret.expose().len() > MAX_SECRET {
            return Err(Error::invalid(Rule::Request, format!("a client secret has 1 to {MAX_SECRET} bytes")));
        }
        let settings = pool.settings();
        policy::check(&settings.client_secrets, secret.expose()).map_err(refused)?;
        Ok(Self(hasher.hash(pool.id(), bytes(secret), settings.hashing, entropy).await?.to_string()))
    }

    /// Whether this is the secret that was hashed.
    ///
    /// Fails with `Unavailable(Busy)` when the pool's queue is full.
    pub async fn verify(&self, secret: &Secret<String>, hasher: &Hasher, caller: impl Into<Caller>, params: Params) -> Result<bool> {
        if secret.expose().len() > MAX_SECRET {
            return Ok(false);
        }
        match self.is_generated() {
            true => Ok(digest::equal(self.0.as_bytes(), of_generated(secret).as_bytes())),
            false => hasher.check(caller, Some(PasswordHash::parse(&self.0)?), bytes(secret), params).await,
        }
    }

    /// Whether it is the hash of a generated secret, which costs nothing to check.
    pub fn is_generated(&self) -> bool {
        self.0.starts_with(GENERATED)
    }

    /// The hash itself, to name in a cache what was verified. It is no secret that opens anything,
    /// and still none to show.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

fn refused(violations: Vec<Violation>) -> Error {
    let reasons: Vec<_> = violations.iter().map(Violation::to_string).collect();
    let message = format!("the client secret is too easy to guess: {}; leave it out, and a strong one is made", reasons.join("; "));
    Error::invalid(Rule::Constraint, message)
}

fn of_generated(secret: &Secret<String>) -> String {
    format!("{GENERATED}{}", digest::base64url(&digest::sha256(secret.expose().as_bytes())))
}

fn bytes(secret: &Secret<String>) -> Secret<Vec<u8>> {
    Secret::from(secret.expose().as_str())
}
