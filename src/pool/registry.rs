//! The registry: from slug and suffix to the pool.

use super::handle::{Pool, Status};
use super::settings::Settings;
use super::slug::Slug;
use crate::crypto::sealed::MasterKey;
use crate::model::{Actor, Clock, Dn, Entropy, PoolId, Result};
use crate::store::{Changes, Store};
use std::sync::Arc;

/// A pool to be created.
#[derive(Clone, Debug)]
pub struct NewPool {
    /// Its name in URLs; fixed from now on.
    pub slug: Slug,
    /// The name of its uppermost entry; `o={slug}` if not given; fixed from now on.
    pub suffix: Option<Dn>,
    /// Its name for people.
    pub display_name: String,
    /// Its settings.
    pub settings: Settings,
}

/// What of a pool can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its name for people.
    pub display_name: String,
    /// Its settings.
    pub settings: Settings,
}

/// Finds, creates, changes and deletes pools.
pub struct Registry;

impl Registry {
    /// The registry of a store.
    pub fn new(_store: Store, _master: MasterKey, _clock: Arc<dyn Clock>, _entropy: Arc<dyn Entropy>) -> Self {
        todo!()
    }

    /// The pool of that slug, unless it is being deleted.
    pub fn by_slug(&self, _slug: &str) -> Result<Option<Arc<Pool>>> {
        todo!()
    }

    /// The pool of that number, in whatever status.
    pub fn by_id(&self, _id: PoolId) -> Result<Option<Arc<Pool>>> {
        todo!()
    }

    /// The pool whose suffix is that name or an ancestor of it, unless it is being deleted.
    pub fn by_suffix(&self, _dn: &Dn) -> Result<Option<Arc<Pool>>> {
        todo!()
    }

    /// Pools in the order of their numbers, those that are being deleted too.
    pub fn list(&self, _after: Option<PoolId>, _limit: usize) -> Result<Vec<Arc<Pool>>> {
        todo!()
    }

    /// Creates a pool in one commit, together with what `fill` puts into it. `fill` may be called again when others create pools at the same time.
    pub async fn create(&self, _new: NewPool, _actor: &Actor, _fill: impl Fn(&Pool, &mut Changes) -> Result<()>) -> Result<Arc<Pool>> {
        todo!()
    }

    /// Changes what can be changed of a pool. `change` may be called again when others change it at the same time.
    pub async fn update(&self, _id: PoolId, _actor: &Actor, _change: impl FnMut(&mut Draft) -> Result<()>) -> Result<Arc<Pool>> {
        todo!()
    }

    /// Suspends a pool or makes it active again.
    pub async fn set_status(&self, _id: PoolId, _actor: &Actor, _status: Status) -> Result<Arc<Pool>> {
        todo!()
    }

    /// Deletes a pool with all its records, in bounded steps; after a crash [`Registry::resume_deletions`] goes on. Its slug, suffix and number stay used.
    pub async fn delete(&self, _id: PoolId, _actor: &Actor) -> Result<()> {
        todo!()
    }

    /// Ends the deletions that a crash interrupted; tells how many. Called once at start.
    pub async fn resume_deletions(&self) -> Result<usize> {
        todo!()
    }
}
