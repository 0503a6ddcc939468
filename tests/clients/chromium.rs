//! Chromium, through npm's `playwright-core`, with an OpenID Connect client and a SAML service
//! provider on another site.

use crate::harness::{Program, TestServer, tools};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_in_a_real_browser() {
    let server = TestServer::demo().await;
    let mut script = Program::node("chromium.mjs").start();
    let port = script.hear(|line| serde_json::from_str::<Value>(line).ok()?["port"].as_u64()).await;

    let (callback, acs) = (format!("http://127.0.0.1:{port}/callback"), format!("http://127.0.0.1:{port}/acs"));
    let client = ["client", "create", "browser-app", "--pool", "acme", "--name", "Browser application", "--public", "--first-party"];
    server.poolgate(&[&client[..], &["--redirect-uri", &callback]].concat()).await.good();
    server.poolgate(&["client", "create", "guest-app", "--pool", "acme", "--public", "--redirect-uri", &callback]).await.good();
    let entity_id = format!("http://127.0.0.1:{port}/metadata");
    let provider = ["sp", "create", &entity_id, "--pool", "acme", "--name", "Browser service", "--acs", &acs, "--attribute", "uid"];
    server.poolgate(&provider).await.good();

    let screenshots = tools().join("screenshots");
    std::fs::create_dir_all(&screenshots).unwrap();
    let settings = json!({
        "issuer": server.issuer("acme"),
        "clientId": "browser-app",
        "guestId": "guest-app",
        "entityId": entity_id,
        "certificate": server.saml_certificate("acme").await,
        "screenshots": screenshots,
    });
    script.say(&settings.to_string());
    assert!(script.ended().await.success());
    server.stop().await;
}
