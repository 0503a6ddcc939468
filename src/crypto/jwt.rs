//! JSON Web Tokens in compact form (RFC 7515, RFC 7519): signing with a held key, strict verification.

use super::keys::{PublicKey, SigningKey};
use crate::model::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A longer token is refused before it is read.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Signs claims. `typ` tells the kinds of tokens apart (RFC 8725, section 3.11): `JWT` for ID tokens, `at+jwt` for access tokens (RFC 9068).
pub fn sign(_key: &SigningKey, _typ: &str, _claims: &impl Serialize) -> Result<String> {
    todo!()
}

/// The claims of a token of that `typ` that one of the keys signed. The key that `kid` names decides the algorithm, never the token.
///
/// Fails with `Denied(Credentials)`. Whether the claims hold (issuer, audience, times) is the caller's to check.
pub fn verify<'k, C: DeserializeOwned>(_token: &str, _typ: &str, _keys: impl IntoIterator<Item = &'k PublicKey>) -> Result<C> {
    todo!()
}
