//! The driver of the engine: loads facts, compares passwords off the async threads, asks the
//! engine, commits what it decided.
//!
//! A password is compared first and the facts are read afterwards, so that a lock or a change that
//! came meanwhile counts. Every attempt costs one argon2, whether the name is known or not, locked
//! or not, slowed or not, and every failure one commit, so that time tells an outsider nothing. A
//! failure that changes something is in the audit log with it; one that anybody can repeat without
//! end is counted, so that nobody fills the disk from outside.

use super::{
    Authentication, BindName, BrowserMark, Core, Origin, credential,
    engine::{self, Attempt, Facts, Identity, Input, Next},
    identity::{self, Loaded},
    recent::{Recent, Written},
    throttle::{self, NameHash},
    verified::Subject,
};
use crate::{
    audit::{self, Action, Counted, Event, Reason},
    crypto::password::MAX_PASSWORD,
    directory::{Directory, Names, Record},
    model::{Actor, EntryId, Error, Face, Result, Secret, Sequence, Timestamp},
    policy::lockout::{
        history::Sources,
        source::{self, NameTag},
    },
    pool::{Pool, Status},
    store::{ATTEMPTS, Changes, CommitError},
    work::Caller,
};
use std::sync::Arc;

/// What came of comparing a password with what was stored.
struct Check {
    matches: bool,
    /// The version that it was compared with.
    against: Option<Sequence>,
    /// Whether the cache of verified passwords answered.
    cached: bool,
}

/// A password login to try.
pub(super) struct Try<'a> {
    pub password: &'a Secret<Vec<u8>>,
    pub origin: Origin,
    /// What the browser has kept of earlier logins, if it is one.
    pub mark: Option<&'a BrowserMark>,
    pub action: Action,
    /// Who acts, where somebody who is logged in already proves a password; otherwise it is the one
    /// who logs in.
    pub actor: Option<&'a Actor>,
    /// Whether the password stays: a success then renews a hash that is not as the settings want
    /// it.
    pub keeps_password: bool,
    /// The name as it was written, where the next bind with it may rest on what was read for this
    /// one.
    pub written: Option<Written<'a>>,
}

impl Try<'_> {
    /// Whose turn the costly part waits for.
    fn caller(&self, pool: &Pool) -> Caller {
        (pool.id(), self.origin.address).into()
    }

    fn sources(&self, pool: &Pool) -> Sources {
        identity::sources(pool, self.origin.address, self.mark)
    }
}

impl Core {
    /// Tries a name and a password. `granted` adds to the commit of a success what the caller wants
    /// to exist because of it.
    pub(super) async fn try_password(
        &self,
        pool: &Arc<Pool>,
        who: &BindName,
        attempt: &Attempt,
        tried: &Try<'_>,
        granted: impl Fn(&Authentication, &Loaded, &mut Changes) -> Result<()>,
    ) -> Result<Next> {
        let pool = self.fresh(pool)?;
        let directory = identity::directory(&pool);
        // An address is counted by names as they were typed, whether somebody has them or not.
        let name = identity::name_hash(&pool, who);
        match identity::locate(&directory, who)? {
            Some(entry) => self.try_known(&pool, entry, throttle::tag(&name), attempt, tried, granted).await,
            None => self.try_unknown(&pool, name, attempt, tried).await,
        }
    }

    async fn try_unknown(&self, pool: &Pool, name: NameHash, attempt: &Attempt, tried: &Try<'_>) -> Result<Next> {
        self.hasher.check(tried.caller(pool), None, bounded(tried.password), pool.settings().hashing).await?;
        let _turn = self.turns.wait(pool.id(), throttle::stand_in(&name)).await;
        let now = self.clock.now();
        let state = throttle::failures(pool, &name)?;
        let has_room = self.has_room(pool, throttle::tag(&name), tried, now);
        let facts = Facts { has_room, ..facts(pool, Identity::Unknown(state)) };
        let decision = engine::advance(attempt.clone(), &Input::Password { matches: false }, &facts, now);
        // A failure of an entry waits for its commit. So does this one, or an answer that came
        // sooner would tell that nobody has the name.
        let mut changes = Changes::new();
        let state = decision.history.map_or(state, |history| history.strangers);
        throttle::put_failures(&mut changes, &pool.settings().lockout, &name, state, now);
        pool.store().commit(changes).await?;
        let reason = match &decision.next {
            Next::Denied(reason) => Some(*reason),
            Next::Ask(_) | Next::Redirect(_) | Next::Granted(_) => None,
        };
        let Origin { face, address } = tried.origin;
        self.counters.count(pool.id(), tried.action, Counted::UnknownName { hash: name }, reason, face, address);
        Ok(decision.next)
    }

    /// Whether strangers may try that name from where it is tried.
    fn has_room(&self, pool: &Pool, name: NameTag, tried: &Try<'_>, now: Timestamp) -> bool {
        let entered = self.places.enter(&pool.settings().lockout, pool.id(), tried.origin.address, name, now);
        entered != source::Entry::Slowed
    }

