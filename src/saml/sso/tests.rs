//! Single sign-on over a real store and the real engine, without sockets: a browser that keeps
//! cookies, and a service provider that checks what it is sent.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod house;
mod posted;

use super::super::context::{MULTIPLE_FACTORS, PASSWORD_PROTECTED};
use super::super::entity_id;
use super::super::wire::{ASSERTION, encode_query};
use super::*;
use crate::application::{NameIdFormat, RedirectUri, Signed, delete_service_provider};
use crate::authn::{BrowserKey, Kept, Place as Form, Step, Unsealed};
use crate::crypto::digest::sha256;
use crate::entrance::SEALED_REQUEST;
use crate::model::{Clock, Secret};
use crate::web::cookie::{self, Purpose};
use crate::web::http::Method;
use crate::web::http::header::CONTENT_SECURITY_POLICY;
use crate::web::{PoolUrl, browser};
use crate::work::testing::{fill, keep_busy};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use house::{ACS, BASE, Browser, House, PASSWORD, SP, at, name_id, provider};
use std::time::Duration;

#[tokio::test]
async fn a_request_leads_through_the_login_to_an_assertion() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let back = browser.log_in(&house, &asked, "alice").await;
    let answer = browser.get(&house, &back).await;
    assert!(answer.body.contains("action=\"https:&#x2f;&#x2f;sp.example&#x2f;acs\""), "{}", answer.body);
    assert_eq!(answer.field("RelayState").as_deref(), Some("state <&\"'>"));

    let assertion = answer.assertion(&house).await;
    let issuer = entity_id(&PoolUrl::new(BASE));
    assert_eq!(at(&assertion, &["Issuer"]).text(), Some(issuer.as_str()));
    let data = at(&assertion, &["Subject", "SubjectConfirmation", "SubjectConfirmationData"]);
    assert_eq!((data.attribute("Recipient"), data.attribute("InResponseTo")), (Some(ACS), Some("_r")));
    assert_eq!(data.attribute("NotOnOrAfter"), Some("2023-11-14T22:18:20.000Z"));
    let conditions = at(&assertion, &["Conditions"]);
    assert_eq!(conditions.attribute("NotBefore"), Some("2023-11-14T22:12:20.000Z"));
    assert_eq!(at(conditions, &["AudienceRestriction", "Audience"]).text(), Some(SP));
    let statement = at(&assertion, &["AuthnStatement"]);
    assert_eq!(statement.attribute("AuthnInstant"), Some("2023-11-14T22:13:20.000Z"));
    assert_eq!(statement.attribute("SessionNotOnOrAfter"), Some("2023-11-15T10:13:20.000Z"));
    let class = at(statement, &["AuthnContext", "AuthnContextClassRef"]).text();
    assert_eq!(class, Some("urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"));
    let told: Vec<(&str, &str)> = at(&assertion, &["AttributeStatement"])
        .children()
        .iter()
        .map(|attribute| (attribute.attribute("Name").unwrap(), attribute.children()[0].text().unwrap()))
        .collect();
    assert_eq!(told, [("uid", "alice"), ("mail", "alice@acme.example"), ("displayName", "Alice \"A\" <Smith>")]);
}

#[tokio::test]
async fn the_page_runs_one_script_and_its_policy_names_it() {
    let house = House::build().await;
    let answer = Browser::logged_in(&house, "alice").await.get(&house, &house.query("")).await;
    let script = answer.body.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains(&format!("script-src 'sha256-{}'", STANDARD.encode(sha256(script.as_bytes())))), "{policy}");
    assert!(!policy.contains("form-action") && !policy.contains("unsafe-inline"), "{policy}");
    assert_eq!(answer.body.matches("<script").count(), 1);
    assert!(answer.body.contains("<noscript><button"));
}

#[tokio::test]
async fn a_session_is_answered_at_once() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    let first = browser.get(&house, &house.query("")).await.assertion(&house).await;
    let second = browser.get(&house, &house.query("IsPassive=\"true\"")).await.assertion(&house).await;
    assert_ne!(first.attribute("ID"), second.attribute("ID"));
    assert_eq!(at(&first, &["AuthnStatement"]).attribute("SessionIndex"), at(&second, &["AuthnStatement"]).attribute("SessionIndex"));
}

