#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::super::wire::{ASSERTION, decode_form, decode_query, encode_query};
use super::*;
use crate::application::{Acs, AttributeMapping, EntityId, RedirectUri};
use crate::crypto::keys::{Algorithm, SigningKey};
use crate::model::{Entropy, Kind, Sequence};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use std::sync::LazyLock;

const SP: &str = "https://sp.example/metadata";
const ACS: &str = "https://sp.example/acs";
const OTHER_ACS: &str = "https://sp.example/acs2";
const ENDPOINT: &str = "https://id.example/saml2/sso";
const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);
const MFA: &str = "https://refeds.org/profile/mfa";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password";

struct Threes;

impl Entropy for Threes {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(3);
    }
}

static KEY: LazyLock<(SigningKey, Vec<u8>)> = LazyLock::new(|| {
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    let der = key.self_sign("sp", NOW, NOW, &Threes).unwrap();
    (key, der)
});

fn provider() -> ServiceProvider {
    let mut provider = ServiceProvider::new(EntityId::parse(SP).unwrap(), "Shop", RedirectUri::parse(ACS).unwrap());
    provider.acs.push(Acs { url: RedirectUri::parse(OTHER_ACS).unwrap(), index: 7, is_default: false });
    provider
}

fn with_certificate() -> ServiceProvider {
    ServiceProvider { request_certificates: vec![KEY.1.clone().into()], ..provider() }
}

fn strict() -> ServiceProvider {
    ServiceProvider { require_signed_requests: true, ..with_certificate() }
}

/// An AuthnRequest with these attributes and this content beside the usual ones.
fn xml(attributes: &str, content: &str) -> String {
    let version = if attributes.contains("Version=") { "" } else { "Version=\"2.0\"" };
    let instant = if attributes.contains("IssueInstant=") { "" } else { "IssueInstant=\"2023-11-14T22:13:20Z\"" };
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" xmlns:saml=\"{ASSERTION}\" ID=\"_r\" {version} {instant} {attributes}><saml:Issuer>{SP}</saml:Issuer>{content}</samlp:AuthnRequest>"
    )
}

fn to(provider: ServiceProvider, received: Received) -> model::Result<Judged> {
    judge(received, ENDPOINT, NOW, |issuer| Ok(Some(provider).filter(|provider| provider.entity_id.as_str() == issuer)))
}

fn unsigned(provider: ServiceProvider, attributes: &str, content: &str) -> model::Result<Judged> {
    to(provider, decode_query(&encode_query("SAMLRequest", &xml(attributes, content), Some("state"))).unwrap())
}

fn posted(provider: ServiceProvider, xml: &str) -> model::Result<Judged> {
    let form: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("SAMLRequest", &STANDARD.encode(xml)).finish();
    to(provider, decode_form(form.as_bytes()).unwrap())
}

fn destination() -> String {
    format!("Destination=\"{ENDPOINT}\"")
}

fn status_of(attributes: &str, content: &str) -> Option<Status> {
    unsigned(provider(), attributes, content).unwrap().refusal.map(|refusal| refusal.status)
}

#[test]
fn a_plain_request_goes_to_the_default_address() {
    let judged = unsigned(provider(), "", "").unwrap();
    assert_eq!(judged.refusal, None);
    let expected = SsoRequest { relay_state: Some("state".into()), ..SsoRequest::plain(SP, "_r", ACS) };
    assert_eq!(judged.request, expected);
    assert_eq!(SsoRequest::from_payload(&judged.request.to_payload()).unwrap(), expected);
}

#[test]
fn an_unknown_issuer_has_nobody_to_answer_to() {
    let received = decode_query(&encode_query("SAMLRequest", &xml("", ""), None)).unwrap();
    let error = judge(received, ENDPOINT, NOW, |_| Ok(None)).unwrap_err();
    assert!(matches!(error.kind(), Kind::NotFound { .. }));
}

