//! Reading the audit log.

use super::event::{Action, Event};
use crate::crypto::digest::{base64url, from_base64url};
use crate::model::{Listed, Result, Sequence, Timestamp, Unreadable};
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

    /// The moment of the event there.
    pub fn at(&self) -> Option<Timestamp> {
        self.0.audit_parts().map(|(at, ..)| at)
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
    /// Of this kind, or unreadable, so that nobody can tell. Goes over the events of other kinds
    /// too: a long span belongs to `work`.
    pub action: Option<Action>,
}

/// The events of a pool, oldest first, each with its place.
pub fn query(store: &PoolStore, query: &Query) -> Result<Vec<(Cursor, Listed<Event>)>> {
    let from = query.from.map(|at| Key::audit(at, Sequence::new(0), 0));
    let after = query.after.as_ref().map(|cursor| cursor.0.clone()).max(from);
    let limit = query.limit.min(MAX_EVENTS);
    let mut found = Vec::new();
    for row in store.scan(&Prefix::space(Space::Audit), after.as_ref()) {
        if found.len() >= limit {
            break;
        }
        let (key, row) = row?;
        let place = Cursor(key);
        if query.to.is_some_and(|to| place.at().is_some_and(|at| at >= to)) {
            break;
        }
        let event = Event::decode(&row.value).map_err(|reason| Unreadable { name: place.to_text(), reason });
        if query.action.is_none_or(|action| event.as_ref().map_or(true, |event| action == event.action)) {
            found.push((place, event));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
