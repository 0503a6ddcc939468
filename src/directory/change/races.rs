//! Changes that race each other and searches, on the real store.

use crate::directory::testing::{Home, assert_consistent, dn, operator, step};
use crate::directory::{Filter, ModificationKind::*, NewEntry, SUFFIX, Scope, Viewer};
use crate::model::{Attribute, EntryId, Kind, Rdn, Result};
use crate::store::{Changes, CommitError};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// A cheap source of choices: its low bits repeat, so the high ones are used.
fn dice(state: &AtomicU64, sides: usize) -> usize {
    let next = state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed >> 33) as usize % sides
}

#[test]
fn indexes_and_entries_agree_after_racing_changes() {
    let home = Home::new();
    let people: Vec<EntryId> = ["a", "b", "c", "d"].iter().map(|uid| home.person(uid)).collect();
    let groups: Vec<EntryId> = ["g", "h"].iter().map(|name| home.group(name, &[])).collect();
    let state = AtomicU64::new(7);
    let done: [AtomicU64; 8] = Default::default();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for round in 0..40 {
                    let person = people[dice(&state, people.len())];
                    let group = groups[dice(&state, groups.len())];
                    let text = ["Ada", "Bob", "Cid", "Dee"][dice(&state, 4)];
                    let mail = format!("{text}@acme.example");
                    let arm = dice(&state, done.len());
                    let outcome = match arm {
                        0 => home.modify(person, &[step(Replace, "mail", &[&mail])]),
                        1 => home.modify(person, &[step(Replace, "title", &[text]), step(Replace, "cn", &[text])]),
                        2 => home.modify(person, &[step(Replace, "description", &[&text.repeat(800), &"x".repeat(900)])]),
                        3 => home.modify(group, &[step(Add, "member", &[&home.name(people[0]), &home.name(people[1])])]),
                        4 => home.modify(group, &[step(Replace, "member", &[&home.name(people[2])])]),
                        5 => home.modify(group, &[step(Delete, "member", &[])]),
                        6 => home.rename(person, &format!("uid={text}"), round % 2 == 0, None),
                        _ => match home.add(&format!("uid=new-{text},ou=people,o=acme"), &[("objectClass", &["account"])]) {
                            Ok(id) => home.delete(id),
                            Err(error) => Err(error),
                        },
                    };
                    match outcome.map_err(|error| error.kind().clone()) {
                        Ok(()) => drop(done[arm].fetch_add(1, Ordering::Relaxed)),
                        // What breaks a rule is refused; that is not what is tested here.
                        Err(Kind::Invalid(_) | Kind::NotFound { .. } | Kind::Conflict(_)) => {}
                        Err(other) => panic!("arm {arm}: {other:?}"),
                    }
                }
            });
        }
    });
    let done = done.map(AtomicU64::into_inner);
    assert!(done.iter().all(|successes| *successes > 0), "each kind of change was made now and then: {done:?}");
    assert_consistent(&home.directory);
}

/// Decides both before either is committed: the second must conflict.
fn conflict(home: &Home, first: impl FnOnce(&mut Changes) -> Result<()>, second: impl FnOnce(&mut Changes) -> Result<()>) {
    let (mut one, mut two) = (Changes::new(), Changes::new());
    first(&mut one).unwrap();
    second(&mut two).unwrap();
    home.directory.store().commit_blocking(one).unwrap();
    assert_eq!(home.directory.store().commit_blocking(two), Err(CommitError::Conflict));
    assert_consistent(&home.directory);
}

