//! An administrator of one pool, at everything of another.

use crate::harness::TestServer;
use crate::ldap_client::{Answer, Directory, code};
use ldap3::{Mod, Scope};
use std::collections::HashSet;

const CAROL: (&str, &str) = ("uid=carol,ou=people,o=acme", "carol-demo-password");
const FRANK: (&str, &str) = ("uid=frank,ou=people,o=suppliers", "frank-demo-password");

/// A name of the same length that is nobody's.
fn nowhere(name: &str) -> String {
    name.replace("suppliers", "nonesuchs")
}

/// Everything that an administrator can do to an entry, done to that name.
async fn every_operation(carol: &mut Directory, name: &str) -> Vec<(&'static str, Answer)> {
    let below = format!("uid=mine,{name}");
    let person = [("objectClass", "inetOrgPerson"), ("uid", "mine"), ("cn", "Mine"), ("sn", "Mine")];
    let rdn = name.split_once(',').map_or(name, |(rdn, _)| rdn);
    let mut answers = Vec::new();
    for (operation, scope) in [("base", Scope::Base), ("one", Scope::OneLevel), ("subtree", Scope::Subtree)] {
        let (entries, answer) = carol.search(name, scope, "(objectClass=*)", &["*", "+"]).await;
        assert!(entries.is_empty(), "{entries:?}");
        answers.push((operation, answer));
    }
    answers.push(("compare", carol.compare(name, "objectClass", "top").await));
    answers.push(("replace", carol.replace(name, "description", "mine").await));
    answers.push(("disable", carol.replace(name, "poolgateAccountDisabled", "TRUE").await));
    answers.push(("password by modify", carol.replace(name, "userPassword", "a new password of somebody").await));
    answers.push(("member", carol.modify(name, Mod::Add("member", HashSet::from([CAROL.0]))).await));
    answers.push(("class", carol.modify(name, Mod::Add("objectClass", HashSet::from(["posixAccount"]))).await));
    answers.push(("add", carol.add(&below, &person).await));
    answers.push(("rename", carol.rename(name, &format!("{rdn}x"), None).await));
    answers.push(("move here", carol.rename(name, rdn, Some("ou=people,o=acme")).await));
    answers.push(("move there", carol.rename("uid=bob,ou=people,o=acme", "uid=bob", Some(name)).await));
    answers.push(("password", carol.password(Some(name), None, Some("a new password of somebody")).await));
    answers.push(("delete", carol.delete(name).await));
    answers
}

/// An administrator of one organisation acts on a user of another by their id (Zitadel
/// CVE-2026-105209): every name, every id and every operation of the directory. Over HTTP there is
/// no administrator of a pool yet.
#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_of_one_pool_does_nothing_to_another() {
    let server = TestServer::demo().await;
    server
        .poolgate_with_input(&["service", "create", "--pool", "suppliers", "app", "--password-stdin"], "the password of an app")
        .await
        .good();
    let mut frank = Directory::bound(&server, FRANK.0, FRANK.1).await;
    let mut carol = Directory::bound(&server, CAROL.0, CAROL.1).await;
    let (entries, _) = frank.search("o=suppliers", Scope::Subtree, "(objectClass=*)", &["entryUUID", "uid", "mail"]).await;
    assert!(entries.len() >= 10, "{entries:?}");
    let (before, own) = (frank.dump("o=suppliers").await, carol.dump("o=acme").await);
    for entry in &entries {
        let there = every_operation(&mut carol, &entry.dn).await;
        let not_there = every_operation(&mut carol, &nowhere(&entry.dn)).await;
        for ((operation, there), (_, not_there)) in there.iter().zip(&not_there) {
            assert_eq!((there.code, there.matched.as_str()), (code::NO_SUCH_OBJECT, ""), "{operation} {}: {there:?}", entry.dn);
            assert_eq!(there.without(&entry.dn), not_there.without(&nowhere(&entry.dn)), "{operation} {}", entry.dn);
        }
        // By what else names it: its UUID, its uid, its address.
        let uuid = &entry.attrs["entryUUID"][0];
        let ids = [uuid.clone(), format!("entryUUID={uuid}"), format!("entryUUID={uuid},o=acme"), format!("<GUID={uuid}>")];
        for id in ids.iter().chain(entry.attrs.get("uid").into_iter().flatten()).chain(entry.attrs.get("mail").into_iter().flatten()) {
            let answer = carol.password(Some(id), None, Some("a new password of somebody")).await;
            assert!([code::NO_SUCH_OBJECT, 34].contains(&answer.code), "{id}: {answer:?}");
        }
        for filter in [format!("(entryUUID={uuid})"), format!("(entryDN={})", entry.dn), format!("(member={})", entry.dn)] {
            assert_eq!(carol.names("o=acme", &filter).await, [""; 0], "{filter}");
        }
        // Nor is it made part of something here.
        let member = carol.modify("cn=staff,ou=groups,o=acme", Mod::Add("member", HashSet::from([entry.dn.as_str()]))).await;
        assert_ne!(member.code, code::SUCCESS, "{}: {member:?}", entry.dn);
        let manager = carol.replace("uid=bob,ou=people,o=acme", "manager", &entry.dn).await;
        let nobody = carol.replace("uid=bob,ou=people,o=acme", "manager", &nowhere(&entry.dn)).await;
        assert_eq!(manager.without(&entry.dn), nobody.without(&nowhere(&entry.dn)));
        carol.modify("uid=bob,ou=people,o=acme", Mod::Delete("manager", HashSet::new())).await;
    }
    let stamps = |dump: &str| {
        let kept = |line: &&str| !line.starts_with("uid=bob,ou=people,o=acme");
        dump.lines().filter(kept).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(frank.dump("o=suppliers").await, before, "nothing has happened there");
    assert_eq!(stamps(&carol.dump("o=acme").await), stamps(&own), "nor here, but to bob, who was used for it");
    for (name, password) in
        [("uid=erin,ou=people,o=suppliers", "erin-demo-password"), ("cn=app,ou=services,o=suppliers", "the password of an app")]
    {
        Directory::bound(&server, name, password).await;
    }
    server.stop().await;
}
