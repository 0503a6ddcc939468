//! Texts of SAML messages that hold a comment.

use super::attempt::PASSWORD;
use super::pages::{self, given, saml_response};
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::web_client::{Browser, Reply, ServiceProvider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poolgate::crypto::xml::{Element, parse};
use poolgate::saml::wire::{ASSERTION, PROTOCOL};

/// What can be put into a text without being text.
const CUTS: [&str; 5] = ["<!-- x -->", "<!---->", "<!-- --><!-- -->", "<![CDATA[]]>", "<?x y?>"];

/// The answer to a request over each binding; a posted one is carried on as a browser does.
async fn answers(browser: &Browser, provider: &ServiceProvider, request: &str) -> [Reply; 2] {
    let redirected = browser.clone().get(&provider.redirected(request)).await;
    let mut posting = browser.clone();
    let url = format!("{}/saml2/sso", provider.issuer);
    let posted = posting.post(&url, &[("SAMLRequest", &STANDARD.encode(request))]).await;
    let posted = match pages::find_form(&posted).filter(|form| form.action.ends_with("/saml2/sso")) {
        Some(form) => posting.post(&form.action, &form.pairs()).await,
        None => posted,
    };
    [redirected, posted]
}

/// A name is cut at a comment, and what is left is somebody else's (authentik CVE-2026-57580, 9.4):
/// requests, which we read.
#[tokio::test(flavor = "multi_thread")]
async fn a_comment_in_a_request_cuts_no_text() {
    let server = TestServer::demo().await;
    let provider = ServiceProvider::demo(&server);
    let mut browser = Browser::new();
    let page = browser.login_page(&provider.sign_on(&server)).await;
    browser.log_in(&page, "alice", PASSWORD).await;
    let class = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
    let context = |class: &str| {
        let asked = format!(
            "<samlp:RequestedAuthnContext><saml:AuthnContextClassRef>{class}</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>"
        );
        provider.request(&server, "").replace("</samlp:AuthnRequest>", &format!("{asked}</samlp:AuthnRequest>"))
    };
    let issued = |issuer: &str| provider.request(&server, "").replace(&format!(">{}<", provider.entity_id), &format!(">{issuer}<"));
    for reply in
        answers(&browser, &provider, &issued(&provider.entity_id)).await.iter().chain(&answers(&browser, &provider, &context(class)).await)
    {
        assert_eq!(given(reply), ["assertion"], "{reply:?}");
    }
    for cut in CUTS {
        // A text that is another one as a whole stays another one, wherever the cut is.
        for other in [
            format!("{}{cut}.evil", provider.entity_id),
            format!("evil{cut}{}", provider.entity_id),
            format!("{cut}evil.{}", provider.entity_id),
        ] {
            for reply in answers(&browser, &provider, &issued(&other)).await {
                assert_eq!(given(&reply), [""; 0], "{other}: {reply:?}");
                assert!([400, 404].contains(&reply.status), "{other}: {reply:?}");
            }
        }
        for other in [format!("{class}{cut}Evil"), format!("evil{cut}{class}")] {
            for reply in answers(&browser, &provider, &context(&other)).await {
                assert_eq!(given(&reply), [""; 0], "{other}: {reply:?}");
            }
        }
        // One that is the same as a whole is read as a whole, or not at all.
        for place in [1, 10, provider.entity_id.len() - 1] {
            let (before, behind) = provider.entity_id.split_at(place);
            for reply in answers(&browser, &provider, &issued(&format!("{before}{cut}{behind}"))).await {
                assert!(given(&reply) == ["assertion"] || reply.status == 400, "{place} {cut}: {reply:?}");
            }
        }
    }
    server.stop().await;
}

/// All texts of an element and of those within it.
fn texts(element: &Element, all: &mut Vec<String>) {
    all.extend(element.text().map(str::to_owned));
    element.children().iter().for_each(|child| texts(child, all));
}

/// The same class, as for what service providers read: no text that we write holds a comment,
/// whatever people are called. What an application does with one is tried by `examples::forged`.
#[tokio::test(flavor = "multi_thread")]
async fn a_comment_in_a_name_is_text_in_our_responses() {
    let server = TestServer::demo().await;
    let provider = ServiceProvider::new(&server, "acme", "http://localhost:9095/metadata", "http://localhost:9095/acs");
    let attributes = ["displayName", "cn", "sn", "givenName", "mail", "street"].map(|name| ["--attribute", name]).concat();
    let create = ["sp", "create", &provider.entity_id, "--pool", "acme", "--acs", &provider.acs, "--name-id", "uid"];
    server.poolgate(&[&create[..], &attributes].concat()).await.good();
    let mut carol = Directory::bound(&server, "uid=carol,ou=people,o=acme", "carol-demo-password").await;
    for (number, cut) in CUTS.into_iter().chain(["]]>", "--><saml:NameID>carol</saml:NameID><!--", "&lt;!-- --&gt;"]).enumerate() {
        let uid = format!("alice{cut}{number}");
        let value = format!("carol{cut}.evil");
        let escaped = uid.replace('<', "\\3c").replace('>', "\\3e").replace('=', "\\3d").replace(';', "\\3b");
        let new = [
            ("objectClass", "inetOrgPerson"),
            ("uid", uid.as_str()),
            ("cn", &value),
            ("sn", &value),
            ("displayName", &value),
            ("givenName", &value),
            ("street", &value),
            ("userPassword", "the password of somebody"),
        ];
        let added = carol.add(&format!("uid={escaped},ou=people,o=acme"), &new).await;
        assert_eq!(added.code, code::SUCCESS, "{uid}: {added:?}");
        let mut browser = Browser::new();
        let page = browser.login_page(&provider.sign_on(&server)).await;
        let response = saml_response(&browser.log_in(&page, &uid, "the password of somebody").await).unwrap();
        for markup in ["<!--", "<![CDATA[", "<?"] {
            assert!(!response.contains(markup), "{response}");
        }
        let root = parse(response.as_bytes()).unwrap();
        let assertions: Vec<_> = root.named(ASSERTION, "Assertion").collect();
        let [assertion] = assertions[..] else { panic!("{response}") };
        let subject = assertion.only(ASSERTION, "Subject").unwrap();
        assert_eq!(subject.only(ASSERTION, "NameID").unwrap().text(), Some(uid.as_str()));
        let mut all = Vec::new();
        texts(assertion, &mut all);
        assert_eq!(all.iter().filter(|text| **text == value).count(), 5, "{all:?}");
        assert!(!all.iter().any(|text| text == "carol"), "{all:?}");
        assert!(root.only(PROTOCOL, "Status").is_some());
    }
    server.stop().await;
}
