//! How a path and a host can be written.

use super::attempt::PASSWORD;
use super::stage;
use crate::harness::TestServer;
use crate::operation::{exchange_with, status};
use crate::web_client::{Application, Browser, Reply, ServiceProvider};
use std::net::SocketAddr;

/// Asks for a path exactly as it is written, with further header lines.
async fn ask(address: SocketAddr, path: &str, lines: &str) -> String {
    let lines = if lines.contains("Host:") { lines.to_owned() } else { format!("Host: localhost\r\n{lines}") };
    exchange_with(address, format!("GET {path} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n")).await
}

/// Spellings of a way from `acme` to a path of `suppliers`, or of `acme` by another name; `{}` is
/// the path.
const SPELLINGS: [&str; 27] = [
    "/pools/acme/../suppliers{}",
    "/pools/acme/./..//suppliers{}",
    "/pools/acme/%2e%2e/suppliers{}",
    "/pools/acme/%2E%2E%2Fsuppliers{}",
    "/pools/acme/..%2fsuppliers{}",
    "/pools/acme%2f..%2fsuppliers{}",
    "/pools/acme/%252e%252e/suppliers{}",
    "/pools/acme/..;/suppliers{}",
    "/pools/acme;/../suppliers{}",
    "/pools/acme/..\\suppliers{}",
    "/pools/acme\\..\\suppliers{}",
    "/pools/acme/%c0%ae%c0%ae/suppliers{}",
    "/pools/acme/%00/../../suppliers{}",
    "//pools/acme{}",
    "/pools//acme{}",
    "/pools/acme/{}",
    "/./pools/acme{}",
    "/x/../pools/acme{}",
    "/pools/%61cme{}",
    "/pools/ACME{}",
    "/pools/acme.{}",
    "/pools/acme%20{}",
    "/pools/acme%00{}",
    "/pools/acme;a=b{}",
    "/Pools/acme{}",
    "/pools%2facme{}",
    "/pools/acme%2f{}",
];

/// A path that is written otherwise leads past a rule to another tenant (Keycloak CVE-2026-15573).
#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_path_leads_to_a_pool_but_its_own() {
    let server = TestServer::demo().await;
    let address = server.running.addresses().http[0];
    let mut browser = Browser::new();
    browser.code(&Application::demo(&server), "alice", PASSWORD).await;
    let cookies = format!("Cookie: poolgate-1-session={}\r\n", browser.cookie("poolgate-1-session").unwrap());
    let authorize = Application::demo(&server).authorize();
    let query = authorize.split_once('?').unwrap().1;
    let paths = [
        "/.well-known/openid-configuration".to_owned(),
        "/.well-known/jwks.json".to_owned(),
        "/saml2/metadata".to_owned(),
        "/login".to_owned(),
        "/logout".to_owned(),
        format!("/oauth2/authorize?{query}"),
    ];
    for path in &paths {
        for pool in ["acme", "suppliers"] {
            let plain = ask(address, &format!("/pools/{pool}{path}"), &cookies).await;
            assert!([200, 303, 400].contains(&status(&plain)), "{pool}{path}: {plain}");
        }
        for spelling in SPELLINGS {
            let spelt = spelling.replace("{}", path);
            let answer = ask(address, &spelt, &cookies).await;
            assert!([400, 404].contains(&status(&answer)), "{spelt}: {answer}");
            assert!(!answer.contains("code=") && !answer.to_lowercase().contains("set-cookie"), "{spelt}: {answer}");
        }
    }
    // The server's own paths go by one name too, whoever asks, and so does what only operators may
    // have.
    for path in ["//metrics", "/metrics/", "/./metrics", "/%6detrics", "/x/../metrics", "/pools/../metrics", "/pools/acme/../../metrics"] {
        assert_eq!(status(&ask(address, path, "").await), 404, "{path}");
    }
    for path in
        ["/api/v1/pools", "//api/v1/pools", "/pools/acme/../../api/v1/pools", "/%61pi/v1/pools", "/pools/acme/..%2f..%2fapi/v1/pools"]
    {
        assert_eq!(status(&ask(address, path, "").await), 404, "{path}");
    }
    server.stop().await;
}

/// The same class at the admin API, where parts of a path are decoded.
#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_name_leads_out_of_its_branch_of_the_admin_api() {
    let server = TestServer::demo().await;
    let mut api = crate::operator::AdminApi::connect(&server).await;
    let uuid = server.uuid("suppliers", "erin").await;
    for name in [
        "..%2f..%2f..%2fsuppliers%2fusers%2ferin",
        "%2e%2e%2f%2e%2e%2fsuppliers%2fusers%2ferin",
        "erin%2cou=people%2co=suppliers",
        "erin%2Cou%3Dpeople%2Co%3Dsuppliers",
        "uid=erin%2cou=people%2co=suppliers",
        "erin%00",
        "%2a",
        "a%2a",
        "alice%29%28uid=%2a",
        "alice%2cou=people",
        uuid.as_str(),
    ] {
        for (method, part, body) in [
            ("GET", "", ""),
            ("DELETE", "", ""),
            ("PATCH", "", "{\"disabled\":true}"),
            ("POST", "/password", "{\"password\":\"a new password\"}"),
        ] {
            for kind in ["users", "services", "groups", "clients", "identity-providers", "service-providers"] {
                let (status, text) = api.ask(method, &format!("/pools/acme/{kind}/{name}{part}"), body).await;
                assert!([400, 404, 405].contains(&status), "{method} {kind} {name}: {status} {text}");
            }
        }
    }
    for slug in ["acme%2f..%2fsuppliers", "..%2facme", "acme%00", "ACME", "%2a", "1"] {
        assert_eq!(api.ask("GET", &format!("/pools/{slug}/users"), "").await.0, 404, "{slug}");
    }
    assert_eq!(api.ask("GET", "/pools/suppliers/users/erin", "").await.0, 200);
    server.stop().await;
}

