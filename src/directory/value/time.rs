//! Generalized time (RFC 4517, section 3.3.13).

use crate::model::Timestamp;

const EXAMPLE: &str = "a time such as 20260131235959Z";
const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// Digits of a fraction that are told apart: a nanosecond of an hour's fraction needs no more.
const MAX_FRACTION_DIGITS: usize = 9;

/// A moment in UTC: seconds since the Unix epoch and nanoseconds of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    seconds: i64,
    nanos: u32,
}

impl Moment {
    /// Octets in the order of time.
    pub(super) fn key(self) -> Vec<u8> {
        let ordered = self.seconds.cast_unsigned() ^ (1 << 63);
        [ordered.to_be_bytes().as_slice(), &self.nanos.to_be_bytes()].concat()
    }
}

/// The moment that a value of the Generalized Time syntax names; `None` if it is none. The fraction
/// is cut to microseconds.
pub fn timestamp(value: &[u8]) -> Option<Timestamp> {
    let moment = parse(value).ok()?;
    let micros = moment.seconds.checked_mul(1_000_000)?.checked_add(i64::from(moment.nanos / 1000))?;
    Some(Timestamp::from_micros(micros))
}

/// A moment as a value of the Generalized Time syntax, in whole seconds of UTC, as createTimestamp
/// shows it.
pub fn generalized(moment: Timestamp) -> String {
    const LATEST: i64 = 253_402_300_799; // 99991231235959Z
    const EARLIEST: i64 = -62_167_219_200; // 00000101000000Z
    let seconds = moment.seconds().clamp(EARLIEST, LATEST);
    let time = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = time.to_calendar_date();
    format!("{year:04}{:02}{day:02}{:02}{:02}{:02}Z", u8::from(month), time.hour(), time.minute(), time.second())
}

pub(super) fn parse(value: &[u8]) -> Result<Moment, String> {
    parts(value).ok_or_else(|| EXAMPLE.to_owned())
}

fn parts(value: &[u8]) -> Option<Moment> {
    let mut rest = value;
    let year = digits(&mut rest, 4)?;
    let month = u8::try_from(digits(&mut rest, 2)?).ok()?;
    let day = u8::try_from(digits(&mut rest, 2)?).ok()?;
    let hour = digits(&mut rest, 2).filter(|hour| *hour < 24)?;
    let minute = optional(&mut rest, 60)?;
    // A leap second counts as the first of the next minute.
    let second = if minute.is_some() { optional(&mut rest, 61)? } else { None };
    let unit = match (minute, second) {
        (None, _) => 3600,
        (_, None) => 60,
        _ => 1,
    };
    let fraction = fraction(&mut rest, unit)?;
    let offset = offset(rest)?;
    let date = time::Date::from_calendar_date(i32::try_from(year).ok()?, time::Month::try_from(month).ok()?, day).ok()?;
    let days = i64::from(date.to_julian_day() - UNIX_EPOCH.to_julian_day());
    let of_day = i64::from(hour * 3600 + minute.unwrap_or(0) * 60 + second.unwrap_or(0));
    let nanos = u32::try_from(fraction % NANOS_PER_SECOND).ok()?;
    let seconds = days * 86_400 + of_day - offset + i64::try_from(fraction / NANOS_PER_SECOND).ok()?;
    Some(Moment { seconds, nanos })
}

const UNIX_EPOCH: time::Date = time::OffsetDateTime::UNIX_EPOCH.date();

fn digits(rest: &mut &[u8], count: usize) -> Option<u32> {
    let (head, tail) = rest.split_at_checked(count)?;
    let number = head.iter().try_fold(0, |number, octet| octet.is_ascii_digit().then(|| number * 10 + u32::from(octet - b'0')))?;
    *rest = tail;
    Some(number)
}

/// Two digits below `limit` if a digit comes next; `None` if what comes is wrong.
fn optional(rest: &mut &[u8], limit: u32) -> Option<Option<u32>> {
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return Some(None);
    }
    digits(rest, 2).filter(|number| *number < limit).map(Some)
}

/// Nanoseconds of a fraction of `unit` seconds.
fn fraction(rest: &mut &[u8], unit: u64) -> Option<u64> {
    let Some(tail) = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b",")) else { return Some(0) };
    let count = tail.iter().take_while(|octet| octet.is_ascii_digit()).count();
    if count == 0 || count > MAX_FRACTION_DIGITS {
        return None;
    }
    let (head, tail) = tail.split_at_checked(count)?;
    *rest = tail;
    let padded = head.iter().map(|octet| u64::from(octet - b'0')).chain(std::iter::repeat(0)).take(MAX_FRACTION_DIGITS);
    Some(padded.fold(0, |number, digit| number * 10 + digit) * unit)
}

/// Seconds that the written time is ahead of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    if zone == b"Z" {
        return Some(0);
    }
    let (sign, mut rest) = match zone.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let hours = digits(&mut rest, 2).filter(|hours| *hours < 24)?;
    let minutes = optional(&mut rest, 60)?.unwrap_or(0);
    rest.is_empty().then(|| sign * i64::from(hours * 3600 + minutes * 60))
}
