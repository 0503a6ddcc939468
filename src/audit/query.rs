//! Reading the audit log.

use super::event::{Action, Event};
use crate::crypto::digest;
use crate::model::{Result, Timestamp};
use crate::store::PoolStore;

/// Most events that one query returns.
pub const MAX_EVENTS: usize = 1000;

/// A place in the audit log: continue after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Vec<u8>);

impl Cursor {
    /// The place as text for a URL.
    pub fn to_text(&self) -> String {
        digest::base64url(&self.0)
    }

    /// The place of such a text.
    pub fn from_text(text: &str) -> Option<Self> {
        digest::from_base64url(text).map(Self)
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
    /// At most so many.
    pub limit: usize,
    /// Of this kind.
    pub action: Option<Action>,
}

/// The events of a pool, oldest first, each with its place.
pub fn query(_store: &PoolStore, _query: &Query) -> Result<Vec<(Cursor, Event)>> {
    todo!()
}
