use super::{attribute, rename};
use crate::directory::draft::{Draft, Name};
use crate::directory::known::KNOWN;
use crate::directory::testing::{Home, actor, dn, kind, operator, rule, step};
use crate::directory::{ModificationKind::*, SUFFIX, Viewer};
use crate::model::error::{Clash, Denial, Rule};
use crate::model::{EntryId, Kind, Role};
use crate::store::{Changes, CommitError, Prefix, Space};

#[test]
fn a_pool_begins_with_its_units() {
    let home = Home::new();
    for name in ["o=acme", "ou=people,o=acme", "ou=groups,o=acme", "ou=services,o=acme", "ou=apps,o=acme"] {
        assert_eq!(home.name(home.id(name)), name);
    }
    assert_eq!(home.id("o=acme"), SUFFIX);
    assert_eq!(home.values(SUFFIX, "objectClass"), ["organization", "top"]);
}

#[test]
fn an_entry_is_found_by_name_and_unique_values() {
    let home = Home::new();
    let alice = home.person("alice");
    assert_eq!(home.id("UID=Alice, ou=People,O=ACME"), alice);
    assert_eq!(home.directory.by_unique("uid", b"ALICE").unwrap(), Some(alice));
    assert_eq!(home.directory.by_unique("mail", b"alice@acme.example").unwrap(), Some(alice));
    let uuid = home.directory.entry(alice).unwrap().unwrap().uuid().to_string();
    assert_eq!(home.directory.by_unique("entryUUID", uuid.as_bytes()).unwrap(), Some(alice));
    assert_eq!(home.values(alice, "objectClass"), ["inetOrgPerson", "organizationalPerson", "person", "top"]);
    assert_eq!(home.values(alice, "uid"), ["alice"]);
    assert_eq!(home.values(alice, "structuralObjectClass"), ["inetOrgPerson"]);
    assert_eq!(home.values(alice, "entryDN"), ["uid=alice,ou=people,o=acme"]);
    assert_eq!(home.values(alice, "creatorsName"), ["cn=operator"]);
}

#[test]
fn what_breaks_a_rule_is_not_added() {
    let home = Home::new();
    home.person("alice");
    let classes: (&str, &[&str]) = ("objectClass", &["inetOrgPerson"]);
    let bob = "uid=bob,ou=people,o=acme";
    let add = |attributes: &[(&str, &[&str])]| home.add(bob, &[&[classes], attributes].concat());
    assert_eq!(rule(add(&[("cn", &["Bob"])])), Rule::ObjectClass, "sn is missing");
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &["B"]), ("gidNumber", &["1"])])), Rule::ObjectClass, "gidNumber is not allowed");
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &["B"]), ("nonsense", &["1"])])), Rule::UndefinedAttribute);
    assert_eq!(rule(add(&[("cn", &["Bob", "BOB"]), ("sn", &["B"])])), Rule::ValueExists);
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &["B"]), ("uid", &["alice"])])), Rule::Unique);
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &["B"]), ("mail", &["Alice@ACME.example"])])), Rule::Unique);
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &["B"]), ("manager", &["uid=x,ou=people,o=acme"])])), Rule::Constraint, "dangling");
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &["B"]), ("manager", &["x"])])), Rule::Syntax);
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &["B"]), ("employeeNumber", &["1", "2"])])), Rule::Constraint, "single value");
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &["B"]), ("userPassword", &["x"])])), Rule::Unwilling);
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &["B"]), ("memberOf", &["o=acme"])])), Rule::Constraint);
    assert_eq!(rule(add(&[("cn", &["Bob"]), ("sn", &[""])])), Rule::Syntax);
    assert_eq!(rule(home.add(bob, &[("cn", &["Bob"])])), Rule::ObjectClass, "no class at all");
    assert_eq!(kind(home.add("uid=alice,ou=people,o=acme", &[classes, ("cn", &["A"]), ("sn", &["A"])])), Kind::Conflict(Clash::Exists));
    assert_eq!(kind(home.add("uid=x,ou=none,ou=people,o=acme", &[classes])), Kind::NotFound { matched: dn("ou=people,o=acme") });
    assert_eq!(kind(home.add("uid=x,o=other", &[classes])), Kind::NotFound { matched: dn("") });
    assert!(home.directory.resolve(&dn(bob)).is_err());
}

