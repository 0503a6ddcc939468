//! Directory synchronisation, import and export.

pub mod ldif;