    /// As [`Core::try_password`], for an entry; `name` is what the address is counted by.
    pub(super) async fn try_known(
        &self,
        pool: &Arc<Pool>,
        entry: EntryId,
        name: NameTag,
        attempt: &Attempt,
        tried: &Try<'_>,
        granted: impl Fn(&Authentication, &Loaded, &mut Changes) -> Result<()>,
    ) -> Result<Next> {
        let mut check = self.compare(pool, entry, name, tried).await?;
        let _turn = self.turns.wait(pool.id(), entry).await;
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let pool = self.fresh(pool)?;
            let directory = identity::directory(&pool);
            let Some(loaded) = identity::load(&pool, &directory, entry)? else {
                // The entry went away meanwhile; the attempt has paid its argon2 already.
                return Ok(Next::Denied(Reason::UnknownName));
            };
            if loaded.password_version != check.against {
                check = self.compare(&pool, entry, name, tried).await?;
                continue;
            }
            let (policy, from) = (&pool.settings().lockout, tried.sources(&pool));
            let has_room = loaded.history.is_known(policy, &from, now) || self.has_room(&pool, name, tried, now);
            let facts = Facts { from, has_room, ..facts(&pool, Identity::Known(loaded.known())) };
            let mut decision = engine::advance(attempt.clone(), &Input::Password { matches: check.matches }, &facts, now);
            if let Next::Granted(authentication) = &mut decision.next {
                authentication.password_set = loaded.changed;
                authentication.password_version = loaded.password_version;
            }
            let mut changes = Changes::new();
            let mut futile = None;
            if let Some(history) = &decision.history {
                credential::put_history(&mut changes, entry, policy, history, loaded.history_version);
            }
            match &decision.next {
                Next::Granted(authentication) => {
                    self.places.succeeded(policy, pool.id(), tried.origin.address, name, Some(entry.get()), now);
                    granted(authentication, &loaded, &mut changes)?;
                    if tried.keeps_password {
                        self.rehash(&pool, &loaded, tried, &mut changes).await?;
                    }
                    if check.cached && changes.is_empty() {
                        self.count_repeat(&pool, &loaded, &directory, from, tried)?;
                        return Ok(decision.next);
                    }
                    let event = match tried.actor {
                        Some(actor) => Event::success(now, tried.action, actor).on(identity::name(&directory, entry)?),
                        None => Event::success(now, tried.action, &identity::actor(&pool, &directory, &loaded.entry, tried.origin)?),
                    };
                    audit::record(&mut changes, &event);
                }
                Next::Denied(reason) => {
                    let event = match tried.actor {
                        Some(actor) => Event::failure(now, tried.action, actor, *reason).on(identity::name(&directory, entry)?),
                        None => Event::failure(now, tried.action, &identity::claimed(&directory, entry, tried.origin)?, *reason),
                    };
                    if decision.history.is_none() && is_free(*reason) {
                        credential::keep_history(&mut changes, entry, policy, &loaded.history, loaded.history_version, now);
                        futile = Some(event);
                    } else {
                        audit::record(&mut changes, &event);
                    }
                }
                Next::Ask(_) | Next::Redirect(_) => return Ok(decision.next),
            }
            match pool.store().commit(changes).await {
                Ok(_) => {
                    if let Some(Event { action, role, entry, actor: name, target, reason, face, address, .. }) = futile {
                        self.counters.count(pool.id(), action, Counted::Futile { role, entry, name, target }, reason, face, address);
                    }
                    if tried.keeps_password {
                        self.remember(&pool, &loaded, &check, &decision.next, tried, now);
                    }
                    if decision.history.is_some_and(|history| history.is_locked(policy, &from, now)) {
                        self.verified.forget(pool.id(), entry);
                    }
                    return Ok(decision.next);
                }
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::busy("too many attempts on this name at once; try again"))
    }

    /// Compares the password with what is stored, or with nothing at the same price.
    async fn compare(&self, pool: &Pool, entry: EntryId, name: NameTag, tried: &Try<'_>) -> Result<Check> {
        let directory = identity::directory(pool);
        // The cache is asked first: what it answers for is told by versions alone, and the password
        // need not be opened.
        if tried.origin.face == Face::Ldap
            && let Some(found) = directory.head(entry)?
            && let Some(subject) = subject(pool, &found, credential::version(pool, entry)?)
            && self.verified.holds(&subject, tried.password, self.clock.now())
            && self.is_open(pool, entry, name, tried)?
        {
            return Ok(Check { matches: true, against: Some(subject.password_version), cached: true });
        }
        let Some(loaded) = identity::load(pool, &directory, entry)? else {
            self.hasher.check(tried.caller(pool), None, bounded(tried.password), pool.settings().hashing).await?;
            return Ok(Check { matches: false, against: None, cached: false });
        };
        let against = loaded.password_version;
        let possible = !tried.password.expose().is_empty() && tried.password.expose().len() <= MAX_PASSWORD;
        let hash = loaded.password.map(|(hash, _)| hash).filter(|_| possible);
        let (policy, from, now) = (&pool.settings().lockout, tried.sources(pool), self.clock.now());
        // Whoever guesses from where somebody has been waits as a stranger when that place is locked.
        let is_known = loaded.history.is_known(policy, &from, now) && !loaded.history.is_locked(policy, &from, now);
        let caller = tried.caller(pool).known_if(is_known);
        let matches = self.hasher.check(caller, hash, bounded(tried.password), pool.settings().hashing).await?;
        Ok(Check { matches, against, cached: false })
    }

