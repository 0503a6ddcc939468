//! Entries and their integrity: the schema, matching of values and names, indexes, search, change.

pub mod dn;
pub mod schema;
pub mod value;
