#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::super::digest::from_base64url;
use super::*;
use aws_lc_rs::encoding::PublicKeyX509Der;
use std::sync::LazyLock;
use x509_parser::prelude::*;

static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Rs256).unwrap());
static EC: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0xf7);
    }
}

/// RFC 7638, section 3.1.
#[test]
fn the_thumbprint_is_that_of_the_rfc() {
    let jwk = json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256"
    });
    assert_eq!(PublicKey::from_jwk(&jwk).unwrap().kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/// RFC 7515, appendix A.3.
#[test]
fn the_es256_example_of_the_rfc_verifies() {
    let jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    });
    let signed = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = from_base64url("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q").unwrap();
    let key = PublicKey::from_jwk(&jwk).unwrap();
    assert!(key.verify(signed.as_bytes(), &signature));
    assert!(!key.verify(b"another", &signature));
}

#[test]
fn a_key_survives_being_written_and_read() {
    for key in [&*RSA, &*EC] {
        let again = SigningKey::from_pkcs8(key.algorithm(), &key.to_pkcs8().unwrap()).unwrap();
        assert_eq!(again.kid(), key.kid());
        assert!(key.public().verify(b"message", &again.sign(b"message").unwrap()));
        assert!(!key.public().verify(b"message!", &again.sign(b"message").unwrap()));
        assert_eq!(PublicKey::from_jwk(&key.jwk()).unwrap().kid(), key.kid());
    }
}

#[test]
fn a_private_key_of_another_algorithm_is_refused() {
    assert!(SigningKey::from_pkcs8(Algorithm::Es256, &RSA.to_pkcs8().unwrap()).is_err());
    assert!(SigningKey::from_pkcs8(Algorithm::Rs256, &EC.to_pkcs8().unwrap()).is_err());
    assert!(SigningKey::from_pkcs8(Algorithm::Rs256, &Secret::new(b"nothing".to_vec())).is_err());
}

#[test]
fn a_jwk_tells_the_public_key_only() {
    for key in [&*RSA, &*EC] {
        let jwk = key.jwk();
        for secret in ["d", "p", "q", "dp", "dq", "qi"] {
            assert!(jwk.get(secret).is_none());
        }
        assert_eq!(jwk["kid"], key.kid());
        assert_eq!(jwk["use"], "sig");
        assert_eq!(jwk["alg"], key.algorithm().name());
    }
}

#[test]
fn unfit_jwks_are_refused() {
    let ec = EC.jwk();
    let with = |name: &str, value: Value| {
        let mut jwk = ec.clone();
        jwk[name] = value;
        jwk
    };
    let unfit = [
        json!(null),
        json!({}),
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }),
        json!({ "kty": "RSA", "n": base64url(&[0xff; 128]), "e": "AQAB" }),
        with("d", json!("AAAA")),
        with("x", json!("AAAA")),
        with("x", json!(base64url(&[1; 32]))),
        with("x", json!(7)),
        with("crv", json!("P-384")),
        with("alg", json!("ES384")),
        with("use", json!("enc")),
        with("kid", json!("k".repeat(MAX_KID + 1))),
    ];
    for jwk in unfit {
        assert!(PublicKey::from_jwk(&jwk).is_err(), "{jwk}");
    }
    assert_eq!(PublicKey::from_jwk(&with("kid", json!("mine"))).unwrap().kid(), "mine");
}

#[test]
fn the_certificate_names_the_key_and_is_signed_by_it() {
    let (from, to) = (Timestamp::from_seconds(1_800_000_000), Timestamp::from_seconds(2_100_000_000));
    for key in [&*RSA, &*EC] {
        let der = key.self_sign("acme", from, to, &Sevens).unwrap();
        let (rest, certificate) = X509Certificate::from_der(&der).unwrap();
        assert!(rest.is_empty());
        assert_eq!(certificate.subject().to_string(), "CN=acme");
        assert_eq!(certificate.issuer(), certificate.subject());
        assert_eq!(certificate.validity().not_before.timestamp(), 1_800_000_000);
        assert_eq!(certificate.validity().not_after.timestamp(), 2_100_000_000);
        assert_eq!(certificate.public_key().raw, key.public_der().unwrap());
        assert_eq!(certificate.raw_serial().len(), 16);
        assert!(!certificate.is_ca());
        if key.algorithm() == Algorithm::Rs256 {
            assert!(key.public().verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data));
        }
    }
}

#[test]
fn debug_output_holds_the_public_id_only() {
    assert_eq!(format!("{:?}", &*EC), format!("SigningKey(ES256 {})", EC.kid()));
    assert_eq!(format!("{:?}", EC.public()), format!("PublicKey(ES256 {})", EC.kid()));
}

/// Longest id of a key in a JWK that is read, in bytes.
pub const MAX_KID: usize = 256;

impl SigningKey {
    /// Its public key as SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7).
    pub fn public_der(&self) -> Result<Vec<u8>> {
        let der = match &self.pair {
            Pair::Rsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Pair::P256(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
        };
        der.map(|der| der.as_ref().to_vec()).map_err(|_| Error::internal("a public key cannot be written"))
    }
}

impl PublicKey {
    /// Reads a public JWK (RFC 7517): RSA of 2048 to 8192 bits or P-256. Its id is its `kid`, or
    /// its thumbprint if it has none.
    ///
    /// Fails with `Invalid(Constraint)` on any other key, on a private one, and on one whose `alg`
    /// or `use` says that it is for something else.
    pub fn from_jwk(jwk: &Value) -> Result<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let number =
            |name: &str| text(name).and_then(from_base64url).ok_or_else(|| refused(&format!("its `{name}` is missing or no base64url")));
        if jwk.get("d").is_some() || jwk.get("k").is_some() {
            return Err(refused("it holds a secret; give the public key only"));
        }
        let mut key = match (text("kty"), text("crv")) {
            (Some("RSA"), None) => Self::rsa(&number("n")?, &number("e")?)?,
            (Some("EC"), Some("P-256")) => Self::p256(&[[4].as_slice(), &number("x")?, &number("y")?].concat())?,
            _ => return Err(refused("it is neither RSA nor P-256")),
        };
        if text("alg").is_some_and(|alg| alg != key.algorithm.name()) || text("use").is_some_and(|usage| usage != "sig") {
            return Err(refused("its `alg` or `use` is not one that is verified here; RS256 and ES256 are"));
        }
        match text("kid") {
            Some(kid) if kid.len() > MAX_KID => Err(refused("its `kid` is too long")),
            Some(kid) => {
                key.kid = kid.to_owned();
                Ok(key)
            }
            None => Ok(key),
        }
    }
}
