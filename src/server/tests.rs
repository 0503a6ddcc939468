//! What the configuration does, key by key; and what lies in the data folder.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::authn::WaitingLimits;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use toml::{Table, Value};
use warp::http::{HeaderMap, HeaderName, HeaderValue};

const EXAMPLE: &str = include_str!("../../examples/poolgate.toml");

/// Each key of the configuration with a value that is not the one of the example.
const OTHER_VALUES: &[(&str, &str)] = &[
    ("data", "\"/elsewhere\""),
    ("limits.connections", "7"),
    ("limits.connections_per_address", "3"),
    ("limits.drain_seconds", "7"),
    ("limits.engine_cache_mib", "7"),
    ("limits.handshake_seconds", "7"),
    ("limits.hot_cache_mib", "7"),
    ("limits.ldap.idle_seconds", "7"),
    ("limits.ldap.message_kib", "7"),
    ("limits.ldap.search_entries", "7"),
    ("limits.ldap.search_seconds", "7"),
    ("limits.ldap.unbound_idle_seconds", "7"),
    ("limits.requests_per_address", "7"),
    ("limits.waiting_logins_per_address", "7"),
    ("limits.waiting_logins_per_browser", "7"),
    ("limits.work_queue_per_address", "7"),
    ("limits.work_queue_per_address_overall", "7"),
    ("limits.work_queue_per_pool", "7"),
    ("limits.work_threads", "7"),
    ("listen.http", "[\"127.0.0.1:7\"]"),
    ("listen.https", "[\"127.0.0.1:7\"]"),
    ("listen.ldap", "[\"127.0.0.1:7\"]"),
    ("listen.ldaps", "[\"127.0.0.1:7\"]"),
    ("log.filter", "\"debug\""),
    ("log.format", "\"text\""),
    ("master_key_file", "\"/elsewhere\""),
    ("pool_urls", "\"subdomain\""),
    ("public_url", "\"https://elsewhere.example\""),
    ("tls.certificate", "\"/elsewhere\""),
    ("tls.key", "\"/elsewhere\""),
    ("trusted_proxies", "[\"203.0.113.0/24\"]"),
];

/// The keys of the configuration with dots between tables, as its own type knows them: whoever
/// meets an unknown one is told what is expected.
fn known_keys() -> BTreeSet<String> {
    fn below(path: &[&str], found: &mut BTreeSet<String>) {
        let mut root = Table::new();
        let table = path.iter().fold(&mut root, |table, name| {
            table.insert((*name).to_owned(), Value::Table(Table::new()));
            table[*name].as_table_mut().unwrap()
        });
        table.insert("no such key".to_owned(), Value::Boolean(true));
        let message = Value::Table(root).try_into::<Config>().unwrap_err().message().to_owned();
        let Some((_, expected)) = message.split_once(", expected ").filter(|_| message.contains("unknown field")) else {
            found.insert(path.join("."));
            return;
        };
        for name in expected.split('`').skip(1).step_by(2) {
            below(&[path, &[name]].concat(), found);
        }
    }
    let mut found = BTreeSet::new();
    below(&[], &mut found);
    found
}

/// The keys that the example sets or shows behind `# `.
fn keys_of_example() -> BTreeSet<String> {
    let mut table = String::new();
    let mut found = BTreeSet::new();
    for line in EXAMPLE.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = format!("{name}.");
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
            found.insert(format!("{table}{key}"));
        }
    }
    found
}

/// What the server is made of with that configuration: each part as it comes out of the function
/// that `start` calls for it.
fn made_of(config: &Config) -> String {
    let Config { data, master_key_file, public_url, pool_urls, listen, tls, trusted_proxies, log, limits } = config;
    let gate = |addresses: u8| {
        let (room, _) = descriptors::fitting(u64::MAX, listen, limits, 2);
        let gate = Gate::new(room);
        let from = |number: u16| IpAddr::from([192, 0, 2, u8::try_from(number % u16::from(addresses)).unwrap()]);
        let _guests: Vec<_> = (0..2_000).map_while(|number| gate.enter(Some(from(number)))).collect();
        gate.taken()
    };
    let urls = Urls::new(public_url.clone().unwrap(), pool_urls.unwrap());
    let forwarded = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static("198.51.100.1"))]);
    let client = Proxies::new(trusted_proxies.clone()).client("203.0.113.7".parse().unwrap(), &forwarded);
    let parts: BTreeMap<&str, String> = [
        ("key file", format!("{:?}", KeyFile::of(master_key_file.as_deref(), data.as_ref().unwrap()))),
        ("gate for all", format!("{}", gate(200))),
        ("gate for one", format!("{}", gate(1))),
        ("requests", format!("{:?}", limits.requests(100))),
        ("times", format!("{:?} {:?}", limits.handshake(), limits.drain())),
        ("store", format!("{:?}", limits.store())),
        ("work", format!("{} {:?}", limits.threads(), limits.places())),
        ("waiting logins", format!("{:?}", WaitingLimits::from(limits))),
        ("ldap", format!("{:?}", crate::ldap::Limits::from(&limits.ldap))),
        ("URL of a pool", urls.base("acme").as_str().to_owned()),
        ("client", client.to_string()),
        ("log", format!("{} {:?}", log.filter.directives().unwrap(), log.format)),
        ("sockets", format!("{listen:?}")),
        ("certificate", format!("{tls:?}")),
    ]
    .into();
    format!("{parts:#?}")
}