#[test]
fn an_import_keeps_what_the_server_keeps_and_others_cannot_name_it() {
    let home = Home::new();
    let uuid = "6f6c6b5a-0000-4000-8000-000000000001";
    let attributes: &[(&str, &[&str])] = &[
        ("objectClass", &["account"]),
        ("entryUUID", &[uuid]),
        ("createTimestamp", &["20200102030405.5Z"]),
        ("creatorsName", &["cn=old"]),
    ];
    let id = home.add("uid=a,ou=people,o=acme", attributes).unwrap();
    assert_eq!(home.values(id, "entryUUID"), [uuid]);
    assert_eq!(home.values(id, "createTimestamp"), ["20200102030405Z"]);
    assert_eq!(home.values(id, "creatorsName"), ["cn=old"]);
    let administrator = actor(Role::Administrator, id);
    assert_eq!(rule(home.add_as(&administrator, "uid=b,ou=people,o=acme", attributes)), Rule::Constraint);
}

#[test]
fn a_value_that_cannot_be_compared_is_not_dropped_with_others() {
    let home = Home::new();
    let alice = home.directory.visible(home.person("alice"), &Viewer::of(&operator())).unwrap();
    let mut draft = Draft::of(&alice).unwrap();
    let mut hold = |name: &str, values: &[&[u8]]| {
        let kind = home.directory.schema.attribute(name).unwrap();
        draft.set(kind, Name::of(kind.id, name), &values.iter().map(|value| value.to_vec()).collect::<Vec<_>>());
        assert!(attribute::comparable(kind, values[1]).is_err(), "{name}");
        kind
    };
    let number = hold("uidNumber", &[b"5", b"five"]);
    let mail = hold("mail", &[b"alice@acme.example", b"\xff"]);
    rename::drop_old_values(&home.directory, &mut draft, dn("uidNumber=5").rdn().unwrap()).unwrap();
    attribute::drop_values(&mut draft, mail, &[attribute::comparable(mail, b"ALICE@acme.example").unwrap()]);
    assert_eq!(draft.values(number.id).collect::<Vec<_>>(), [b"five"]);
    assert_eq!(draft.values(mail.id).collect::<Vec<_>>(), [b"\xff"]);
}

#[test]
fn steps_of_a_modify() {
    let home = Home::new();
    let alice = home.person("alice");
    home.modify(alice, &[step(Add, "description", &["one", "two"])]).unwrap();
    assert_eq!(home.values(alice, "description"), ["one", "two"]);
    assert_eq!(rule(home.modify(alice, &[step(Add, "description", &["ONE"])])), Rule::ValueExists);
    home.modify(alice, &[step(Delete, "description", &["ONE"])]).unwrap();
    assert_eq!(home.values(alice, "description"), ["two"]);
    assert_eq!(rule(home.modify(alice, &[step(Delete, "description", &["one"])])), Rule::NoSuchAttribute);
    home.modify(alice, &[step(Replace, "description", &["three"]), step(Add, "description", &["four"])]).unwrap();
    assert_eq!(home.values(alice, "description"), ["four", "three"]);
    home.modify(alice, &[step(Delete, "description", &[])]).unwrap();
    assert_eq!(rule(home.modify(alice, &[step(Delete, "description", &[])])), Rule::NoSuchAttribute);
    home.modify(alice, &[step(Replace, "description", &[])]).unwrap();
    assert_eq!(rule(home.modify(alice, &[step(Add, "description", &[])])), Rule::Request);
    assert_eq!(rule(home.modify(alice, &[step(Delete, "sn", &[])])), Rule::ObjectClass);
    assert_eq!(rule(home.modify(alice, &[step(Replace, "uid", &["bob"])])), Rule::Rdn);
    home.modify(alice, &[step(Add, "cn;lang-de", &["Elise"])]).unwrap();
    assert_eq!(home.values(alice, "cn"), ["Elise", "alice"]);
    assert_eq!(home.values(alice, "cn;LANG-DE"), ["Elise"]);
    assert_eq!(rule(home.modify(alice, &[step(Add, "entryDN", &["o=x"])])), Rule::Constraint);
    // All steps or none.
    assert!(home.modify(alice, &[step(Add, "title", &["Dr"]), step(Delete, "pager", &[])]).is_err());
    assert!(home.values(alice, "title").is_empty());
}

