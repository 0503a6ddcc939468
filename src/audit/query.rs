//! Reading the audit log.

use super::event::{Action, Event};
use crate::crypto::digest::{base64url, from_base64url};
use crate::model::{Result, Sequence, Timestamp};
use crate::store::{Key, PoolStore, Prefix, Space};

/// Most events that one query returns.
pub const MAX_EVENTS: usize = 1000;

/// A place in the audit log: continue after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Key);

impl Cursor {
    /// The place as text for a URL.
    pub fn to_text(&self) -> String {
        base64url(self.0.rest())
    }

    /// The place of such a text; `None` if it is none that a query has returned.
    pub fn from_text(text: &str) -> Option<Self> {
        let key = Key::named(Space::Audit, &from_base64url(text)?);
        key.audit_parts().map(|_| Self(key))
    }
}

/// Which events are wanted, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// At or after this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// After this place.
    pub after: Option<Cursor>,
    /// At most so many; never more than [`MAX_EVENTS`].
    pub limit: usize,
    /// Of this kind. Goes over the events of other kinds too: a long span belongs to `work`.
    pub action: Option<Action>,
}

/// The events of a pool, oldest first, each with its place.
pub fn query(store: &PoolStore, query: &Query) -> Result<Vec<(Cursor, Event)>> {
    let from = query.from.map(|at| Key::audit(at, Sequence::new(0), 0));
    let after = query.after.as_ref().map(|cursor| cursor.0.clone()).max(from);
    let limit = query.limit.min(MAX_EVENTS);
    let mut found = Vec::new();
    for row in store.scan(&Prefix::space(Space::Audit), after.as_ref()) {
        if found.len() >= limit {
            break;
        }
        let (key, row) = row?;
        let event = Event::decode(&row.value)?;
        if query.to.is_some_and(|to| event.at >= to) {
            break;
        }
        if query.action.is_none_or(|action| action == event.action) {
            found.push((Cursor(key), event));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