    /// Whether nothing keeps out whoever comes from there with that name. Only they may learn from
    /// the time that it takes whether a password is one that was lately found to match: others are
    /// refused whatever it is.
    fn is_open(&self, pool: &Pool, entry: EntryId, name: NameTag, tried: &Try<'_>) -> Result<bool> {
        let (policy, from, now) = (&pool.settings().lockout, tried.sources(pool), self.clock.now());
        let (history, _) = credential::history(pool, entry)?;
        let is_known = || history.is_known(policy, &from, now);
        let has_room = || self.places.has_room(policy, pool.id(), tried.origin.address, name, now);
        Ok(!history.is_locked(policy, &from, now) && (is_known() || has_room()))
    }

    /// Puts a hash of ours in the place of an imported one, or of one that costs less than the
    /// settings ask for.
    async fn rehash(&self, pool: &Pool, loaded: &Loaded, tried: &Try<'_>, changes: &mut Changes) -> Result<()> {
        let (Some((hash, facts)), Some(version)) = (&loaded.password, loaded.password_version) else { return Ok(()) };
        let params = pool.settings().hashing;
        if !hash.needs_rehash(&params) {
            return Ok(());
        }
        let hash = self.hasher.hash(tried.caller(pool).known_if(true), tried.password.clone(), params, &*self.entropy).await?;
        let password = credential::Password {
            hash,
            changed: loaded.changed.unwrap_or_else(|| self.clock.now()),
            must_change: facts.must_change,
            expires: facts.expires,
        };
        credential::replace_password(pool, changes, loaded.entry.id(), &password, version)
    }

    fn count_repeat(&self, pool: &Pool, loaded: &Loaded, directory: &Directory, from: Sources, tried: &Try<'_>) -> Result<()> {
        let name = Names::new(directory).of(&loaded.entry)?.unwrap_or_default();
        if let Some(written) = tried.written
            && let Some(subject) = subject(pool, &loaded.entry, loaded.password_version)
        {
            let (active, lockout) = (pool.status() == Status::Active, pool.settings().lockout.clone());
            let recent = Recent { subject, active, lockout, from, known: loaded.known(), changed: loaded.changed, logged: name.clone() };
            self.recent.keep(written, recent);
        }
        let Origin { face, address } = tried.origin;
        self.counters.count(pool.id(), tried.action, Counted::Repeat { entry: loaded.entry.id(), name }, None, face, address);
        Ok(())
    }

    /// Remembers a password that was compared in full and granted. A hash that was replaced in the
    /// same commit has another version: the next bind compares once more.
    fn remember(&self, pool: &Pool, loaded: &Loaded, check: &Check, next: &Next, tried: &Try<'_>, now: Timestamp) {
        if tried.origin.face == Face::Ldap
            && !check.cached
            && matches!(next, Next::Granted(_))
            && let Some(subject) = subject(pool, &loaded.entry, loaded.password_version)
        {
            self.verified.remember(&subject, tried.password, now);
        }
    }
}

/// What the engine is told about the pool and somebody in it, who comes from nowhere in particular
/// and guesses nothing.
pub(super) fn facts(pool: &Pool, identity: Identity) -> Facts<'_> {
    let (active, lockout) = (pool.status() == Status::Active, &pool.settings().lockout);
    Facts { pool: pool.id(), active, lockout, from: Sources::default(), has_room: true, identity }
}

/// Whether it takes nothing to be denied for this reason: no password that is right, and no place
/// among the failures that lead to a lock.
const fn is_free(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::PoolSuspended | Reason::Disabled | Reason::Locked | Reason::Throttled | Reason::NoPassword | Reason::WrongPassword
    )
}

fn subject(pool: &Pool, entry: &Record, password_version: Option<Sequence>) -> Option<Subject> {
    Some(Subject {
        pool: pool.id(),
        settings: pool.version(),
        entry: entry.id(),
        entry_version: entry.version(),
        password_version: password_version?,
    })
}

/// The password, cut where no stored one can match any more, so that a huge one costs no more than
/// others.
fn bounded(password: &Secret<Vec<u8>>) -> Secret<Vec<u8>> {
    Secret::new(password.expose().iter().copied().take(MAX_PASSWORD).collect())
}