#[test]
fn an_unset_flag_and_a_set_one() {
    let home = Home::new();
    let alice = home.person("alice");
    assert!(!home.directory.entry(alice).unwrap().unwrap().is_disabled());
    home.modify(alice, &[step(Replace, "poolgateAccountDisabled", &["TRUE"])]).unwrap();
    assert!(home.directory.entry(alice).unwrap().unwrap().is_disabled());
}

#[test]
fn numbers_are_incremented() {
    let home = Home::new();
    let alice = home.person("alice");
    let posix = [
        step(Add, "objectClass", &["posixAccount"]),
        step(Add, "uidNumber", &["41"]),
        step(Add, "gidNumber", &["100"]),
        step(Add, "homeDirectory", &["/home/alice"]),
    ];
    home.modify(alice, &posix).unwrap();
    home.modify(alice, &[step(Increment, "uidNumber", &["1"])]).unwrap();
    assert_eq!(home.values(alice, "uidNumber"), ["42"]);
    assert_eq!(rule(home.modify(alice, &[step(Increment, "sn", &["1"])])), Rule::Constraint);
    assert_eq!(rule(home.modify(alice, &[step(Increment, "uidNumber", &["x"])])), Rule::Syntax);
    assert_eq!(rule(home.modify(alice, &[step(Increment, "uidNumber", &["9223372036854775807"])])), Rule::Constraint);
}

#[test]
fn the_structural_class_stays() {
    let home = Home::new();
    let alice = home.person("alice");
    assert_eq!(
        rule(home.modify(
            alice,
            &[
                step(Delete, "objectClass", &["inetOrgPerson"]),
                step(Delete, "mail", &[]),
                step(Delete, "objectClass", &["organizationalPerson"])
            ]
        )),
        Rule::ClassChange
    );
    let account = home.add("uid=a,ou=people,o=acme", &[("objectClass", &["account"])]).unwrap();
    assert_eq!(rule(home.modify(account, &[step(Replace, "objectClass", &["groupOfNames"]), step(Add, "cn", &["a"])])), Rule::ClassChange);
}

#[test]
fn who_takes_a_unique_value_frees_the_old_one() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    assert_eq!(rule(home.modify(alice, &[step(Replace, "mail", &["BOB@acme.example"])])), Rule::Unique);
    home.modify(bob, &[step(Replace, "mail", &["robert@acme.example"])]).unwrap();
    home.modify(alice, &[step(Replace, "mail", &["bob@acme.example"])]).unwrap();
    assert_eq!(home.directory.by_unique("mail", b"bob@acme.example").unwrap(), Some(alice));
    assert_eq!(home.directory.by_unique("mail", b"alice@acme.example").unwrap(), None);
}

#[test]
fn members_are_edges() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    let staff = home.group("staff", &["alice"]);
    let empty = home.group("empty", &[]);
    assert_eq!(home.values(staff, "member"), ["uid=alice,ou=people,o=acme"]);
    assert_eq!(home.values(alice, "memberOf"), ["cn=staff,ou=groups,o=acme"]);
    assert!(home.directory.is_member(staff, alice).unwrap() && !home.directory.is_member(staff, bob).unwrap());
    let bob_dn = "uid=bob,ou=people,o=acme";
    home.modify(staff, &[step(Add, "member", &[bob_dn])]).unwrap();
    assert_eq!(rule(home.modify(staff, &[step(Add, "member", &["UID=bob,ou=people,o=acme"])])), Rule::ValueExists);
    assert_eq!(rule(home.modify(empty, &[step(Delete, "member", &[bob_dn])])), Rule::NoSuchAttribute);
    assert_eq!(rule(home.modify(empty, &[step(Delete, "member", &[])])), Rule::NoSuchAttribute);
    // A rename leaves no stale name behind.
    home.rename(bob, "uid=robert", true, None).unwrap();
    assert_eq!(home.values(staff, "member"), ["uid=alice,ou=people,o=acme", "uid=robert,ou=people,o=acme"]);
    home.modify(staff, &[step(Replace, "member", &["uid=robert,ou=people,o=acme"])]).unwrap();
    assert_eq!(home.values(staff, "member"), ["uid=robert,ou=people,o=acme"]);
    assert!(home.values(alice, "memberOf").is_empty());
    // Nor does a deletion.
    home.delete(bob).unwrap();
    assert!(home.values(staff, "member").is_empty());
    assert_eq!(home.directory.groups_of(bob).unwrap(), []);
    for space in [Space::Link, Space::Backlink] {
        assert_eq!(home.directory.store().count(&Prefix::space(space)).unwrap(), 0);
    }
}

