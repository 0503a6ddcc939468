#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

const DAY: i64 = 24 * 60 * 60;
const NOON: i64 = 1_790_000_000;

/// So many seconds after the beginning by the steady clock, when the wall clock is so many seconds
/// off.
fn reading(steady: u64, off: i64) -> Reading {
    let wall = Timestamp::from_seconds(NOON + i64::try_from(steady).unwrap() + off);
    Reading { wall, steady: Duration::from_secs(steady) }
}

/// What is noted by a server that last trusted that time, and stamped something then.
fn noted(at: Timestamp) -> Noted {
    Noted { last: Some(at), stamp: at }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(seconds.unsigned_abs())
}

#[test]
fn what_time_servers_do_is_no_leap() {
    let (mut trust, at_start) = Trust::begin(reading(0, 0), noted(Timestamp::from_seconds(NOON - 30)));
    assert_eq!(at_start, None);
    // A leap second, a correction after the start, and a slew of 500 ppm for ten days.
    for (steady, off) in [(100, -1), (200, 40), (300, 0), (864_000, 432)] {
        assert_eq!(trust.look(reading(steady, off)), None, "{steady} {off}");
        assert!(trust.may_delete());
    }
}

#[test]
fn a_leap_of_a_moment_holds_deletions_until_an_hour_after_it_is_over() {
    let (mut trust, _) = Trust::begin(reading(0, 0), Noted::default());
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
    let (mut trust, _) = Trust::begin(reading(0, 0), Noted::default());
    let leapt = (1..=10).filter_map(|step: i64| trust.look(reading(step.unsigned_abs(), step * 30))).count();
    assert!(leapt > 0 && !trust.may_delete());
}

#[test]
fn a_clock_that_was_corrected_is_trusted_in_the_end() {
    for off in [400 * DAY, -DAY] {
        let (mut trust, _) = Trust::begin(reading(0, 0), Noted::default());
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
        let last = trusted.map(|_| Timestamp::from_seconds(NOON));
        let (trust, leap) = Trust::begin(reading(0, off), Noted { last, ..Noted::default() });
        assert_eq!((leap, trust.may_delete()), (expected, expected.is_none()), "{trusted:?} {off}");
    }
}

#[test]
fn stamps_go_on_evenly_while_the_clock_is_held() {
    let (mut trust, _) = Trust::begin(reading(0, 0), Noted::default());
    assert_eq!(trust.stamp(reading(1, 0)), reading(1, 0).wall);
    trust.look(reading(2, 400 * DAY));
    assert_eq!(trust.stamp(reading(3, 400 * DAY)), reading(3, 0).wall, "nothing is stamped with a time that is not believed");
    trust.look(reading(4, 0));
    assert_eq!(trust.stamp(reading(5, 0)), reading(5, 0).wall);
}

#[test]
fn a_leap_is_seen_however_long_the_clock_has_gone_well() {
    let (mut trust, _) = Trust::begin(reading(0, 0), Noted::default());
    let day = DAY.unsigned_abs();
    for hour in 1..=100 * 24 {
        assert_eq!(trust.look(reading(hour * 3600, 0)), None);
    }
    assert_eq!(trust.look(reading(100 * day + 30, 10 * 60)), Some(Leap::Forward(seconds(10 * 60))));
    // An hour later the clock is measured by what it says now, and so it is after days.
    for hour in 1..=100 * 24 {
        assert_eq!(trust.look(reading(100 * day + 30 + hour * 3600, 10 * 60)), None);
    }
    assert!(trust.may_delete());
    assert_eq!(trust.look(reading(200 * day + 60, 0)), Some(Leap::Back(seconds(10 * 60))));
}

#[test]
fn slow_drift_is_no_leap_for_years() {
    let (mut trust, _) = Trust::begin(reading(0, 0), Noted::default());
    // A second a day, as machines without a time server have it.
    for day in 1..1000 {
        assert_eq!(trust.look(reading(u64::try_from(day * DAY).unwrap(), day)), None);
    }
}

#[test]
fn what_is_noted_under_a_clock_ahead_is_taken_back_when_another_is_believed() {
    let ahead = Timestamp::from_seconds(NOON + 2 * DAY);
    let wrong = Noted { last: Some(ahead), ..Noted::default() };
    let (mut trust, leap) = Trust::begin(reading(0, 0), wrong);
    assert_eq!(leap, Some(Leap::Back(seconds(2 * DAY))));
    assert_eq!(trust.note(reading(10, 0), wrong), wrong, "neither is believed by then");
    assert_eq!(trust.stamp(reading(10, 0)), reading(10, 0).wall, "nothing was stamped under the clock ahead");
    trust.look(reading(3600, 0));
    let noted = trust.note(reading(3600, 0), wrong);
    assert_eq!(noted, Noted { last: Some(reading(3600, 0).wall), stamp: reading(10, 0).wall });
    assert_eq!(Trust::begin(reading(0, 4000), noted).1, None);
}

#[test]
fn what_a_clock_ahead_has_stamped_stays_before_what_is_stamped_later() {
    let ahead = Timestamp::from_seconds(NOON + 2 * DAY);
    let (mut trust, _) = Trust::begin(reading(0, 0), noted(ahead));
    for steady in [0, 3600, 7200] {
        trust.look(reading(steady, 0));
        assert!(trust.stamp(reading(steady, 0)) > ahead);
    }
    let later = reading(2 * DAY.unsigned_abs() + 60, 0);
    trust.look(later);
    assert_eq!(trust.stamp(later), later.wall, "until its time has come");
}

#[test]
fn at_a_start_stamps_go_by_the_wall_clock() {
    for off in [400 * DAY, -2 * DAY] {
        let (mut trust, leap) =
            Trust::begin(reading(0, off), Noted { stamp: Timestamp::from_seconds(NOON - 9 * DAY), ..noted(Timestamp::from_seconds(NOON)) });
        assert!(leap.is_some());
        assert_eq!(trust.stamp(reading(5, off)), reading(5, off).wall);
    }
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
        let (mut trust, _) = Trust::begin(reading(0, offs[0]), trusted.map_or_else(Noted::default, |at| noted(Timestamp::from_seconds(at))));
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
        let (mut trust, _) = Trust::begin(reading(0, 0), Noted::default());
        let mut leapt: Option<u64> = None;
        for (steady, off) in (0..).step_by(600).zip(offs) {
            if trust.look(reading(steady, off)).is_some() {
                leapt = Some(steady);
            }
            prop_assert_eq!(trust.may_delete(), leapt.is_none_or(|at| steady - at >= 3600));
        }
    }
}
