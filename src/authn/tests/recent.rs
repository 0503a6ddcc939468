//! Binds by a name as it is written: the next one rests on what was read for the last, until
//! anything is committed.

use super::super::{Authentication, testing::*};
use crate::{
    audit::{Action, Outcome, Reason},
    model::{EntryId, Face, Kind, Rdn},
    pool::Status,
};
use std::time::Duration;

const ALICE: &str = "uid=alice,ou=people,o=acme";
const PASSWORD: &str = "correct horse";

/// What became of a bind.
#[derive(Debug, PartialEq, Eq)]
struct Bound {
    granted: bool,
    /// Runs of argon2.
    runs: u64,
    /// Whether the store was read.
    reads: bool,
}

const AGAIN: Bound = Bound { granted: true, runs: 0, reads: false };
const LONG_WAY: Bound = Bound { granted: true, runs: 0, reads: true };

async fn bind(bench: &Bench, name: &str, password: &str) -> Bound {
    let before = (bench.runs(), bench.store.statistics().gets);
    let granted = match bench.core.bind_as(name, &password.into(), ldap()).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.message(), crate::model::Error::credentials().message());
            false
        }
    };
    Bound { granted, runs: bench.runs() - before.0, reads: bench.store.statistics().gets > before.1 }
}

/// Alice, who has bound until the store is not read for it any more.
async fn with_alice() -> (Bench, EntryId) {
    let bench = Bench::new().await;
    let id = bench.user("alice", PASSWORD).await;
    settle(&bench).await;
    (bench, id)
}

async fn settle(bench: &Bench) {
    for _ in 0..3 {
        bind(bench, ALICE, PASSWORD).await;
    }
    assert_eq!(bind(bench, ALICE, PASSWORD).await, AGAIN);
}

#[tokio::test]
async fn nothing_is_read_again_as_long_as_nothing_is_committed() {
    let bench = Bench::new().await;
    bench.user("alice", PASSWORD).await;
    for name in [ALICE, "UID=Alice, OU=People, O=Acme", "alice@acme", "alice@acme.example@acme"] {
        let compared = u64::from(name == ALICE);
        assert_eq!(bind(&bench, name, PASSWORD).await, Bound { runs: compared, ..LONG_WAY }, "{name}");
        if name == ALICE {
            assert_eq!(bind(&bench, name, PASSWORD).await, LONG_WAY, "the first one was committed");
        }
        assert_eq!(bind(&bench, name, PASSWORD).await, AGAIN, "{name}");
    }
}

#[tokio::test]
async fn the_proof_is_the_one_that_is_found_the_long_way() {
    let (bench, id) = with_alice().await;
    let again: Authentication = bench.core.bind_as(ALICE, &PASSWORD.into(), ldap()).await.unwrap();
    assert_eq!(again, bench.core.bind(&bench.pool, &uid("alice"), &PASSWORD.into(), ldap()).await.unwrap());
    assert_eq!((again.entry(), again.name(), again.at()), (id, "alice", bench.now()));
    assert!(again.password_proof().is_some() && bench.core.still_valid(&again).unwrap());
    bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("battery staple"))).await.unwrap();
    assert!(!bench.core.still_valid(&again).unwrap());
}

#[tokio::test]
async fn each_is_counted() {
    let bench = Bench::new().await;
    let id = bench.user("alice", PASSWORD).await;
    for _ in 0..51 {
        assert!(bind(&bench, ALICE, PASSWORD).await.granted);
    }
    bench.core.flush_audit().await.unwrap();
    let events = bench.events(Action::Bind);
    let counts: Vec<_> = events.iter().map(|event| (event.outcome, event.count)).collect();
    assert_eq!(counts, [(Outcome::Success, 1), (Outcome::Success, 50)]);
    assert!(events.iter().all(|event| (event.entry, event.actor.as_str(), event.address) == (Some(id), ALICE, Some(ADDRESS))));
}

#[tokio::test]
async fn a_wrong_password_is_a_failure_like_any_other() {
    let (bench, _) = with_alice().await;
    for _ in 0..THRESHOLD {
        assert_eq!(bind(&bench, ALICE, "a guess").await, Bound { granted: false, runs: 1, reads: true });
    }
    assert!(!bind(&bench, ALICE, PASSWORD).await.granted, "locked");
    assert_eq!(bench.outcomes(Action::Bind).iter().filter(|(_, reason)| *reason == Some(Reason::WrongPassword)).count(), 5);
}

#[tokio::test]
async fn any_commit_makes_it_read_anew_to_whatever_pool() {
    let (bench, _) = with_alice().await;
    bench.user("bob", PASSWORD).await;
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, LONG_WAY);
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, AGAIN);
    create_pool(&bench.core, "suppliers", settings()).await;
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, LONG_WAY);
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, AGAIN);
}

