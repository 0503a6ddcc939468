//! Many at the same time: who change the same entry are each served, as by a server that locks; who
//! send much share the room for that.

use super::writes::{modify, replace};
use super::*;
use crate::ldap::budget::Account;
use crate::ldap::codec::{ChangeKind, ResultCode};
use std::net::Ipv4Addr;

const CONNECTIONS: usize = 64;
const ADMINS: &str = "cn=admins,ou=groups,o=acme";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_changes_the_same_entry_is_told_that_it_is_busy() {
    let bench = Arc::new(Bench::start().await);
    let mut writers = Vec::new();
    for writer in 0..CONNECTIONS {
        let mut client = bench.bound(CAROL).await;
        writers.push(tokio::spawn(async move {
            let mut codes = Vec::new();
            for round in 0..5 {
                let text = format!("{writer} {round}");
                codes.push(client.ask(replace(ALICE, "displayName", &[text.as_bytes()])).await.code);
            }
            codes
        }));
    }
    for writer in writers {
        assert_eq!(writer.await.unwrap(), [0; 5]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_changes_the_same_group_is_told_that_it_is_busy() {
    let bench = Arc::new(Bench::start().await);
    let names: Vec<String> = (0..CONNECTIONS).map(|number| format!("member{number}")).collect();
    for name in &names {
        bench.add_person(&bench.acme, name).await;
    }
    let mut writers = Vec::new();
    for name in names {
        let mut client = bench.bound(CAROL).await;
        writers.push(tokio::spawn(async move {
            let member = format!("uid={name},ou=people,o=acme");
            let mut codes = Vec::new();
            for kind in [ChangeKind::Add, ChangeKind::Delete, ChangeKind::Add] {
                codes.push(client.ask(modify(ADMINS, vec![(kind, "member", &[member.as_bytes()])])).await.code);
            }
            codes
        }));
    }
    for writer in writers {
        assert_eq!(writer.await.unwrap(), [0; 3]);
    }
}

/// Nor is somebody in the way who has not bound, from the same address.
#[tokio::test]
async fn what_somebody_sends_who_has_bound_is_on_the_account_of_their_pool() {
    let bench = Bench::start().await;
    let mut client = bench.bound(CAROL).await;
    let account = |pool| Account { pool, address: Ipv4Addr::LOCALHOST.into() };
    let take = |pool| bench.app.budget.input.take(account(pool), bench.app.limits.all_input);
    let _of_strangers = take(None).await.unwrap();
    let left = bench.app.budget.input.left();
    let large = vec![b'x'; 3 * bench.app.limits.own];
    assert_ne!(client.ask(replace(ALICE, "description", &[&large])).await.code, ResultCode::BUSY.0);
    assert_eq!(bench.app.budget.input.left(), left, "and given back");
}
