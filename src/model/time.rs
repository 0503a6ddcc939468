//! Time as a value: rooms that decide are handed a [`Timestamp`], rooms that drive hold a
//! [`Clock`].

use std::time::Duration;

/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Timestamp(#[n(0)] i64);

impl Timestamp {
    /// The moment that many microseconds after the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The moment that many seconds after the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment plus a duration; saturates.
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// This moment less a duration; saturates.
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }

    /// How long after `earlier` this moment is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        let micros = self.0.saturating_sub(earlier.0).max(0);
        Duration::from_micros(micros.unsigned_abs())
    }

    /// How far the two moments are from each other.
    pub const fn abs_diff(self, other: Self) -> Duration {
        Duration::from_micros(self.0.abs_diff(other.0))
    }
}

/// Tells the time. The real one lives in `server`; tests hold one that they move by hand.
pub trait Clock: Send + Sync {
    /// The present moment, as the clock on the wall has it: operators and time servers correct it,
    /// and it can leap.
    fn now(&self) -> Timestamp;

    /// Time that passes evenly since some beginning, whatever becomes of the clock on the wall. A
    /// clock that nobody corrects goes evenly by itself.
    fn steady(&self) -> Duration {
        self.now().since(Timestamp(0))
    }

    /// The moment to write into a record that others are ordered by. The server's is never before
    /// one that it gave earlier, in this run or in one that ended cleanly, and while it runs it
    /// follows no leap before that is believed. At a start it goes by the clock on the wall.
    fn stamp(&self) -> Timestamp {
        self.now()
    }
}

/// A duration in whole seconds, as settings and records hold it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(transparent)]
#[cbor(transparent)]
pub struct Seconds(#[n(0)] pub u32);

impl Seconds {
    /// That many minutes.
    pub const fn minutes(minutes: u32) -> Self {
        Self(minutes.saturating_mul(60))
    }

    /// That many hours.
    pub const fn hours(hours: u32) -> Self {
        Self::minutes(hours.saturating_mul(60))
    }

    /// That many days.
    pub const fn days(days: u32) -> Self {
        Self::hours(days.saturating_mul(24))
    }

    /// The same as a [`Duration`].
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// A duration in whole days, as settings hold it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(transparent)]
#[cbor(transparent)]
pub struct Days(#[n(0)] pub u16);

impl Days {
    /// The same as a [`Duration`].
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64 * 24 * 60 * 60)
    }
}
