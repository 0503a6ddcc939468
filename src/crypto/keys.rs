//! Signing keys: RSA 2048 and P-256, held parsed, with their JWK (RFC 7517) and their self-signed
//! certificate (RFC 5280).

use super::digest::{base64url, sha256};
use crate::model::error::Rule;
use crate::model::{Entropy, Error, Result, Secret, Timestamp, entropy::random};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_SHA256, RsaPublicKeyComponents,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use time::OffsetDateTime;

/// A signature algorithm (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(index_only)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[n(1)]
    Rs256,
    /// ECDSA with P-256 and SHA-256.
    #[n(2)]
    Es256,
}

impl Algorithm {
    /// Its name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// A private key with its public key and, for SAML, its certificate.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
    certificate: Option<Vec<u8>>,
}

enum Pair {
    Rsa(rsa::KeyPair),
    P256(EcdsaKeyPair),
}

impl SigningKey {
    /// Makes a key. An RSA key takes a tenth of a second or more: never on an async thread.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let pair = match algorithm {
            Algorithm::Rs256 => rsa::KeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            Algorithm::Es256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::P256),
        };
        Self::new(pair.map_err(|_| Error::internal("no signing key could be made"))?)
    }

    /// Reads a private key (RFC 5958). Fails with `Invalid(Constraint)` if it is none of that
    /// algorithm.
    pub fn from_pkcs8(algorithm: Algorithm, der: &Secret<Vec<u8>>) -> Result<Self> {
        let pair = match algorithm {
            Algorithm::Rs256 => rsa::KeyPair::from_pkcs8(der.expose()).map(Pair::Rsa),
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.expose()).map(Pair::P256),
        };
        Self::new(
            pair.map_err(|_| Error::invalid(Rule::Constraint, format!("the private key is no PKCS #8 key for {}", algorithm.name())))?,
        )
    }

    fn new(pair: Pair) -> Result<Self> {
        let public = match &pair {
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                PublicKey::rsa(key.modulus().big_endian_without_leading_zero(), key.exponent().big_endian_without_leading_zero())
            }
            Pair::P256(pair) => PublicKey::p256(pair.public_key().as_ref()),
        };
        Ok(Self { pair, public: public?, certificate: None })
    }

    /// The private key (RFC 5958), to be sealed.
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>> {
        let failed = |_| Error::internal("a private key cannot be written");
        match &self.pair {
            Pair::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair).map(|der| Secret::new(der.as_ref().to_vec())).map_err(failed),
            Pair::P256(pair) => pair.to_pkcs8v1().map(|der| Secret::new(der.as_ref().to_vec())).map_err(failed),
        }
    }

    /// The same key with its certificate.
    pub fn with_certificate(self, der: Vec<u8>) -> Self {
        Self { certificate: Some(der), ..self }
    }

    /// Its certificate (DER), if it has one.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// Makes a self-signed certificate (DER) for this key (RFC 5280).
    pub fn self_sign(&self, common_name: &str, not_before: Timestamp, not_after: Timestamp, entropy: &dyn Entropy) -> Result<Vec<u8>> {
        let mut serial: [u8; 16] = random(entropy);
        // A positive number of exactly 16 octets (section 4.1.2.2).
        serial[0] = serial[0] & 0x7f | 0x40;
        let mut name = rcgen::DistinguishedName::new();
        name.push(rcgen::DnType::CommonName, common_name);
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = name;
        params.not_before = date(not_before)?;
        params.not_after = date(not_after)?;
        params.serial_number = Some(rcgen::SerialNumber::from_slice(&serial));
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        let algorithm = match self.algorithm() {
            Algorithm::Rs256 => &rcgen::PKCS_RSA_SHA256,
            Algorithm::Es256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        };
        let failed = |error: rcgen::Error| Error::internal(format!("no certificate could be made: {error}"));
        let private = self.to_pkcs8()?;
        let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(private.expose().as_slice()), algorithm)
            .map_err(failed)?;
        Ok(params.self_signed(&pair).map_err(failed)?.der().to_vec())
    }

    /// Signs a message. An ES256 signature has the form of JWS (RFC 7518, section 3.4) and of XML
    /// signatures: r and s, 32 bytes each.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let failed = |_| Error::internal("a signature could not be made");
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Pair::P256(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()).map_err(failed),
        }
    }

    /// Which algorithm it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    /// Its id: the thumbprint of its public key (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// Its public key.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Its public key as JWK with `kid`, `alg` and `use` (RFC 7517).
    pub fn jwk(&self) -> Value {
        self.public.jwk()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm().name(), self.kid())
    }
}

/// A public key that verifies.
#[derive(Clone)]
pub struct PublicKey {
    algorithm: Algorithm,
    kid: String,
    numbers: Numbers,
    parsed: Arc<ParsedPublicKey>,
}

/// The numbers of a public key as a JWK writes them, in base64url.
#[derive(Clone)]
enum Numbers {
    Rsa { n: String, e: String },
    P256 { x: String, y: String },
}

impl PublicKey {
    fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        if !(256..=1024).contains(&modulus.len()) {
            return Err(refused("its modulus has not 2048 to 8192 bits"));
        }
        let components = RsaPublicKeyComponents { n: modulus, e: exponent };
        let parsed = components.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).map_err(|_| refused("its numbers are no RSA key"))?;
        Ok(Self::of(Algorithm::Rs256, Numbers::Rsa { n: base64url(modulus), e: base64url(exponent) }, parsed))
    }

    fn p256(point: &[u8]) -> Result<Self> {
        let (Some(4), Some(x), Some(y), 65) = (point.first(), point.get(1..33), point.get(33..65), point.len()) else {
            return Err(refused("its point is not an uncompressed one of P-256"));
        };
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| refused("its point is not on P-256"))?;
        Ok(Self::of(Algorithm::Es256, Numbers::P256 { x: base64url(x), y: base64url(y) }, parsed))
    }

    fn of(algorithm: Algorithm, numbers: Numbers, parsed: ParsedPublicKey) -> Self {
        // The members that RFC 7638, section 3.2 names, in the order of their names and without
        // spaces.
        let members = match &numbers {
            Numbers::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Numbers::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
        };
        Self { algorithm, kid: base64url(&sha256(members.as_bytes())), numbers, parsed: Arc::new(parsed) }
    }

    /// Which algorithm it verifies.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its id: the thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key as JWK with `kid`, `alg` and `use` (RFC 7517).
    pub fn jwk(&self) -> Value {
        let (alg, kid) = (self.algorithm.name(), &self.kid);
        match &self.numbers {
            Numbers::Rsa { n, e } => json!({ "kty": "RSA", "use": "sig", "alg": alg, "kid": kid, "n": n, "e": e }),
            Numbers::P256 { x, y } => json!({ "kty": "EC", "use": "sig", "alg": alg, "kid": kid, "crv": "P-256", "x": x, "y": y }),
        }
    }

    /// Whether the signature of the message is right.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.algorithm.name(), self.kid)
    }
}

fn date(at: Timestamp) -> Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.seconds()).map_err(|_| Error::internal("a time lies beyond the calendar"))
}

fn refused(why: &str) -> Error {
    Error::invalid(Rule::Constraint, format!("the key cannot be used: {why}"))
}

#[cfg(test)]
mod tests;
