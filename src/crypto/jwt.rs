//! JSON Web Tokens in compact form (RFC 7515, RFC 7519): signing with a held key, strict
//! verification.

use super::digest::{base64url, from_base64url};
use super::keys::{PublicKey, SigningKey};
use crate::model::{Error, Result};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

/// A longer token is refused before it is read.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

#[derive(Serialize)]
struct Header<'h> {
    typ: &'h str,
    alg: &'h str,
    kid: &'h str,
}

#[derive(Deserialize)]
struct ReceivedHeader {
    typ: String,
    alg: String,
    kid: String,
    crit: Option<IgnoredAny>,
}

/// Signs claims. `typ` tells the kinds of tokens apart (RFC 8725, section 3.11): `JWT` for ID
/// tokens, `at+jwt` for access tokens (RFC 9068).
pub fn sign(key: &SigningKey, typ: &str, claims: &impl Serialize) -> Result<String> {
    let failed = |error| Error::internal(format!("the claims of a token cannot be written: {error}"));
    let header = Header { typ, alg: key.algorithm().name(), kid: key.kid() };
    let mut token = base64url(&serde_json::to_vec(&header).map_err(failed)?);
    token.push('.');
    token.push_str(&base64url(&serde_json::to_vec(claims).map_err(failed)?));
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&base64url(&signature));
    Ok(token)
}

/// The claims of a token of that `typ` that one of the keys signed. The key that `kid` names
/// decides the algorithm, never the token.
///
/// Fails with `Denied(Credentials)` whatever is wrong. Whether the claims hold (issuer, audience,
/// times) is the caller's to check.
pub fn verify<'k, C: DeserializeOwned>(token: &str, typ: &str, keys: impl IntoIterator<Item = &'k PublicKey>) -> Result<C> {
    read(token, typ, keys).ok_or_else(Error::credentials)
}

fn read<'k, C: DeserializeOwned>(token: &str, typ: &str, keys: impl IntoIterator<Item = &'k PublicKey>) -> Option<C> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: ReceivedHeader = serde_json::from_slice(&from_base64url(header)?).ok()?;
    // No extension is understood, so none may be critical (RFC 7515, section 4.1.11).
    if header.crit.is_some() || header.typ != typ {
        return None;
    }
    let key = keys.into_iter().find(|key| key.kid() == header.kid)?;
    if header.alg != key.algorithm().name() || !key.verify(signed.as_bytes(), &from_base64url(signature)?) {
        return None;
    }
    serde_json::from_slice(&from_base64url(claims)?).ok()
}

#[cfg(test)]
mod tests;
