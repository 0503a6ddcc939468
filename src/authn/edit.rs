//! Changes to entries as callers ask for them: access, directory, credential and audit in one
//! commit, tried again when others were faster.

use super::{
    Core, Level, Origin, authority,
    credential::{self, Password},
    decision::{self, Decision},
    engine::{Attempt, Entrance, Next},
    identity::{self, Loaded, name},
    login::Try,
    passwords::{self, PasswordChange},
};
use crate::{
    application,
    audit::{self, Action, Event},
    directory::{Directory, Entry, EntryKind, Modification, NewEntry, Viewer},
    federation::{link, precedence::Taken},
    model::{Actor, Attribute, EntryId, Error, Rdn, Result, Role, Secret, Sequence, Timestamp, error::Rule},
    policy::access,
    pool::Pool,
    store::Changes,
};
use std::sync::{Arc, Mutex, PoisonError};

/// What holds of a password that another server hands over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordTerms {
    /// It must be changed before it can be used.
    pub must_change: bool,
    /// It cannot be used from then on.
    pub expires: Option<Timestamp>,
}

/// A password that was set.
#[derive(Clone, Debug)]
pub struct PasswordSet {
    /// The password, where none was given and one was drawn.
    pub generated: Option<Secret<Vec<u8>>>,
    /// When, for [`Core::renewed`].
    pub at: Timestamp,
}

/// What a modify changes beside the password, and of the entry as which commit left it.
struct Steps<'a> {
    seen: Option<Sequence>,
    steps: &'a [Modification],
}

impl Core {
    /// Adds an entry (RFC 4511, section 4.7). `userPassword` among its attributes sets the
    /// password.
    pub async fn add_entry(&self, pool: &Arc<Pool>, actor: &Actor, entry: NewEntry) -> Result<EntryId> {
        Ok(self.put_in_place(pool, actor, entry).await?.0)
    }

    /// The same; answers what users of upstreams have lost by it, since an administrator's word
    /// goes before an upstream's.
    pub async fn put_in_place(&self, pool: &Arc<Pool>, actor: &Actor, entry: NewEntry) -> Result<(EntryId, Vec<Taken>)> {
        let dn = entry.dn.clone();
        let added = self.add_by(Decision::new(self, pool, actor), pool, actor, entry, PasswordTerms::default(), |_, _| Ok(())).await;
        added.inspect_err(|error| self.note_refusal(pool, actor, Action::EntryAdd, &dn.to_string(), error))
    }

    /// Adds an entry of another server, with what holds of its password there; `note` adds to the
    /// commit what the caller keeps about the entry. A password that is no hash is refused unless
    /// `takes_plain`: a file holds hashes in more forms than are known.
    pub async fn import_entry(
        &self,
        pool: &Arc<Pool>,
        actor: &Actor,
        entry: NewEntry,
        terms: PasswordTerms,
        takes_plain: bool,
        note: impl Fn(&mut Changes, EntryId) -> Result<()> + Send + Sync + 'static,
    ) -> Result<EntryId> {
        if !takes_plain {
            passwords::without_plain(&identity::directory(pool), &entry.attributes)?;
        }
        Ok(self.add_by(Decision::of_import(self, pool, actor), pool, actor, entry, terms, note).await?.0)
    }

    async fn add_by(
        &self,
        decision: Decision,
        pool: &Arc<Pool>,
        actor: &Actor,
        mut entry: NewEntry,
        terms: PasswordTerms,
        note: impl Fn(&mut Changes, EntryId) -> Result<()> + Send + Sync + 'static,
    ) -> Result<(EntryId, Vec<Taken>)> {
        let directory = identity::directory(pool);
        let password = match passwords::take_from_entry(&directory, &mut entry.attributes)? {
            Some(value) => {
                // Everything else is judged before the costly hash.
                decision.clone().judge(&entry).await?;
                passwords::may_have_one(&directory, class_names(&entry).iter().map(String::as_str))?;
                let new = passwords::read(pool, value, may_import(actor), &passwords::names_among(&entry.attributes))?;
                let PasswordTerms { must_change, expires } = terms;
                Some(Password { must_change, expires, ..self.hashed(pool, actor, new).await? })
            }
            None => None,
        };
        decision.add(entry, password, note).await
    }

