//! Names of the server's own records, which lie beside the pools and which no `PoolStore` can name.

use crate::model::PoolId;

/// The kinds of records of the server. Numbers are never used again and stay apart from those of
/// [`super::Space`], which end below 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ServerSpace {
    /// Name → a fact about the whole store, such as its format.
    Meta = 129,
    /// Slug → pool id.
    Slug = 130,
    /// Normalised suffix → pool id.
    Suffix = 131,
    /// Pool id → the pool's registry record.
    Pool = 132,
    /// Name → a number that only grows.
    Counter = 133,
    /// Name → how far a chain of commits has come.
    Checkpoint = 134,
    /// Time, full key of a record → (): what ends by itself.
    Expiry = 135,
    /// Sequence, number → journal record.
    Journal = 136,
}

/// The name of a record of the server. Ordered as bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerKey(Vec<u8>);

/// All records of the server of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerPrefix(Vec<u8>);

impl ServerKey {
    fn of(space: ServerSpace, rest: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(1 + rest.len());
        bytes.push(space as u8);
        bytes.extend_from_slice(rest);
        Self(bytes)
    }

    /// Which pool has that slug.
    pub fn slug(slug: &str) -> Self {
        Self::of(ServerSpace::Slug, slug.as_bytes())
    }

    /// Which pool has that suffix, given in normalised form.
    pub fn suffix(normalised: &[u8]) -> Self {
        Self::of(ServerSpace::Suffix, normalised)
    }

    /// The registry record of a pool.
    pub fn pool(id: PoolId) -> Self {
        Self::of(ServerSpace::Pool, &id.get().to_be_bytes())
    }

    /// A number that only grows.
    pub fn counter(name: &str) -> Self {
        Self::of(ServerSpace::Counter, name.as_bytes())
    }

    /// A fact about the whole store.
    pub fn meta(name: &str) -> Self {
        Self::of(ServerSpace::Meta, name.as_bytes())
    }

    /// How far a chain of commits has come.
    pub fn checkpoint(name: &str) -> Self {
        Self::of(ServerSpace::Checkpoint, name.as_bytes())
    }

    /// The bytes after the kind: the slug, the suffix, the name.
    pub fn rest(&self) -> &[u8] {
        self.0.get(1..).unwrap_or_default()
    }

    /// The pool, if this names a registry record.
    pub fn pool_id(&self) -> Option<PoolId> {
        let (space, rest) = self.0.split_first()?;
        if *space != ServerSpace::Pool as u8 {
            return None;
        }
        Some(PoolId::new(u32::from_be_bytes(rest.try_into().ok()?)))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl ServerPrefix {
    fn of(space: ServerSpace) -> Self {
        Self(vec![space as u8])
    }

    /// The registry records of all pools, in the order of their ids.
    pub fn pools() -> Self {
        Self::of(ServerSpace::Pool)
    }

    /// All slugs.
    pub fn slugs() -> Self {
        Self::of(ServerSpace::Slug)
    }

    /// All suffixes.
    pub fn suffixes() -> Self {
        Self::of(ServerSpace::Suffix)
    }

    /// All counters.
    pub fn counters() -> Self {
        Self::of(ServerSpace::Counter)
    }

    /// All checkpoints.
    pub fn checkpoints() -> Self {
        Self::of(ServerSpace::Checkpoint)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