#[tokio::test]
async fn a_stored_request_is_answered_once_and_to_its_browser_only() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let mut other = Browser::logged_in(&house, "alice").await;
    let back = browser.log_in(&house, &asked, "alice").await;
    assert_eq!(other.get(&house, &back).await.status, 400);
    assert_eq!(Browser::default().get(&house, &back).await.status, 400);
    browser.get(&house, &back).await.assertion(&house).await;
    assert_eq!(browser.get(&house, &back).await.status, 400);
    assert_eq!(browser.get(&house, "").await.status, 400);
}

#[tokio::test]
async fn coming_back_without_a_login_leads_to_the_login_again() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let mut stranger = browser.clone();
    let back = browser.log_in(&house, &asked, "alice").await;
    let again = stranger.get(&house, &back).await;
    assert_eq!(stranger.log_in(&house, &again, "alice").await, back, "the same request goes on waiting");
}

#[tokio::test]
async fn a_passive_request_never_shows_a_page() {
    let house = House::build().await;
    assert_eq!(Browser::default().get(&house, &house.query("IsPassive=\"true\"")).await.refusal(&house).await, "NoPassive");
    let mut browser = Browser::logged_in(&house, "alice").await;
    assert_eq!(browser.get(&house, &house.query("IsPassive=\"true\" ForceAuthn=\"true\"")).await.refusal(&house).await, "NoPassive");
    let stored = Browser::default().post(&house, &house.form("IsPassive=\"true\"")).await;
    assert_eq!(Browser::default().go_on(&house, &stored).await.refusal(&house).await, "NoPassive");
}

/// A refusal needs nobody who has shown who they are, so it takes nobody's place in the line.
#[tokio::test]
async fn a_refusal_is_signed_as_work_of_a_stranger() {
    let house = House::build().await;
    // The key is there by now.
    assert_eq!(Browser::default().get(&house, &house.query("IsPassive=\"true\"")).await.refusal(&house).await, "NoPassive");
    let stored = Browser::default().post(&house, &house.form("IsPassive=\"true\"")).await;
    let busy = keep_busy(&house.core.work).await;
    fill(&house.core.work, house.pool.id(), 64).await;
    let answer = tokio::time::timeout(Duration::from_secs(60), Browser::default().go_on(&house, &stored)).await;
    assert_eq!(answer.expect("it has no place, and does not wait").status, 503);
    busy.end().await;
}

#[tokio::test]
async fn a_forced_login_is_a_new_one() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    for posted in [false, true] {
        house.pass(Duration::from_secs(60));
        let asked = if posted {
            let handed_over = browser.post(&house, &house.form("ForceAuthn=\"true\"")).await;
            // A login that comes meanwhile was made for another request.
            house.pass(Duration::from_secs(1));
            browser = Browser::logged_in(&house, "alice").await;
            house.pass(Duration::from_secs(1));
            browser.go_on(&house, &handed_over).await
        } else {
            browser.get(&house, &house.query("ForceAuthn=\"true\"")).await
        };
        house.pass(Duration::from_secs(1));
        // Coming back with the old session is not enough.
        let mut early = browser.clone();
        early.cookies.retain(|name, _| name.ends_with("browser"));
        let elsewhere = early.log_in(&house, &asked, "alice").await;
        assert!(browser.get(&house, &elsewhere).await.is_login());
        let back = browser.log_in(&house, &asked, "alice").await;
        let assertion = browser.get(&house, &back).await.assertion(&house).await;
        let instant = wire::format_instant(house.clock.now());
        assert_eq!(at(&assertion, &["AuthnStatement"]).attribute("AuthnInstant"), Some(instant.as_str()));
    }
}

#[tokio::test]
async fn a_refusal_goes_to_the_registered_address_and_is_signed() {
    let house = House::build().await;
    for (comparison, class) in
        [("exact", "urn:x"), ("exact", MULTIPLE_FACTORS), ("minimum", MULTIPLE_FACTORS), ("better", PASSWORD_PROTECTED)]
    {
        let content = format!(
            "<samlp:RequestedAuthnContext Comparison=\"{comparison}\"><saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
        );
        let query = encode_query("SAMLRequest", &house.request_xml(SP, "", &content), None);
        let answer = Browser::default().get(&house, &query).await;
        assert_eq!(answer.refusal(&house).await, "NoAuthnContext", "{comparison} {class}");
        let response = answer.response(&house).await;
        assert_eq!((response.attribute("Destination"), response.attribute("InResponseTo")), (Some(ACS), Some("_r")));
    }
}