#[test]
fn every_key_of_the_configuration_is_explained_in_the_example_and_has_an_effect() {
    let known = known_keys();
    assert!(known.contains("listen.http") && known.contains("limits.ldap.message_kib"), "{known:?}");
    assert_eq!(keys_of_example(), known);
    assert_eq!(OTHER_VALUES.iter().map(|(key, _)| (*key).to_owned()).collect::<BTreeSet<_>>(), known);
    let made_of_example = with("limits.work_threads", "0");
    for (key, value) in OTHER_VALUES {
        assert_ne!(with(key, value), made_of_example, "{key} changes nothing");
    }
}

/// What the server is made of with the example's configuration but for one key.
fn with(key: &str, value: &str) -> String {
    fn set(table: &mut Table, key: &str, value: &Value) {
        match key.split_once('.') {
            None => drop(table.insert(key.to_owned(), value.clone())),
            Some((name, rest)) => set(table[name].as_table_mut().unwrap(), rest, value),
        }
    }
    let mut changed: Table = EXAMPLE.parse().unwrap();
    let value: Table = format!("value = {value}").parse().unwrap();
    set(&mut changed, key, &value["value"]);
    made_of(&Value::Table(changed).try_into().unwrap())
}

/// Limits that mean something at 0.
const MAY_BE_ZERO: &[&str] = &["limits.drain_seconds", "limits.hot_cache_mib", "limits.work_threads"];

#[tokio::test]
async fn a_limit_that_would_let_nobody_in_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("poolgate.toml");
    for key in known_keys().into_iter().filter(|key| key.starts_with("limits.")) {
        let (table, name) = key.rsplit_once('.').unwrap();
        std::fs::write(&file, format!("data = \"/data\"\npool_urls = \"path\"\n[{table}]\n{name} = 0\n")).unwrap();
        match Config::load(&file) {
            Ok(_) => assert!(MAY_BE_ZERO.contains(&key.as_str()), "{key}"),
            Err(error) => {
                assert!(!MAY_BE_ZERO.contains(&key.as_str()), "{key}");
                let expected = format!("{}:4: `{key}`: invalid value: integer `0`, expected a nonzero", file.display());
                assert!(error.to_string().starts_with(&expected), "{error}");
            }
        }
    }
    // What may be 0 keeps nobody out.
    let limits = Limits { drain_seconds: 0, hot_cache_mib: 0, work_threads: 0, ..Limits::default() };
    let config = Config { data: Some(folder.path().join("data")), limits, ..Config::default() };
    let running = start(config, Arc::new(SystemClock::default()), Arc::new(SystemEntropy::default())).await.unwrap();
    let core = Arc::clone(running.core());
    assert_eq!(core.work.run(crate::model::PoolId::new(1), || 7).await.unwrap(), 7);
    drop(core);
    running.stop().await;
}

#[tokio::test]
async fn a_clean_stop_notes_the_time() {
    let data = tempfile::tempdir().unwrap();
    let config = Config { data: Some(data.path().to_owned()), ..Config::default() };
    let clock = Arc::new(SystemClock::default());
    let begun = clock.now();
    start(config, clock, Arc::new(SystemEntropy::default())).await.unwrap().stop().await;
    let noted = watch::noted(&open_store(data.path(), &Limits::default()).unwrap()).unwrap();
    assert!(noted.last.is_some_and(|last| last >= begun), "{noted:?}");
}

#[tokio::test]
async fn what_lies_in_an_open_data_folder_is_for_its_owner_alone() {
    let data = tempfile::tempdir().unwrap();
    std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = Config { data: Some(data.path().to_owned()), ..Config::default() };
    let running = start(config, Arc::new(SystemClock::default()), Arc::new(SystemEntropy::default())).await.unwrap();
    for entry in std::fs::read_dir(data.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} {mode:o}", entry.file_name());
    }
    running.stop().await;
}

/// Where the address is taken and the key is another one, the key is what is told.
#[tokio::test]
async fn the_master_key_is_judged_before_anything_listens() {
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = data.path().join("other.key");
    std::fs::write(&other, "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o600)).unwrap();
    let begin = async |http: Vec<SocketAddr>, master_key_file: Option<&Path>| {
        let listen = config::Listen { http, ..config::Listen::default() };
        let (data, master_key_file) = (Some(data.path().to_owned()), master_key_file.map(Path::to_owned));
        let config = Config { data, master_key_file, listen, ..Config::default() };
        start(config, Arc::new(SystemClock::default()), Arc::new(SystemEntropy::default())).await
    };
    begin(Vec::new(), None).await.unwrap().stop().await;
    let address = vec![taken.local_addr().unwrap()];
    let refused = begin(address.clone(), Some(&other)).await.map(drop).unwrap_err().to_string();
    assert!(refused.starts_with("master key"), "{refused}");
    assert!(!data.path().join("admin.sock").exists());
    let refused = begin(address, None).await.map(drop).unwrap_err().to_string();
    assert!(!refused.contains("master key"), "{refused}");
}
