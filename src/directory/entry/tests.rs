//! What is told of an entry does not depend on where its attributes lie.

use crate::directory::testing::{Home, as_of_an_earlier_release, assert_consistent, step};
use crate::directory::{Filter, ModificationKind::*, SUFFIX, Scope, Viewer};

#[test]
fn a_head_tells_what_decides_whoever_wrote_the_record() {
    let home = Home::new();
    let alice = home.person("alice");
    home.rename(alice, "cn=Alice Smith+uid=alice", false, None).unwrap();
    let told = || {
        let head = home.directory.head(alice).unwrap().unwrap();
        (head.is_disabled(), head.uid().map(str::to_owned), head.login_name().unwrap())
    };
    for (value, disabled) in [("TRUE", true), ("FALSE", false), ("TRUE", true)] {
        home.modify(alice, &[step(Replace, "poolgateAccountDisabled", &[value])]).unwrap();
        let expected = (disabled, Some("alice".to_owned()), "alice".to_owned());
        assert_eq!(told(), expected);
        as_of_an_earlier_release(&home.directory, alice);
        assert!(home.directory.record(alice).unwrap().unwrap().read_values(crate::directory::known::KNOWN.disabled).next().is_none());
        assert_eq!(told(), expected);
        assert_eq!(home.directory.entry(alice).unwrap().unwrap().is_disabled(), disabled);
    }
    assert_eq!(home.values(alice, "poolgateAccountDisabled"), ["TRUE"]);
    let group = home.group("staff", &[]);
    let head = home.directory.head(group).unwrap().unwrap();
    assert_eq!((head.is_disabled(), head.uid(), head.login_name().unwrap().as_str()), (false, None, "staff"));
    assert!(home.directory.head(crate::model::EntryId::new(7)).unwrap().is_none());
}

#[test]
fn a_head_costs_one_read() {
    let home = Home::new();
    let alice = home.person("alice");
    let street = (0..64).map(|number| format!("{number} {}", "Broadway ".repeat(40))).collect::<Vec<_>>();
    home.modify(alice, &[step(Add, "street", &street.iter().map(String::as_str).collect::<Vec<_>>())]).unwrap();
    let before = home.gets();
    home.directory.head(alice).unwrap().unwrap();
    assert_eq!(home.gets() - before, 1);
}

#[test]
fn a_change_of_an_earlier_record_writes_what_decides() {
    let home = Home::new();
    let alice = home.person("alice");
    home.modify(alice, &[step(Replace, "poolgateAccountDisabled", &["TRUE"])]).unwrap();
    as_of_an_earlier_release(&home.directory, alice);
    home.modify(alice, &[step(Replace, "title", &["Dr"])]).unwrap();
    let before = home.gets();
    assert!(home.directory.head(alice).unwrap().unwrap().is_disabled());
    assert_eq!(home.gets() - before, 1);
    assert_consistent(&home.directory);
}

/// What the directory itself asks an entry for: its classes, and the names of those that it lists.
#[test]
fn classes_and_names_are_told_wherever_they_lie() {
    let home = Home::new();
    let alice = home.person("alice");
    let group: &[(&str, &[&str])] =
        &[("objectClass", &["groupOfNames", "posixGroup"]), ("gidNumber", &["7"]), ("member", &["uid=alice,ou=people,o=acme"])];
    let group = home.add("cn=staff,ou=groups,o=acme", group).unwrap();
    let told = || {
        let found = |name: &str, value: &[u8]| {
            let filter = Filter::equality(&home.directory, name, value).unwrap();
            home.found(SUFFIX, Scope::Subtree, &filter, &Viewer::OPERATOR)
        };
        let present = home.found(SUFFIX, Scope::Subtree, &Filter::present(&home.directory, "memberUid"), &Viewer::OPERATOR);
        let record = home.directory.record(group).unwrap().unwrap();
        let shown = |name: &str| home.directory.attribute(&record, name, &Viewer::OPERATOR).unwrap();
        (
            present,
            found("memberUid", b"alice"),
            found("structuralObjectClass", b"groupOfNames"),
            shown("memberUid"),
            shown("structuralObjectClass"),
        )
    };
    let expected = (vec![group], vec![group], vec![group], vec![b"alice".to_vec()], vec![b"groupOfNames".to_vec()]);
    assert_eq!(told(), expected);
    as_of_an_earlier_release(&home.directory, group);
    as_of_an_earlier_release(&home.directory, alice);
    assert_eq!(told(), expected);
}
