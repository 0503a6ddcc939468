//! XML for SAML: strict parsing, an escaping writer, and XML Signature (XMLDSig 1.1) under a
//! profile of our own.
//!
//! Owns the crates that read XML; nothing else imports them. Uses `model` and the keys of `crypto`.
//! Never fetches a reference, never reads a key out of a message, never evaluates a transform other
//! than enveloped-signature and exclusive canonicalisation.
//!
//! Why a profile: "the signature is valid" also holds for wrapped documents. Here exactly one
//! element can be covered, at a place that the caller names, its signature is its direct child, and
//! what the caller gets is that element, read again from the very bytes that were hashed.
//! Everything here is CPU work on bounded input: callers run it in `work`.

mod certificate;
mod element;
mod parse;
mod query;
mod sign;

mod verify;
mod writer;

pub use certificate::Certificate;
pub use element::{Element, Name};
pub use parse::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_DOCUMENT, MAX_NODES, parse};
pub use query::verify_query;
pub use sign::sign;

pub use verify::{Expectations, MAX_CERTIFICATES, Place, VerifiedElement, verify};
pub use writer::{Writer, escape};

/// The namespace of XML Signature.
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// RSA with SHA-256 (RFC 4051, section 2.3.2): what we sign with.
pub const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
/// SHA-256 (XML Encryption, section 5.7.2): the digest of what we sign.
pub const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
/// Exclusive canonicalisation without comments (Exclusive XML Canonicalization 1.0, section 4).
pub const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// The transform that leaves out the signature itself (XMLDSig, section 6.6.4).
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

#[cfg(test)]
pub use query::testing::sign_query;
