//! Pools: which slug and which suffix belong to which pool, its settings, its signing keys, its
//! life from creation to deletion.
//!
//! Owns the registry rows and the keys of each pool. Uses `audit`, `policy`, `store`, `crypto` and
//! `model`. Never reads an entry: what lies in a pool belongs to `directory` and the rooms above.
//! The hot path reads two rows at most, whatever the number of pools; nothing here loads all of
//! them.

mod handle;
pub mod keys;
pub mod master_key;
mod record;
mod registry;
mod settings;
mod slug;
mod suffix;
#[cfg(test)]
mod testing;

pub use handle::{Pool, Status};
pub use registry::{Draft, NewPool, Registry};
pub use settings::{Lifetimes, Settings};
pub use slug::Slug;
