//! Two pools on one server: whatever names something in one is tried at the other. Nothing is
//! found, and "elsewhere" answers as "nowhere" does.

mod admin;
mod ldap;
mod web;

use crate::harness::TestServer;
use crate::ldap_client::Answer;
use crate::web_client::{Application, Reply, ServiceProvider};

/// What stands for a pool that is not there: as long as the other pool's name, so that lengths can
/// be compared too.
const NOWHERE: &str = "nonesuchs";
const ELSEWHERE: &str = "suppliers";

/// The demo, where `suppliers` has an application and a service provider of its own.
async fn two_pools() -> TestServer {
    let server = TestServer::demo().await;
    let client =
        ["client", "create", "--pool", "suppliers", "pear-app", "--redirect-uri", "http://localhost:9092/callback", "--first-party"];
    server.poolgate_with_input(&[&client[..], &["--secret-stdin"]].concat(), "pear-secret").await.good();
    let provider = ["sp", "create", "--pool", "suppliers", "http://localhost:9092/metadata", "--acs", "http://localhost:9092/acs"];
    server.poolgate(&provider).await.good();
    server
}

/// The application of `suppliers`.
fn pear_app(server: &TestServer) -> Application {
    Application::new(server, "suppliers", "pear-app", "pear-secret", "http://localhost:9092/callback")
}

/// The service provider of `suppliers`.
fn pear_provider(server: &TestServer) -> ServiceProvider {
    ServiceProvider::new(server, "suppliers", "http://localhost:9092/metadata", "http://localhost:9092/acs")
}

/// Asserts that two HTTP answers differ in nothing but the name that was asked for and in what is
/// drawn anew each time.
#[track_caller]
fn alike(elsewhere: (&str, &Reply), nowhere: (&str, &Reply)) {
    let plain = |(name, reply): (&str, &Reply)| reply.without(name).without_draws();
    assert_eq!(elsewhere.0.len(), nowhere.0.len(), "names of one length");
    assert_eq!(plain(elsewhere), plain(nowhere));
}

/// The same for LDAP.
#[track_caller]
fn same_answer(elsewhere: (&str, &Answer), nowhere: (&str, &Answer)) {
    assert_eq!(elsewhere.1.without(elsewhere.0), nowhere.1.without(nowhere.0), "{} and {}", elsewhere.0, nowhere.0);
}
