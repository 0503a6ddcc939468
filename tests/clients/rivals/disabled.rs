//! Whatever can be switched off, at each way in: people, service accounts, pools; and what can only
//! be removed: applications and upstreams. A lock is no end of what is open, and is tried at each
//! way in by `policy_matrix`.

use super::attempt::{KEY, PASSWORD, SESSION, parameters, post};
use super::pages::{self, Form, given};
use super::{stage, theirs};
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::ldap_wire::{self, Wire, is_notice, result_code};
use crate::web_client::{Application, Browser, Reply, ServiceProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Everything that somebody has halfway done, at both faces and at an upstream.
struct Halfway {
    server_issuer: String,
    browser: Browser,
    returns: Vec<String>,
    question: Form,
    handovers: Vec<Form>,
    code: String,
    access: String,
    id: String,
    demo: Application,
    sign_on: String,
}

impl Halfway {
    async fn of_alice(server: &TestServer) -> Self {
        let (demo, theirs, provider) = (Application::demo(server), theirs(server), ServiceProvider::demo(server));
        let issuer = server.issuer("acme");
        let mut browser = Browser::new();
        let mut open = Vec::new();
        for url in [demo.authorize(), provider.sign_on(server), theirs.authorize_with(&[("prompt", "consent")])] {
            open.push(browser.login_page(&url).await);
        }
        let mut returns = Vec::new();
        for page in &open {
            returns.push(browser.submit(page, "alice", PASSWORD).await.location().to_owned());
        }
        let question = pages::form(&browser.get(&returns[2]).await).with("decision", "allow");
        let request = STANDARD.encode(provider.request(server, ""));
        let handed = [
            post(&mut browser, &format!("{issuer}/oauth2/authorize"), &parameters(&demo.authorize())).await,
            browser.post(&format!("{issuer}/saml2/sso"), &[("SAMLRequest", &request)]).await,
        ];
        let tokens = browser.tokens(&demo, "alice", PASSWORD).await;
        let code = browser.code(&demo, "alice", PASSWORD).await;
        let sign_on = provider.sign_on(server);
        let handovers = handed.iter().map(pages::form).collect();
        let (access, id) = (tokens.access, tokens.id);
        Self { server_issuer: issuer, browser, returns, question, handovers, code, access, id, demo, sign_on }
    }

    /// Goes on with all of it, and tells what came of it: by name, what was given.
    async fn go_on(&mut self) -> Vec<(String, Reply)> {
        let browser = &mut self.browser;
        let mut all = Vec::new();
        for url in &self.returns {
            all.push((format!("the return {url}"), browser.get(url).await));
        }
        all.push(("the question".into(), post(browser, &self.question.action, &self.question.fields).await));
        for form in &self.handovers {
            all.push((format!("the handover {}", form.action), post(browser, &form.action, &form.fields).await));
        }
        all.push(("the code".into(), browser.redeem(&self.demo, &self.code).await));
        all.push(("the access token".into(), browser.userinfo(&self.server_issuer, &self.access).await));
        all.push(("a session at OpenID Connect".into(), browser.get(&self.demo.authorize()).await));
        all.push(("a session and a hint".into(), browser.get(&self.demo.authorize_with(&[("id_token_hint", &self.id)])).await));
        all.push(("a session, silently".into(), browser.get(&self.demo.authorize_with(&[("prompt", "none")])).await));
        all.push(("a session at SAML".into(), browser.get(&self.sign_on).await));
        for url in [self.demo.authorize_with(&[("prompt", "login")]), self.sign_on.clone()] {
            let mut fresh = Browser::new();
            let Some(page) = fresh.get(&url).await.login_page() else { continue };
            all.push((format!("a new login for {url}"), fresh.submit(&page, "alice", PASSWORD).await));
        }
        all
    }
}

#[track_caller]
fn assert_nothing(all: &[(String, Reply)]) {
    for (what, reply) in all {
        assert_eq!(given(reply), [""; 0], "{what}: {reply:?}");
    }
}

/// Whoever or whatever is disabled is let in at one of the ways (Keycloak CVE-2026-2603 and 3047).
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_disabled_gets_no_further() {
    let server = stage().await;
    // What would come of it: everything but the first return to the question, which asks.
    let mut open = Halfway::of_alice(&server).await;
    let all = open.go_on().await;
    let none: Vec<_> = all.iter().filter(|(_, reply)| given(reply).is_empty()).map(|(what, _)| what.as_str()).collect();
    assert_eq!(none, [format!("the return {}", open.returns[2])], "{all:?}");

    let mut halfway = Halfway::of_alice(&server).await;
    let dn = "uid=alice,ou=people,o=acme";
    let mut wires = [Wire::bound(&server, dn, PASSWORD).await, Wire::bound(&server, dn, PASSWORD).await];
    server.poolgate(&["user", "disable", "--pool", "acme", "alice"]).await.good();
    assert_nothing(&halfway.go_on().await);
    let change = ldap_wire::password_modify(None, Some(PASSWORD), "a new password of hers");
    for (wire, request) in wires.iter_mut().zip([ldap_wire::who_am_i(), change]) {
        assert!(is_notice(&wire.ask(&request).await));
    }
    let mut wire = Wire::connect(&server).await;
    for name in [dn, "alice@acme", "alice@acme.example@acme"] {
        assert_eq!(u32::from(result_code(&wire.ask(&ldap_wire::bind(name, PASSWORD)).await)), code::INVALID_CREDENTIALS, "{name}");
    }
    server.poolgate(&["user", "enable", "--pool", "acme", "alice"]).await.good();

    let mut halfway = Halfway::of_alice(&server).await;
    server.poolgate(&["pool", "suspend", "acme"]).await.good();
    assert_nothing(&halfway.go_on().await);
    server.stop().await;
}

/// The same class for accounts of programs.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_that_is_disabled_is_nobody() {
    let server = TestServer::demo().await;
    let (dn, password) = ("cn=legacy-app,ou=services,o=acme", "legacy-demo-password");
    let mut open = Wire::bound(&server, dn, password).await;
    server.poolgate(&["service", "disable", "--pool", "acme", "legacy-app"]).await.good();
    assert!(is_notice(&open.ask(&ldap_wire::who_am_i()).await));
    let mut directory = Directory::connect(&server).await;
    assert_eq!(directory.bind(dn, password).await.code, code::INVALID_CREDENTIALS);
    assert_eq!(directory.bind("legacy-app@acme", password).await.code, code::INVALID_CREDENTIALS);
    let mut browser = Browser::new();
    let page = browser.login_page(&Application::demo(&server).authorize()).await;
    assert_eq!(browser.submit(&page, "legacy-app", password).await.status, 401);
    server.poolgate(&["service", "enable", "--pool", "acme", "legacy-app"]).await.good();
    assert_eq!(directory.bind(dn, password).await.code, code::SUCCESS);
    server.stop().await;
}

