//! Every reason through every face.

use super::{THRESHOLD, attempts_since, demo, dn, expected};
use crate::harness::TestServer;
use crate::ldap_client::code;
use crate::ldap_wire::{self, Wire, result_code};
use crate::web_client::{Application, Browser, LoginPage, ServiceProvider};

const PASSWORD: &str = "the right password";

/// A reason, the name that is tried for it (all of one length), the password that is tried, and
/// whether the name is somebody's.
struct Denial {
    reason: &'static str,
    name: &'static str,
    password: &'static str,
    known: bool,
}

/// Every reason but that the pool is suspended.
const DENIALS: [Denial; 6] = [
    Denial { reason: "wrong-password", name: "wrong", password: "a wrong password!!", known: true },
    Denial { reason: "unknown-name", name: "nobod", password: PASSWORD, known: false },
    Denial { reason: "disabled", name: "deina", password: PASSWORD, known: true },
    Denial { reason: "locked", name: "locky", password: PASSWORD, known: true },
    Denial { reason: "no-password", name: "empty", password: PASSWORD, known: true },
    Denial { reason: "throttled", name: "ghost", password: PASSWORD, known: false },
];

/// A way in.
enum Face {
    /// A bind by DN.
    BindDn(Wire),
    /// A bind by `uid@slug`.
    BindUid(Wire),
    /// The login page, to which an authorization request led.
    Oidc(Browser, LoginPage),
    /// The login page, to which a SAML request led.
    Saml(Browser, LoginPage),
}

impl Face {
    async fn all(server: &TestServer) -> [Self; 4] {
        let (mut oidc, mut saml) = (Browser::new(), Browser::new());
        let authorize = oidc.login_page(&Application::demo(server).authorize()).await;
        let sign_on = saml.login_page(&ServiceProvider::demo(server).sign_on(server)).await;
        [
            Self::BindDn(Wire::connect(server).await),
            Self::BindUid(Wire::connect(server).await),
            Self::Oidc(oidc, authorize),
            Self::Saml(saml, sign_on),
        ]
    }

    /// Action and face in the audit log.
    const fn audited(&self) -> (&'static str, &'static str) {
        match self {
            Self::BindDn(_) | Self::BindUid(_) => ("bind", "ldap"),
            Self::Oidc(..) | Self::Saml(..) => ("login", "login"),
        }
    }

    /// Tries a name and a password, and gives everything that came back, with the name taken out.
    async fn attempt(&mut self, name: &str, password: &str) -> String {
        match self {
            Self::BindDn(wire) => denied(&wire.ask(&ldap_wire::bind(&dn(name), password)).await),
            Self::BindUid(wire) => denied(&wire.ask(&ldap_wire::bind(&format!("{name}@acme"), password)).await),
            Self::Oidc(browser, page) | Self::Saml(browser, page) => {
                let reply = browser.submit(page, name, password).await;
                assert_eq!(reply.status, 401, "{name}: {reply:?}");
                format!("{:?}", reply.without(name))
            }
        }
    }
}

/// The bytes of a denial.
fn denied(answer: &[u8]) -> String {
    assert_eq!(u32::from(result_code(answer)), code::INVALID_CREDENTIALS);
    format!("{answer:02x?}")
}

