//! The certificate of a peer: a container for the public key that the pool was told to trust.

use super::parse::refused;
use crate::model::Result;
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

const MAX_BYTES: usize = 16 << 10;

/// A certificate that a peer was registered with. Trust comes from the registration: issuer and
/// validity are not judged, as the metadata interoperability profile of SAML (section 2.6.1) has
/// it; a key is replaced by registering another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    key: Vec<u8>,
    kind: KeyKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
}

impl Certificate {
    /// Reads DER. Refuses keys other than RSA of at least 2048 bits and EC on P-256.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        if der.len() > MAX_BYTES {
            return Err(refused(format!("the certificate is longer than {MAX_BYTES} bytes")));
        }
        let (rest, certificate) =
            x509_parser::certificate::X509Certificate::from_der(der).map_err(|_| refused("the certificate is not X.509 in DER"))?;
        if !rest.is_empty() {
            return Err(refused("bytes follow the certificate"));
        }
        let info = certificate.public_key();
        let key = info.subject_public_key.data.to_vec();
        let kind = match info.parsed() {
            Ok(PublicKey::RSA(rsa)) if (2048..=8192).contains(&rsa.key_size()) => KeyKind::Rsa,
            Ok(PublicKey::RSA(_)) => return Err(refused("the certificate's RSA key has fewer than 2048 or more than 8192 bits")),
            Ok(PublicKey::EC(point)) if point.key_size() == 256 => KeyKind::P256,
            _ => return Err(refused("the certificate's key is neither RSA nor EC on P-256")),
        };
        Ok(Self { der: der.to_vec(), key, kind })
    }

    /// Reads PEM, or base64 alone as metadata holds it.
    pub fn from_text(text: &str) -> Result<Self> {
        let body: String = text.lines().filter(|line| !line.starts_with("-----")).flat_map(str::split_whitespace).collect();
        let der = STANDARD.decode(body).map_err(|_| refused("the certificate is neither PEM nor base64"))?;
        Self::from_der(&der)
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether `signature` was made over `message` by this key. An algorithm that does not belong
    /// to this kind of key never verifies.
    pub(super) fn verifies(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let verification: &'static dyn VerificationAlgorithm = match (self.kind, algorithm) {
            (KeyKind::Rsa, SignatureAlgorithm::RsaSha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa, SignatureAlgorithm::RsaSha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa, SignatureAlgorithm::RsaSha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::P256, SignatureAlgorithm::EcdsaSha256) => &signature::ECDSA_P256_SHA256_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(verification, &self.key).verify(message, signature).is_ok()
    }
}

/// The signature algorithms that are accepted. No SHA-1, no MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureAlgorithm {
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
}

impl SignatureAlgorithm {
    /// By its URI (RFC 4051, section 2.3).
    pub(super) fn from_uri(uri: &str) -> Option<Self> {
        match uri {
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Some(Self::RsaSha256),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Some(Self::RsaSha384),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Some(Self::RsaSha512),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Some(Self::EcdsaSha256),
            _ => None,
        }
    }
}
