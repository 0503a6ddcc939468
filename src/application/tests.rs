//! Records as bytes, and what the room does over a real store.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::record;
use super::*;
use crate::model::entropy::Entropy;
use crate::model::{EntryId, Epoch, PoolId, Sequence, Timestamp, Voucher};
use crate::store::{Changes, CommitError, Key, Options, PoolStore, Prefix, SegmentSync, Space, Store};
use crate::work::Hasher;
use std::time::Duration;
use tempfile::TempDir;

struct Counting;

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.iter_mut().enumerate().for_each(|(place, byte)| *byte = place as u8);
    }
}

fn store() -> (TempDir, PoolStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap().pool(PoolId::new(7));
    (folder, store)
}

fn client() -> Client {
    let uris = ["https://app.example/callback", "http://127.0.0.1:9090/callback"].map(|uri| RedirectUri::parse(uri).unwrap());
    Client {
        post_logout_redirect_uris: vec![RedirectUri::parse("https://app.example/").unwrap()],
        first_party: true,
        id_token_alg: SigningAlgorithm::Es256,
        auth_method: AuthMethod::SecretBasic,
        ..Client::confidential(ClientId::parse("app").unwrap(), "App", SecretHash::generate(&Counting).1, uris.to_vec())
    }
}

fn service_provider() -> ServiceProvider {
    let entity_id = EntityId::parse("https://sp.example/metadata").unwrap();
    ServiceProvider {
        name_id: NameIdFormat::EmailAddress,
        attributes: vec![AttributeMapping { source: "mail".into(), name: "email".into() }],
        sign: Signed::Both,
        request_certificates: vec![vec![0x30, 0].into()],
        require_signed_requests: true,
        ..ServiceProvider::new(entity_id, "SP", RedirectUri::parse("https://sp.example/acs").unwrap())
    }
}

fn grant() -> Grant {
    Grant {
        id: GrantId::draw(&Counting),
        client_id: ClientId::parse("app").unwrap(),
        entry: EntryId::new(42),
        scopes: vec!["openid".into(), "email".into()],
        created: Timestamp::from_seconds(1000),
        expires: Timestamp::from_seconds(1600),
        password_proof: Some(Timestamp::from_seconds(900)),
        voucher: None,
        session: [9; 32],
        epoch: None,
        entry_epoch: None,
    }
}

fn code() -> Code {
    Code {
        client_id: ClientId::parse("app").unwrap(),
        redirect_uri: "https://app.example/callback".into(),
        entry: EntryId::new(42),
        scopes: vec!["openid".into()],
        nonce: Some("n".into()),
        challenge: Some("c".into()),
        auth_time: Timestamp::from_seconds(900),
        acr: "1".into(),
        amr: vec!["pwd".into()],
        grant: GrantId::draw(&Counting),
        expires: Timestamp::from_seconds(1060),
        used: false,
        session: [9; 32],
        password_proof: Some(Timestamp::from_seconds(800)),
        voucher: None,
        epoch: None,
        entry_epoch: None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn golden_bytes() {
    for (bytes, golden) in [
        (record::encode(&client()), GOLDEN_CLIENT),
        (record::encode(&service_provider()), GOLDEN_SERVICE_PROVIDER),
        (record::encode(&grant()), GOLDEN_GRANT),
        (record::encode(&code()), GOLDEN_CODE),
    ] {
        assert_eq!(hex(&bytes), golden.replace(['\n', ' '], ""));
    }
    assert_eq!(record::decode::<Client>(&record::encode(&client())).unwrap(), client());
    assert_eq!(record::decode::<ServiceProvider>(&record::encode(&service_provider())).unwrap(), service_provider());
    assert_eq!(record::decode::<Grant>(&record::encode(&grant())).unwrap(), grant());
    assert_eq!(record::decode::<Code>(&record::encode(&code())).unwrap(), code());
    assert_eq!(record::decode::<ServiceProvider>(&unhex(FORMER_SERVICE_PROVIDER)).unwrap(), service_provider());
    let epoch = Some(Epoch::of_commit(Sequence::new(5)));
    let tail = |bytes: Vec<u8>| hex(&bytes[bytes.len() - 2..]);
    assert_eq!(tail(record::encode(&Client { epoch, ..client() })), "0905");
    assert_eq!(tail(record::encode(&ServiceProvider { epoch, ..service_provider() })), "0905");
    assert_eq!(tail(record::encode(&Grant { epoch, ..grant() })), "0905");
    assert_eq!(tail(record::encode(&Code { epoch, ..code() })), "0f05");
    let vouched = Some(Voucher { provider: "idp".into(), epoch: Epoch::of_commit(Sequence::new(5)) });
    let tail = |bytes: Vec<u8>| hex(&bytes[bytes.len() - 9..]);
    assert_eq!(tail(record::encode(&Grant { voucher: vouched.clone(), ..grant() })), "08a200636964700105");
    assert_eq!(tail(record::encode(&Code { voucher: vouched, ..code() })), "0ea200636964700105");
    assert_eq!(record::decode::<Grant>(&unhex(FORMER_GRANT)).unwrap(), Grant { password_proof: None, ..grant() });
    assert_eq!(record::decode::<Code>(&unhex(FORMER_CODE)).unwrap(), Code { password_proof: None, ..code() });
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.replace(['\n', ' '], "");
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..][..2], 16).unwrap()).collect()
}

