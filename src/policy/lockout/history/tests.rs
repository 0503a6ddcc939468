#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::model::Seconds;
use crate::policy::lockout::SourcePolicy;
use proptest::prelude::*;

/// Three failures within ten seconds lock for a minute; a source stays known for thirty days.
const POLICY: LockoutPolicy =
    LockoutPolicy { threshold: 3, window: Seconds(10), duration: Seconds(60), sources: SourcePolicy { names: 4, known: Days(30) } };

const DAY: i64 = 24 * 60 * 60;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn address(number: u8) -> Sources {
    Sources { browser: None, address: Some([number; 16]) }
}

fn browser(browser: u8, number: u8) -> Sources {
    Sources { browser: Some([browser; 16]), ..address(number) }
}

fn fails(history: History, from: &Sources, times: usize, now: i64) -> History {
    (0..times).fold(history, |history, _| history.after_failure(&POLICY, from, at(now)))
}

fn logs_in(history: &History, from: &Sources, now: i64) -> History {
    history.after_proof(&POLICY, from, at(now)).learnt(&POLICY, from, at(now))
}

#[test]
fn strangers_together_lock_strangers_and_nobody_else() {
    let home = address(1);
    let mut history = logs_in(&History::default(), &home, 0);
    for stranger in 2..=4 {
        assert!(!history.is_locked(&POLICY, &address(stranger), at(1)));
        history = fails(history, &address(stranger), 1, 1);
    }
    assert!(history.is_locked(&POLICY, &address(2), at(1)));
    assert!(history.is_locked(&POLICY, &address(9), at(1)), "whatever the stranger");
    assert!(history.is_locked(&POLICY, &Sources::default(), at(1)), "who comes from nowhere is a stranger");
    assert!(!history.is_locked(&POLICY, &home, at(1)));
    let after = logs_in(&history, &home, 2);
    assert!(after.is_locked(&POLICY, &address(2), at(2)), "what they did is not forgiven for what the person does at home");
}

#[test]
fn a_known_source_has_guesses_of_its_own_and_no_more() {
    let home = address(1);
    let history = fails(logs_in(&History::default(), &home, 0), &home, 3, 1);
    assert!(history.is_locked(&POLICY, &home, at(1)));
    assert!(!history.is_locked(&POLICY, &address(2), at(1)));
    assert_eq!(history.strangers, State::default());
    assert!(!history.is_locked(&POLICY, &home, at(61)));
}

#[test]
fn the_browser_is_asked_before_the_address() {
    let both = browser(7, 1);
    let history = logs_in(&History::default(), &both, 0);
    assert!(history.is_known(&POLICY, &browser(7, 2), at(1)) && history.is_known(&POLICY, &browser(8, 1), at(1)));
    let locked = fails(history, &address(1), 3, 1);
    assert!(locked.is_locked(&POLICY, &address(1), at(1)) && locked.is_locked(&POLICY, &browser(8, 1), at(1)));
    assert!(!locked.is_locked(&POLICY, &both, at(1)), "others at the same address lock others at the same address");
}

#[test]
fn a_proof_forgets_the_failures_that_it_was_judged_by() {
    let history = fails(History::default(), &address(1), 2, 0);
    assert_eq!(history.after_proof(&POLICY, &address(1), at(1)).strangers, State::default());
    let known = fails(logs_in(&History::default(), &address(1), 0), &address(1), 2, 1);
    let known = fails(known, &address(2), 2, 1).after_proof(&POLICY, &address(1), at(2));
    assert_eq!((known.known[0].failures, known.strangers.failures), (State::default(), 2));
}

#[test]
fn a_source_is_known_for_a_while_and_each_login_begins_it_anew() {
    let history = logs_in(&History::default(), &address(1), 0);
    assert!(history.is_known(&POLICY, &address(1), at(30 * DAY - 1)));
    assert!(!history.is_known(&POLICY, &address(1), at(30 * DAY)));
    assert_eq!(logs_in(&history, &address(1), 3 * DAY - 1), history, "most logins write nothing down");
    let again = logs_in(&history, &address(1), 3 * DAY);
    assert!(again.is_known(&POLICY, &address(1), at(33 * DAY - 1)));
    assert_eq!(history.forgotten_at(&POLICY), Some(at(30 * DAY)));
    assert_eq!(logs_in(&history, &address(2), 30 * DAY).known.len(), 1, "what is known no more is not kept");
    // Used under a clock that was ahead.
    assert_eq!(logs_in(&again, &address(1), 0), history);
}

#[test]
fn of_too_many_sources_the_one_used_longest_ago_goes() {
    let from = |number: usize| address(u8::try_from(number).unwrap());
    let history = (0..=MAX_SOURCES).fold(History::default(), |history, number| {
        let now = i64::try_from(number).unwrap();
        logs_in(&history, &from(number), now)
    });
    assert_eq!(history.known.len(), MAX_SOURCES);
    let now = at(100);
    assert!(!history.is_known(&POLICY, &from(0), now) && (1..=MAX_SOURCES).all(|number| history.is_known(&POLICY, &from(number), now)));
}

#[test]
fn zero_days_know_nobody() {
    let policy = LockoutPolicy { sources: SourcePolicy { known: Days(0), ..POLICY.sources }, ..POLICY };
    let history = History::default().learnt(&policy, &browser(7, 1), at(0));
    assert_eq!(history, History::default());
    let before = logs_in(&History::default(), &address(1), 0);
    assert!(!before.is_known(&policy, &address(1), at(0)), "nor whom it knew before");
}

#[test]
fn forgiving_takes_the_failures_and_leaves_the_sources() {
    let history = fails(logs_in(&History::default(), &address(1), 0), &address(1), 3, 1);
    let forgiven = fails(history, &address(2), 3, 1).forgiven();
    assert!(!forgiven.is_locked(&POLICY, &address(1), at(1)) && !forgiven.is_locked(&POLICY, &address(2), at(1)));
    assert!(forgiven.is_known(&POLICY, &address(1), at(1)));
    assert_eq!(History::default().forgotten_at(&POLICY), None);
}

proptest! {
    /// Whatever strangers and the person do in whatever order, each side is locked by its own
    /// failures only, and guesses are bounded.
    #[test]
    fn each_side_answers_for_itself(steps in proptest::collection::vec((0_u8..6, any::<bool>()), 0..60)) {
        let mut history = logs_in(&logs_in(&History::default(), &address(0), 0), &address(1), 0);
        let mut own = [State::default(); 2];
        let mut strangers = State::default();
        for (number, right) in steps {
            let (from, now) = (address(number), at(5));
            let counter = own.get_mut(usize::from(number)).unwrap_or(&mut strangers);
            prop_assert_eq!(history.counter(&POLICY, &from, now), *counter);
            if right && number < 2 && !is_locked(counter, now) {
                *counter = State::default();
                history = logs_in(&history, &from, 5);
            } else {
                *counter = after_failure(&POLICY, counter, now);
                history = history.after_failure(&POLICY, &from, now);
            }
        }
        prop_assert!(history.known.iter().map(|known| known.failures.failures).sum::<u16>() + history.strangers.failures <= 3 * POLICY.threshold);
    }
}