#[tokio::test]
async fn a_changed_password_counts_at_once() {
    let (bench, id) = with_alice().await;
    bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("battery staple"))).await.unwrap();
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, Bound { granted: false, runs: 1, reads: true });
    assert_eq!(bind(&bench, ALICE, "battery staple").await, Bound { granted: true, runs: 1, reads: true });
}

#[tokio::test]
async fn what_keeps_somebody_out_counts_at_once() {
    let (bench, id) = with_alice().await;
    let core = &bench.core;
    bench.disable(id, true).await;
    assert!(!bind(&bench, ALICE, PASSWORD).await.granted, "disabled");
    bench.disable(id, false).await;
    settle(&bench).await;
    bench.restrict_password(id, true, None).await;
    assert!(!bind(&bench, ALICE, PASSWORD).await.granted, "it must be changed");
    bench.restrict_password(id, false, None).await;
    settle(&bench).await;
    core.registry.set_status(bench.pool.id(), &operator(), Status::Suspended).await.unwrap();
    assert!(!bind(&bench, ALICE, PASSWORD).await.granted, "suspended");
    core.registry.set_status(bench.pool.id(), &operator(), Status::Active).await.unwrap();
    settle(&bench).await;
    core.delete_entry(&bench.pool, &operator(), id).await.unwrap();
    assert!(!bind(&bench, ALICE, PASSWORD).await.granted, "deleted");
}

#[tokio::test]
async fn a_lock_counts_at_once_whatever_name_was_typed() {
    let (bench, id) = with_alice().await;
    for _ in 0..THRESHOLD {
        assert!(!bench.binds("alice", "a guess").await);
    }
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, Bound { granted: false, runs: 1, reads: true });
    bench.core.unlock(&bench.pool, &operator(), id).await.unwrap();
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, Bound { granted: true, runs: 1, reads: true });
}

#[tokio::test]
async fn a_changed_policy_has_the_password_compared_again() {
    let (bench, _) = with_alice().await;
    bench.change_settings(|settings| settings.password.min_length = 12).await;
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, Bound { granted: true, runs: 1, reads: true });
}

#[tokio::test]
async fn a_name_means_whoever_has_it_now() {
    let (bench, id) = with_alice().await;
    let bob = bench.user("bob", "battery staple").await;
    settle(&bench).await;
    let core = &bench.core;
    core.rename_entry(&bench.pool, &operator(), id, &Rdn::parse("uid=carol").unwrap(), true, None).await.unwrap();
    assert!(!bind(&bench, ALICE, PASSWORD).await.granted, "nobody has it");
    core.rename_entry(&bench.pool, &operator(), bob, &Rdn::parse("uid=alice").unwrap(), true, None).await.unwrap();
    assert!(!bind(&bench, ALICE, PASSWORD).await.granted, "somebody else has it");
    let proof = core.bind_as(ALICE, &"battery staple".into(), ldap()).await.unwrap();
    assert_eq!(proof.entry(), bob);
}

#[tokio::test]
async fn time_alone_ends_it() {
    let (bench, id) = with_alice().await;
    let end = bench.now().plus(Duration::from_secs(90));
    bench.restrict_password(id, false, Some(end)).await;
    settle(&bench).await;
    bench.pass(Duration::from_secs(59));
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, AGAIN);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, Bound { granted: true, runs: 1, reads: true }, "a minute after it was compared");
    settle(&bench).await;
    bench.pass(Duration::from_secs(30));
    assert_eq!(bind(&bench, ALICE, PASSWORD).await, Bound { granted: false, runs: 0, reads: true }, "verified, and expired all the same");
    assert_eq!(bench.outcomes(Action::Bind).last(), Some(&(Outcome::Failure, Some(Reason::Expired))));
}

#[tokio::test]
async fn it_is_for_ldap() {
    let (bench, _) = with_alice().await;
    for face in [Face::Login, Face::Oidc, Face::Saml] {
        let before = bench.runs();
        bench.core.bind_as(ALICE, &PASSWORD.into(), super::super::Origin { face, address: None }).await.unwrap();
        assert_eq!(bench.runs() - before, 1);
    }
}

#[tokio::test]
async fn names_that_lead_nowhere_are_refused_like_wrong_passwords_and_malformed_ones_as_such() {
    let bench = Bench::new().await;
    for name in ["uid=alice,o=nowhere", "alice@nowhere", "uid=nobody,ou=people,o=acme"] {
        assert!(!bind(&bench, name, PASSWORD).await.granted);
    }
    let error = bench.core.bind_as("alice", &PASSWORD.into(), ldap()).await.unwrap_err();
    assert!(matches!(error.kind(), Kind::Invalid(_)), "{error}");
}

#[tokio::test]
async fn a_long_name_is_looked_up_each_time() {
    let (bench, _) = with_alice().await;
    let name = format!("uid=alice,{}ou=people,o=acme", " ".repeat(600));
    for _ in 0..3 {
        assert_eq!(bind(&bench, &name, PASSWORD).await, LONG_WAY);
    }
}
