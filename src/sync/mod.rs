//! Directory synchronisation: import and export of a pool's entries as LDIF and CSV.
//!
//! Owns the file formats, what the words of other servers about passwords and locks mean here, and
//! the passes of an import. Changes entries through `authn::edit` alone, so that access rules,
//! credentials and audit hold as everywhere. Never writes a record itself, and never exports a
//! secret.

mod checkpoint;
pub mod csv;
mod export;
mod import;
pub mod ldif;
mod outcome;
mod own;
mod password;
mod prepare;
mod source;
mod standing;
mod survey;

pub use export::Export;
pub use import::Import;
pub use outcome::{Failure, MAX_NOTES, MAX_PROBLEMS, Note, Progress, Report};
pub use source::{Format, Source};

#[cfg(test)]
mod tests;
