//! The signing keys of a pool: made on first use, stored sealed, held parsed.

use super::handle::Pool;
use crate::crypto::keys::{Algorithm, SigningKey};
use crate::model::{Entropy, Result, Timestamp};
use std::sync::Arc;

/// What a key is for. OIDC and SAML never share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// ID tokens and access tokens.
    Oidc,
    /// Assertions and metadata; such a key carries its certificate.
    Saml,
}

/// The key that signs now; made if there is none yet.
pub async fn current(_pool: &Pool, _usage: Use, _algorithm: Algorithm, _now: Timestamp, _entropy: &dyn Entropy) -> Result<Arc<SigningKey>> {
    todo!()
}

/// Every key that may still be met: the current ones, and former ones until nothing signed with them is valid any more. Empty before the first [`current`].
pub fn public(_pool: &Pool, _usage: Use) -> Result<Vec<Arc<SigningKey>>> {
    todo!()
}

/// Puts a new key in the place of the current one, which stays public until nothing signed with it is valid any more.
pub async fn rotate(_pool: &Pool, _usage: Use, _algorithm: Algorithm, _now: Timestamp, _entropy: &dyn Entropy) -> Result<Arc<SigningKey>> {
    todo!()
}
