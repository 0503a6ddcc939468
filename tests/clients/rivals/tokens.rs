//! Whatever we give out to be brought back is worth nothing with one character changed.

use super::attempt::{Attempt, KEY, MARK, PASSWORD};
use super::pages::{ends_session, given, saml_response};
use super::stage;
use crate::harness::{ABROAD, TestServer};
use crate::ldap_client::{Directory, code};
use crate::ldap_wire::{self, Wire};
use crate::web_client::{Application, Browser, ServiceProvider, other};
use poolgate::crypto::xml::{Certificate, Expectations, Name, Place, verify};

/// The text with each of its characters changed in turn, and with one too few and one too many.
pub fn changed(text: &str) -> Vec<String> {
    let at = |place: usize| {
        let letter = &text[place..=place];
        let new = if other(letter) == letter { "A".to_owned() } else { other(letter) };
        format!("{}{new}{}", &text[..place], &text[place + 1..])
    };
    let mut all: Vec<String> = (0..text.len()).map(at).collect();
    all.extend([text[..text.len() - 1].to_owned(), format!("{text}A"), format!("A{text}")]);
    all
}

/// The content of a token is not verified (Keycloak CVE-2026-1529): each kind of which we make any,
/// character by character.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_character_spoils_each_kind_of_token() {
    let server = stage().await;
    let (attempt, mut browser) = Attempt::of_alice(&server).await;
    for proof in &attempt.proofs {
        // One place of each is enough: the first test of the proofs tries them in all.
        let Some(step) = proof.steps.first() else { continue };
        for text in changed(&proof.text) {
            let reply = attempt.offer(&mut browser.clone(), *step, &text).await;
            assert!(!step.takes(&reply), "{} at {step:?}: {text}: {reply:?}", proof.name);
            assert_eq!(given(&reply), [""; 0], "{} at {step:?}: {text}", proof.name);
            assert!(!ends_session(&reply), "{}: {text}", proof.name);
        }
    }
    for step in super::attempt::STEPS {
        let proof = attempt.proofs.iter().find(|proof| proof.steps.contains(&step)).unwrap();
        assert!(step.takes(&attempt.offer(&mut browser, step, &proof.text).await), "{} at {step:?}", proof.name);
    }
    server.stop().await;
}

/// The same class: what is not brought back to a page.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_character_spoils_cursors_marks_and_secrets() {
    let server = TestServer::demo().await;
    let mut carol = Directory::bound(&server, "uid=carol,ou=people,o=acme", "carol-demo-password").await;
    let (_, _, cookie) = carol.page("o=acme", b"").await;
    for place in 0..cookie.len() {
        for bit in 0..8 {
            let mut forged = cookie.clone();
            forged[place] ^= 1 << bit;
            let (entries, answer, _) = carol.page("o=acme", &forged).await;
            assert_eq!((entries.len(), answer.code), (0, code::UNWILLING), "byte {place}, bit {bit}");
        }
    }
    assert_eq!(carol.page("o=acme", &cookie).await.1.code, code::SUCCESS);

    let create = ["client", "create", "made", "--pool", "acme", "--first-party", "--redirect-uri", "http://localhost:9090/callback"];
    let made = server.json(&create).await;
    let secret = made["client_secret"].as_str().or_else(|| made["secret"].as_str()).unwrap_or_else(|| panic!("{made}"));
    let application = Application::new(&server, "acme", "made", secret, "http://localhost:9090/callback");
    for secret in changed(secret) {
        let forged = Application { secret, ..application.clone() };
        assert!(matches!(Browser::new().redeem(&forged, "x").await.status, 401 | 429));
    }
    Browser::new().tokens(&application, "alice", PASSWORD).await;

    // A mark lets somebody through where strangers have locked the name.
    let demo = Application::demo(&server);
    let mut marked = Browser::new();
    marked.code(&demo, "alice", PASSWORD).await;
    let mut guesser = Wire::connect_from(&server, ABROAD).await;
    for _ in 0..10 {
        guesser.ask(&ldap_wire::bind("alice@acme", "a wrong password")).await;
    }
    let mark = marked.cookie(MARK).unwrap().to_owned();
    let attempt = async |mark: &str| {
        let mut browser = Browser::from(ABROAD);
        browser.set_cookie(MARK, mark);
        let page = browser.login_page(&demo.authorize()).await;
        browser.submit(&page, "alice", PASSWORD).await.status
    };
    for text in changed(&mark) {
        assert_eq!(attempt(&text).await, 401, "{text}");
    }
    assert_eq!(attempt(&mark).await, 303);
    server.stop().await;
}

