//! Sessions: how they end.

use super::super::{Demands, Kept, Session, Step, credential, testing::*};
use crate::{
    application::{self, ClientId, Grant, GrantId},
    audit::{Action, Outcome},
    crypto::password::Params,
    model::EntryId,
    pool::Status,
    store::{Changes, CommitError, Prefix, Space},
};
use std::time::Duration;

/// A bench with a user who is logged in: their entry and their cookie.
async fn logged_in() -> (Bench, EntryId, String) {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands::default());
    let password = secret("correct horse");
    let step = bench.core.login_password(&bench.pool, &interaction, &browser, "alice", &password, Kept::default(), page());
    let Step::Granted(granted) = step.await.unwrap() else { panic!("not logged in") };
    (bench, id, granted.session.expose().clone())
}

async fn lives(bench: &Bench, cookie: &str) -> bool {
    bench.core.session(&bench.pool, cookie).await.unwrap().is_some()
}

#[tokio::test]
async fn a_cookie_is_not_in_the_store() {
    let (bench, _, cookie) = logged_in().await;
    for row in bench.pool.store().scan(&Prefix::space(Space::Session), None) {
        let (key, row) = row.unwrap();
        let found = |bytes: &[u8]| bytes.windows(cookie.len()).any(|window| window == cookie.as_bytes());
        assert!(!found(key.as_bytes()) && !found(&row.value));
    }
    let session = bench.core.session(&bench.pool, &cookie).await.unwrap().unwrap();
    assert!(!session.public_id().is_empty() && session.public_id() != cookie);
    for other in ["", "x", &cookie[1..], &format!("{cookie}x")] {
        assert!(!lives(&bench, other).await);
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_over_and_in_nobodys_way() {
    let spoil = async |bench: &Bench| {
        let mut changes = Changes::new();
        for row in bench.pool.store().scan(&Prefix::space(Space::Session), None) {
            changes.put(row.unwrap().0, vec![99]);
        }
        bench.pool.store().commit(changes).await.unwrap();
    };
    let count = |bench: &Bench| bench.pool.store().scan(&Prefix::space(Space::Session), None).count();

    let (bench, _, cookie) = logged_in().await;
    spoil(&bench).await;
    assert!(!lives(&bench, &cookie).await);
    bench.core.end_session(&bench.pool, &cookie, page()).await.unwrap();
    assert_eq!((count(&bench), bench.outcomes(Action::Logout)), (0, vec![(Outcome::Success, None)]));

    let (bench, _, cookie) = logged_in().await;
    spoil(&bench).await;
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands::default());
    let password = secret("correct horse");
    let step = bench.core.login_password(
        &bench.pool,
        &interaction,
        &browser,
        "alice",
        &password,
        Kept { session: Some(&cookie), mark: None },
        page(),
    );
    let Step::Granted(granted) = step.await.unwrap() else { panic!("not logged in") };
    assert!(lives(&bench, granted.session.expose()).await && !lives(&bench, &cookie).await);
    assert_eq!(count(&bench), 1, "a new one is in its place");
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it() {
    let (bench, _, cookie) = logged_in().await;
    bench.pass(Duration::from_secs(59 * 60));
    assert!(lives(&bench, &cookie).await);
    bench.pass(Duration::from_secs(59 * 60));
    assert!(lives(&bench, &cookie).await, "each use counts");
    bench.pass(Duration::from_secs(60 * 60));
    assert!(!lives(&bench, &cookie).await);
}

#[tokio::test]
async fn a_session_ends_however_much_it_is_used() {
    let (bench, _, cookie) = logged_in().await;
    for _ in 0..23 {
        bench.pass(Duration::from_secs(30 * 60));
        assert!(lives(&bench, &cookie).await);
    }
    bench.pass(Duration::from_secs(30 * 60));
    assert!(!lives(&bench, &cookie).await);
    bench.store.sweep(bench.now(), 100).await.unwrap();
    assert_eq!(bench.pool.store().scan(&Prefix::space(Space::Session), None).count(), 0);
}

#[tokio::test]
async fn frequent_uses_cost_no_commit() {
    let (bench, _, cookie) = logged_in().await;
    let commits = bench.store.statistics().commits;
    for _ in 0..5 {
        bench.pass(Duration::from_secs(60));
        assert!(lives(&bench, &cookie).await);
    }
    assert_eq!(bench.store.statistics().commits, commits);
    bench.pass(Duration::from_secs(60));
    assert!(lives(&bench, &cookie).await);
    assert_eq!(bench.store.statistics().commits, commits + 1);
}

#[tokio::test]
async fn disabling_the_user_ends_it_at_once() {
    let (bench, id, cookie) = logged_in().await;
    bench.disable(id, true).await;
    assert!(!lives(&bench, &cookie).await);
}

#[tokio::test]
async fn suspending_the_pool_ends_it_at_once() {
    let (bench, _, cookie) = logged_in().await;
    bench.core.registry.set_status(bench.pool.id(), &operator(), Status::Suspended).await.unwrap();
    assert!(!lives(&bench, &cookie).await);
}

#[tokio::test]
async fn deleting_the_user_ends_it() {
    let (bench, id, cookie) = logged_in().await;
    bench.core.delete_entry(&bench.pool, &operator(), id).await.unwrap();
    assert!(!lives(&bench, &cookie).await);
}

#[tokio::test]
async fn a_new_password_ends_what_the_old_one_began() {
    let (bench, id, cookie) = logged_in().await;
    bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("battery staple"))).await.unwrap();
    assert!(!lives(&bench, &cookie).await, "though no time has passed");
}

