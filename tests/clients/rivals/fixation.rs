//! What somebody has begun, or planted, before another logs in.

use super::attempt::{KEY, MARK, PASSWORD, SESSION, parameters, post};
use super::pages::{self, given};
use super::{stage, theirs};
use crate::harness::TestServer;
use crate::web_client::{Application, Browser, Reply, ServiceProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a victim is made to do.
enum Trap {
    Open(String),
    Post(String, Vec<(String, String)>),
    /// The same, of what belongs to no browser: whoever brings it could as well have been led to
    /// the application.
    HandOver(String, Vec<(String, String)>),
}

impl Trap {
    async fn spring(&self, victim: &mut Browser) -> Reply {
        match self {
            Self::Open(url) => victim.get(url).await,
            Self::Post(url, fields) | Self::HandOver(url, fields) => post(victim, url, fields).await,
        }
    }
}

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Everything that mallory, who is bob here, can begin at both faces.
async fn traps(server: &TestServer, mallory: &mut Browser) -> Vec<Trap> {
    let (demo, theirs, provider) = (Application::demo(server), theirs(server), ServiceProvider::demo(server));
    let issuer = server.issuer("acme");
    let mut traps = Vec::new();
    let mut pages_of_mallory = Vec::new();
    for url in [demo.authorize(), theirs.authorize(), provider.sign_on(server)] {
        let page = mallory.login_page(&url).await;
        // The victim types in what opens their own account.
        let credentials = [("username", "alice"), ("password", PASSWORD)];
        traps.push(Trap::Post(page.action.clone(), owned(&[&page.hidden()[..], &credentials].concat())));
        traps.push(Trap::Post(format!("{}/with/suppliers", page.action), owned(&page.hidden())));
        pages_of_mallory.push(page);
    }
    let away = mallory.leave_for(&pages_of_mallory[0], "suppliers").await;
    traps.push(Trap::Open(format!("{issuer}/oauth2/idpresponse?code=x&state={}", away.parameter("state").unwrap())));
    for page in &pages_of_mallory {
        let back = mallory.submit(page, "bob", "bob-demo-password").await.location().to_owned();
        traps.push(Trap::Open(back.clone()));
        if page.sealed_request == pages_of_mallory[1].sealed_request {
            let question = pages::form(&mallory.get(&back).await).with("decision", "allow");
            traps.push(Trap::Post(question.action, question.fields));
        }
    }
    for path in ["/logout", "/oauth2/logout"] {
        let form = pages::form(&mallory.get(&format!("{issuer}{path}")).await);
        traps.push(Trap::Post(form.action, form.fields));
    }
    let request = vec![("SAMLRequest".to_owned(), STANDARD.encode(provider.request(server, "")))];
    for (path, fields) in [("/oauth2/authorize", parameters(&demo.authorize())), ("/saml2/sso", request)] {
        let form = pages::form(&post(mallory, &format!("{issuer}{path}"), &fields).await);
        traps.push(Trap::HandOver(form.action, form.fields));
    }
    traps
}

/// An interaction that was made beforehand becomes the victim's login (Keycloak 7507).
#[tokio::test(flavor = "multi_thread")]
async fn what_an_attacker_has_begun_is_no_way_in() {
    let server = stage().await;
    let demo = Application::demo(&server);
    for is_logged_in in [false, true] {
        let mut mallory = Browser::new();
        let traps = traps(&server, &mut mallory).await;
        let mut victim = Browser::new();
        if is_logged_in {
            victim.code(&demo, "alice", PASSWORD).await;
        } else {
            victim.login_page(&demo.authorize()).await;
        }
        let session = victim.cookie(SESSION).map(str::to_owned);
        for (number, trap) in traps.iter().enumerate() {
            let reply = trap.spring(&mut victim).await;
            if !matches!(trap, Trap::HandOver(..)) {
                assert_eq!(given(&reply), [""; 0], "trap {number}: {reply:?}");
                // A login page that was made for another browser is shown anew, as if the
                // application had asked.
                let asks_anew = reply.login_page().is_some();
                assert!((400..=403).contains(&reply.status) || reply.status == 303 || asks_anew, "trap {number}: {reply:?}");
            }
            assert_eq!(victim.cookie(SESSION).map(str::to_owned), session, "trap {number}");
        }
        assert_eq!(victim.is_logged_in(&demo).await, is_logged_in);
        // Mallory goes on with all of it, and is who he was.
        for trap in &traps {
            let reply = trap.spring(&mut mallory.clone()).await;
            let location = reply.header("location").and_then(|_| reply.parameter("code"));
            let Some(code) = location else { continue };
            let tokens = mallory.redeem(&demo, &code).await;
            if tokens.status == 200 {
                let access = tokens.json()["access_token"].as_str().unwrap().to_owned();
                assert_eq!(mallory.userinfo(&demo.issuer, &access).await.json()["preferred_username"], "bob");
            }
        }
    }
    server.stop().await;
}

/// The same class, with cookies that a sibling site has planted.
#[tokio::test(flavor = "multi_thread")]
async fn cookies_that_somebody_has_planted_tell_them_nothing_of_the_login() {
    let server = stage().await;
    let demo = Application::demo(&server);
    let mut mallory = Browser::new();
    mallory.code(&demo, "bob", "bob-demo-password").await;
    let mut victim = Browser::new();
    for name in [SESSION, KEY, MARK] {
        victim.set_cookie(name, mallory.cookie(name).unwrap());
    }
    let page = victim.login_page(&demo.authorize_with(&[("prompt", "login")])).await;
    let back = victim.submit(&page, "alice", PASSWORD).await.location().to_owned();
    assert_ne!(victim.cookie(SESSION), mallory.cookie(SESSION));
    // Mallory knows the key of the browser, and even the name of the request that waits.
    assert!(mallory.clone().get(&back).await.login_page().is_some());
    let mut with_key_alone = Browser::new();
    with_key_alone.set_cookie(KEY, mallory.cookie(KEY).unwrap());
    assert!(with_key_alone.get(&back).await.login_page().is_some());
    assert!(!mallory.is_logged_in(&demo).await, "the session that was planted has ended with the login");
    let code = victim.get(&back).await.parameter("code").unwrap();
    let access = victim.redeem(&demo, &code).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(victim.userinfo(&demo.issuer, &access).await.json()["preferred_username"], "alice");
    // A session that nobody has drawn becomes nobody's either.
    let mut victim = Browser::new();
    victim.set_cookie(SESSION, &"A".repeat(43));
    victim.code(&demo, "alice", PASSWORD).await;
    assert_ne!(victim.cookie(SESSION), Some("A".repeat(43).as_str()));
    let mut planter = Browser::new();
    planter.set_cookie(SESSION, &"A".repeat(43));
    assert!(!planter.is_logged_in(&demo).await);
    server.stop().await;
}
