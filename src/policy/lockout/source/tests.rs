#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::model::{Days, Seconds};
use crate::policy::lockout::SourcePolicy;
use proptest::prelude::*;

/// Four names within a minute.
const POLICY: LockoutPolicy =
    LockoutPolicy { threshold: 3, window: Seconds(60), duration: Seconds(60), sources: SourcePolicy { names: 4, known: Days(30) } };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// An address that has failed with the names 1 to 4, one each second.
fn full() -> Tried {
    let mut tried = Tried::default();
    for (name, second) in (1..=4).zip(0..) {
        assert_eq!(tried.enter(&POLICY, name, at(second)), Entry::Room(1));
    }
    tried
}

#[test]
fn too_many_names_slow_an_address_to_the_pace_at_which_they_grow_old() {
    let mut tried = full();
    assert_eq!(tried.enter(&POLICY, 5, at(4)), Entry::Slowed);
    assert_eq!(tried.forgotten_at(&POLICY, 5), Some(at(60)));
    assert_eq!(tried.enter(&POLICY, 5, at(59)), Entry::Slowed);
    assert_eq!(tried.enter(&POLICY, 5, at(60)), Entry::Room(1), "the first is forgotten");
    assert_eq!(tried.enter(&POLICY, 6, at(60)), Entry::Slowed, "the second is not");
    assert_eq!(tried.enter(&POLICY, 6, at(61)), Entry::Room(1));
}

#[test]
fn a_name_counts_once_and_who_has_mistyped_can_mend_it() {
    let mut tried = full();
    for failures in 2..10 {
        assert_eq!(tried.enter(&POLICY, 2, at(5)), Entry::Room(failures));
    }
    assert_eq!(tried.forgotten_at(&POLICY, 2), Some(at(61)));
    tried.succeeded(&POLICY, 2, None, at(6));
    assert_eq!(tried.enter(&POLICY, 5, at(7)), Entry::Room(1), "its place is free");
    assert_eq!(tried.enter(&POLICY, 6, at(7)), Entry::Slowed);
}

#[test]
fn people_who_succeed_make_room_for_a_while_each_once() {
    let mut tried = full();
    for _ in 0..3 {
        tried.succeeded(&POLICY, 100, Some(7), at(5));
    }
    assert_eq!(tried.enter(&POLICY, 5, at(5)), Entry::Room(1));
    assert_eq!(tried.enter(&POLICY, 6, at(5)), Entry::Slowed, "one person is one place, however often");
    let mut many = full();
    for person in 0..3 * MAX_WELCOMED as u64 {
        many.succeeded(&POLICY, 1000 + person, Some(person), at(5));
    }
    let more = (2000..4000).filter(|name| many.enter(&POLICY, *name, at(5)) != Entry::Slowed).count();
    assert_eq!(more, MAX_WELCOMED);
    let mut later = full();
    later.succeeded(&POLICY, 100, Some(7), at(0));
    for name in 11..=14 {
        assert_ne!(later.enter(&POLICY, name, at(70)), Entry::Slowed);
    }
    assert_eq!(later.enter(&POLICY, 15, at(70)), Entry::Slowed, "a success is forgotten like a failure");
}

#[test]
fn zero_names_never_slow_and_remember_nothing() {
    let policy = LockoutPolicy { sources: SourcePolicy { names: 0, ..POLICY.sources }, ..POLICY };
    let mut tried = Tried::default();
    for name in 0..1000 {
        assert_eq!(tried.enter(&policy, name, at(0)), Entry::Room(0));
    }
    assert_eq!(tried, Tried::default());
}

#[test]
fn what_a_clock_noted_that_was_ahead_counts_for_nothing() {
    let mut tried = Tried::default();
    for name in 1..=4 {
        tried.enter(&POLICY, name, at(1_000_000));
    }
    assert_eq!(tried.enter(&POLICY, 5, at(0)), Entry::Room(1));
}

proptest! {
    /// Without a success an address begins with no more names than it has room for, in whatever
    /// minute one looks.
    #[test]
    fn no_order_of_names_beats_the_limit(steps in proptest::collection::vec((0_u64..30, 0_i64..20), 0..200)) {
        let mut tried = Tried::default();
        let mut now = 0;
        let mut begun: Vec<i64> = Vec::new();
        for (name, gap) in steps {
            now += gap;
            let expected = tried.has_room(&POLICY, name, at(now));
            let entered = tried.enter(&POLICY, name, at(now));
            prop_assert_eq!(entered != Entry::Slowed, expected);
            if entered == Entry::Room(1) {
                begun.push(now);
            }
            prop_assert!(begun.iter().filter(|since| now - **since < 60).count() <= 4);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded(steps in proptest::collection::vec((any::<u64>(), any::<bool>()), 0..500)) {
        let mut tried = Tried::default();
        for (name, right) in steps {
            match right {
                true => tried.succeeded(&POLICY, name, Some(name), at(0)),
                false => drop(tried.enter(&POLICY, name, at(0))),
            }
        }
        prop_assert!(tried.welcomed.len() <= MAX_WELCOMED && tried.failed.len() <= 4 + MAX_WELCOMED);
    }
}
