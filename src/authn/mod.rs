//! The one authentication engine, and everything that requires its word.
//!
//! Owns waiting interactions, sessions, the setting of credentials, changes to entries as callers
//! ask for them, the proofs of clients, and verification of our own access tokens. Uses
//! `federation` and everything below. Never knows HTTP or a wire format, so that LDAP, OpenID
//! Connect, SAML and the pages cannot differ in a rule. [`engine`] decides purely; the drivers
//! load facts, run argon2 or the upstream off the async threads, and commit.

mod authentication;
mod authority;
pub mod bearer;
mod bind;
mod client;
pub mod credential;
mod decision;
mod edit;
pub mod engine;
mod identity;
pub mod interaction;
mod interactive;
mod login;
mod mark;
mod passwords;
mod places;
mod recent;
mod refused;
pub mod session;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
pub mod testing;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
mod throttle;
mod turns;
mod verified;
mod waiting;

pub use authentication::{Authentication, Level, Method};
pub use client::ClientProof;
pub use edit::{PasswordSet, PasswordTerms};
pub use engine::Factor;
pub use identity::Basis;
pub use interaction::{BrowserKey, Demands, Interaction, InteractionId, NewInteraction, Place, ReturnPoint, Unsealed};
pub use interactive::{Callback, Granted, Message, Step};
pub use mark::{BrowserMark, Kept};
pub use session::Session;
pub use waiting::WaitingLimits;

use crate::{
    audit::{Action, Counted, Counters, Reason},
    federation::oidc::RelyingParty,
    model::{Actor, Clock, Dn, Entropy, Error, Face, PoolId, Result, Timestamp},
    pool::{Pool, Registry, keys::Maker},
    store::{Changes, CommitError},
    work::{Caller, Hasher, Work},
};
use places::SourcePlaces;
use recent::RecentBinds;
use std::{net::IpAddr, sync::Arc};
use turns::Turns;
use verified::{Verified, VerifiedSecrets};

/// What a [`Core`] is made of.
pub struct Parts {
    /// The pools.
    pub registry: Registry,
    /// Where blocking work runs.
    pub work: Arc<Work>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    /// How many logins may wait in the store.
    pub waiting: WaitingLimits,
}

/// What every face holds: the pools and the engine over them.
pub struct Core {
    /// The pools.
    pub registry: Arc<Registry>,
    /// Where blocking work runs.
    pub work: Arc<Work>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub entropy: Arc<dyn Entropy>,
    hasher: Hasher,
    counters: Counters,
    verified: Verified,
    verified_secrets: VerifiedSecrets,
    recent: RecentBinds,
    places: SourcePlaces,
    client_places: SourcePlaces,
    turns: Turns,
    relying_party: RelyingParty,
    waiting_limits: WaitingLimits,
}

/// Where an attempt comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Through which face.
    pub face: Face,
    /// From which network address, if over a network.
    pub address: Option<IpAddr>,
}

/// Whom a caller claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindName {
    /// A distinguished name.
    Dn(Dn),
    /// A uid or, where it holds an `@`, a mail address, within the pool that the caller has fixed
    /// already.
    Uid(String),
}

impl Core {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Result<Self> {
        let Parts { registry, work, clock, entropy, waiting } = parts;
        Ok(Self {
            hasher: Hasher::new(Arc::clone(&work)),
            counters: Counters::new(),
            verified: Verified::new(&*entropy),
            verified_secrets: VerifiedSecrets::new(&*entropy),
            recent: RecentBinds::new(),
            places: SourcePlaces::new(),
            client_places: SourcePlaces::new(),
            turns: Turns::new(),
            relying_party: RelyingParty::new()?,
            waiting_limits: waiting,
            registry: Arc::new(registry),
            work,
            clock,
            entropy,
        })
    }

    /// How often a password or a secret was hashed, or compared at that price, since the start.
    pub fn hashes(&self) -> u64 {
        self.hasher.runs()
    }

    /// Whose turn work waits for that a face does for somebody at that address.
    pub fn caller(&self, pool: &Pool, address: IpAddr) -> Caller {
        (pool.id(), Some(address)).into()
    }

    /// The same, where they have shown who they are.
    pub fn known_caller(&self, pool: &Pool, address: IpAddr) -> Caller {
        Caller::known(pool.id(), Some(address))
    }

    /// What makes a signing key for somebody who asks from that address.
    pub fn maker(&self, address: Option<IpAddr>) -> Maker<'_> {
        Maker { work: &self.work, address, now: self.clock.now(), entropy: &*self.entropy }
    }

    /// Whether that proof still holds: the pool is active, the entry is there and not disabled, the
    /// password is the same. Cheap: reads three hot records.
    pub fn still_valid(&self, authentication: &Authentication) -> Result<bool> {
        let Some(pool) = self.registry.by_id(authentication.pool())? else { return Ok(false) };
        let entry = authentication.entry();
        // The version alone says that the record is the same one. Another one may hold the same
        // password under another hash, so it is opened.
        let same_record =
            authentication.password_version.is_some() && credential::version(&pool, entry)? == authentication.password_version;
        let basis = authentication.basis();
        let basis = Basis { password: basis.password.filter(|_| !same_record), ..basis };
        Ok(self.welcome_since(&pool, entry, basis)?.is_some())
    }

    /// The same proof after its person has set their own password through it: from now on it rests
    /// on the one that was set at that moment, and on none that somebody else has put in its place
    /// meanwhile.
    pub fn renewed(&self, authentication: &Authentication, set: Timestamp) -> Result<Authentication> {
        let pool = self.registry.by_id(authentication.pool())?.ok_or_else(Error::credentials)?;
        let written = credential::password(&pool, authentication.entry())?.filter(|(password, _)| password.changed == set);
        let password_version = written.map(|(_, version)| version);
        Ok(Authentication { password_set: Some(set), password_version, ..authentication.clone() })
    }

    /// Somebody who has proven who they are, as access rules judge them: the role follows from the
    /// kind of entry and the group of administrators.
    pub fn actor(&self, pool: &Arc<Pool>, authentication: &Authentication, origin: Origin) -> Result<Actor> {
        if authentication.pool() != pool.id() {
            return Err(Error::credentials());
        }
        let directory = identity::directory(pool);
        let entry = directory.head(authentication.entry())?.ok_or_else(Error::credentials)?;
        identity::actor(pool, &directory, &entry, origin)
    }

    /// Notes a failure of somebody who is no entry: of a client, or of a login at a provider. It is
    /// counted, not written, since anybody can repeat it for nothing.
    pub fn count_failure(&self, pool: PoolId, action: Action, target: &str, reason: Reason, origin: Origin) {
        let Origin { face, address } = origin;
        self.counters.count(pool, action, Counted::Stranger { target: target.to_owned() }, Some(reason), face, address);
    }

    /// Commits what was counted since the last call: cached re-binds, failures that change nothing,
    /// of unknown names and of strangers. `server` calls it each minute and at shutdown. What goes
    /// wrong in one pool keeps no other from its log; the first error is the answer.
    pub async fn flush_audit(&self) -> Result<()> {
        let mut flushed = Ok(());
        for (pool, changes) in self.counters.flush(self.clock.now()) {
            flushed = flushed.and(self.flush_pool(pool, changes).await);
        }
        flushed
    }

    async fn flush_pool(&self, pool: PoolId, changes: Changes) -> Result<()> {
        let Some(pool) = self.registry.by_id(pool)? else { return Ok(()) };
        match pool.store().commit(changes).await {
            Ok(_) | Err(CommitError::Conflict | CommitError::Closed) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