    /// Judges a new entry with its password as [`add_entry`](Self::add_entry) would, as far as that
    /// needs no look at other entries. Answers what it would be.
    pub fn check_entry(&self, pool: &Arc<Pool>, actor: &Actor, mut entry: NewEntry) -> Result<EntryKind> {
        let directory = identity::directory(pool);
        if let Some(value) = passwords::take_from_entry(&directory, &mut entry.attributes)? {
            passwords::may_have_one(&directory, class_names(&entry).iter().map(String::as_str))?;
            passwords::read(pool, value, may_import(actor), &passwords::names_among(&entry.attributes))?;
        }
        directory.check_new(&entry, actor)
    }

    /// Whether a modify sets, changes or removes the password.
    pub fn sets_password(&self, pool: &Pool, modifications: &[Modification]) -> bool {
        let directory = identity::directory(pool);
        modifications.iter().any(|step| passwords::is_password(&directory, &step.attribute))
    }

    /// Changes an entry (RFC 4511, section 4.6). `userPassword` among the modifications sets the
    /// password; then the answer is when, for [`Core::renewed`].
    pub async fn modify_entry(
        &self,
        pool: &Arc<Pool>,
        actor: &Actor,
        target: EntryId,
        modifications: &[Modification],
    ) -> Result<Option<Timestamp>> {
        Ok(self.modify_by(pool, actor, target, None, modifications).await?.0)
    }

    /// The same for the entry as that commit left it; answers what users of upstreams have lost by
    /// it. Fails with `Conflict(Changed)` if it is another one by now.
    pub async fn modify_entry_seen(
        &self,
        pool: &Arc<Pool>,
        actor: &Actor,
        target: EntryId,
        seen: Sequence,
        modifications: &[Modification],
    ) -> Result<Vec<Taken>> {
        Ok(self.modify_by(pool, actor, target, Some(seen), modifications).await?.1)
    }

    async fn modify_by(
        &self,
        pool: &Arc<Pool>,
        actor: &Actor,
        target: EntryId,
        seen: Option<Sequence>,
        modifications: &[Modification],
    ) -> Result<(Option<Timestamp>, Vec<Taken>)> {
        let directory = identity::directory(pool);
        let (steps, password) = passwords::take_from_steps(&directory, modifications)?;
        let modified = match password {
            None => Decision::new(self, pool, actor).modify(target, seen, steps).await.map(|taken| (None, taken)),
            Some(change) => self.modify_with_password(pool, &directory, actor, target, &Steps { seen, steps: &steps }, change).await,
        };
        self.verified.forget(pool.id(), target);
        modified.inspect_err(|error| self.note_refusal_on(pool, actor, Action::EntryModify, target, error))
    }

    /// Adds values that name other entries, without a trace of it in the header of the entry;
    /// `note` adds to the commit what the caller keeps about it. For the operator.
    pub async fn link_entry(
        &self,
        pool: &Pool,
        actor: &Actor,
        target: EntryId,
        links: &Attribute,
        note: impl Fn(&mut Changes) -> Result<()> + Send,
    ) -> Result<()> {
        let directory = identity::directory(pool);
        pool.store()
            .decide(|changes| {
                let now = self.clock.stamp();
                directory.link(changes, target, links, actor, now)?;
                audit::record(changes, &Event::success(now, Action::EntryModify, actor).on(name(&directory, target)?));
                note(changes)
            })
            .await
    }

    /// Deletes an entry without children, with its credentials and its ties to upstream identities
    /// (RFC 4511, section 4.8).
    pub async fn delete_entry(&self, pool: &Arc<Pool>, actor: &Actor, target: EntryId) -> Result<()> {
        let directory = identity::directory(pool);
        let deleted = pool
            .store()
            .decide(|changes| {
                authority::expect(&self.registry, pool, changes, actor)?;
                let name = name(&directory, target)?;
                directory.delete(changes, target, actor)?;
                // Without a look: a password that is set meanwhile goes too.
                credential::delete(changes, target);
                link::forget(&directory, changes, target)?;
                application::forget_consents(pool.store(), changes, target)?;
                audit::record(changes, &Event::success(self.clock.stamp(), Action::EntryDelete, actor).on(name));
                Ok(())
            })
            .await;
        deleted.inspect_err(|error| self.note_refusal_on(pool, actor, Action::EntryDelete, target, error))?;
        self.verified.forget(pool.id(), target);
        if let Err(error) = drop_edges(pool, target).await {
            // The entry is gone all the same, and nobody sees its edges.
            tracing::warn!(%error, pool = %pool.slug(), entry = %target, "edges of a deleted entry are left until another one is deleted");
        }
        Ok(())
    }