#[test]
fn member_uid_is_a_view_too() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    let attributes: &[(&str, &[&str])] = &[
        ("objectClass", &["groupOfNames", "posixGroup"]),
        ("gidNumber", &["100"]),
        ("member", &["uid=alice,ou=people,o=acme"]),
        ("memberUid", &["bob"]),
    ];
    let group = home.add("cn=unix,ou=groups,o=acme", attributes).unwrap();
    assert_eq!(home.values(group, "memberUid"), ["alice", "bob"]);
    assert!(home.directory.is_member(group, alice).unwrap() && home.directory.is_member(group, bob).unwrap());
    assert_eq!(rule(home.modify(group, &[step(Add, "memberUid", &["nobody"])])), Rule::Constraint);
}

#[test]
fn only_leaves_are_deleted() {
    let home = Home::new();
    let alice = home.person("alice");
    let people = home.id("ou=people,o=acme");
    assert_eq!(rule(home.delete(people)), Rule::NonLeaf);
    assert_eq!(rule(home.delete(SUFFIX)), Rule::Unwilling);
    home.delete(alice).unwrap();
    home.delete(people).unwrap();
    assert!(matches!(kind(home.delete(people)), Kind::NotFound { .. }));
    assert_eq!(home.directory.by_unique("uid", b"alice").unwrap(), None);
}

#[test]
fn a_deletion_leaves_no_row() {
    let home = Home::new();
    let spaces = [Space::Entry, Space::Value, Space::Child, Space::Unique, Space::Index, Space::Link, Space::Backlink];
    let count = || spaces.map(|space| home.directory.store().count(&Prefix::space(space)).unwrap());
    let before = count();
    let alice = home.person("alice");
    home.modify(
        alice,
        &[step(Add, "description", &[&"x".repeat(1000), &"y".repeat(1000)]), step(Add, "manager", &["uid=alice,ou=people,o=acme"])],
    )
    .unwrap();
    home.rename(alice, "uid=elise", false, Some(SUFFIX)).unwrap();
    home.delete(alice).unwrap();
    assert_eq!(count(), before);
}

#[test]
fn large_values_lie_in_parts_and_follow_the_entry() {
    let home = Home::new();
    let alice = home.person("alice");
    let photo = vec![0xff_u8, 0xd8, 0xff, 0xe0].into_iter().chain((0..30_000_u32).map(|number| number as u8)).collect::<Vec<_>>();
    let mut large = step(Replace, "jpegPhoto", &[]);
    large.attribute.values = vec![photo.clone()];
    home.modify(alice, std::slice::from_ref(&large)).unwrap();
    let entry = home.directory.entry(alice).unwrap().unwrap();
    assert_eq!(home.directory.attribute(&entry, "jpegPhoto", &Viewer::OPERATOR).unwrap(), std::slice::from_ref(&photo));
    let parts = || home.directory.store().count(&Prefix::space(Space::Value)).unwrap();
    assert_eq!(parts(), 8);
    home.modify(alice, &[step(Replace, "title", &["Dr"])]).unwrap();
    assert_eq!(parts(), 8, "what is unchanged is not written again");
    large.attribute.values[0].reverse();
    large.attribute.values[0].splice(0..0, [0xff, 0xd8, 0xff]);
    home.modify(alice, &[large]).unwrap();
    assert_eq!(parts(), 8, "the old parts are gone");
    home.modify(alice, &[step(Delete, "jpegPhoto", &[])]).unwrap();
    assert_eq!(parts(), 0);
}

