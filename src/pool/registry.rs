//! The registry: from slug and suffix to the pool, and its life from creation to deletion.

mod rewrap;

use super::handle::{Pool, Status, Surroundings, data_key_place};
use super::keys::Keyring;
use super::record::{PoolRecord, decode_number, encode_number};
use super::settings::Settings;
use super::slug::Slug;
use super::suffix;
use crate::audit::{self, Action, Event};
use crate::crypto::sealed::{DataKey, MasterKey};
use crate::model::error::Rule;
use crate::model::{Actor, Clock, Dn, Entropy, Error, PoolId, Rdn, Result, Sequence};
use crate::store::{ATTEMPTS, Changes, CommitError, Row, ServerChanges, ServerKey, ServerPrefix, Store};
use quick_cache::sync::Cache;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Most bytes of a display name.
pub const MAX_DISPLAY_NAME: usize = 256;
/// Most pools that one listing returns.
pub const MAX_LISTED: usize = 1000;
/// Pools whose handles are kept ready.
const HANDLES: usize = 4096;
/// Slugs and suffixes whose pools are remembered. They may be remembered for ever, since neither is ever used again.
const NAMES: usize = 16_384;
/// Records that one step of a deletion removes.
const DELETION_STEP: usize = 1000;
/// The counter of pool ids.
const COUNTER: &str = "pool";
/// What the checkpoint of a deletion is called before the pool's number.
const DELETION: &str = "delete-pool/";

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
pub struct Registry {
    store: Store,
    clock: Arc<dyn Clock>,
    surroundings: Surroundings,
    /// Parsed handles. Each use compares the version with that of the row, so a handle here may be old but never serves.
    handles: Cache<PoolId, Arc<Pool>>,
    slugs: Cache<String, PoolId>,
    suffixes: Cache<Vec<u8>, PoolId>,
    /// Creations take turns: all of them write the counter, so that side by side they would only conflict.
    creating: Mutex<()>,
}

