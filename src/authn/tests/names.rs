//! Names that are given again: what hung on an entry of a name is nothing of the next one's, even
//! where that keeps the password and the UUID.

use super::super::{Authentication, BindName, Demands, Kept, Step, testing::*};
use crate::{
    directory::{Modification, ModificationKind, NewEntry},
    model::{Attribute, Dn, EntryId, Error, Kind, Rdn, Role},
};

/// Somebody who has bound and logged in, and is an administrator.
struct Known {
    entry: EntryId,
    bound: Authentication,
    cookie: String,
}

impl Known {
    async fn new(bench: &Bench) -> Self {
        let entry = bench.user("alice", "correct horse").await;
        bench.make_administrator("alice").await;
        let bound = bench.core.bind(&bench.pool, &uid("alice"), &secret("correct horse"), ldap()).await.unwrap();
        let browser = bench.browser("one");
        let interaction = bench.begin(Demands::default());
        let password = secret("correct horse");
        let step = bench.core.login_password(&bench.pool, &interaction, &browser, "alice", &password, Kept::default(), page());
        let Step::Granted(granted) = step.await.unwrap() else { panic!("not logged in") };
        let known = Self { entry, bound, cookie: granted.session.expose().clone() };
        assert_eq!(known.holds(bench).await, (true, true, Some(Role::Administrator)));
        known
    }

    /// Whether the bind counts, whether the session does, and what whoever was bound is to the
    /// pool.
    async fn holds(&self, bench: &Bench) -> (bool, bool, Option<Role>) {
        let session = bench.core.session(&bench.pool, &self.cookie).await.unwrap().is_some();
        let role = bench.core.actor(&bench.pool, &self.bound, ldap()).ok().map(|actor| actor.role);
        (bench.core.still_valid(&self.bound).unwrap(), session, role)
    }
}

async fn delete(bench: &Bench, entry: EntryId) {
    bench.core.delete_entry(&bench.pool, &operator(), entry).await.unwrap();
}

#[tokio::test]
async fn a_person_inherits_nothing_of_the_one_who_had_the_name() {
    for (keeps_uuid, password) in [(false, "battery staple"), (true, "correct horse")] {
        let bench = Bench::new().await;
        let known = Known::new(&bench).await;
        let uuid = bench.directory().entry(known.entry).unwrap().unwrap().uuid().to_string();
        delete(&bench, known.entry).await;
        let mut next = user("alice", Some(password));
        if keeps_uuid {
            next.attributes.push(Attribute::new("entryUUID", [uuid.as_str()]));
        }
        let next = bench.core.add_entry(&bench.pool, &operator(), next).await.unwrap();
        assert_ne!(next, known.entry);
        assert_eq!(known.holds(&bench).await, (false, false, None), "{keeps_uuid}");
        let bound = bench.core.bind(&bench.pool, &uid("alice"), &secret(password), ldap()).await.unwrap();
        assert_eq!(
            bench.core.actor(&bench.pool, &bound, ldap()).unwrap().role,
            Role::User,
            "nor is the name in the group of administrators"
        );
    }
}

#[tokio::test]
async fn a_name_that_comes_by_a_rename_brings_nothing_either() {
    let bench = Bench::new().await;
    let known = Known::new(&bench).await;
    delete(&bench, known.entry).await;
    let bob = bench.user("bob", "correct horse").await;
    let rdn = Rdn::single("uid", "alice");
    bench.core.rename_entry(&bench.pool, &operator(), bob, &rdn, true, None).await.unwrap();
    assert_eq!(known.holds(&bench).await, (false, false, None));
    let bound = bench.core.bind(&bench.pool, &uid("alice"), &secret("correct horse"), ldap()).await.unwrap();
    assert_eq!((bound.entry(), bench.core.actor(&bench.pool, &bound, ldap()).unwrap().role), (bob, Role::User));
}

#[tokio::test]
async fn a_service_account_inherits_no_bind() {
    let bench = Bench::new().await;
    let first = bench.service("legacy", "correct horse").await;
    let name = BindName::Dn(Dn::parse("cn=legacy,ou=services,o=acme").unwrap());
    let bound = bench.core.bind(&bench.pool, &name, &secret("correct horse"), ldap()).await.unwrap();
    delete(&bench, first).await;
    bench.service("legacy", "battery staple").await;
    assert!(!bench.core.still_valid(&bound).unwrap());
    let refused = bench.core.bind(&bench.pool, &name, &secret("correct horse"), ldap()).await.unwrap_err();
    assert_eq!(refused.message(), Error::credentials().message());
}

/// The group of administrators is named by a DN. Whoever may give that name again is an
/// administrator already; members come along with no name.
#[tokio::test]
async fn administrators_go_with_their_group_and_only_administrators_give_its_name_again() {
    let bench = Bench::new().await;
    let known = Known::new(&bench).await;
    let admins = Dn::parse("cn=admins,ou=groups,o=acme").unwrap();
    let mallory = bench.user("mallory", "correct horse").await;
    let bound = bench.core.bind(&bench.pool, &uid("mallory"), &secret("correct horse"), ldap()).await.unwrap();
    let actor = bench.core.actor(&bench.pool, &bound, ldap()).unwrap();
    let group = |member: &str| {
        let member = format!("uid={member},ou=people,o=acme");
        let attributes = vec![Attribute::new("objectClass", ["groupOfNames"]), Attribute::new("member", [member.as_str()])];
        NewEntry { dn: admins.clone(), attributes }
    };
    delete(&bench, bench.directory().resolve(&admins).unwrap()).await;
    assert_eq!(known.holds(&bench).await, (true, true, Some(Role::User)));
    let denied = |error: Error| assert!(matches!(error.kind(), Kind::Denied(_) | Kind::NotFound { .. }), "{error}");
    denied(bench.core.add_entry(&bench.pool, &actor, group("mallory")).await.unwrap_err());
    let rdn = Rdn::single("cn", "admins");
    let groups = bench.directory().resolve(&Dn::parse("ou=groups,o=acme").unwrap()).unwrap();
    denied(bench.core.rename_entry(&bench.pool, &actor, mallory, &rdn, false, Some(groups)).await.unwrap_err());
    let next = bench.core.add_entry(&bench.pool, &operator(), group("mallory")).await.unwrap();
    assert_eq!(known.holds(&bench).await, (true, true, Some(Role::User)), "the next group has members of its own");
    let out = Modification { kind: ModificationKind::Delete, attribute: Attribute::new("member", ["uid=mallory,ou=people,o=acme"]) };
    bench.core.modify_entry(&bench.pool, &operator(), next, &[out]).await.unwrap();
    assert_eq!(bench.core.actor(&bench.pool, &bound, ldap()).unwrap().role, Role::User);
}
