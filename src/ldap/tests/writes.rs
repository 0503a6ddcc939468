//! Changes as clients see them.

use super::client::search;
use super::*;
use crate::ldap::codec::{
    AddRequest, Change, ChangeKind, ExtendedRequest, Filter, ModifyDnRequest, ModifyRequest, Operation, PartialAttribute, PasswordModify,
    Scope,
};
use crate::model::ber::Reader;

const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";
const DAN: &str = "uid=dan,ou=people,o=acme";

fn attribute<'a>(name: &'a str, values: &[&'a [u8]]) -> PartialAttribute<'a> {
    PartialAttribute { name, values: values.to_vec() }
}

pub fn modify<'a>(entry: &'a str, changes: Vec<(ChangeKind, &'a str, &[&'a [u8]])>) -> Operation<'a> {
    let changes = changes.into_iter().map(|(kind, name, values)| Change { kind, attribute: attribute(name, values) }).collect();
    Operation::ModifyRequest(ModifyRequest { entry, changes })
}

pub fn replace<'a>(entry: &'a str, name: &'a str, values: &[&'a [u8]]) -> Operation<'a> {
    modify(entry, vec![(ChangeKind::Replace, name, values)])
}

fn add<'a>(entry: &'a str, attributes: &[(&'a str, &'a [u8])]) -> Operation<'a> {
    let attributes = attributes.iter().map(|(name, value)| attribute(name, &[value])).collect();
    Operation::AddRequest(AddRequest { entry, attributes })
}

fn person(entry: &str) -> Operation<'_> {
    let uid = entry.split(['=', ',']).nth(1).unwrap().as_bytes();
    add(
        entry,
        &[("objectClass", b"inetOrgPerson"), ("uid", uid), ("cn", uid), ("sn", b"Example"), ("userPassword", b"a long enough password")],
    )
}

fn rename<'a>(entry: &'a str, new_rdn: &'a str, new_superior: Option<&'a str>) -> Operation<'a> {
    Operation::ModifyDnRequest(ModifyDnRequest { entry, new_rdn, delete_old_rdn: true, new_superior })
}

