//! Entries that their own person has filled to every limit: what an administrator does to them
//! counts at once, whatever lies where in the record.

use super::super::{Demands, Kept, Step, testing::*};
use crate::{
    directory::{Modification, ModificationKind, testing},
    model::{Actor, Attribute, EntryId, Face, Kind, Rdn, Role, error::Rule},
};

const RIGHT: &str = "correct horse";

fn step(kind: ModificationKind, name: &str, values: &[&str]) -> Modification {
    Modification { kind, attribute: Attribute::new(name, values.iter().copied()) }
}

/// Takes as many of the steps as are accepted.
async fn fill(bench: &Bench, actor: &Actor, id: EntryId, steps: &[Modification]) {
    for step in steps {
        if let Err(error) = bench.core.modify_entry(&bench.pool, actor, id, std::slice::from_ref(step)).await {
            assert_eq!(*error.kind(), Kind::Invalid(Rule::Constraint), "{error}");
        }
    }
}

/// Who an administrator is, with a name as long as a header keeps it.
fn administrator(id: EntryId) -> Actor {
    Actor { role: Role::Administrator, entry: Some(id), name: format!("cn={}", "a".repeat(997)), face: Face::Ldap, address: None }
}

/// What alice has open.
struct Open {
    cookie: String,
    proof: super::super::Authentication,
}

impl Open {
    async fn of_alice(bench: &Bench, password: &str) -> Self {
        let browser = bench.browser("one");
        let interaction = bench.begin(Demands::default());
        let password = secret(password);
        let step = bench.core.login_password(&bench.pool, &interaction, &browser, "alice", &password, Kept::default(), page());
        let Step::Granted(granted) = step.await.unwrap() else { panic!("not logged in") };
        let proof = bench.core.bind(&bench.pool, &uid("alice"), &password, ldap()).await.unwrap();
        assert_eq!(proof.name(), "alice");
        Self { cookie: granted.session.expose().clone(), proof }
    }

    /// Whether what was begun holds: a session, a connection that is bound and a proof that a token
    /// rests on, all or none; and whether its person is let in anew.
    async fn holds(&self, bench: &Bench, password: &str) -> (bool, bool) {
        let core = &bench.core;
        let session = core.session(&bench.pool, &self.cookie).await.unwrap().is_some();
        let connection = core.still_valid(&self.proof).unwrap();
        let token = core.welcome_since(&bench.pool, self.proof.entry(), self.proof.basis()).unwrap().is_some();
        let entry = core.welcome(&bench.pool, self.proof.entry()).unwrap().is_some();
        let binds = bench.binds("alice", password).await;
        assert!(
            [connection, token].iter().all(|holds| *holds == session) && entry == binds,
            "{session} {connection} {token} {entry} {binds}"
        );
        (session, binds)
    }
}

