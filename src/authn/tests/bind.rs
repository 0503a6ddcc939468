//! The one-shot entrance: every reason, its audit event and its cost.

use super::super::{BindName, testing::*, throttle::PLACES};
use crate::{
    audit::{Action, Outcome, Reason},
    directory::{Modification, ModificationKind},
    model::{Attribute, Days, Dn, Role, Seconds},
    pool::Status,
    store::{Prefix, Space},
};
use std::{sync::Arc, time::Duration};

#[tokio::test]
async fn names_of_every_form_are_found() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let names = [uid("alice"), uid("ALICE"), uid("alice@acme.example"), BindName::Dn(Dn::parse("UID=Alice, ou=people, O=acme").unwrap())];
    for name in names {
        let proof = bench.core.bind(&bench.pool, &name, &secret("correct horse"), ldap()).await.unwrap();
        assert_eq!((proof.entry(), proof.name(), proof.pool(), proof.at()), (id, "alice", bench.pool.id(), bench.now()));
        assert!(bench.core.still_valid(&proof).unwrap());
    }
}

#[tokio::test]
async fn roles_follow_from_the_entry_and_the_group_of_administrators() {
    let bench = Bench::new().await;
    for name in ["alice", "carol"] {
        bench.user(name, "correct horse").await;
    }
    bench.service("legacy", "correct horse").await;
    bench.make_administrator("carol").await;
    let service = BindName::Dn(Dn::parse("cn=legacy,ou=services,o=acme").unwrap());
    for (name, role) in [(uid("alice"), Role::User), (uid("carol"), Role::Administrator), (service, Role::Service)] {
        let proof = bench.core.bind(&bench.pool, &name, &secret("correct horse"), ldap()).await.unwrap();
        let actor = bench.core.actor(&bench.pool, &proof, ldap()).unwrap();
        assert_eq!((actor.role, actor.entry), (role, Some(proof.entry())));
        assert!(actor.name.ends_with("o=acme"), "{}", actor.name);
    }
}

#[tokio::test]
async fn each_denial_is_alike_outside_and_true_in_the_audit_log() {
    let bench = Bench::new().await;
    for name in ["wrong", "disabled", "expired", "change", "locked"] {
        bench.user(name, "correct horse").await;
    }
    let core = &bench.core;
    core.add_entry(&bench.pool, &operator(), user("nopassword", None)).await.unwrap();
    let id = |name: &str| bench.directory().by_unique("uid", name.as_bytes()).unwrap().unwrap();
    bench.disable(id("disabled"), true).await;
    bench.restrict_password(id("expired"), false, Some(bench.now())).await;
    bench.restrict_password(id("change"), true, None).await;
    for _ in 0..THRESHOLD {
        assert!(!bench.binds("locked", "a guess").await);
    }
    core.flush_audit().await.unwrap();
    let before = bench.outcomes(Action::Bind).len();
    let table = [
        ("wrong", "a guess", Reason::WrongPassword),
        ("wrong", "", Reason::WrongPassword),
        ("nopassword", "correct horse", Reason::NoPassword),
        ("disabled", "correct horse", Reason::Disabled),
        ("expired", "correct horse", Reason::Expired),
        ("change", "correct horse", Reason::MustChange),
        ("locked", "correct horse", Reason::Locked),
    ];
    for (name, password, _) in table {
        assert!(!bench.binds(name, password).await, "{name}");
    }
    core.registry.set_status(bench.pool.id(), &operator(), Status::Suspended).await.unwrap();
    assert!(!bench.binds("wrong", "correct horse").await);
    let failed = |reasons: &[Reason]| reasons.iter().map(|reason| (Outcome::Failure, Some(*reason))).collect::<Vec<_>>();
    let with_the_act = [Reason::WrongPassword, Reason::WrongPassword, Reason::Expired, Reason::MustChange];
    assert_eq!(bench.outcomes(Action::Bind)[before..], failed(&with_the_act));
    core.flush_audit().await.unwrap();
    let by_name = |mut outcomes: Vec<(Outcome, Option<Reason>)>| {
        outcomes.sort_by_key(|(_, reason)| reason.map(Reason::name));
        outcomes
    };
    let all: Vec<_> = table.map(|(_, _, reason)| reason).into_iter().chain([Reason::PoolSuspended]).collect();
    assert_eq!(by_name(bench.outcomes(Action::Bind)[before..].to_vec()), by_name(failed(&all)));
    assert!(bench.events(Action::Bind)[before..].iter().all(|event| event.count == 1));
}

