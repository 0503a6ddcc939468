#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::model::{Days, Epoch, Seconds, Sequence};
use crate::policy::lockout::{SourcePolicy, history::KnownSource};
use proptest::prelude::*;
use std::time::Duration;

const POLICY: LockoutPolicy =
    LockoutPolicy { threshold: 3, window: Seconds(60), duration: Seconds(600), sources: SourcePolicy { names: 30, known: Days(30) } };

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

fn known() -> Known {
    Known {
        entry: EntryId::new(7),
        uuid: Uuid::from_u128(7),
        name: "alice".into(),
        kind: EntryKind::User,
        disabled: false,
        history: History::default(),
        password: Some(PasswordFacts::default()),
        epoch: None,
    }
}

fn facts(identity: Identity) -> Facts<'static> {
    Facts { pool: PoolId::new(1), active: true, lockout: &POLICY, from: Sources::default(), has_room: true, identity }
}

/// Where somebody comes from.
const HERE: Sources = Sources { browser: Some([1; 16]), address: Some([2; 16]) };

fn used_from(source: u8, failures: State) -> KnownSource {
    KnownSource { source: [source; 16], seen: NOW, failures }
}

fn locked() -> State {
    State { failures: 3, last_failure: Some(NOW), locked_until: Some(Timestamp::from_seconds(1_000_100)) }
}

fn attempt() -> Attempt {
    Attempt::new(Entrance::Interactive, Level::Single)
}

fn voucher(provider: &str) -> Voucher {
    Voucher { provider: provider.into(), epoch: Epoch::of_commit(Sequence::new(3)) }
}

fn next(attempt: Attempt, input: &Input, facts: &Facts) -> Next {
    advance(attempt, input, facts, NOW).next
}

#[test]
fn every_reason_for_a_denial() {
    let right = Input::Password { matches: true };
    let wrong = Input::Password { matches: false };
    let one_shot = || Attempt::new(Entrance::OneShot, Level::Single);
    let me = |change: fn(&mut Known)| {
        let mut known = known();
        change(&mut known);
        facts(Identity::Known(known))
    };
    let suspended = Facts { active: false, ..me(|_| ()) };
    let vouched = Input::Upstream { voucher: voucher("idp"), logged_in: None };
    let away = || Attempt::away(Level::Single, "idp".into());
    let table = [
        ("wrong password", one_shot(), wrong.clone(), me(|_| ()), Reason::WrongPassword),
        ("unknown name", one_shot(), wrong.clone(), facts(Identity::Unknown(State::default())), Reason::UnknownName),
        ("unknown name, too often", one_shot(), wrong.clone(), facts(Identity::Unknown(locked())), Reason::Throttled),
        ("no password", one_shot(), wrong.clone(), me(|known| known.password = None), Reason::NoPassword),
        ("disabled", one_shot(), right.clone(), me(|known| known.disabled = true), Reason::Disabled),
        ("disabled, wrong password", one_shot(), wrong.clone(), me(|known| known.disabled = true), Reason::Disabled),
        ("locked", one_shot(), right.clone(), me(|known| known.history = locked().into()), Reason::Locked),
        ("locked, wrong password", one_shot(), wrong.clone(), me(|known| known.history = locked().into()), Reason::Locked),
        (
            "expired",
            one_shot(),
            right.clone(),
            me(|known| known.password = Some(PasswordFacts { expires: Some(NOW), ..PasswordFacts::default() })),
            Reason::Expired,
        ),
        (
            "expired, wrong password",
            one_shot(),
            wrong.clone(),
            me(|known| known.password = Some(PasswordFacts { expires: Some(NOW), ..PasswordFacts::default() })),
            Reason::WrongPassword,
        ),
        (
            "must change",
            one_shot(),
            right.clone(),
            me(|known| known.password = Some(PasswordFacts { must_change: true, expires: None })),
            Reason::MustChange,
        ),
        ("more factors", Attempt::new(Entrance::Interactive, Level::Multiple), right.clone(), me(|_| ()), Reason::FactorRequired),
        ("suspended", one_shot(), right.clone(), suspended.clone(), Reason::PoolSuspended),
        ("suspended, wrong password", one_shot(), wrong.clone(), suspended.clone(), Reason::PoolSuspended),
        ("a group", one_shot(), right.clone(), me(|known| known.kind = EntryKind::Group), Reason::NotAllowed),
        ("a service account on a page", attempt(), right.clone(), me(|known| known.kind = EntryKind::Service), Reason::NotAllowed),
        ("nothing to ask", one_shot(), Input::Begin, me(|_| ()), Reason::LoginRequired),
        ("no page to leave from", one_shot(), Input::Choose { provider: "idp".into() }, me(|_| ()), Reason::LoginRequired),
        ("leaving a suspended pool", attempt(), Input::Choose { provider: "idp".into() }, suspended.clone(), Reason::PoolSuspended),
        ("upstream, never sent", attempt(), vouched.clone(), me(|_| ()), Reason::Upstream),
        ("upstream, sent elsewhere", Attempt::away(Level::Single, "other".into()), vouched.clone(), me(|_| ()), Reason::Upstream),
        ("upstream failed", away(), Input::UpstreamFailed, me(|_| ()), Reason::Upstream),
        ("upstream, disabled", away(), vouched.clone(), me(|known| known.disabled = true), Reason::Disabled),
        ("upstream, locked", away(), vouched.clone(), me(|known| known.history = locked().into()), Reason::Locked),
        ("upstream, suspended", away(), vouched.clone(), suspended, Reason::PoolSuspended),
        ("upstream, more factors", Attempt::away(Level::Multiple, "idp".into()), vouched.clone(), me(|_| ()), Reason::FactorRequired),
    ];
    for (name, attempt, input, facts, reason) in table {
        let decision = advance(attempt, &input, &facts, NOW);
        assert_eq!(decision.next, Next::Denied(reason), "{name}");
        assert_eq!(decision.attempt.stage, Stage::Open, "{name}");
    }
}

