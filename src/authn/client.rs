//! Whether a client knows its secret (RFC 6749, section 2.3.1), judged from both sides like a
//! person's password: see [`crate::policy::lockout`].
//!
//! A secret that somebody chose can be guessed. Strangers who try share one counter; an address
//! from which the client has proven itself has its own, so that they do not lock the client out
//! from where it runs. A generated one has 256 bits. To lock it would keep nobody from guessing it
//! and would close the door to a client whose address changes, so whoever brings it is let in, and
//! only the address that fails is slowed.
//!
//! That a client exists is no secret, since its identifier stands in URLs. So whoever is slowed is
//! told so and for how long, and saves the server the hash.

use super::{Core, Origin, identity};
use crate::{
    application::{self, Client, ClientHistory, SecretHash},
    audit::{Action, Reason},
    model::{EntryId, Result, Secret, Timestamp},
    policy::lockout::{
        self, LockoutPolicy,
        history::{History, Sources},
        source::{Entry, NameTag},
    },
    pool::Pool,
    work::Caller,
};
use std::{sync::Arc, time::Duration};

/// What the audit log calls clients that are none: what was typed says nothing.
const UNKNOWN: &str = "(unknown)";

/// What became of a client's proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientProof {
    /// It knows the secret.
    Right,
    /// It does not.
    Wrong,
    /// Too many failures with that client, or from that address: not before that time has passed.
    Slowed(Duration),
}

/// One attempt of a client.
struct Attempt<'a> {
    pool: &'a Arc<Pool>,
    client: &'a Client,
    hash: &'a SecretHash,
    secret: &'a Secret<String>,
    tag: NameTag,
    from: Sources,
    origin: Origin,
}

impl Attempt<'_> {
    fn policy(&self) -> &LockoutPolicy {
        &self.pool.settings().lockout
    }

    fn history(&self) -> Result<ClientHistory> {
        application::client_history(self.pool.store(), self.client)
    }

    /// How long it waits, if it must.
    fn wait(&self, history: &History, now: Timestamp) -> Option<Duration> {
        let counter = history.counter(self.policy(), &self.from, now);
        counter.locked_until.filter(|_| lockout::is_locked(&counter, now)).map(|until| until.since(now))
    }
}

impl Core {
    /// Judges the secret that somebody presents for a client.
    ///
    /// Fails with `Unavailable(Busy)` when the pool's queue is full.
    pub async fn prove_client(&self, pool: &Arc<Pool>, client: &Client, secret: &Secret<String>, origin: Origin) -> Result<ClientProof> {
        let Some(hash) = &client.secret else { return Ok(ClientProof::Wrong) };
        let pool = &self.fresh(pool)?;
        let (tag, from) = (tag(pool, client.client_id.as_str()), identity::sources(pool, origin.address, None));
        let attempt = Attempt { pool, client, hash, secret, tag, from, origin };
        let proof = match hash.is_generated() {
            true => self.prove_generated(&attempt).await?,
            false => self.prove_chosen(&attempt).await?,
        };
        let reason = match proof {
            ClientProof::Right => return Ok(proof),
            ClientProof::Wrong => Reason::WrongPassword,
            ClientProof::Slowed(_) => Reason::Throttled,
        };
        self.count_failure(pool.id(), Action::ClientAuthentication, client.client_id.as_str(), reason, origin);
        Ok(proof)
    }

    /// Hashes a secret that somebody chose for a client of that pool; fails as
    /// [`SecretHash::choose`] does.
    pub async fn choose_client_secret(&self, pool: &Pool, chosen: &Secret<String>) -> Result<SecretHash> {
        SecretHash::choose(chosen, &self.hasher, pool, &*self.entropy).await
    }

    /// Counts an identifier that no client has, for the audit log alone. To refuse it costs nothing
    /// and tells nothing, so it takes no room from those at its address who have something to
    /// prove: any website can have the browsers of others send such requests.
    pub fn count_unknown_client(&self, pool: &Pool, origin: Origin) {
        self.count_failure(pool.id(), Action::ClientAuthentication, UNKNOWN, Reason::UnknownName, origin);
    }