/// Header fields by which something before us, or somebody who pretends to be that, says where a
/// request was sent.
const FIELDS: [(&str, &str); 15] = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Host", "localhost, evil.example"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Port", "6666"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-For", "203.0.113.9"),
    ("Forwarded", "host=evil.example;proto=https;for=203.0.113.9"),
    ("X-Host", "evil.example"),
    ("X-Original-Host", "evil.example"),
    ("X-Original-URL", "/pools/suppliers/login"),
    ("X-Rewrite-URL", "/pools/suppliers/login"),
    ("X-HTTP-Method-Override", "POST"),
    ("X-Forwarded-Scheme", "https"),
    ("Referer", "https://evil.example/"),
];

/// A header field of the request decides where a link leads (Zitadel CVE-2026-29067 and 135175,
/// where it stood in a mail; no mail is sent yet). Whether a proxy is trusted makes no difference:
/// it is asked for addresses alone.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_request_says_of_its_host_comes_back() {
    for trusted in [&[][..], &["127.0.0.0/8"]] {
        let server = TestServer::configured(|config| {
            config.trusted_proxies = trusted.iter().map(|network: &&str| network.parse().unwrap()).collect();
        })
        .await;
        poolgate::cli::demo::seed(server.data(), &server.running.addresses().public_url).await.unwrap();
        let issuer = server.issuer("acme");
        let (demo, provider) = (Application::demo(&server), ServiceProvider::demo(&server));
        let mut browser = Browser::new();
        let page = browser.login_page(&demo.authorize()).await;
        let urls = [
            format!("{issuer}/.well-known/openid-configuration"),
            format!("{issuer}/saml2/metadata"),
            format!("{issuer}/login"),
            format!("{issuer}/logout"),
            format!("{issuer}/oauth2/logout"),
            demo.authorize(),
            provider.sign_on(&server),
        ];
        let plain = |reply: &Reply| reply.without_draws();
        for url in &urls {
            let usual = plain(&browser.get(url).await);
            for field in FIELDS {
                assert_eq!(plain(&browser.get_with(url, &[field]).await), usual, "{url} {field:?}");
            }
        }
        for field in FIELDS {
            // A redirect to an upstream says where the answer is to go; one after a login, where
            // the person goes on.
            let fields: Vec<_> = page.hidden().to_vec();
            let sent = browser.post_with(&format!("{}/with/suppliers", page.action), &[field], &fields).await;
            assert_eq!(sent.parameter("redirect_uri"), Some(format!("{issuer}/oauth2/idpresponse")), "{field:?}");
            let credentials = [&fields[..], &[("username", "alice"), ("password", PASSWORD)]].concat();
            let back = browser.post_with(&page.action, &[field], &credentials).await;
            assert!(back.location().starts_with(&format!("{issuer}/oauth2/authorize?interaction=")), "{field:?}: {back:?}");
        }
        server.stop().await;
    }
    // The host itself, also with user information before it, in the field and in the target.
    let server = TestServer::demo().await;
    let address = server.running.addresses().http[0];
    let path = "/pools/acme/.well-known/openid-configuration";
    for host in ["evil.example", "localhost@evil.example", "localhost:80@evil.example", "evil.example@localhost", "evil.example/@localhost"]
    {
        let in_field = ask(address, path, &format!("Host: {host}\r\n")).await;
        let in_target = ask(address, &format!("http://{host}{path}"), "").await;
        for answer in [in_field, in_target] {
            assert!(answer.is_empty() || [400, 404, 421].contains(&status(&answer)), "{host}: {answer}");
            assert!(!answer.contains("evil"), "{host}: {answer}");
        }
    }
    let own = ask(address, path, "Host: LOCALHOST:1\r\n").await;
    assert!(own.contains(&format!("\"issuer\":\"{}\"", server.issuer("acme"))), "{own}");
    server.stop().await;
}

/// An origin that ends like ours, or begins so, passes for ours (kanidm 1.10).
#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_resembles_ours_sends_no_form() {
    let server = stage().await;
    let demo = Application::demo(&server);
    let own = server.running.addresses().public_url.trim_end_matches('/').to_owned();
    let (host, port) = own.strip_prefix("http://").unwrap().split_once(':').unwrap();
    let mut browser = Browser::new();
    let page = browser.login_page(&demo.authorize()).await;
    let fields = [&page.hidden()[..], &[("username", "alice"), ("password", PASSWORD)]].concat();
    for origin in [
        format!("http://bad{host}:{port}"),
        format!("http://bad.{host}:{port}"),
        format!("http://{host}.evil.example:{port}"),
        format!("http://{host}:{port}.evil.example"),
        format!("http://{host}:{port}1"),
        format!("http://{host}"),
        format!("http://{host}:80"),
        format!("https://{host}:{port}"),
        format!("http://evil.example/{own}"),
        format!("http://evil.example#{own}"),
        format!("http://{host}:{port}@evil.example"),
        format!("{own}/"),
        own.to_uppercase(),
        format!("{own}, http://evil.example"),
        "http://evil.example".to_owned(),
        String::new(),
    ] {
        let reply = browser.post_with(&page.action, &[("origin", &origin)], &fields).await;
        assert_eq!((reply.status, super::pages::given(&reply)), (403, vec![]), "{origin}: {reply:?}");
    }
    let reply = browser.post_with(&page.action, &[("origin", &own)], &fields).await;
    assert_eq!(reply.status, 303, "{reply:?}");
    server.stop().await;
}