#[tokio::test]
async fn what_anybody_can_repeat_fills_no_disk() {
    let bench = Bench::new().await;
    let core = &bench.core;
    for name in ["disabled", "locked", "suspended"] {
        bench.user(name, "correct horse").await;
    }
    core.add_entry(&bench.pool, &operator(), user("nopassword", None)).await.unwrap();
    let id = |name: &str| bench.directory().by_unique("uid", name.as_bytes()).unwrap().unwrap();
    bench.disable(id("disabled"), true).await;
    for _ in 0..THRESHOLD {
        bench.binds("locked", "a guess").await;
    }
    let logged = bench.events(Action::Bind);
    assert_eq!(logged.len(), usize::from(THRESHOLD), "the failures that lock, and the one that has locked");
    let records = || {
        let spaces = [Space::Audit, Space::Credential, Space::Throttle];
        spaces.map(|space| bench.pool.store().scan(&Prefix::space(space), None).count()).iter().sum::<usize>()
    };
    for (name, reason) in [
        ("disabled", Reason::Disabled),
        ("locked", Reason::Locked),
        ("nopassword", Reason::NoPassword),
        ("suspended", Reason::PoolSuspended),
    ] {
        if name == "suspended" {
            core.registry.set_status(bench.pool.id(), &operator(), Status::Suspended).await.unwrap();
        }
        bench.binds(name, "a guess").await;
        let (begun, known) = (records(), bench.events(Action::Bind).len());
        for password in ["correct horse", "a guess"].iter().cycle().take(20) {
            let before = (bench.runs(), bench.store.statistics().commits);
            assert!(!bench.binds(name, password).await);
            assert_eq!((bench.runs() - before.0, bench.store.statistics().commits - before.1), (1, 1), "{name}");
        }
        assert_eq!(records(), begun, "{name}");
        core.flush_audit().await.unwrap();
        let event = &bench.events(Action::Bind)[known..];
        assert_eq!(event.iter().map(|event| (event.reason, event.count)).collect::<Vec<_>>(), [(Some(reason), 21)], "{name}");
        let (entry, dn) = (Some(id(name)), format!("uid={name},ou=people,o=acme"));
        assert_eq!((event[0].entry, &event[0].actor, event[0].role, event[0].address), (entry, &dn, Role::Anonymous, Some(ADDRESS)));
    }
}

#[tokio::test]
async fn audit_events_stay_as_long_as_the_settings_say() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    bench.binds("alice", "a guess").await;
    bench.change_settings(|settings| settings.audit.retention = Days(1)).await;
    bench.binds("alice", "a guess").await;
    let day = Days(1).duration();
    // They end by the hour.
    for (time, left) in [(day - Duration::from_secs(1), [1, 1, 1, 2]), (Duration::from_secs(3601), [1, 1, 0, 1]), (89 * day, [0; 4])] {
        bench.pass(time);
        while bench.store.sweep(bench.now(), 1000).await.unwrap() > 0 {}
        let kinds = [Action::PoolCreate, Action::EntryAdd, Action::PoolUpdate, Action::Bind];
        assert_eq!(kinds.map(|kind| bench.events(kind).len()), left, "after {time:?}");
    }
}

#[tokio::test]
async fn where_nothing_locks_guesses_are_counted() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    bench.change_settings(|settings| settings.lockout.threshold = 0).await;
    for _ in 0..20 {
        assert!(!bench.binds("alice", "a guess").await);
    }
    assert!(bench.events(Action::Bind).is_empty());
    bench.core.flush_audit().await.unwrap();
    let counted: Vec<_> = bench.events(Action::Bind).iter().map(|event| (event.reason, event.count)).collect();
    assert_eq!(counted, [(Some(Reason::WrongPassword), 20)]);
    assert!(bench.binds("alice", "correct horse").await);
}

#[tokio::test]
async fn an_audit_event_names_who_and_from_where_but_no_password() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    bench.binds("alice", "a guess").await;
    bench.binds("alice", "correct horse").await;
    let events = bench.events(Action::Bind);
    let roles: Vec<_> = events.iter().map(|event| (event.outcome, event.role)).collect();
    assert_eq!(roles, [(Outcome::Failure, Role::Anonymous), (Outcome::Success, Role::User)]);
    for event in events {
        assert_eq!((event.entry, event.actor.as_str(), event.address), (Some(id), "uid=alice,ou=people,o=acme", Some(ADDRESS)));
        assert!(!format!("{event:?}").contains("guess"));
    }
}