#[tokio::test]
async fn a_new_password_ends_it_whatever_the_clock_says() {
    let (bench, id, cookie) = logged_in().await;
    bench.set_back(Duration::from_secs(3600));
    bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret("battery staple"))).await.unwrap();
    assert!(!lives(&bench, &cookie).await);
}

#[tokio::test]
async fn a_renewed_hash_of_the_same_password_ends_nothing() {
    let (bench, id, cookie) = logged_in().await;
    let dear = Params { passes: 2, ..CHEAP };
    bench.change_settings(|settings| settings.hashing = dear).await;
    assert!(bench.binds("alice", "correct horse").await);
    let (renewed, _) = credential::password(&bench.pool, id).unwrap().unwrap();
    assert!(!renewed.hash.needs_rehash(&dear), "the login has renewed it");
    assert!(lives(&bench, &cookie).await);
}

#[tokio::test]
async fn a_logout_ends_it_once_and_is_audited() {
    let (bench, id, cookie) = logged_in().await;
    for _ in 0..2 {
        bench.core.end_session(&bench.pool, &cookie, page()).await.unwrap();
        assert!(!lives(&bench, &cookie).await);
    }
    assert_eq!(bench.outcomes(Action::Logout), [(Outcome::Success, None)]);
    assert_eq!(bench.events(Action::Logout)[0].entry, Some(id));
}

/// Logs somebody in whose browser sends that cookie.
async fn again(bench: &Bench, name: &str, previous: &str) -> String {
    let browser = bench.browser("one");
    let interaction = bench.begin(Demands::default());
    let password = secret("correct horse");
    let step = bench.core.login_password(
        &bench.pool,
        &interaction,
        &browser,
        name,
        &password,
        Kept { session: Some(previous), mark: None },
        page(),
    );
    let Step::Granted(granted) = step.await.unwrap() else { panic!("not logged in") };
    granted.session.expose().clone()
}

/// A client is given something by the session of that cookie.
async fn give(bench: &Bench, cookie: &str) -> GrantId {
    let session = bench.core.session(&bench.pool, cookie).await.unwrap().unwrap();
    let grant = Grant { epoch: bench.client("demo").await.epoch, ..grant_of(bench, &session) };
    let mut changes = Changes::new();
    application::put_grant(&mut changes, &grant);
    bench.pool.store().commit(changes).await.unwrap();
    grant.id
}