#[test]
fn of_two_changes_that_do_not_fit_together_the_second_conflicts() {
    let home = Home::new();
    let directory = &home.directory;
    let [a, b, c] = ["ou=a,o=acme", "ou=b,o=acme", "ou=c,ou=b,o=acme"].map(|name| home.unit(name));
    let [alice, bob] = ["alice", "bob"].map(|uid| home.person(uid));
    let staff = home.group("staff", &[]);
    let rename = |id, rdn: &str, parent| {
        let (home, rdn) = (&home, Rdn::parse(rdn).unwrap());
        move |changes: &mut Changes| home.directory.rename(changes, id, &rdn, false, parent, &operator(), home.now())
    };
    let modify = |id, name: &str, value: &str| {
        let (home, step) = (&home, step(Add, name, &[value]));
        move |changes: &mut Changes| home.directory.modify(changes, id, &[step], &operator(), home.now())
    };
    let delete = |id| move |changes: &mut Changes| directory.delete(changes, id, &operator());
    let add = |name: &str, mail: &str| {
        let attributes = vec![
            Attribute::new("objectClass", ["inetOrgPerson"]),
            Attribute::new("cn", ["x"]),
            Attribute::new("sn", ["x"]),
            Attribute::new("mail", [mail]),
        ];
        let (home, entry) = (&home, NewEntry { dn: dn(name), attributes });
        move |changes: &mut Changes| home.directory.add(changes, entry, &operator(), home.now(), &home.entropy).map(drop)
    };
    // A circle through an ancestor of the new parent.
    conflict(&home, rename(b, "ou=b", Some(a)), rename(a, "ou=a", Some(c)));
    // The same entry, the same name, the same unique value.
    conflict(&home, modify(alice, "title", "x"), modify(alice, "pager", "1"));
    conflict(&home, modify(alice, "title", "y"), rename(alice, "uid=elise", None));
    conflict(&home, rename(alice, "uid=new", None), rename(bob, "uid=new", None));
    conflict(&home, add("cn=one,o=acme", "one@acme.example"), add("cn=one,o=acme", "two@acme.example"));
    conflict(&home, modify(bob, "mail", "three@acme.example"), add("cn=three,o=acme", "three@acme.example"));
    // What is named is gone, in either order.
    let bob_dn = home.name(bob);
    conflict(&home, delete(bob), modify(staff, "member", &bob_dn));
    conflict(&home, add("cn=below,ou=c,ou=b,ou=a,o=acme", "four@acme.example"), delete(c));
    let lonely = home.unit("ou=lonely,o=acme");
    conflict(&home, delete(lonely), add("cn=below,ou=lonely,o=acme", "five@acme.example"));
    let lonely = home.unit("ou=lonely,o=acme");
    conflict(&home, delete(lonely), rename(alice, "uid=new", Some(lonely)));
}

#[test]
fn an_increment_is_never_lost() {
    let home = Home::new();
    let alice = home.person("alice");
    let posix = [
        step(Add, "objectClass", &["posixAccount"]),
        step(Add, "uidNumber", &["0"]),
        step(Add, "gidNumber", &["0"]),
        step(Add, "homeDirectory", &["/"]),
    ];
    home.modify(alice, &posix).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| home.modify(alice, &[step(Increment, "uidNumber", &["1"])]).unwrap()));
        }
    });
    assert_eq!(home.values(alice, "uidNumber"), ["100"]);
}