#[tokio::test]
async fn every_attempt_costs_one_argon2() {
    let bench = Bench::new().await;
    for name in ["alice", "disabled", "locked"] {
        bench.user(name, "correct horse").await;
    }
    // {SSHA} of "imported password".
    for name in ["imported", "lockedimport"] {
        bench.core.add_entry(&bench.pool, &operator(), user(name, Some(&ssha("imported password")))).await.unwrap();
    }
    bench.core.add_entry(&bench.pool, &operator(), user("nopassword", None)).await.unwrap();
    let id = |name: &str| bench.directory().by_unique("uid", name.as_bytes()).unwrap().unwrap();
    bench.disable(id("disabled"), true).await;
    for name in ["locked", "lockedimport"] {
        for _ in 0..THRESHOLD {
            bench.binds(name, "a guess").await;
        }
    }
    let long = "x".repeat(100_000);
    let table = [
        ("alice", "a guess"),
        ("alice", "correct horse"),
        ("alice", ""),
        ("alice", long.as_str()),
        ("nobody", "a guess"),
        ("nobody", long.as_str()),
        ("nopassword", "a guess"),
        ("disabled", "correct horse"),
        ("disabled", "a guess"),
        ("locked", "correct horse"),
        ("locked", "a guess"),
        ("imported", "a guess"),
        ("lockedimport", "imported password"),
        ("lockedimport", "a guess"),
    ];
    for (name, password) in table {
        let before = bench.runs();
        bench.binds(name, password).await;
        assert_eq!(bench.runs() - before, 1, "{name}");
    }
    bench.core.registry.set_status(bench.pool.id(), &operator(), Status::Suspended).await.unwrap();
    let before = bench.runs();
    assert!(!bench.binds("alice", "correct horse!").await);
    assert_eq!(bench.runs() - before, 1);
}

fn ssha(password: &str) -> String {
    use base64::Engine;
    let salt = b"saltsalt";
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(password.as_bytes());
    context.update(salt);
    let bytes = [context.finish().as_ref(), salt.as_slice()].concat();
    format!("{{SSHA}}{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

#[tokio::test]
async fn an_imported_hash_becomes_ours_at_the_first_good_login() {
    let bench = Bench::new().await;
    let id = bench.core.add_entry(&bench.pool, &operator(), user("imported", Some(&ssha("imported password")))).await.unwrap();
    let stored = || super::super::credential::password(&bench.pool, id).unwrap().unwrap();
    let (before, version) = stored();
    assert!(before.hash.needs_rehash(&CHEAP));
    assert!(!bench.binds("imported", "a guess").await);
    assert_eq!(stored().1, version, "a wrong password changes no hash");
    assert!(bench.binds("imported", "imported password").await);
    let (after, _) = stored();
    assert!(!after.hash.needs_rehash(&CHEAP));
    assert_eq!(after.changed, before.changed, "the password itself is as old as it was");
    assert!(bench.binds("imported", "imported password").await);
}

#[tokio::test]
async fn costlier_settings_renew_a_hash_at_the_next_login() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let dear = crate::crypto::password::Params { memory_kib: 32, ..CHEAP };
    bench.change_settings(|settings| settings.hashing = dear).await;
    assert!(bench.binds("alice", "correct horse").await);
    let (password, _) = super::super::credential::password(&bench.pool, id).unwrap().unwrap();
    assert!(!password.hash.needs_rehash(&dear));
}

#[tokio::test]
async fn failures_lock_for_a_while_and_a_success_forgets_them() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    for _ in 1..THRESHOLD {
        assert!(!bench.binds("alice", "a guess").await);
    }
    assert!(bench.binds("alice", "correct horse").await, "one failure less than the threshold does not lock");
    for _ in 0..THRESHOLD {
        assert!(!bench.binds("alice", "a guess").await);
    }
    assert!(!bench.binds("alice", "correct horse").await);
    bench.pass(Seconds::minutes(15).duration() - Duration::from_secs(1));
    assert!(!bench.binds("alice", "correct horse").await);
    bench.pass(Duration::from_secs(1));
    assert!(bench.binds("alice", "correct horse").await);
}

#[tokio::test]
async fn nobody_is_locked_for_a_password_that_is_not_there() {
    let bench = Bench::new().await;
    let id = bench.core.add_entry(&bench.pool, &operator(), user("federated", None)).await.unwrap();
    for _ in 0..2 * THRESHOLD {
        let before = (bench.runs(), bench.store.statistics().commits);
        assert!(!bench.binds("federated", "a guess").await);
        assert_eq!((bench.runs() - before.0, bench.store.statistics().commits - before.1), (1, 1));
    }
    let (history, _) = super::super::credential::history(&bench.pool, id).unwrap();
    assert_eq!(history, Default::default(), "whoever comes in through an upstream comes in still");
}