#[test]
fn a_right_password_grants_and_forgets_failures() {
    let failed = State { failures: 2, last_failure: Some(NOW), locked_until: None };
    let facts = facts(Identity::Known(Known { history: failed.into(), ..known() }));
    for entrance in [Entrance::OneShot, Entrance::Interactive] {
        let decision = advance(Attempt::new(entrance, Level::Single), &Input::Password { matches: true }, &facts, NOW);
        let Next::Granted(authentication) = decision.next else { panic!("{decision:?}") };
        assert_eq!((authentication.pool(), authentication.entry(), authentication.name()), (PoolId::new(1), EntryId::new(7), "alice"));
        assert_eq!(
            (authentication.methods(), authentication.acr(), authentication.at()),
            ([Method::Password].as_slice(), Level::Single, NOW)
        );
        assert_eq!(authentication.provider(), None);
        assert_eq!(decision.history, Some(History::default()));
        let again = advance(decision.attempt, &Input::Password { matches: true }, &facts, NOW);
        assert_eq!(again.next, Next::Denied(Reason::Replayed));
    }
}

#[test]
fn a_right_password_without_failures_changes_nothing() {
    let decision = advance(attempt(), &Input::Password { matches: true }, &facts(Identity::Known(known())), NOW);
    assert_eq!(decision.history, None);
}

#[test]
fn a_service_account_binds() {
    let facts = facts(Identity::Known(Known { kind: EntryKind::Service, ..known() }));
    let next = next(Attempt::new(Entrance::OneShot, Level::Single), &Input::Password { matches: true }, &facts);
    assert!(matches!(next, Next::Granted(_)));
}

#[test]
fn an_upstream_is_left_for_and_vouches() {
    let unnamed = facts(Identity::Unnamed);
    assert_eq!(next(attempt(), &Input::Begin, &unnamed), Next::Ask(vec![Factor::Password]));
    let away = advance(attempt(), &Input::Choose { provider: "idp".into() }, &unnamed, NOW);
    assert_eq!(away.next, Next::Redirect("idp".into()));
    let before = NOW.minus(Duration::from_secs(3600));
    for (logged_in, at) in [(None, NOW), (Some(before), before), (Some(NOW), NOW), (Some(NOW.plus(Duration::from_secs(1))), NOW)] {
        let vouched = Input::Upstream { voucher: voucher("idp"), logged_in };
        let back = advance(away.attempt.clone(), &vouched, &facts(Identity::Known(known())), NOW);
        let Next::Granted(authentication) = back.next else { panic!("{back:?}") };
        assert_eq!((authentication.methods(), authentication.provider()), ([Method::Federated].as_slice(), Some("idp")));
        assert_eq!(authentication.at(), at, "{logged_in:?}");
    }
}

#[test]
fn somebody_back_from_an_upstream_can_still_use_a_password() {
    let away = Attempt::away(Level::Single, "idp".into());
    let failed = advance(away, &Input::UpstreamFailed, &facts(Identity::Unnamed), NOW);
    let granted = next(failed.attempt, &Input::Password { matches: true }, &facts(Identity::Known(known())));
    assert!(matches!(granted, Next::Granted(_)));
}

