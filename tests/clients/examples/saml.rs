//! `saml_app` with the pool as its Identity Provider.

use super::WebApp;
use crate::browser::{Browser, Form, Page};
use crate::harness::{Program, TestServer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SIGN: [&str; 3] = ["both", "assertion", "response"];

/// The service provider, registered with acme.
async fn portal(server: &TestServer, sign: &str) -> WebApp {
    let metadata = format!("{}/saml2/metadata", server.issuer("acme"));
    let app = WebApp::start(Program::saml_app().arguments(["--metadata", &metadata])).await;
    let (entity_id, acs) = (format!("{}/metadata", app.url), format!("{}/acs", app.url));
    let attributes = ["--attribute", "uid", "--attribute", "mail", "--attribute", "displayName"];
    let create = [&["sp", "create", &entity_id, "--pool", "acme", "--acs", &acs, "--sign", sign], &attributes[..]].concat();
    server.poolgate(&create).await.good();
    app
}

fn browser(server: &TestServer, app: &WebApp) -> Browser {
    Browser::new([server.running.addresses().public_url.as_str(), &app.url])
}

/// Logs in and stops at the page that brings the response to the application.
async fn log_in(browser: &Browser, app: &WebApp) -> Page {
    let page = browser.open(&app.url).await;
    let page = browser.submit(&page, &[("username", "alice"), ("password", "alice-demo-password")]).await;
    assert_eq!(page.form().action.as_str(), format!("{}/acs", app.url));
    page
}

/// The page's form with another response.
fn changed(page: &Page, change: impl FnOnce(String) -> String) -> Form {
    let mut form = page.form();
    let (_, response) = form.fields.iter_mut().find(|(name, _)| name == "SAMLResponse").unwrap();
    let xml = String::from_utf8(STANDARD.decode(&*response).unwrap()).unwrap();
    *response = STANDARD.encode(change(xml));
    form
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_who_logged_in() {
    let server = TestServer::demo().await;
    for sign in SIGN {
        let mut app = portal(&server, sign).await;
        let browser = browser(&server, &app);
        let page = log_in(&browser, &app).await;
        let shown = browser.submit(&page, &[]).await;
        let name = app.told().await;
        let told = "  uid           alice\n  mail          alice@acme.example\n  displayName   Alice Archer\n";
        assert_eq!(shown.shown(200), format!("{name}\n  format        {}\n{told}", crate::saml::PERSISTENT), "{sign}");

        // Known by the same name the next time.
        let page = browser.open(&app.url).await;
        assert_eq!(browser.submit(&page, &[]).await.shown(200), shown.text, "{sign}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_on_the_way_is_refused() {
    let server = TestServer::demo().await;
    for sign in SIGN {
        let app = portal(&server, sign).await;
        let browser = browser(&server, &app);
        let mut page = log_in(&browser, &app).await;
        let unsigned = |xml: String| {
            let mut xml = xml;
            while let Some(start) = xml.find("<ds:Signature ") {
                let end = xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
                xml.replace_range(start..end, "");
            }
            xml
        };
        let other_mail = |xml: String| xml.replace("alice@acme.example", "carol@acme.example");
        for form in [changed(&page, other_mail), changed(&page, unsigned), changed(&page, |xml| other_mail(unsigned(xml)))] {
            let refused = browser.send(form).await;
            assert_eq!(refused.shown(403), "Not logged in: SAML Response and all assertions must be signed\n", "{sign}");
            page = browser.open(&app.url).await;
        }
        browser.submit(&page, &[]).await.shown(200);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_good_once_in_the_browser_that_asked() {
    let server = TestServer::demo().await;
    let app = portal(&server, "both").await;
    let (own, foreign) = (browser(&server, &app), browser(&server, &app));
    let page = log_in(&own, &app).await;
    let nobody_asked = "Not logged in: this browser has not asked for a login, or has used its answer\n";
    assert_eq!(foreign.submit(&page, &[]).await.shown(403), nobody_asked);
    log_in(&foreign, &app).await;
    let refused = foreign.submit(&page, &[]).await;
    assert!(refused.shown(403).contains("'InResponseTo' does not match"), "{}", refused.text);
    own.submit(&page, &[]).await.shown(200);
    assert_eq!(own.submit(&page, &[]).await.shown(403), nobody_asked);
    server.stop().await;
}
