//! What somebody has asked for is done only if they still may when it is done.

use super::super::{decision::Decision, testing::*};
use crate::{
    model::{Actor, Dn, EntryId, Kind, Rdn, Result, Role, error::Denial},
    pool::Status,
    store::{Changes, CommitError},
    work::testing::keep_busy,
};
use std::sync::Arc;

/// What is taken from the administrator while the operation is under way, and what it is told then.
#[derive(Clone, Copy, Debug)]
enum Lost {
    Disabled,
    Removed,
    Deleted,
    Suspended,
}

struct Team {
    bench: Arc<Bench>,
    carol: Actor,
    id: EntryId,
    alice: EntryId,
}

impl Team {
    async fn new() -> Self {
        let bench = Arc::new(Bench::new().await);
        let alice = bench.user("alice", "correct horse").await;
        let id = bench.user("carol", "correct horse").await;
        bench.make_administrator("carol").await;
        let proof = bench.core.bind(&bench.pool, &uid("carol"), &"correct horse".into(), ldap()).await.unwrap();
        let carol = bench.core.actor(&bench.pool, &proof, ldap()).unwrap();
        assert_eq!(carol.role, Role::Administrator);
        Self { bench, carol, id, alice }
    }

    async fn lose(&self, lost: Lost) {
        let (bench, core) = (&self.bench, &self.bench.core);
        match lost {
            Lost::Disabled => bench.disable(self.id, true).await,
            Lost::Removed => {
                let group = bench.directory().resolve(&Dn::parse("cn=admins,ou=groups,o=acme").unwrap()).unwrap();
                let others = [replace("member", "uid=alice,ou=people,o=acme")];
                core.modify_entry(&bench.pool, &operator(), group, &others).await.map(drop).unwrap();
            }
            Lost::Deleted => core.delete_entry(&bench.pool, &operator(), self.id).await.unwrap(),
            Lost::Suspended => drop(core.registry.set_status(bench.pool.id(), &operator(), Status::Suspended).await.unwrap()),
        }
    }
}

fn refused<T: std::fmt::Debug>(lost: Lost, how: &str, result: Result<T>) {
    let error = result.expect_err(how);
    let expected = match lost {
        Lost::Removed => Denial::NotAllowed,
        Lost::Disabled | Lost::Deleted | Lost::Suspended => Denial::Credentials,
    };
    assert_eq!(*error.kind(), Kind::Denied(expected), "{lost:?}: {how}: {error}");
}

/// The actor was looked at when the request came in; then something takes its time.
#[tokio::test]
async fn who_has_lost_it_meanwhile_changes_nothing() {
    for lost in [Lost::Disabled, Lost::Removed, Lost::Deleted, Lost::Suspended] {
        let team = Team::new().await;
        team.lose(lost).await;
        let (core, pool, carol) = (&team.bench.core, &team.bench.pool, &team.carol);
        let directory = team.bench.directory();
        let before = directory.head(team.alice).unwrap().unwrap().version();
        refused(lost, "add", core.add_entry(pool, carol, user("new", None)).await);
        refused(lost, "add with a password", core.add_entry(pool, carol, user("new", Some("correct horse"))).await);
        refused(lost, "modify", core.modify_entry(pool, carol, team.alice, &[replace("sn", "Other")]).await);
        refused(
            lost,
            "modify with a password",
            core.modify_entry(pool, carol, team.alice, &[replace("userPassword", "another horse")]).await,
        );
        refused(lost, "password", core.set_password(pool, carol, team.alice, None, Some(secret("another horse"))).await);
        refused(lost, "rename", core.rename_entry(pool, carol, team.alice, &Rdn::single("uid", "other"), true, None).await);
        refused(lost, "unlock", core.unlock(pool, carol, team.alice).await);
        refused(lost, "delete", core.delete_entry(pool, carol, team.alice).await);
        assert_eq!(directory.head(team.alice).unwrap().unwrap().version(), before, "{lost:?}");
        assert!(directory.by_unique("uid", b"new").unwrap().is_none());
    }
}

/// The actor was looked at by the decision; then somebody is faster than its commit.
#[tokio::test]
async fn who_loses_it_before_the_commit_changes_nothing() {
    for lost in [Lost::Disabled, Lost::Removed, Lost::Deleted] {
        let team = Team::new().await;
        let (bench, mut changes) = (&team.bench, Changes::new());
        let decision = Decision::new(&bench.core, &bench.pool, &team.carol);
        decision.fill_modify(&mut changes, team.alice, None, &[replace("sn", "Other")]).unwrap();
        team.lose(lost).await;
        assert_eq!(bench.pool.store().commit(changes).await, Err(CommitError::Conflict), "{lost:?}");
    }
}

/// An administrator is dismissed while an operation of theirs waits for its hash.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_hash_is_judged_when_it_is_done() {
    let team = Team::new().await;
    let work = Arc::clone(&team.bench.core.work);
    let busy = keep_busy(&work).await;
    let adding = {
        let (bench, carol) = (Arc::clone(&team.bench), team.carol.clone());
        tokio::spawn(async move { bench.core.add_entry(&bench.pool, &carol, user("new", Some("correct horse"))).await })
    };
    // The hash waits behind those that hold the threads.
    while work.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    team.lose(Lost::Removed).await;
    busy.end().await;
    refused(Lost::Removed, "add", adding.await.unwrap());
    assert!(team.bench.directory().by_unique("uid", b"new").unwrap().is_none());
}

/// Who acts by no entry stays what they are.
#[tokio::test]
async fn the_operator_needs_no_entry() {
    let team = Team::new().await;
    team.lose(Lost::Suspended).await;
    let core = &team.bench.core;
    core.modify_entry(&team.bench.pool, &operator(), team.alice, &[replace("sn", "Other")]).await.unwrap();
}