#[tokio::test]
async fn without_anybody_to_answer_to_there_is_a_page() {
    let house = House::build().await;
    let unknown = encode_query("SAMLRequest", &house.request_xml("https://unknown.example", "", ""), None);
    for (query, status) in [
        (unknown, 404),
        (house.query("AssertionConsumerServiceURL=\"https://evil.example/acs\""), 400),
        (house.query("Destination=\"https://other.example/sso\""), 400),
        ("SAMLRequest=AAAA".to_owned(), 400),
        (encode_query("SAMLRequest", "<!DOCTYPE x><x/>", None), 400),
        ("interaction=unknown".to_owned(), 400),
    ] {
        let answer = Browser::default().get(&house, &query).await;
        assert_eq!(answer.status, status, "{query}");
        assert!(!answer.body.contains("SAMLResponse") && !answer.body.contains("<form"), "{}", answer.body);
    }
    assert_eq!(Browser::default().post(&house, &format!("{SEALED_REQUEST}=unknown")).await.status, 400);
    assert_eq!(Browser::default().post(&house, "SAMLRequest=AAAA").await.status, 400);
    assert_eq!(Browser::default().post(&house, "").await.status, 400);
}

#[tokio::test]
async fn what_changed_during_the_login_counts() {
    let house = House::build().await;
    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let back = browser.log_in(&house, &asked, "alice").await;
    let mut moved = provider(SP);
    moved.acs[0].url = RedirectUri::parse("https://sp.example/acs2").unwrap();
    house.register(&moved).await;
    assert_eq!(browser.get(&house, &back).await.status, 404);
    let mut changes = Changes::new();
    delete_service_provider(&mut changes, &moved.entity_id);
    house.pool.store().commit(changes).await.unwrap();
    assert_eq!(browser.get(&house, &back).await.status, 404);
    house.register(&provider(SP)).await;
    assert_eq!(browser.get(&house, &back).await.status, 404, "it is another service provider that has the entity id now");

    let mut browser = Browser::default();
    let asked = browser.get(&house, &house.query("")).await;
    let back = browser.log_in(&house, &asked, "alice").await;
    house.register(&ServiceProvider { name: "Another name".into(), sign: Signed::Response, ..provider(SP) }).await;
    assert_eq!(browser.get(&house, &back).await.status, 200, "an edit lets what waits go on");
}

/// A NameID hangs on the entity id, so that a service provider which is deleted and registered anew
/// finds its accounts again.
#[tokio::test]
async fn persistent_names_are_those_of_the_entity_id() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    let before = browser.get(&house, &house.query("")).await.assertion(&house).await;
    house.make_anew(&provider(SP)).await;
    assert_eq!(name_id(&browser.get(&house, &house.query("")).await.assertion(&house).await), name_id(&before));
}

#[tokio::test]
async fn persistent_names_stay_and_differ_between_service_providers_and_people() {
    let house = House::build().await;
    let other = "https://other.example";
    house.register(&ServiceProvider { acs: provider(SP).acs, ..provider(other) }).await;
    house.person("bob", None).await;
    let mut named = Vec::new();
    for (uid, issuer) in [("alice", SP), ("alice", SP), ("alice", other), ("bob", SP)] {
        let mut browser = Browser::logged_in(&house, uid).await;
        let query = encode_query("SAMLRequest", &house.request_xml(issuer, "", ""), None);
        let assertion = browser.get(&house, &query).await.assertion(&house).await;
        let name_id = at(&assertion, &["Subject", "NameID"]);
        assert_eq!(name_id.attribute("SPNameQualifier"), Some(issuer));
        let index = at(&assertion, &["AuthnStatement"]).attribute("SessionIndex").unwrap();
        named.push((name_id.text().unwrap().to_owned(), index.to_owned()));
    }
    assert_eq!(named[0].0, named[1].0);
    assert_ne!(named[0].1, named[1].1);
    assert_ne!(named[0].0, named[2].0);
    assert_ne!(named[0].0, named[3].0);
}

