//! `saml_app` with an Identity Provider that says whatever a test wants: what is refused although
//! the signature of it is good, and what is not even looked at.

use super::WebApp;
use crate::harness::{Program, set_up_tls};
use crate::saml::PERSISTENT;
use crate::web_client::{Browser, Reply};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poolgate::crypto::keys::{Algorithm, SigningKey};
use poolgate::crypto::xml;
use poolgate::model::{Clock, Timestamp};
use poolgate::saml::wire::{ASSERTION, Assertion, AuthnRequest, NameId, Reply as Envelope, assertion_xml, decode_query, response_xml};
use poolgate::server::{SystemClock, SystemEntropy};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;
use warp::Filter;

const ISSUER: &str = "https://idp.example";

/// How something that the provider has said is changed.
type Change<'a> = &'a dyn Fn(&str) -> String;
/// What somebody answers who has been asked.
type Make<'a> = &'a dyn Fn(&Asked<'_>) -> String;

/// An Identity Provider whose certificate the application knows.
struct Provider {
    key: SigningKey,
    certificate: Vec<u8>,
}

/// A browser that has been sent to the provider.
struct Asked<'a> {
    app: &'a WebApp,
    browser: Browser,
    request: String,
    now: Timestamp,
}

impl Provider {
    fn new() -> Self {
        let key = SigningKey::generate(Algorithm::Rs256).unwrap();
        let now = SystemClock::default().now();
        let certificate = key.self_sign("idp", now, now.plus(Duration::from_secs(3600)), &SystemEntropy::default()).unwrap();
        Self { key, certificate }
    }

    fn metadata(&self) -> String {
        format!(
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{ISSUER}\">\
             <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor use=\"signing\">\
             <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>\
             <SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"{ISSUER}/sso\"/>\
             </IDPSSODescriptor></EntityDescriptor>",
            STANDARD.encode(&self.certificate)
        )
    }

    fn sign(&self, assertion: &str) -> String {
        xml::sign(assertion, "_a", &self.key, &self.certificate).unwrap()
    }

    /// A response whose assertion is changed in this way and then signed.
    fn response(&self, asked: &Asked<'_>, change: impl Fn(&str) -> String) -> String {
        asked.response(&self.sign(&change(&asked.assertion())))
    }
}

impl<'a> Asked<'a> {
    async fn ask(app: &'a WebApp) -> Self {
        let mut browser = Browser::new();
        let asked = browser.get(&app.url).await;
        let message = decode_query(asked.location().split_once('?').unwrap().1).unwrap().message;
        let request = AuthnRequest::read(&xml::parse(&message).unwrap()).unwrap();
        Self { app, browser, request: request.id, now: SystemClock::default().now() }
    }

    /// An assertion that says all that it should.
    fn assertion(&self) -> String {
        let assertion = Assertion {
            id: "_a",
            audience: &format!("{}/metadata", self.app.url),
            name_id: NameId { format: PERSISTENT, value: "alice".to_owned(), qualifiers: None },
            not_before: self.now,
            not_on_or_after: self.now.plus(Duration::from_secs(60)),
            authenticated: self.now,
            session_index: "_s",
            session_ends: None,
            context_class: "urn:oasis:names:tc:SAML:2.0:ac:classes:Password",
            attributes: Vec::new(),
        };
        assertion_xml(&self.envelope(&self.acs()), &assertion)
    }

    /// A response, itself not signed.
    fn response(&self, assertion: &str) -> String {
        response_xml("_r", &self.envelope(&self.acs()), Ok(assertion))
    }

    fn envelope<'b>(&'b self, acs: &'b str) -> Envelope<'b> {
        Envelope { issuer: ISSUER, destination: acs, in_response_to: &self.request, now: self.now }
    }

    fn acs(&self) -> String {
        format!("{}/acs", self.app.url)
    }

    async fn post(mut self, response: &str) -> Reply {
        self.browser.post(&self.acs(), &[("SAMLResponse", &STANDARD.encode(response))]).await
    }
}