#[test]
fn a_rename_keeps_or_drops_the_old_value() {
    let home = Home::new();
    let alice = home.person("alice");
    home.rename(alice, "uid=elise", false, None).unwrap();
    assert_eq!(home.name(alice), "uid=elise,ou=people,o=acme");
    assert_eq!(home.values(alice, "uid"), ["alice", "elise"]);
    home.rename(alice, "cn=Elise+uid=elise", true, None).unwrap();
    assert_eq!(home.values(alice, "uid"), ["alice", "elise"]);
    home.rename(alice, "uid=ELISE", true, None).unwrap();
    assert_eq!(home.values(alice, "uid"), ["ELISE", "alice"]);
    assert_eq!(home.values(alice, "cn"), ["alice"]);
    home.rename(alice, "uid=elise", true, None).unwrap();
    assert_eq!(home.name(alice), "uid=elise,ou=people,o=acme");
    home.person("bob");
    assert_eq!(kind(home.rename(alice, "uid=BOB", true, None)), Kind::Conflict(Clash::Exists));
    assert_eq!(rule(home.rename(alice, "entryUUID=6f6c6b5a-0000-4000-8000-000000000001", true, None)), Rule::Naming);
    assert_eq!(rule(home.rename(SUFFIX, "o=other", true, None)), Rule::Unwilling);
}

#[test]
fn a_branch_moves_with_one_record() {
    let home = Home::new();
    let sales = home.unit("ou=sales,ou=people,o=acme");
    let team = home.unit("ou=team,ou=sales,ou=people,o=acme");
    let before = home.directory.entry(team).unwrap().unwrap().version();
    home.rename(sales, "ou=sales", false, Some(SUFFIX)).unwrap();
    assert_eq!(home.name(team), "ou=team,ou=sales,o=acme");
    assert_eq!(home.id("ou=team,ou=sales,o=acme"), team);
    assert_eq!(home.directory.entry(team).unwrap().unwrap().version(), before);
    assert_eq!(rule(home.rename(sales, "ou=sales", false, Some(team))), Rule::Unwilling);
    assert_eq!(rule(home.rename(sales, "ou=sales", false, Some(sales))), Rule::Unwilling);
}

#[test]
fn who_may_change_what() {
    let home = Home::new();
    let (alice, bob) = (home.person("alice"), home.person("bob"));
    let service = home.add("cn=app,ou=services,o=acme", &[("objectClass", &["poolgateServiceAccount"])]).unwrap();
    let user = actor(Role::User, alice);
    let denied = Kind::Denied(Denial::NotAllowed);
    home.modify_as(&user, alice, &[step(Replace, "displayName", &["Alice"])]).unwrap();
    assert_eq!(kind(home.modify_as(&user, alice, &[step(Replace, "mail", &["x@acme.example"])])), denied);
    assert_eq!(kind(home.modify_as(&user, bob, &[step(Replace, "displayName", &["x"])])), denied);
    assert!(matches!(kind(home.modify_as(&user, service, &[step(Replace, "description", &["x"])])), Kind::NotFound { .. }));
    assert_eq!(kind(home.modify_as(&actor(Role::Service, service), alice, &[step(Replace, "displayName", &["x"])])), denied);
    let nobody = crate::model::Actor { role: Role::Anonymous, entry: None, ..operator() };
    assert!(matches!(kind(home.modify_as(&nobody, alice, &[])), Kind::NotFound { .. }));
    let person: &[(&str, &[&str])] = &[("objectClass", &["account"])];
    assert_eq!(kind(home.add_as(&user, "uid=x,ou=people,o=acme", person)), denied);
    assert_eq!(kind(home.add_as(&user, "uid=x,cn=app,ou=services,o=acme", person)), Kind::NotFound { matched: dn("ou=services,o=acme") });
    assert_eq!(kind(home.commit(|changes| home.directory.delete(changes, bob, &user))), denied);
    home.modify_as(&actor(Role::Administrator, bob), alice, &[step(Replace, "mail", &["x@acme.example"])]).unwrap();
}

/// A group with edges to that many entries, none of which is there: what counts is the rows.
fn large_group(home: &Home, name: &str, members: u64) -> EntryId {
    let group = home.group(name, &[]);
    for first in (0..members).step_by(5000) {
        home.commit(|changes| {
            for number in first..members.min(first + 5000) {
                crate::directory::link::put_edge(changes, KNOWN.member, group, EntryId::new(1_000_000 + number));
            }
            Ok(())
        })
        .unwrap();
    }
    group
}

