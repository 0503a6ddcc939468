//! `legacy_ldap_app`: a service account, a search, a bind.

use crate::harness::{Finished, Program, TestServer};
use poolgate::model::Clock;
use poolgate::server;
use std::path::Path;

const REFUSED: &str = "not logged in: the username or the password is wrong\n";

async fn log_in(server: &TestServer, authority: &Path, arguments: &[&str]) -> Finished {
    let mut program = Program::example("legacy_ldap_app");
    program.arguments(["--url", &server.ldap(), "--ca", authority.to_str().unwrap()]);
    program.arguments(arguments.iter().copied()).run().await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_who_logged_in_and_their_groups() {
    let server = TestServer::demo().await;
    let authority = &server.certificate.authority;
    let alice =
        "Alice Archer logged in\n  dn      uid=alice,ou=people,o=acme\n  mail    alice@acme.example\n  group   cn=staff,ou=groups,o=acme\n";
    assert_eq!(log_in(&server, authority, &[]).await.good(), alice);
    let carol = log_in(&server, authority, &["carol", "--password", "carol-demo-password"]).await.good();
    assert!(carol.contains("  group   cn=admins,ou=groups,o=acme\n"), "{carol}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_and_names_that_mean_something_in_a_filter_are_refused_alike() {
    let server = TestServer::demo().await;
    for (name, password) in [
        ("alice", "wrong"),
        ("alice", ""),
        ("nobody", "alice-demo-password"),
        ("*", "alice-demo-password"),
        ("x)(uid=alice", "alice-demo-password"),
    ] {
        let refused = log_in(&server, &server.certificate.authority, &[name, "--password", password]).await;
        assert_eq!((refused.code(1).text(), refused.complaint()), (String::new(), REFUSED.to_owned()), "{name} {password}");
    }
    let refused = log_in(&server, &server.certificate.authority, &["--bind-password", "wrong"]).await;
    assert!(refused.code(1).complaint().contains("cn=legacy-app,ou=services,o=acme cannot bind"), "{}", refused.complaint());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_is_sent_to_a_server_that_another_authority_vouches_for() {
    let server = TestServer::demo().await;
    let other = server::development_certificate(&server.file("other"), server.clock.now()).unwrap();
    let refused = log_in(&server, &other.authority, &[]).await;
    assert!(refused.code(1).complaint().contains("invalid peer certificate"), "{}", refused.complaint());
    server.stop().await;
}
