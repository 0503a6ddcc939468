//! Isolation over LDAP.

use super::{ELSEWHERE, NOWHERE, same_answer};
use crate::harness::TestServer;
use crate::ldap_client::{Answer, Directory, code};
use crate::ldap_wire::{self, Wire};
use ldap3::{Mod, Scope};
use std::collections::HashSet;

const ALICE: (&str, &str) = ("uid=alice,ou=people,o=acme", "alice-demo-password");
const CAROL: (&str, &str) = ("uid=carol,ou=people,o=acme", "carol-demo-password");
const LEGACY_APP: (&str, &str) = ("cn=legacy-app,ou=services,o=acme", "legacy-demo-password");
const FRANK: (&str, &str) = ("uid=frank,ou=people,o=suppliers", "frank-demo-password");

/// Names of entries of the other pool.
const FOREIGN: [&str; 4] = ["o=suppliers", "ou=people,o=suppliers", "uid=erin,ou=people,o=suppliers", "cn=admins,ou=groups,o=suppliers"];

/// Everything that can be asked about an entry, about that name.
async fn every_operation(directory: &mut Directory, own: &str, name: &str) -> Vec<(&'static str, Answer)> {
    let child = format!("ou=new,{name}");
    let unit = [("objectClass", "organizationalUnit"), ("ou", "new")];
    let mut answers = Vec::new();
    for (operation, scope) in [("base", Scope::Base), ("one", Scope::OneLevel), ("subtree", Scope::Subtree)] {
        let (entries, answer) = directory.search(name, scope, "(objectClass=*)", &["*", "+"]).await;
        assert!(entries.is_empty(), "{entries:?}");
        answers.push((operation, answer));
    }
    answers.push(("compare", directory.compare(name, "objectClass", "top").await));
    answers.push(("modify", directory.replace(name, "description", "mine").await));
    answers.push(("add", directory.add(&child, &unit).await));
    answers.push(("delete", directory.delete(name).await));
    answers.push(("rename", directory.rename(name, "ou=mine", None).await));
    answers.push(("move there", directory.rename(own, own.split(',').next().unwrap(), Some(name)).await));
    answers.push(("password", directory.password(Some(name), Some("erin-demo-password"), Some("a new password")).await));
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_another_pool_are_not_there_for_anybody() {
    let server = TestServer::demo().await;
    for (who, password) in [ALICE, CAROL, LEGACY_APP] {
        let mut directory = Directory::bound(&server, who, password).await;
        for name in FOREIGN {
            let nowhere = name.replace(ELSEWHERE, NOWHERE);
            let there = every_operation(&mut directory, who, name).await;
            let not_there = every_operation(&mut directory, who, &nowhere).await;
            for ((operation, there), (_, not_there)) in there.iter().zip(&not_there) {
                same_answer((name, there), (&nowhere, not_there));
                assert_eq!((there.code, there.matched.as_str()), (code::NO_SUCH_OBJECT, ""), "{who}: {operation} {name}");
            }
        }
    }
    // Nothing has happened to them.
    let mut frank = Directory::bound(&server, FRANK.0, FRANK.1).await;
    for name in FOREIGN {
        assert!(frank.entry(name, &["1.1"]).await.is_some(), "{name}");
    }
    Directory::bound(&server, "uid=erin,ou=people,o=suppliers", "erin-demo-password").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_bound_is_told_of_no_pool() {
    let server = TestServer::demo().await;
    let mut directory = Directory::connect(&server).await;
    for name in FOREIGN {
        let nowhere = name.replace(ELSEWHERE, NOWHERE);
        let there = every_operation(&mut directory, "uid=alice,ou=people,o=acme", name).await;
        let not_there = every_operation(&mut directory, "uid=alice,ou=people,o=acme", &nowhere).await;
        assert_eq!(there, not_there, "{name}");
        for (operation, answer) in there {
            assert_eq!((answer.code, answer.matched.as_str()), (code::NO_SUCH_OBJECT, ""), "{operation} {name}");
        }
    }
    assert_eq!(directory.root("namingContexts").await, [""; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_tells_of_the_own_pool_alone() {
    let server = TestServer::demo().await;
    let mut directory = Directory::connect(&server).await;
    assert_eq!(directory.root("namingContexts").await, [""; 0]);
    directory.bind(ALICE.0, ALICE.1).await;
    assert_eq!(directory.root("namingContexts").await, ["o=acme"]);
    let whole = directory.entry("", &["*", "+"]).await.unwrap();
    assert!(!format!("{whole:?}").contains(ELSEWHERE), "{whole:?}");

    directory.bind(FRANK.0, FRANK.1).await;
    assert_eq!(directory.root("namingContexts").await, ["o=suppliers"]);
    assert_eq!(directory.search("o=acme", Scope::Base, "(objectClass=*)", &[]).await.1.code, code::NO_SUCH_OBJECT);

    directory.bind(FRANK.0, "a wrong password").await;
    assert_eq!(directory.root("namingContexts").await, [""; 0], "a bind that fails leaves nobody bound");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_another_pool_match_nothing_and_are_in_nobodys_way() {
    let server = TestServer::demo().await;
    let mut frank = Directory::bound(&server, FRANK.0, FRANK.1).await;
    let erin = frank.entry("uid=erin,ou=people,o=suppliers", &["entryUUID"]).await.unwrap().attrs["entryUUID"][0].clone();

    let mut carol = Directory::bound(&server, CAROL.0, CAROL.1).await;
    for filter in [
        "(uid=erin)",
        "(mail=erin@suppliers.example)",
        "(cn=Erin*)",
        &format!("(entryUUID={erin})"),
        "(member=uid=erin,ou=people,o=suppliers)",
        "(memberOf=cn=staff,ou=groups,o=suppliers)",
        "(entryDN=uid=erin,ou=people,o=suppliers)",
        "(ou:dn:=suppliers)",
        "(o=suppliers)",
    ] {
        assert_eq!(carol.names("o=acme", filter).await, [""; 0], "{filter}");
    }

    let staff = "cn=staff,ou=groups,o=acme";
    let (there, not_there) = ("uid=erin,ou=people,o=suppliers", "uid=erin,ou=people,o=nonesuchs");
    let compared = [carol.compare(staff, "member", there).await, carol.compare(staff, "member", not_there).await];
    same_answer((there, &compared[0]), (not_there, &compared[1]));
    assert_eq!(compared[0].code, code::COMPARE_FALSE);
    let linked = [
        carol.modify(staff, Mod::Add("member", HashSet::from([there]))).await,
        carol.modify(staff, Mod::Add("member", HashSet::from([not_there]))).await,
    ];
    same_answer((there, &linked[0]), (not_there, &linked[1]));
    assert_eq!(linked[0].code, code::CONSTRAINT_VIOLATION);

    // A uid and a mail address are unique within a pool and no further.
    let erin = [("objectClass", "inetOrgPerson"), ("uid", "erin"), ("cn", "Erin"), ("sn", "Evans"), ("mail", "erin@suppliers.example")];
    assert_eq!(carol.add("uid=erin,ou=people,o=acme", &erin).await.code, code::SUCCESS);
    assert_eq!(carol.names("o=acme", "(uid=erin)").await, ["uid=erin,ou=people,o=acme"]);
    assert_eq!(frank.names("o=suppliers", "(uid=erin)").await, ["uid=erin,ou=people,o=suppliers"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_one_pool_do_not_bind_in_the_other() {
    let server = TestServer::demo().await;
    let mut wire = Wire::connect(&server).await;
    for (there, not_there, password) in [
        ("alice@suppliers", "nobod@suppliers", "alice-demo-password"),
        ("uid=alice,ou=people,o=suppliers", "uid=nobod,ou=people,o=suppliers", "alice-demo-password"),
        ("cn=legacy-app,ou=services,o=suppliers", "cn=nonesuch-a,ou=services,o=suppliers", "legacy-demo-password"),
        ("erin@acme", "none@acme", "erin-demo-password"),
        // Somebody of that name is in both, and the password is the other one's.
        ("erin@suppliers", "none@suppliers", "alice-demo-password"),
    ] {
        let answers = [wire.ask(&ldap_wire::bind(there, password)).await, wire.ask(&ldap_wire::bind(not_there, password)).await];
        assert_eq!(answers[0], answers[1], "{there}");
        assert_eq!(u32::from(ldap_wire::result_code(&answers[0])), code::INVALID_CREDENTIALS, "{there}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_one_pool_is_continued_in_no_other() {
    let server = TestServer::demo().await;
    let mut carol = Directory::bound(&server, CAROL.0, CAROL.1).await;
    let mut frank = Directory::bound(&server, FRANK.0, FRANK.1).await;
    let (_, _, cookie) = carol.page("o=acme", b"").await;
    let made_up = vec![b'x'; cookie.len()];
    assert!(!cookie.is_empty());

    let there = frank.page("o=suppliers", &cookie).await;
    let not_there = frank.page("o=suppliers", &made_up).await;
    assert!(there.0.is_empty());
    assert_eq!((there.1, there.2), (not_there.1, not_there.2));

    // Nor by somebody else of the own pool.
    let mut alice = Directory::bound(&server, ALICE.0, ALICE.1).await;
    let (entries, answer, _) = alice.page("o=acme", &cookie).await;
    assert!(entries.is_empty());
    assert_eq!(answer.code, code::UNWILLING);
    assert_eq!(carol.page("o=acme", &cookie).await.1.code, code::SUCCESS);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_in_the_own_pool_alone() {
    let server = TestServer::demo().await;
    let mut carol = Directory::bound(&server, CAROL.0, CAROL.1).await;
    for (there, not_there) in [("erin", "none"), ("frank", "nobod"), ("erin@suppliers.example", "none@suppliers.example")] {
        let new = Some("a new password of somebody");
        let answers = [carol.password(Some(there), None, new).await, carol.password(Some(not_there), None, new).await];
        same_answer((there, &answers[0]), (not_there, &answers[1]));
        assert_eq!(answers[0].code, code::NO_SUCH_OBJECT, "{there}");
    }
    assert_eq!(carol.who_am_i().await, format!("dn:{}", CAROL.0));
    server.stop().await;
}