    /// Renames or moves an entry (RFC 4511, section 4.9).
    pub async fn rename_entry(
        &self,
        pool: &Arc<Pool>,
        actor: &Actor,
        target: EntryId,
        rdn: &Rdn,
        delete_old: bool,
        new_parent: Option<EntryId>,
    ) -> Result<()> {
        let decision = Decision::new(self, pool, actor);
        let renamed = pool.store().decide(|changes| decision.fill_rename(changes, target, rdn, delete_old, new_parent)).await;
        let taken = renamed.inspect_err(|error| self.note_refusal_on(pool, actor, Action::EntryRename, target, error))?;
        decision::tell(pool, &taken);
        Ok(())
    }

    /// Sets a password (RFC 3062), which is never read as a hash. Users give the old one; without a
    /// new one, one is generated.
    pub async fn set_password(
        &self,
        pool: &Arc<Pool>,
        actor: &Actor,
        target: EntryId,
        old: Option<&Secret<Vec<u8>>>,
        new: Option<Secret<Vec<u8>>>,
    ) -> Result<PasswordSet> {
        let generated = match &new {
            Some(_) => None,
            None => Some(passwords::generate(&pool.settings().password, &*self.entropy)),
        };
        let change =
            PasswordChange { old: old.cloned(), new: new.or_else(|| generated.clone()), is_typed: true, ..PasswordChange::default() };
        let steps = Steps { seen: None, steps: &[] };
        let set = self.modify_with_password(pool, &identity::directory(pool), actor, target, &steps, change).await;
        let (set, _) = set.inspect_err(|error| self.note_refusal_on(pool, actor, Action::PasswordReset, target, error))?;
        let at = set.ok_or_else(|| Error::internal("a password was to be set, and none was"))?;
        Ok(PasswordSet { generated, at })
    }

    /// Lifts the lockout of an entry. For administrators.
    pub async fn unlock(&self, pool: &Arc<Pool>, actor: &Actor, target: EntryId) -> Result<()> {
        let directory = identity::directory(pool);
        pool.store()
            .decide(|changes| {
                authority::expect(&self.registry, pool, changes, actor)?;
                let viewer = Viewer::of(actor);
                directory.visible(target, &viewer)?;
                access::may_arrange(&viewer)?;
                credential::forgive(pool, changes, target)?;
                audit::record(changes, &Event::success(self.clock.stamp(), Action::Unlock, actor).on(name(&directory, target)?));
                Ok(())
            })
            .await
    }

