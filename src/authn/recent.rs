//! Binds that succeeded a short time ago, by the name as it was written and the address that it
//! came from: an application binds as the same names again and again, and between two binds mostly
//! nothing is written, so that everything would be read again just as it was.
//!
//! What is kept are facts, and no answer: whether the password is right is asked of
//! [`super::verified`] and the engine decides, on every bind. The facts are those of one moment of
//! the store. As soon as anything is committed, to whatever pool, they are void.

use super::engine::{Facts, Identity, Known};
use super::verified::Subject;
use crate::model::{Sequence, Timestamp};
use crate::policy::lockout::{LockoutPolicy, history::Sources};
use quick_cache::{Equivalent, sync::Cache};
use std::{net::IpAddr, sync::Arc};

/// Names that are kept.
pub const CAPACITY: usize = 10_000;

/// Octets of a name and of what is kept with it; longer ones are looked up each time.
const MAX_NAME: usize = 512;

/// A name as it was written, from where, and the latest commit before anything was read for it.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    pub name: &'a str,
    pub address: Option<IpAddr>,
    pub as_of: Sequence,
}

/// A name and the address that it came from: what somebody may do depends on both.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Place {
    name: String,
    address: Option<IpAddr>,
}

/// The same to look it up with.
#[derive(Hash)]
struct PlaceRef<'a> {
    name: &'a str,
    address: Option<IpAddr>,
}

impl Equivalent<Place> for PlaceRef<'_> {
    fn equivalent(&self, place: &Place) -> bool {
        self.name == place.name && self.address == place.address
    }
}

/// What was read for a bind that was granted.
#[derive(Debug)]
pub struct Recent {
    /// What the password was found to match.
    pub subject: Subject,
    /// Whether the pool serves.
    pub active: bool,
    /// The pool's rules for failures.
    pub lockout: LockoutPolicy,
    /// Where it came from, which is known to be theirs.
    pub from: Sources,
    /// Who it is.
    pub known: Known,
    /// When the password was set.
    pub changed: Option<Timestamp>,
    /// Their name in the log.
    pub logged: String,
}

/// The facts of such binds, each as of one commit.
pub struct RecentBinds(Cache<Place, (Sequence, Arc<Recent>)>);

impl RecentBinds {
    /// None yet.
    pub fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    /// What was read for that name, if nothing has been committed since.
    pub fn get(&self, written: Written<'_>) -> Option<Arc<Recent>> {
        let (as_of, recent) = self.0.get(&PlaceRef { name: written.name, address: written.address })?;
        (as_of == written.as_of).then_some(recent)
    }

    /// Keeps what was read for that name.
    pub fn keep(&self, written: Written<'_>, recent: Recent) {
        if written.name.len() + recent.known.name.len() + recent.logged.len() <= MAX_NAME {
            let place = Place { name: written.name.to_owned(), address: written.address };
            self.0.insert(place, (written.as_of, Arc::new(recent)));
        }
    }
}

impl Recent {
    /// What the engine is told.
    pub fn facts(&self) -> Facts<'_> {
        let (pool, identity) = (self.subject.pool, Identity::Known(self.known.clone()));
        Facts { pool, active: self.active, lockout: &self.lockout, from: self.from, has_room: true, identity }
    }
}