const GOLDEN_CLIENT: &str =
    "01a9006361707001634170700278337b7368613235367d366f5a716458354d4f4c715f71424a38767070416e5434666b36415038556950397a58382d
    5265765f39410382781c68747470733a2f2f6170702e6578616d706c652f63616c6c6261636b781e687474703a2f2f3132372e302e302e313a393039
    302f63616c6c6261636b04817468747470733a2f2f6170702e6578616d706c652f05f506f507010801";
const GOLDEN_SERVICE_PROVIDER: &str =
    "01a800781b68747470733a2f2f73702e6578616d706c652f6d65746164617461016253500281a3007668747470733a2f2f73702e6578616d706c652f
    616373010002f503020481a200646d61696c0165656d61696c0502068142300007f5";
/// As it was when it could hold a place for logouts.
const FORMER_SERVICE_PROVIDER: &str =
    "01a900781b68747470733a2f2f73702e6578616d706c652f6d65746164617461016253500281a3007668747470733a2f2f73702e6578616d706c652f
    616373010002f503020481a200646d61696c0165656d61696c0502068142300007f5087668747470733a2f2f73702e6578616d706c652f736c6f";
const GOLDEN_GRANT: &str =
    "01a80050000102030405060708090a0b0c0d0e0f016361707002182a0382666f70656e696465656d61696c041a3b9aca00051a5f5e10000658200909
    090909090909090909090909090909090909090909090909090909090909071a35a4e900";
/// As it was before a grant knew about passwords.
const FORMER_GRANT: &str =
    "01a70050000102030405060708090a0b0c0d0e0f016361707002182a0382666f70656e696465656d61696c041a3b9aca00051a5f5e10000658200909
    090909090909090909090909090909090909090909090909090909090909";
const GOLDEN_CODE: &str =
    "01ae006361707001781c68747470733a2f2f6170702e6578616d706c652f63616c6c6261636b02182a0381666f70656e696404616e056163061a35a4
    e9000761310881637077640950000102030405060708090a0b0c0d0e0f0a1a3f2e51000bf40c58200909090909090909090909090909090909090909
    0909090909090909090909090d1a2faf0800";
/// As it was before a code knew about passwords.
const FORMER_CODE: &str =
    "01ad006361707001781c68747470733a2f2f6170702e6578616d706c652f63616c6c6261636b02182a0381666f70656e696404616e056163061a35a4
    e9000761310881637077640950000102030405060708090a0b0c0d0e0f0a1a3f2e51000bf40c58200909090909090909090909090909090909090909
    090909090909090909090909";

