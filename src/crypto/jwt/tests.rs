//! The fixed tokens were made with Python's cryptography, the made ones are read by jsonwebtoken:
//! other implementations on either side.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::crypto::keys::Algorithm;
use jsonwebtoken::{DecodingKey, Validation};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

const RSA_JWK: &str = r#"{"kty": "RSA", "n": "1WZWwTV1nuC9n62I6Au2V-s838DMNdND4RBXMWOK-MzC2iWVOuHqFbAXoq490AQRAJg5h6izz0L5sS-qz2b2f-cbEB6PM0Id7rReWZQSX-erIfOIG2Rndv6G0YoTDOvSgQR11vTBX23tA8MMJxreSzZZSQWgCdvL6oHn9Rhz8_umcFvCsOnS8KeACX7w4MUITqQ9hzDsrkVoxyoACuCqyNRe2IQgohH_0PpKyhdCE90SUKM3PvbwCX4KPIeQmu5hk-MGzz_aNPlQ87sHgAf83-3k4rl5iNANQT-kZQiUKeu8LHDuszzU865rdC4t0jZFcbYs8Hn6RqWZURzCniCQcw", "e": "AQAB", "kid": "from-python"}"#;
const RSA_TOKEN: &str = "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogImZyb20tcHl0aG9uIiwgInR5cCI6ICJKV1QifQ.eyJzdWIiOiAiNDIiLCAiYXVkIjogWyJhIiwgImIiXX0.XX9eXBOQk7kRyz3xGA69KGbiLDheLIBhzqod43-lHUpVAit5fEX6FgDxsR7lMzKHNediYjufEwYPCuumWS_CPtNM4_Doge4x4RQfJ2h4sqZf9w0zO3KqLP9-sEJPID6HCMIGHi_C3BGU8xSZP89zT1sZQSdFe0Hw3jNsYX7swAFCAtcKg7LsR0dlO4w6P-X5wLTWSto1WPP92ntfUApceFgixekl7hECeOdvycsh2FgQRusuAhzSTWVHhjQGRb8LqYCtYt6AS0RF6z4iBUejvM5175Bjuf6jAir5Yw0Y8MllXKbe2iCSslQc2nZfyfblT9ytDCXomeEhELmyVJv-lQ";
const EC_JWK: &str = r#"{"kty": "EC", "crv": "P-256", "x": "RVKknDFAvzuJNzUgw8DfdrfguHBYpT9-HtFKuQD4iIo", "y": "cXduLq7CcIzakMmS3RzKj0CSib8XZtUu6ORpdJJ-A6A", "kid": "from-python"}"#;
const EC_TOKEN: &str = "eyJhbGciOiAiRVMyNTYiLCAia2lkIjogImZyb20tcHl0aG9uIiwgInR5cCI6ICJKV1QifQ.eyJzdWIiOiAiNDIiLCAiYXVkIjogWyJhIiwgImIiXX0.W4QvuswvPUyYu2627vfqtA6zNVKztFT21EqBO6E31quWbPpE9oEs1JLA7FdViYad2wpd1-Nve-eMDia5G4M3gA";

static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Rs256).unwrap());
static EC: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());

fn key(jwk: &str) -> PublicKey {
    PublicKey::from_jwk(&serde_json::from_str(jwk).unwrap()).unwrap()
}

