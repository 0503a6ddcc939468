//! Signing keys: RSA 2048 and P-256, held parsed, with their JWK (RFC 7517) and their self-signed certificate (RFC 5280).

use crate::model::{Entropy, Result, Secret, Timestamp};

/// A signature algorithm (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA with P-256 and SHA-256.
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
pub struct SigningKey;

/// A public key that verifies.
#[derive(Clone, Debug)]
pub struct PublicKey;

impl SigningKey {
    /// Makes a key. An RSA key takes a tenth of a second or more: never on an async thread.
    pub fn generate(_algorithm: Algorithm) -> Result<Self> {
        todo!()
    }

    /// Reads a private key (RFC 5958).
    pub fn from_pkcs8(_algorithm: Algorithm, _der: &Secret<Vec<u8>>) -> Result<Self> {
        todo!()
    }

    /// The private key (RFC 5958), to be sealed.
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>> {
        todo!()
    }

    /// The same key with its certificate.
    pub fn with_certificate(self, _der: Vec<u8>) -> Self {
        todo!()
    }

    /// Its certificate (DER), if it has one.
    pub fn certificate(&self) -> Option<&[u8]> {
        todo!()
    }

    /// Makes a self-signed certificate (DER) for this key.
    pub fn self_sign(&self, _common_name: &str, _not_before: Timestamp, _not_after: Timestamp, _entropy: &dyn Entropy) -> Result<Vec<u8>> {
        todo!()
    }

    /// Signs a message. An ES256 signature has the form of JWS (RFC 7518, section 3.4) and of XML signatures: r and s, 32 bytes each.
    pub fn sign(&self, _message: &[u8]) -> Result<Vec<u8>> {
        todo!()
    }

    /// Which algorithm it signs with.
    pub fn algorithm(&self) -> Algorithm {
        todo!()
    }

    /// Its id: the thumbprint of its public key (RFC 7638).
    pub fn kid(&self) -> &str {
        todo!()
    }

    /// Its public key.
    pub fn public(&self) -> &PublicKey {
        todo!()
    }

    /// Its public key as JWK with `kid`, `alg` and `use` (RFC 7517).
    pub fn jwk(&self) -> serde_json::Value {
        todo!()
    }
}

impl PublicKey {
    /// Reads a public JWK (RFC 7517): RSA of 2048 to 8192 bits or P-256.
    pub fn from_jwk(_jwk: &serde_json::Value) -> Result<Self> {
        todo!()
    }

    /// Which algorithm it verifies.
    pub fn algorithm(&self) -> Algorithm {
        todo!()
    }

    /// Its id: the thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        todo!()
    }

    /// The public key as SubjectPublicKeyInfo (RFC 5280, section 4.1.2.7).
    pub fn der(&self) -> &[u8] {
        todo!()
    }

    /// Whether the signature is right.
    pub fn verify(&self, _message: &[u8], _signature: &[u8]) -> bool {
        todo!()
    }
}
