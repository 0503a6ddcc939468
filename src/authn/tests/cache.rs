//! The cache of verified passwords: it spares argon2 and nothing else.

use super::super::testing::*;
use crate::{
    audit::{Action, Outcome, Reason},
    model::{Face, PoolId},
    pool::Status,
    store::{ServerChanges, ServerKey},
};
use std::time::Duration;

/// Whether a bind with the right password is granted, and what it costs.
async fn bind(bench: &Bench, password: &str) -> (bool, u64) {
    let before = bench.runs();
    let granted = bench.binds("alice", password).await;
    (granted, bench.runs() - before)
}

#[tokio::test]
async fn a_second_bind_within_a_minute_costs_no_argon2() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
    for _ in 0..3 {
        assert_eq!(bind(&bench, "correct horse").await, (true, 0));
    }
    assert_eq!(bind(&bench, "a guess").await, (false, 1), "a wrong password is never answered by the cache");
    assert_eq!(bind(&bench, "correct horse").await, (true, 0));
    bench.pass(Duration::from_secs(60));
    assert_eq!(bind(&bench, "correct horse").await, (true, 1), "at most a minute");
}

#[tokio::test]
async fn only_ldap_uses_it() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    for face in [Face::Login, Face::Oidc, Face::Login] {
        let origin = super::super::Origin { face, address: None };
        let before = bench.runs();
        bench.core.bind(&bench.pool, &uid("alice"), &secret("correct horse"), origin).await.unwrap();
        assert_eq!(bench.runs() - before, 1);
    }
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
    let origin = super::super::Origin { face: Face::Oidc, address: None };
    let before = bench.runs();
    bench.core.bind(&bench.pool, &uid("alice"), &secret("correct horse"), origin).await.unwrap();
    assert_eq!(bench.runs() - before, 1, "what LDAP verified is for LDAP");
}

#[tokio::test]
async fn a_changed_password_counts_at_once() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
    bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("battery staple"))).await.unwrap();
    assert_eq!(bind(&bench, "correct horse").await, (false, 1));
    assert_eq!(bind(&bench, "battery staple").await, (true, 1));
    bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("correct horse"))).await.unwrap();
    assert_eq!(bind(&bench, "correct horse").await, (true, 1), "the same text is another credential");
}

#[tokio::test]
async fn disabling_counts_at_once_and_empties_it() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
    bench.disable(id, true).await;
    assert_eq!(bind(&bench, "correct horse").await, (false, 1));
    bench.disable(id, false).await;
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
}

#[tokio::test]
async fn a_lock_counts_at_once_and_empties_it() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
    for _ in 0..THRESHOLD {
        assert_eq!(bind(&bench, "a guess").await, (false, 1));
    }
    assert_eq!(bind(&bench, "correct horse").await, (false, 1));
    bench.core.unlock(&bench.pool, &operator(), id).await.unwrap();
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
}

#[tokio::test]
async fn a_changed_policy_empties_it() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
    bench.change_settings(|settings| settings.password.min_length = 12).await;
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
}

#[tokio::test]
async fn suspending_the_pool_counts_at_once() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
    bench.core.registry.set_status(bench.pool.id(), &operator(), Status::Suspended).await.unwrap();
    assert!(!bind(&bench, "correct horse").await.0);
}

#[tokio::test]
async fn an_expired_password_is_refused_although_it_was_verified() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let end = bench.now().plus(Duration::from_secs(10));
    bench.restrict_password(id, false, Some(end)).await;
    assert_eq!(bind(&bench, "correct horse").await, (true, 1));
    bench.pass(Duration::from_secs(10));
    assert_eq!(bind(&bench, "correct horse").await, (false, 0), "verified, and expired all the same");
    assert_eq!(bench.outcomes(Action::Bind).last(), Some(&(Outcome::Failure, Some(Reason::Expired))));
}

#[tokio::test]
async fn cached_binds_commit_nothing_and_are_counted() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    bench.binds("alice", "correct horse").await;
    let commits = bench.store.statistics().commits;
    for _ in 0..50 {
        assert!(bench.binds("alice", "correct horse").await);
    }
    assert_eq!(bench.store.statistics().commits, commits);
    bench.core.flush_audit().await.unwrap();
    let counts: Vec<_> = bench.events(Action::Bind).iter().map(|event| (event.outcome, event.count)).collect();
    assert_eq!(counts, [(Outcome::Success, 1), (Outcome::Success, 50)]);
    bench.core.flush_audit().await.unwrap();
    assert_eq!(bench.events(Action::Bind).len(), 2);
}

#[tokio::test]
async fn what_cannot_be_counted_in_one_pool_keeps_no_other_from_its_log() {
    let bench = Bench::new().await;
    let unreadable = || (1000..1200).map(PoolId::new);
    let mut changes = ServerChanges::new();
    unreadable().for_each(|pool| changes.put(ServerKey::pool(pool), vec![0xff]));
    bench.store.commit_server(changes).await.unwrap();
    for pool in unreadable().chain([bench.pool.id()]) {
        bench.core.count_failure(pool, Action::FederatedLogin, "idp", Reason::Upstream, page());
    }
    bench.core.flush_audit().await.unwrap_err();
    assert_eq!(bench.outcomes(Action::FederatedLogin), [(Outcome::Failure, Some(Reason::Upstream))]);
}
