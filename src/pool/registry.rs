//! The registry: from slug and suffix to the pool, and its life from creation to deletion.

mod deletion;

use super::handle::{Pool, Status, Surroundings, data_key_place};
use super::keys::Keyring;
use super::master_key;
use super::record::{PoolRecord, decode_number, encode_number};
use super::settings::Settings;
use super::slug::Slug;
use super::suffix;
use crate::audit::{self, Action, Event};
use crate::crypto::sealed::{DataKey, MasterKey};
use crate::model::error::Rule;
use crate::model::{Actor, Clock, Dn, Entropy, Error, Listed, PoolId, Rdn, Result, Sequence, Unreadable};
use crate::store::{ATTEMPTS, Changes, CommitError, Row, ServerChanges, ServerKey, ServerPrefix, Store};
use quick_cache::sync::Cache;
use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Most bytes of a display name.
pub const MAX_DISPLAY_NAME: usize = 256;
/// Most pools that one listing returns.
pub const MAX_LISTED: usize = 1000;
/// Pools whose handles are kept ready.
const HANDLES: usize = 4096;
/// Slugs and suffixes whose pools are remembered. They may be remembered for ever, since neither is
/// ever used again.
const NAMES: usize = 16_384;
/// The counter of pool ids.
const COUNTER: &str = "pool";

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
#[derive(Clone, Debug)]
pub struct Draft {
    /// The pool as it is.
    pub before: Arc<Pool>,
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
    /// Parsed handles. Each use compares the version with that of the row, so a handle here may be
    /// old but never serves.
    handles: Cache<PoolId, Arc<Pool>>,
    slugs: Cache<String, PoolId>,
    suffixes: Cache<Vec<u8>, PoolId>,
    /// Creations take turns: all of them write the counter, so that side by side they would only
    /// conflict.
    creating: Mutex<()>,
}

impl Registry {
    /// The registry of a store that is sealed with that master key. A key that is not the store's
    /// is refused with nothing written.
    pub async fn open(store: Store, master: MasterKey, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self> {
        master_key::admit(&store, &master, entropy.as_ref()).await?;
        Ok(Self {
            store,
            clock,
            surroundings: Surroundings { master, entropy, keyring: Arc::new(Keyring::new()) },
            handles: Cache::new(HANDLES),
            slugs: Cache::new(NAMES),
            suffixes: Cache::new(NAMES),
            creating: Mutex::new(()),
        })
    }

    /// The pool of that slug, unless it is being deleted.
    pub fn by_slug(&self, slug: &str) -> Result<Option<Arc<Pool>>> {
        if let Some(id) = self.slugs.get(slug) {
            return self.serving(id);
        }
        match self.number(slug)? {
            Some(id) => self.serving(id),
            None => Ok(None),
        }
    }

    /// The number of the pool that has or had that slug, whether or not it can be read.
    pub fn number(&self, slug: &str) -> Result<Option<PoolId>> {
        let Ok(slug) = Slug::parse(slug) else { return Ok(None) };
        let Some(row) = self.store.server_get(&ServerKey::slug(slug.as_str()))? else { return Ok(None) };
        let id = decode_number(&row.value)?;
        self.slugs.insert(slug.to_string(), id);
        Ok(Some(id))
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

    /// The latest commit that is visible, to whatever pool: while it is the latest, whatever was
    /// read since stays true.
    pub fn latest(&self) -> Sequence {
        self.store.latest()
    }

    /// Pools in the order of their numbers, those that are being deleted or cannot be read too; at
    /// most [`MAX_LISTED`].
    pub fn list(&self, after: Option<PoolId>, limit: usize) -> Result<Vec<(PoolId, Listed<Arc<Pool>>)>> {
        let after = after.map(ServerKey::pool);
        let slugs = LazyCell::new(|| self.slugs_by_number());
        let rows = self.store.server_scan(&ServerPrefix::pools(), after.as_ref()).take(limit.min(MAX_LISTED));
        rows.map(|row| {
            let (key, row) = row?;
            let id = key
                .pool_id()
                .ok_or_else(|| Error::internal("a row of the registry has a name that is none; restore the store from a backup"))?;
            let reason = match self.read(id, &row) {
                Ok(pool) => return Ok((id, Ok(pool))),
                Err(reason) => reason,
            };
            let slug = slugs.as_ref().map_err(Error::clone)?.get(&id);
            Ok((id, Err(Unreadable { name: slug.cloned().unwrap_or_else(|| own_name(id, &row)), reason })))
        })
        .collect()
    }

    /// Creates a pool in one commit, together with what `fill` puts into it. `fill` may be called
    /// again when others create pools at the same time.
    ///
    /// Fails with `Conflict(Exists)` on a slug or suffix that is or was in use and with `Invalid`
    /// on what breaks a rule.
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

    /// Changes what can be changed of a pool. `change` may be called again when others change it at
    /// the same time.
    pub async fn update(&self, id: PoolId, actor: &Actor, mut change: impl FnMut(&mut Draft) -> Result<()>) -> Result<Arc<Pool>> {
        let event = Event::success(self.clock.now(), Action::PoolUpdate, actor);
        self.amend(id, &event, |record| {
            // Read after the record: if it is another one, the commit conflicts, and all of it is
            // decided again.
            let before = self.by_id(id)?.ok_or_else(|| no_pool(id))?;
            let mut draft = Draft { before, display_name: record.display_name.clone(), settings: record.settings.clone() };
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
        self.amend(id, &event, |record| {
            record.status = status;
            Ok(())
        })
        .await
    }

    /// Changes the row of a pool that is not being deleted, in one commit with the event.
    async fn amend(&self, id: PoolId, event: &Event, mut change: impl FnMut(&mut PoolRecord) -> Result<()>) -> Result<Arc<Pool>> {
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
        let named = |error: Error| Error::new(error.kind().clone(), format!("the pool {} cannot be read: {error}", own_name(id, row)));
        self.read(id, row).map_err(named)
    }

    fn read(&self, id: PoolId, row: &Row) -> Result<Arc<Pool>> {
        if let Some(pool) = self.handles.get(&id).filter(|pool| pool.version() == row.version) {
            return Ok(pool);
        }
        let pool = Arc::new(Pool::read(PoolRecord::decode(&row.value)?, self.store.pool(id), row.version, &self.surroundings)?);
        self.handles.insert(id, Arc::clone(&pool));
        Ok(pool)
    }

    /// The slugs of all pools, also of those whose own row cannot be read.
    fn slugs_by_number(&self) -> Result<BTreeMap<PoolId, String>> {
        let mut slugs = BTreeMap::new();
        for row in self.store.server_scan(&ServerPrefix::slugs(), None) {
            let (key, row) = row?;
            if let Ok(id) = decode_number(&row.value) {
                slugs.insert(id, String::from_utf8_lossy(key.rest()).into_owned());
            }
        }
        Ok(slugs)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

/// What the row of a pool calls it: its slug, or its number where the row cannot be read.
fn own_name(id: PoolId, row: &Row) -> String {
    PoolRecord::decode(&row.value).map_or_else(|_| id.to_string(), |record| record.slug)
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
