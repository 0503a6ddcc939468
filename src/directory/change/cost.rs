//! What changes cost that ask for much in few octets.

use crate::directory::testing::{Home, assert_consistent, rule, step};
use crate::directory::value::count;
use crate::directory::{Modification, ModificationKind::*};
use crate::model::Attribute;
use crate::model::error::Rule;

#[test]
fn steps_normalise_each_value_once() {
    let home = Home::new();
    let alice = home.person("alice");
    let long = "x".repeat(10_000);
    let stored: Vec<_> = (0..20).map(|number| format!("{number}{long}")).collect();
    let stored: Vec<_> = stored.iter().map(String::as_str).collect();
    home.modify(alice, &[step(Add, "street", &stored)]).unwrap();
    let size: usize = stored.iter().map(|value| value.len()).sum();
    let numbers: Vec<_> = (0..500).map(|number| number.to_string()).collect();
    let mut steps: Vec<_> = numbers.iter().map(|number| step(Add, "street", &[number])).collect();
    steps.extend(numbers.iter().skip(1).map(|number| step(Delete, "street", &[number])));
    let before = count::octets();
    home.modify(alice, &steps).unwrap();
    assert!(count::octets() - before < 2 * size, "{} octets", count::octets() - before);
    assert_eq!(home.values(alice, "street").len(), 21);
    assert_eq!(rule(home.modify(alice, &[step(Delete, "street", &["0", "0"])])), Rule::NoSuchAttribute);
    assert_eq!(rule(home.modify(alice, &[step(Add, "street", &["A", "a"])])), Rule::ValueExists);
}

#[test]
fn a_modify_normalises_only_what_it_changes() {
    let home = Home::new();
    let alice = home.person("alice");
    let long = "x".repeat(150);
    let names: Vec<_> = (0..5).map(|number| format!("{number}{long}")).collect();
    home.modify(alice, &[step(Add, "displayName", &[&long]), step(Add, "cn", &names.iter().map(String::as_str).collect::<Vec<_>>())])
        .unwrap();
    let before = count::octets();
    home.modify(alice, &[step(Replace, "sn", &["Jones"]), step(Replace, "description", &["moved"])]).unwrap();
    assert!(count::octets() - before < 500, "{} octets", count::octets() - before);
    assert_consistent(&home.directory);
}

#[test]
fn steps_that_replace_edges_read_them_once() {
    let home = Home::new();
    let names: Vec<_> = (0..100).map(|number| format!("user-{number}")).collect();
    for name in &names {
        home.person(name);
    }
    let group = home.group("staff", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let steps: Vec<_> = (0..200).map(|_| step(Replace, "member", &["uid=user-7,ou=people,o=acme"])).collect();
    let before = home.scanned();
    home.modify(group, &steps).unwrap();
    assert!(home.scanned() - before < 1000, "{} rows", home.scanned() - before);
    assert_eq!(home.values(group, "member"), ["uid=user-7,ou=people,o=acme"]);
}

#[test]
fn too_many_edges_are_refused_before_the_first_is_looked_for() {
    let home = Home::new();
    let group = home.group("staff", &[]);
    let values = (0..10_001).map(|number| format!("uid=user-{number},ou=people,o=acme").into_bytes()).collect();
    let many = Attribute { name: "member".to_owned(), values };
    let before = home.gets();
    for kind in [Add, Delete, Replace] {
        assert_eq!(rule(home.modify(group, &[Modification { kind, attribute: many.clone() }])), Rule::Unwilling, "{kind:?}");
    }
    assert!(home.gets() - before < 20, "{} reads", home.gets() - before);
}

#[test]
fn what_is_much_is_told_beforehand() {
    let home = Home::new();
    let alice = home.person("alice");
    let group = home.group("staff", &["alice"]);
    let much = |id, steps: &[Modification]| home.directory.is_much_to_modify(id, steps).unwrap();
    let members = |count: usize| -> Vec<String> { (0..count).map(|number| format!("uid=user-{number},ou=people,o=acme")).collect() };
    let member = |kind, values: &[String]| step(kind, "member", &values.iter().map(String::as_str).collect::<Vec<_>>());
    let long = "x".repeat(30_000);
    assert!(!much(alice, &[step(Replace, "sn", &["Jones"])]));
    assert!(!much(group, &[member(Replace, &[])]));
    assert!(!much(group, &[member(Add, &members(200))]));
    assert!(much(group, &[member(Add, &members(300))]));
    assert!(much(alice, &vec![step(Replace, "sn", &["Jones"]); 300]));
    let three = ["1", "2", "3"].map(|number| format!("{number}{long}"));
    let street = step(Add, "street", &three.each_ref().map(String::as_str));
    assert!(much(alice, std::slice::from_ref(&street)));
    home.modify(alice, &[street]).unwrap();
    assert!(much(alice, &[step(Replace, "sn", &["Jones"])]), "the whole entry is written anew");
    let names = (0..300).map(|number| format!("member-{number}")).collect::<Vec<_>>();
    for name in &names {
        home.person(name);
    }
    let group = home.group("many", &names.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(much(group, &[member(Replace, &[])]));
    assert!(!much(group, &[member(Add, &members(1))]), "one more member costs the same whatever the size of the group");
}