    async fn prove_generated(&self, attempt: &Attempt<'_>) -> Result<ClientProof> {
        if self.matches(attempt, false).await? {
            return Ok(ClientProof::Right);
        }
        let now = self.clock.now();
        Ok(match self.enter(attempt, now) {
            Some(failures) if failures <= attempt.policy().threshold || attempt.policy().threshold == 0 => ClientProof::Wrong,
            _ => ClientProof::Slowed(self.wait(attempt, now)),
        })
    }

    async fn prove_chosen(&self, attempt: &Attempt<'_>) -> Result<ClientProof> {
        let (policy, store) = (attempt.policy(), attempt.pool.store());
        let now = self.clock.now();
        let history = attempt.history()?.history;
        if let Some(wait) = attempt.wait(&history, now) {
            return Ok(ClientProof::Slowed(wait));
        }
        let is_known = history.is_known(policy, &attempt.from, now);
        if !is_known && self.enter(attempt, now).is_none() {
            return Ok(ClientProof::Slowed(self.wait(attempt, now)));
        }
        let matches = self.matches(attempt, is_known).await?;
        let _turn = self.turns.wait(attempt.pool.id(), stand_in(attempt.tag)).await;
        let proof = store
            .decide(|changes| {
                let now = self.clock.now();
                let read = attempt.history()?;
                // Many guesses at once are compared before the first of them is counted.
                if let Some(wait) = attempt.wait(&read.history, now) {
                    return Ok(ClientProof::Slowed(wait));
                }
                let after = match matches {
                    true => read.history.after_proof(policy, &attempt.from, now).learnt(policy, &attempt.from, now),
                    false => read.history.after_failure(policy, &attempt.from, now),
                };
                if after != read.history {
                    application::put_client_history(changes, attempt.client, policy, after, read.version);
                }
                Ok(if matches { ClientProof::Right } else { ClientProof::Wrong })
            })
            .await?;
        if proof == ClientProof::Right {
            self.client_places.succeeded(policy, attempt.pool.id(), attempt.origin.address, attempt.tag, None, self.clock.now());
        }
        Ok(proof)
    }

    async fn matches(&self, attempt: &Attempt<'_>, is_known: bool) -> Result<bool> {
        let Attempt { pool, hash, secret, origin, .. } = attempt;
        let caller = Caller::from((pool.id(), origin.address)).known_if(is_known);
        if hash.is_generated() {
            return hash.verify(secret, &self.hasher, caller, pool.settings().hashing).await;
        }
        if self.verified_secrets.holds(pool.id(), hash, secret) {
            return Ok(true);
        }
        let matches = hash.verify(secret, &self.hasher, caller, pool.settings().hashing).await?;
        if matches {
            self.verified_secrets.remember(pool.id(), hash, secret);
        }
        Ok(matches)
    }

    /// Room for the client at the address: its failures from there, this one included.
    fn enter(&self, attempt: &Attempt<'_>, now: Timestamp) -> Option<u16> {
        match self.client_places.enter(attempt.policy(), attempt.pool.id(), attempt.origin.address, attempt.tag, now) {
            Entry::Room(failures) => Some(failures),
            Entry::Slowed => None,
        }
    }

    fn wait(&self, attempt: &Attempt<'_>, now: Timestamp) -> Duration {
        self.client_places.wait(attempt.policy(), attempt.pool.id(), attempt.origin.address, attempt.tag, now)
    }
}

/// What a client's identifier is counted by at an address.
fn tag(pool: &Pool, client_id: &str) -> NameTag {
    let mac = pool.mac("client-name", client_id.as_bytes());
    mac.first_chunk().map_or(0, |bytes| NameTag::from_be_bytes(*bytes))
}

/// What stands for a client where attempts on entries wait for their turn.
const fn stand_in(tag: NameTag) -> EntryId {
    EntryId::new(tag)
}
