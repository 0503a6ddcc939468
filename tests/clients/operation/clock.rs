//! The clock of the machine leaps: nothing is lost, and nothing from the future is believed.

use crate::harness::TestServer;
use crate::web_client::{Application, Browser};
use poolgate::directory::Directory;

const DAY: i64 = 24 * 60 * 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_wrong_for_a_while_ends_nothing() {
    let server = TestServer::demo().await;
    let application = Application::demo(&server);
    let mut browser = Browser::new();
    let tokens = browser.tokens(&application, "alice", "alice-demo-password").await;
    let events = server.audit("acme").await.len();
    server.clock.leap(400 * DAY);
    assert!(!browser.is_logged_in(&application).await, "by that clock it has ended long ago");
    assert_eq!(browser.userinfo(&application.issuer, &tokens.access).await.status, 401);
    server.clock.leap(-400 * DAY);
    assert!(browser.is_logged_in(&application).await);
    assert_eq!(browser.userinfo(&application.issuer, &tokens.access).await.status, 200);
    assert!(server.audit("acme").await.len() >= events);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_clock_has_made_that_was_ahead_is_not_believed() {
    let server = TestServer::demo().await;
    let application = Application::demo(&server);
    let mut browser = Browser::new();
    server.clock.leap(DAY);
    let tokens = browser.tokens(&application, "alice", "alice-demo-password").await;
    assert!(browser.is_logged_in(&application).await);
    server.clock.leap(-DAY);
    assert!(!browser.is_logged_in(&application).await, "a session of the future");
    assert_eq!(browser.userinfo(&application.issuer, &tokens.access).await.status, 401);
    // A little ahead is what clocks are.
    server.clock.leap(60);
    let mut another = Browser::new();
    let tokens = another.tokens(&application, "alice", "alice-demo-password").await;
    server.clock.leap(-60);
    assert!(another.is_logged_in(&application).await);
    assert_eq!(another.userinfo(&application.issuer, &tokens.access).await.status, 200);
    server.stop().await;
}

/// Neither by a change nor by what begins meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_goes_back_takes_no_entry_with_it() {
    let server = TestServer::demo().await;
    let modified = async || {
        let shown = server.json(&["user", "show", "--pool", "acme", "alice"]).await;
        shown["attributes"]["modifyTimestamp"][0].as_str().unwrap().to_owned()
    };
    let (before, began) = (modified().await, server.running.core().clock.now());
    server.clock.leap(-DAY);
    server.poolgate(&["user", "update", "--pool", "acme", "alice", "--attribute", "title=Dr"]).await.good();
    assert!(modified().await >= before);
    server.poolgate(&["pool", "create", "late"]).await.good();
    let pool = server.running.core().registry.by_slug("late").unwrap().unwrap();
    let directory = Directory::new(&pool);
    let suffix = directory.resolve(pool.suffix()).unwrap();
    assert!(directory.entry(suffix).unwrap().unwrap().created() >= began);
    server.stop().await;
}
