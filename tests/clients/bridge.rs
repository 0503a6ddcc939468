//! People of another pool, and of another make's identity provider, at the applications of acme.

use crate::browser::{Browser, Page};
use crate::harness::{Program, TestServer};
use crate::openid_connect::{Application, LoggedIn, browser};
use crate::pysaml2::PYSAML2;
use crate::saml::{self, Person};
use serde_json::{Value, json};

const ERIN: Person<'static> = Person { username: "erin", provider: Some("Continue with Suppliers") };

/// Asks for a code of acme's application, goes to suppliers and logs in there.
async fn erin(application: &Application, browser: &Browser) -> (crate::openid_connect::Asked, Page) {
    let asked = application.ask(None);
    let page = browser.open(&asked.url).await;
    let page = browser.press(&page, "Suppliers").await;
    assert!(page.url.path().starts_with("/pools/suppliers/"), "{}", page.url);
    let page = browser.submit(&page, &[("username", "erin"), ("password", "erin-demo-password")]).await;
    (asked, page)
}

async fn logged_in(application: &Application, browser: &Browser) -> LoggedIn {
    let (asked, page) = erin(application, browser).await;
    application.redeem(asked, &page).await
}

async fn users(server: &TestServer, pool: &str) -> Vec<String> {
    let users = server.json(&["user", "list", "--pool", pool]).await;
    users.as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_suppliers_is_one_user_of_acme() {
    let server = TestServer::demo().await;
    saml::register(&server, "plain", &["--attribute", "uid", "--attribute", "mail", "--attribute", "displayName"]).await;
    let demo = Application::demo(&server).await;
    let first = browser(&server);
    let erin = logged_in(&demo, &first).await;
    assert_eq!(erin.username(), "suppliers.erin");
    assert_eq!(erin.claims.email().unwrap().as_str(), "erin@suppliers.example");
    assert_eq!(erin.claims.auth_method_refs().unwrap()[0].as_str(), "fed");

    let record = server.json(&["user", "show", "suppliers.erin", "--pool", "acme"]).await;
    assert_eq!(record["dn"], "uid=suppliers.erin,ou=people,o=acme");
    assert_eq!(record["uuid"].as_str().unwrap(), erin.claims.subject().as_str());
    let attributes = &record["attributes"];
    for (name, value) in
        [("mail", "erin@suppliers.example"), ("displayName", "Erin Evans"), ("cn", "Erin Evans"), ("givenName", "Erin"), ("sn", "Evans")]
    {
        assert_eq!(attributes[name], json!([value]), "{name}");
    }
    assert_ne!(server.uuid("suppliers", "erin").await, erin.claims.subject().as_str(), "the pools know her by different names");

    // Another browser, the same person; and the same person at a SAML application.
    let again = logged_in(&demo, &browser(&server)).await;
    assert_eq!(again.claims.subject(), erin.claims.subject());
    let outcomes = PYSAML2.run(&server, &ERIN, &[saml::case("plain", "redirect", json!({})), saml::case("plain", "post", json!({}))]).await;
    let told = json!({ "uid": ["suppliers.erin"], "mail": ["erin@suppliers.example"], "displayName": ["Erin Evans"] });
    assert_eq!((&outcomes[0]["attributes"], &outcomes[1]["attributes"]), (&told, &told), "{outcomes:#?}");
    assert_eq!(outcomes[0]["nameId"], outcomes[1]["nameId"]);
    assert_eq!(users(&server, "acme").await, ["alice", "bob", "carol", "suppliers.erin"]);

    // She has no password at acme.
    let page = first.open(demo.ask(Some(openidconnect::core::CoreAuthPrompt::Login)).url).await;
    first.submit(&page, &[("username", "suppliers.erin"), ("password", "erin-demo-password")]).await.shown(401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_at_acme_is_disabled_there_and_nowhere_else() {
    let server = TestServer::demo().await;
    saml::register(&server, "plain", &[]).await;
    let callback = "http://127.0.0.1:9090/callback";
    let create = ["client", "create", "supplier-app", "--pool", "suppliers", "--public", "--first-party", "--redirect-uri", callback];
    server.poolgate(&create).await.good();
    let demo = Application::demo(&server).await;
    let open = browser(&server);
    let known = logged_in(&demo, &open).await;
    demo.user_info(&known.access_token, known.claims.subject()).await.unwrap();

    server.poolgate(&["user", "disable", "--pool", "acme", "suppliers.erin"]).await.good();
    // What she has at acme ends, and she gets nothing new there, though suppliers vouches for her.
    assert_eq!(demo.silently(&open).await.as_deref(), Some("login_required"));
    assert_eq!(demo.user_info(&known.access_token, known.claims.subject()).await.unwrap_err(), 401);
    let (_, page) = erin(&demo, &browser(&server)).await;
    assert!(page.shown(403).contains("cannot be used here"), "{}", page.text);
    let outcomes = PYSAML2.run(&server, &ERIN, &[saml::case("plain", "redirect", json!({}))]).await;
    assert_eq!((&outcomes[0]["outcome"], &outcomes[0]["status"]), (&json!("page"), &json!(403)));

    let own = Application::discover(&server.issuer("suppliers"), "supplier-app", None).await;
    assert_eq!(own.log_in(&browser(&server), "erin").await.username(), "erin");

    server.poolgate(&["user", "enable", "--pool", "acme", "suppliers.erin"]).await.good();
    assert_eq!(logged_in(&demo, &browser(&server)).await.claims.subject(), known.claims.subject());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_provider_of_another_make() {
    let server = TestServer::demo().await;
    let callback = format!("{}/oauth2/idpresponse", server.issuer("acme"));
    let mut upstream = Program::node("oidc_provider.mjs").start();
    upstream.say(&json!({ "redirectUri": callback, "clientId": "acme", "clientSecret": "a secret: 100% & more" }).to_string());
    let issuer = upstream.hear(|line| Some(serde_json::from_str::<Value>(line).ok()?["issuer"].as_str()?.to_owned())).await;
    let create = ["idp", "create", "elsewhere", "--pool", "acme", "--display-name", "Elsewhere", "--issuer", &issuer];
    let create = create.into_iter().chain(["--client-id", "acme", "--client-secret-stdin", "--mail-domain", "ELSEWHERE.example"]);
    server.program(create).input("a secret: 100% & more\n").run().await.good();

    let demo = Application::demo(&server).await;
    let public_url = server.running.addresses().public_url.as_str();
    let person = || Browser::new([public_url, issuer.as_str()]);
    let leave = async |browser: &Browser| {
        let asked = demo.ask(None);
        let page = browser.open(&asked.url).await;
        (asked, browser.press(&page, "Elsewhere").await)
    };
    let log_in = async |browser: &Browser, name: &str| {
        let (asked, page) = leave(browser).await;
        assert!(page.url.as_str().starts_with(&issuer), "{}", page.url);
        let page = browser.submit(&page, &[("login", name), ("password", "whatever")]).await;
        // It asks whether acme may know that.
        let page = browser.submit(&page, &[]).await;
        demo.redeem(asked, &page).await
    };
    let grace = log_in(&person(), "grace").await;
    assert_eq!(grace.username(), "elsewhere.grace");
    assert_eq!(grace.claims.email().unwrap().as_str(), "grace@elsewhere.example");
    assert_eq!(grace.claims.name().unwrap().get(None).unwrap().as_str(), "grace of elsewhere");
    assert_eq!(log_in(&person(), "grace").await.claims.subject(), grace.claims.subject());

    // An address that it does not vouch for is not taken over.
    let unverified = log_in(&person(), "unverified").await;
    assert_eq!((unverified.username(), unverified.claims.email()), ("elsewhere.unverified", None));

    // Nor is one of a domain that is not the provider's, however verified it is; whom it belongs to
    // can be added.
    server.poolgate(&["idp", "update", "elsewhere", "--pool", "acme", "--mail-domain", "other.example"]).await.good();
    let new = log_in(&person(), "new").await;
    assert_eq!((new.username(), new.claims.email()), ("elsewhere.new", None));
    server.poolgate(&["user", "create", "real", "--pool", "acme", "--mail", "new@elsewhere.example"]).await.good();
    // Nor does an address that it gave and no longer vouches for stand in the way of an
    // administrator.
    let taken = server.json(&["user", "create", "second", "--pool", "acme", "--mail", "grace@elsewhere.example"]).await;
    assert_eq!(taken["notes"].as_array().unwrap().len(), 1, "{taken}");
    assert_eq!(log_in(&person(), "grace").await.claims.email(), None);

    // Somebody who does not want to.
    let browser = person();
    let (_, page) = leave(&browser).await;
    let page = browser.follow(&page, "Cancel").await;
    assert!(page.shown(403).contains("did not confirm who you are"), "{}", page.text);
    assert_eq!(demo.silently(&browser).await.as_deref(), Some("login_required"));
    assert_eq!(
        users(&server, "acme").await,
        ["alice", "bob", "carol", "elsewhere.grace", "elsewhere.unverified", "elsewhere.new", "real", "second"]
    );
    assert!(upstream.ended().await.success());
    server.stop().await;
}
