//! Forms that come back without all that stood in them.

use super::attempt::{PASSWORD, SESSION, parameters, post};
use super::pages::{self, Form, ends_session, given};
use super::{stage, theirs};
use crate::harness::TestServer;
use crate::web_client::{Application, Browser, Reply, ServiceProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Every way to leave something out, from everything to one field; then every way to leave
/// something empty.
fn parts(form: &Form) -> Vec<Vec<(String, String)>> {
    let count = form.fields.len();
    let chosen = |mask: usize| {
        let kept = form.fields.iter().enumerate().filter(move |(at, _)| mask & (1 << at) != 0);
        kept.map(|(_, field)| field.clone()).collect::<Vec<_>>()
    };
    let emptied = |mask: usize| {
        let field = |(at, (name, value)): (usize, &(String, String))| {
            (name.clone(), if mask & (1 << at) != 0 { value.clone() } else { String::new() })
        };
        form.fields.iter().enumerate().map(field).collect::<Vec<_>>()
    };
    let all = (1 << count) - 1;
    (0..all).map(chosen).chain((0..all).map(emptied)).collect()
}

/// What each form does when it is whole.
type Does = fn(&Reply) -> bool;

fn logs_in(reply: &Reply) -> bool {
    given(reply) == ["session", "mark"]
}

fn leads_away(reply: &Reply) -> bool {
    reply.header("location").is_some_and(|url| url.contains("/pools/suppliers/"))
}

fn gives_a_code(reply: &Reply) -> bool {
    given(reply) == ["code"]
}

fn asserts(reply: &Reply) -> bool {
    given(reply) == ["assertion"]
}

/// All forms of our pages, as alice has them before her after a login.
async fn all(server: &TestServer, browser: &mut Browser) -> Vec<(Form, Does)> {
    let (demo, theirs, provider) = (Application::demo(server), theirs(server), ServiceProvider::demo(server));
    let issuer = server.issuer("acme");
    let login = pages::form(&browser.get(&demo.authorize_with(&[("prompt", "login")])).await);
    let leave = Form { action: format!("{}/with/suppliers", login.action), ..login.clone() };
    let question = pages::form(&browser.get(&theirs.authorize()).await).with("decision", "allow");
    let handed = post(browser, &format!("{issuer}/oauth2/authorize"), &parameters(&demo.authorize())).await;
    let request = STANDARD.encode(provider.request(server, ""));
    let handed_over = browser.post(&format!("{issuer}/saml2/sso"), &[("SAMLRequest", &request)]).await;
    let logout = pages::form(&browser.get(&format!("{issuer}/logout")).await);
    let hint = browser.get(&format!("{issuer}/oauth2/logout?client_id=demo-app&state=x")).await;
    let login = login.with("username", "alice").with("password", PASSWORD);
    vec![
        (question, gives_a_code),
        (pages::form(&handed), gives_a_code),
        (pages::form(&handed_over), asserts),
        (leave, leads_away),
        (login, logs_in),
        (logout, ends_session),
        (pages::form(&hint), ends_session),
    ]
}

/// Fields without which a form does what it does as well: they change nothing but where the browser
/// goes afterwards.
const OPTIONAL: [&str; 3] = ["client_id", "state", "decision"];

/// An empty form passes for a step that was done (authentik CVE-2026-49448, 9.8).
#[tokio::test(flavor = "multi_thread")]
async fn no_form_does_anything_that_comes_back_by_half() {
    let server = stage().await;
    let demo = Application::demo(&server);
    let mut alice = Browser::new();
    alice.code(&demo, "alice", PASSWORD).await;
    for (form, does) in all(&server, &mut alice).await {
        let session = alice.cookie(SESSION).map(str::to_owned);
        let needed = |fields: &[(String, String)]| {
            let whole = form.fields.iter().filter(|(name, _)| !OPTIONAL.contains(&name.as_str()));
            whole.clone().all(|field| fields.contains(field))
        };
        let halves: Vec<_> = parts(&form).into_iter().filter(|fields| !needed(fields)).collect();
        assert!(!halves.is_empty(), "{form:?}");
        for fields in halves {
            let mut browser = alice.clone();
            let reply = post(&mut browser, &form.action, &fields).await;
            assert!(!does(&reply) && !ends_session(&reply), "{}: {fields:?}: {reply:?}", form.action);
            assert_eq!(given(&reply), [""; 0], "{}: {fields:?}: {reply:?}", form.action);
            assert_eq!(browser.cookie(SESSION).map(str::to_owned), session);
        }
        // Without the button that was pressed it is no consent either.
        if form.action.ends_with("/oauth2/consent") {
            for decision in ["", "no", "ALLOW", "allow "] {
                let question = pages::form(&alice.get(&theirs(&server).authorize()).await).with("decision", decision);
                assert_eq!(given(&post(&mut alice.clone(), &question.action, &question.fields).await), [""; 0], "{decision}");
            }
        }
        let reply = post(&mut alice, &form.action, &form.fields).await;
        assert!(does(&reply), "{}: {reply:?}", form.action);
    }
    server.stop().await;
}

/// The same class where programs send forms.
#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_a_program_gives_anything_that_is_sent_by_half() {
    let server = stage().await;
    let demo = Application::demo(&server);
    let mut browser = Browser::new();
    let code = browser.code(&demo, "alice", PASSWORD).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", &demo.redirect_uri),
        ("code_verifier", "a-verifier-of-forty-three-characters-or-more"),
        ("client_id", &demo.id),
        ("client_secret", &demo.secret),
    ];
    let owned = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let form = Form { action: format!("{}/oauth2/token", demo.issuer), fields: owned };
    for fields in parts(&form) {
        let reply = post(&mut browser, &form.action, &fields).await;
        assert!((400..=401).contains(&reply.status) && given(&reply).is_empty(), "{fields:?}: {reply:?}");
    }
    let reply = post(&mut browser, &form.action, &form.fields).await;
    assert_eq!(given(&reply), ["tokens"], "{reply:?}");
    let access = reply.json()["access_token"].as_str().unwrap().to_owned();
    let userinfo = format!("{}/oauth2/userinfo", demo.issuer);
    for fields in [&[][..], &[("access_token", "")], &[("token", access.as_str())]] {
        assert_eq!(browser.post(&userinfo, fields).await.status, 401, "{fields:?}");
    }
    assert_eq!(given(&browser.post(&userinfo, &[("access_token", &access)]).await), ["claims"]);
    server.stop().await;
}