#[tokio::test]
async fn an_application_that_cannot_be_read_is_listed_and_can_be_deleted() {
    let (_folder, store) = store();
    let (client_id, entity_id) = (ClientId::parse("b").unwrap(), EntityId::parse("https://b.example").unwrap());
    let mut changes = Changes::new();
    for name in ["a", "c"] {
        add_client(&mut changes, &Client { client_id: ClientId::parse(name).unwrap(), ..client() }, &Counting).unwrap();
    }
    add_service_provider(&mut changes, &service_provider(), &Counting).unwrap();
    changes.put(record::key(record::Kind::Client, "b"), vec![99]);
    changes.put(record::key(record::Kind::ServiceProvider, entity_id.as_str()), Vec::new());
    store.commit(changes).await.unwrap();

    let listed = clients(&store, None, 10).unwrap();
    let names: Vec<_> = listed.iter().map(|client| client.as_ref().map_or_else(|unreadable| unreadable.name.as_str(), |_| "")).collect();
    assert_eq!(names, ["", "b", ""]);
    assert!(listed[1].as_ref().unwrap_err().reason.message().contains("version 99"));
    assert_eq!(clients(&store, Some(&client_id), 10).unwrap().len(), 1, "a page can begin after it");
    assert!(find_client(&store, "b").is_err());
    let listed = service_providers(&store, None, 10).unwrap();
    assert_eq!(listed[0].as_ref().unwrap_err().name, "https://b.example");
    assert_eq!(listed[1].as_ref().unwrap().entity_id, service_provider().entity_id);

    assert!(has_client(&store, &client_id).unwrap() && has_service_provider(&store, &entity_id).unwrap());
    let mut changes = Changes::new();
    delete_client(&mut changes, &client_id);
    delete_service_provider(&mut changes, &entity_id);
    store.commit(changes).await.unwrap();
    assert!(!has_client(&store, &client_id).unwrap() && !has_service_provider(&store, &entity_id).unwrap());
    assert_eq!((clients(&store, None, 10).unwrap().len(), service_providers(&store, None, 10).unwrap().len()), (2, 1));
}

#[tokio::test]
async fn clients_are_added_found_listed_and_deleted() {
    let (_folder, store) = store();
    let mut changes = Changes::new();
    for id in ["b", "a", "c"] {
        add_client(&mut changes, &Client { client_id: ClientId::parse(id).unwrap(), ..client() }, &Counting).unwrap();
    }
    add_service_provider(&mut changes, &service_provider(), &Counting).unwrap();
    store.commit(changes).await.unwrap();

    let names = |after: Option<&str>, limit| -> Vec<String> {
        let after = after.map(|id| ClientId::parse(id).unwrap());
        clients(&store, after.as_ref(), limit).unwrap().into_iter().map(|client| client.unwrap().client_id.to_string()).collect()
    };
    assert_eq!(names(None, 10), ["a", "b", "c"]);
    assert_eq!(names(Some("a"), 1), ["b"]);
    let registered = ServiceProvider { epoch: Some(Epoch::draw(&Counting)), ..service_provider() };
    assert_eq!(
        service_providers(&store, None, 10).unwrap().into_iter().map(|provider| provider.unwrap()).collect::<Vec<_>>(),
        std::slice::from_ref(&registered)
    );
    assert_eq!(find_client(&store, "A").unwrap(), None, "the case counts");
    assert_eq!(find_client(&store, "not\u{e9}").unwrap(), None);
    assert_eq!(find_service_provider(&store, "https://sp.example/metadata").unwrap(), Some(registered));

    let mut again = Changes::new();
    add_client(&mut again, &Client { client_id: ClientId::parse("a").unwrap(), ..client() }, &Counting).unwrap();
    assert_eq!(store.commit(again).await, Err(CommitError::Conflict));

    let mut changes = Changes::new();
    delete_client(&mut changes, &ClientId::parse("a").unwrap());
    delete_service_provider(&mut changes, &service_provider().entity_id);
    store.commit(changes).await.unwrap();
    assert_eq!(names(None, 10), ["b", "c"]);
    assert_eq!(find_service_provider(&store, "https://sp.example/metadata").unwrap(), None);
}

