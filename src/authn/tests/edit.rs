//! Changes of entries and passwords: who may, what is committed together, what is audited.

use super::super::{decision::Decision, testing::*};
use crate::{
    audit::{Action, Outcome, Reason},
    directory::{Modification, ModificationKind},
    model::{
        Actor, Attribute, Kind, Rdn, Role,
        error::{Denial, Rule},
    },
    store::{Changes, CommitError},
};

async fn actor(bench: &Bench, name: &str, password: &str) -> Actor {
    let proof = bench.core.bind(&bench.pool, &uid(name), &secret(password), ldap()).await.unwrap();
    bench.core.actor(&bench.pool, &proof, ldap()).unwrap()
}

/// Carol, an administrator, and alice, who is none.
async fn team() -> (Bench, Actor, Actor) {
    let bench = Bench::new().await;
    for name in ["alice", "carol"] {
        bench.user(name, "correct horse").await;
    }
    bench.make_administrator("carol").await;
    let carol = actor(&bench, "carol", "correct horse").await;
    let alice = actor(&bench, "alice", "correct horse").await;
    (bench, carol, alice)
}

fn step(kind: ModificationKind, values: &[&str]) -> Modification {
    Modification { kind, attribute: Attribute::new("userPassword", values.iter().copied()) }
}

#[tokio::test]
async fn an_entry_and_its_password_are_one_commit() {
    let bench = Bench::new().await;
    let commits = bench.store.statistics().commits;
    let id = bench.user("alice", "correct horse").await;
    assert_eq!(bench.store.statistics().commits, commits + 1);
    assert!(bench.binds("alice", "correct horse").await);
    let entry = bench.directory().entry(id).unwrap().unwrap();
    assert!(entry.first_text("userPassword").is_none());
    let events = bench.events(Action::EntryAdd);
    assert_eq!(events.last().unwrap().target.as_deref(), Some("uid=alice,ou=people,o=acme"));
}

#[tokio::test]
async fn a_refused_password_adds_no_entry() {
    let bench = Bench::new().await;
    let cases = [
        (vec!["short"], Rule::Constraint),
        (vec!["alice-the-first"], Rule::Constraint),
        (vec!["password123"], Rule::Constraint),
        (vec!["correct horse", "battery staple"], Rule::Constraint),
    ];
    for (passwords, rule) in cases {
        let mut entry = user("alice", None);
        entry.attributes.push(Attribute::new("userPassword", passwords.iter().copied()));
        let refused = bench.core.add_entry(&bench.pool, &operator(), entry).await.unwrap_err();
        assert_eq!(*refused.kind(), Kind::Invalid(rule), "{passwords:?}");
        assert!(!refused.message().contains(passwords[0]));
    }
    assert!(bench.directory().by_unique("uid", b"alice").unwrap().is_none());
    let mut group = user("alice", None);
    group.dn = crate::model::Dn::parse("cn=staff,ou=groups,o=acme").unwrap();
    group.attributes = vec![Attribute::new("objectClass", ["groupOfNames"]), Attribute::new("userPassword", ["correct horse"])];
    let refused = bench.core.add_entry(&bench.pool, &operator(), group).await.unwrap_err();
    assert_eq!(*refused.kind(), Kind::Invalid(Rule::ObjectClass));
}

