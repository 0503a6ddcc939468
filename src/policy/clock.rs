//! Whether the wall clock can be trusted with what cannot be taken back: to delete what has ended.
//!
//! A machine has two clocks: one on the wall, which operators and time servers correct, and a
//! steady one, which only counts. While both go alike, the wall clock is trusted. When it leaps, it
//! may be wrong or may have been wrong; which of the two no program can tell. So for [`HOLD`]
//! nothing is deleted, and what is written is stamped as the steady clock goes on from before; then
//! the wall clock is taken at its word. Who judges whether something has ended always asks the wall
//! clock: that can be taken back.
//!
//! ```text
//!            leap                          HOLD has passed without another leap
//!  TRUSTED ───────▶ HELD (until + HOLD) ────────────────────────────────────────▶ TRUSTED
//!                    │  ▲
//!                    └──┘ leap
//! ```
//!
//! A machine that was off has no steady clock for that time, and may have been off for months. So
//! at a start the time that was last trusted is compared: a clock that is before it, or more than
//! [`MAX_OFF`] after it, holds deletions back too. Stamps go by the wall clock then. To go on from
//! the time that was last trusted would date whatever is written in the first hour to the day when
//! the machine was switched off, or its data saved; and that is why a clock has gone ahead far more
//! often than that it is wrong.
//!
//! A stamp is never before one that was given earlier. Whoever follows the changes of a directory
//! asks for what was stamped after the last change that they have seen: of what is stamped before
//! it they would never hear. Records that a clock ahead of the time has stamped therefore go first
//! until that time has come, and what is written meanwhile is stamped a microsecond after them: a
//! date that is too late can be seen, and a change that is missed cannot. So what is remembered
//! over a restart is two moments: the time that was last trusted, which a clock that is believed
//! later takes back, and the last stamp, which nothing does. A clock ahead under which nothing was
//! stamped leaves no trace.

use crate::model::Timestamp;
use std::time::Duration;

/// How far the clocks may drift apart, besides a thousandth of the time: a time server slews by
/// half of that at most, and a leap second is one.
pub const MAX_DRIFT: Duration = Duration::from_secs(60);
/// How long nothing is deleted after a leap.
pub const HOLD: Duration = Duration::from_secs(60 * 60);
/// How long a machine may have been off without being asked about it.
pub const MAX_OFF: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the wall clock is measured by one reading of it. Over a longer time what is taken for
/// drift would grow to hours.
pub const RENEWED: Duration = Duration::from_secs(24 * 60 * 60);
/// How far in the future a record may seem to be made: clocks of several machines, and of one
/// before and after a correction, differ. What claims to be from beyond that is not believed.
pub const SKEW: Duration = Duration::from_secs(5 * 60);

/// Whether something claims to have been made in the future.
pub fn is_from_the_future(made: Timestamp, now: Timestamp) -> bool {
    made > now.plus(SKEW)
}

/// Whether something is alive that lasts so long at most and ends at that moment. What ends later
/// than it could has been made in the future.
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

/// What is remembered over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The time that was last trusted, if any was.
    pub last: Option<Timestamp>,
    /// The last stamp that was given.
    pub stamp: Timestamp,
}

impl Default for Noted {
    /// Before anything was trusted or stamped.
    fn default() -> Self {
        Self { last: None, stamp: Timestamp::from_micros(i64::MIN) }
    }
}

/// What is thought of the wall clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The reading that the wall clock is measured by: the first one after the last leap, or of the
    /// day.
    anchor: Reading,
    /// Of a clock that is held: the reading that stamps go on from, and when it is trusted again by
    /// the steady clock.
    held: Option<(Reading, Duration)>,
    /// The last stamp that was given.
    stamp: Timestamp,
}

impl Trust {
    /// At the start of a server, with what the one before has noted.
    pub fn begin(reading: Reading, noted: Noted) -> (Self, Option<Leap>) {
        let leap = noted.last.and_then(|last| leap(last, reading.wall, SKEW, MAX_OFF));
        let held = leap.map(|_| (reading, reading.steady + HOLD));
        (Self { anchor: reading, held, stamp: noted.stamp }, leap)
    }

    /// Takes note of the time; tells if the wall clock has leapt.
    pub fn look(&mut self, reading: Reading) -> Option<Leap> {
        let measured = reading.steady.saturating_sub(self.anchor.steady);
        let drift = MAX_DRIFT + measured / 1000;
        let leap = leap(self.anchor.at(reading.steady), reading.wall, drift, drift);
        if leap.is_some() {
            let from = self.held.map_or(self.anchor, |(from, _)| from);
            self.anchor = reading;
            self.held = Some((from, reading.steady + HOLD));
        }
        self.held = self.held.filter(|(_, until)| reading.steady < *until);
        if self.held.is_none() && measured >= RENEWED {
            self.anchor = reading;
        }
        leap
    }

    /// Whether what has ended by the wall clock may be deleted.
    pub const fn may_delete(&self) -> bool {
        self.held.is_none()
    }

    /// What to remember over a restart, given what is remembered by now.
    pub fn note(&self, reading: Reading, noted: Noted) -> Noted {
        Noted { last: if self.may_delete() { Some(reading.wall) } else { noted.last }, stamp: self.stamp.max(noted.stamp) }
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
mod tests;
