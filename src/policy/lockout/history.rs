//! The name's side: what is remembered of an identity, of its failures and of the places from
//! which it was used.

use super::{LockoutPolicy, State, after_failure, after_success, forgotten_at, is_locked};
use crate::model::{Days, Timestamp};
use minicbor::{Decode, Encode};

/// Sources of an identity that are remembered. When one more is learnt, the one that was used
/// longest ago goes.
pub const MAX_SOURCES: usize = 16;

/// A source's last use is written down when it is older than this part of the time that it stays
/// known, so that most successes change nothing.
const TOUCH: u32 = 10;

/// A keyed hash of a network address or of a browser's cookie.
pub type SourceHash = [u8; 16];

/// Where an attempt comes from. Nothing comes from nowhere: over a unix socket both are missing,
/// and whoever tries is a stranger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The browser, if it has been used here before.
    pub browser: Option<SourceHash>,
    /// The network address.
    pub address: Option<SourceHash>,
}

/// A source from which the identity was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KnownSource {
    /// Which.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub source: SourceHash,
    /// When it was last used with success, give or take.
    #[n(1)]
    pub seen: Timestamp,
    /// The failures from there.
    #[n(2)]
    pub failures: State,
}

/// What is remembered of an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct History {
    /// The failures of strangers.
    #[n(0)]
    pub strangers: State,
    /// The sources from which it was used, each with its own.
    #[n(1)]
    pub known: Vec<KnownSource>,
}

impl From<State> for History {
    /// That of somebody who was never used from anywhere.
    fn from(strangers: State) -> Self {
        Self { strangers, known: Vec::new() }
    }
}

impl KnownSource {
    /// Until when it is known.
    fn ends_at(&self, known: Days) -> Timestamp {
        self.seen.plus(known.duration())
    }
}

impl History {
    /// Which known source judges an attempt: the browser if it is one, else the address. None
    /// judges a stranger's.
    fn place(&self, policy: &LockoutPolicy, from: &Sources, now: Timestamp) -> Option<usize> {
        let find =
            |source: &SourceHash| self.known.iter().position(|known| known.source == *source && now < known.ends_at(policy.sources.known));
        from.browser.as_ref().and_then(find).or_else(|| from.address.as_ref().and_then(find))
    }

    /// Whether the identity was used from there before.
    pub fn is_known(&self, policy: &LockoutPolicy, from: &Sources, now: Timestamp) -> bool {
        self.place(policy, from, now).is_some()
    }

    /// The counter that judges an attempt from there.
    pub fn counter(&self, policy: &LockoutPolicy, from: &Sources, now: Timestamp) -> State {
        self.place(policy, from, now).and_then(|place| self.known.get(place)).map_or(self.strangers, |known| known.failures)
    }

    /// Whether the identity is locked for whoever comes from there.
    pub fn is_locked(&self, policy: &LockoutPolicy, from: &Sources, now: Timestamp) -> bool {
        is_locked(&self.counter(policy, from, now), now)
    }

    fn with_counter(&self, policy: &LockoutPolicy, from: &Sources, now: Timestamp, state: State) -> Self {
        let mut changed = self.clone();
        match self.place(policy, from, now).and_then(|place| changed.known.get_mut(place)) {
            Some(known) => known.failures = state,
            None => changed.strangers = state,
        }
        changed
    }

    /// That after a failure from there.
    pub fn after_failure(&self, policy: &LockoutPolicy, from: &Sources, now: Timestamp) -> Self {
        self.with_counter(policy, from, now, after_failure(policy, &self.counter(policy, from, now), now))
    }

    /// That after a proof from there which is right, whether it led to a login or not. What
    /// strangers did is not forgiven for what the person does elsewhere.
    pub fn after_proof(&self, policy: &LockoutPolicy, from: &Sources, now: Timestamp) -> Self {
        self.with_counter(policy, from, now, after_success())
    }

    /// That after a login from there: its sources are known from now on.
    #[must_use]
    pub fn learnt(mut self, policy: &LockoutPolicy, from: &Sources, now: Timestamp) -> Self {
        let days = policy.sources.known;
        if days.0 == 0 {
            return self;
        }
        let before = self.known.len();
        for source in from.browser.iter().chain(&from.address) {
            match self.known.iter_mut().find(|known| known.source == *source) {
                Some(known) if now < known.seen || now.since(known.seen) >= days.duration() / TOUCH => known.seen = now,
                Some(_) => {}
                None => self.known.push(KnownSource { source: *source, seen: now, failures: State::default() }),
            }
        }
        if self.known.len() > before {
            self.known.retain(|known| now < known.ends_at(days));
            self.known.sort_by_key(|known| std::cmp::Reverse(known.seen));
            self.known.truncate(MAX_SOURCES);
        }
        self
    }

    /// The same without any failure.
    pub fn forgiven(&self) -> Self {
        let known = self.known.iter().map(|known| KnownSource { failures: State::default(), ..*known });
        Self { strangers: State::default(), known: known.collect() }
    }

    /// From when on it means nothing any more: its record may end then. `None` if it means nothing
    /// at all.
    pub fn forgotten_at(&self, policy: &LockoutPolicy) -> Option<Timestamp> {
        let known = self.known.iter().map(|known| known.ends_at(policy.sources.known)).max();
        forgotten_at(policy, &self.strangers).max(known)
    }
}

#[cfg(test)]
mod tests;
