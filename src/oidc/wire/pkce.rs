//! Proof Key for Code Exchange (RFC 7636), S256 only: `plain` proves nothing to somebody who read
//! the request.

use crate::crypto::digest::{base64url, equal, sha256};

/// Whether it has the shape of an S256 challenge: 256 bits in base64url (RFC 7636, section 4.2).
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether it has the shape of a verifier: 43 to 128 unreserved characters (RFC 7636, section 4.1).
pub fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

/// Whether the verifier is the one of the challenge (RFC 7636, section 4.6).
pub fn verifies(challenge: &str, verifier: &str) -> bool {
    is_verifier(verifier) && equal(base64url(&sha256(verifier.as_bytes())).as_bytes(), challenge.as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_standard() {
        assert!(is_challenge(CHALLENGE) && is_verifier(VERIFIER) && verifies(CHALLENGE, VERIFIER));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(!verifies(CHALLENGE, CHALLENGE), "the challenge itself: plain");
        assert!(!verifies(CHALLENGE, &VERIFIER.to_lowercase()));
        assert!(!verifies(CHALLENGE, ""));
        for text in ["", "short", &"x".repeat(42), &"x".repeat(44), &format!("{}=", "x".repeat(42)), &format!("{}+", "x".repeat(42))] {
            assert!(!is_challenge(text), "{text}");
        }
        for text in ["", &"x".repeat(42), &"x".repeat(129), &format!("{}+", "x".repeat(42)), &format!("{} ", "x".repeat(42))] {
            assert!(!is_verifier(text), "{text}");
        }
    }
}
