//! What cannot be read of the store: it is shown, it keeps nothing else from working, and it can be
//! deleted.

use super::{exchange_with, status};
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::web_client::{Application, Browser};
use poolgate::model::{PoolId, Sequence, Timestamp};
use poolgate::store::{Changes, Key, Prefix, ServerChanges, ServerKey, Space};
use serde_json::{Value, json};

/// A record that no version of the server has written.
const UNREADABLE: [u8; 2] = [99, 0];
const REASON: &str = "a stored record has version 99 and this server reads versions 1 to 1; start the server version that wrote it";

async fn id_of(server: &TestServer, slug: &str) -> PoolId {
    PoolId::new(u32::try_from(server.json(&["pool", "show", slug]).await["id"].as_u64().unwrap()).unwrap())
}

/// Puts a record that cannot be read in the place of each one of a pool whose name ends like that.
async fn spoil(server: &TestServer, pool: PoolId, space: Space, name: &str) {
    let store = server.running.store().pool(pool);
    let mut changes = Changes::new();
    for row in store.scan(&Prefix::space(space), None) {
        let (key, _) = row.unwrap();
        if key.rest().ends_with(name.as_bytes()) {
            changes.put(key, UNREADABLE.to_vec());
        }
    }
    assert!(!changes.is_empty(), "{name}");
    store.commit(changes).await.unwrap();
}

fn field<'a>(items: &'a Value, field: &str) -> Vec<&'a str> {
    items.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_cannot_be_read_is_shown_and_deleted_and_the_others_work() {
    let server = TestServer::demo().await;
    server.poolgate(&["pool", "create", "broken"]).await.good();
    let id = id_of(&server, "broken").await;
    let mut changes = ServerChanges::new();
    changes.put(ServerKey::pool(id), UNREADABLE.to_vec());
    server.running.store().commit_server(changes).await.unwrap();

    let server = server.restart().await;
    let listed = server.json(&["pool", "list"]).await;
    assert_eq!(field(&listed, "slug"), ["acme", "suppliers", "broken"]);
    assert_eq!(listed[2], json!({"id": id.get(), "slug": "broken", "status": "unreadable", "problem": REASON}));
    let shown = server.poolgate(&["pool", "list"]).await;
    assert!(shown.complaint().contains(&format!("broken cannot be read: {REASON}")), "{}", shown.complaint());
    assert!(shown.good().lines().any(|line| line.starts_with("broken") && line.ends_with("unreadable")));
    for arguments in [&["pool", "show", "broken"][..], &["pool", "suspend", "broken"], &["user", "list", "--pool", "broken"]] {
        let refused = server.poolgate(arguments).await;
        assert!(refused.code(1).complaint().contains("cannot be read"), "{arguments:?}: {}", refused.complaint());
    }

    let mut directory = Directory::connect(&server).await;
    assert_ne!(directory.bind("uid=a,ou=people,o=broken", "a password").await.code, code::SUCCESS);
    assert_eq!(directory.bind("uid=alice,ou=people,o=acme", "alice-demo-password").await.code, code::SUCCESS);
    Browser::new().tokens(&Application::demo(&server), "alice", "alice-demo-password").await;
    for (path, expected) in [("/metrics", 200), ("/readyz", 200), ("/pools/broken/login", 503), ("/pools/acme/saml2/metadata", 200)] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert_eq!(status(&exchange_with(server.running.addresses().http[0], request).await), expected, "{path}");
    }
    server.running.core().flush_audit().await.unwrap();
    server.running.store().sweep(Timestamp::from_seconds(i64::from(u32::MAX)), 10_000).await.unwrap();

    server.poolgate(&["pool", "delete", "broken", "--confirm", "broken"]).await.good();
    assert_eq!(field(&server.json(&["pool", "list"]).await, "slug"), ["acme", "suppliers"]);
    assert_eq!(server.running.store().remove_pool_rows(id, 1).await.unwrap(), 0, "nothing is left of it");
    let again = server.poolgate(&["pool", "delete", "broken", "--confirm", "broken"]).await;
    assert!(again.code(1).complaint().contains("there is no pool `broken`"), "{}", again.complaint());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_cannot_be_read_is_shown_and_deleted() {
    let server = TestServer::demo().await;
    let acme = id_of(&server, "acme").await;
    let pool = ["--pool", "acme"];
    for (kind, key, names, more) in [
        ("client", "client_id", ["one", "two"], ["--redirect-uri", "http://localhost:9/c"].as_slice()),
        ("sp", "entity_id", ["http://one", "http://two"], &["--acs", "http://localhost:9/acs"]),
        ("idp", "name", ["one", "two"], &["--issuer", "http://localhost:1", "--client-id", "x"]),
    ] {
        let run = async |arguments: &[&str]| server.poolgate(&[&[kind], arguments, &pool].concat()).await;
        for name in names {
            run(&[&["create", name], more].concat()).await.good();
        }
        let space = if kind == "idp" { Space::Provider } else { Space::Application };
        spoil(&server, acme, space, names[0]).await;
        let listed = server.json(&[&[kind, "list"], &pool[..]].concat()).await;
        assert!(names.iter().all(|name| field(&listed, key).contains(name)), "{listed}");
        let broken = listed.as_array().unwrap().iter().find(|item| item[key] == names[0]).unwrap();
        assert!(broken["problem"].as_str().unwrap().len() > 20, "{broken}");
        let list = run(&["list"]).await;
        assert!(list.complaint().contains(&format!("{} cannot be read: ", names[0])), "{}", list.complaint());
        assert!(run(&[&["create", names[0]], more].concat()).await.code(1).complaint().contains("already"), "{kind}: none is put over it");
        run(&["show", names[0]]).await.code(1);
        // The login page offers the others.
        let mut browser = Browser::new();
        assert!(browser.get(&Application::demo(&server).authorize()).await.body.contains("Suppliers"));
        run(&["delete", names[0]]).await.good();
        let gone = run(&["delete", names[0]]).await;
        assert!(gone.code(1).complaint().contains("has no"), "{}", gone.complaint());
        let left = server.json(&[&[kind, "list"], &pool[..]].concat()).await;
        assert!(!field(&left, key).contains(&names[0]) && field(&left, key).contains(&names[1]));
        run(&["show", names[1]]).await.good();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_shown_with_its_time() {
    let server = TestServer::demo().await;
    let store = server.running.store().pool(id_of(&server, "acme").await);
    let mut changes = Changes::new();
    let key = Key::audit(Timestamp::from_seconds(1_700_000_000), Sequence::new(1), 0);
    changes.put(key, UNREADABLE.to_vec());
    store.commit(changes).await.unwrap();
    let events = server.json(&["audit", "--pool", "acme"]).await;
    assert_eq!(events[0], json!({"at": "2023-11-14T22:13:20Z", "problem": REASON}));
    assert!(field(&events, "action").contains(&"pool-create"));
    let shown = server.poolgate(&["audit", "--pool", "acme", "--to", "2023-12-01T00:00:00Z"]).await;
    assert!(shown.complaint().contains("2023-11-14T22:13:20Z cannot be read"), "{}", shown.complaint());
    server.stop().await;
}
