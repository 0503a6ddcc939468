//! The life of a pool, and what one costs: its records and nothing else.

use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::ldap_wire::{self, Wire, is_notice};
use crate::served::{Served, configuration};
use crate::web_client::{Application, Browser, ServiceProvider};
use poolgate::model::{Actor, Clock, Face, PoolId, Role, Sequence};
use poolgate::pool::{NewPool, Slug};
use poolgate::store::{Feed, Prefix, ServerKey, ServerPrefix, Space, Store};
use std::time::Duration;

/// Every kind of record that a pool has.
const SPACES: [Space; 18] = [
    Space::Entry,
    Space::Value,
    Space::Child,
    Space::Unique,
    Space::Index,
    Space::Link,
    Space::Backlink,
    Space::Credential,
    Space::Application,
    Space::Grant,
    Space::Session,
    Space::Interaction,
    Space::SigningKey,
    Space::Provider,
    Space::Federated,
    Space::Audit,
    Space::Checkpoint,
    Space::Throttle,
];

/// Records that a pool may have before anybody is in it: the suffix and its four units with their
/// names and index terms, and the event of its creation.
const MOST_RECORDS_OF_AN_EMPTY_POOL: usize = 60;
/// Rows of the registry that a pool may have: its slug, its suffix, itself.
const REGISTRY_ROWS: usize = 3;
/// Tasks that a server may have, whatever the number of pools: one for each listening socket, and
/// those of `server::tasks`.
const MOST_TASKS: usize = 24;
/// Threads that a server may have, whatever the number of pools.
const MOST_THREADS: usize = 48;
/// Commits that a start may apply again: those of the last journal record.
const MOST_REPLAYED: u64 = 64;

/// How many records of each kind a pool has, but for the kinds of which it has none.
fn records(store: &Store, pool: PoolId) -> Vec<(Space, usize)> {
    let count = |space| (space, store.pool(pool).count(&Prefix::space(space)).unwrap());
    SPACES.into_iter().map(count).filter(|(_, count)| *count > 0).collect()
}

fn registry_rows(store: &Store) -> usize {
    let kinds = [ServerPrefix::pools(), ServerPrefix::slugs(), ServerPrefix::suffixes(), ServerPrefix::checkpoints()];
    kinds.iter().map(|prefix| store.server_scan(prefix, None).count()).sum()
}

