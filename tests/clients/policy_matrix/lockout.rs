//! Failures are counted on the entry: whatever the face, whatever the name that led there.

use super::{THRESHOLD, demo, dn};
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::web_client::{Application, Browser, LoginPage, ServiceProvider};

const RIGHT: &str = "alice-demo-password";
const WRONG: &str = "a wrong password";

/// The ways in: each tells whether alice comes in with that password.
async fn bind(server: &TestServer, name: &str, password: &str) -> bool {
    let answer = Directory::connect(server).await.bind(name, password).await;
    assert!([code::SUCCESS, code::INVALID_CREDENTIALS].contains(&answer.code), "{answer:?}");
    answer.code == code::SUCCESS
}

async fn log_in(browser: &mut Browser, page: &LoginPage, name: &str, password: &str) -> bool {
    let reply = browser.submit(page, name, password).await;
    assert!([303, 401].contains(&reply.status), "{reply:?}");
    reply.status == 303
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_at_ldap_lock_the_login_pages() {
    let server = demo().await;
    for name in [dn("alice"), "alice@acme".into(), "UID=Alice,ou=people,o=ACME".into(), "alice@acme.example@acme".into(), dn("alice")] {
        assert!(!bind(&server, &name, WRONG).await);
    }
    for url in [Application::demo(&server).authorize(), ServiceProvider::demo(&server).sign_on(&server)] {
        let mut browser = Browser::new();
        let page = browser.login_page(&url).await;
        for name in ["alice", "alice@acme.example"] {
            assert!(!log_in(&mut browser, &page, name, RIGHT).await, "{name}");
        }
    }
    assert!(!bind(&server, &dn("alice"), RIGHT).await);
    assert!(bind(&server, &dn("bob"), "bob-demo-password").await, "nobody else is locked");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_all_faces_add_up_and_a_success_at_any_forgets_them() {
    let server = demo().await;
    let mut browser = Browser::new();
    let page = browser.login_page(&ServiceProvider::demo(&server).sign_on(&server)).await;
    let mut alice = Directory::bound(&server, &dn("alice"), RIGHT).await;
    // One short of the lock, by three ways.
    for _ in 0..THRESHOLD - 3 {
        assert!(!bind(&server, &dn("alice"), WRONG).await);
    }
    assert!(!log_in(&mut browser, &page, "alice", WRONG).await);
    assert_eq!(alice.password(None, Some(WRONG), Some("a new password of hers")).await.code, code::INVALID_CREDENTIALS);
    assert!(bind(&server, "alice@acme", RIGHT).await, "a success forgets the failures");
    for _ in 0..THRESHOLD - 2 {
        assert!(!log_in(&mut browser, &page, "alice", WRONG).await);
    }
    assert_eq!(alice.password(None, Some(WRONG), Some("a new password of hers")).await.code, code::INVALID_CREDENTIALS);
    assert!(!bind(&server, &dn("alice"), WRONG).await);
    assert!(!bind(&server, &dn("alice"), RIGHT).await, "locked");
    assert!(!log_in(&mut browser, &page, "alice", RIGHT).await, "locked");

    // Failures while it is locked do not prolong it.
    server.clock.advance(std::time::Duration::from_secs(14 * 60));
    assert!(!bind(&server, &dn("alice"), WRONG).await);
    server.clock.advance(std::time::Duration::from_secs(61));
    assert!(bind(&server, &dn("alice"), RIGHT).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_the_same_time_are_all_counted() {
    let server = demo().await;
    let mut guesses = tokio::task::JoinSet::new();
    for _ in 0..THRESHOLD {
        let mut directory = Directory::connect(&server).await;
        guesses.spawn(async move { directory.bind(&dn("alice"), WRONG).await.code });
    }
    assert_eq!(guesses.join_all().await, [code::INVALID_CREDENTIALS; THRESHOLD]);
    assert!(!bind(&server, &dn("alice"), RIGHT).await);
    server.stop().await;
}