#[tokio::test]
async fn users_change_their_password_with_the_old_one() {
    use ModificationKind::{Add, Delete, Replace};
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let alice = actor(&bench, "alice", "correct horse").await;
    let core = &bench.core;
    for steps in [vec![step(Replace, &["battery staple"])], vec![step(Add, &["battery staple"])], vec![step(Delete, &["correct horse"])]] {
        let refused = core.modify_entry(&bench.pool, &alice, id, &steps).await.unwrap_err();
        assert_eq!(*refused.kind(), Kind::Invalid(Rule::Unwilling), "{steps:?}");
    }
    let refused = core.modify_entry(&bench.pool, &alice, id, &[step(Delete, &["a guess"]), step(Add, &["battery staple"])]).await;
    assert_eq!(*refused.unwrap_err().kind(), Kind::Denied(Denial::Credentials));
    core.modify_entry(&bench.pool, &alice, id, &[step(Delete, &["correct horse"]), step(Add, &["battery staple"])]).await.unwrap();
    assert!(!bench.binds("alice", "correct horse").await);
    assert!(bench.binds("alice", "battery staple").await);
    core.set_password(&bench.pool, &alice, id, Some(&secret("battery staple")), Some(secret("tea in a mug"))).await.unwrap();
    assert!(bench.binds("alice", "tea in a mug").await);
    let outcomes = bench.outcomes(Action::PasswordChange);
    let expected = [(Outcome::Failure, Some(Reason::WrongPassword)), (Outcome::Success, None), (Outcome::Success, None)];
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn guessing_the_old_password_locks_like_any_guessing() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let alice = actor(&bench, "alice", "correct horse").await;
    for _ in 0..THRESHOLD {
        let refused = bench.core.set_password(&bench.pool, &alice, id, Some(&secret("a guess")), Some(secret("battery staple"))).await;
        assert_eq!(*refused.unwrap_err().kind(), Kind::Denied(Denial::Credentials));
    }
    let refused = bench.core.set_password(&bench.pool, &alice, id, Some(&secret("correct horse")), Some(secret("battery staple"))).await;
    assert_eq!(*refused.unwrap_err().kind(), Kind::Denied(Denial::Credentials));
    assert!(!bench.binds("alice", "correct horse").await);
}

#[tokio::test]
async fn a_password_is_generated_when_none_is_given() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let alice = actor(&bench, "alice", "correct horse").await;
    let made = bench.core.set_password(&bench.pool, &operator(), id, None, None).await.unwrap().generated.unwrap();
    let made = String::from_utf8(made.expose().clone()).unwrap();
    assert!(bench.binds("alice", &made).await);
    let next = bench.core.set_password(&bench.pool, &alice, id, Some(&secret(&made)), None).await.unwrap().generated.unwrap();
    assert_ne!(next.expose(), made.as_bytes());
    assert!(bench.binds("alice", std::str::from_utf8(next.expose()).unwrap()).await);
    let refused = bench.core.set_password(&bench.pool, &alice, id, None, None).await.unwrap_err();
    assert_eq!(*refused.kind(), Kind::Invalid(Rule::Unwilling));
}

#[tokio::test]
async fn hashes_are_taken_from_administrators_only() {
    let (bench, carol, alice) = team().await;
    assert_eq!((carol.role, alice.role), (Role::Administrator, Role::User));
    let id = alice.entry.unwrap();
    // {SHA} of "abc".
    let hash = "{SHA}qZk+NkcGgWq6PiVxeFDCbJzQ2J0=";
    let refused = bench.core.set_password(&bench.pool, &alice, id, Some(&secret("correct horse")), Some(secret(hash))).await;
    assert_eq!(*refused.unwrap_err().kind(), Kind::Invalid(Rule::Unwilling));
    let refused = bench.core.set_password(&bench.pool, &carol, id, None, Some(secret(hash))).await;
    assert_eq!(*refused.unwrap_err().kind(), Kind::Invalid(Rule::Unwilling), "what a person typed would go around the policy");
    bench.core.modify_entry(&bench.pool, &carol, id, &[step(ModificationKind::Replace, &[hash])]).await.unwrap();
    assert!(bench.binds("alice", "abc").await, "the policy judges new passwords, not those that come along");
    let unknown = bench.core.modify_entry(&bench.pool, &carol, id, &[step(ModificationKind::Replace, &["{ROT13}nop"])]).await;
    assert!(matches!(unknown.unwrap_err().kind(), Kind::Invalid(_)));
}

