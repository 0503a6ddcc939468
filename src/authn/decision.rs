//! Decisions to add and to modify an entry: made at once as a rule, and as a job in `work` where
//! they go over much, so that no other connection waits for them.

use super::credential::{self, Password};
use super::{Core, authority, identity};
use crate::audit::{self, Action, Event};
use crate::directory::{Directory, Modification, ModificationKind, NewEntry, Viewer};
use crate::federation::precedence::{self, Taken, Wanted};
use crate::model::error::Clash;
use crate::model::{Actor, Attribute, Clock, Entropy, EntryId, Error, Kind, Rdn, Result, Sequence, Timestamp};
use crate::pool::{Pool, Registry};
use crate::store::{Changes, Key};
use crate::work::{Caller, Work};
use std::sync::Arc;

/// What a decision needs besides what is asked for.
#[derive(Clone)]
pub(super) struct Decision {
    pool: Arc<Pool>,
    registry: Arc<Registry>,
    actor: Actor,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    work: Arc<Work>,
    /// Whether a uid that an upstream has given somebody is taken for the entry. An import takes
    /// none: its file may hold that very entry.
    takes_names: bool,
}

impl Decision {
    pub fn new(core: &Core, pool: &Arc<Pool>, actor: &Actor) -> Self {
        let (clock, entropy, work) = (Arc::clone(&core.clock), Arc::clone(&core.entropy), Arc::clone(&core.work));
        let (pool, registry) = (Arc::clone(pool), Arc::clone(&core.registry));
        Self { pool, registry, actor: actor.clone(), clock, entropy, work, takes_names: true }
    }

    /// The same for an entry of an import.
    pub fn of_import(core: &Core, pool: &Arc<Pool>, actor: &Actor) -> Self {
        Self { takes_names: false, ..Self::new(core, pool, actor) }
    }

    /// Judges an entry as adding it would, and writes nothing.
    pub async fn judge(self, entry: &NewEntry) -> Result<()> {
        if !identity::directory(&self.pool).is_much_to_add(entry) {
            return self.fill_add(&mut Changes::new(), entry, None).map(drop);
        }
        let (work, pool, entry) = (Arc::clone(&self.work), self.pool.id(), entry.clone());
        work.run(Caller::known(pool, self.actor.address), move || self.fill_add(&mut Changes::new(), &entry, None).map(drop)).await?
    }

    /// Adds an entry, with its password if it has one, and with what `note` adds to the commit.
    /// Answers what others lost by it, too.
    pub async fn add(
        self,
        entry: NewEntry,
        password: Option<Password>,
        note: impl Fn(&mut Changes, EntryId) -> Result<()> + Send + Sync + 'static,
    ) -> Result<(EntryId, Vec<Taken>)> {
        let is_much = identity::directory(&self.pool).is_much_to_add(&entry);
        let fill = move |this: &Self, changes: &mut Changes| {
            let (id, taken) = this.fill_add(changes, &entry, password.as_ref())?;
            note(changes, id)?;
            Ok((id, taken))
        };
        let pool = Arc::clone(&self.pool);
        let (id, taken) = self.decide(is_much, fill).await?;
        tell(&pool, &taken);
        Ok((id, taken))
    }

