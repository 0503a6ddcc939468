//! OpenLDAP's command-line programs, with certificate verification on.

use crate::harness::{Finished, Program, TestServer};

const ALICE: &str = "uid=alice,ou=people,o=acme";
const CAROL: &str = "uid=carol,ou=people,o=acme";
const LEGACY_APP: &str = "cn=legacy-app,ou=services,o=acme";

/// Codes of RFC 4511, appendix A, as the programs exit with.
mod code {
    pub const COMPARE_FALSE: i32 = 5;
    pub const COMPARE_TRUE: i32 = 6;
    pub const NO_SUCH_OBJECT: i32 = 32;
    pub const INVALID_CREDENTIALS: i32 = 49;
    pub const INSUFFICIENT_ACCESS: i32 = 50;
}

/// A program over StartTLS, bound as that name.
fn bound(server: &TestServer, program: &str, dn: &str, password: &str) -> Program {
    let mut program = server.ldap_program(program);
    program.arguments(["-ZZ", "-H", &server.ldap(), "-x", "-D", dn, "-w", password]);
    program
}

async fn search(server: &TestServer, dn: &str, password: &str, arguments: &[&str]) -> Finished {
    bound(server, "ldapsearch", dn, password).arguments(["-LLL", "-o", "ldif-wrap=no"]).arguments(arguments.iter().copied()).run().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_binds_and_searches_over_starttls_and_ldaps() {
    let server = TestServer::demo().await;
    let found = search(&server, ALICE, "alice-demo-password", &["-b", "o=acme", "(uid=bob)", "mail", "memberOf"]).await.good();
    assert_eq!(found.trim(), "dn: uid=bob,ou=people,o=acme\nmail: bob@acme.example\nmemberOf: cn=staff,ou=groups,o=acme");

    let mut who = server.ldap_program("ldapwhoami");
    who.arguments(["-H", &server.ldaps(), "-x", "-D", ALICE, "-w", "alice-demo-password"]);
    assert_eq!(who.run().await.good().trim(), format!("dn:{ALICE}"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_and_unknown_look_alike() {
    let server = TestServer::demo().await;
    let wrong = bound(&server, "ldapwhoami", ALICE, "wrong-password").run().await;
    let unknown = bound(&server, "ldapwhoami", "uid=nobody,ou=people,o=acme", "wrong-password").run().await;
    wrong.code(code::INVALID_CREDENTIALS);
    unknown.code(code::INVALID_CREDENTIALS);
    assert_eq!(wrong.complaint(), unknown.complaint());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_tells_true_from_false_and_never_a_password() {
    let server = TestServer::demo().await;
    let compare = async |assertion: &str| {
        let mut program = bound(&server, "ldapcompare", LEGACY_APP, "legacy-demo-password");
        program.arguments([ALICE, assertion]).run().await
    };
    compare("mail:ALICE@acme.example").await.code(code::COMPARE_TRUE);
    compare("mail:bob@acme.example").await.code(code::COMPARE_FALSE);
    let password = compare("userPassword:alice-demo-password").await;
    assert!(!matches!(password.output.status.code(), Some(code::COMPARE_TRUE | code::COMPARE_FALSE)), "{}", password.complaint());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_adds_changes_renames_and_deletes() {
    let server = TestServer::demo().await;
    let carol = |program: &str| bound(&server, program, CAROL, "carol-demo-password");
    let dave = "dn: uid=dave,ou=people,o=acme\nobjectClass: inetOrgPerson\nuid: dave\ncn: Dave Dunn\nsn: Dunn\nuserPassword: a password for dave\n";
    carol("ldapadd").input(dave).run().await.good();
    bound(&server, "ldapwhoami", "uid=dave,ou=people,o=acme", "a password for dave").run().await.good();

    let change = "dn: uid=dave,ou=people,o=acme\nchangetype: modify\nadd: mail\nmail: dave@acme.example\n-\nreplace: sn\nsn: Dunne\n";
    carol("ldapmodify").input(change).run().await.good();
    carol("ldapmodrdn").arguments(["-r", "uid=dave,ou=people,o=acme", "uid=david"]).run().await.good();
    let found = search(&server, CAROL, "carol-demo-password", &["-b", "o=acme", "(sn=dunne)", "mail", "uid"]).await.good();
    assert_eq!(found.trim(), "dn: uid=david,ou=people,o=acme\nuid: david\nmail: dave@acme.example");

    carol("ldapdelete").arguments(["uid=david,ou=people,o=acme"]).run().await.good();
    search(&server, CAROL, "carol-demo-password", &["-b", "uid=david,ou=people,o=acme", "-s", "base"]).await.code(code::NO_SUCH_OBJECT);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_changes_the_own_password_and_nothing_of_others() {
    let server = TestServer::demo().await;
    let new = "a new password of alice";
    let mut change = bound(&server, "ldappasswd", ALICE, "alice-demo-password");
    change.arguments(["-a", "alice-demo-password", "-s", new]).run().await.good();
    bound(&server, "ldapwhoami", ALICE, "alice-demo-password").run().await.code(code::INVALID_CREDENTIALS);
    bound(&server, "ldapwhoami", ALICE, new).run().await.good();

    let foreign = "dn: uid=bob,ou=people,o=acme\nchangetype: modify\nreplace: mail\nmail: mine@acme.example\n";
    bound(&server, "ldapmodify", ALICE, new).input(foreign).run().await.code(code::INSUFFICIENT_ACCESS);
    server.stop().await;
}