/// What programs copy from the files of other servers, none of which can be verified.
const FOREIGN: &[&str] = &[
    "{ROT13}nop",
    "{CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1",
    "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcbYEdFCoEOfaS35inz1",
    "$2b$10$abcdefghijklmnopqrstuuJ5n0e7xTq1mWl8ZK3b9oVhC2yGfD4Ri",
    "$P$Bimport01q8sTn4bKcWgUoZ1hAfDpR.",
    "$argon2id$v=19$m=64,t=1",
    "pbkdf2_sha256$260000$import01$kQ2s0b8GJm5Zt7LrXc4WvNdYf1HoEuPaTiRgKy9MzBw=",
    "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$stored=:server=",
    r#"{"value":"aGFzaGhhc2g=","salt":"c2FsdA=="}"#,
    "!$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO",
];

#[tokio::test]
async fn a_hash_that_cannot_be_verified_never_becomes_the_password() {
    let (bench, carol, alice) = team().await;
    let id = alice.entry.unwrap();
    for hash in FOREIGN {
        let replace = step(ModificationKind::Replace, &[hash]);
        for administration in [&carol, &operator()] {
            let refused = bench.core.modify_entry(&bench.pool, administration, id, std::slice::from_ref(&replace)).await.unwrap_err();
            assert_eq!(*refused.kind(), Kind::Invalid(Rule::Constraint), "{hash}");
            assert!(!refused.message().contains(hash), "{refused}");
            let refused = bench.core.add_entry(&bench.pool, administration, user("dave", Some(hash))).await.unwrap_err();
            assert_eq!(*refused.kind(), Kind::Invalid(Rule::Constraint), "{hash}");
        }
        let own = [step(ModificationKind::Delete, &["correct horse"]), step(ModificationKind::Add, &[hash])];
        let refused = bench.core.modify_entry(&bench.pool, &alice, id, &own).await.unwrap_err();
        assert_eq!(*refused.kind(), Kind::Invalid(Rule::Unwilling), "{hash}");
        for (who, old) in [(&alice, Some(secret("correct horse"))), (&carol, None), (&operator(), None)] {
            let refused = bench.core.set_password(&bench.pool, who, id, old.as_ref(), Some(secret(hash))).await.unwrap_err();
            assert_eq!(*refused.kind(), Kind::Invalid(Rule::Unwilling), "{hash}");
        }
    }
    assert!(bench.binds("alice", "correct horse").await, "nothing has changed");
}

#[tokio::test]
async fn what_merely_resembles_a_hash_is_a_password() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    for password in ["5ebe2294ecd0e0f08eab7690d2a6ee69", "W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "$ecret$2024", "cash$and$carry", "!important!"] {
        bench.core.set_password(&bench.pool, &operator(), id, None, Some(secret(password))).await.unwrap();
        assert!(bench.binds("alice", password).await, "{password}");
        bench.core.set_password(&bench.pool, &operator(), id, None, None).await.unwrap();
        bench.core.modify_entry(&bench.pool, &operator(), id, &[step(ModificationKind::Replace, &[password])]).await.unwrap();
        assert!(bench.binds("alice", password).await, "{password}");
    }
}

#[tokio::test]
async fn only_administrators_arrange_entries_and_set_passwords_of_others() {
    let bench = Bench::new().await;
    let victim = bench.user("bob", "correct horse").await;
    bench.user("alice", "correct horse").await;
    let service = bench.service("legacy", "correct horse").await;
    let alice = actor(&bench, "alice", "correct horse").await;
    let core = &bench.core;
    let denied = |error: crate::model::Error| assert_eq!(*error.kind(), Kind::Denied(Denial::NotAllowed), "{error}");
    denied(core.add_entry(&bench.pool, &alice, user("mallory", Some("correct horse"))).await.unwrap_err());
    denied(core.delete_entry(&bench.pool, &alice, victim).await.unwrap_err());
    denied(core.rename_entry(&bench.pool, &alice, victim, &Rdn::single("uid", "rob"), true, None).await.unwrap_err());
    denied(core.modify_entry(&bench.pool, &alice, victim, &[replace("sn", "x")]).await.unwrap_err());
    denied(core.set_password(&bench.pool, &alice, victim, Some(&secret("correct horse")), Some(secret("x"))).await.unwrap_err());
    denied(core.unlock(&bench.pool, &alice, victim).await.unwrap_err());
    let hidden = core.modify_entry(&bench.pool, &alice, service, &[replace("description", "x")]).await.unwrap_err();
    assert!(matches!(hidden.kind(), Kind::NotFound { .. }), "what a user does not see does not exist");
    let hidden = core.set_password(&bench.pool, &alice, service, None, None).await.unwrap_err();
    assert!(matches!(hidden.kind(), Kind::NotFound { .. }));
    assert!(bench.binds("bob", "correct horse").await);
}

