//! When failed logins lock: a pure function of past failures, of where they came from, and of
//! time.
//!
//! One counter:
//!
//! ```text
//!                 failure, fewer than `threshold` within `window`
//!                 ┌──────┐
//!                 ▼      │
//!  success ──▶  OPEN ────┴── failure, the `threshold`-th ──▶  LOCKED until t + `duration`
//!                 ▲                                              │
//!                 └───────────── `duration` has passed ──────────┘
//! ```
//!
//! No timer ends a lock: it is over when `now` says so. A failure while locked changes nothing, so
//! nobody can prolong another's lock by trying on. `draft-behera-ldap-password-policy-11`, section
//! 5.2.9 to 5.2.12, names the same three settings.
//!
//! # Two sides
//!
//! A counter on the name alone lets any stranger lock anybody out, and lets one address try every
//! name. So each attempt is judged from both sides:
//!
//! ```text
//!                      ┌─ a browser this person has used  ──▶ the browser's own counter
//!  name and source ────┼─ an address this person has used ──▶ the address' own counter
//!                      └─ neither: a stranger ──▶ has the address room for the name? ──▶ the strangers' counter
//! ```
//!
//! - **The name's side** ([`history`]). Strangers share one counter: ten addresses together have
//!   no more guesses than one. Whoever comes from where the person has logged in before is judged
//!   by that source's own counter, so what strangers do locks strangers. The sources of a person
//!   are few, end by themselves, and are forgotten with the password: guesses are bounded by
//!   `threshold` for each of them and for all strangers together.
//! - **The source's side** ([`source`]). An address may fail with so many *different names* within
//!   the window, known and unknown ones alike; then it is slowed to the pace at which those
//!   failures grow old.
//!
//! # One address, many people
//!
//! Behind a NAT, and above all behind an application that binds for its users, everybody has one
//! address. Three rules keep a spray through it from closing that door:
//!
//! 1. Names are counted, not failures: somebody who mistypes all day is one name. A name that then
//!    succeeds is no longer counted.
//! 2. Each person who has lately succeeded from there makes room for one name more, up to
//!    [`source::MAX_WELCOMED`].
//! 3. Whoever is known at the address is not slowed by it at all. They have their own counter, so
//!    that such an application goes on for everybody who has used it.
//!
//! The price: guesses at names that are known at the application's address are bounded for each
//! name and not for all of them together. Only the application sees who tries; to us they are its
//! users. What is refused for the source has the one answer of all failed logins, after the same
//! work: whoever sprays learns nothing from it.

pub mod history;
pub mod source;

use super::clock::is_from_the_future;
use crate::model::{Days, Seconds, Timestamp};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Most names that the settings may let one address fail with.
pub const MAX_NAMES: u16 = 1000;

/// Longest that a source may stay known: browsers keep no cookie for longer
/// (draft-ietf-httpbis-rfc6265bis-20, section 5.5).
pub const MAX_KNOWN: Days = Days(400);

/// The rules of a pool for failed logins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct LockoutPolicy {
    /// This many failures within the window lock; zero never locks (pwdMaxFailure).
    #[n(0)]
    pub threshold: u16,
    /// Failures further apart than this are forgotten (pwdFailureCountInterval).
    #[n(1)]
    #[serde(rename = "window_seconds")]
    pub window: Seconds,
    /// How long a lock lasts (pwdLockoutDuration).
    #[n(2)]
    #[serde(rename = "duration_seconds")]
    pub duration: Seconds,
    /// Where logins come from.
    #[n(3)]
    #[cbor(default)]
    pub sources: SourcePolicy,
}

/// The rules of a pool for where logins come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct SourcePolicy {
    /// Different names that strangers may fail with from one address within the window; zero never
    /// slows.
    #[n(0)]
    pub names: u16,
    /// How long a browser or an address from which somebody logged in counts as theirs; zero knows
    /// none.
    #[n(1)]
    #[serde(rename = "known_days")]
    pub known: Days,
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self { threshold: 10, window: Seconds::minutes(15), duration: Seconds::minutes(15), sources: SourcePolicy::default() }
    }
}

impl Default for SourcePolicy {
    fn default() -> Self {
        Self { names: 30, known: Days(180) }
    }
}

/// One counter of failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct State {
    /// Failures in a row that the window holds together.
    #[n(0)]
    pub failures: u16,
    /// When the last of them was.
    #[n(1)]
    pub last_failure: Option<Timestamp>,
    /// Until when it is locked.
    #[n(2)]
    pub locked_until: Option<Timestamp>,
}

/// Whether it is locked at that moment. A lock that a clock set which was ahead would last until
/// that moment has come: it does not count.
pub fn is_locked(state: &State, now: Timestamp) -> bool {
    state.locked_until.is_some_and(|until| now < until) && !state.last_failure.is_some_and(|last| is_from_the_future(last, now))
}

/// The state after a failed login.
pub fn after_failure(policy: &LockoutPolicy, state: &State, now: Timestamp) -> State {
    if policy.threshold == 0 {
        return State::default();
    }
    if is_locked(state, now) {
        return *state;
    }
    let forgotten = state.locked_until.is_some() || state.last_failure.is_none_or(|last| now.since(last) > policy.window.duration());
    let failures = if forgotten { 1 } else { state.failures.saturating_add(1) };
    let locked_until = (failures >= policy.threshold).then(|| now.plus(policy.duration.duration()));
    State { failures, last_failure: Some(now), locked_until }
}

/// The state after a login that succeeded: nothing is held against whoever it counts.
pub fn after_success() -> State {
    State::default()
}

/// From when on the state means nothing any more: its record may end then.
pub fn forgotten_at(policy: &LockoutPolicy, state: &State) -> Option<Timestamp> {
    let counted = state.last_failure.map(|last| last.plus(policy.window.duration()));
    counted.max(state.locked_until)
}

#[cfg(test)]
mod tests;
