//! Who a connection speaks for, and what that lets it see.

use super::client::{Found, bind_request, encoded, equal, search};
use super::*;
use crate::ldap::codec::{Authentication, BindRequest, Filter, Operation, PasswordModify, Scope};
use crate::pool::Status;
use crate::work::testing::{fill, keep_busy};
use std::pin::pin;

const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";

async fn who(client: &mut Client) -> String {
    let answer = client.extended(WHO_AM_I, None).await;
    assert_eq!(answer.code, 0);
    String::from_utf8(answer.value.unwrap()).unwrap()
}

async fn root_dse(client: &mut Client) -> Found {
    let answer = client.search(search("", Scope::Base, Filter::Present("objectClass"), &["*", "+"])).await;
    assert_eq!((answer.code, answer.entries.len()), (0, 1));
    answer.entries[0].clone()
}

#[tokio::test]
async fn names_that_bind() {
    let bench = Bench::start().await;
    for name in [ALICE, "UID=Alice, OU=People, O=Acme", "alice@acme", "alice@acme.example@acme"] {
        let mut client = bench.connect().await;
        assert_eq!(client.bind(name, &password("alice")).await.code, 0, "{name}");
        assert_eq!(who(&mut client).await, format!("dn:{ALICE}"));
    }
    assert_eq!(who(&mut bench.bound(LEGACY).await).await, format!("dn:{LEGACY}"));
}

/// Whoever is refused for want of a thread may not ask again at once.
#[tokio::test]
async fn who_finds_no_thread_is_answered_after_a_moment() {
    let bench = Bench::start().await;
    let work = &bench.core.work;
    let busy = keep_busy(work).await;
    fill(work, bench.acme.id(), 64).await;
    let (mut client, password) = (bench.connect().await, password("alice"));
    let mut bind = pin!(client.bind(ALICE, &password));
    assert!(tokio::time::timeout(Duration::from_millis(900), bind.as_mut()).await.is_err());
    assert_eq!(bind.await.code, 51);
    busy.end().await;
}

#[tokio::test]
async fn failures_read_alike() {
    let bench = Bench::start().await;
    let mut client = bench.connect().await;
    let wrong = client.bind(ALICE, "not it").await;
    assert_eq!(wrong.code, 49);
    let none = "uid=nobody,ou=people,o=acme";
    for name in [none, "nobody@acme", "alice@nowhere", "uid=alice,o=nowhere", "x-unknown=alice,o=acme", "ou=people,o=acme"] {
        let other = client.bind(name, "not it").await;
        assert_eq!((other.code, other.message.as_str(), other.matched.as_str()), (49, wrong.message.as_str(), ""), "{name}");
    }
    assert_eq!(client.bind("alice", "not it").await.code, 34, "a bare uid names no pool");
    assert_eq!(client.bind(BOB, &password("alice")).await.code, 49);
}

#[tokio::test]
async fn a_name_without_a_password_is_no_login() {
    let bench = Bench::start().await;
    let mut client = bench.bound(ALICE).await;
    assert_eq!(client.bind(ALICE, "").await.code, 53);
    assert_eq!(who(&mut client).await, "", "whoever was bound is no longer");
    assert_eq!(client.bind("", "password").await.code, 49);
    assert_eq!(client.bind("", "").await.code, 0);
    assert_eq!(who(&mut client).await, "");
}

#[tokio::test]
async fn other_ways_to_bind_are_refused() {
    let bench = Bench::start().await;
    let mut client = bench.connect().await;
    let sasl = Authentication::Sasl { mechanism: "PLAIN", credentials: Some(b"\0alice\0alice-demo-password") };
    assert_eq!(client.ask(Operation::BindRequest(BindRequest { version: 3, name: "", authentication: sasl })).await.code, 7);
    let old = BindRequest { version: 2, name: ALICE, authentication: Authentication::Simple(b"alice-demo-password") };
    assert_eq!(client.ask(Operation::BindRequest(old)).await.code, 2);
}

