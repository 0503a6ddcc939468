//! Modifies that a client sends without waiting for answers.

use super::client::{Answer, encoded, equal, search};
use super::writes::{modify, replace};
use super::*;
use crate::ldap::codec::{ChangeKind, Operation, Scope};
use tokio::io::AsyncWriteExt;

/// Sends the requests at once, numbered from 100 on, and gives the answers in the order of these
/// numbers.
async fn at_once(client: &mut Client, requests: Vec<Operation<'_>>) -> Vec<Answer> {
    let count = requests.len();
    let bytes: Vec<u8> = (100..).zip(requests).flat_map(|(id, request)| encoded(id, request, Vec::new())).collect();
    client.send(&bytes).await;
    let mut answers = Vec::new();
    for _ in 0..count {
        answers.push(client.answer().await.expect("an answer"));
    }
    answers.sort_by_key(|answer| answer.id);
    let ids: Vec<_> = answers.iter().map(|answer| answer.id).collect();
    assert_eq!(ids, (100..).take(count).collect::<Vec<_>>());
    answers
}

fn codes(answers: &[Answer]) -> Vec<u32> {
    answers.iter().map(|answer| answer.code).collect()
}

async fn value(client: &mut Client, entry: &str, name: &str) -> String {
    let answer = client.search(search(entry, Scope::Base, equal("objectClass", "person"), &[name])).await;
    answer.entries[0].values(name).join(",")
}

#[tokio::test]
async fn each_is_done_and_those_of_one_entry_are_done_in_order() {
    for changes in [1, 2, 32] {
        let bench = Bench::with(Limits { changes, ..Limits::default() }, None).await;
        let mut carol = bench.bound(CAROL).await;
        let people = [ALICE, BOB, CAROL];
        let texts: Vec<String> = (0..30).map(|number| number.to_string()).collect();
        let requests = people.iter().cycle().zip(&texts).map(|(entry, text)| replace(entry, "displayName", &[text.as_bytes()]));
        assert_eq!(codes(&at_once(&mut carol, requests.collect()).await), [0; 30]);
        for (entry, last) in people.iter().zip(["27", "28", "29"]) {
            assert_eq!(value(&mut carol, entry, "displayName").await, last);
        }
    }
}

/// Whoever asks for much that takes long, and goes, is not worked for any longer.
#[tokio::test]
async fn what_somebody_asked_for_who_has_gone_is_not_done() {
    let bench = Bench::start().await;
    let (stream, served) = bench.serve(None, Transport::Plain).await;
    bench.clock.pace.store(2, Ordering::SeqCst);
    let mut client = Client::new(stream);
    let question = || encoded(7, Operation::SearchRequest(search("", Scope::Base, equal("objectClass", "top"), &["1.1"])), Vec::new());
    client.send(&(0..1000).flat_map(|_| question()).collect::<Vec<_>>()).await;
    drop(client);
    served.await.unwrap();
    // Two or three for each that is answered; some seventy are read at once.
    let looks = bench.clock.looks.load(Ordering::SeqCst);
    assert!(looks < 70, "{looks}");
}

#[tokio::test]
async fn what_comes_later_finds_what_was_asked_for_before() {
    let bench = Bench::start().await;
    let mut carol = bench.bound(CAROL).await;
    let moved = vec![
        modify(ALICE, vec![(ChangeKind::Delete, "mail", &[])]),
        // Refused as long as the other has the address.
        modify(BOB, vec![(ChangeKind::Replace, "mail", &[b"alice@acme.example"])]),
        replace(ALICE, "mail", &[b"bob@acme.example"]),
        Operation::SearchRequest(search(ALICE, Scope::Base, equal("mail", "bob@acme.example"), &["mail"])),
        replace(BOB, "mail", &[b"bob@acme.example"]),
        replace(CAROL, "displayName", &[b"Carol"]),
        Operation::DeleteRequest(BOB),
        replace(BOB, "displayName", &[b"Bob"]),
    ];
    let answers = at_once(&mut carol, moved).await;
    assert_eq!(codes(&answers), [0, 0, 0, 0, 19, 0, 0, 32]);
    assert_eq!(answers[3].entries.len(), 1);
    assert_eq!(value(&mut carol, CAROL, "displayName").await, "Carol");
}