fn grant_of(bench: &Bench, session: &Session) -> Grant {
    Grant {
        id: GrantId::draw(&*bench.core.entropy),
        client_id: ClientId::parse("demo").unwrap(),
        entry: session.authentication().entry(),
        scopes: Vec::new(),
        created: bench.now(),
        expires: bench.now().plus(Duration::from_secs(600)),
        session: *session.hash(),
        password_proof: session.authentication().password_proof(),
        voucher: session.authentication().voucher().cloned(),
        epoch: None,
        entry_epoch: session.authentication().epoch(),
    }
}

fn is_given(bench: &Bench, grant: GrantId) -> bool {
    application::find_grant(bench.pool.store(), grant, bench.now()).unwrap().is_some()
}

#[tokio::test]
async fn a_logout_takes_back_what_was_given_since_the_first_login() {
    let (bench, _, first) = logged_in().await;
    let early = give(&bench, &first).await;
    let second = again(&bench, "alice", &first).await;
    let third = again(&bench, "alice", &second).await;
    let late = give(&bench, &third).await;
    assert!(!lives(&bench, &first).await && !lives(&bench, &second).await);
    assert!(is_given(&bench, early) && is_given(&bench, late), "logging in anew takes nothing back");
    bench.core.end_session(&bench.pool, &third, page()).await.unwrap();
    assert!(!is_given(&bench, early) && !is_given(&bench, late));
}

#[tokio::test]
async fn somebody_else_who_logs_in_ends_what_was_given_before() {
    let (bench, _, first) = logged_in().await;
    bench.user("bob", "correct horse").await;
    let of_alice = give(&bench, &first).await;
    let second = again(&bench, "bob", &first).await;
    assert!(!lives(&bench, &first).await && !is_given(&bench, of_alice));
    assert!(lives(&bench, &second).await);
}

#[tokio::test]
async fn however_much_was_given_all_of_it_is_taken_back() {
    let (bench, _, cookie) = logged_in().await;
    bench.user("bob", "correct horse").await;
    let left = || bench.pool.store().scan(&Prefix::space(Space::Grant), None).count();
    let give_many = async |cookie: &str| {
        let session = bench.core.session(&bench.pool, cookie).await.unwrap().unwrap();
        for _ in 0..6 {
            let mut changes = Changes::new();
            for _ in 0..100 {
                application::put_grant(&mut changes, &grant_of(&bench, &session));
            }
            bench.pool.store().commit(changes).await.unwrap();
        }
        assert_eq!(left(), 1200, "each with its place among what the session gave");
    };
    give_many(&cookie).await;
    let of_bob = again(&bench, "bob", &cookie).await;
    assert_eq!(left(), 0, "somebody else has logged in");
    give_many(&of_bob).await;
    bench.core.end_session(&bench.pool, &of_bob, page()).await.unwrap();
    assert_eq!(left(), 0, "a logout");
}

#[tokio::test]
async fn nothing_is_given_in_a_session_that_has_ended() {
    let (bench, _, cookie) = logged_in().await;
    let session = bench.core.session(&bench.pool, &cookie).await.unwrap().unwrap();
    let give = async || {
        let mut changes = Changes::new();
        session.expect(&mut changes);
        application::put_grant(&mut changes, &grant_of(&bench, &session));
        bench.pool.store().commit(changes).await.map(|_| ())
    };
    give().await.unwrap();
    bench.pass(Duration::from_secs(20 * 60));
    assert!(lives(&bench, &cookie).await);
    give().await.unwrap();
    bench.core.end_session(&bench.pool, &cookie, page()).await.unwrap();
    assert_eq!(give().await.unwrap_err(), CommitError::Conflict);
}

#[tokio::test]
async fn a_cookie_of_one_pool_means_nothing_in_another() {
    let (bench, _, cookie) = logged_in().await;
    let other = create_pool(&bench.core, "other", settings()).await;
    assert!(bench.core.session(&other, &cookie).await.unwrap().is_none());
}
