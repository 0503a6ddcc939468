#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::model::Kind;

fn event() -> Event {
    Event {
        at: Timestamp::from_micros(1_000_000),
        action: Action::Bind,
        outcome: Outcome::Failure,
        role: Role::User,
        entry: Some(EntryId::new(7)),
        actor: "uid=a".into(),
        face: Face::Ldap,
        address: Some([192, 0, 2, 1].into()),
        target: Some("o=b".into()),
        reason: Some(Reason::Locked),
        count: 1,
    }
}

#[test]
fn golden_bytes_of_the_record() {
    let golden = [
        1, 0xab, 0, 0x1a, 0x00, 0x0f, 0x42, 0x40, 1, 1, 2, 1, 3, 1, 4, 7, 5, 0x65, b'u', b'i', b'd', b'=', b'a', 6, 0, 7, 0x82, 0, 0x44,
        192, 0, 2, 1, 8, 0x63, b'o', b'=', b'b', 9, 4, 10, 1,
    ];
    assert_eq!(event().encode(), golden);
    assert_eq!(Event::decode(&golden).unwrap(), event());
}

#[test]
fn names_are_given_once_and_read_back() {
    for action in Action::ALL {
        assert_eq!(Action::parse(action.name()), Some(*action));
    }
    for reason in Reason::ALL {
        assert_eq!(Reason::parse(reason.name()), Some(*reason));
    }
    for outcome in Outcome::ALL {
        assert_eq!(Outcome::parse(outcome.name()), Some(*outcome));
    }
    assert_eq!(Action::parse("no-such-action"), None);
}

#[test]
fn every_kind_of_event_survives_being_stored() {
    for action in Action::ALL {
        for reason in Reason::ALL.iter().copied().map(Some).chain([None]) {
            let event =
                Event { action: *action, reason, address: Some("2001:db8::1".parse().unwrap()), target: None, entry: None, ..event() };
            assert_eq!(Event::decode(&event.encode()).unwrap(), event);
        }
    }
}

#[test]
fn long_names_are_cut_at_a_character() {
    let long = Event { actor: "ä".repeat(MAX_NAME), target: Some("ü".repeat(MAX_NAME)), ..event() };
    let stored = Event::decode(&long.encode()).unwrap();
    assert_eq!(stored.actor, "ä".repeat(MAX_NAME / 2));
    assert_eq!(stored.target.unwrap().len(), MAX_NAME);
}

#[test]
fn a_failure_carries_its_reason_and_its_actor() {
    let actor = Actor {
        role: Role::User,
        entry: Some(EntryId::new(7)),
        name: "uid=a".into(),
        face: Face::Ldap,
        address: Some([192, 0, 2, 1].into()),
    };
    assert_eq!(Event::failure(Timestamp::from_micros(1_000_000), Action::Bind, &actor, Reason::Locked).on("o=b"), event());
    assert_eq!(Event::success(Timestamp::from_micros(0), Action::Bind, &actor).reason, None);
}

#[test]
fn a_damaged_record_is_an_internal_error() {
    assert_eq!(*Event::decode(&[1, 0xa0]).unwrap_err().kind(), Kind::Internal);
}
