//! When failed logins lock an identity: a pure function of its past failures and of time.
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
//! No timer ends a lock: it is over when `now` says so. A failure while locked changes nothing, so nobody can prolong another's lock by trying on.
//! `draft-behera-ldap-password-policy-11`, section 5.2.9 to 5.2.12, names the same three settings.

use crate::model::{Seconds, Timestamp};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

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
}

impl Default for LockoutPolicy {
    fn default() -> Self {
        Self { threshold: 10, window: Seconds::minutes(15), duration: Seconds::minutes(15) }
    }
}

/// What is remembered of an identity's failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct State {
    /// Failures in a row that the window holds together.
    #[n(0)]
    pub failures: u16,
    /// When the last of them was.
    #[n(1)]
    pub last_failure: Option<Timestamp>,
    /// Until when the identity is locked.
    #[n(2)]
    pub locked_until: Option<Timestamp>,
}

/// Whether the identity is locked at that moment.
pub fn is_locked(state: &State, now: Timestamp) -> bool {
    state.locked_until.is_some_and(|until| now < until)
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

/// The state after a login that succeeded: nothing is held against the identity.
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
