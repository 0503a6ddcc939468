//! Connections: pipelining, abandon, limits, TLS, the end.

use super::super::budget::Account;
use super::client::{bind_request, encoded, equal, search};
use super::*;
use crate::ldap::codec::{self, ExtendedRequest, Filter, Operation, Scope};
use crate::model::ber::Header;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

const NOTICE: &str = "1.3.6.1.4.1.1466.20036";
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";

/// Somebody who asks through the pool from an address of the documentation's.
fn account(bench: &Bench, last: u8) -> Account {
    Account { pool: Some(bench.acme.id()), address: [192, 0, 2, last].into() }
}

fn who(id: i32) -> Vec<u8> {
    encoded(id, Operation::ExtendedRequest(ExtendedRequest { name: WHO_AM_I, value: None }), vec![])
}

async fn is_notice(client: &mut Client, code: u32) -> bool {
    let notice = client.answer().await.unwrap();
    let told = notice.id == 0 && notice.name.as_deref() == Some(NOTICE) && notice.code == code;
    told && client.answer().await.is_none()
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_order_and_written_at_once() {
    let bench = Bench::start().await;
    let mut stream = bench.socket(None, Transport::Plain).await;
    let bytes: Vec<u8> = (1..=100).flat_map(who).collect();
    stream.write_all(&bytes).await.unwrap();
    let mut answers = vec![0; 64 << 10];
    let count = stream.read(&mut answers).await.unwrap();
    let (mut rest, mut ids) = (&answers[..count], Vec::new());
    while let Ok(Some((message, size))) = codec::decode(rest, &codec::Limits::BOUND) {
        ids.push(message.id);
        rest = &rest[size..];
    }
    assert_eq!(ids, (1..=100).collect::<Vec<_>>(), "one read finds what one write wrote");
}

#[tokio::test]
async fn a_message_in_pieces_is_put_together() {
    let bench = Bench::start().await;
    let mut client = bench.connect().await;
    for byte in who(7) {
        client.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.unwrap().id, 7);
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection_with_a_notice() {
    let bench = Bench::start().await;
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01],
        &[0x30, 0x80],
        &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
        &[0x30, 0x02, 0x02, 0x01],
    ] {
        let mut client = bench.connect().await;
        client.send(bytes).await;
        assert!(is_notice(&mut client, 2).await, "{bytes:?}");
    }
    let mut client = bench.connect().await;
    client.send(&encoded(3, Operation::SearchDone(codec::LdapResult::success()), vec![])).await;
    assert!(is_notice(&mut client, 2).await, "an answer of a client");
}

#[tokio::test]
async fn a_request_with_wrong_contents_is_answered_and_the_connection_goes_on() {
    let bench = Bench::start().await;
    let mut client = bench.bound(ALICE).await;
    let deep = (0..40).fold(Filter::Present("uid"), |filter, _| Filter::Not(Box::new(filter)));
    assert_eq!(client.search(search("o=acme", Scope::Base, deep, &[])).await.code, 11);
    client.send(&[0x30, 0x06, 0x02, 0x01, 0x05, 0x4a, 0x01, 0xff]).await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.id, answer.code), (5, 2), "a name that is not UTF-8");
    client.send(&who(6)).await;
    assert_eq!(client.answer().await.unwrap().value.unwrap(), format!("dn:{ALICE}").into_bytes());
    // A bind with a version out of range leaves nobody bound.
    client.send(&[0x30, 0x0d, 0x02, 0x01, 0x07, 0x60, 0x08, 0x02, 0x02, 0x7f, 0xff, 0x04, 0x00, 0x80, 0x00]).await;
    assert_eq!(client.answer().await.unwrap().code, 2);
    client.send(&who(8)).await;
    assert_eq!(client.answer().await.unwrap().value.unwrap(), b"");
}

#[tokio::test]
async fn messages_may_be_longer_after_a_bind() {
    let small = codec::Limits { message_size: 200, ..codec::Limits::UNBOUND };
    let bench = Bench::with(Limits { unbound: small, ..Limits::default() }, None).await;
    let long = "x".repeat(300);
    let request = || encoded(9, Operation::SearchRequest(search("o=acme", Scope::Base, equal("o", &long), &[])), vec![]);
    let mut client = bench.connect().await;
    client.send(&request()).await;
    assert!(is_notice(&mut client, 2).await);
    let mut client = bench.bound(ALICE).await;
    client.send(&request()).await;
    assert_eq!(client.answer().await.unwrap().code, 0);
}

