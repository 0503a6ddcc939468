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
    MacKey::new(key).sign(message)
}

/// A key for many codes: what follows from the key alone is computed once.
pub struct MacKey(mac::Key);

impl MacKey {
    /// The key with these bytes.
    pub fn new(key: &[u8]) -> Self {
        Self(mac::Key::new(mac::HMAC_SHA256, key))
    }

    /// HMAC-SHA-256 (RFC 2104).
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        let mut output = [0; 32];
        output.copy_from_slice(mac::sign(&self.0, message).as_ref());
        output
    }
}

/// Whether both are the same, in a time that depends on their lengths only.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

/// A new token of 256 random bits, as base64url: for codes, session ids and refresh tokens, of
/// which only the SHA-256 is stored.
pub fn token(entropy: &dyn Entropy) -> Secret<String> {
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(random(entropy));
    Secret::new(base64url(bytes.as_ref()))
}

/// base64url without padding (RFC 4648, section 5).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Lower-case hexadecimal: for what people pass on as an argument of a command, which base64url can
/// begin with a hyphen.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads base64url without padding (RFC 4648, section 5); `None` if it is not its only encoding.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    struct Ones;

    impl Entropy for Ones {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(1);
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// FIPS 180-4, example of one block.
    #[test]
    fn sha256_is_that_of_the_standard() {
        assert_eq!(hex(&sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    /// RFC 4231, test cases 1 and 2.
    #[test]
    fn hmac_is_that_of_the_rfc() {
        assert_eq!(hex(&hmac(&[0x0b; 20], b"Hi There")), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn equal_compares_contents_and_lengths() {
        assert!(equal(b"", b""));
        assert!(equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd"));
        assert!(!equal(b"abc", b"ab"));
    }

    #[test]
    fn a_token_is_256_bits_in_base64url() {
        let token = token(&Ones);
        assert_eq!(from_base64url(token.expose()).unwrap(), [1; 32]);
        assert_eq!(token.expose().len(), 43);
        assert_eq!(format!("{token:?}"), "Secret(…)");
    }

    #[test]
    fn hexadecimal_is_in_lower_case_and_keeps_zeros() {
        assert_eq!(hex(&[0, 0x0f, 0xfb]), "000ffb");
    }

    #[test]
    fn base64url_has_one_encoding() {
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
        assert_eq!(from_base64url("-_8").unwrap(), [0xfb, 0xff]);
        for text in ["-_8=", "+/8", "-_9", " -_8", "-_8\n", "-"] {
            assert_eq!(from_base64url(text), None, "{text}");
        }
    }
}