fn assemble(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let signature = base64url(&key.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

fn refused(token: &str, keys: &[PublicKey]) -> bool {
    verify::<Value>(token, "JWT", keys).is_err()
}

#[test]
fn tokens_of_another_implementation_verify() {
    for (jwk, token) in [(RSA_JWK, RSA_TOKEN), (EC_JWK, EC_TOKEN)] {
        let claims: Value = verify(token, "JWT", &[key(jwk)]).unwrap();
        assert_eq!(claims, json!({ "sub": "42", "aud": ["a", "b"] }));
    }
}

#[test]
fn another_implementation_verifies_our_tokens() {
    for key in [&*RSA, &*EC] {
        let token = sign(key, "at+jwt", &json!({ "sub": "42", "exp": 4_000_000_000_u64 })).unwrap();
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(key.jwk()).unwrap();
        let mut validation = Validation::new(key.algorithm().name().parse().unwrap());
        validation.validate_exp = false;
        let read = jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
        assert_eq!(read.claims["sub"], "42");
        assert_eq!(read.header.kid.as_deref(), Some(key.kid()));
        assert_eq!(read.header.typ.as_deref(), Some("at+jwt"));
    }
}

#[test]
fn the_header_has_typ_alg_and_kid_and_nothing_else() {
    let token = sign(&EC, "JWT", &json!({})).unwrap();
    let header: Value = serde_json::from_slice(&from_base64url(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header, json!({ "typ": "JWT", "alg": "ES256", "kid": EC.kid() }));
}

#[test]
fn a_token_of_another_kind_is_refused() {
    let token = sign(&EC, "at+jwt", &json!({})).unwrap();
    assert!(refused(&token, &[EC.public().clone()]));
    assert!(verify::<Value>(&token, "at+jwt", [EC.public()]).is_ok());
}

#[test]
fn forged_headers_are_refused() {
    let keys = [EC.public().clone(), RSA.public().clone()];
    let claims = json!({ "sub": "admin" });
    let forged = [
        json!({ "typ": "JWT", "alg": "none", "kid": EC.kid() }),
        json!({ "typ": "JWT", "alg": "HS256", "kid": EC.kid() }),
        json!({ "typ": "JWT", "alg": "RS256", "kid": EC.kid() }),
        json!({ "typ": "JWT", "alg": "ES256", "kid": RSA.kid() }),
        json!({ "typ": "JWT", "alg": "ES256", "kid": "another" }),
        json!({ "typ": "JWT", "alg": "ES256" }),
        json!({ "alg": "ES256", "kid": EC.kid() }),
        json!({ "typ": "JWT", "alg": "ES256", "kid": EC.kid(), "crit": ["exp"], "exp": 1 }),
        json!({ "typ": "JWT", "alg": "ES256", "kid": EC.kid(), "crit": [] }),
    ];
    for header in forged {
        assert!(refused(&assemble(&header, &claims, &EC), &keys), "{header}");
    }
    let good = json!({ "typ": "JWT", "alg": "ES256", "kid": EC.kid() });
    assert!(!refused(&assemble(&good, &claims, &EC), &keys));
    assert!(refused(&assemble(&good, &claims, &EC), &[]));
}

#[test]
fn a_public_key_as_mac_key_is_refused() {
    let header = json!({ "typ": "JWT", "alg": "HS256", "kid": RSA.kid() });
    let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(b"{}"));
    let mac = crate::crypto::digest::hmac(&RSA.public_der().unwrap(), signed.as_bytes());
    assert!(refused(&format!("{signed}.{}", base64url(&mac)), &[RSA.public().clone()]));
}

#[test]
fn a_member_that_comes_twice_in_the_header_is_refused() {
    let header = format!(r#"{{"typ":"JWT","alg":"none","alg":"ES256","kid":"{}"}}"#, EC.kid());
    let signed = format!("{}.{}", base64url(header.as_bytes()), base64url(b"{}"));
    let token = format!("{signed}.{}", base64url(&EC.sign(signed.as_bytes()).unwrap()));
    assert!(refused(&token, &[EC.public().clone()]));
}

#[test]
fn signatures_in_other_shapes_are_refused() {
    let token = sign(&EC, "JWT", &json!({ "sub": "42" })).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let keys = [EC.public().clone()];
    assert!(!refused(&token, &keys));
    for other in [
        String::new(),
        base64url(&[0; 64]),
        base64url(&[0; 63]),
        format!("{signature}="),
        format!("{signature} "),
        format!("{signature}.{signature}"),
    ] {
        assert!(refused(&format!("{signed}.{other}"), &keys), "{other}");
    }
    assert!(refused(signed, &keys));
    assert!(refused("", &keys));
    assert!(refused(&"a".repeat(MAX_TOKEN_BYTES + 1), &keys));
}

#[test]
fn an_oversized_token_is_refused_though_its_signature_is_right() {
    let token = sign(&EC, "JWT", &json!({ "text": "x".repeat(MAX_TOKEN_BYTES) })).unwrap();
    assert!(refused(&token, &[EC.public().clone()]));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(token in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(refused(&token, &[EC.public().clone()]));
    }

    #[test]
    fn a_token_with_any_character_changed_is_refused(place: proptest::sample::Index, to in "[A-Za-z0-9_-]") {
        let token = sign(&EC, "JWT", &json!({ "sub": "42" })).unwrap();
        let place = place.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(place..=place, &to);
        prop_assume!(changed != token);
        prop_assert!(refused(&changed, &[EC.public().clone()]));
    }
}