#[tokio::test]
async fn a_password_in_clear_text_is_taken_on_loopback_only() {
    let bench = Bench::start().await;
    let far = Some("192.0.2.7:4000".parse().unwrap());
    let mut client = bench.connect_as(far, Transport::Plain).await;
    let (right, wrong) = (client.bind(ALICE, &password("alice")).await, client.bind(ALICE, "not it").await);
    assert_eq!((right.code, &right.message), (13, &wrong.message));
    assert_eq!(client.bind("", "").await.code, 0, "an anonymous bind has no password to lose");
    let mut client = bench.connect_as(far, Transport::Tls).await;
    assert_eq!(client.bind(ALICE, &password("alice")).await.code, 0);
    let mapped = Some("[::ffff:127.0.0.1]:4000".parse().unwrap());
    let mut client = bench.connect_as(mapped, Transport::Plain).await;
    assert_eq!(client.bind(ALICE, &password("alice")).await.code, 0);
}

#[tokio::test]
async fn before_a_bind_only_the_root_dse_is_there() {
    let bench = Bench::start().await;
    let mut client = bench.connect().await;
    let root = root_dse(&mut client).await;
    assert_eq!(root.values("namingContexts"), Vec::<&str>::new());
    assert_eq!(root.values("supportedLDAPVersion"), ["3"]);
    let everything = || Filter::Present("objectClass");
    let mut answers = Vec::new();
    for base in ["o=acme", ALICE, "o=nowhere", "cn=subschema"] {
        for scope in [Scope::Base, Scope::One, Scope::Subtree] {
            let answer = client.search(search(base, scope, everything(), &[])).await;
            answers.push((answer.code, answer.matched, answer.message, answer.entries));
        }
    }
    assert_eq!(answers[0].0, 32);
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    let compare = crate::ldap::codec::CompareRequest { entry: ALICE, attribute: "uid", value: b"alice" };
    assert_eq!(client.ask(Operation::CompareRequest(compare)).await.code, 32);
    assert_eq!(client.ask(Operation::DeleteRequest(ALICE)).await.code, 32);
    let value = PasswordModify { user: Some(ALICE), old: Some(b"alice-demo-password"), new: Some(b"another long password") }.encode();
    assert_eq!(client.extended(PASSWORD_MODIFY, Some(&value)).await.code, 32);
}

#[tokio::test]
async fn after_a_bind_the_pool_is_there_and_no_other() {
    let bench = Bench::start().await;
    let mut client = bench.bound(LEGACY).await;
    assert_eq!(root_dse(&mut client).await.values("namingContexts"), ["o=acme"]);
    let answer = client.search(search("o=suppliers", Scope::Subtree, Filter::Present("objectClass"), &[])).await;
    assert_eq!((answer.code, answer.matched.as_str(), answer.entries.len()), (32, "", 0));
    assert_eq!(client.search(search(ERIN, Scope::Base, equal("uid", "erin"), &[])).await.code, 32);
    let answer = client.search(search("uid=x,ou=people,o=acme", Scope::Base, Filter::Present("uid"), &[])).await;
    assert_eq!((answer.code, answer.matched.as_str()), (32, "ou=people,o=acme"));

    let mut client = bench.bound(ERIN).await;
    assert_eq!(root_dse(&mut client).await.values("namingContexts"), ["o=suppliers"]);
    assert_eq!(client.search(search("o=acme", Scope::Base, Filter::Present("o"), &[])).await.code, 32);
}

#[tokio::test]
async fn a_failed_bind_leaves_nobody_bound() {
    let bench = Bench::start().await;
    let mut client = bench.bound(ALICE).await;
    assert_eq!(client.bind(ALICE, "not it").await.code, 49);
    assert_eq!(who(&mut client).await, "");
    assert_eq!(root_dse(&mut client).await.values("namingContexts"), Vec::<&str>::new());
}

