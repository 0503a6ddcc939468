//! Password hashing as work: as many memory blocks as threads, used again and again.

use super::Work;
use crate::crypto::password::{Params, PasswordHash};
use crate::model::{Entropy, PoolId, Result, Secret};
use std::sync::Arc;

/// Hashes and checks passwords on the threads of a [`Work`].
#[derive(Clone)]
pub struct Hasher;

impl Hasher {
    /// A hasher on these threads.
    pub fn new(_work: Arc<Work>) -> Self {
        todo!()
    }

    /// Hashes a password with argon2id and a new salt.
    pub async fn hash(&self, _pool: PoolId, _password: Secret<Vec<u8>>, _params: Params, _entropy: &dyn Entropy) -> Result<PasswordHash> {
        todo!()
    }

    /// Whether the password is the hashed one, at the price of one argon2 hash whatever the answer; without a hash it is not, at the same price.
    pub async fn check(&self, _pool: PoolId, _hash: Option<PasswordHash>, _password: Secret<Vec<u8>>, _params: Params) -> Result<bool> {
        todo!()
    }
}
