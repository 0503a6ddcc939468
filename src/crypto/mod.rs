//! Cryptography: password hashes, digests, sealing of stored secrets, signing keys, JWT, XML
//! signatures.
//!
//! Uses `model` and the one provider, aws-lc-rs. Never touches the store, never decides who
//! somebody is. Random bytes come from [`crate::model::Entropy`]; the provider draws its own only
//! where its interface leaves no choice: when it makes a key pair or an ECDSA signature.

pub mod digest;
pub mod jwt;
pub mod keys;
pub mod password;
pub mod sealed;
pub mod xml;
