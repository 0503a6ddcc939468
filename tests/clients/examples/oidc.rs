//! `oidc_app`: what it shows, and which answers it does not believe.

use super::WebApp;
use crate::browser::Browser;
use crate::harness::{Program, TestServer};
use crate::web_client;

/// The application, registered with acme. It proves itself with that secret; the registered one is
/// `portal-secret`.
async fn portal(server: &TestServer, secret: &str) -> WebApp {
    let mut program = Program::example("oidc_app");
    program.arguments(["--issuer", &server.issuer("acme"), "--client-id", "portal", "--client-secret", secret]);
    let app = WebApp::start(&mut program).await;
    let callback = format!("{}/callback", app.url);
    let create = ["client", "create", "portal", "--pool", "acme", "--first-party", "--secret-stdin", "--redirect-uri", &callback];
    server.program(create).input("portal-secret\n").run().await.good();
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_who_logged_in() {
    let server = TestServer::demo().await;
    let mut app = portal(&server, "portal-secret").await;
    let browser = Browser::new([server.running.addresses().public_url.as_str(), &app.url]);
    let page = browser.open(&app.url).await;
    assert!(page.url.as_str().starts_with(&format!("{}/oauth2/authorize?", server.issuer("acme"))), "{}", page.url);
    let page = browser.submit(&page, &[("username", "alice"), ("password", "wrong")]).await;
    page.shown(401);
    let page = browser.submit(&page, &[("username", "alice"), ("password", "alice-demo-password")]).await;
    let subject = server.uuid("acme", "alice").await;
    let shown = format!("Alice Archer logged in\n  username  alice\n  mail      alice@acme.example\n  subject   {subject}\n");
    assert_eq!((page.shown(200), app.told().await.as_str()), (shown.as_str(), "Alice Archer logged in"));

    // Once more with the session that the pool has.
    assert_eq!(browser.open(&app.url).await.shown(200), shown);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_believes_only_the_answer_to_its_own_question() {
    let server = TestServer::demo().await;
    let app = portal(&server, "portal-secret").await;
    let mut browser = web_client::Browser::new();
    let asked = browser.get(&app.url).await.location().to_owned();
    let page = browser.login_page(&asked).await;
    let mut answer = browser.log_in(&page, "alice", "alice-demo-password").await.location().to_owned();
    assert_eq!(web_client::Browser::new().get(&answer).await.body, "Not logged in: this browser has not asked for a login\n");

    // What is changed in the address and in the cookie, and what the application says to it.
    let issuer = server.issuer("acme").replace(':', "%3A").replace('/', "%2F");
    let issuer = format!("iss={issuer}");
    let changes = [
        ("state=", "state=x", "", "this answers another request (state)"),
        ("iss=", "no=", "", "another issuer answers (iss)"),
        (&issuer, "iss=https%3A%2F%2Fevil.example", "", "another issuer answers (iss)"),
        ("code=", "no=", "", "the pool says nothing"),
        ("code=", "error=access_denied&no=", "", "the pool says access_denied"),
        ("", "", "nonce", "nonce"),
        ("", "", "verifier", "invalid_grant"),
    ];
    for (from, to, kept, expected) in changes {
        assert!(answer.contains(from), "{from} in {answer}");
        let cookie = browser.cookie("login").unwrap().to_owned();
        let [state, nonce, verifier] = cookie.split('.').collect::<Vec<_>>()[..] else { panic!("{cookie}") };
        let reversed = |part: &str, name| if kept == name { part.chars().rev().collect() } else { part.to_owned() };
        browser.set_cookie("login", &format!("{state}.{}.{}", reversed(nonce, "nonce"), reversed(verifier, "verifier")));
        let refused = browser.get(&answer.replacen(from, to, 1)).await;
        assert_eq!(refused.status, 403, "{expected}: {refused:?}");
        assert!(refused.body.starts_with("Not logged in: ") && refused.body.contains(expected), "{expected}: {}", refused.body);
        // The pool has a session by now and asks nothing.
        let asked = browser.get(&app.url).await.location().to_owned();
        answer = browser.get(&asked).await.location().to_owned();
    }
    assert_eq!(browser.get(&answer).await.status, 200);
    assert_eq!(browser.get(&answer).await.status, 403, "an answer is used once");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_wrong_secret_nobody_gets_in() {
    let server = TestServer::demo().await;
    let app = portal(&server, "guessed").await;
    let browser = Browser::new([server.running.addresses().public_url.as_str(), &app.url]);
    let page = browser.open(&app.url).await;
    let page = browser.submit(&page, &[("username", "alice"), ("password", "alice-demo-password")]).await;
    assert!(page.shown(403).contains("invalid_client"), "{}", page.text);
    server.stop().await;
}
