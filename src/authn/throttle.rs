//! Failures of names that nobody has, kept like those of entries, so that an unknown name is treated as a locked one is. In memory and bounded: anybody can invent names.

use crate::{model::PoolId, policy::lockout::State};
use quick_cache::sync::Cache;

/// Names that are remembered.
pub const CAPACITY: usize = 50_000;

/// A keyed hash of a name: names themselves are not kept, since people type passwords into name fields.
pub type NameHash = [u8; 16];

/// What is remembered of unknown names.
pub struct Throttle(Cache<(PoolId, NameHash), State>);

impl Throttle {
    /// Nothing remembered yet.
    pub fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    /// The failures of a name.
    pub fn failures(&self, pool: PoolId, name: &NameHash) -> State {
        self.0.get(&(pool, *name)).unwrap_or_default()
    }

    /// Remembers the failures of a name.
    pub fn remember(&self, pool: PoolId, name: &NameHash, state: State) {
        self.0.insert((pool, *name), state);
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new()
    }
}