#[tokio::test]
async fn who_asks_is_asked_anew_once_it_may_have_changed() {
    let bench = Bench::start().await;
    bench.add_person(&bench.acme, "dave").await;
    let dave = "uid=dave,ou=people,o=acme";
    let mut carol = bench.bound(CAROL).await;
    let admins = "cn=admins,ou=groups,o=acme";
    let member = |kind, name: &'static str| modify(admins, vec![(kind, "member", &[name.as_bytes()])]);
    assert_eq!(carol.ask(member(ChangeKind::Add, dave)).await.code, 0);
    let resigns = vec![
        replace(BOB, "displayName", &[b"Bob"]),
        member(ChangeKind::Delete, CAROL),
        replace(ALICE, "displayName", &[b"Alice"]),
        replace(ALICE, "userPassword", &[b"another good one"]),
    ];
    assert_eq!(codes(&at_once(&mut carol, resigns).await), [0, 0, 50, 50]);

    let mut dave = bench.bound(dave).await;
    let disables_himself: Vec<u8> = [
        encoded(1, replace(BOB, "displayName", &[b"Robert"]), Vec::new()),
        encoded(2, replace("uid=dave,ou=people,o=acme", "poolgateAccountDisabled", &[b"TRUE"]), Vec::new()),
        encoded(3, replace(ALICE, "displayName", &[b"Alice"]), Vec::new()),
    ]
    .concat();
    dave.send(&disables_himself).await;
    let mut codes = Vec::new();
    while let Some(answer) = dave.answer().await {
        codes.push((answer.id, answer.code));
    }
    assert_eq!(codes, [(1, 0), (2, 0), (0, 8)], "and then a notice");
}

#[tokio::test]
async fn a_password_is_changed_alone() {
    let bench = Bench::start().await;
    let mut alice = bench.bound(ALICE).await;
    let old = password("alice");
    let requests = vec![
        replace(ALICE, "displayName", &[b"before"]),
        modify(
            ALICE,
            vec![(ChangeKind::Delete, "userPassword", &[old.as_bytes()]), (ChangeKind::Add, "userPassword", &[b"another good one"])],
        ),
        replace(ALICE, "displayName", &[b"after"]),
    ];
    assert_eq!(codes(&at_once(&mut alice, requests).await), [0; 3]);
    assert_eq!(value(&mut alice, ALICE, "displayName").await, "after");
    assert_eq!(bench.connect().await.bind(ALICE, "another good one").await.code, 0);
}

#[tokio::test]
async fn they_are_ended_and_answered_before_the_connection_ends() {
    let bench = Bench::start().await;
    let requests = |text: &'static str| -> Vec<u8> {
        let one = |id, entry| encoded(id, replace(entry, "displayName", &[text.as_bytes()]), Vec::new());
        [one(7, ALICE), one(8, BOB), one(9, CAROL)].concat()
    };
    let ends: [(&str, &[u8]); 3] = [("silence", b""), ("unbind", b"\x30\x05\x02\x01\x0a\x42\x00"), ("nonsense", b"nonsense")];
    for (name, end) in ends {
        let mut carol = bench.bound(CAROL).await;
        carol.send(&[requests(name), end.to_vec()].concat()).await;
        carol.stream.shutdown().await.unwrap();
        let mut ids = Vec::new();
        while let Some(answer) = carol.answer().await.filter(|answer| answer.id != 0) {
            assert_eq!(answer.code, 0);
            ids.push(answer.id);
        }
        ids.sort_unstable();
        assert_eq!(ids, [7, 8, 9], "{name}");
        assert_eq!(value(&mut bench.bound(CAROL).await, BOB, "displayName").await, name);
    }
}

/// Whoever owes the time of their address is not kept waiting with what is under way, and begins
/// nothing beside it.
#[tokio::test]
async fn whoever_owes_ends_what_is_under_way_and_begins_no_more() {
    let bench = Bench::start().await;
    let mut carol = bench.connect_as(Some("127.0.0.2:1".parse().unwrap()), Transport::Plain).await;
    assert_eq!(carol.bind(CAROL, &password("carol")).await.code, 0);
    // From now on every look at the clock takes years.
    bench.clock.pace.store(u64::MAX >> 32, Ordering::SeqCst);
    let people = [ALICE, BOB, CAROL];
    let requests = people.map(|entry| replace(entry, "displayName", &[b"new"]));
    let bytes: Vec<u8> = (100..).zip(requests).flat_map(|(id, request)| encoded(id, request, Vec::new())).collect();
    carol.send(&bytes).await;
    assert_eq!(carol.answer().await.unwrap().id, 100);
    bench.clock.pace.store(0, Ordering::SeqCst);
    let mut other = bench.bound(LEGACY).await;
    assert_ne!(value(&mut other, CAROL, "displayName").await, "new");
}
