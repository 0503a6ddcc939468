//! Many who change the same entry at the same time: each is served, as by a server that locks.

use super::writes::{modify, replace};
use super::*;
use crate::ldap::codec::ChangeKind;

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