/// Creates pools `pool-{number}` in the server's own process, as the admin API would.
async fn create(server: &TestServer, numbers: std::ops::Range<usize>) {
    let core = server.running.core();
    let actor = Actor { role: Role::Operator, entry: None, name: "uid:0".into(), face: Face::Server, address: None };
    for number in numbers {
        let slug = Slug::parse(&format!("pool-{number}")).unwrap();
        let new = NewPool { display_name: slug.to_string(), slug, suffix: None, settings: Default::default() };
        let fill = |pool: &poolgate::pool::Pool, changes: &mut poolgate::store::Changes| {
            poolgate::directory::Directory::new(pool).create_suffix(changes, &actor, core.clock.now(), core.entropy.as_ref())
        };
        core.registry.create(new, &actor, fill).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_creation_to_suspension_and_back() {
    let server = TestServer::empty().await;
    let created = server.json(&["pool", "create", "north", "--display-name", "The North", "--suffix", "dc=north,dc=example"]).await;
    assert_eq!((created["slug"].as_str(), created["status"].as_str()), (Some("north"), Some("active")));
    assert_eq!(created["suffix"], "dc=north,dc=example");
    server.poolgate(&["pool", "create", "south"]).await.good();
    let listed = server.json(&["pool", "list"]).await;
    let slugs: Vec<_> = listed.as_array().unwrap().iter().map(|pool| pool["slug"].as_str().unwrap()).collect();
    assert_eq!(slugs, ["north", "south"]);
    assert_eq!(listed[1]["suffix"], "o=south");

    for (arguments, complaint) in [
        (["north", "--suffix", "o=elsewhere"], "slug"),
        (["other", "--suffix", "dc=north,dc=example"], "suffix"),
        (["other", "--suffix", "DC=North, DC=EXAMPLE"], "suffix"),
        (["other", "--suffix", "ou=part,dc=north,dc=example"], "suffix"),
        (["other", "--suffix", "dc=example"], "suffix"),
        (["other", "--suffix", "no name"], "malformed"),
        (["other", "--suffix", "uid=x"], "suffix"),
        (["Other", "--suffix", "o=other"], "slug"),
        (["api", "--suffix", "o=other"], "reserved"),
    ] {
        let refused = server.poolgate(&[&["pool", "create"], &arguments[..]].concat()).await;
        assert!(refused.code(1).complaint().contains(complaint), "{arguments:?}: {}", refused.complaint());
    }
    assert_eq!(server.json(&["pool", "list"]).await.as_array().unwrap().len(), 2, "nothing of what was refused is left");

    let changed = server.json(&["pool", "update", "north", "--display-name", "Nord"]).await;
    assert_eq!((changed["display_name"].as_str(), changed["suffix"].as_str()), (Some("Nord"), Some("dc=north,dc=example")));
    server.settings("north", |settings| settings["password"]["min_length"] = 20.into()).await;
    let short = server.poolgate_with_input(&["user", "create", "--pool", "north", "ann", "--password-stdin"], "fifteen letters").await;
    assert!(short.code(1).complaint().contains("at least 20 characters"), "{}", short.complaint());
    let user = ["user", "create", "--pool", "north", "ann", "--password-stdin"];
    server.poolgate_with_input(&user, "a long enough password").await.good();

    let ann = "uid=ann,ou=people,dc=north,dc=example";
    Directory::bound(&server, ann, "a long enough password").await;
    assert_eq!(server.json(&["pool", "suspend", "north"]).await["status"], "suspended");
    assert_eq!(server.json(&["pool", "list"]).await[0]["status"], "suspended");
    assert_eq!(Directory::connect(&server).await.bind(ann, "a long enough password").await.code, code::INVALID_CREDENTIALS);
    assert_eq!(server.json(&["pool", "resume", "north"]).await["status"], "active");
    Directory::bound(&server, ann, "a long enough password").await;

    let actions: Vec<_> = server.audit("north").await.iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect();
    for action in ["pool-create", "pool-update", "pool-suspend", "pool-resume"] {
        assert!(actions.iter().any(|known| known == action), "{action}: {actions:?}");
    }
    server.stop().await;
}

/// A pool with something of every kind in it: entries, credentials, applications, an upstream,
/// sessions, codes, grants, logins that wait, keys, events.
async fn fill(server: &TestServer, slug: &str) -> Browser {
    let pool = ["--pool", slug];
    let run = async |arguments: &[&str], input: &str| {
        server.poolgate_with_input(&[arguments, &pool].concat(), input).await.good();
    };
    server.poolgate(&["pool", "create", slug]).await.good();
    run(&["user", "create", "ann", "--mail", "ann@gone.example", "--password-stdin"], "the password of somebody").await;
    run(&["group", "create", "staff", "--member", "ann"], "").await;
    run(&["service", "create", "app", "--password-stdin"], "the password of a service").await;
    let client = ["client", "create", "shop", "--first-party", "--redirect-uri", "http://localhost:9090/callback", "--secret-stdin"];
    run(&client, "a client secret").await;
    run(&["sp", "create", "http://localhost:9091/metadata", "--acs", "http://localhost:9091/acs"], "").await;
    run(&["idp", "create", "partner", "--issuer", "http://localhost:1", "--client-id", "x", "--client-secret-stdin"], "upstream secret")
        .await;
    let photo = format!("jpegPhoto=base64:{}", "/9j/".repeat(3000));
    run(&["user", "update", "ann", "--attribute", &photo], "").await;

    let application = Application::new(server, slug, "shop", "a client secret", "http://localhost:9090/callback");
    let mut browser = Browser::new();
    browser.tokens(&application, "ann", "the password of somebody").await;
    assert!(browser.get(&provider(server, slug).sign_on(server)).await.body.contains("SAMLResponse"));
    browser.code(&application, "ann", "the password of somebody").await;
    // Somebody who has just logged in, and whose browser has not come back yet.
    let mut another = Browser::new();
    let page = another.login_page(&application.authorize()).await;
    another.submit(&page, "ann", "the password of somebody").await.location();
    let dn = format!("uid=ann,ou=people,o={slug}");
    assert_eq!(Directory::connect(server).await.bind(&dn, "a wrong password").await.code, code::INVALID_CREDENTIALS);
    browser
}

fn provider(server: &TestServer, slug: &str) -> ServiceProvider {
    ServiceProvider::new(server, slug, "http://localhost:9091/metadata", "http://localhost:9091/acs")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_pool_is_gone_with_everything_and_its_names_stay_used() {
    let server = TestServer::empty().await;
    let mut browser = fill(&server, "gone").await;
    let id = PoolId::new(u32::try_from(server.json(&["pool", "show", "gone"]).await["id"].as_u64().unwrap()).unwrap());
    let store = server.running.store().clone();
    let kinds: Vec<_> = records(&store, id).into_iter().map(|(space, _)| space).collect();
    for space in SPACES {
        // No records yet: names that wait for a later version, and identities that no upstream here
        // has brought.
        let expected = !matches!(space, Space::Federated | Space::Checkpoint | Space::Throttle);
        assert_eq!(kinds.contains(&space), expected, "{space:?}");
    }
    let mut wire = Wire::bound(&server, "uid=ann,ou=people,o=gone", "the password of somebody").await;

    let typo = server.poolgate(&["pool", "delete", "gone", "--confirm", "gon"]).await;
    assert!(typo.code(1).complaint().contains("nothing was deleted"));
    server.poolgate(&["pool", "delete", "gone"]).await.code(2);
    assert!(browser.get(&format!("{}/.well-known/jwks.json", server.issuer("gone"))).await.status == 200);
    server.poolgate(&["pool", "delete", "gone", "--confirm", "gone"]).await.good();

    assert_eq!(records(&store, id), []);
    assert_eq!(store.remove_pool_rows(id, 1).await.unwrap(), 0, "and none of its change feed");
    assert!(matches!(store.pool(id).feed(Sequence::new(0), 10).unwrap(), Feed::Changes { changes, .. } if changes.is_empty()));
    let end_of_time = server.clock.now().plus(Duration::from_secs(100 * 365 * 24 * 3600));
    assert_eq!(store.sweep(end_of_time, 100).await.unwrap(), 0, "nothing is left that would end by itself");
    assert!(store.server_get(&ServerKey::pool(id)).unwrap().is_none());
    assert_eq!(store.server_scan(&ServerPrefix::checkpoints(), None).count(), 0);

    // From outside it never was.
    let paths = ["/.well-known/openid-configuration", "/oauth2/authorize", "/saml2/metadata", "/login", ""];
    for path in paths {
        let nothing = browser.get(&format!("{}{path}", server.issuer("none"))).await;
        assert_eq!(browser.get(&format!("{}{path}", server.issuer("gone"))).await, nothing, "{path}");
        assert_eq!(nothing.status, 404);
    }
    assert!(is_notice(&wire.ask(&ldap_wire::who_am_i()).await), "whoever was bound is no longer");
    let mut wire = Wire::connect(&server).await;
    let denied = wire.ask(&ldap_wire::bind("uid=ann,ou=people,o=none", "the password of somebody")).await;
    assert_eq!(wire.ask(&ldap_wire::bind("uid=ann,ou=people,o=gone", "the password of somebody")).await, denied);
    for arguments in [&["pool", "show", "gone"][..], &["pool", "resume", "gone"], &["user", "list", "--pool", "gone"]] {
        assert!(server.poolgate(arguments).await.code(1).complaint().contains("there is no pool `gone`"), "{arguments:?}");
    }
    assert_eq!(server.json(&["pool", "list"]).await, serde_json::json!([]));

    // Its slug, its suffix and its number are never used again, after a restart neither.
    let server = {
        drop(store);
        server.restart().await
    };
    for arguments in [&["gone"][..], &["gone", "--suffix", "o=new"], &["new", "--suffix", "o=gone"], &["new", "--suffix", "ou=x,o=gone"]] {
        let refused = server.poolgate(&[&["pool", "create"], arguments].concat()).await;
        refused.code(1);
        assert!(["never used again", "was deleted"].iter().any(|text| refused.complaint().contains(text)), "{}", refused.complaint());
    }
    let next = server.json(&["pool", "create", "next"]).await["id"].as_u64().unwrap();
    assert!(next > u64::from(id.get()), "{next}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_pool_costs_a_few_records() {
    let server = TestServer::empty().await;
    let before = registry_rows(server.running.store());
    let id = server.json(&["pool", "create", "small"]).await["id"].as_u64().unwrap();
    let store = server.running.store();
    let id = PoolId::new(u32::try_from(id).unwrap());
    let records = records(store, id);
    let total: usize = records.iter().map(|(_, count)| count).sum();
    assert!(total <= MOST_RECORDS_OF_AN_EMPTY_POOL, "{total}: {records:?}");
    assert_eq!(registry_rows(store) - before, REGISTRY_ROWS);
    // What is asked of it from outside, without a login, adds the keys that were asked for and
    // their events.
    let mut browser = Browser::new();
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json", "/saml2/metadata", "/login"] {
        assert_eq!(browser.get(&format!("{}{path}", server.issuer("small"))).await.status, 200, "{path}");
    }
    let after: usize = self::records(store, id).iter().map(|(_, count)| count).sum();
    assert_eq!(after - total, 6, "three keys and their events");
    server.stop().await;
}

/// Records read since the store was opened, by name and by scans.
fn reads(store: &Store) -> u64 {
    store.statistics().gets + store.statistics().scanned
}

/// Creates one pool and tells how many records were read for it.
async fn reads_to_create(server: &TestServer, number: usize) -> u64 {
    let before = reads(server.running.store());
    create(server, number..number + 1).await;
    reads(server.running.store()) - before
}

/// What a server does to start: records read by name and by scans, commits applied again. And how
/// many tasks it has then.
fn at_start(server: &TestServer, tasks_before: usize) -> (u64, u64, u64, usize) {
    let statistics = server.running.store().statistics();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    (statistics.gets, statistics.scanned, statistics.replayed, tasks - tasks_before)
}

/// The number of threads of a process.
fn threads(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:")).unwrap();
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pools_cost_their_records_and_nothing_else() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let tasks_before = tasks();
    let server = TestServer::empty().await;
    create(&server, 0..10).await;
    let server = server.restart().await;
    let (gets, scanned, replayed, few_tasks) = at_start(&server, tasks_before);
    assert!(few_tasks <= MOST_TASKS, "{few_tasks} tasks");
    assert!(replayed <= MOST_REPLAYED, "{replayed}");
    let per_pool: Vec<_> = records(server.running.store(), PoolId::new(1));

    let to_create = reads_to_create(&server, 10).await;
    create(&server, 11..999).await;
    assert_eq!(reads_to_create(&server, 999).await, to_create, "records read to create a pool");
    assert!(tasks() - tasks_before <= MOST_TASKS, "{} tasks", tasks() - tasks_before);
    let server = server.restart().await;
    let (more_gets, more_scanned, more_replayed, many_tasks) = at_start(&server, tasks_before);
    assert_eq!((more_gets, more_scanned), (gets, scanned), "records read to start");
    assert!(more_replayed <= MOST_REPLAYED, "{more_replayed}");
    assert!(many_tasks <= MOST_TASKS, "{many_tasks} tasks");
    let store = server.running.store();
    assert_eq!(registry_rows(store), 1000 * REGISTRY_ROWS);
    for id in [1, 500, 1000] {
        assert_eq!(records(store, PoolId::new(id)), per_pool, "pool {id}");
    }

    // A login reads what concerns its pool, among a thousand as among ten.
    let last = "uid=nobody,ou=people,o=pool-999";
    let before = reads(store);
    let mut directory = Directory::connect(&server).await;
    assert_eq!(directory.bind(last, "a wrong password").await.code, code::INVALID_CREDENTIALS);
    let cold = reads(store) - before;
    assert!(cold <= 16, "{cold} reads for one bind");

    // The same as a process of its own.
    let folder = server.into_folder().await;
    let file = folder.path().join("poolgate.toml");
    std::fs::write(&file, configuration(folder.path(), "")).unwrap();
    let served = Served::start(&file, &[]).await;
    let count = threads(served.id());
    assert!(count <= MOST_THREADS, "{count} threads");
    served.stop().await;
}
