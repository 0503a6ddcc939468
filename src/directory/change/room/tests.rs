//! Whoever fills their own entry, in whatever way and to whatever limit, stays in the hands of the
//! administrators.

use super::*;
use crate::directory::testing::{Home, actor, assert_consistent, fill, fillings, operator, rule, step};
use crate::directory::{Modification, ModificationKind::*};
use crate::model::{Actor, Attribute, EntryId, Rdn, Role};

/// An administrator whose name is as long as a header keeps it.
fn administrator(home: &Home) -> Actor {
    Actor { name: format!("cn={}", "a".repeat(MAX_ACTOR - 3)), ..actor(Role::Administrator, home.id("ou=services,o=acme")) }
}

fn user(id: EntryId) -> Actor {
    actor(Role::User, id)
}

fn head(home: &Home, id: EntryId) -> (bool, String) {
    let head = home.directory.head(id).unwrap().unwrap();
    let entry = home.directory.entry(id).unwrap().unwrap();
    assert_eq!((head.is_disabled(), head.uid()), (entry.is_disabled(), entry.first_text("uid")), "the head tells what the attributes tell");
    assert_eq!(entry.first_text("poolgateAccountDisabled") == Some("TRUE"), head.is_disabled());
    (head.is_disabled(), head.login_name().unwrap())
}

fn disable(value: &str) -> Modification {
    step(Replace, "poolgateAccountDisabled", &[value])
}

#[test]
fn whoever_fills_their_own_entry_can_still_be_administered() {
    for (how, steps) in fillings() {
        let home = Home::new();
        let (alice, administrator) = (home.person("alice"), administrator(&home));
        let group = home.group("staff", &[]);
        assert!(fill(&home, &user(alice), alice, &steps) > 0, "{how}");
        let act = |what: &str, steps: &[Modification]| {
            home.modify_as(&administrator, alice, steps).unwrap_or_else(|error| panic!("{how}, {what}: {error}"));
        };
        act("disabling", &[disable("TRUE")]);
        assert_eq!(head(&home, alice), (true, "alice".to_owned()), "{how}");
        act("enabling", &[disable("FALSE")]);
        assert!(!head(&home, alice).0, "{how}");
        act("another address", &[step(Replace, "mail", &["another@acme.example"])]);
        act("a second uid", &[step(Add, "uid", &["x".repeat(LONGEST_UID).as_str()])]);
        let posix = [("uidNumber", "7"), ("gidNumber", "7"), ("homeDirectory", "/home/alice"), ("loginShell", "/bin/sh")];
        let posix = posix.map(|(name, value)| step(Replace, name, &[value]));
        act("a POSIX account", &[&[step(Add, "objectClass", &["posixAccount"])], posix.as_slice()].concat());
        act("a title", &[step(Replace, "title", &["Dr"]), step(Replace, "employeeNumber", &["7"])]);
        act("a manager", &[step(Replace, "manager", &["uid=alice,ou=people,o=acme"])]);
        home.modify_as(&administrator, group, &[step(Add, "member", &["uid=alice,ou=people,o=acme"])]).unwrap();
        assert_eq!(home.values(alice, "memberOf"), ["cn=staff,ou=groups,o=acme"]);
        home.modify_as(&administrator, group, &[step(Delete, "member", &["uid=alice,ou=people,o=acme"])]).unwrap();
        // The longest name there is.
        let (uid, cn) = ("e".repeat(LONGEST_UID), "Elise ".repeat(200));
        let rdn = format!("uid={uid}+cn={}", cn.get(..MAX_RDN - uid.len() - "uid=+cn=x".len()).unwrap().to_owned() + "x");
        let renamed = home
            .commit(|changes| home.directory.rename(changes, alice, &Rdn::parse(&rdn).unwrap(), true, None, &administrator, home.now()));
        renamed.unwrap_or_else(|error| panic!("{how}, renaming: {error}"));
        act("disabling once more", &[disable("TRUE")]);
        assert!(head(&home, alice).0, "{how}");
        assert_consistent(&home.directory);
        home.commit(|changes| home.directory.delete(changes, alice, &administrator)).unwrap();
    }
}

/// The wider limits of administrators are those that people had in earlier releases.
#[test]
fn an_entry_that_is_full_from_before_can_be_disabled_and_enabled() {
    for (how, steps) in fillings() {
        let home = Home::new();
        let (alice, administrator) = (home.person("alice"), administrator(&home));
        assert!(fill(&home, &operator(), alice, &steps) > 0, "{how}");
        for (value, disabled) in [("TRUE", true), ("FALSE", false), ("TRUE", true)] {
            home.modify_as(&administrator, alice, &[disable(value)]).unwrap_or_else(|error| panic!("{how}, {value}: {error}"));
            assert_eq!(head(&home, alice), (disabled, "alice".to_owned()), "{how}");
        }
        // What makes it no fuller is taken of its person, too.
        let first = step(Delete, &steps[0].attribute.name, &[]);
        home.modify_as(&user(alice), alice, &[first]).unwrap_or_else(|error| panic!("{how}: {error}"));
        assert_consistent(&home.directory);
        home.delete(alice).unwrap();
    }
}