    /// Modifies an entry: as that commit left it, if one is given. Answers what others lost by it.
    pub async fn modify(self, target: EntryId, seen: Option<Sequence>, steps: Vec<Modification>) -> Result<Vec<Taken>> {
        let is_much = identity::directory(&self.pool).is_much_to_modify(target, &steps)?;
        let pool = Arc::clone(&self.pool);
        let taken = self.decide(is_much, move |this, changes| this.fill_modify(changes, target, seen, &steps)).await?;
        tell(&pool, &taken);
        Ok(taken)
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
            let waiting = this.work.run(Caller::known(this.pool.id(), this.actor.address), job);
            async { waiting.await? }
        };
        this.pool.store().decide_by(decide).await
    }

    fn fill_add(&self, changes: &mut Changes, entry: &NewEntry, password: Option<&Password>) -> Result<(EntryId, Vec<Taken>)> {
        self.expect_authority(changes)?;
        let directory = identity::directory(&self.pool);
        let now = self.clock.stamp();
        let named = entry.dn.rdn().into_iter().flat_map(Rdn::avas);
        let named = named.map(|ava| Attribute { name: ava.attribute.clone(), values: vec![ava.value.clone()] });
        let all = entry.attributes.iter().cloned().chain(named);
        let (wanted, beside): (Vec<_>, Vec<_>) = all.partition(|attribute| self.takes_names || is_mail(&directory, &attribute.name));
        let wanted = Wanted { attributes: &wanted, beside: &beside, target: None };
        let taken = self.take(&directory, changes, wanted, now)?;
        let id = directory.add(changes, entry.clone(), &self.actor, now, &*self.entropy)?;
        if let Some(password) = password {
            credential::put_password(&self.pool, changes, id, password)?;
        }
        audit::record(changes, &Event::success(now, Action::EntryAdd, &self.actor).on(entry.dn.to_string()));
        Ok((id, taken))
    }

    /// Fills the changes with a modify: of the entry as that commit left it, if one is given.
    pub fn fill_modify(
        &self,
        changes: &mut Changes,
        target: EntryId,
        seen: Option<Sequence>,
        steps: &[Modification],
    ) -> Result<Vec<Taken>> {
        self.expect_authority(changes)?;
        let directory = identity::directory(&self.pool);
        let now = self.clock.stamp();
        if let Some(seen) = seen {
            expect_seen(&directory, changes, target, seen)?;
        }
        if steps.is_empty() {
            return directory.modify(changes, target, steps, &self.actor, now).map(|()| Vec::new());
        }
        let given = steps.iter().filter(|step| matches!(step.kind, ModificationKind::Add | ModificationKind::Replace));
        let wanted: Vec<_> = given.map(|step| step.attribute.clone()).collect();
        let taken = self.take(&directory, changes, Wanted { attributes: &wanted, beside: &[], target: Some(target) }, now)?;
        directory.modify(changes, target, steps, &self.actor, now)?;
        if steps.iter().any(|step| disables(&directory, step)) && directory.head(target)?.is_some_and(|entry| !entry.is_disabled()) {
            credential::begin_epoch(changes, target, &*self.entropy);
        }
        if steps.iter().any(|step| is_mail(&directory, &step.attribute.name)) {
            precedence::decide_mail(&directory, changes, target)?;
        }
        if !changes.is_empty() {
            audit::record(changes, &Event::success(now, Action::EntryModify, &self.actor).on(identity::name(&directory, target)?));
        }
        Ok(taken)
    }

    /// Fills the changes with a new name.
    pub fn fill_rename(
        &self,
        changes: &mut Changes,
        target: EntryId,
        rdn: &Rdn,
        delete_old: bool,
        new_parent: Option<EntryId>,
    ) -> Result<Vec<Taken>> {
        self.expect_authority(changes)?;
        let directory = identity::directory(&self.pool);
        let now = self.clock.stamp();
        let name = identity::name(&directory, target)?;
        let wanted: Vec<_> =
            rdn.avas().iter().map(|ava| Attribute { name: ava.attribute.clone(), values: vec![ava.value.clone()] }).collect();
        let taken = self.take(&directory, changes, Wanted { attributes: &wanted, beside: &[], target: Some(target) }, now)?;
        directory.rename(changes, target, rdn, delete_old, new_parent, &self.actor, now)?;
        audit::record(changes, &Event::success(now, Action::EntryRename, &self.actor).on(name));
        Ok(taken)
    }

    fn expect_authority(&self, changes: &mut Changes) -> Result<()> {
        authority::expect(&self.registry, &self.pool, changes, &self.actor)
    }

    /// Takes from users of upstreams what an administrator wants; nobody else takes anything from
    /// anybody.
    fn take(&self, directory: &Directory, changes: &mut Changes, wanted: Wanted<'_>, now: Timestamp) -> Result<Vec<Taken>> {
        if !Viewer::of(&self.actor).is_administrator() {
            return Ok(Vec::new());
        }
        precedence::give_way(&self.pool, directory, changes, wanted, &self.actor, now, &*self.entropy)
    }
}

/// Tells the operator what users of upstreams have lost.
pub(super) fn tell(pool: &Pool, taken: &[Taken]) {
    for taken in taken {
        tracing::warn!(pool = %pool.slug(), "{taken}");
    }
}

/// Expects the entry as that commit left it. Fails with `Conflict(Changed)` if it is another one by
/// now.
fn expect_seen(directory: &Directory, changes: &mut Changes, target: EntryId, seen: Sequence) -> Result<()> {
    if directory.head(target)?.is_none_or(|entry| entry.version() != seen) {
        return Err(Error::new(Kind::Conflict(Clash::Changed), "the entry has changed since it was looked at"));
    }
    changes.expect_version(Key::entry(target), seen);
    Ok(())
}

/// Whether the step says that nobody may log in any more.
fn disables(directory: &Directory, step: &Modification) -> bool {
    directory.schema().attribute(&step.attribute.name).is_some_and(|attribute| attribute.name() == "poolgateAccountDisabled")
        && step.attribute.values.iter().any(|value| value.eq_ignore_ascii_case(b"TRUE"))
}

fn is_mail(directory: &Directory, name: &str) -> bool {
    directory.schema().attribute(name).is_some_and(|attribute| attribute.name() == "mail")
}
