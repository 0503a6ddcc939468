//! Whoever can log in can be stopped: the operator's commands reach people, groups and service
//! accounts wherever an import or an administrator over LDAP has put them, and however they are
//! named.

use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};

const PASSWORD: &str = "Gravel-Teapot-71";

const FILE: &str = "\
dn: ou=eng,ou=people,o=acme
objectClass: organizationalUnit
ou: eng

dn: uid=deep,ou=eng,ou=people,o=acme
objectClass: inetOrgPerson
uid: deep
cn: Deep
sn: Deep
userPassword: Gravel-Teapot-71

dn: cn=John Doe,ou=people,o=acme
objectClass: inetOrgPerson
uid: jdoe
cn: John Doe
sn: Doe
userPassword: Gravel-Teapot-71

dn: ou=home,o=acme
objectClass: organizationalUnit
ou: home

dn: uid=hid,ou=home,o=acme
objectClass: inetOrgPerson
uid: hid
cn: Hid
sn: Hid
userPassword: Gravel-Teapot-71

dn: cn=printer,ou=home,o=acme
objectClass: poolgateServiceAccount
cn: printer
userPassword: Gravel-Teapot-71

dn: cn=team,ou=home,o=acme
objectClass: groupOfNames
cn: team
member: uid=hid,ou=home,o=acme
";

async fn server() -> TestServer {
    let server = TestServer::empty().await;
    server.poolgate(&["pool", "create", "acme"]).await.good();
    let file = server.file("people.ldif");
    std::fs::write(&file, FILE).unwrap();
    server.poolgate(&["import", "--pool", "acme", "--plain-passwords", file.to_str().unwrap()]).await.good();
    server
}

async fn binds(server: &TestServer, dn: &str, password: &str) -> bool {
    Directory::connect(server).await.bind(dn, password).await.code == code::SUCCESS
}

/// Every act on one that is listed, by that name or by the DN.
async fn is_ruled(server: &TestServer, kind: &str, name: &str, dn: &str) {
    let command = async |act: &str, name: &str| server.poolgate(&[kind, act, "--pool", "acme", name]).await.good();
    assert!(binds(server, dn, PASSWORD).await, "{dn}");
    for name in [name, dn] {
        assert_eq!(server.json(&[kind, "show", "--pool", "acme", name]).await["dn"], dn);
        command("disable", name).await;
        assert!(!binds(server, dn, PASSWORD).await, "{dn}");
        command("enable", name).await;
        assert!(binds(server, dn, PASSWORD).await, "{dn}");
        command("unlock", name).await;
    }
    command("password", name).await;
    assert!(!binds(server, dn, PASSWORD).await, "{dn}: the password is another one now");
    command("delete", name).await;
    assert!(!server.poolgate(&[kind, "show", "--pool", "acme", name]).await.output.status.success());
}

async fn listed(server: &TestServer, kind: &str) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let items = server.json(&[kind, "list", "--pool", "acme"]).await;
    let mut items: Vec<_> = items.as_array().unwrap().iter().map(|item| (text(&item["name"]), text(&item["dn"]))).collect();
    items.sort();
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_who_is_listed_is_ruled() {
    let server = server().await;
    let people = listed(&server, "user").await;
    let named = |items: &[(&str, &str)]| items.iter().map(|(name, dn)| ((*name).to_owned(), (*dn).to_owned())).collect::<Vec<_>>();
    let expected =
        [("deep", "uid=deep,ou=eng,ou=people,o=acme"), ("hid", "uid=hid,ou=home,o=acme"), ("jdoe", "cn=John Doe,ou=people,o=acme")];
    assert_eq!(people, named(&expected));
    let services = listed(&server, "service").await;
    assert_eq!(services, named(&[("printer", "cn=printer,ou=home,o=acme")]));
    assert!(listed(&server, "group").await.contains(&("team".into(), "cn=team,ou=home,o=acme".into())));
    server.poolgate(&["group", "remove", "--pool", "acme", "team", "hid"]).await.good();
    for (kind, items) in [("user", people), ("service", services)] {
        for (name, dn) in items {
            is_ruled(&server, kind, &name, &dn).await;
        }
    }
    server.poolgate(&["group", "delete", "--pool", "acme", "cn=team,ou=home,o=acme"]).await.good();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_branch_takes_nobody_away() {
    let server = server().await;
    server.poolgate(&["group", "create", "--pool", "acme", "admins", "--member", "hid"]).await.good();
    let mut administrator = Directory::bound(&server, "uid=hid,ou=home,o=acme", PASSWORD).await;
    let renamed = administrator.rename("ou=people,o=acme", "ou=staff", None).await;
    assert_eq!(renamed.code, code::SUCCESS, "{renamed:?}");
    assert_eq!(listed(&server, "user").await.len(), 3);
    is_ruled(&server, "user", "jdoe", "cn=John Doe,ou=staff,o=acme").await;
    // Their own entry too, wherever they move it.
    let moved = administrator.rename("uid=hid,ou=home,o=acme", "uid=hid", Some("ou=eng,ou=staff,o=acme")).await;
    assert_eq!(moved.code, code::SUCCESS, "{moved:?}");
    is_ruled(&server, "user", "hid", "uid=hid,ou=eng,ou=staff,o=acme").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_share_a_name_the_one_is_meant_that_the_dn_names() {
    let server = server().await;
    let mut administrator = {
        server.poolgate(&["group", "create", "--pool", "acme", "admins", "--member", "hid"]).await.good();
        Directory::bound(&server, "uid=hid,ou=home,o=acme", PASSWORD).await
    };
    let group = [("objectClass", "groupOfNames"), ("cn", "team"), ("member", "uid=hid,ou=home,o=acme")];
    assert_eq!(administrator.add("cn=team,ou=eng,ou=people,o=acme", &group).await.code, code::SUCCESS);
    let refused = server.poolgate(&["group", "show", "--pool", "acme", "team"]).await;
    assert!(refused.code(1).complaint().contains("more than one group `team`"), "{}", refused.complaint());
    let shown = server.json(&["group", "show", "--pool", "acme", "cn=team,ou=home,o=acme"]).await;
    assert_eq!(shown["dn"], "cn=team,ou=home,o=acme");
    // The one in the branch of groups goes before.
    assert_eq!(administrator.add("cn=team,ou=groups,o=acme", &group).await.code, code::SUCCESS);
    assert_eq!(server.json(&["group", "show", "--pool", "acme", "team"]).await["dn"], "cn=team,ou=groups,o=acme");
    server.stop().await;
}