#[tokio::test]
async fn a_bind_is_a_barrier_between_pipelined_requests() {
    let bench = Bench::start().await;
    let mut client = bench.connect().await;
    let alice = password("alice");
    let ask = || Operation::ExtendedRequest(crate::ldap::codec::ExtendedRequest { name: WHO_AM_I, value: None });
    let requests = [ask(), bind_request(ALICE, &alice), ask(), bind_request(BOB, "not it"), ask()];
    let bytes: Vec<u8> = requests.into_iter().zip(1..).flat_map(|(operation, id)| encoded(id, operation, vec![])).collect();
    client.send(&bytes).await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        let answer = client.answer().await.unwrap();
        answers.push((answer.id, answer.code, answer.value.map(|value| String::from_utf8(value).unwrap())));
    }
    let alice = format!("dn:{ALICE}");
    assert_eq!(answers, [(1, 0, Some("".into())), (2, 0, None), (3, 0, Some(alice)), (4, 49, None), (5, 0, Some("".into()))]);
}

#[tokio::test]
async fn whoever_is_disabled_loses_the_connection() {
    let bench = Bench::start().await;
    let mut alice = bench.bound(ALICE).await;
    let mut carol = bench.bound(CAROL).await;
    let answer = carol.ask(super::writes::replace(ALICE, "poolgateAccountDisabled", &[b"TRUE"])).await;
    assert_eq!(answer.code, 0, "{}", answer.message);
    alice.send(&encoded(9, Operation::SearchRequest(search(ALICE, Scope::Base, Filter::Present("uid"), &[])), vec![])).await;
    let notice = alice.answer().await.unwrap();
    assert_eq!((notice.id, notice.code, notice.name.as_deref()), (0, 8, Some("1.3.6.1.4.1.1466.20036")));
    assert!(alice.answer().await.is_none());
}

#[tokio::test]
async fn a_suspended_pool_answers_like_a_wrong_password() {
    let bench = Bench::start().await;
    let mut bound = bench.bound(ALICE).await;
    bench.core.registry.set_status(bench.acme.id(), &operator(), Status::Suspended).await.unwrap();
    let mut client = bench.connect().await;
    let (right, wrong) = (client.bind(ALICE, &password("alice")).await, client.bind(ALICE, "not it").await);
    assert_eq!((right.code, right.message), (49, wrong.message));
    bound.send(&encoded(9, Operation::DeleteRequest(ALICE), vec![])).await;
    assert_eq!(bound.answer().await.unwrap().code, 8);
}

#[tokio::test]
async fn a_bind_that_asks_for_too_much_leaves_nobody_bound() {
    let bench = Bench::start().await;
    let mut client = bench.bound(ALICE).await;
    let control = crate::ldap::codec::Control { oid: "1.2.3.4", critical: true, value: None };
    assert_eq!(client.ask_with(bind_request(ALICE, &password("alice")), vec![control]).await.code, 12);
    assert_eq!(who(&mut client).await, "");
}

#[tokio::test]
async fn nothing_tells_whether_an_entry_is_there_that_one_may_not_see() {
    let bench = Bench::start().await;
    let device = [("objectClass", "device"), ("objectClass", "uidObject"), ("cn", "printer"), ("uid", "printer")];
    bench.add(&bench.acme, "cn=printer,ou=services,o=acme", &device).await;
    let mut client = bench.bound(ALICE).await;
    let mut pair = Vec::new();
    for name in ["legacy-app", "none"] {
        let below = format!("nonsense=x,cn={name},ou=services,o=acme");
        let answer = client.search(search(&below, Scope::Base, Filter::Present("objectClass"), &[])).await;
        pair.push((answer.code, answer.matched));
    }
    assert_eq!(pair[0], pair[1]);
    let mut pair = Vec::new();
    for name in ["printer", "none"] {
        let value = PasswordModify { user: Some(name), old: Some(b"an old password"), new: Some(b"another long password") }.encode();
        let answer = client.extended(PASSWORD_MODIFY, Some(&value)).await;
        pair.push((answer.code, answer.message));
    }
    assert_eq!(pair[0], pair[1]);
}