#[tokio::test]
async fn an_administrator_lifts_a_lock() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    for _ in 0..THRESHOLD {
        bench.binds("alice", "a guess").await;
    }
    assert!(!bench.binds("alice", "correct horse").await);
    bench.core.unlock(&bench.pool, &operator(), id).await.unwrap();
    assert!(bench.binds("alice", "correct horse").await);
    assert_eq!(bench.outcomes(Action::Unlock), [(Outcome::Success, None)]);
}

#[tokio::test]
async fn failures_count_on_the_entry_whatever_name_was_typed() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let names = [uid("alice"), uid("Alice"), uid("alice@acme.example"), BindName::Dn(Dn::parse("uid=alice,ou=people,o=acme").unwrap())];
    for name in names.iter().cycle().take(usize::from(THRESHOLD)) {
        bench.core.bind(&bench.pool, name, &secret("a guess"), ldap()).await.unwrap_err();
    }
    assert!(!bench.binds("alice", "correct horse").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_guesses_at_once_are_never_more_than_the_threshold_allows() {
    let bench = Arc::new(Bench::new().await);
    bench.user("alice", "correct horse").await;
    let guesses = (0..100).map(|number| {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move {
            let guess = if number == 99 { "correct horse".to_owned() } else { format!("guess {number}") };
            bench.core.bind(&bench.pool, &uid("alice"), &secret(&guess), ldap()).await
        })
    });
    let guesses: Vec<_> = guesses.collect();
    for guess in guesses {
        let _ = guess.await.unwrap();
    }
    bench.core.flush_audit().await.unwrap();
    let events = bench.events(Action::Bind);
    let count = |reason| events.iter().filter(|event| event.reason == reason).map(|event| event.count).sum::<u32>();
    let (wrong, granted) = (count(Some(Reason::WrongPassword)), count(None));
    assert_eq!(wrong + granted + count(Some(Reason::Locked)), 100, "every attempt is in the audit log");
    assert!(wrong <= u32::from(THRESHOLD) * (1 + granted), "{wrong} guesses were judged");
    assert!(!bench.binds("alice", "correct horse").await, "the entry is locked");
}

#[tokio::test]
async fn unknown_names_are_throttled_and_counted_without_being_kept() {
    let bench = Bench::new().await;
    for _ in 0..THRESHOLD {
        assert!(!bench.binds("nobody", "a guess").await);
    }
    assert!(!bench.binds(" NOBODY ", "a guess").await);
    assert!(bench.events(Action::Bind).is_empty(), "no event is written for each attempt");
    bench.core.flush_audit().await.unwrap();
    let mut counted: Vec<_> = bench.events(Action::Bind).into_iter().map(|event| (event.reason, event.count)).collect();
    counted.sort_by_key(|(_, count)| *count);
    assert_eq!(counted, [(Some(Reason::Throttled), 1), (Some(Reason::UnknownName), u32::from(THRESHOLD))]);
    for event in bench.events(Action::Bind) {
        assert!(!format!("{event:?}").to_lowercase().contains("nobody"));
    }
}

#[tokio::test]
async fn a_failure_costs_one_hash_and_one_commit_whoever_it_is_about() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let disabled = bench.user("bob", "correct horse").await;
    bench.disable(disabled, true).await;
    // More often than a name is locked after.
    for attempt in 0..2 * THRESHOLD {
        for name in ["alice", "bob", "nobody"] {
            let before = (bench.runs(), bench.store.statistics().commits);
            assert!(!bench.binds(name, "a guess").await);
            let after = (bench.runs(), bench.store.statistics().commits);
            assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1), "{name}, attempt {attempt}");
        }
    }
}

#[tokio::test]
async fn unknown_names_take_a_bounded_place() {
    let bench = Bench::new().await;
    bench.change_settings(|settings| settings.lockout.sources.names = 0).await;
    let names: Vec<String> = (0..2 * u32::from(PLACES)).map(|number| format!("name-{number}")).collect();
    for some in names.chunks(256) {
        let binds = some.iter().map(|name| bench.binds(name, "a guess"));
        assert!(futures_util::future::join_all(binds).await.into_iter().all(|bound| !bound));
    }
    let rows = |bench: &Bench| bench.pool.store().scan(&Prefix::space(Space::Throttle), None).count();
    assert!((1..=usize::from(PLACES)).contains(&rows(&bench)));
    bench.pass(settings().lockout.window.duration() + Duration::from_secs(1));
    while bench.store.sweep(bench.now(), 1000).await.unwrap() > 0 {}
    assert_eq!(rows(&bench), 0, "and it ends by itself");
}

