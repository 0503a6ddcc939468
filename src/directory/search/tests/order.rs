//! Searches that the terms of an order answer.

use super::*;
use crate::directory::change::ModificationKind::Replace;
use std::time::Duration;

#[test]
fn moments_are_told_apart_though_their_terms_are_shared() {
    let home = Home::new();
    let mut people = Vec::new();
    for number in 0..12 {
        people.push(home.person(&format!("user-{number}")));
        home.pass(Duration::from_secs(3));
    }
    let created = |id: EntryId| home.values(id, "createTimestamp").remove(0);
    let all = |filter: &Filter| home.found(home.id("ou=people,o=acme"), Scope::One, filter, &Viewer::OPERATOR);
    for (number, id) in people.iter().enumerate() {
        let at = created(*id);
        assert_eq!(all(&Filter::equality(&home.directory, "createTimestamp", at.as_bytes()).unwrap()), [*id]);
        assert_eq!(all(&Filter::greater_or_equal(&home.directory, "createTimestamp", at.as_bytes())), people[number..]);
        assert_eq!(all(&Filter::less_or_equal(&home.directory, "createTimestamp", at.as_bytes())), people[..=number]);
    }
}

#[test]
fn an_entry_that_is_changed_again_soon_keeps_its_terms() {
    let home = Home::new();
    let alice = home.person("alice");
    let rows = |value: &str| {
        let before = home.row_writes();
        home.modify(alice, &[step(Replace, "description", &[value])]).unwrap();
        home.row_writes() - before
    };
    home.pass(Duration::from_secs(1000));
    let (first, second) = (rows("one"), rows("two"));
    assert_eq!((first, second), (second + 2, 3), "the entry, the journal and the feed, and at first a term for another");
    home.pass(Duration::from_secs(1000));
    assert_eq!(rows("three"), first);
}

#[test]
fn equality_is_answered_by_the_rows_of_an_order() {
    let home = Home::new();
    let people: Vec<_> = (0..100).map(|number| home.person(&format!("user-{number}"))).collect();
    for (number, id) in (0..).zip(&people) {
        let number = (1000 + number).to_string();
        let class = step(Add, "objectClass", &["posixAccount"]);
        let numbers = [step(Add, "uidNumber", &[&number]), step(Add, "gidNumber", &["100"]), step(Add, "homeDirectory", &["/"])];
        home.modify(*id, &[&[class][..], &numbers].concat()).unwrap();
    }
    let directory = &home.directory;
    let before = home.scanned();
    let filter = Filter::equality(directory, "uidNumber", b"1042").unwrap();
    assert_eq!(home.found(SUFFIX, Scope::Subtree, &filter, &Viewer::OPERATOR), [people[42]]);
    assert!(home.scanned() - before < 5, "{} rows", home.scanned() - before);
}
