//! When a session is over.

use super::clock::is_from_the_future;
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
    used.plus(policy.idle.duration()).min(ends_at_the_latest(policy, began))
}

/// When a session ends that was begun at `began`, however much it is used.
pub fn ends_at_the_latest(policy: &SessionPolicy, began: Timestamp) -> Timestamp {
    began.plus(policy.absolute.duration())
}

/// Whether that session is over. One that claims to begin in the future is over too: its record is
/// not to be trusted.
pub fn is_over(policy: &SessionPolicy, began: Timestamp, used: Timestamp, now: Timestamp) -> bool {
    now >= ends_at(policy, began, used) || used < began || is_from_the_future(began, now)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: SessionPolicy = SessionPolicy { idle: Seconds(10), absolute: Seconds(60) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_session_ends_when_it_is_idle_or_old() {
        for (began, used, now, over) in [
            (0, 0, 0, false),
            (0, 0, 9, false),
            (0, 0, 10, true),
            (0, 9, 18, false),
            (0, 55, 59, false),
            (0, 55, 60, true),
            (0, 59, 60, true),
            (100, 50, 55, true),
            // As a clock that was ahead has begun it.
            (1000, 1000, 700, false),
            (1000, 1000, 699, true),
        ] {
            assert_eq!(is_over(&POLICY, at(began), at(used), at(now)), over, "{began} {used} {now}");
        }
        assert_eq!(ends_at(&POLICY, at(0), at(20)), at(30));
        assert_eq!(ends_at(&POLICY, at(0), at(55)), at(60));
    }

    proptest! {
        #[test]
        fn once_over_it_stays_over(began in 0i64..100, used in 0i64..200, now in 0i64..300, later in 0i64..300) {
            if began <= now && is_over(&POLICY, at(began), at(used), at(now)) {
                prop_assert!(is_over(&POLICY, at(began), at(used), at(now + later)));
            }
        }

        #[test]
        fn nothing_outlives_the_absolute_end(began in 0i64..100, used in 0i64..1000) {
            prop_assert!(ends_at(&POLICY, at(began), at(used)) <= at(began + 60));
        }
    }
}
