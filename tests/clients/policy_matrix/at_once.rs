//! What an operator or an administrator changes counts from that moment on: for connections that
//! are open, sessions that run and tokens that are out.

use super::{THRESHOLD, demo, dn};
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::ldap_wire::{self, Wire, is_notice, result_code};
use crate::web_client::{Application, Browser, ServiceProvider, Tokens};

pub(super) const RIGHT: &str = "alice-demo-password";

/// Everything that alice has open.
pub(super) struct Everything {
    application: Application,
    sign_on: String,
    pub(super) connection: Wire,
    rebind: Wire,
    browser: Browser,
    tokens: Tokens,
    /// A code that nobody has redeemed yet.
    code: String,
}

impl Everything {
    pub(super) async fn of_alice(server: &TestServer) -> Self {
        let application = Application::demo(server);
        let sign_on = ServiceProvider::demo(server).sign_on(server);
        let mut browser = Browser::new();
        let tokens = browser.tokens(&application, "alice", RIGHT).await;
        let code = browser.get(&application.authorize()).await.parameter("code").unwrap();
        let connection = Wire::bound(server, &dn("alice"), RIGHT).await;
        let rebind = Wire::bound(server, &dn("alice"), RIGHT).await;
        let mut everything = Self { application, sign_on, connection, rebind, browser, tokens, code };
        everything.assert_good().await;
        everything
    }

    /// Asserts that all of it works, but for the code, which can be used once.
    pub(super) async fn assert_good(&mut self) {
        assert_eq!(result_code(&self.connection.ask(&ldap_wire::who_am_i()).await), 0);
        assert_eq!(result_code(&self.rebind.ask(&ldap_wire::bind(&dn("alice"), RIGHT)).await), 0);
        assert!(self.browser.is_logged_in(&self.application).await);
        assert!(self.browser.get(&self.sign_on).await.body.contains("SAMLResponse"), "an assertion");
        let userinfo = self.browser.userinfo(&self.application.issuer, &self.tokens.access).await;
        assert_eq!(userinfo.json()["preferred_username"], "alice");
    }

