//! When a session is over.

use crate::model::{Seconds, Timestamp};
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// The rules of a pool for sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct SessionPolicy {
    /// A session that nobody uses for so long is over.
    #[n(0)]
    #[serde(rename = "idle_seconds")]
    pub idle: Seconds,
    /// However much it is used, a session is over so long after the login.
    #[n(1)]
    #[serde(rename = "absolute_seconds")]
    pub absolute: Seconds,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self { idle: Seconds::hours(1), absolute: Seconds::hours(12) }
    }
}

/// When a session ends that was begun at `began` and last used at `used`.
pub fn ends_at(policy: &SessionPolicy, began: Timestamp, used: Timestamp) -> Timestamp {
    used.plus(policy.idle.duration()).min(began.plus(policy.absolute.duration()))
}

/// Whether that session is over. One that claims to begin in the future is over too: its record is not to be trusted.
pub fn is_over(policy: &SessionPolicy, began: Timestamp, used: Timestamp, now: Timestamp) -> bool {
    now >= ends_at(policy, began, used) || used < began
}
