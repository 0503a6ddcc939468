//! Directory synchronisation: import and export of a pool's entries as LDIF and CSV.
//!
//! Owns the file formats and the two passes of an import. Changes entries through `authn::edit` alone, so that access rules, credentials and audit hold as
//! everywhere. Never writes a record itself, and never exports a secret.

pub mod ldif;