#[test]
fn of_racing_adds_with_one_unique_value_one_wins() {
    let home = Home::new();
    let won = AtomicU64::new(0);
    thread::scope(|scope| {
        for number in 0..8 {
            let (home, won) = (&home, &won);
            scope.spawn(move || {
                let attributes: &[(&str, &[&str])] =
                    &[("objectClass", &["inetOrgPerson"]), ("cn", &["x"]), ("sn", &["x"]), ("mail", &["one@acme.example"])];
                if home.add(&format!("uid=u{number},ou=people,o=acme"), attributes).is_ok() {
                    won.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(won.into_inner(), 1);
    assert_consistent(&home.directory);
}

#[test]
fn a_child_is_never_left_without_its_parent() {
    let home = Home::new();
    for round in 0..20 {
        let name = format!("ou=unit{round},ou=people,o=acme");
        let unit = home.unit(&name);
        thread::scope(|scope| {
            scope.spawn(|| home.add(&format!("uid=u{round},{name}"), &[("objectClass", &["account"])]));
            scope.spawn(|| home.delete(unit));
        });
    }
    assert_consistent(&home.directory);
}

#[test]
fn no_member_is_left_that_is_gone_unless_its_edge_is_skipped_and_dropped() {
    let home = Home::new();
    let staff = home.group("staff", &[]);
    let mut gone = Vec::new();
    for round in 0..20 {
        let uid = format!("u{round}");
        let (person, name) = (home.person(&uid), format!("uid={uid},ou=people,o=acme"));
        thread::scope(|scope| {
            scope.spawn(|| home.modify(staff, &[step(Add, "member", &[&name])]));
            scope.spawn(|| home.delete(person).unwrap());
        });
        gone.push(person);
    }
    assert_eq!(home.values(staff, "member"), [""; 0]);
    for person in gone {
        assert!(!home.commit(|changes| home.directory.drop_edges(changes, person)).unwrap());
    }
    assert_consistent(&home.directory);
}

#[test]
fn racing_moves_close_no_circle() {
    let home = Home::new();
    let units: Vec<EntryId> = (0..6).map(|number| home.unit(&format!("ou=u{number},o=acme"))).collect();
    let state = AtomicU64::new(3);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..30 {
                    let number = dice(&state, units.len());
                    let parent = if dice(&state, 5) == 0 { SUFFIX } else { units[dice(&state, units.len())] };
                    // A move below itself is refused.
                    let _ = home.rename(units[number], &format!("ou=u{number}"), false, Some(parent));
                }
            });
        }
    });
    for unit in &units {
        assert!(home.name(*unit).ends_with("o=acme"));
    }
    assert_consistent(&home.directory);
}

#[test]
fn a_rename_never_hides_an_entry() {
    let home = Home::new();
    let east = home.unit("ou=east,ou=people,o=acme");
    let west = home.unit("ou=west,ou=people,o=acme");
    let alice = home.add("uid=alice,ou=east,ou=people,o=acme", &[("objectClass", &["account"]), ("description", &["here"])]).unwrap();
    // Enough neighbours for a search to be overtaken by a move.
    for number in 0..100 {
        home.add(&format!("uid=e{number},ou=east,ou=people,o=acme"), &[("objectClass", &["account"])]).unwrap();
        home.add(&format!("uid=w{number},ou=west,ou=people,o=acme"), &[("objectClass", &["account"])]).unwrap();
    }
    let people = home.id("ou=people,o=acme");
    let done = AtomicBool::new(false);
    let filters = [
        Filter::everything(),
        Filter::equality(&home.directory, "description", b"here").unwrap(),
        Filter::equality(&home.directory, "objectClass", b"account").unwrap(),
        Filter::present(&home.directory, "uid"),
    ];
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..60 {
                let (uid, parent) = if round % 2 == 0 { ("uid=elise", west) } else { ("uid=alice", east) };
                home.rename(alice, uid, false, Some(parent)).unwrap();
                home.rename(alice, if round % 3 == 0 { "uid=x" } else { uid }, false, None).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        for reader in 0..3 {
            let (home, done, filters) = (&home, &done, &filters);
            scope.spawn(move || {
                let mut rounds = 0;
                while !done.load(Ordering::SeqCst) || rounds == 0 {
                    for filter in filters {
                        let base = if reader == 0 { SUFFIX } else { people };
                        let found = home.found(base, Scope::Subtree, filter, &Viewer::OPERATOR);
                        assert!(found.contains(&alice), "{filter:?}");
                        assert!(home.directory.dn(alice).unwrap().is_some());
                    }
                    rounds += 1;
                }
            });
        }
    });
    assert_consistent(&home.directory);
    assert!(home.directory.resolve(&dn("uid=nobody,ou=east,ou=people,o=acme")).is_err());
}

#[test]
fn a_reader_of_large_values_sees_one_state() {
    let home = Home::new();
    let alice = home.person("alice");
    let done = AtomicBool::new(false);
    let write = |letter: &str| {
        home.modify(
            alice,
            &[step(
                Replace,
                "description",
                &[&letter.repeat(900), &letter.repeat(901), &letter.repeat(902), &letter.repeat(903), &letter.repeat(904)],
            )],
        )
    };
    write("a").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..60 {
                write(["a", "b", "c"][round % 3]).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let values = home.values(alice, "description");
                assert_eq!(values.len(), 5);
                assert!(values.iter().all(|value| value.starts_with(&values[0][..1])));
            }
        });
    });
    assert_consistent(&home.directory);
}
