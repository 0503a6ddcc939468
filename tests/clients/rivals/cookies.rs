//! What the cookies are made of.

use super::attempt::{KEY, MARK, PASSWORD, SESSION};
use crate::harness::TestServer;
use crate::web_client::{Application, Browser};
use poolgate::crypto::digest::{base64url, from_base64url, hmac, sha256};
use std::collections::HashSet;

/// What anybody can know of a login.
async fn public_facts(server: &TestServer) -> Vec<String> {
    let mut browser = Browser::new();
    let issuer = server.issuer("acme");
    let jwks = browser.get(&format!("{issuer}/.well-known/jwks.json")).await.json();
    let mut facts: Vec<String> =
        ["alice", "acme", "1", "alice@acme.example", "uid=alice,ou=people,o=acme", "demo-app", "demo-secret", PASSWORD, "session"]
            .map(str::to_owned)
            .into();
    facts.push(server.uuid("acme", "alice").await);
    facts.push(issuer);
    facts.push(server.running.addresses().public_url.clone());
    facts.push(server.saml_certificate("acme").await);
    facts.extend(
        jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|key| ["kid", "n", "x"].map(|name| key[name].as_str().unwrap_or_default().to_owned())),
    );
    facts.retain(|fact| !fact.is_empty());
    facts
}

/// A cookie is computed from what is public (Zitadel CVE-2026-119128).
#[tokio::test(flavor = "multi_thread")]
async fn no_cookie_is_made_of_what_others_know() {
    let server = TestServer::demo().await;
    let demo = Application::demo(&server);
    let facts = public_facts(&server).await;
    let mut all = HashSet::new();
    let mut cookies = Vec::new();
    for _ in 0..3 {
        let mut browser = Browser::new();
        browser.code(&demo, "alice", PASSWORD).await;
        for name in [SESSION, KEY, MARK] {
            let value = browser.cookie(name).unwrap().to_owned();
            let bytes = from_base64url(&value).unwrap_or_else(|| panic!("{name}: {value}"));
            assert_eq!(bytes.len(), 32, "{name}: 256 bits");
            for other in &cookies {
                let same = bytes.iter().zip(other).filter(|(one, other): &(&u8, &u8)| one == other).count();
                assert!(same < 8, "{name}: two logins of one person have {same} bytes in common");
            }
            for fact in &facts {
                let fact = fact.as_bytes();
                assert!(
                    fact.len() < 4 || !bytes.windows(fact.len().min(32)).any(|part| part == &fact[..part.len().min(fact.len())]),
                    "{name}"
                );
            }
            assert!(all.insert(value), "{name}");
            cookies.push(bytes);
        }
    }
    // What can be computed of all that, of it alone and of pairs, is none of them and opens
    // nothing.
    let mut candidates = HashSet::new();
    for one in &facts {
        candidates.insert(one.clone());
        candidates.insert(base64url(one.as_bytes()));
        candidates.insert(base64url(&sha256(one.as_bytes())));
        candidates.insert(base64url(&sha256(&sha256(one.as_bytes()))));
        for other in &facts {
            candidates.insert(base64url(&hmac(one.as_bytes(), other.as_bytes())));
            for glue in ["", ":", ".", "|", "\0"] {
                candidates.insert(base64url(&sha256(format!("{one}{glue}{other}").as_bytes())));
            }
        }
    }
    for cookie in &cookies {
        candidates.insert(base64url(&sha256(cookie)));
        candidates.insert(base64url(&sha256(base64url(cookie).as_bytes())));
    }
    assert!(candidates.len() > 1_000 && candidates.is_disjoint(&all));
    let silent = demo.authorize_with(&[("prompt", "none")]);
    for candidate in candidates.iter().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')) {
        let mut browser = Browser::new();
        browser.set_cookie(SESSION, candidate);
        let reply = browser.get(&silent).await;
        assert_eq!(reply.parameter("error").as_deref(), Some("login_required"), "{candidate}");
    }
    server.stop().await;
}

/// The same class: one cookie says nothing in the place of another, nor twice, nor beside another
/// of its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_counts_once_and_under_its_own_name() {
    let server = TestServer::demo().await;
    let demo = Application::demo(&server);
    let mut alice = Browser::new();
    alice.code(&demo, "alice", PASSWORD).await;
    let value = |name: &str| alice.cookie(name).unwrap().to_owned();
    let (session, key, mark) = (value(SESSION), value(KEY), value(MARK));
    let silent = demo.authorize_with(&[("prompt", "none")]);
    let gets_in = async |cookies: String| {
        let reply = Browser::new().get_with(&silent, &[("cookie", &cookies)]).await;
        reply.parameter("code").is_some()
    };
    assert!(gets_in(format!("{SESSION}={session}")).await);
    for cookies in [
        format!("{SESSION}={key}"),
        format!("{SESSION}={mark}"),
        format!("{KEY}={session}"),
        format!("{MARK}={session}"),
        format!("poolgate-2-session={session}"),
        format!("__Host-{SESSION}={session}"),
        format!("{}={session}", SESSION.to_uppercase()),
        format!("{SESSION}={session}; {SESSION}={session}"),
        format!("{SESSION}={session}; {SESSION}={key}"),
        format!("{SESSION}=; {SESSION}={session}"),
        format!("{SESSION}=\"{session}\""),
        format!("{SESSION}={session}x"),
        format!("{SESSION}=={session}"),
        format!("{SESSION}={}", session.to_uppercase()),
    ] {
        assert!(!gets_in(cookies.clone()).await, "{cookies}");
    }
    server.stop().await;
}