#[tokio::test]
async fn every_administrative_act_takes_effect() {
    for (how, steps) in testing::fillings() {
        let bench = Bench::new().await;
        let alice = bench.user("alice", RIGHT).await;
        let user = Actor { role: Role::User, ..administrator(alice) };
        fill(&bench, &user, alice, &steps).await;
        let (core, pool, administrator) = (&bench.core, &bench.pool, administrator(bench.user("carol", RIGHT).await));
        bench.make_administrator("carol").await;
        let refused = |error| panic!("{how}: {error}");
        let modify =
            async |steps: &[Modification]| core.modify_entry(pool, &administrator, alice, steps).await.map(drop).unwrap_or_else(refused);
        let disable = |value: &str| step(ModificationKind::Replace, "poolgateAccountDisabled", &[value]);

        let open = Open::of_alice(&bench, RIGHT).await;
        assert_eq!(open.holds(&bench, RIGHT).await, (true, true));
        modify(&[disable("TRUE")]).await;
        assert_eq!(open.holds(&bench, RIGHT).await, (false, false), "{how}");
        modify(&[disable("FALSE")]).await;
        assert_eq!(open.holds(&bench, RIGHT).await, (false, true), "{how}: what was begun before stays over");
        let open = Open::of_alice(&bench, RIGHT).await;
        modify(&[disable("FALSE")]).await;
        assert_eq!(open.holds(&bench, RIGHT).await, (true, true), "{how}: nobody was disabled");

        core.set_password(pool, &administrator, alice, None, Some(secret("battery staple"))).await.map(drop).unwrap_or_else(refused);
        assert!(core.session(pool, &open.cookie).await.unwrap().is_none() && !core.still_valid(&open.proof).unwrap(), "{how}");
        assert!(!bench.binds("alice", RIGHT).await && bench.binds("alice", "battery staple").await, "{how}");
        modify(&[step(ModificationKind::Replace, "userPassword", &[RIGHT]), step(ModificationKind::Replace, "title", &["Dr"])]).await;
        assert!(bench.binds("alice", RIGHT).await, "{how}");

        bench.restrict_password(alice, true, None).await;
        assert!(!bench.binds("alice", RIGHT).await, "{how}: it must be changed first");
        bench.restrict_password(alice, false, None).await;
        for _ in 0..THRESHOLD {
            assert!(!bench.binds("alice", "a guess").await);
        }
        assert!(!bench.binds("alice", RIGHT).await, "{how}: locked");
        core.unlock(pool, &administrator, alice).await.unwrap_or_else(refused);
        assert!(bench.binds("alice", RIGHT).await, "{how}");

        modify(&[step(ModificationKind::Replace, "mail", &["elise@acme.example"])]).await;
        assert!(bench.binds("elise@acme.example", RIGHT).await && !bench.binds("alice@acme.example", RIGHT).await, "{how}");
        core.rename_entry(pool, &administrator, alice, &Rdn::parse("uid=elise").unwrap(), true, None).await.unwrap_or_else(refused);
        let proof = core.bind(pool, &uid("elise"), &secret(RIGHT), ldap()).await.unwrap();
        assert_eq!(proof.name(), "elise", "{how}");
        assert!(!bench.binds("alice", RIGHT).await, "{how}");

        bench.make_administrator("elise").await;
        assert_eq!(core.actor(pool, &proof, ldap()).unwrap().role, Role::Administrator, "{how}");
        let group = bench.directory().resolve(&crate::model::Dn::parse("cn=admins,ou=groups,o=acme").unwrap()).unwrap();
        let left = step(ModificationKind::Delete, "member", &["uid=elise,ou=people,o=acme"]);
        core.modify_entry(pool, &administrator, group, &[left]).await.unwrap();
        assert_eq!(core.actor(pool, &proof, ldap()).unwrap().role, Role::User, "{how}");

        core.delete_entry(pool, &administrator, alice).await.unwrap_or_else(refused);
        assert!(!core.still_valid(&proof).unwrap() && !bench.binds("elise", RIGHT).await, "{how}");
    }
}

/// As long as people could fill their entries without a bound of their own, they filled them as far
/// as administrators still can; and records did not tell what decides.
#[tokio::test]
async fn whoever_was_disabled_or_filled_before_this_release_stays_out() {
    for (how, steps) in testing::fillings() {
        let bench = Bench::new().await;
        let alice = bench.user("alice", RIGHT).await;
        fill(&bench, &operator(), alice, &steps).await;
        let open = Open::of_alice(&bench, RIGHT).await;
        bench.disable(alice, true).await;
        assert_eq!(open.holds(&bench, RIGHT).await, (false, false), "{how}");
        testing::as_of_an_earlier_release(&bench.directory(), alice);
        assert_eq!(open.holds(&bench, RIGHT).await, (false, false), "{how}, as it lay in the store before");
        bench.disable(alice, false).await;
        testing::as_of_an_earlier_release(&bench.directory(), alice);
        assert_eq!(open.holds(&bench, RIGHT).await, (false, true), "{how}");
    }
}
