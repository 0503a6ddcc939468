//! Directory synchronisation: import and export of a pool's entries as LDIF and CSV.
//!
//! Owns the file formats and the two passes of an import. Changes entries through `authn::edit` alone, so that access rules, credentials and audit hold as
//! everywhere. Never writes a record itself, and never exports a secret.

mod checkpoint;
pub mod csv;
mod export;
mod import;
pub mod ldif;
mod outcome;
mod own;
mod prepare;
mod source;
mod survey;

pub use export::Export;
pub use import::Import;
pub use outcome::{Failure, Progress, Report};
pub use source::{Format, Source};
pub use survey::MAX_PROBLEMS;

#[cfg(test)]
mod tests;
