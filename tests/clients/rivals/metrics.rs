//! What strangers invent becomes no line of the metrics.

use crate::ldap_client::Directory;
use crate::operation::exchange_with;
use crate::served::{Served, configuration};
use crate::web_client::{Application, Browser};
use ldap3::Scope;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// How many names are invented.
const NAMES: usize = 260;

/// The lines of the metrics without their figures.
async fn lines(address: SocketAddr) -> BTreeSet<String> {
    let answer = exchange_with(address, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let name =
        |line: &str| if line.starts_with('#') { line.to_owned() } else { line.rsplit_once(' ').map_or(line, |(name, _)| name).to_owned() };
    body.lines().filter(|line| !line.is_empty()).map(name).collect()
}

/// Says a name in every place of a request in which one can stand.
async fn say(name: &str, http: SocketAddr, directory: &mut Directory, browser: &mut Browser, application: &Application) {
    for request in [
        format!("GET /{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        format!("{name} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {name}.example\r\nConnection: close\r\n\r\n"),
        format!("GET /pools/{name}/login HTTP/1.1\r\nHost: localhost\r\nX-{name}: x\r\nConnection: close\r\n\r\n"),
        format!(
            "GET /pools/acme/{name}/{name}?{name}={name} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {name}\r\nConnection: close\r\n\r\n"
        ),
        format!("GET /pools/acme/oauth2/userinfo HTTP/1.1\r\nHost: localhost\r\nAuthorization: {name} x\r\nConnection: close\r\n\r\n"),
        format!("GET /pools/acme/oauth2/idpresponse?error={name}&state={name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    ] {
        exchange_with(http, request).await;
    }
    let unknown = Application { id: name.to_owned(), redirect_uri: format!("https://{name}.example"), ..application.clone() };
    browser.get(&unknown.authorize()).await;
    browser.redeem(&unknown, name).await;
    browser.get(&application.authorize_with(&[("prompt", name), ("acr_values", name), ("ui_locales", name)])).await;
    let page = browser.login_page(&application.authorize()).await;
    browser.leave_for(&page, name).await;
    browser.submit(&page, name, name).await;
    directory.bind(&format!("{name}@acme"), name).await;
    directory.search(&format!("o={name}"), Scope::Base, &format!("({name}={name})"), &[name]).await;
    directory.compare(&format!("uid={name},ou=people,o=acme"), name, name).await;
}

/// Labels are made of what requests say, until the memory is full (Keycloak CVE-2026-16100).
#[tokio::test(flavor = "multi_thread")]
async fn invented_names_add_no_line_to_the_metrics() {
    // A process of its own: what is counted in this one, other tests count too.
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("poolgate.toml");
    std::fs::write(&file, configuration(&data, "")).unwrap();
    let served = Served::start(&file, &[]).await;
    let operate = async |arguments: &[&str], input: &str| {
        let mut program = crate::harness::Program::poolgate();
        program.arguments(arguments.iter().copied()).arguments(["--data", data.to_str().unwrap()]).input(input).run().await.good()
    };
    operate(&["pool", "create", "acme"], "").await;
    let client =
        ["client", "create", "--pool", "acme", "shop", "--first-party", "--redirect-uri", "http://localhost:9/c", "--secret-stdin"];
    operate(&client, "Marble-Lantern-58").await;
    let http = served.address("http");
    let issuer = format!("http://localhost:{}/pools/acme", http.port());
    let application =
        Application { issuer, id: "shop".into(), secret: "Marble-Lantern-58".into(), redirect_uri: "http://localhost:9/c".into() };
    let mut browser = Browser::new();
    let mut directory = Directory::plain(served.address("ldap")).await;
    for name in ["first", "second"] {
        say(name, http, &mut directory, &mut browser, &application).await;
        lines(http).await;
    }
    let before = lines(http).await;
    assert!(before.contains("poolgate_http_requests_total{status=\"4xx\"}"), "{before:#?}");
    for number in 0..NAMES {
        say(&format!("invented{number}"), http, &mut directory, &mut browser, &application).await;
    }
    assert_eq!(lines(http).await, before);
    served.stop().await;
}