#[tokio::test]
async fn a_password_and_other_attributes_change_together_or_not_at_all() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let refused =
        bench.core.modify_entry(&bench.pool, &operator(), id, &[replace("sn", "Other"), step(ModificationKind::Replace, &["short"])]).await;
    assert!(refused.is_err());
    assert_eq!(bench.directory().entry(id).unwrap().unwrap().first_text("sn"), Some("alice"));
    let commits = bench.store.statistics().commits;
    bench
        .core
        .modify_entry(&bench.pool, &operator(), id, &[replace("sn", "Other"), step(ModificationKind::Replace, &["battery staple"])])
        .await
        .unwrap();
    assert_eq!(bench.store.statistics().commits, commits + 1);
    assert_eq!(bench.directory().entry(id).unwrap().unwrap().first_text("sn"), Some("Other"));
    assert!(bench.binds("alice", "battery staple").await);
    assert_eq!((bench.events(Action::EntryModify).len(), bench.events(Action::PasswordReset).len()), (1, 1));
}

#[tokio::test]
async fn adding_a_password_where_one_is_and_removing_none_are_refused() {
    use ModificationKind::{Add, Delete};
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let core = &bench.core;
    let refused = core.modify_entry(&bench.pool, &operator(), id, &[step(Add, &["battery staple"])]).await.unwrap_err();
    assert_eq!(*refused.kind(), Kind::Invalid(Rule::Constraint));
    core.modify_entry(&bench.pool, &operator(), id, &[step(Delete, &[])]).await.unwrap();
    let refused = core.modify_entry(&bench.pool, &operator(), id, &[step(Delete, &[])]).await.unwrap_err();
    assert_eq!(*refused.kind(), Kind::Invalid(Rule::NoSuchAttribute));
    core.modify_entry(&bench.pool, &operator(), id, &[step(Add, &["battery staple"])]).await.unwrap();
    assert!(bench.binds("alice", "battery staple").await);
}

#[tokio::test]
async fn a_renamed_user_logs_in_under_the_new_name() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    bench.core.rename_entry(&bench.pool, &operator(), id, &Rdn::single("uid", "alicia"), true, None).await.unwrap();
    assert!(bench.binds("alicia", "correct horse").await);
    assert!(!bench.binds("alice", "correct horse").await);
    assert_eq!(bench.events(Action::EntryRename)[0].target.as_deref(), Some("uid=alice,ou=people,o=acme"));
}

#[tokio::test]
async fn changes_at_once_of_one_entry_all_happen() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let steps: Vec<_> = (0..6)
        .map(|number| {
            [Modification {
                kind: ModificationKind::Add,
                attribute: Attribute::new("telephoneNumber", [format!("+49 30 {number}").as_str()]),
            }]
        })
        .collect();
    let changes = steps.iter().map(|step| bench.core.modify_entry(&bench.pool, &OPERATOR, id, step));
    for changed in futures_util::future::join_all(changes).await {
        changed.unwrap();
    }
    let entry = bench.directory().entry(id).unwrap().unwrap();
    assert_eq!(entry.texts("telephoneNumber").count(), 6);
}

static OPERATOR: std::sync::LazyLock<Actor> = std::sync::LazyLock::new(operator);