/// The same class: an assertion says what was signed, or nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_of_a_response_changes_nothing_that_is_believed() {
    let server = TestServer::demo().await;
    let provider = ServiceProvider::demo(&server);
    let certificates = [Certificate::from_text(&server.saml_certificate("acme").await).unwrap()];
    let mut browser = Browser::new();
    let page = browser.login_page(&provider.sign_on(&server)).await;
    let response = saml_response(&browser.log_in(&page, "alice", PASSWORD).await).unwrap();
    let protocol = "urn:oasis:names:tc:SAML:2.0:protocol";
    let read = |xml: &[u8]| {
        let element = Name::new("urn:oasis:names:tc:SAML:2.0:assertion", "Assertion");
        let place = Place::ChildOf(Name::new(protocol, "Response"));
        verify(xml, &Expectations { certificates: &certificates, element, place }).ok().map(|verified| verified.element().clone())
    };
    let genuine = read(response.as_bytes());
    assert!(genuine.is_some());
    let mut refused = 0;
    for place in 0..response.len() {
        let mut forged = response.clone().into_bytes();
        forged[place] = if forged[place] == b'a' { b'b' } else { b'a' };
        match read(&forged) {
            None => refused += 1,
            // What is not signed, such as the certificate beside the signature, is not believed
            // either.
            believed => assert_eq!(believed, genuine, "byte {place}"),
        }
    }
    assert!(refused > response.len() / 3, "{refused} of {}", response.len());
    server.stop().await;
}

/// A default key that everybody knows (Ory CVE-2026-33505): two servers that nobody has configured
/// share none.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_new_server_is_that_of_another() {
    let servers = [stage().await, stage().await];
    let mut kinds = Vec::new();
    for server in &servers {
        let key = std::fs::read(server.data().join("master.key")).unwrap();
        assert!(key.len() >= 43 && key.iter().any(|byte| *byte != b'A'), "{key:?}");
        let jwks = Browser::new().get(&format!("{}/.well-known/jwks.json", server.issuer("acme"))).await.json();
        kinds.push((key, jwks["keys"][0]["n"].clone(), server.saml_certificate("acme").await));
    }
    assert!(kinds[0].0 != kinds[1].0 && kinds[0].1 != kinds[1].1 && kinds[0].2 != kinds[1].2);
    // What one has sealed or signed is nothing at the other, for the same browser key and the same
    // person.
    let (foreign, _) = Attempt::of_alice(&servers[0]).await;
    let (own, browser) = Attempt::of_alice(&servers[1]).await;
    for (theirs, ours) in foreign.proofs.iter().zip(&own.proofs) {
        assert_ne!(theirs.text, ours.text, "{}", ours.name);
        for step in ours.steps {
            let reply = own.offer(&mut browser.clone(), *step, &theirs.text).await;
            assert_eq!(given(&reply), [""; 0], "{} at {step:?}", ours.name);
        }
    }
    assert!(browser.cookie(KEY).is_some());
    // Nor does anybody exist before an operator has made them.
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "fresh"]).await.good();
    let mut directory = Directory::connect(&server).await;
    for name in ["admin", "administrator", "root", "poolgate", "manager", "operator", "guest", "test"] {
        for password in ["admin", "password", name] {
            for dn in [format!("{name}@fresh"), format!("cn={name},ou=services,o=fresh")] {
                assert_eq!(directory.bind(&dn, password).await.code, code::INVALID_CREDENTIALS, "{dn} {password}");
            }
        }
    }
    server.stop().await;
    for server in servers {
        server.stop().await;
    }
}