async fn values(client: &mut Client, entry: &str, name: &str) -> Vec<String> {
    let answer = client.search(search(entry, Scope::Base, Filter::Present("objectClass"), &[name])).await;
    assert_eq!(answer.code, 0, "{entry}: {}", answer.message);
    answer.entries[0].values(name).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn an_entry_from_add_to_delete() {
    let bench = Bench::start().await;
    let mut carol = bench.bound(CAROL).await;
    let answer = carol.ask(person(DAN)).await;
    assert_eq!(answer.code, 0, "{}", answer.message);
    assert_eq!(bench.connect().await.bind(DAN, "a long enough password").await.code, 0);
    assert_eq!(carol.ask(person(DAN)).await.code, 68);

    let changes = modify(
        DAN,
        vec![
            (ChangeKind::Add, "mail", &[b"dan@acme.example"]),
            (ChangeKind::Replace, "displayName", &[b"Dan"]),
            (ChangeKind::Add, "employeeNumber", &[b"41"]),
        ],
    );
    assert_eq!(carol.ask(changes).await.code, 0);
    assert_eq!(values(&mut carol, DAN, "mail").await, ["dan@acme.example"]);
    assert_eq!(carol.ask(modify(DAN, vec![(ChangeKind::Delete, "mail", &[b"other@acme.example"])])).await.code, 16);
    assert_eq!(carol.ask(modify(DAN, vec![(ChangeKind::Delete, "displayName", &[])])).await.code, 0);

    let answer = carol.ask(rename(DAN, "uid=daniel", None)).await;
    assert_eq!(answer.code, 0, "{}", answer.message);
    assert_eq!(values(&mut carol, "uid=daniel,ou=people,o=acme", "uid").await, ["daniel"]);
    assert_eq!(carol.ask(Operation::DeleteRequest(DAN)).await.code, 32);
    assert_eq!(carol.ask(Operation::DeleteRequest("uid=daniel,ou=people,o=acme")).await.code, 0);
}

#[tokio::test]
async fn increment() {
    let bench = Bench::start().await;
    let mut carol = bench.bound(CAROL).await;
    let posix = modify(
        ALICE,
        vec![
            (ChangeKind::Add, "objectClass", &[b"posixAccount"]),
            (ChangeKind::Add, "uidNumber", &[b"1000"]),
            (ChangeKind::Add, "gidNumber", &[b"100"]),
            (ChangeKind::Add, "homeDirectory", &[b"/home/alice"]),
        ],
    );
    let answer = carol.ask(posix).await;
    assert_eq!(answer.code, 0, "{}", answer.message);
    assert_eq!(carol.ask(modify(ALICE, vec![(ChangeKind::Increment, "uidNumber", &[b"5"])])).await.code, 0);
    assert_eq!(values(&mut carol, ALICE, "uidNumber").await, ["1005"]);
}

#[tokio::test]
async fn what_breaks_a_rule_has_its_code() {
    let bench = Bench::start().await;
    let mut carol = bench.bound(CAROL).await;
    let table = [
        (add("uid=eve,ou=people,o=acme", &[("objectClass", b"inetOrgPerson"), ("cn", b"Eve")]), 65),
        (add("uid=eve,ou=people,o=acme", &[("objectClass", b"noSuchClass")]), 21),
        (add("uid=eve,ou=people,o=acme", &[("objectClass", b"inetOrgPerson"), ("noSuchAttribute", b"x")]), 17),
        (person("uid=eve,ou=nowhere,o=acme"), 32),
        (person("uid=eve,ou=people,o=suppliers"), 32),
        (add("no name", &[("objectClass", b"inetOrgPerson")]), 34),
        (replace(ALICE, "mail", &[b"bob@acme.example"]), 19),
        (replace(ALICE, "manager", &[b"uid=nobody,ou=people,o=acme"]), 19),
        (modify(ALICE, vec![(ChangeKind::Add, "mail", &[b"alice@acme.example"])]), 20),
        (modify(ALICE, vec![(ChangeKind::Delete, "sn", &[])]), 65),
        (modify(ALICE, vec![(ChangeKind::Delete, "uid", &[])]), 67),
        (replace(ALICE, "entryUUID", &[b"597ae2f6-16a6-1027-98f4-d28b5365dc14"]), 19),
        (Operation::DeleteRequest("ou=people,o=acme"), 66),
        (rename(ALICE, "uid=bob", None), 68),
        (rename(ALICE, "uid=alice", Some("o=suppliers")), 32),
        (rename(ALICE, "no rdn", None), 34),
    ];
    for (operation, code) in table {
        let shown = format!("{operation:?}");
        let answer = carol.ask(operation).await;
        assert_eq!(answer.code, code, "{shown}: {}", answer.message);
    }
}

#[tokio::test]
async fn who_may_change_what() {
    let bench = Bench::start().await;
    let mut alice = bench.bound(ALICE).await;
    assert_eq!(alice.ask(replace(ALICE, "displayName", &[b"Alice L."])).await.code, 0, "the own profile");
    assert_eq!(alice.ask(replace(ALICE, "mail", &[b"root@acme.example"])).await.code, 50);
    assert_eq!(alice.ask(replace(BOB, "displayName", &[b"Bob"])).await.code, 50);
    assert_eq!(alice.ask(person(DAN)).await.code, 50);
    assert_eq!(alice.ask(Operation::DeleteRequest(BOB)).await.code, 50);
    assert_eq!(alice.ask(rename(ALICE, "uid=root", None)).await.code, 50);
    assert_eq!(alice.ask(Operation::DeleteRequest(LEGACY)).await.code, 32, "what one may not see is not there");
    let mut service = bench.bound(LEGACY).await;
    assert_eq!(service.ask(replace(ALICE, "displayName", &[b"Alice"])).await.code, 50);
}

async fn set_password(client: &mut Client, user: Option<&str>, old: Option<&[u8]>, new: Option<&[u8]>) -> (u32, Option<Vec<u8>>) {
    let value = PasswordModify { user, old, new }.encode();
    let answer = client.ask(Operation::ExtendedRequest(ExtendedRequest { name: PASSWORD_MODIFY, value: Some(&value) })).await;
    let generated = answer.value.map(|value| Reader::new(&value).sequence().unwrap().expect(0x80).unwrap().to_vec());
    (answer.code, generated)
}

#[tokio::test]
async fn passwords() {
    let bench = Bench::start().await;
    let mut alice = bench.bound(ALICE).await;
    let old = password("alice");
    let (code, generated) = set_password(&mut alice, None, Some(old.as_bytes()), Some(b"correct horse battery")).await;
    assert_eq!((code, generated), (0, None));
    let mut client = bench.connect().await;
    assert_eq!(client.bind(ALICE, &old).await.code, 49, "no cache outlives a change");
    assert_eq!(client.bind(ALICE, "correct horse battery").await.code, 0);
    assert_ne!(set_password(&mut client, None, Some(b"not it"), Some(b"another good one")).await.0, 0);
    assert_eq!(set_password(&mut client, Some(BOB), None, Some(b"another good one")).await.0, 50);
    assert_eq!(set_password(&mut client, None, Some(b"correct horse battery"), Some(b"short")).await.0, 19);

    let mut carol = bench.bound(CAROL).await;
    let (code, generated) = set_password(&mut carol, Some("bob"), None, None).await;
    let generated = String::from_utf8(generated.expect("a generated password")).unwrap();
    assert_eq!(code, 0);
    assert_eq!(client.bind("bob@acme", &generated).await.code, 0);
    let answer = carol.ask(replace(BOB, "userPassword", &[b"set by modify, long"])).await;
    assert_eq!(answer.code, 0, "{}", answer.message);
    assert_eq!(client.bind(BOB, "set by modify, long").await.code, 0);
    assert_eq!(set_password(&mut carol, Some("uid=nobody,ou=people,o=acme"), None, None).await.0, 32);
    assert_eq!(carol.extended(PASSWORD_MODIFY, Some(b"no value")).await.code, 2);
    assert_eq!(carol.extended("1.2.3.4", None).await.code, 2, "an operation that is not supported");
}
