//! Entries and their integrity: the schema, matching of values and names, records, indexes, search,
//! change.
//!
//! Owns the rows of entries, children, unique values, index terms and edges of a pool: only this
//! room reads and writes them. Uses `pool` and what lies below it; `policy::access` decides who may
//! see and write what. Never knows a protocol's codes, never touches a credential, never commits: a
//! change fills a `Changes` that its caller commits, so that an act of several rooms is one commit.

pub mod change;
pub mod dn;
mod draft;
pub mod entry;
pub mod filter;
mod index;
mod kind;
mod known;
pub mod link;
mod locate;
pub mod made_by;
mod names;
mod record;
pub mod schema;
pub mod search;
pub mod value;
pub mod view;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
pub(crate) mod testing;

pub use crate::policy::access::{EntryKind, Viewer};
pub use change::{Modification, ModificationKind, NewEntry};
pub use entry::{Entry, EntryHead, Record};
pub use filter::Filter;
pub use names::Names;
pub use record::MAX_ENTRY;
pub use search::{Scope, Search};
pub use view::Selection;

use crate::model::{Dn, EntryId};
use crate::pool::Pool;
use crate::store::PoolStore;
use schema::Schema;
use std::sync::Arc;

/// The entry of the suffix: every pool has it, and it has no parent.
pub const SUFFIX: EntryId = EntryId::new(1);

/// The deepest tree that is walked; deeper means that the records form a circle.
const MAX_DEPTH: usize = 1024;

/// The entries of a pool. A cheap handle.
#[derive(Clone)]
pub struct Directory {
    store: PoolStore,
    schema: &'static Schema,
    suffix: Arc<Dn>,
}

impl Directory {
    /// The directory of a pool.
    pub fn new(pool: &Pool) -> Self {
        Self::over(pool.store().clone(), Arc::clone(pool.suffix()))
    }

    /// The directory in that store, under that suffix.
    pub fn over(store: PoolStore, suffix: impl Into<Arc<Dn>>) -> Self {
        Self { store, schema: Schema::builtin(), suffix: suffix.into() }
    }

    /// The schema of its entries.
    pub const fn schema(&self) -> &'static Schema {
        self.schema
    }

    /// The name of the suffix.
    pub fn suffix(&self) -> &Dn {
        &self.suffix
    }

    /// The records of the pool.
    pub const fn store(&self) -> &PoolStore {
        &self.store
    }
}