impl Registry {
    /// The registry of a store. Reads nothing yet.
    pub fn new(store: Store, master: MasterKey, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            store,
            clock,
            surroundings: Surroundings { master, entropy, keyring: Arc::new(Keyring::new()) },
            handles: Cache::new(HANDLES),
            slugs: Cache::new(NAMES),
            suffixes: Cache::new(NAMES),
            creating: Mutex::new(()),
        }
    }

    /// The pool of that slug, unless it is being deleted.
    pub fn by_slug(&self, slug: &str) -> Result<Option<Arc<Pool>>> {
        if let Some(id) = self.slugs.get(slug) {
            return self.serving(id);
        }
        let Ok(slug) = Slug::parse(slug) else { return Ok(None) };
        let Some(row) = self.store.server_get(&ServerKey::slug(slug.as_str()))? else { return Ok(None) };
        let id = decode_number(&row.value)?;
        self.slugs.insert(slug.to_string(), id);
        self.serving(id)
    }

    /// The pool of that number, in whatever status.
    pub fn by_id(&self, id: PoolId) -> Result<Option<Arc<Pool>>> {
        match self.store.server_get(&ServerKey::pool(id))? {
            Some(row) => self.handle(id, &row).map(Some),
            None => Ok(None),
        }
    }

    /// The pool whose suffix is that name or an ancestor of it, unless it is being deleted.
    pub fn by_suffix(&self, dn: &Dn) -> Result<Option<Arc<Pool>>> {
        let mut unknown = Vec::new();
        for name in suffix::normalised(dn) {
            if let Some(id) = self.suffixes.get(&name) {
                return self.serving(id);
            }
            unknown.push(name);
        }
        for name in unknown {
            if let Some(id) = suffix::holder(&self.store, &name)? {
                self.suffixes.insert(name, id);
                return self.serving(id);
            }
        }
        Ok(None)
    }

    /// The latest commit that is visible, to whatever pool: while it is the latest, whatever was read since stays true.
    pub fn latest(&self) -> Sequence {
        self.store.latest()
    }

    /// Pools in the order of their numbers, those that are being deleted too; at most [`MAX_LISTED`].
    pub fn list(&self, after: Option<PoolId>, limit: usize) -> Result<Vec<Arc<Pool>>> {
        let after = after.map(ServerKey::pool);
        let rows = self.store.server_scan(&ServerPrefix::pools(), after.as_ref()).take(limit.min(MAX_LISTED));
        rows.map(|row| {
            let (key, row) = row?;
            let id = key
                .pool_id()
                .ok_or_else(|| Error::internal("a row of the registry has a name that is none; restore the store from a backup"))?;
            self.handle(id, &row)
        })
        .collect()
    }

    /// Creates a pool in one commit, together with what `fill` puts into it. `fill` may be called again when others create pools at the same time.
    ///
    /// Fails with `Conflict(Exists)` on a slug or suffix that is or was in use and with `Invalid` on what breaks a rule.
    pub async fn create(&self, new: NewPool, actor: &Actor, fill: impl Fn(&Pool, &mut Changes) -> Result<()>) -> Result<Arc<Pool>> {
        check_display_name(&new.display_name)?;
        new.settings.check()?;
        let suffix = new.suffix.unwrap_or_else(|| Dn::root().child(Rdn::single("o", new.slug.as_str())));
        let data_key = DataKey::generate(1, self.surroundings.entropy.as_ref());
        let now = self.clock.now();
        let _turn = self.creating.lock().await;
        for _ in 0..ATTEMPTS {
            let mut registry = ServerChanges::new();
            let id = self.next_id(&mut registry)?;
            let slug = ServerKey::slug(new.slug.as_str());
            if self.store.server_get(&slug)?.is_some() {
                return Err(Error::exists(format!("the slug `{}` is in use, or was once; a slug is never used again", new.slug)));
            }
            registry.expect_absent(slug.clone());
            registry.put(slug, encode_number(id));
            suffix::claim(&self.store, &suffix, id, &mut registry)?;
            let wrapped = self.surroundings.master.wrap(&data_key, &data_key_place(id), self.surroundings.entropy.as_ref())?;
            let record = PoolRecord {
                slug: new.slug.to_string(),
                suffix: suffix.to_string(),
                display_name: new.display_name.clone(),
                status: Status::Active,
                created: now,
                settings: new.settings.clone(),
                data_keys: vec![wrapped.into()],
            };
            registry.expect_absent(ServerKey::pool(id));
            registry.put(ServerKey::pool(id), record.encode());
            let pool = Pool::read(record.clone(), self.store.pool(id), Sequence::new(0), &self.surroundings)?;
            let mut changes = Changes::new();
            fill(&pool, &mut changes)?;
            changes.keep_audit(record.settings.audit.retention.duration());
            audit::record(&mut changes, &Event::success(now, Action::PoolCreate, actor).on(suffix.to_string()));
            match self.store.commit_pool(id, changes, registry).await {
                Ok(version) => return Pool::read(record, self.store.pool(id), version, &self.surroundings).map(Arc::new),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended())
    }

    /// Changes what can be changed of a pool. `change` may be called again when others change it at the same time.
    pub async fn update(&self, id: PoolId, actor: &Actor, mut change: impl FnMut(&mut Draft) -> Result<()>) -> Result<Arc<Pool>> {
        let event = Event::success(self.clock.now(), Action::PoolUpdate, actor);
        self.amend(id, &event, None, |record| {
            let mut draft = Draft { display_name: record.display_name.clone(), settings: record.settings.clone() };
            change(&mut draft)?;
            check_display_name(&draft.display_name)?;
            draft.settings.check()?;
            record.display_name = draft.display_name;
            record.settings = draft.settings;
            Ok(())
        })
        .await
    }

    /// Suspends a pool or makes it active again.
    pub async fn set_status(&self, id: PoolId, actor: &Actor, status: Status) -> Result<Arc<Pool>> {
        let action = match status {
            Status::Active => Action::PoolResume,
            Status::Suspended => Action::PoolSuspend,
            Status::Deleting => return Err(Error::invalid(Rule::Request, "a pool is deleted by deleting it, not by setting its status")),
        };
        let event = Event::success(self.clock.now(), action, actor);
        self.amend(id, &event, None, |record| {
            record.status = status;
            Ok(())
        })
        .await
    }

    /// Deletes a pool with all its records, in bounded steps; after a crash [`Registry::resume_deletions`] goes on. Its slug, suffix and number stay used.
    ///
    /// The pool's own audit log goes with it, so who deleted it is told to the server's log.
    pub async fn delete(&self, id: PoolId, actor: &Actor) -> Result<()> {
        let begun = self.by_id(id)?.ok_or_else(|| no_pool(id))?;
        if begun.status() != Status::Deleting {
            let event = Event::success(self.clock.now(), Action::PoolUpdate, actor);
            let checkpoint = ServerKey::checkpoint(&format!("{DELETION}{id}"));
            self.amend(id, &event, Some(checkpoint), |record| {
                record.status = Status::Deleting;
                Ok(())
            })
            .await?;
            tracing::info!(pool = %begun.slug(), actor = %actor.name, "a pool is being deleted");
        }
        self.finish_deletion(id).await
    }

    /// Ends the deletions that were interrupted; tells how many. `server` calls it at start and now and then. One that fails keeps no other from its end; the first
    /// error is the answer.
    pub async fn resume_deletions(&self) -> Result<usize> {
        let checkpoints: Vec<ServerKey> = self
            .store
            .server_scan(&ServerPrefix::checkpoints(), None)
            .map(|row| row.map(|(key, _)| key))
            .collect::<std::result::Result<_, _>>()?;
        let mut resumed = Ok(0);
        for key in checkpoints {
            let name = std::str::from_utf8(key.rest()).unwrap_or_default();
            if let Some(number) = name.strip_prefix(DELETION).and_then(|number| number.parse().ok()) {
                let finished = self.finish_deletion(PoolId::new(number)).await;
                resumed = resumed.and_then(|count| finished.map(|()| count + 1));
            }
        }
        resumed
    }

    async fn finish_deletion(&self, id: PoolId) -> Result<()> {
        self.remove_rows(id).await?;
        let mut changes = ServerChanges::new();
        changes.delete(ServerKey::pool(id));
        changes.delete(ServerKey::checkpoint(&format!("{DELETION}{id}")));
        self.store.commit_server(changes).await?;
        self.handles.remove(&id);
        Ok(())
    }

    async fn remove_rows(&self, id: PoolId) -> Result<()> {
        while self.store.remove_pool_rows(id, DELETION_STEP).await? > 0 {}
        Ok(())
    }

    /// Changes the row of a pool that is not being deleted, in one commit with the event.
    async fn amend(
        &self,
        id: PoolId,
        event: &Event,
        checkpoint: Option<ServerKey>,
        mut change: impl FnMut(&mut PoolRecord) -> Result<()>,
    ) -> Result<Arc<Pool>> {
        let key = ServerKey::pool(id);
        for _ in 0..ATTEMPTS {
            let row = self.store.server_get(&key)?.ok_or_else(|| no_pool(id))?;
            let mut record = PoolRecord::decode(&row.value)?;
            if record.status == Status::Deleting {
                return Err(no_pool(id));
            }
            let before = record.clone();
            change(&mut record)?;
            if record == before {
                return self.handle(id, &row);
            }
            let mut registry = ServerChanges::new();
            registry.expect_version(key.clone(), row.version);
            registry.put(key.clone(), record.encode());
            if let Some(checkpoint) = &checkpoint {
                registry.put(checkpoint.clone(), encode_number(id));
            }
            let mut changes = Changes::new();
            audit::record(&mut changes, event);
            changes.keep_audit(record.settings.audit.retention.duration());
            match self.store.commit_pool(id, changes, registry).await {
                Ok(version) => return Pool::read(record, self.store.pool(id), version, &self.surroundings).map(Arc::new),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended())
    }

    fn next_id(&self, registry: &mut ServerChanges) -> Result<PoolId> {
        let key = ServerKey::counter(COUNTER);
        let last = match self.store.server_get(&key)? {
            Some(row) => {
                registry.expect_version(key.clone(), row.version);
                decode_number(&row.value)?.get()
            }
            None => {
                registry.expect_absent(key.clone());
                0
            }
        };
        let id = last.checked_add(1).map(PoolId::new).ok_or_else(|| Error::internal("every number of a pool has been used"))?;
        registry.put(key, encode_number(id));
        Ok(id)
    }

    fn serving(&self, id: PoolId) -> Result<Option<Arc<Pool>>> {
        Ok(self.by_id(id)?.filter(|pool| pool.status() != Status::Deleting))
    }

    fn handle(&self, id: PoolId, row: &Row) -> Result<Arc<Pool>> {
        if let Some(pool) = self.handles.get(&id).filter(|pool| pool.version() == row.version) {
            return Ok(pool);
        }
        let pool = Arc::new(Pool::read(PoolRecord::decode(&row.value)?, self.store.pool(id), row.version, &self.surroundings)?);
        self.handles.insert(id, Arc::clone(&pool));
        Ok(pool)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

fn check_display_name(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.len() > MAX_DISPLAY_NAME || name.chars().any(char::is_control) {
        return Err(Error::invalid(Rule::Constraint, format!("a display name has 1 to {MAX_DISPLAY_NAME} bytes of printable text")));
    }
    Ok(())
}

fn no_pool(id: PoolId) -> Error {
    Error::not_found(format!("there is no pool {id}"))
}

#[cfg(test)]
mod tests;