#[test]
fn contradictions_are_refused() {
    let custom = RedirectUri::parse("com.example.app:/callback").unwrap();
    let public = Client::public(ClientId::parse("native").unwrap(), "Native", vec![custom.clone()]);
    assert!(public.check().is_ok() && public.needs_pkce());
    assert!(Client { require_pkce: false, ..public.clone() }.needs_pkce(), "a public client cannot do without");
    for wrong in [
        Client { redirect_uris: vec![custom.clone()], ..client() },
        Client { post_logout_redirect_uris: vec![custom], ..client() },
        Client { secret: None, ..client() },
        Client { auth_method: AuthMethod::None, ..client() },
        Client { auth_method: AuthMethod::Secret, ..public },
        Client { name: String::new(), ..client() },
        Client { name: "a\nb".into(), ..client() },
        Client { name: "x".repeat(257), ..client() },
    ] {
        assert!(add_client(&mut Changes::new(), &wrong, &Counting).is_err(), "{wrong:?}");
    }
    let acs = |index, is_default| Acs { url: RedirectUri::parse("https://sp.example/acs").unwrap(), index, is_default };
    for wrong in [
        ServiceProvider { acs: Vec::new(), ..service_provider() },
        ServiceProvider { acs: vec![acs(1, false), acs(1, false)], ..service_provider() },
        ServiceProvider { acs: vec![acs(1, true), acs(2, true)], ..service_provider() },
        ServiceProvider { request_certificates: Vec::new(), ..service_provider() },
        ServiceProvider { attributes: vec![AttributeMapping { source: "mail".into(), name: String::new() }], ..service_provider() },
    ] {
        assert!(add_service_provider(&mut Changes::new(), &wrong, &Counting).is_err(), "{wrong:?}");
    }
    assert_eq!(ServiceProvider { acs: vec![acs(3, false), acs(4, true)], ..service_provider() }.default_acs().unwrap().index, 4);
    assert_eq!(ServiceProvider { acs: vec![acs(3, false), acs(4, false)], ..service_provider() }.default_acs().unwrap().index, 3);
}

#[test]
fn a_record_stays_within_a_row() {
    let uris = (0..4).map(|n| RedirectUri::parse(&format!("https://app.example/{n}/{}", "x".repeat(1900))).unwrap()).collect();
    let error = add_client(&mut Changes::new(), &Client { redirect_uris: uris, ..client() }, &Counting).unwrap_err();
    assert!(error.message().contains("over the limit"), "{error}");
}

/// A secret that the default policy takes.
const CHOSEN: &str = "a secret that was chosen";

#[tokio::test]
async fn secrets_are_verified_however_they_came_to_be() {
    let bench = crate::authn::testing::Bench::new().await;
    let hasher = &Hasher::new(std::sync::Arc::clone(&bench.core.work));
    let (pool, params) = (&bench.pool, bench.pool.settings().hashing);
    let secret = |text: &str| crate::model::Secret::new(text.to_owned());
    let (generated, hash) = SecretHash::generate(&Counting);
    let chosen = SecretHash::choose(&secret(CHOSEN), hasher, pool, &Counting).await.unwrap();
    for (hash, right) in [(&hash, generated.expose().as_str()), (&chosen, CHOSEN)] {
        for (text, expected) in [(right, true), ("wrong", false), ("", false), (&"x".repeat(MAX_SECRET + 1), false)] {
            assert_eq!(hash.verify(&secret(text), hasher, pool.id(), params).await.unwrap(), expected, "{text}");
        }
        assert_eq!(format!("{hash:?}"), "SecretHash(…)");
    }
    assert!(hash.is_generated() && !chosen.is_generated());
    for text in ["", "x", "demo-secret", "aaaaaaaaaaaaaaaa", &"x".repeat(MAX_SECRET + 1)] {
        let error = SecretHash::choose(&secret(text), hasher, pool, &Counting).await.unwrap_err();
        assert!(error.message().contains("secret"), "{error}");
    }
    bench.change_settings(|settings| settings.client_secrets.min_length = 8).await;
    let lenient = bench.core.registry.by_id(pool.id()).unwrap().unwrap();
    SecretHash::choose(&secret("demo-secret"), hasher, &lenient, &Counting).await.unwrap();
}

