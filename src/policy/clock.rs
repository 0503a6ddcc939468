//! Whether the wall clock can be trusted with what cannot be taken back: to delete what has ended.
//!
//! A machine has two clocks: one on the wall, which operators and time servers correct, and a steady one, which only counts. While both go alike, the wall clock is
//! trusted. When it leaps, it may be wrong or may have been wrong; which of the two no program can tell. So for [`HOLD`] nothing is deleted, and what is written is
//! stamped as the steady clock goes on from before; then the wall clock is taken at its word. Who judges whether something has ended always asks the wall clock:
//! that can be taken back.
//!
//! ```text
//!            leap                          HOLD has passed without another leap
//!  TRUSTED ───────▶ HELD (until + HOLD) ────────────────────────────────────────▶ TRUSTED
//!                    │  ▲
//!                    └──┘ leap
//! ```
//!
//! A machine that was off has no steady clock for that time, and may have been off for months. So at a start the time that was last trusted is compared: a clock
//! that is before it, or more than [`MAX_OFF`] after it, holds deletions back too.

use crate::model::Timestamp;
use std::time::Duration;

/// How far the clocks may drift apart, besides a thousandth of the time: a time server slews by half of that at most, and a leap second is one.
pub const MAX_DRIFT: Duration = Duration::from_secs(60);
/// How long nothing is deleted after a leap.
pub const HOLD: Duration = Duration::from_secs(60 * 60);
/// How long a machine may have been off without being asked about it.
pub const MAX_OFF: Duration = Duration::from_secs(24 * 60 * 60);
/// How far in the future a record may seem to be made: clocks of several machines, and of one before and after a correction, differ. What claims to be from beyond
/// that is not believed.
pub const SKEW: Duration = Duration::from_secs(5 * 60);

/// Whether something claims to have been made in the future.
pub fn is_from_the_future(made: Timestamp, now: Timestamp) -> bool {
    made > now.plus(SKEW)
}

/// Whether something is alive that lasts so long at most and ends at that moment. What ends later than it could has been made in the future.
pub fn is_alive(end: Timestamp, lifetime: Duration, now: Timestamp) -> bool {
    now < end && end <= now.plus(lifetime).plus(SKEW)
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The clock on the wall.
    pub wall: Timestamp,
    /// The steady one, since some beginning.
    pub steady: Duration,
}

impl Reading {
    /// What the wall clock should say when the steady one has come to `steady`.
    fn at(&self, steady: Duration) -> Timestamp {
        self.wall.plus(steady.saturating_sub(self.steady))
    }
}

/// How the wall clock has leapt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leap {
    /// So far ahead of the time that was expected.
    Forward(Duration),
    /// So far behind it.
    Back(Duration),
}

/// What is thought of the wall clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The reading that the wall clock is measured by: the first one after the last leap.
    anchor: Reading,
    /// Of a clock that is held: the reading that stamps go on from, and when it is trusted again by the steady clock.
    held: Option<(Reading, Duration)>,
    /// The last stamp that was given.
    stamp: Timestamp,
}

impl Trust {
    /// At the start of a server. `trusted` is the last time that was trusted before, if there was one.
    pub fn begin(reading: Reading, trusted: Option<Timestamp>) -> (Self, Option<Leap>) {
        let leap = trusted.and_then(|trusted| leap(trusted, reading.wall, SKEW, MAX_OFF));
        let held = leap.map(|_| (reading, reading.steady + HOLD));
        let stamp = trusted.map_or(Timestamp::from_micros(i64::MIN), |trusted| trusted);
        (Self { anchor: reading, held, stamp }, leap)
    }

    /// Takes note of the time; tells if the wall clock has leapt.
    pub fn look(&mut self, reading: Reading) -> Option<Leap> {
        let drift = MAX_DRIFT + reading.steady.saturating_sub(self.anchor.steady) / 1000;
        let leap = leap(self.anchor.at(reading.steady), reading.wall, drift, drift);
        if leap.is_some() {
            let from = self.held.map_or(self.anchor, |(from, _)| from);
            self.anchor = reading;
            self.held = Some((from, reading.steady + HOLD));
        }
        self.held = self.held.filter(|(_, until)| reading.steady < *until);
        leap
    }

    /// Whether what has ended by the wall clock may be deleted.
    pub const fn may_delete(&self) -> bool {
        self.held.is_none()
    }

    /// The moment to write into a record: never the same as, or before, one that was given earlier.
    pub fn stamp(&mut self, reading: Reading) -> Timestamp {
        let now = self.held.map_or(reading.wall, |(from, _)| from.at(reading.steady));
        self.stamp = now.max(self.stamp.plus(Duration::from_micros(1)));
        self.stamp
    }
}