/// The application, and the provider that it believes.
async fn start() -> (WebApp, Provider) {
    set_up_tls();
    let provider = Provider::new();
    let metadata = serve(provider.metadata()).await;
    (WebApp::start(Program::saml_app().arguments(["--metadata", &metadata])).await, provider)
}

/// Where that metadata can be had, until the test ends.
async fn serve(metadata: String) -> String {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://localhost:{}/metadata", listener.local_addr().unwrap().port());
    tokio::spawn(warp::serve(warp::any().map(move || metadata.clone())).incoming(listener).run());
    url
}

/// The text with another part in the place of one that occurs once.
#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    text.replace(from, to)
}

/// The text without the only element of that name.
#[track_caller]
fn without(text: &str, element: &str) -> String {
    let (start, end) = (format!("<{element}"), format!("</{element}>"));
    let (before, rest) = text.split_once(&start).unwrap();
    format!("{before}{}", rest.split_once(&end).unwrap().1)
}

#[track_caller]
fn assert_refused(reply: &Reply, why: &str) {
    assert_eq!(reply.status, 403, "{why}: {reply:?}");
    assert!(reply.body.starts_with("Not logged in: ") && reply.body.contains(why), "{why}: {}", reply.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_signs_must_be_a_login_at_this_application_in_answer_to_this_request() {
    let (app, provider) = start().await;
    let asked = Asked::ask(&app).await;
    let response = provider.response(&asked, str::to_owned);
    assert_eq!(asked.post(&response).await.status, 200);

    let audience = format!("<saml:Audience>{}/metadata</saml:Audience>", app.url);
    let other = "<saml:Audience>https://other.example</saml:Audience>";
    let second = format!("</saml:AudienceRestriction><saml:AudienceRestriction>{other}</saml:AudienceRestriction>");
    let recipient = format!("Recipient=\"{}/acs\"", app.url);
    let changes: [(Change<'_>, &str); 9] = [
        (&|xml| replaced(xml, &audience, other), "unfulfilled AudienceRequirement"),
        (&|xml| replaced(xml, "</saml:AudienceRestriction>", &second), "not for this service provider"),
        (&|xml| without(xml, "saml:AudienceRestriction"), "not for this service provider"),
        (&|xml| without(xml, "saml:AuthnStatement"), "does not say that anybody has logged in"),
        (&|xml| without(xml, "saml:NameID"), "names nobody"),
        (&|xml| replaced(xml, &recipient, "Recipient=\"https://other.example/acs\""), "Recipient does not match"),
        (&|xml| replaced(xml, " InResponseTo=\"", " InResponseTo=\"x"), "'InResponseTo' does not match"),
        (&|xml| replaced(xml, "cm:bearer", "cm:sender-vouches"), "missing a bearer SubjectConfirmation"),
        (&|xml| replaced(xml, ISSUER, "https://other.example"), "Issuer does not match"),
    ];
    for (change, why) in changes {
        let asked = Asked::ask(&app).await;
        let response = provider.response(&asked, change);
        assert_refused(&asked.post(&response).await, why);
    }

    let mut asked = Asked::ask(&app).await;
    asked.now = asked.now.minus(Duration::from_secs(10 * 60));
    let response = provider.response(&asked, str::to_owned);
    assert_refused(&asked.post(&response).await, "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_holds_one_assertion_and_the_provider_has_signed_it() {
    let (app, provider) = start().await;
    let good = |asked: &Asked<'_>| provider.sign(&asked.assertion());
    let evil = |asked: &Asked<'_>| asked.assertion().replace("_a", "_b").replace(">alice<", ">carol<");
    let wrapped = |assertion: &str| format!("<samlp:Extensions>{assertion}</samlp:Extensions>");
    let encrypted = format!("<saml:EncryptedAssertion xmlns:saml=\"{ASSERTION}\"/>");
    let responses: [(Make<'_>, &str); 9] = [
        (&|asked| asked.response(&asked.assertion()), "must be signed"),
        (&|asked| asked.response(&Provider::new().sign(&asked.assertion())), "must be signed"),
        (&|asked| asked.response(&replaced(&good(asked), ">alice<", ">carol<")), "must be signed"),
        (&|asked| asked.response(&format!("{}{}", evil(asked), good(asked))), "exactly one assertion"),
        (&|asked| asked.response(&format!("{}{}", wrapped(&good(asked)), evil(asked))), "not where it belongs"),
        (&|asked| asked.response(&wrapped(&good(asked))), "not where it belongs"),
        (&|asked| asked.response(&format!("{}{encrypted}", good(asked))), "encrypted"),
        (&|asked| asked.response(""), "exactly one assertion"),
        (&good, "not a response"),
    ];
    for (response, why) in responses {
        let asked = Asked::ask(&app).await;
        let response = response(&asked);
        assert_refused(&asked.post(&response).await, why);
    }
}

/// A signature that says so has the verifier fetch what it names and run programs, before anybody
/// knows whose signature it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_would_do_something_when_it_is_verified_is_never_verified() {
    let (app, provider) = start().await;
    let bait = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    bait.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", bait.local_addr().unwrap());
    let transform = format!("<ds:Transform Algorithm=\"{}\"></ds:Transform>", xml::ENVELOPED);
    let xslt = format!(
        "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"><xsl:stylesheet version=\"1.0\" xmlns:xsl=\"http://www.w3.org/1999/XSL/Transform\">\
         <xsl:template match=\"/\"><xsl:copy-of select=\"document('{url}')\"/></xsl:template></xsl:stylesheet></ds:Transform>"
    );
    let xpath =
        "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"><ds:XPath>id('_a')</ds:XPath></ds:Transform>";
    let retrieval = format!("<ds:KeyInfo><ds:RetrievalMethod URI=\"{url}\"/>");
    let reference = |to: &str| format!("<ds:Reference URI=\"{to}\">");
    let long = " ".repeat(256 << 10);
    let changes: [(Change<'_>, &str); 15] = [
        (&|xml| replaced(xml, &reference("#_a"), &reference(&url)), "does not cover what it lies in"),
        (&|xml| replaced(xml, &reference("#_a"), &reference("file:///etc/hostname")), "does not cover what it lies in"),
        (&|xml| replaced(xml, &reference("#_a"), &reference("#xpointer(/)")), "does not cover what it lies in"),
        (&|xml| replaced(xml, &reference("#_a"), &reference("")), "does not cover what it lies in"),
        (&|xml| replaced(xml, &reference("#_a"), &reference("#_r")), "does not cover what it lies in"),
        (&|xml| replaced(xml, &transform, &xslt), "a signature "),
        (&|xml| replaced(xml, &transform, xpath), "holds more than it needs"),
        (&|xml| replaced(xml, "<ds:KeyInfo>", &retrieval), "holds more than it needs"),
        (&|xml| replaced(xml, "</ds:KeyInfo>", "</ds:KeyInfo><ds:Object/>"), "holds more than it needs"),
        (&|xml| replaced(xml, xml::RSA_SHA256, "http://www.w3.org/2000/09/xmldsig#hmac-sha1"), "an algorithm that is not accepted"),
        (&|xml| format!("<!DOCTYPE samlp:Response SYSTEM \"{url}\">{xml}"), "more than elements and text"),
        (&|xml| format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{xml}"), "more than elements and text"),
        (&|xml| replaced(xml, ">alice<", ">ali<!-- -->ce<"), "more than elements and text"),
        (&|xml| replaced(xml, "</samlp:Response>", ""), "not XML"),
        (&|xml| format!("{xml}{long}"), "too long"),
    ];
    for (change, why) in changes {
        let asked = Asked::ask(&app).await;
        let response = change(&provider.response(&asked, str::to_owned));
        assert_refused(&asked.post(&response).await, why);
    }
    assert_eq!(bait.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "somebody has called");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_a_certificate_is_not_believed_at_all() {
    let metadata = serve(without(&Provider::new().metadata(), "KeyDescriptor")).await;
    let refused = Program::saml_app().arguments(["--metadata", &metadata]).run().await;
    assert!(refused.code(1).complaint().contains("it names no certificate"), "{}", refused.complaint());
}