    /// Changes the password, and other attributes with it. Whoever gives the old password is judged
    /// by the engine, so that guessing here is guessing anywhere.
    async fn modify_with_password(
        &self,
        pool: &Arc<Pool>,
        directory: &Directory,
        actor: &Actor,
        target: EntryId,
        steps: &Steps<'_>,
        change: PasswordChange,
    ) -> Result<(Option<Timestamp>, Vec<Taken>)> {
        let entry = self.may_change_password(directory, actor, target, &change)?;
        let decision = Decision::new(self, pool, actor);
        decision.fill_modify(&mut Changes::new(), target, steps.seen, steps.steps)?;
        let password = match change.new {
            Some(value) => {
                let takes_hash = may_import(actor) && !change.is_typed;
                let new = passwords::read(pool, value, takes_hash, &passwords::names_of(&entry))?;
                Some(self.hashed(pool, actor, new).await?)
            }
            None => None,
        };
        // Of several attempts to commit, the last one says what was taken.
        let taken = Mutex::new(Vec::new());
        let fill = |changes: &mut Changes| -> Result<Option<Timestamp>> {
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = decision.fill_modify(changes, target, steps.seen, steps.steps)?;
            credential::expect_entry(changes, target);
            match &password {
                Some(password) => credential::put_password(pool, changes, target, password).map(Some),
                None => {
                    credential::delete_password(changes, target);
                    Ok(None)
                }
            }
        };
        let set = match &change.old {
            Some(old) => self.change_with_proof(pool, actor, target, old, fill).await?,
            None => {
                pool.store()
                    .decide(|changes| {
                        let now = self.clock.stamp();
                        let present = credential::version(pool, target)?;
                        if change.only_first && present.is_some() {
                            return Err(Error::invalid(Rule::Constraint, "the entry has a password already; replace it"));
                        }
                        if change.must_be_there && present.is_none() {
                            return Err(no_password());
                        }
                        credential::expect_password(changes, target, present);
                        let set = fill(changes)?;
                        audit::record(changes, &Event::success(now, Action::PasswordReset, actor).on(name(directory, target)?));
                        Ok(set)
                    })
                    .await?
            }
        };
        self.verified.forget(pool.id(), target);
        let taken = taken.into_inner().unwrap_or_else(PoisonError::into_inner);
        decision::tell(pool, &taken);
        Ok((set, taken))
    }

    /// Access, before anything is paid for.
    fn may_change_password(&self, directory: &Directory, actor: &Actor, target: EntryId, change: &PasswordChange) -> Result<Entry> {
        let viewer = Viewer::of(actor);
        let entry = directory.visible(target, &viewer)?;
        access::may_set_password(&viewer, target)?;
        passwords::may_have_one(directory, entry.object_classes())?;
        if !viewer.is_administrator() && (change.old.is_none() || change.new.is_none()) {
            return Err(Error::invalid(Rule::Unwilling, "to change a password give the old one and the new one"));
        }
        Ok(entry)
    }

    async fn change_with_proof(
        &self,
        pool: &Arc<Pool>,
        actor: &Actor,
        target: EntryId,
        old: &Secret<Vec<u8>>,
        fill: impl Fn(&mut Changes) -> Result<Option<Timestamp>>,
    ) -> Result<Option<Timestamp>> {
        let origin = Origin { face: actor.face, address: actor.address };
        let attempt = Attempt::new(Entrance::OneShot, Level::Single);
        let action = Action::PasswordChange;
        let tried = Try { password: old, origin, mark: None, action, actor: Some(actor), keeps_password: false, written: None };
        // Of several attempts to commit, the last one says when.
        let set = Mutex::new(None);
        let change = |_: &super::Authentication, loaded: &Loaded, changes: &mut Changes| {
            credential::expect_password(changes, target, loaded.password_version);
            *set.lock().unwrap_or_else(PoisonError::into_inner) = fill(changes)?;
            Ok(())
        };
        match self.try_known(pool, target, target.get(), &attempt, &tried, change).await? {
            Next::Granted(_) => Ok(set.into_inner().unwrap_or_else(PoisonError::into_inner)),
            Next::Denied(_) | Next::Ask(_) | Next::Redirect(_) => Err(Error::credentials()),
        }
    }
}

/// Removes the edges of an entry that is gone, and of those before it whose edges are left because
/// a crash cut that off. Nobody sees them meanwhile; to look for them at start would be a look into
/// every pool.
async fn drop_edges(pool: &Pool, gone: EntryId) -> Result<()> {
    let directory = identity::directory(pool);
    for gone in std::iter::once(gone).chain(directory.gone_with_edges()?) {
        while pool.store().decide(|changes| directory.drop_edges(changes, gone)).await? {}
    }
    Ok(())
}

/// Who may hand over hashes that another directory made.
const fn may_import(actor: &Actor) -> bool {
    matches!(actor.role, Role::Administrator | Role::Operator)
}

fn no_password() -> Error {
    Error::invalid(Rule::NoSuchAttribute, "the entry has no password")
}

fn class_names(entry: &NewEntry) -> Vec<String> {
    let classes = entry.attributes.iter().filter(|attribute| attribute.name.eq_ignore_ascii_case("objectClass"));
    classes.flat_map(|attribute| &attribute.values).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}
