//! The same name from where its person has been and from where they have not; many names from one
//! address.

use super::{THRESHOLD, attempts_since, demo, dn, expected};
use crate::harness::{ABROAD, ELSEWHERE, HOME, TestServer};
use crate::ldap_client::code;
use crate::ldap_wire::{self, Wire, result_code};
use crate::web_client::{Application, Browser, LoginPage, ServiceProvider};
use serde_json::json;
use std::net::Ipv4Addr;

const RIGHT: &str = "alice-demo-password";
const WRONG: &str = "a wrong password!!!";

/// A way in from some address.
enum Door {
    BindDn(Wire),
    BindUid(Wire),
    Page(Browser, LoginPage),
}

impl Door {
    /// Every way in.
    async fn all(server: &TestServer, source: Ipv4Addr) -> Vec<Self> {
        let mut doors =
            vec![Self::BindDn(Wire::connect_from(server, source).await), Self::BindUid(Wire::connect_from(server, source).await)];
        for url in [Application::demo(server).authorize(), ServiceProvider::demo(server).sign_on(server)] {
            let mut browser = Browser::from(source);
            let page = browser.login_page(&url).await;
            doors.push(Self::Page(browser, page));
        }
        doors
    }

    /// Whether somebody comes in, and everything that came back, with the name taken out.
    async fn attempt(&mut self, name: &str, password: &str) -> (bool, String) {
        let bind = match self {
            Self::BindDn(_) => ldap_wire::bind(&dn(name), password),
            Self::BindUid(_) => ldap_wire::bind(&format!("{name}@acme"), password),
            Self::Page(browser, page) => {
                let reply = browser.submit(page, name, password).await;
                return (reply.status == 303, format!("{:?}", reply.without(name)));
            }
        };
        let (Self::BindDn(wire) | Self::BindUid(wire)) = self else { unreachable!() };
        let answer = wire.ask(&bind).await;
        (result_code(&answer) == 0, format!("{answer:02x?}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_strangers_have_locked_is_open_where_its_person_has_been() {
    let server = demo().await;
    let core = server.running.core();
    for door in &mut Door::all(&server, HOME).await {
        assert!(door.attempt("alice", RIGHT).await.0);
    }
    let mut guesser = Wire::connect_from(&server, ABROAD).await;
    for _ in 0..THRESHOLD {
        guesser.ask(&ldap_wire::bind(&dn("alice"), WRONG)).await;
    }
    for (home, abroad) in Door::all(&server, HOME).await.iter_mut().zip(&mut Door::all(&server, ABROAD).await) {
        let known = server.audit("acme").await.len();
        let runs = core.hashes();
        let locked = abroad.attempt("alice", RIGHT).await;
        let unknown = abroad.attempt("nobod", RIGHT).await;
        let wrong = abroad.attempt("carol", WRONG).await;
        assert_eq!(core.hashes() - runs, 3);
        assert!(!locked.0, "a stranger");
        assert!(locked.1 == unknown.1 && locked.1 == wrong.1, "{locked:?}\n{unknown:?}\n{wrong:?}");
        let refusals = attempts_since(&server, known).await;
        assert!(refusals.iter().any(|(event, _)| event[2] == "locked" && event[3] == dn("alice")), "{refusals:?}");
        assert!(home.attempt("alice", RIGHT).await.0, "at home");
        assert_eq!(home.attempt("alice", WRONG).await, home.attempt("nobod", WRONG).await, "a wrong password is none");
        assert!(home.attempt("alice", RIGHT).await.0);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_somebody_has_used_is_let_through_wherever_it_goes() {
    let server = demo().await;
    let authorize = Application::demo(&server).authorize();
    let mut browser = Browser::new();
    let page = browser.login_page(&authorize).await;
    let reply = browser.submit(&page, "alice", RIGHT).await;
    let cookies: Vec<_> = reply.headers.iter().filter(|(name, value)| name == "set-cookie" && value.contains("-mark=")).collect();
    let [(_, cookie)] = &cookies[..] else { panic!("{reply:?}") };
    for attribute in ["HttpOnly", "SameSite=Lax", &format!("Max-Age={}", 180 * 24 * 60 * 60), "Path=/pools/acme"] {
        assert!(cookie.split("; ").any(|found| found == attribute), "{attribute}: {cookie}");
    }
    // After the logout it is all that the browser has kept.
    let form = browser.get(&format!("{}/logout", server.issuer("acme"))).await;
    let (_, rest) = form.body.split_once("name=\"form_token\" value=\"").unwrap();
    let token = rest.split('"').next().unwrap().to_owned();
    browser.post(&format!("{}/logout", server.issuer("acme")), &[("form_token", &token)]).await;
    assert!(!browser.is_logged_in(&Application::demo(&server)).await);

    let mut guesser = Browser::from(ABROAD);
    let its_page = guesser.login_page(&authorize).await;
    for _ in 0..THRESHOLD {
        assert_eq!(guesser.submit(&its_page, "alice", WRONG).await.status, 401);
    }
    assert_eq!(guesser.submit(&its_page, "alice", RIGHT).await.status, 401);
    // Where it has logged in its address is known too: others there have the guesses of that one.
    browser.travel(ELSEWHERE);
    let page = browser.login_page(&authorize).await;
    assert_eq!(browser.submit(&page, "alice", RIGHT).await.status, 303);
    // A mark of somebody's making, or one that another pool has given, is none.
    let mark = browser.cookie("poolgate-1-mark").unwrap().to_owned();
    for (name, value) in [("poolgate-1-mark", "A".repeat(43)), ("poolgate-2-mark", mark), ("poolgate-1-mark", "x".into())] {
        let mut other = Browser::from(ABROAD);
        other.set_cookie(name, &value);
        let page = other.login_page(&authorize).await;
        assert_eq!(other.submit(&page, "alice", RIGHT).await.status, 401, "{name} {value}");
    }
    // Another password ends it.
    let change = ["user", "password", "--pool", "acme", "alice", "--stdin"];
    server.poolgate_with_input(&change, "a new password of hers").await.good();
    for _ in 0..THRESHOLD {
        assert_eq!(guesser.submit(&its_page, "alice", WRONG).await.status, 401);
    }
    let page = browser.login_page(&Application::demo(&server).authorize_with(&[("prompt", "login")])).await;
    assert_eq!(browser.submit(&page, "alice", "a new password of hers").await.status, 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_sprays_names_is_slowed_at_every_face_and_cannot_tell() {
    let server = demo().await;
    server.settings("acme", |settings| settings["lockout"]["sources"]["names"] = json!(10)).await;
    for number in 10..40 {
        if number % 2 == 0 {
            server.user(&format!("name{number}"), RIGHT).await;
        }
    }
    let known = server.audit("acme").await.len();
    let core = server.running.core();
    let mut doors = Door::all(&server, ABROAD).await;
    let mut usual = vec![None; doors.len()];
    for number in 10..40 {
        let at = number % doors.len();
        let runs = core.hashes();
        let (_, answer) = doors[at].attempt(&format!("name{number}"), WRONG).await;
        assert_eq!(core.hashes() - runs, 1);
        assert_eq!(usual[at].get_or_insert_with(|| answer.clone()), &answer, "name{number}");
    }
    let events = attempts_since(&server, known).await;
    let count = |reason: &str| events.iter().filter(|(event, _)| event[2] == reason).map(|(_, count)| count).sum::<u64>();
    assert_eq!((count("wrong-password"), count("unknown-name"), count("throttled")), (5, 5, 20), "{events:?}");
    for door in &mut doors {
        assert!(!door.attempt("name38", RIGHT).await.0, "what it finds it is not told");
    }
    for door in &mut Door::all(&server, HOME).await {
        assert!(door.attempt("name38", RIGHT).await.0, "nobody else is slowed");
    }
    let throttled = expected("login", "login", "throttled", &dn("name38"));
    assert!(attempts_since(&server, known).await.iter().any(|(event, _)| *event == throttled));
    server.clock.advance(std::time::Duration::from_secs(15 * 60));
    for door in &mut doors {
        assert!(door.attempt("name36", RIGHT).await.0, "it is a matter of time");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_guessed_is_looked_at_no_more_but_from_where_its_client_runs() {
    let server = demo().await;
    let application = Application::demo(&server);
    let mut own = Browser::new();
    own.tokens(&application, "alice", RIGHT).await;
    let mut guesser = Browser::from(ABROAD);
    let wrong = Application { secret: "guess".into(), ..application.clone() };
    let mut statuses = Vec::new();
    for _ in 0..THRESHOLD + 3 {
        statuses.push(guesser.redeem(&wrong, "x").await.status);
    }
    assert_eq!(statuses, [vec![401; THRESHOLD], vec![429; 3]].concat());
    let slowed = guesser.redeem(&application, "x").await;
    assert_eq!((slowed.status, slowed.json()["error"].as_str()), (429, Some("temporarily_unavailable")));
    assert!((1..=900).contains(&slowed.header("retry-after").unwrap().parse::<u64>().unwrap()));
    own.tokens(&application, "alice", RIGHT).await;
    assert!(server.audit("acme").await.iter().any(|event| event["reason"] == "throttled" && event["target"] == "demo-app"));
    assert_eq!(u32::from(result_code(&Wire::connect(&server).await.ask(&ldap_wire::bind(&dn("alice"), RIGHT)).await)), code::SUCCESS);
    server.stop().await;
}
