//! Counting what strangers can make happen without end: the log tells how often it did, and at most
//! once a minute.

use super::time::Timestamp;
use std::sync::{Mutex, PoisonError};

/// A count of one kind of event.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Since>);

#[derive(Debug, Default)]
struct Since {
    /// The minute in which the log was told last.
    told: Option<i64>,
    count: u64,
}

impl Tally {
    /// Counts so many more. Answers with all that have come since the log was told last, when it is
    /// due to be told.
    pub fn add(&self, more: u64, now: Timestamp) -> Option<u64> {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.count = since.count.saturating_add(more);
        let minute = Some(now.seconds().div_euclid(60));
        if since.count == 0 || since.told == minute {
            return None;
        }
        since.told = minute;
        Some(std::mem::take(&mut since.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_together() {
        let tally = Tally::default();
        let at = |second: i64| Timestamp::from_seconds(6000 + second);
        assert_eq!(tally.add(0, at(0)), None);
        assert_eq!(tally.add(1, at(0)), Some(1));
        assert_eq!((tally.add(1, at(1)), tally.add(40, at(59))), (None, None));
        assert_eq!(tally.add(1, at(60)), Some(42));
        assert_eq!(tally.add(1, at(61)), None);
    }
}