#[test]
fn an_answer_goes_to_a_registered_address_only() {
    let at = |attributes: &str| unsigned(provider(), attributes, "").map(|judged| judged.request.acs);
    assert_eq!(at(&format!("AssertionConsumerServiceURL=\"{OTHER_ACS}\"")).unwrap(), OTHER_ACS);
    assert_eq!(at("AssertionConsumerServiceIndex=\"7\"").unwrap(), OTHER_ACS);
    for attributes in [
        "AssertionConsumerServiceURL=\"https://evil.example/acs\"",
        "AssertionConsumerServiceURL=\"https://sp.example/acs/\"",
        "AssertionConsumerServiceURL=\"https://sp.example/acs?x=1\"",
        "AssertionConsumerServiceURL=\"HTTPS://sp.example/acs\"",
        "AssertionConsumerServiceURL=\"\"",
        "AssertionConsumerServiceIndex=\"8\"",
        "AssertionConsumerServiceIndex=\"0\" AssertionConsumerServiceURL=\"https://sp.example/acs\"",
    ] {
        assert!(at(attributes).is_err(), "{attributes}");
    }
}

#[test]
fn a_destination_is_ours_or_absent() {
    assert!(unsigned(provider(), &destination(), "").is_ok());
    for other in ["https://id.example/saml2/sso/", "https://other.example/saml2/sso", "http://id.example/saml2/sso"] {
        assert!(unsigned(provider(), &format!("Destination=\"{other}\""), "").is_err(), "{other}");
    }
}

#[test]
fn refusals_are_told_to_the_service_provider() {
    for (attributes, content, expected) in [
        ("Version=\"1.1\"", "", Status::VersionMismatch),
        ("IssueInstant=\"2023-11-14T22:03:19Z\"", "", Status::Requester),
        ("IssueInstant=\"2023-11-14T22:16:21Z\"", "", Status::Requester),
        ("ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact\"", "", Status::UnsupportedBinding),
        ("", "<saml:Subject><saml:NameID>alice</saml:NameID></saml:Subject>", Status::RequestUnsupported),
        ("", "<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:encrypted\"/>", Status::InvalidNameIdPolicy),
        ("", "<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\"/>", Status::InvalidNameIdPolicy),
        ("", "<samlp:NameIDPolicy SPNameQualifier=\"https://other.example\"/>", Status::InvalidNameIdPolicy),
        (
            "",
            "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>urn:x</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>",
            Status::NoAuthnContext,
        ),
        (
            "",
            "<samlp:RequestedAuthnContext><saml:AuthnContextDeclRef>urn:x</saml:AuthnContextDeclRef></samlp:RequestedAuthnContext>",
            Status::NoAuthnContext,
        ),
    ] {
        assert_eq!(status_of(attributes, content), Some(expected), "{attributes} {content}");
    }
}