/// Registers the client as a release did that drew no epochs: grants that name none are its own.
async fn register(store: &PoolStore) {
    let mut changes = Changes::new();
    changes.put(record::key(record::Kind::Client, "app"), record::encode(&client()));
    store.commit(changes).await.unwrap();
}

#[tokio::test]
async fn edits_keep_the_epoch_and_expect_what_they_read() {
    let (_folder, store) = store();
    let client_of = |epoch| Client { epoch, ..client() };
    let found = || find_client(&store, "app").unwrap().unwrap().epoch;
    let wrong = put_client(&store, &mut Changes::new(), &client());
    assert!(wrong.unwrap_err().message().contains("not registered"));
    let mut changes = Changes::new();
    add_client(&mut changes, &client(), &Counting).unwrap();
    store.commit(changes).await.unwrap();
    let epoch = found();
    assert!(epoch.is_some());
    let mut edit = Changes::new();
    put_client(&store, &mut edit, &client_of(None)).unwrap();
    let mut late = edit.clone();
    store.commit(edit).await.unwrap();
    assert_eq!(found(), epoch, "whatever the caller believes");
    late.put(Key::named(Space::Grant, b"x"), Vec::new());
    assert_eq!(store.commit(late).await, Err(CommitError::Conflict), "two edits at once do not undo one another");

    // One that a former release has registered stays without one until it is made anew or revoked.
    register(&store).await;
    let mut edit = Changes::new();
    put_client(&store, &mut edit, &client_of(epoch)).unwrap();
    store.commit(edit).await.unwrap();
    assert_eq!(found(), None);
    let (read, version) = read_client(&store, "app").unwrap().unwrap();
    let mut edit = Changes::new();
    put_client(&store, &mut edit, &Client { name: "Another".into(), ..client() }).unwrap();
    store.commit(edit).await.unwrap();
    let mut late = Changes::new();
    renew_client(&mut late, &read, version, &Counting).unwrap();
    assert_eq!(store.commit(late).await, Err(CommitError::Conflict), "the edit in between is not undone");
    let (read, version) = read_client(&store, "app").unwrap().unwrap();
    let mut edit = Changes::new();
    renew_client(&mut edit, &read, version, &Counting).unwrap();
    store.commit(edit).await.unwrap();
    assert!(found().is_some());
}

#[tokio::test]
async fn a_code_is_redeemed_once_however_many_try() {
    let (_folder, store) = store();
    register(&store).await;
    let mut changes = Changes::new();
    put_code(&mut changes, "the-code", &code());
    store.commit(changes).await.unwrap();
    assert_eq!(store.scan(&Prefix::space(Space::Grant), None).count(), 2, "the code, and its place among what its session gave");

    let (found, read) = find_code(&store, &client(), "the-code").unwrap().unwrap();
    assert_eq!(found, code());
    let attempts = (0..16).map(|_| {
        let mut changes = Changes::new();
        redeem_code(&mut changes, "the-code", &found, read, &grant());
        store.commit(changes)
    });
    let results = futures_util::future::join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == Err(CommitError::Conflict)).count(), 15);

    assert!(find_code(&store, &client(), "the-code").unwrap().unwrap().0.used);
    assert_eq!(find_code(&store, &client(), "another").unwrap(), None);
    for other in
        [Client { client_id: ClientId::parse("other").unwrap(), ..client() }, Client { epoch: Some(Epoch::draw(&Counting)), ..client() }]
    {
        assert_eq!(find_code(&store, &other, "the-code").unwrap(), None, "another client's");
    }
    assert_eq!(find_grant(&store, grant().id, Timestamp::from_seconds(1599)).unwrap(), Some(grant()));
    assert_eq!(find_grant(&store, grant().id, Timestamp::from_seconds(1600)).unwrap(), None, "it has ended");
}

