//! Signatures of the HTTP-Redirect binding (SAML bindings, section 3.4.4.1): over the bytes of the
//! query as they were sent.

use super::certificate::{Certificate, SignatureAlgorithm};
use super::parse::refused;
use super::verify::MAX_CERTIFICATES;
use crate::model::Result;

/// Verifies a signature over the bytes of a query. They must be the sender's own bytes: encoding
/// the values again can give others.
pub fn verify_query(signed: &[u8], algorithm: &str, signature: &[u8], certificates: &[Certificate]) -> Result<()> {
    let algorithm = SignatureAlgorithm::from_uri(algorithm).ok_or_else(|| refused("the signature algorithm is not accepted"))?;
    let verified = certificates.iter().take(MAX_CERTIFICATES).any(|certificate| certificate.verifies(algorithm, signed, signature));
    if verified { Ok(()) } else { Err(refused("the signature was not made by a key that is registered for its sender")) }
}

#[cfg(test)]
pub mod testing {
    use super::super::sign;
    use crate::crypto::keys::SigningKey;
    use crate::model::Result;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use url::form_urlencoded::byte_serialize;

    /// Signs a query as a service provider does: one of message and RelayState; gives it with
    /// `SigAlg` and `Signature` at its end.
    pub fn sign_query(query: &str, key: &SigningKey) -> Result<String> {
        let algorithm: String = byte_serialize(sign::algorithm(key.algorithm()).as_bytes()).collect();
        let signed = format!("{query}&SigAlg={algorithm}");
        let signature = STANDARD.encode(key.sign(signed.as_bytes())?);
        let signature: String = byte_serialize(signature.as_bytes()).collect();
        Ok(format!("{signed}&Signature={signature}"))
    }
}