#[test]
fn what_is_on_the_edge_is_accepted() {
    for (attributes, content) in [
        ("IssueInstant=\"2023-11-14T22:03:20Z\"", ""),
        ("IssueInstant=\"2023-11-14T22:16:20Z\"", ""),
        ("ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"", ""),
        ("", "<samlp:NameIDPolicy AllowCreate=\"true\"/>"),
        ("", "<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\"/>"),
        ("", "<samlp:NameIDPolicy SPNameQualifier=\"https://sp.example/metadata\"/>"),
        ("", "<samlp:Extensions><x xmlns=\"urn:x\"/></samlp:Extensions>"),
    ] {
        assert_eq!(status_of(attributes, content), None, "{attributes} {content}");
    }
}

#[test]
fn a_format_is_given_where_it_tells_no_more_than_was_registered() {
    let asked = |format: &str, provider: ServiceProvider| {
        let judged = unsigned(provider, "", &format!("<samlp:NameIDPolicy Format=\"urn:oasis:names:tc:SAML:{format}\"/>")).unwrap();
        judged.refusal.map_or(Ok(judged.request.name_id), |refusal| Err(refusal.status))
    };
    assert_eq!(asked("2.0:nameid-format:transient", provider()), Ok(Some(NameIdFormat::Transient)));
    assert_eq!(asked("2.0:nameid-format:persistent", provider()), Ok(Some(NameIdFormat::Persistent)));
    assert_eq!(asked("1.1:nameid-format:unspecified", provider()), Ok(None));
    let mail = ServiceProvider { attributes: vec![AttributeMapping { source: "mail".into(), name: "email".into() }], ..provider() };
    assert_eq!(asked("1.1:nameid-format:emailAddress", mail), Ok(Some(NameIdFormat::EmailAddress)));
    let registered = ServiceProvider { name_id: NameIdFormat::EmailAddress, ..provider() };
    assert_eq!(asked("1.1:nameid-format:emailAddress", registered), Ok(Some(NameIdFormat::EmailAddress)));
}

#[test]
fn demands_are_kept() {
    let content = format!(
        "<samlp:RequestedAuthnContext Comparison=\"minimum\"><saml:AuthnContextClassRef>{MFA}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
    );
    let request = unsigned(provider(), "ForceAuthn=\"true\" IsPassive=\"1\"", &content).unwrap().request;
    let request = SsoRequest::from_payload(&request.to_payload()).unwrap();
    assert!(request.force && request.passive);
    assert_eq!(request.context(), Some(RequestedContext { comparison: Comparison::Minimum, classes: vec![MFA.into()] }));
}

#[test]
fn what_waits_is_small_whatever_was_asked_for() {
    let class = |class: &str| format!("<saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef>");
    let unknown = class(&format!("urn:{}", "x".repeat(1000))).repeat(15);
    let content = format!("<samlp:RequestedAuthnContext>{unknown}{}</samlp:RequestedAuthnContext>", class(PASSWORD));
    let judged = unsigned(provider(), "", &content).unwrap();
    assert_eq!(judged.refusal, None);
    assert_eq!(judged.request.context().unwrap().classes, [PASSWORD]);
    assert!(judged.request.to_payload().len() < 200);
}

#[test]
fn a_query_is_signed_as_a_whole() {
    let query = encode_query("SAMLRequest", &xml(&destination(), ""), Some("state"));
    let signed = xml::sign_query(&query, &KEY.0).unwrap();
    for provider in [strict(), with_certificate()] {
        assert!(to(provider, decode_query(&signed).unwrap()).is_ok());
    }
    let other_state = signed.replace("RelayState=state", "RelayState=other");
    let other_algorithm = signed.replace("rsa-sha256", "rsa-sha512");
    let weak_algorithm = signed.replace("xmldsig-more%23rsa-sha256", "xmldsig%23rsa-sha1");
    let no_state = signed.replace("&RelayState=state", "");
    for forged in [other_state, other_algorithm, weak_algorithm, no_state] {
        for provider in [strict(), with_certificate()] {
            assert!(to(provider, decode_query(&forged).unwrap()).is_err(), "{forged}");
        }
    }
}

#[test]
fn an_unsigned_request_is_refused_where_signed_ones_are_required() {
    assert!(unsigned(strict(), &destination(), "").is_err());
    assert!(unsigned(with_certificate(), "", "").is_ok());
    assert!(posted(strict(), &xml(&destination(), "")).is_err());
}

/// The binding wants a signature beside the message; one within it proves as much.
#[test]
fn a_signature_within_a_redirected_message_counts() {
    let within = xml::sign(&xml(&destination(), ""), "_r", &KEY.0, &KEY.1).unwrap();
    assert!(to(strict(), decode_query(&encode_query("SAMLRequest", &within, None)).unwrap()).is_ok());
}

#[test]
fn a_signed_request_names_its_destination() {
    let signed = xml::sign_query(&encode_query("SAMLRequest", &xml("", ""), None), &KEY.0).unwrap();
    assert!(to(strict(), decode_query(&signed).unwrap()).is_err());
}

#[test]
fn a_posted_request_is_signed_within() {
    let signed = xml::sign(&xml(&destination(), ""), "_r", &KEY.0, &KEY.1).unwrap();
    assert!(posted(strict(), &signed).is_ok());
    let redirected = signed.replace("<samlp:AuthnRequest ", &format!("<samlp:AuthnRequest AssertionConsumerServiceURL=\"{OTHER_ACS}\" "));
    assert!(posted(strict(), &redirected).is_err());
    assert!(posted(with_certificate(), &redirected).is_err());
    // Without a certificate there is nothing to judge a signature by; the request counts as
    // unsigned.
    assert!(posted(provider(), &redirected).is_ok());
}

#[test]
fn a_wrapped_request_is_refused() {
    let signed = xml::sign(&xml(&destination(), ""), "_r", &KEY.0, &KEY.1).unwrap();
    let (start, end) = (signed.find("<ds:Signature ").unwrap(), signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len());
    let signature = &signed[start..end];
    let original = signed.replace(signature, "");
    let evil = |inner: &str| {
        let attributes = format!("{} AssertionConsumerServiceURL=\"{OTHER_ACS}\"", destination());
        xml(&attributes, inner).replace("ID=\"_r\"", "ID=\"_evil\"")
    };
    for wrapped in [
        evil(&format!("{signature}<samlp:Extensions>{original}</samlp:Extensions>")),
        evil(&format!("<samlp:Extensions>{signed}</samlp:Extensions>")),
        evil(&signature.replace("</ds:Signature>", &format!("<ds:Object>{original}</ds:Object></ds:Signature>"))),
        evil(signature),
        evil(&format!("{original}{signature}")),
    ] {
        assert!(posted(strict(), &wrapped).is_err(), "{wrapped}");
    }
}

#[test]
fn another_service_providers_signature_does_not_count() {
    let other = SigningKey::generate(Algorithm::Rs256).unwrap();
    let signed = xml::sign_query(&encode_query("SAMLRequest", &xml(&destination(), ""), None), &other).unwrap();
    assert!(to(strict(), decode_query(&signed).unwrap()).is_err());
}

/// What an interaction of version 1 looks like: it must be read by every later version.
#[test]
fn a_stored_request_of_version_1_is_read() {
    let request = SsoRequest {
        relay_state: Some("s".into()),
        force: true,
        name_id: Some(NameIdFormat::EmailAddress),
        ..SsoRequest::plain("e", "_i", "a")
    };
    let request = request.demanding(Some(RequestedContext { comparison: Comparison::Better, classes: vec!["c".into()] }));
    let golden =
        [1, 0xa9, 0, 0x61, b'e', 1, 0x62, b'_', b'i', 2, 0x61, b'a', 3, 0x61, b's', 4, 0xf5, 5, 0xf4, 6, 2, 7, 3, 8, 0x81, 0x61, b'c'];
    assert_eq!(request.to_payload(), golden);
    assert_eq!(SsoRequest::from_payload(&golden).unwrap(), request);
    let tied = SsoRequest { epoch: Some(Epoch::of_commit(Sequence::new(5))), ..request };
    assert_eq!(tied.to_payload(), [[1, 0xaa].as_slice(), &golden[2..], &[9, 5]].concat());
}

/// Messages as other people's software sends them, signed with the key of `sp.pem`.
mod from_real_clients {
    use super::*;
    use crate::crypto::xml::parse;

    const PEM: &str = include_str!("../../../tests/fixtures/saml/sp.pem");
    const NODE_SAML: &str = include_str!("../../../tests/fixtures/saml/node-saml-authn-request.xml");
    const PYTHON3_SAML: &str = include_str!("../../../tests/fixtures/saml/python3-saml-authn-request.query");

    fn judged(received: Received, endpoint: &str) -> model::Result<Judged> {
        let sent = AuthnRequest::read(&parse(&received.message).unwrap()).unwrap();
        let entity_id = EntityId::parse("http://localhost:9091/metadata").unwrap();
        let provider = ServiceProvider {
            request_certificates: vec![Certificate::from_text(PEM).unwrap().der().to_vec().into()],
            require_signed_requests: true,
            attributes: vec![AttributeMapping { source: "mail".into(), name: "mail".into() }],
            ..ServiceProvider::new(entity_id, "Demo", RedirectUri::parse("http://localhost:9091/acs").unwrap())
        };
        judge(received, endpoint, sent.issue_instant, |_| Ok(Some(provider)))
    }

    #[test]
    fn node_saml_posts() {
        let received = |xml: &str| Received { message: xml.as_bytes().to_vec(), relay_state: None, signature: None };
        let good = judged(received(NODE_SAML), "http://localhost:8080/x").unwrap();
        assert_eq!(good.refusal, None);
        assert_eq!(good.request.name_id, Some(NameIdFormat::EmailAddress));
        assert!(judged(received(&NODE_SAML.replace("9091/acs", "9091/acs2")), "http://localhost:8080/x").is_err());
    }

    #[test]
    fn python3_saml_redirects() {
        let endpoint = "http://localhost:8080/pools/acme/saml2/sso";
        let good = judged(decode_query(PYTHON3_SAML).unwrap(), endpoint).unwrap();
        assert_eq!((good.refusal, good.request.relay_state.as_deref()), (None, Some("http://localhost:9091/a b?c=1")));
        assert!(judged(decode_query(&PYTHON3_SAML.replace("c%3D1", "c%3D2")).unwrap(), endpoint).is_err());
    }
}

proptest! {
    #[test]
    fn arbitrary_messages_never_panic(message in proptest::collection::vec(any::<u8>(), 0..200), content in "[ -~]{0,60}") {
        let received = |message| Received { message, relay_state: None, signature: None };
        let _ = to(strict(), received(message));
        let _ = to(with_certificate(), received(xml(&content, &content).into_bytes()));
    }
}