    /// Asserts that none of it works any more.
    pub(super) async fn assert_void(&mut self) {
        let notice = self.connection.ask(&ldap_wire::who_am_i()).await;
        assert!(is_notice(&notice), "{notice:02x?}");
        self.connection.assert_closed().await;
        let denied = self.rebind.ask(&ldap_wire::bind(&dn("alice"), RIGHT)).await;
        assert_eq!(u32::from(result_code(&denied)), code::INVALID_CREDENTIALS);
        assert!(!self.browser.is_logged_in(&self.application).await);
        assert!(self.browser.get(&self.sign_on).await.login_page().is_some());
        let userinfo = self.browser.userinfo(&self.application.issuer, &self.tokens.access).await;
        assert_eq!((userinfo.status, userinfo.json()["error"].as_str()), (401, Some("invalid_token")));
        let redeemed = self.browser.redeem(&self.application, &self.code).await;
        assert_eq!((redeemed.status, redeemed.json()["error"].as_str()), (400, Some("invalid_grant")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disabling_somebody() {
    let server = demo().await;
    let mut everything = Everything::of_alice(&server).await;
    server.poolgate(&["user", "disable", "--pool", "acme", "alice"]).await.good();
    everything.assert_void().await;
    server.poolgate(&["user", "enable", "--pool", "acme", "alice"]).await.good();
    assert_eq!(result_code(&everything.rebind.ask(&ldap_wire::bind(&dn("alice"), RIGHT)).await), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suspending_the_pool() {
    let server = demo().await;
    let mut everything = Everything::of_alice(&server).await;
    let mut erin = Wire::bound(&server, "uid=erin,ou=people,o=suppliers", "erin-demo-password").await;
    server.poolgate(&["pool", "suspend", "acme"]).await.good();
    everything.assert_void().await;
    assert_eq!(result_code(&erin.ask(&ldap_wire::who_am_i()).await), 0, "the other pool goes on");

    server.poolgate(&["pool", "resume", "acme"]).await.good();
    everything.connection = Wire::bound(&server, &dn("alice"), RIGHT).await;
    everything.assert_good().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_somebody() {
    let server = demo().await;
    let mut everything = Everything::of_alice(&server).await;
    server.poolgate(&["user", "delete", "--pool", "acme", "alice"]).await.good();
    everything.assert_void().await;
    // Whoever gets the name next is somebody else.
    server.user("alice", RIGHT).await;
    assert!(!everything.browser.is_logged_in(&everything.application).await);
    assert_eq!(everything.browser.userinfo(&everything.application.issuer, &everything.tokens.access).await.status, 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_change_of_the_password() {
    let server = demo().await;
    let mut everything = Everything::of_alice(&server).await;
    let change = ["user", "password", "--pool", "acme", "alice", "--stdin"];
    server.poolgate_with_input(&change, "another password").await.good();
    everything.assert_void().await;
    assert_eq!(result_code(&everything.rebind.ask(&ldap_wire::bind(&dn("alice"), "another password")).await), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_change_of_the_password() {
    let server = demo().await;
    let mut carol = Directory::bound(&server, &dn("carol"), "carol-demo-password").await;
    for by in ["modify", "password modify"] {
        let mut everything = Everything::of_alice(&server).await;
        let changed = match by {
            "modify" => carol.replace(&dn("alice"), "userPassword", "another password").await,
            _ => carol.password(Some(&dn("alice")), None, Some("another password")).await,
        };
        assert_eq!(changed.code, code::SUCCESS, "{changed:?}");
        everything.assert_void().await;
        assert_eq!(carol.replace(&dn("alice"), "userPassword", RIGHT).await.code, code::SUCCESS);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_change_of_the_password_ends_everything_but_the_connection_that_made_it() {
    let server = demo().await;
    let mut everything = Everything::of_alice(&server).await;
    let mut own = Wire::bound(&server, &dn("alice"), RIGHT).await;
    let change = ldap_wire::password_modify(None, Some(RIGHT), "a new password of hers");
    assert_eq!(result_code(&own.ask(&change).await), 0);
    everything.assert_void().await;
    assert_eq!(result_code(&own.ask(&ldap_wire::who_am_i()).await), 0);
    // It is no more than a connection: what happens next counts for it as well.
    server.poolgate(&["user", "disable", "--pool", "acme", "alice"]).await.good();
    assert!(is_notice(&own.ask(&ldap_wire::who_am_i()).await));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_stops_logins_and_nothing_that_is_open_and_unlocking_lets_in() {
    let server = demo().await;
    let mut everything = Everything::of_alice(&server).await;
    let mut guesser = Wire::connect(&server).await;
    for _ in 0..THRESHOLD {
        guesser.ask(&ldap_wire::bind("alice@acme", "a wrong password")).await;
    }
    let mut browser = Browser::new();
    let page = browser.login_page(&everything.application.authorize()).await;
    assert_eq!(browser.submit(&page, "alice", RIGHT).await.status, 401);
    assert_eq!(u32::from(result_code(&everything.rebind.ask(&ldap_wire::bind(&dn("alice"), RIGHT)).await)), code::INVALID_CREDENTIALS);
    // Whoever could lock others out of what they are doing would need no password for it.
    assert_eq!(result_code(&everything.connection.ask(&ldap_wire::who_am_i()).await), 0);
    assert!(everything.browser.is_logged_in(&everything.application).await);

    server.poolgate(&["user", "unlock", "--pool", "acme", "alice"]).await.good();
    everything.assert_good().await;
    assert_eq!(browser.submit(&page, "alice", RIGHT).await.status, 303);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_the_group_of_administrators() {
    let server = demo().await;
    let mut carol = Directory::bound(&server, &dn("carol"), "carol-demo-password").await;
    assert_eq!(carol.replace(&dn("bob"), "description", "by carol").await.code, code::SUCCESS);
    server.poolgate(&["group", "remove", "--pool", "acme", "admins", "carol"]).await.good();
    assert_eq!(carol.replace(&dn("bob"), "description", "once more").await.code, code::INSUFFICIENT_ACCESS);
    server.poolgate(&["group", "add", "--pool", "acme", "admins", "carol"]).await.good();
    assert_eq!(carol.replace(&dn("bob"), "description", "again").await.code, code::SUCCESS);
    server.stop().await;
}