#[tokio::test]
async fn the_limits_have_defaults_that_fit_each_other() {
    let limits = Limits::default();
    assert_eq!((limits.unbound, limits.bound), (codec::Limits::UNBOUND, codec::Limits::BOUND));
    assert!(limits.unbound_idle < limits.bound_idle && limits.arrival <= limits.unbound_idle);
    assert!(limits.own >= 64 << 10 && limits.bound.message_size <= limits.all_input.min(limits.all_output) / 16);
    let slowest = Duration::from_secs((limits.bound.message_size / limits.slowest) as u64);
    assert!(slowest <= Duration::from_secs(300), "a reader that is just fast enough is served for {slowest:?}");
    assert!(limits.output >= 64 << 10 && limits.read_ahead >= 4 << 10 && limits.search_entries >= 1_000);
}

#[tokio::test]
async fn silence_ends_a_connection_sooner_before_a_bind() {
    let (short, long) = (Duration::from_millis(50), Duration::from_secs(600));
    let bench = Bench::with(Limits { unbound_idle: short, ..Limits::default() }, None).await;
    let mut client = bench.connect().await;
    assert!(is_notice(&mut client, 52).await);
    let bench = Bench::with(Limits { unbound_idle: long, bound_idle: short, ..Limits::default() }, None).await;
    let mut client = bench.bound(ALICE).await;
    assert!(is_notice(&mut client, 52).await);
}

#[tokio::test]
async fn a_message_that_does_not_arrive_ends_the_connection() {
    let bench = Bench::with(Limits { arrival: Duration::from_millis(50), ..Limits::default() }, None).await;
    let mut client = bench.connect().await;
    client.send(&who(1)[..5]).await;
    assert!(is_notice(&mut client, 2).await);
}

#[tokio::test]
async fn an_unbind_ends_the_connection_without_a_word() {
    let bench = Bench::start().await;
    let mut client = bench.connect().await;
    let bytes = [who(1), encoded(2, Operation::UnbindRequest, vec![]), who(3)].concat();
    client.send(&bytes).await;
    assert_eq!(client.answer().await.unwrap().id, 1);
    assert_eq!(client.answer().await, None);
}

#[tokio::test]
async fn stopping_the_server_is_told() {
    let bench = Bench::start().await;
    let mut client = bench.bound(ALICE).await;
    bench.shutdown.cancel();
    assert!(is_notice(&mut client, 52).await);
}

async fn many_entries(bench: &Bench) {
    let text = "x".repeat(1_000);
    for number in 0..200 {
        let attributes = [("objectClass", "organizationalUnit"), ("description", text.as_str())];
        bench.add(&bench.acme, &format!("ou=unit{number},ou=apps,o=acme"), &attributes).await;
    }
}

fn everything(id: i32) -> Vec<u8> {
    encoded(id, Operation::SearchRequest(search("o=acme", Scope::Subtree, Filter::Present("objectClass"), &[])), vec![])
}

#[tokio::test]
async fn an_abandoned_search_ends_without_an_answer() {
    let bench = Bench::with(Limits { output: 2_000, ..Limits::default() }, None).await;
    many_entries(&bench).await;
    let mut client = bench.bound(LEGACY).await;
    let bytes = [everything(5), encoded(6, Operation::AbandonRequest(5), vec![]), who(7)].concat();
    client.send(&bytes).await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.id, answer.name), (7, None));
    assert!(answer.entries.len() < 200, "{}", answer.entries.len());
    let bytes = [encoded(8, Operation::AbandonRequest(99), vec![]), who(9)].concat();
    client.send(&bytes).await;
    assert_eq!(client.answer().await.unwrap().id, 9, "what is not there may be abandoned");
}

#[tokio::test]
async fn a_slow_reader_gets_everything_and_a_reader_that_has_stopped_loses_the_connection() {
    let bench = Bench::with(Limits { output: 4_000, write: Duration::from_millis(200), ..Limits::default() }, None).await;
    many_entries(&bench).await;
    let mut client = bench.bound(LEGACY).await;
    client.send(&everything(5)).await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.code, answer.entries.len()), (0, 210));
    // Far more than the sockets hold, and nobody reads: the server stops writing, waits and gives
    // up.
    let (mut stream, served) = bench.serve(None, Transport::Plain).await;
    let bind = encoded(1, bind_request(LEGACY, "legacy-demo-password"), vec![]);
    let requests: Vec<u8> = (10..400).flat_map(everything).collect();
    stream.write_all(&[bind, requests].concat()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), served).await.expect("the server waits for ever").unwrap();
}

