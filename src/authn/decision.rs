//! Decisions to add and to modify an entry: made at once as a rule, and as a job in `work` where they go over much, so that no other connection waits for them.

use super::credential::{self, Password};
use super::{Core, identity};
use crate::audit::{self, Action, Event};
use crate::directory::{Modification, NewEntry};
use crate::model::{Actor, Clock, Entropy, EntryId, Result};
use crate::pool::Pool;
use crate::store::Changes;
use crate::work::Work;
use std::sync::Arc;

/// What a decision needs besides what is asked for.
#[derive(Clone)]
pub(super) struct Decision {
    pool: Arc<Pool>,
    actor: Actor,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    work: Arc<Work>,
}

impl Decision {
    pub fn new(core: &Core, pool: &Arc<Pool>, actor: &Actor) -> Self {
        let (clock, entropy, work) = (Arc::clone(&core.clock), Arc::clone(&core.entropy), Arc::clone(&core.work));
        Self { pool: Arc::clone(pool), actor: actor.clone(), clock, entropy, work }
    }

    /// Judges an entry as adding it would, and writes nothing.
    pub async fn judge(self, entry: &NewEntry) -> Result<()> {
        if !identity::directory(&self.pool).is_much_to_add(entry) {
            return self.fill_add(&mut Changes::new(), entry, None).map(drop);
        }
        let (work, pool, entry) = (Arc::clone(&self.work), self.pool.id(), entry.clone());
        work.run((pool, self.actor.address), move || self.fill_add(&mut Changes::new(), &entry, None).map(drop)).await?
    }

    /// Adds an entry, with its password if it has one, and with what `note` adds to the commit.
    pub async fn add(
        self,
        entry: NewEntry,
        password: Option<Password>,
        note: impl Fn(&mut Changes, EntryId) -> Result<()> + Send + Sync + 'static,
    ) -> Result<EntryId> {
        let is_much = identity::directory(&self.pool).is_much_to_add(&entry);
        let fill = move |this: &Self, changes: &mut Changes| {
            let id = this.fill_add(changes, &entry, password.as_ref())?;
            note(changes, id)?;
            Ok(id)
        };
        self.decide(is_much, fill).await
    }

    /// Modifies an entry.
    pub async fn modify(self, target: EntryId, steps: Vec<Modification>) -> Result<()> {
        let is_much = identity::directory(&self.pool).is_much_to_modify(target, &steps)?;
        self.decide(is_much, move |this, changes| this.fill_modify(changes, target, &steps)).await
    }

    async fn decide<T: Send + 'static>(
        self,
        is_much: bool,
        fill: impl Fn(&Self, &mut Changes) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        if !is_much {
            return self.pool.store().decide(|changes| fill(&self, changes)).await;
        }
        let (this, fill) = (Arc::new(self), Arc::new(fill));
        let decide = || {
            let job = {
                let (this, fill) = (Arc::clone(&this), Arc::clone(&fill));
                move || Changes::decided(|changes| fill(&this, changes))
            };
            let waiting = this.work.run((this.pool.id(), this.actor.address), job);
            async { waiting.await? }
        };
        this.pool.store().decide_by(decide).await
    }

    fn fill_add(&self, changes: &mut Changes, entry: &NewEntry, password: Option<&Password>) -> Result<EntryId> {
        let now = self.clock.stamp();
        let id = identity::directory(&self.pool).add(changes, entry.clone(), &self.actor, now, &*self.entropy)?;
        if let Some(password) = password {
            credential::put_password(&self.pool, changes, id, password)?;
        }
        audit::record(changes, &Event::success(now, Action::EntryAdd, &self.actor).on(entry.dn.to_string()));
        Ok(id)
    }

    fn fill_modify(&self, changes: &mut Changes, target: EntryId, steps: &[Modification]) -> Result<()> {
        let directory = identity::directory(&self.pool);
        let now = self.clock.stamp();
        directory.modify(changes, target, steps, &self.actor, now)?;
        if !changes.is_empty() {
            audit::record(changes, &Event::success(now, Action::EntryModify, &self.actor).on(identity::name(&directory, target)?));
        }
        Ok(())
    }
}
