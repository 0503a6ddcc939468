//! Digests, message authentication codes, comparison in constant time and random tokens.

use crate::model::{Entropy, Secret, entropy::random};
use aws_lc_rs::{digest, hmac as mac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// SHA-256 (FIPS 180-4).
pub fn sha256(message: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    output.copy_from_slice(digest::digest(&digest::SHA256, message).as_ref());
    output
}

/// HMAC-SHA-256 (RFC 2104).
pub fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut output = [0; 32];
    output.copy_from_slice(mac::sign(&mac::Key::new(mac::HMAC_SHA256, key), message).as_ref());
    output
}

/// Whether both are the same, in a time that depends on their lengths only.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

/// A new token of 256 random bits, as base64url: for codes, session ids and refresh tokens, of which only the SHA-256 is stored.
pub fn token(entropy: &dyn Entropy) -> Secret<String> {
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(random(entropy));
    Secret::new(base64url(bytes.as_ref()))
}

/// base64url without padding (RFC 4648, section 5).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding (RFC 4648, section 5); `None` if it is not its only encoding.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