/// Erin, who has proven to suppliers who she is, and has not come back to acme yet.
async fn erin(server: &TestServer) -> (Browser, String) {
    let mut browser = Browser::new();
    let page = browser.login_page(&Application::demo(server).authorize()).await;
    let there = browser.leave_for(&page, "suppliers").await.location().to_owned();
    let page = browser.login_page(&there).await;
    let back = browser.log_in(&page, "erin", "erin-demo-password").await.location().to_owned();
    (browser, back)
}

/// The same class for people who come through an upstream: disabled here, or there; the upstream
/// removed, or its whole pool suspended.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_back_from_an_upstream_to_what_was_switched_off_meanwhile() {
    let server = TestServer::demo().await;
    let (mut browser, back) = erin(&server).await;
    assert_eq!(given(&browser.get(&back).await), ["session", "mark"]);
    let switches: [(&[&str], &[&str]); 4] = [
        (&["user", "disable", "--pool", "acme", "suppliers.erin"], &["user", "enable", "--pool", "acme", "suppliers.erin"]),
        (&["user", "disable", "--pool", "suppliers", "erin"], &["user", "enable", "--pool", "suppliers", "erin"]),
        (&["pool", "suspend", "suppliers"], &["pool", "resume", "suppliers"]),
        (&["pool", "suspend", "acme"], &["pool", "resume", "acme"]),
    ];
    for (off, on) in switches {
        let (mut away, back) = erin(&server).await;
        server.poolgate(off).await.good();
        let reply = away.get(&back).await;
        assert_eq!(given(&reply), [""; 0], "{off:?}: {reply:?}");
        assert_eq!(away.cookie(SESSION), None, "{off:?}");
        server.poolgate(on).await.good();
        let (mut again, back) = erin(&server).await;
        assert_eq!(given(&again.get(&back).await), ["session", "mark"], "{on:?}");
    }
    let (mut away, back) = erin(&server).await;
    server.poolgate(&["idp", "delete", "--pool", "acme", "suppliers"]).await.good();
    let reply = away.get(&back).await;
    assert_eq!(given(&reply), [""; 0], "{reply:?}");
    assert!(!browser.is_logged_in(&Application::demo(&server)).await, "nobody vouches for her any more");
    server.stop().await;
}

/// The same class for applications, which have no such switch and are deleted.
#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_deleted_gets_nothing_of_what_was_begun_for_it() {
    let server = stage().await;
    let mut halfway = Halfway::of_alice(&server).await;
    for arguments in [
        &["client", "delete", "--pool", "acme", "demo-app"][..],
        &["client", "delete", "--pool", "acme", "theirs"],
        &["sp", "delete", "--pool", "acme", "http://localhost:9091/metadata"],
    ] {
        server.poolgate(arguments).await.good();
    }
    let key = halfway.browser.cookie(KEY).map(str::to_owned);
    assert_nothing(&halfway.go_on().await);
    assert_eq!(halfway.browser.cookie(KEY).map(str::to_owned), key);
    server.stop().await;
}