fn leap(expected: Timestamp, wall: Timestamp, back: Duration, forward: Duration) -> Option<Leap> {
    let (ahead, behind) = (wall.since(expected), expected.since(wall));
    if ahead > forward {
        Some(Leap::Forward(ahead))
    } else if behind > back {
        Some(Leap::Back(behind))
    } else {
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 24 * 60 * 60;
    const NOON: i64 = 1_790_000_000;

    /// So many seconds after the beginning by the steady clock, when the wall clock is so many seconds off.
    fn reading(steady: u64, off: i64) -> Reading {
        let wall = Timestamp::from_seconds(NOON + i64::try_from(steady).unwrap() + off);
        Reading { wall, steady: Duration::from_secs(steady) }
    }

    fn seconds(seconds: i64) -> Duration {
        Duration::from_secs(seconds.unsigned_abs())
    }

    #[test]
    fn what_time_servers_do_is_no_leap() {
        let (mut trust, at_start) = Trust::begin(reading(0, 0), Some(Timestamp::from_seconds(NOON - 30)));
        assert_eq!(at_start, None);
        // A leap second, a correction after the start, and a slew of 500 ppm for ten days.
        for (steady, off) in [(100, -1), (200, 40), (300, 0), (864_000, 432)] {
            assert_eq!(trust.look(reading(steady, off)), None, "{steady} {off}");
            assert!(trust.may_delete());
        }
    }

    #[test]
    fn a_leap_of_a_moment_holds_deletions_until_an_hour_after_it_is_over() {
        let (mut trust, _) = Trust::begin(reading(0, 0), None);
        assert_eq!(trust.look(reading(1000, 400 * DAY)), Some(Leap::Forward(seconds(400 * DAY))));
        assert!(!trust.may_delete());
        assert_eq!(trust.look(reading(1033, 0)), Some(Leap::Back(seconds(400 * DAY))));
        assert_eq!(trust.look(reading(1033 + 3599, 0)), None);
        assert!(!trust.may_delete());
        assert_eq!(trust.look(reading(1033 + 3600, 0)), None);
        assert!(trust.may_delete());
    }

    #[test]
    fn steps_that_are_small_each_are_a_leap_together() {
        let (mut trust, _) = Trust::begin(reading(0, 0), None);
        let leapt = (1..=10).filter_map(|step: i64| trust.look(reading(step.unsigned_abs(), step * 30))).count();
        assert!(leapt > 0 && !trust.may_delete());
    }

    #[test]
    fn a_clock_that_was_corrected_is_trusted_in_the_end() {
        for off in [400 * DAY, -DAY] {
            let (mut trust, _) = Trust::begin(reading(0, 0), None);
            assert!(trust.look(reading(10, off)).is_some());
            assert_eq!(trust.look(reading(10 + 3600, off)), None);
            assert!(trust.may_delete());
        }
    }

    #[test]
    fn at_a_start_the_time_that_was_last_trusted_is_compared() {
        let table = [
            (Some(0), 0, None),
            (Some(0), DAY, None),
            (Some(0), 400 * DAY, Some(Leap::Forward(seconds(400 * DAY)))),
            (Some(0), -299, None),
            (Some(0), -DAY, Some(Leap::Back(seconds(DAY)))),
            // A machine without a battery begins in 1970.
            (Some(0), -NOON, Some(Leap::Back(seconds(NOON)))),
            (None, -NOON, None),
        ];
        for (trusted, off, expected) in table {
            let trusted: Option<i64> = trusted;
            let (trust, leap) = Trust::begin(reading(0, off), trusted.map(|_| Timestamp::from_seconds(NOON)));
            assert_eq!((leap, trust.may_delete()), (expected, expected.is_none()), "{trusted:?} {off}");
        }
    }

    #[test]
    fn stamps_go_on_evenly_while_the_clock_is_held() {
        let (mut trust, _) = Trust::begin(reading(0, 0), None);
        assert_eq!(trust.stamp(reading(1, 0)), reading(1, 0).wall);
        trust.look(reading(2, 400 * DAY));
        assert_eq!(trust.stamp(reading(3, 400 * DAY)), reading(3, 0).wall, "nothing is stamped with a time that is not believed");
        trust.look(reading(4, 0));
        assert_eq!(trust.stamp(reading(5, 0)), reading(5, 0).wall);
    }

    #[test]
    fn what_comes_from_the_future_is_not_believed() {
        let now = Timestamp::from_seconds(NOON);
        assert!(!is_from_the_future(now.plus(SKEW), now));
        assert!(is_from_the_future(now.plus(SKEW).plus(Duration::from_micros(1)), now));
        assert!(!is_from_the_future(now.minus(SKEW), now));
        let minute = Duration::from_secs(60);
        for (end, alive) in [(0, false), (1, true), (60, true), (360, true), (361, false)] {
            assert_eq!(is_alive(now.plus(seconds(end)), minute, now), alive, "{end}");
        }
    }

    proptest! {
        #[test]
        fn stamps_never_go_back_whatever_the_clock_does(
            offs in prop::collection::vec(prop_oneof![Just(0), -1_000_000_000..1_000_000_000i64], 1..50),
            trusted in prop::option::of(0..4_000_000_000i64),
        ) {
            let (mut trust, _) = Trust::begin(reading(0, offs[0]), trusted.map(Timestamp::from_seconds));
            let mut last = trusted.map(Timestamp::from_seconds);
            for (steady, off) in (0..).step_by(700).zip(offs) {
                let reading = reading(steady, off);
                trust.look(reading);
                let stamp = trust.stamp(reading);
                prop_assert!(last.is_none_or(|last| stamp > last));
                last = Some(stamp);
            }
        }

        #[test]
        fn nothing_is_deleted_within_an_hour_of_a_leap(offs in prop::collection::vec(prop_oneof![Just(0), -DAY..DAY], 1..60)) {
            let (mut trust, _) = Trust::begin(reading(0, 0), None);
            let mut leapt: Option<u64> = None;
            for (steady, off) in (0..).step_by(600).zip(offs) {
                if trust.look(reading(steady, off)).is_some() {
                    leapt = Some(steady);
                }
                prop_assert_eq!(trust.may_delete(), leapt.is_none_or(|at| steady - at >= 3600));
            }
        }
    }
}