#[test]
fn the_last_failure_that_is_allowed_locks() {
    let mut state = State::default();
    for failure in 1..=POLICY.threshold {
        let facts = facts(Identity::Known(Known { history: state.into(), ..known() }));
        let decision = advance(attempt(), &Input::Password { matches: false }, &facts, NOW);
        assert_eq!(decision.next, Next::Denied(Reason::WrongPassword), "{failure}");
        state = decision.history.unwrap().strangers;
    }
    assert!(lockout::is_locked(&state, NOW));
    let facts = facts(Identity::Known(Known { history: state.into(), ..known() }));
    let decision = advance(attempt(), &Input::Password { matches: true }, &facts, NOW);
    assert_eq!((decision.next, decision.history), (Next::Denied(Reason::Locked), None));
}

#[test]
fn nobody_is_locked_for_a_password_that_is_not_there() {
    let facts = facts(Identity::Known(Known { password: None, ..known() }));
    let decision = advance(attempt(), &Input::Password { matches: false }, &facts, NOW);
    assert_eq!((decision.next, decision.history), (Next::Denied(Reason::NoPassword), None));
}

#[test]
fn who_has_been_here_before_is_judged_by_what_happened_here() {
    let right = Input::Password { matches: true };
    let open = State::default();
    for (what, strangers, sources, has_room, expected) in [
        ("a stranger", open, vec![], true, None),
        ("a stranger at a slowed address", open, vec![], false, Some(Reason::Throttled)),
        ("a stranger, locked", locked(), vec![], true, Some(Reason::Locked)),
        ("locked for strangers, known elsewhere", locked(), vec![used_from(9, open)], true, Some(Reason::Locked)),
        ("locked for strangers, known address", locked(), vec![used_from(2, open)], false, None),
        ("locked for strangers, known browser", locked(), vec![used_from(1, open)], false, None),
        ("locked here", open, vec![used_from(2, locked())], true, Some(Reason::Locked)),
        ("the browser goes before the address", open, vec![used_from(1, open), used_from(2, locked())], true, None),
        ("the browser goes before the address", open, vec![used_from(1, locked()), used_from(2, open)], true, Some(Reason::Locked)),
    ] {
        let history = History { strangers, known: sources };
        let facts = Facts { from: HERE, has_room, ..facts(Identity::Known(Known { history, ..known() })) };
        match (next(attempt(), &right, &facts), expected) {
            (Next::Granted(_), None) => {}
            (Next::Denied(reason), Some(expected)) => assert_eq!(reason, expected, "{what}"),
            (other, _) => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn a_login_makes_its_source_known_and_less_does_not() {
    let learnt = |change: fn(&mut Known), input: Input, attempt: Attempt| {
        let mut known = known();
        change(&mut known);
        let decision = advance(attempt, &input, &Facts { from: HERE, ..facts(Identity::Known(known)) }, NOW);
        decision.history.is_some_and(|history| history.is_known(&POLICY, &HERE, NOW))
    };
    let right = || Input::Password { matches: true };
    let vouched = || Input::Upstream { voucher: voucher("idp"), logged_in: None };
    let away = || Attempt::away(Level::Single, "idp".into());
    assert!(learnt(|_| (), right(), attempt()));
    assert!(learnt(|_| (), vouched(), away()));
    assert!(!learnt(|_| (), Input::Password { matches: false }, attempt()));
    assert!(!learnt(|known| known.password = None, vouched(), away()), "nobody can lock it");
    assert!(!learnt(|known| known.kind = EntryKind::Group, right(), attempt()));
    let expired = |known: &mut Known| known.password = Some(PasswordFacts { expires: Some(NOW), ..PasswordFacts::default() });
    assert!(!learnt(expired, right(), attempt()));
    assert!(!learnt(|_| (), right(), Attempt::new(Entrance::Interactive, Level::Multiple)));
}

#[test]
fn a_slowed_address_judges_nobody_and_counts_nothing() {
    for matches in [true, false] {
        for identity in [Identity::Known(known()), Identity::Unknown(State::default())] {
            let facts = Facts { from: HERE, has_room: false, ..facts(identity) };
            let decision = advance(attempt(), &Input::Password { matches }, &facts, NOW);
            assert_eq!((decision.next, decision.history), (Next::Denied(Reason::Throttled), None));
        }
    }
}

fn kinds() -> impl Strategy<Value = EntryKind> {
    prop_oneof![Just(EntryKind::User), Just(EntryKind::Service), Just(EntryKind::Group), Just(EntryKind::Container), Just(EntryKind::Other)]
}

fn states() -> impl Strategy<Value = State> {
    (0_u16..5, proptest::option::of(999_000_i64..1_001_000), proptest::option::of(999_000_i64..1_001_000)).prop_map(
        |(failures, last, until)| State {
            failures,
            last_failure: last.map(Timestamp::from_seconds),
            locked_until: until.map(Timestamp::from_seconds),
        },
    )
}

/// Histories of somebody who was perhaps used from the address or the browser of [`HERE`].
fn histories() -> impl Strategy<Value = History> {
    let known = (0_u8..4, 970_000_i64..1_000_000, states()).prop_map(|(source, seen, failures)| KnownSource {
        source: [source; 16],
        seen: Timestamp::from_seconds(seen),
        failures,
    });
    (states(), proptest::collection::vec(known, 0..3)).prop_map(|(strangers, known)| History { strangers, known })
}

fn identities() -> impl Strategy<Value = Identity> {
    let password = proptest::option::of((any::<bool>(), proptest::option::of(999_000_i64..1_001_000)));
    let known = (kinds(), any::<bool>(), histories(), password).prop_map(|(kind, disabled, history, password)| {
        let password = password.map(|(must_change, end)| PasswordFacts { must_change, expires: end.map(Timestamp::from_seconds) });
        Identity::Known(Known { kind, disabled, history, password, ..known() })
    });
    prop_oneof![Just(Identity::Unnamed), states().prop_map(Identity::Unknown), known]
}

fn inputs() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::Begin),
        any::<bool>().prop_map(|matches| Input::Password { matches }),
        "[ab]".prop_map(|provider| Input::Choose { provider }),
        "[ab]".prop_map(|provider| Input::Upstream { voucher: voucher(&provider), logged_in: None }),
        Just(Input::UpstreamFailed),
    ]
}

