//! Audit: what happened in a pool, who did it, through which face, with which result and for which
//! true reason.
//!
//! Owns the audit record, its query and the counters of what is too frequent to be recorded one by
//! one. Uses `store` and `model`. Never decides anything, and never holds a secret: the true reason
//! of a denial is here and nowhere on the wire.

mod counters;
mod event;
mod query;

pub use counters::{Counted, Counters};
pub use event::{Action, Event, Outcome, Reason, record};
pub use query::{Cursor, Query, query};