#[tokio::test]
async fn a_large_answer_waits_for_room_and_a_small_one_does_not() {
    let bench = Bench::with(Limits { all_output: 8 << 20, write: Duration::from_millis(50), ..Limits::default() }, None).await;
    many_entries(&bench).await;
    let mut client = bench.bound(LEGACY).await;
    let request = || search("o=acme", Scope::Subtree, Filter::Present("objectClass"), &[]);
    let taken = bench.app.budget.output.take(account(&bench, 1), 8 << 20).await.unwrap();
    let more = bench.app.budget.output.take(account(&bench, 2), 8 << 20).await.unwrap();
    assert_eq!(client.search(request()).await.code, 51, "the pool has all its room");
    assert_eq!(client.search(search(ALICE, Scope::Base, Filter::Present("objectClass"), &[])).await.code, 0);
    drop((taken, more));
    let answer = client.search(request()).await;
    assert_eq!((answer.code, answer.entries.len()), (0, 210));
    assert_eq!(client.search(search(ALICE, Scope::Base, Filter::Present("objectClass"), &[])).await.code, 0);
    assert_eq!(bench.app.budget.output.left(), 8 << 20);
}

#[tokio::test]
async fn a_search_that_waits_for_room_can_be_abandoned() {
    let bench = Bench::with(Limits { all_output: 8 << 20, ..Limits::default() }, None).await;
    many_entries(&bench).await;
    let mut client = bench.bound(LEGACY).await;
    let take = |last| bench.app.budget.output.take(account(&bench, last), 8 << 20);
    let _taken = (take(1).await.unwrap(), take(2).await.unwrap());
    let abandon = encoded(11, Operation::AbandonRequest(10), vec![]);
    client.send(&[everything(10), abandon, who(12)].concat()).await;
    assert_eq!(client.answer().await.unwrap().id, 12, "long before the wait for room would end");
}

fn tls() -> (TlsAcceptor, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)))
}

fn start_tls(id: i32) -> Vec<u8> {
    encoded(id, Operation::ExtendedRequest(ExtendedRequest { name: START_TLS, value: None }), vec![])
}

async fn frame(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        if let Some(header) = Header::read(&bytes).unwrap()
            && bytes.len() >= header.size + header.length
        {
            return bytes;
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn start_tls_changes_to_tls_and_forgets_who_was_bound() {
    let (acceptor, connector) = tls();
    let bench = Bench::with(Limits::default(), Some(acceptor)).await;
    let mut client = bench.bound(ALICE).await;
    let answer = client.extended(START_TLS, None).await;
    assert_eq!((answer.code, answer.name.as_deref()), (0, Some(START_TLS)));
    let mut stream = connector.connect("localhost".try_into().unwrap(), client.stream).await.unwrap();
    let mut ask = async |bytes: Vec<u8>| {
        stream.write_all(&bytes).await.unwrap();
        frame(&mut stream).await
    };
    let value = |bytes: &[u8]| match codec::decode(bytes, &codec::Limits::BOUND).unwrap().unwrap().0.operation {
        Operation::ExtendedResponse(response) => (response.result.code.0, response.value.map(|value| value.into_owned())),
        other => panic!("{other:?}"),
    };
    assert_eq!(value(&ask(who(2)).await), (0, Some(vec![])));
    assert_eq!(value(&ask(start_tls(3)).await), (1, None), "once is enough");
    ask(encoded(4, bind_request(ALICE, &password("alice")), vec![])).await;
    assert_eq!(value(&ask(who(5)).await), (0, Some(format!("dn:{ALICE}").into_bytes())));
}

#[tokio::test]
async fn nothing_may_follow_a_start_tls_in_clear_text() {
    let bench = Bench::with(Limits::default(), Some(tls().0)).await;
    let mut client = bench.connect().await;
    client.send(&[start_tls(1), who(2)].concat()).await;
    assert!(is_notice(&mut client, 2).await);
}

#[tokio::test]
async fn start_tls_is_refused_where_there_is_no_certificate() {
    let bench = Bench::start().await;
    let mut client = bench.connect().await;
    assert_eq!(client.extended(START_TLS, None).await.code, 2);
    let bench = Bench::with(Limits::default(), Some(tls().0)).await;
    let mut client = bench.connect_as(None, Transport::Tls).await;
    assert_eq!(client.extended(START_TLS, None).await.code, 1);
    let mut client = bench.connect().await;
    assert_eq!(client.extended(START_TLS, Some(b"x")).await.code, 2);
}