#[tokio::test]
async fn a_password_is_not_set_for_an_entry_that_goes_meanwhile() {
    let bench = Bench::new().await;
    let directory = bench.directory();
    for round in 0..20 {
        let name = format!("user{round}");
        let id = bench.user(&name, "correct horse").await;
        let operator = operator();
        let (set, deleted) = tokio::join!(
            bench.core.set_password(&bench.pool, &operator, id, None, Some(secret("battery staple"))),
            bench.core.delete_entry(&bench.pool, &operator, id)
        );
        drop(set);
        deleted.unwrap();
        assert!(directory.head(id).unwrap().is_none());
        assert_eq!(bench.pool.store().count(&crate::store::Prefix::credentials(id)).unwrap(), 0, "round {round}");
    }
}

#[tokio::test]
async fn edges_that_a_cut_off_deletion_left_go_with_the_next_deletion() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let directory = bench.directory();
    // As a crash leaves it: the entry is gone, a row says that edges are left.
    bench.core.delete_entry(&bench.pool, &operator(), id).await.unwrap();
    let loose = crate::store::Key::named(
        crate::store::Space::Checkpoint,
        &[b"directory/loose-edges/".as_slice(), &id.get().to_be_bytes()].concat(),
    );
    bench
        .pool
        .store()
        .decide(|changes| {
            changes.put(loose.clone(), Vec::new());
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(directory.gone_with_edges().unwrap(), [id]);
    let other = bench.user("bob", "correct horse").await;
    bench.core.delete_entry(&bench.pool, &operator(), other).await.unwrap();
    assert_eq!(directory.gone_with_edges().unwrap(), []);
}

#[tokio::test]
async fn a_name_of_administrators_that_is_none_keeps_nobody_out() {
    let bench = Bench::new().await;
    bench.user("alice", "correct horse").await;
    let name = crate::model::Dn::parse("nonsense=admins,o=acme").unwrap();
    let change = |draft: &mut crate::pool::Draft| {
        draft.settings.administrators = Some(name.clone());
        Ok(())
    };
    let pool = bench.core.registry.update(bench.pool.id(), &operator(), change).await.unwrap();
    let proof = bench.core.bind(&pool, &uid("alice"), &secret("correct horse"), ldap()).await.unwrap();
    assert_eq!(bench.core.actor(&pool, &proof, ldap()).unwrap().role, Role::User);
}

#[tokio::test]
async fn what_has_changed_since_it_was_looked_at_is_not_modified() {
    let bench = Bench::new().await;
    let id = bench.user("alice", "correct horse").await;
    let entry = || bench.directory().entry(id).unwrap().unwrap();
    let seen = entry().version();
    let modify = async |seen, steps: &[Modification]| bench.core.modify_entry_seen(&bench.pool, &operator(), id, seen, steps).await;
    modify(seen, &[replace("sn", "One")]).await.unwrap();
    // With a password among it too: neither is changed.
    for steps in [&[replace("sn", "Two")][..], &[replace("sn", "Two"), replace("userPassword", "another horse")]] {
        let error = modify(seen, steps).await.unwrap_err();
        assert_eq!(*error.kind(), Kind::Conflict(crate::model::error::Clash::Changed));
    }
    assert_eq!(entry().first_text("sn"), Some("One"));
    assert!(bench.binds("alice", "correct horse").await);
    modify(entry().version(), &[replace("sn", "Two")]).await.unwrap();
    assert_eq!(entry().first_text("sn"), Some("Two"));
    // Nor is what changes between the look and the commit.
    let decision = Decision::new(&bench.core, &bench.pool, &operator());
    for steps in [&[][..], &[replace("title", "Dr")]] {
        let mut changes = Changes::new();
        decision.fill_modify(&mut changes, id, Some(entry().version()), steps).unwrap();
        modify(entry().version(), &[replace("sn", &format!("Three {}", steps.len()))]).await.unwrap();
        assert_eq!(bench.pool.store().commit(changes).await, Err(CommitError::Conflict));
    }
}

/// Of a clock that has gone back: entries and the log of their changes are read in an order.
#[tokio::test]
async fn whatever_is_changed_bears_the_stamp() {
    let bench = Bench::new().await;
    bench.user("bob", "correct horse").await;
    let (core, pool, operator) = (&bench.core, &bench.pool, operator());
    bench.make_administrator("bob").await;
    let group = bench.directory().resolve(&crate::model::Dn::parse("cn=admins,ou=groups,o=acme").unwrap()).unwrap();
    bench.pass(std::time::Duration::from_secs(1));
    let stamp = bench.hold_back(std::time::Duration::from_secs(24 * 60 * 60));
    let id = bench.user("alice", "correct horse").await;
    core.link_entry(pool, &operator, group, &Attribute::new("member", ["uid=alice,ou=people,o=acme"]), |_| Ok(())).await.unwrap();
    let linked = bench.events(Action::EntryModify).len();
    bench.disable(id, true).await;
    core.rename_entry(pool, &operator, id, &Rdn::single("uid", "ann"), true, None).await.unwrap();
    core.set_password(pool, &operator, id, None, Some("another horse".into())).await.unwrap();
    core.unlock(pool, &operator, id).await.unwrap();
    core.delete_entry(pool, &operator, id).await.unwrap();
    let actions = [
        (Action::EntryAdd, 1),
        (Action::EntryModify, linked + 1),
        (Action::EntryRename, 1),
        (Action::PasswordReset, 1),
        (Action::Unlock, 1),
        (Action::EntryDelete, 1),
    ];
    for (action, count) in actions {
        let stamped = bench.events(action).iter().filter(|event| event.at == stamp).count();
        assert_eq!(stamped, count, "{action:?}: {:?}", bench.events(action));
    }
}

/// Whoever tries what they may not do is found in the audit log, however often they try.
#[tokio::test]
async fn what_is_refused_is_told_with_who_has_tried() {
    let (bench, _, alice) = team().await;
    let carol = bench.directory().by_unique("uid", b"carol").unwrap().unwrap();
    let core = &bench.core;
    for _ in 0..3 {
        let mail = Modification { kind: ModificationKind::Replace, attribute: Attribute::new("mail", ["alice@evil.example"]) };
        core.modify_entry(&bench.pool, &alice, carol, &[mail]).await.unwrap_err();
        core.modify_entry(&bench.pool, &alice, carol, &[step(ModificationKind::Replace, &["battery staple"])]).await.unwrap_err();
        core.set_password(&bench.pool, &alice, carol, None, Some(secret("battery staple"))).await.unwrap_err();
        core.delete_entry(&bench.pool, &alice, carol).await.unwrap_err();
        core.rename_entry(&bench.pool, &alice, carol, &Rdn::parse("uid=mallory").unwrap(), true, None).await.unwrap_err();
        core.add_entry(&bench.pool, &alice, user("mallory", None)).await.unwrap_err();
    }
    core.flush_audit().await.unwrap();
    let told = |action| {
        let refused = bench.events(action).into_iter().filter(|event| event.outcome == Outcome::Failure);
        let told = refused.map(|event| {
            assert_eq!((event.reason, event.entry), (Some(Reason::NotAllowed), alice.entry));
            (event.target.unwrap(), event.count)
        });
        told.collect::<Vec<_>>()
    };
    let on_carol = |count| vec![("uid=carol,ou=people,o=acme".to_owned(), count)];
    assert_eq!(told(Action::EntryModify), on_carol(6));
    assert_eq!(told(Action::PasswordReset), on_carol(3));
    assert_eq!(told(Action::EntryDelete), on_carol(3));
    assert_eq!(told(Action::EntryRename), on_carol(3));
    assert_eq!(told(Action::EntryAdd), [("uid=mallory,ou=people,o=acme".to_owned(), 3)]);
}