#[tokio::test]
async fn the_grants_of_a_session_end_with_it() {
    let (_folder, store) = store();
    register(&store).await;
    let mut changes = Changes::new();
    let ids: Vec<GrantId> = ["0", "1", "2"].iter().map(|digit| GrantId::parse(&digit.repeat(32)).unwrap()).collect();
    for (id, session) in ids.iter().zip([[1; 32], [1; 32], [2; 32]]) {
        put_grant(&mut changes, &Grant { id: *id, session, ..grant() });
    }
    store.commit(changes).await.unwrap();
    for (limit, expected) in [(1, 1), (5, 1), (5, 0)] {
        let mut changes = Changes::new();
        assert_eq!(revoke_session_grants(&store, &mut changes, &[1; 32], limit).unwrap(), expected);
        if !changes.is_empty() {
            store.commit(changes).await.unwrap();
        }
    }
    let alive: Vec<bool> = ids.iter().map(|id| find_grant(&store, *id, Timestamp::from_seconds(1000)).unwrap().is_some()).collect();
    assert_eq!(alive, [false, false, true]);
}

#[tokio::test]
async fn a_code_that_waits_ends_with_its_session() {
    let (_folder, store) = store();
    let mut changes = Changes::new();
    put_code(&mut changes, "the-code", &code());
    store.commit(changes).await.unwrap();
    let (found, read) = find_code(&store, &client(), "the-code").unwrap().unwrap();
    let mut changes = Changes::new();
    assert_eq!(revoke_session_grants(&store, &mut changes, &code().session, 5).unwrap(), 1);
    store.commit(changes).await.unwrap();
    assert_eq!(find_code(&store, &client(), "the-code").unwrap(), None);
    let mut changes = Changes::new();
    redeem_code(&mut changes, "the-code", &found, read, &grant());
    assert_eq!(store.commit(changes).await, Err(CommitError::Conflict), "not even by somebody who has read it already");
}

#[tokio::test]
async fn codes_and_grants_go_when_their_time_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
    let store = whole.pool(PoolId::new(7));
    let mut changes = Changes::new();
    put_code(&mut changes, "unused", &code());
    put_grant(&mut changes, &grant());
    store.commit(changes).await.unwrap();
    whole.sweep(grant().expires.plus(Duration::from_secs(1)), 100).await.unwrap();
    assert_eq!(store.scan(&Prefix::space(Space::Grant), None).count(), 0);
}

#[test]
fn only_the_hash_of_a_code_names_its_record() {
    let mut changes = Changes::new();
    put_code(&mut changes, "the-code", &code());
    let text = format!("{changes:?}");
    assert!(!text.contains("the-code") && !text.contains(&hex(b"the-code")));
    assert_ne!(Key::named(Space::Grant, b"cthe-code"), Key::named(Space::Grant, &[b"c".as_slice(), &[0; 32]].concat()));
}

#[test]
fn grant_ids_are_read_as_they_are_written() {
    let id = GrantId::draw(&Counting);
    assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0e0f");
    assert_eq!(GrantId::parse(&id.to_string()), Some(id));
    for text in ["", "00", "000102030405060708090A0B0C0D0E0F", "000102030405060708090a0b0c0d0e0g", &"0".repeat(33), &"é".repeat(16)] {
        assert_eq!(GrantId::parse(text), None, "{text}");
    }
}

#[tokio::test]
async fn what_was_shown_in_another_state_is_not_replaced() {
    let (_folder, store) = store();
    let (client, provider) = (client(), service_provider());
    let mut changes = Changes::new();
    add_client(&mut changes, &client, &Counting).unwrap();
    add_service_provider(&mut changes, &provider, &Counting).unwrap();
    let shown = store.commit(changes).await.unwrap();
    let mut changes = Changes::new();
    replace_client(&store, &mut changes, &Client { name: "Another".into(), ..client.clone() }, shown).unwrap();
    replace_service_provider(&store, &mut changes, &ServiceProvider { name: "Another".into(), ..provider.clone() }, shown).unwrap();
    store.commit(changes).await.unwrap();
    let (mut of_client, mut of_provider) = (Changes::new(), Changes::new());
    replace_client(&store, &mut of_client, &client, shown).unwrap();
    replace_service_provider(&store, &mut of_provider, &provider, shown).unwrap();
    for changes in [of_client, of_provider] {
        assert_eq!(store.commit(changes).await, Err(CommitError::Conflict));
    }
    assert_eq!(find_client(&store, "app").unwrap().unwrap().name, "Another");
}
