#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

/// Three failures within ten seconds lock for a minute.
const POLICY: LockoutPolicy =
    LockoutPolicy { threshold: 3, window: Seconds(10), duration: Seconds(60), sources: SourcePolicy { names: 4, known: Days(30) } };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn after_failures(seconds: &[i64]) -> State {
    seconds.iter().fold(State::default(), |state, second| after_failure(&POLICY, &state, at(*second)))
}

#[test]
fn the_third_failure_within_the_window_locks() {
    assert!(!is_locked(&State::default(), at(0)));
    assert!(!is_locked(&after_failures(&[0, 1]), at(1)));
    let locked = after_failures(&[0, 1, 2]);
    assert!(is_locked(&locked, at(2)));
    assert!(is_locked(&locked, at(61)));
    assert!(!is_locked(&locked, at(62)), "a lock ends by itself");
}

#[test]
fn a_lock_of_a_clock_that_was_ahead_does_not_count() {
    let locked = after_failures(&[1000, 1001, 1002]);
    assert!(is_locked(&locked, at(702)), "a little ahead");
    assert!(!is_locked(&locked, at(701)));
}

#[test]
fn failures_further_apart_than_the_window_are_forgotten() {
    assert_eq!(after_failures(&[0, 5, 16]).failures, 1);
    assert_eq!(after_failures(&[0, 10, 20]).failures, 3, "each failure begins the window anew");
}

#[test]
fn failures_while_locked_do_not_prolong_the_lock() {
    let locked = after_failures(&[0, 1, 2]);
    let still = after_failures(&[0, 1, 2, 3, 30, 61]);
    assert_eq!(still, locked);
}

#[test]
fn after_a_lock_counting_begins_anew() {
    let state = after_failures(&[0, 1, 2, 62]);
    assert_eq!((state.failures, is_locked(&state, at(62))), (1, false));
    assert!(is_locked(&after_failures(&[0, 1, 2, 62, 63, 64]), at(64)));
}

#[test]
fn a_success_forgets_everything() {
    assert_eq!(after_success(), State::default());
}

#[test]
fn threshold_zero_never_locks_and_remembers_nothing() {
    let policy = LockoutPolicy { threshold: 0, ..POLICY };
    let state = (0..100).fold(State::default(), |state, second| after_failure(&policy, &state, at(second)));
    assert_eq!(state, State::default());
}

#[test]
fn a_state_is_forgotten_when_it_means_nothing_any_more() {
    assert_eq!(forgotten_at(&POLICY, &State::default()), None);
    assert_eq!(forgotten_at(&POLICY, &after_failures(&[5])), Some(at(15)));
    assert_eq!(forgotten_at(&POLICY, &after_failures(&[0, 1, 2])), Some(at(62)));
}

#[test]
fn golden_bytes_of_the_state() {
    let state = State { failures: 3, last_failure: Some(Timestamp::from_micros(2)), locked_until: Some(Timestamp::from_micros(-1)) };
    assert_eq!(crate::model::record::encode(1, &state), [1, 0xa3, 0, 3, 1, 2, 2, 0x20]);
    assert_eq!(crate::model::record::decode::<State>(1, &[1, 0xa1, 0, 0]).unwrap(), State::default());
}

proptest! {
    #[test]
    fn nobody_is_locked_by_fewer_failures_than_the_threshold(gaps in proptest::collection::vec(0i64..30, 0..20), threshold in 1u16..8) {
        let policy = LockoutPolicy { threshold, ..POLICY };
        let mut state = State::default();
        let mut now = 0;
        let mut since_success = 0;
        for gap in gaps {
            now += gap;
            if is_locked(&state, at(now)) {
                prop_assert!(since_success >= threshold);
            }
            if gap == 0 {
                state = after_success();
                since_success = 0;
            } else {
                state = after_failure(&policy, &state, at(now));
                since_success += 1;
            }
        }
    }

    #[test]
    fn failures_close_together_lock_exactly_at_the_threshold(threshold in 1u16..50, gap in 0i64..=10) {
        let policy = LockoutPolicy { threshold, ..POLICY };
        let mut state = State::default();
        for number in 1..=threshold {
            prop_assert!(!is_locked(&state, at(gap * i64::from(number))));
            state = after_failure(&policy, &state, at(gap * i64::from(number)));
        }
        prop_assert!(is_locked(&state, at(gap * i64::from(threshold))));
    }

    #[test]
    fn a_state_that_is_forgotten_behaves_like_none(times in proptest::collection::vec(0i64..1000, 0..10), wait in 0i64..5) {
        let state = after_failures(&times);
        if let Some(end) = forgotten_at(&POLICY, &state) {
            let later = end.plus(std::time::Duration::from_micros(1 + wait.unsigned_abs()));
            prop_assert!(!is_locked(&state, later));
            prop_assert_eq!(after_failure(&POLICY, &state, later), after_failure(&POLICY, &State::default(), later));
        }
    }
}