/// The people of the table, as the reasons want them.
async fn prepare(server: &TestServer, faces: &mut [Face]) {
    for name in ["wrong", "deina", "locky"] {
        server.user(name, PASSWORD).await;
    }
    server.poolgate(&["user", "create", "--pool", "acme", "empty"]).await.good();
    server.poolgate(&["user", "disable", "--pool", "acme", "deina"]).await.good();
    for face in faces {
        // A lock lies on the entry, whichever face counts; an unknown name is counted as it was
        // written.
        for name in ["ghost", "locky"] {
            for _ in 0..THRESHOLD {
                face.attempt(name, "a wrong password!!").await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_denial_is_one_answer_and_one_argon2_at_every_face() {
    let server = demo().await;
    let mut faces = Face::all(&server).await;
    prepare(&server, &mut faces).await;
    let core = server.running.core();
    for face in &mut faces {
        let known = server.audit("acme").await.len();
        let mut answers = Vec::new();
        for denial in &DENIALS {
            let runs = core.hashes();
            answers.push(face.attempt(denial.name, denial.password).await);
            assert_eq!(core.hashes() - runs, 1, "{}: the work of one login", denial.reason);
        }
        for (denial, answer) in DENIALS.iter().zip(&answers) {
            assert_eq!(answer, &answers[0], "{}", denial.reason);
        }
        let (action, place) = face.audited();
        let mut events: Vec<_> = DENIALS
            .iter()
            .map(|denial| {
                let who = if denial.known { dn(denial.name) } else { "unknown".to_owned() };
                (expected(action, place, denial.reason, &who), 1)
            })
            .collect();
        events.sort();
        assert_eq!(attempts_since(&server, known).await, events);

        // The same face lets the right one in, so the answers above were about the names.
        let usual = answers[0].clone();
        server.poolgate(&["pool", "suspend", "acme"]).await.good();
        let (known, runs) = (server.audit("acme").await.len(), core.hashes());
        assert_eq!(face.attempt("wrong", PASSWORD).await, usual, "a suspended pool");
        assert_eq!(face.attempt("nobod", PASSWORD).await, usual, "an unknown name in a suspended pool");
        assert_eq!(core.hashes() - runs, 2);
        let events =
            [(expected(action, place, "pool-suspended", &dn("wrong")), 1), (expected(action, place, "pool-suspended", "unknown"), 1)];
        assert_eq!(attempts_since(&server, known).await, events);
        server.poolgate(&["pool", "resume", "acme"]).await.good();
    }
    let [mut by_dn, mut by_uid, mut oidc, mut saml] = faces;
    for face in [&mut by_dn, &mut by_uid] {
        let (Face::BindDn(wire) | Face::BindUid(wire)) = face else { unreachable!() };
        assert_eq!(result_code(&wire.ask(&ldap_wire::bind(&dn("wrong"), PASSWORD)).await), 0);
    }
    for face in [&mut oidc, &mut saml] {
        let (Face::Oidc(browser, page) | Face::Saml(browser, page)) = face else { unreachable!() };
        assert_eq!(browser.submit(page, "wrong", PASSWORD).await.status, 303);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_passwords_are_denied_like_any_other() {
    let server = demo().await;
    let core = server.running.core();
    let huge = "x".repeat(30_000);
    let mut wire = Wire::connect(&server).await;
    let usual = wire.ask(&ldap_wire::bind(&dn("alice"), "a wrong password")).await;
    for (name, password) in [
        // Entries that have no password and are nobody.
        ("o=acme", "a wrong password"),
        ("ou=people,o=acme", "a wrong password"),
        ("cn=staff,ou=groups,o=acme", "a wrong password"),
        ("cn=legacy-app,ou=services,o=acme", "a wrong password"),
        ("uid=alice,ou=nowhere,o=acme", "alice-demo-password"),
        ("alice@acme", "a wrong password"),
        ("alice@acme.example@acme", "a wrong password"),
        ("UID=ALICE, OU=People, O=ACME", "a wrong password"),
        // Passwords that no stored one can be.
        ("uid=alice,ou=people,o=acme", &huge),
        ("uid=nobody,ou=people,o=acme", &huge),
        ("uid=alice,ou=people,o=acme", "\0"),
        ("uid=alice,ou=people,o=acme", "alice-demo-password\0"),
    ] {
        // A login that worked has forgotten the failures, so that none of these is about a lock.
        wire.ask(&ldap_wire::bind(&dn("alice"), "alice-demo-password")).await;
        let runs = core.hashes();
        assert_eq!(wire.ask(&ldap_wire::bind(name, password)).await, usual, "{name}");
        assert_eq!(core.hashes() - runs, 1, "{name}");
    }
    let mut browser = Browser::new();
    let page = browser.login_page(&Application::demo(&server).authorize()).await;
    let usual = browser.submit(&page, "alice", "a wrong password").await.without("alice");
    for name in ["erins", "ALICE", "Staff", "o=acm"] {
        let runs = core.hashes();
        assert_eq!(browser.submit(&page, name, "a wrong password").await.without(name), usual, "{name}");
        assert_eq!(core.hashes() - runs, 1, "{name}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_password_of_a_change_is_judged_like_a_login() {
    let server = demo().await;
    for name in ["wrong", "deina", "locky"] {
        server.user(name, PASSWORD).await;
    }
    server.poolgate(&["user", "create", "--pool", "acme", "empty"]).await.good();
    server.poolgate(&["user", "disable", "--pool", "acme", "deina"]).await.good();
    let mut other = Wire::connect(&server).await;
    for _ in 0..THRESHOLD {
        other.ask(&ldap_wire::bind("locky@acme", "a wrong password!!")).await;
    }
    // An administrator who gives the old password too is judged by it; so the reasons can be tried
    // on people who could not bind themselves.
    let mut carol = Wire::bound(&server, &dn("carol"), "carol-demo-password").await;
    let core = server.running.core();
    let known = server.audit("acme").await.len();
    let reasons = [
        ("wrong-password", "wrong", "a wrong password!!"),
        ("disabled", "deina", PASSWORD),
        ("locked", "locky", PASSWORD),
        ("no-password", "empty", PASSWORD),
    ];
    let mut answers = Vec::new();
    for (reason, name, old) in reasons {
        let runs = core.hashes();
        let answer = carol.ask(&ldap_wire::password_modify(Some(&dn(name)), Some(old), "a new password for somebody")).await;
        assert_eq!(core.hashes() - runs, 2, "{reason}: the new one is hashed, the old one checked");
        answers.push(denied(&answer));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let mut events: Vec<_> = reasons.iter().map(|(reason, ..)| (expected("password-change", "ldap", reason, &dn("carol")), 1)).collect();
    events.sort();
    assert_eq!(attempts_since(&server, known).await, events);

    // Somebody's own: guessing here is guessing anywhere, and locks.
    let mut own = Wire::bound(&server, &dn("wrong"), PASSWORD).await;
    for _ in 0..THRESHOLD {
        assert_eq!(
            denied(&own.ask(&ldap_wire::password_modify(None, Some("a wrong password!!"), "a new password for me")).await),
            answers[0]
        );
    }
    assert_eq!(denied(&own.ask(&ldap_wire::password_modify(None, Some(PASSWORD), "a new password for me")).await), answers[0], "locked");
    denied(&other.ask(&ldap_wire::bind(&dn("wrong"), PASSWORD)).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bind_that_the_cache_could_answer_is_judged_anew() {
    let server = demo().await;
    let core = server.running.core();
    let mut wire = Wire::connect(&server).await;
    let usual = wire.ask(&ldap_wire::bind(&dn("nobod"), PASSWORD)).await;
    let mut known = server.audit("acme").await.len();
    for (reason, name) in
        [("wrong-password", "chang"), ("disabled", "deina"), ("locked", "locky"), ("no-password", "empty"), ("pool-suspended", "suspe")]
    {
        server.user(name, PASSWORD).await;
        let bind = ldap_wire::bind(&dn(name), PASSWORD);
        assert_eq!(result_code(&wire.ask(&bind).await), 0, "{name}");
        let runs = core.hashes();
        assert_eq!(result_code(&wire.ask(&bind).await), 0, "{name}");
        assert_eq!(core.hashes(), runs, "the cache answers");
        match reason {
            "wrong-password" => {
                let change = ["user", "password", "--pool", "acme", name, "--stdin"];
                server.poolgate_with_input(&change, "another password").await.good();
            }
            "disabled" => drop(server.poolgate(&["user", "disable", "--pool", "acme", name]).await.good()),
            "locked" => {
                for _ in 0..THRESHOLD {
                    assert_eq!(wire.ask(&ldap_wire::bind(&dn(name), "a wrong password!!")).await, usual);
                }
            }
            "no-password" => {
                let mut carol = crate::ldap_client::Directory::bound(&server, &dn("carol"), "carol-demo-password").await;
                let removed = carol.modify(&dn(name), ldap3::Mod::Delete("userPassword", Default::default())).await;
                assert_eq!(removed.code, code::SUCCESS, "{removed:?}");
            }
            _ => drop(server.poolgate(&["pool", "suspend", "acme"]).await.good()),
        }
        known = server.audit("acme").await.len().max(known);
        let runs = core.hashes();
        assert_eq!(wire.ask(&bind).await, usual, "{reason}");
        assert_eq!(core.hashes() - runs, 1, "{reason}");
        assert_eq!(attempts_since(&server, known).await, [(expected("bind", "ldap", reason, &dn(name)), 1)]);
        known += 1;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_turned_away_for_a_time_cannot_be_told_from_who_never_was() {
    let server = demo().await;
    let mut wire = Wire::connect(&server).await;
    let core = server.running.core();
    // Through a lock, its end, and the first failures afterwards, a name that somebody has and one
    // that nobody has answer alike.
    for (round, advance) in [16, 0, 16].into_iter().enumerate() {
        for _ in 0..THRESHOLD + 2 {
            let runs = core.hashes();
            let answers = [
                wire.ask(&ldap_wire::bind(&dn("alice"), "a wrong password")).await,
                wire.ask(&ldap_wire::bind(&dn("nobod"), "a wrong password")).await,
            ];
            assert_eq!(answers[0], answers[1], "round {round}");
            assert_eq!(core.hashes() - runs, 2, "round {round}");
        }
        server.clock.advance(std::time::Duration::from_secs(advance * 60));
    }
    assert_eq!(result_code(&wire.ask(&ldap_wire::bind(&dn("alice"), "alice-demo-password")).await), 0, "the lock has ended by itself");
    server.stop().await;
}
