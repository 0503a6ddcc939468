//! The source's side: with how many names an address has failed.
//!
//! ```text
//!            failure with another name                 room for one again
//!   ROOM ───────────────────────────────▶ SLOWED ─────────────────────────▶ ROOM …
//!    ▲    `names` + welcomed are taken             the oldest is `window` old
//!    └─ a success gives the place of its name back
//! ```
//!
//! A slowed address is not shut: it goes on at the pace of `names` in each `window`, and with the
//! names that it has failed with already, so that whoever has mistyped can mend that. How often
//! each name may fail is the name's own side.

use super::LockoutPolicy;
use crate::model::Timestamp;

/// People of an address that make room for names, at most.
pub const MAX_WELCOMED: usize = 100;

/// What stands for a name, or for somebody who has it: a keyed hash.
pub type NameTag = u64;

/// A name that failed, or somebody who succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    tag: NameTag,
    since: Timestamp,
    failures: u16,
}

/// What an address is told that wants to try a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It may, for the how-many-th time since the name has last succeeded or been forgotten.
    Room(u16),
    /// It has failed with too many others.
    Slowed,
}

/// What is remembered of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    failed: Vec<Mark>,
    welcomed: Vec<Mark>,
}

impl Tried {
    /// Drops what is older than the window, or comes from a clock that was ahead.
    fn forget(&mut self, policy: &LockoutPolicy, now: Timestamp) {
        let counts = |mark: &Mark| mark.since <= now && now.since(mark.since) < policy.window.duration();
        self.failed.retain(counts);
        self.welcomed.retain(counts);
    }

    /// Takes a place for a name, and counts one more failure with it until
    /// [`succeeded`](Self::succeeded) says otherwise. That is done before it is known what comes
    /// of the attempt, or a hundred attempts at once would all find the last place free.
    pub fn enter(&mut self, policy: &LockoutPolicy, name: NameTag, now: Timestamp) -> Entry {
        self.forget(policy, now);
        if policy.sources.names == 0 {
            return Entry::Room(0);
        }
        if let Some(mark) = self.failed.iter_mut().find(|mark| mark.tag == name) {
            mark.failures = mark.failures.saturating_add(1);
            return Entry::Room(mark.failures);
        }
        if self.is_full(policy) {
            return Entry::Slowed;
        }
        self.failed.push(Mark { tag: name, since: now, failures: 1 });
        Entry::Room(1)
    }

    fn is_full(&self, policy: &LockoutPolicy) -> bool {
        self.failed.len() >= usize::from(policy.sources.names) + self.welcomed.len()
    }

    /// Whether [`enter`](Self::enter) would find room.
    pub fn has_room(&mut self, policy: &LockoutPolicy, name: NameTag, now: Timestamp) -> bool {
        self.forget(policy, now);
        policy.sources.names == 0 || self.failed.iter().any(|mark| mark.tag == name) || !self.is_full(policy)
    }

    /// Gives the place of a name back, and lets its person, if it is somebody's, make room.
    pub fn succeeded(&mut self, policy: &LockoutPolicy, name: NameTag, person: Option<NameTag>, now: Timestamp) {
        self.forget(policy, now);
        self.failed.retain(|mark| mark.tag != name);
        let Some(person) = person else { return };
        self.welcomed.retain(|mark| mark.tag != person);
        if self.welcomed.len() < MAX_WELCOMED {
            self.welcomed.push(Mark { tag: person, since: now, failures: 0 });
        }
    }

    /// When what was counted with this name is forgotten, or else the first of the others, which
    /// then makes room for it.
    pub fn forgotten_at(&self, policy: &LockoutPolicy, name: NameTag) -> Option<Timestamp> {
        let own = self.failed.iter().find(|mark| mark.tag == name).map(|mark| mark.since);
        let since = own.or_else(|| self.failed.iter().map(|mark| mark.since).min());
        since.map(|since| since.plus(policy.window.duration()))
    }
}

#[cfg(test)]
mod tests;