#[tokio::test]
async fn what_cannot_be_a_name_is_a_name_that_nobody_has() {
    let bench = Bench::new().await;
    for name in ["", "\u{0}", "a\u{7}b", "*", "ou=people"] {
        assert!(!bench.binds(name, "a guess").await, "{name:?}");
    }
    for dn in ["", "o=other", "uid=alice,ou=people,o=other", "foo=bar,o=acme"] {
        let name = BindName::Dn(Dn::parse(dn).unwrap());
        assert!(bench.core.bind(&bench.pool, &name, &secret("x"), ldap()).await.is_err(), "{dn}");
    }
    // An entry without a password, and one that is no person.
    for dn in ["o=acme", "ou=people,o=acme"] {
        let name = BindName::Dn(Dn::parse(dn).unwrap());
        assert!(bench.core.bind(&bench.pool, &name, &secret("x"), ldap()).await.is_err(), "{dn}");
    }
}

#[tokio::test]
async fn a_user_of_one_pool_is_nobody_in_another() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let other = create_pool(&bench.core, "other", settings()).await;
    let names = [uid("alice"), BindName::Dn(Dn::parse("uid=alice,ou=people,o=acme").unwrap())];
    for name in names {
        assert!(bench.core.bind(&other, &name, &secret("correct horse"), ldap()).await.is_err());
    }
}

#[tokio::test]
async fn a_proof_ends_with_what_it_rests_on() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let proof = bench.core.bind(&bench.pool, &uid("alice"), &secret("correct horse"), ldap()).await.unwrap();
    bench.disable(id, true).await;
    assert!(!bench.core.still_valid(&proof).unwrap());
    bench.disable(id, false).await;
    assert!(!bench.core.still_valid(&proof).unwrap(), "it was over, and stays so");
    let proof = bench.core.bind(&bench.pool, &uid("alice"), &secret("correct horse"), ldap()).await.unwrap();
    assert!(bench.core.still_valid(&proof).unwrap());
    bench.core.registry.set_status(bench.pool.id(), &operator(), Status::Suspended).await.unwrap();
    assert!(!bench.core.still_valid(&proof).unwrap());
    bench.core.registry.set_status(bench.pool.id(), &operator(), Status::Active).await.unwrap();
    let set = bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("battery staple"))).await.unwrap();
    assert!(!bench.core.still_valid(&proof).unwrap());
    let proof = bench.core.renewed(&proof, set.at).unwrap();
    assert!(bench.core.still_valid(&proof).unwrap());
    bench.core.delete_entry(&bench.pool, &operator(), id).await.unwrap();
    assert!(!bench.core.still_valid(&proof).unwrap());
    assert!(!bench.binds("alice", "correct horse").await);
}

#[tokio::test]
async fn a_proof_is_renewed_with_the_password_that_its_person_has_set_and_with_no_other() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let proof = bench.core.bind(&bench.pool, &uid("alice"), &secret("correct horse"), ldap()).await.unwrap();
    let alice = bench.core.actor(&bench.pool, &proof, ldap()).unwrap();
    let (old, new) = (secret("correct horse"), secret("battery staple"));
    let own = bench.core.set_password(&bench.pool, &alice, id, Some(&old), Some(new)).await.unwrap();
    assert!(bench.core.still_valid(&bench.core.renewed(&proof, own.at).unwrap()).unwrap());
    // Before the connection of its person goes on, an administrator has set another one. The clock
    // stands still.
    let steps = [replace("userPassword", "tea in a mug")];
    let others = bench.core.modify_entry(&bench.pool, &operator(), id, &steps).await.unwrap().unwrap();
    assert!(!bench.core.still_valid(&bench.core.renewed(&proof, own.at).unwrap()).unwrap());
    assert!(bench.core.still_valid(&bench.core.renewed(&proof, others).unwrap()).unwrap());
    assert_eq!(bench.core.modify_entry(&bench.pool, &operator(), id, &[replace("sn", "Other")]).await.unwrap(), None);
}

#[tokio::test]
async fn a_password_without_its_entry_leaves_nothing_behind() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    bench.binds("alice", "a guess").await;
    bench.core.delete_entry(&bench.pool, &operator(), id).await.unwrap();
    assert_eq!(bench.pool.store().scan(&crate::store::Prefix::credentials(id), None).count(), 0);
}

#[tokio::test]
async fn removing_a_password_ends_logins_with_it() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    assert!(bench.binds("alice", "correct horse").await);
    let remove = Modification { kind: ModificationKind::Delete, attribute: Attribute::new("userPassword", []) };
    bench.core.modify_entry(&bench.pool, &operator(), id, &[remove]).await.unwrap();
    assert!(!bench.binds("alice", "correct horse").await);
}