#[test]
fn a_profile_in_several_languages_is_within_the_limits() {
    let home = Home::new();
    let alice = home.person("alice");
    let mut steps = Vec::new();
    for name in access::PROFILE.iter().filter(|name| !["jpegPhoto", "preferredLanguage", "sshPublicKey"].contains(name)) {
        steps.push(step(Replace, name, &["1"]));
    }
    for language in ["de", "fr", "ja", "zh-hant-tw"] {
        for name in ["displayName", "givenName", "sn", "street", "l", "st"] {
            steps.push(step(Replace, &format!("{name};lang-{language}"), &["1"]));
        }
    }
    home.modify_as(&user(alice), alice, &steps).unwrap();
}

#[test]
fn what_people_write_of_themselves_is_bounded() {
    let home = Home::new();
    let alice = home.person("alice");
    let own = |steps: &[Modification]| home.modify_as(&user(alice), alice, steps);
    let said = |steps: &[Modification]| {
        let error = own(steps).unwrap_err();
        let message = error.message().to_owned();
        assert_eq!(rule(Err::<(), _>(error)), Rule::Constraint);
        message
    };
    let (longest, longer) = ("a".repeat(MAX_OWN_OPTION), "a".repeat(MAX_OWN_OPTION + 1));
    own(&[step(Add, &format!("street;x-a;{longest}"), &["1"])]).unwrap();
    assert!(said(&[step(Add, &format!("street;{longer}"), &["1"])]).contains("street;aaa"));
    assert!(said(&[step(Add, "street;x-a;x-b;x-c", &["1"])]).contains("2 of 20 bytes"));

    let numbers: Vec<_> = (0..=MAX_OWN_VALUES).map(|number| number.to_string()).collect();
    let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
    own(&[step(Replace, "pager", &numbers[1..])]).unwrap();
    assert!(said(&[step(Add, "pager", &numbers[..1])]).contains("pager would have 65 values, over the limit of 64"));
    assert!(said(&[step(Replace, "street;x-a", &numbers)]).contains("street;x-a would have 65 values"));

    let option = |number: usize| step(Add, &format!("l;x-{number}"), &["1"]);
    let entry = home.directory.entry(alice).unwrap().unwrap();
    let there = access::PROFILE.iter().map(|name| entry.slots().filter(|(_, slot)| is(name, slot.attribute)).count()).sum::<usize>();
    let steps: Vec<_> = (there..MAX_OWN_DESCRIPTIONS).map(option).collect();
    own(&steps).unwrap();
    assert!(said(&[option(99)]).contains("would have 49 attributes, those with options counted one by one, over the limit of 48"));
    own(&[step(Delete, "l;x-40", &[]), option(99)]).unwrap();
    // An administrator may go further, and then the person may go back.
    home.modify(alice, &[option(100), step(Add, "pager", &numbers[..1]), step(Add, "l;x-a;x-b;x-c", &["1"])]).unwrap();
    own(&[step(Delete, "pager", &["7", "8"]), step(Replace, "l;x-a;x-b;x-c", &["2"])]).unwrap();
    own(&[step(Delete, "l;x-a;x-b;x-c", &[])]).unwrap();
}

fn is(name: &str, attribute: crate::model::AttributeId) -> bool {
    Schema::builtin().attribute(name).is_some_and(|known| known.id == attribute)
}

#[test]
fn an_entry_does_not_grow_without_end_and_its_person_fills_less_of_it() {
    let home = Home::new();
    let alice = home.person("alice");
    let photos = |kind, first: u8, octets: &[usize]| {
        let photo = |(number, octets): (u8, &usize)| [&[0xff, 0xd8, 0xff, number], vec![7; *octets].as_slice()].concat();
        let values = (first..).zip(octets).map(photo).collect();
        Modification { kind, attribute: Attribute { name: "jpegPhoto".to_owned(), values } }
    };
    let over = |limit: usize| format!("over the limit of {limit}");
    home.modify_as(&user(alice), alice, &[photos(Add, 1, &[400_000, 290_000])]).unwrap();
    let refused = home.modify_as(&user(alice), alice, &[photos(Add, 3, &[40_000])]).unwrap_err();
    assert!(refused.message().contains(&over(MAX_OWN_ENTRY)), "{refused}");
    home.modify(alice, &[photos(Add, 3, &[100_000])]).unwrap();
    let refused = home.modify(alice, &[photos(Add, 4, &[60_000])]).unwrap_err();
    assert!(refused.message().contains(&over(MAX_ENTRY)), "{refused}");
    assert_eq!(rule(Err::<(), _>(refused)), Rule::Constraint);
    // What is over the own limit may become smaller.
    home.modify_as(&user(alice), alice, &[step(Replace, "displayName", &["Alice"])]).unwrap_err();
    home.modify_as(&user(alice), alice, &[photos(Replace, 1, &[400_000, 300_000])]).unwrap();
}

#[test]
fn names_are_no_longer_than_reckoned_with() {
    let schema = Schema::builtin();
    for attribute in schema.attribute_types() {
        assert!(attribute.name().len() <= LONGEST_NAME, "{}", attribute.name());
    }
    assert_eq!(schema.attribute("uid").unwrap().max_length, LONGEST_UID);
    assert!(KNOWN.links.len() <= LINKS);
}