proptest! {
    /// Whatever was put in before, a grant needs an active pool, an enabled and unlocked entry, and
    /// a proof; and an attempt grants once.
    #[test]
    fn nobody_is_granted_without_standing_and_proof(
        one_shot in any::<bool>(),
        steps in proptest::collection::vec((inputs(), identities(), any::<bool>(), any::<bool>()), 1..12),
    ) {
        let entrance = if one_shot { Entrance::OneShot } else { Entrance::Interactive };
        let mut attempt = Attempt::new(entrance, Level::Single);
        let mut sent: Option<String> = None;
        let mut granted = false;
        for (input, identity, active, has_room) in steps {
            let facts = Facts { active, from: HERE, has_room, ..facts(identity) };
            let decision = advance(attempt, &input, &facts, NOW);
            if matches!(decision.next, Next::Granted(_)) {
                prop_assert!(!granted && active);
                let Identity::Known(known) = &facts.identity else { panic!("granted to nobody") };
                prop_assert!(!known.disabled && !known.history.is_locked(&POLICY, &HERE, NOW));
                prop_assert!(has_room || known.history.is_known(&POLICY, &HERE, NOW));
                prop_assert!(known.kind == EntryKind::User || (one_shot && known.kind == EntryKind::Service));
                match &input {
                    Input::Password { matches } => {
                        let password = known.password.unwrap();
                        prop_assert!(*matches && !password.must_change && password.expires.is_none_or(|end| NOW < end));
                    }
                    Input::Upstream { voucher, .. } => prop_assert_eq!(sent.as_ref(), Some(&voucher.provider)),
                    other => panic!("granted for {other:?}"),
                }
                granted = true;
            }
            sent = match &decision.next {
                Next::Redirect(provider) => Some(provider.clone()),
                _ => None,
            };
            attempt = decision.attempt;
        }
    }

    /// A wrong password never improves the standing of anybody, and never gets further than a
    /// denial.
    #[test]
    fn a_wrong_password_never_helps(identity in identities(), active in any::<bool>(), has_room in any::<bool>()) {
        let facts = Facts { active, from: HERE, has_room, ..facts(identity) };
        let decision = advance(attempt(), &Input::Password { matches: false }, &facts, NOW);
        prop_assert!(matches!(decision.next, Next::Denied(_)));
        if let (Identity::Known(known), Some(history)) = (&facts.identity, decision.history) {
            prop_assert!(!known.history.is_locked(&POLICY, &HERE, NOW));
            prop_assert_eq!(history, known.history.after_failure(&POLICY, &HERE, NOW));
        }
    }
}