#[test]
fn edges_of_a_large_group_go_after_it_in_bounded_commits() {
    let home = Home::new();
    let group = large_group(&home, "large", 4500);
    let edges = |space| home.directory.store().count(&Prefix::space(space)).unwrap();
    home.delete(group).unwrap();
    assert_eq!((edges(Space::Link), edges(Space::Backlink)), (2500, 2500));
    assert_eq!(home.directory.gone_with_edges().unwrap(), [group]);
    assert!(home.commit(|changes| home.directory.drop_edges(changes, group)).unwrap());
    assert!(!home.commit(|changes| home.directory.drop_edges(changes, group)).unwrap());
    assert_eq!((edges(Space::Link), edges(Space::Backlink)), (0, 0));
    assert_eq!(home.directory.gone_with_edges().unwrap(), []);
    let mut nothing = Changes::new();
    assert!(!home.directory.drop_edges(&mut nothing, group).unwrap() && nothing.is_empty());
}

#[test]
fn edges_of_an_entry_that_is_there_are_not_dropped() {
    let home = Home::new();
    home.person("alice");
    let group = home.group("staff", &["alice"]);
    let mut changes = Changes::new();
    home.directory.drop_edges(&mut changes, group).unwrap();
    assert_eq!(home.directory.store().commit_blocking(changes), Err(CommitError::Conflict));
}

#[test]
fn a_change_of_too_many_members_is_refused_with_the_way_to_do_it() {
    let home = Home::new();
    let group = large_group(&home, "large", 10_001);
    for kind in [Delete, Replace] {
        let error = home.modify(group, &[step(kind, "member", &[])]).unwrap_err();
        assert!(error.message().contains("add and delete the values by name, 10000 at a time"), "{error}");
        assert_eq!(rule(Err::<(), _>(error)), Rule::Unwilling);
    }
    let largest = large_group(&home, "largest", 40_001);
    assert_eq!(rule(home.modify(largest, &[step(Replace, "member", &[])])), Rule::Unwilling);
    let fits = large_group(&home, "fits", 10_000);
    home.modify(fits, &[step(Replace, "member", &[])]).unwrap();
    assert_eq!(home.directory.targets(KNOWN.member, fits, None).count(), 0);
}

#[test]
fn what_decides_about_an_entry_takes_no_options() {
    let home = Home::new();
    let alice = home.person("alice");
    for (name, value) in [("objectClass;x-a", "posixAccount"), ("poolgateAccountDisabled;x-a", "FALSE"), ("member;x-a", "o=acme")] {
        assert_eq!(rule(home.modify(alice, &[step(Add, name, &[value])])), Rule::UndefinedAttribute, "{name}");
    }
    home.modify(alice, &[step(Add, "title;x-a", &["Queen"])]).unwrap();
}

#[test]
fn a_value_is_removed_once() {
    let home = Home::new();
    let alice = home.person("alice");
    home.modify(alice, &[step(Add, "title", &["A", "B", "C"])]).unwrap();
    assert_eq!(rule(home.modify(alice, &[step(Delete, "title", &["a", "A"])])), Rule::NoSuchAttribute);
    assert_eq!(rule(home.modify(alice, &[step(Delete, "title", &["a", "d"])])), Rule::NoSuchAttribute);
    home.modify(alice, &[step(Delete, "title", &["c", "a"])]).unwrap();
    assert_eq!(home.values(alice, "title"), ["B"]);
}

#[test]
fn an_increment_is_by_an_integer_as_the_syntax_has_it() {
    let home = Home::new();
    let alice = home.person("alice");
    let posix = [
        step(Add, "objectClass", &["posixAccount"]),
        step(Add, "uidNumber", &["1"]),
        step(Add, "gidNumber", &["1"]),
        step(Add, "homeDirectory", &["/"]),
    ];
    home.modify(alice, &posix).unwrap();
    for by in ["+5", "05", " 5", "", "five"] {
        assert_eq!(rule(home.modify(alice, &[step(Increment, "uidNumber", &[by])])), Rule::Syntax, "{by}");
    }
    home.modify(alice, &[step(Increment, "uidNumber", &["-3"])]).unwrap();
    assert_eq!(home.values(alice, "uidNumber"), ["-2"]);
}
