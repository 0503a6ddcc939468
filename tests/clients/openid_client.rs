//! npm's `openid-client` as relying party.

use crate::harness::{Program, TestServer};
use serde_json::json;

const CALLBACK: &str = "http://127.0.0.1:9090/callback";
/// Of an application in the browser: on loopback it would get no code in silence.
const CALLBACK_OF_PUBLIC: &str = "https://spa.example/callback";
const LOGGED_OUT: &str = "http://127.0.0.1:9090/logged-out";

/// Registers a client of that name, and lets the script use it. `metadata` is where the script
/// looks for the provider's: `oidc` or `oauth2` (RFC 8414).
async fn run(server: &TestServer, method: &str, algorithm: &str, metadata: &str) {
    let id = format!("{method}-{algorithm}");
    let callback = if method == "none" { CALLBACK_OF_PUBLIC } else { CALLBACK };
    let create = ["client", "create", &id, "--pool", "acme", "--first-party", "--id-token-alg", algorithm, "--redirect-uri", callback];
    let mut create = server.program(create.into_iter().chain(["--post-logout-redirect-uri", LOGGED_OUT]));
    match method {
        "none" => create.arguments(["--public"]),
        _ => create.arguments(["--secret-stdin"]).input("the secret + of % this & client\n"),
    };
    create.run().await.good();
    let settings = json!({
        "issuer": server.issuer("acme"),
        "id": id,
        "secret": (method != "none").then_some("the secret + of % this & client"),
        "method": method,
        "algorithm": algorithm,
        "metadata": metadata,
        "callback": callback,
        "loggedOut": LOGGED_OUT,
        "username": "alice",
    });
    Program::node("openid_client.mjs").arguments([settings.to_string().as_str()]).run().await.good();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confidential_client_with_rs256() {
    let server = TestServer::demo().await;
    run(&server, "basic", "RS256", "oidc").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confidential_client_with_es256_and_its_secret_in_the_form() {
    let server = TestServer::demo().await;
    run(&server, "post", "ES256", "oauth2").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_client_with_es256() {
    let server = TestServer::demo().await;
    run(&server, "none", "ES256", "oidc").await;
    server.stop().await;
}
