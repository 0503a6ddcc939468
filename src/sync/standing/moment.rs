//! Moments as other servers write them.

use crate::directory::value;
use crate::model::Timestamp;
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Seconds from the beginning of 1601, where Windows begins, to the Unix epoch.
const WINDOWS_EPOCH: i64 = 11_644_473_600;
/// Intervals of 100 nanoseconds in a second.
const WINDOWS_TICKS: i64 = 10_000_000;
/// What 32 bits of seconds end with: what Samba writes for never.
const LAST_SECOND: i64 = i32::MAX as i64;

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Generalized time (RFC 4517, section 3.3.13).
    Generalized,
    /// The same, and the epoch is never: MIT Kerberos keeps seconds, of which zero says that there
    /// is no end (`client->pw_expiration &&` in its KDC).
    GeneralizedOrEpoch,
    /// Seconds since the Unix epoch; below zero and at the end of 32 or 64 bits: never.
    UnixSeconds,
    /// The same, and zero is never.
    UnixSecondsOrZero,
    /// Days since the Unix epoch; below zero: never.
    UnixDays,
    /// Intervals of 100 nanoseconds since 1601; zero and the end of 64 bits: never ([MS-ADTS],
    /// accountExpires).
    FileTime,
    /// Generalized time, a date or a time of ISO 8601, or "never".
    Any,
}

/// A moment, or none to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Never,
    At(Timestamp),
}

impl Form {
    /// Reads a moment; `None` if it is none of that form.
    pub fn read(self, text: &str) -> Option<When> {
        let number = || text.parse::<i64>().ok();
        match self {
            Self::Generalized => value::timestamp(text.as_bytes()).map(When::At),
            Self::GeneralizedOrEpoch => Self::Generalized.read(text).map(|when| match when {
                When::At(moment) if moment.seconds() == 0 => When::Never,
                when => when,
            }),
            Self::UnixSeconds => number().map(|seconds| match seconds {
                i64::MIN..0 | LAST_SECOND | i64::MAX => When::Never,
                _ => When::At(Timestamp::from_seconds(seconds)),
            }),
            Self::UnixSecondsOrZero => match text {
                "0" => Some(When::Never),
                _ => Self::UnixSeconds.read(text),
            },
            Self::UnixDays => number().map(|days| match days {
                i64::MIN..0 => When::Never,
                _ => When::At(Timestamp::from_seconds(days.saturating_mul(DAY))),
            }),
            Self::FileTime => number().filter(|ticks| *ticks >= 0).map(|ticks| match ticks {
                0 | i64::MAX => When::Never,
                _ => When::At(Timestamp::from_seconds(ticks / WINDOWS_TICKS - WINDOWS_EPOCH)),
            }),
            Self::Any if text.eq_ignore_ascii_case("never") => Some(When::Never),
            Self::Any => value::timestamp(text.as_bytes()).or_else(|| calendar(text)).map(When::At),
        }
    }
}

fn calendar(text: &str) -> Option<Timestamp> {
    let whole = || OffsetDateTime::parse(text, &Rfc3339).ok();
    let local = || PrimitiveDateTime::parse(&text.replacen(' ', "T", 1), &Iso8601::DEFAULT).ok();
    let date = || Date::parse(text, &Iso8601::DEFAULT).ok();
    let moment =
        whole().or_else(|| local().map(PrimitiveDateTime::assume_utc)).or_else(|| date().map(|date| date.midnight().assume_utc()))?;
    Some(Timestamp::from_seconds(moment.unix_timestamp()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_each_form_are_read() {
        let at = |seconds| Some(When::At(Timestamp::from_seconds(seconds)));
        let never = Some(When::Never);
        for (form, text, expected) in [
            (Form::Generalized, "20240101080000Z", at(1_704_096_000)),
            (Form::Generalized, "2024-01-01", None),
            (Form::Generalized, "19700101000000Z", at(0)),
            (Form::GeneralizedOrEpoch, "19700101000000Z", never),
            (Form::GeneralizedOrEpoch, "19700101010000+0100", never),
            (Form::GeneralizedOrEpoch, "19700101000001Z", at(1)),
            (Form::GeneralizedOrEpoch, "0", None),
            (Form::UnixSeconds, "1704096000", at(1_704_096_000)),
            (Form::UnixSeconds, "0", at(0)),
            (Form::UnixSeconds, "2147483647", never),
            (Form::UnixSeconds, "9223372036854775807", never),
            (Form::UnixSeconds, "-1", never),
            (Form::UnixSeconds, "soon", None),
            (Form::UnixSecondsOrZero, "0", never),
            (Form::UnixSecondsOrZero, "1704096000", at(1_704_096_000)),
            (Form::UnixDays, "1", at(86_400)),
            (Form::UnixDays, "-1", never),
            (Form::UnixDays, "", None),
            (Form::FileTime, "133485696000000000", at(1_704_096_000)),
            (Form::FileTime, "0", never),
            (Form::FileTime, "9223372036854775807", never),
            (Form::FileTime, "-1", None),
            (Form::Any, "20240101080000Z", at(1_704_096_000)),
            (Form::Any, "2024-01-01T08:00:00Z", at(1_704_096_000)),
            (Form::Any, "2024-01-01T09:00:00+01:00", at(1_704_096_000)),
            (Form::Any, "2024-01-01 08:00:00", at(1_704_096_000)),
            (Form::Any, "2024-01-01", at(1_704_067_200)),
            (Form::Any, "Never", never),
            (Form::Any, "1/2/2024", None),
        ] {
            assert_eq!(form.read(text), expected, "{form:?} {text}");
        }
    }
}