#[tokio::test]
async fn each_format_gives_its_name() {
    let house = House::build().await;
    house.person("bob", None).await;
    let mut alice = Browser::logged_in(&house, "alice").await;
    let mut bob = Browser::logged_in(&house, "bob").await;
    house.register(&ServiceProvider { name_id: NameIdFormat::EmailAddress, ..provider(SP) }).await;
    assert_eq!(name_id(&alice.get(&house, &house.query("")).await.assertion(&house).await), "alice@acme.example");
    assert_eq!(bob.get(&house, &house.query("")).await.refusal(&house).await, "InvalidNameIDPolicy");
    house.register(&ServiceProvider { name_id: NameIdFormat::Unspecified, ..provider(SP) }).await;
    assert_eq!(name_id(&bob.get(&house, &house.query("")).await.assertion(&house).await), "bob");
    house.register(&ServiceProvider { name_id: NameIdFormat::Transient, ..provider(SP) }).await;
    let first = alice.get(&house, &house.query("")).await.assertion(&house).await;
    let second = alice.get(&house, &house.query("")).await.assertion(&house).await;
    assert_ne!(name_id(&first), name_id(&second));
}

#[tokio::test]
async fn what_is_signed_is_what_was_registered() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    for (sign, signatures) in [(Signed::Assertion, 1), (Signed::Response, 1), (Signed::Both, 2)] {
        house.register(&ServiceProvider { sign, ..provider(SP) }).await;
        let answer = browser.get(&house, &house.query("")).await;
        assert_eq!(answer.saml().matches("<ds:Signature ").count(), signatures);
        if sign != Signed::Response {
            answer.assertion(&house).await;
        }
        if sign != Signed::Assertion {
            let response = answer.response(&house).await;
            assert!(response.only(ASSERTION, "Assertion").is_some());
        }
    }
}

#[tokio::test]
async fn a_request_of_another_face_does_not_continue_here() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    let new = NewInteraction {
        return_point: ReturnPoint::Authorize,
        application: "app".into(),
        payload: SsoRequest::plain(SP, "_r", ACS).to_payload(),
        demands: Demands::default(),
    };
    let other = house.core.interaction(new).unwrap();
    let handed_over = format!("{SEALED_REQUEST}={}", house.core.seal_handover(&house.pool, &other).unwrap());
    assert_eq!(browser.post(&house, &handed_over).await.status, 400);
    let request = browser.request(&house, Method::POST, "/login", "", "");
    let key = BrowserKey::from_cookie(browser::existing(&request).unwrap().expose());
    let origin = Origin { face: Face::Login, address: None };
    let password = Secret::from(PASSWORD);
    let step = house.core.login_password(&house.pool, &other, &key, "alice", &password, Kept::default(), origin).await.unwrap();
    let Step::Granted(granted) = step else { panic!("{step:?}") };
    browser.cookies.insert(cookie::name(&request, Purpose::Session), granted.session.expose().clone());
    assert_eq!(browser.get(&house, &format!("interaction={}", granted.interaction)).await.status, 400);
    let sealed = house.core.seal(&house.pool, &other, Form::Login, &key).unwrap();
    assert_eq!(browser.post(&house, &format!("{SEALED_REQUEST}={sealed}")).await.status, 400, "nor what a login page holds");
}

#[tokio::test]
async fn an_assertion_is_recorded_with_who_and_for_whom() {
    let house = House::build().await;
    let mut browser = Browser::logged_in(&house, "alice").await;
    browser.get(&house, &house.query("")).await.assertion(&house).await;
    let query = audit::Query { action: Some(Action::AssertionIssue), limit: 10, ..audit::Query::default() };
    let events = audit::query(house.pool.store(), &query).unwrap();
    assert_eq!(events.len(), 1);
    let event = events[0].1.as_ref().unwrap();
    assert_eq!((event.outcome, event.face, event.target.as_deref()), (audit::Outcome::Success, Face::Saml, Some(SP)));
    assert!(event.actor.contains("alice"), "{}", event.actor);
}
