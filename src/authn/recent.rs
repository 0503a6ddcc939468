//! Binds that succeeded a short time ago, by the name as it was written: an application binds as the same names again and again, and between two binds mostly
//! nothing is written, so that everything would be read again just as it was.
//!
//! What is kept are facts, and no answer: whether the password is right is asked of [`super::verified`] and the engine decides, on every bind. The facts are those
//! of one moment of the store. As soon as anything is committed, to whatever pool, they are void.

use super::engine::{Facts, Identity, Known};
use super::verified::Subject;
use crate::model::{Sequence, Timestamp};
use crate::policy::lockout::LockoutPolicy;
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Names that are kept.
pub const CAPACITY: usize = 10_000;

/// Octets of a name and of what is kept with it; longer ones are looked up each time.
const MAX_NAME: usize = 512;

/// A name as it was written, and the latest commit before anything was read for it.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    pub name: &'a str,
    pub as_of: Sequence,
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
    /// Who it is.
    pub known: Known,
    /// When the password was set.
    pub changed: Option<Timestamp>,
    /// Their name in the log.
    pub logged: String,
}

/// The facts of such binds, each as of one commit.
pub struct RecentBinds(Cache<String, (Sequence, Arc<Recent>)>);

impl RecentBinds {
    /// None yet.
    pub fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    /// What was read for that name, if nothing has been committed since.
    pub fn get(&self, written: Written<'_>) -> Option<Arc<Recent>> {
        let (as_of, recent) = self.0.get(written.name)?;
        (as_of == written.as_of).then_some(recent)
    }

    /// Keeps what was read for that name.
    pub fn keep(&self, written: Written<'_>, recent: Recent) {
        if written.name.len() + recent.known.name.len() + recent.logged.len() <= MAX_NAME {
            self.0.insert(written.name.to_owned(), (written.as_of, Arc::new(recent)));
        }
    }
}

impl Recent {
    /// What the engine is told.
    pub fn facts(&self) -> Facts<'_> {
        Facts { pool: self.subject.pool, active: self.active, lockout: &self.lockout, identity: Identity::Known(self.known.clone()) }
    }
}
