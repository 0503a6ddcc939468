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

/// The keys of the configuration with dots between tables, as its own type knows them: whoever meets an unknown one is told what is expected.
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

/// What the server is made of with that configuration: each part as it comes out of the function that `start` calls for it.
fn made_of(config: &Config) -> String {
    let Config { data, master_key_file, public_url, pool_urls, listen, tls, trusted_proxies, log, limits } = config;
    let gate = |addresses: u8| {
        let gate = limits.gate();
        let from = |number: u16| IpAddr::from([192, 0, 2, u8::try_from(number % u16::from(addresses)).unwrap()]);
        (0..20_000).map_while(|number| gate.enter(from(number))).collect::<Vec<_>>().len()
    };
    let urls = Urls::new(public_url.clone().unwrap(), pool_urls.unwrap());
    let forwarded = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static("198.51.100.1"))]);
    let client = Proxies::new(trusted_proxies.clone()).client("203.0.113.7".parse().unwrap(), &forwarded);
    let parts: BTreeMap<&str, String> = [
        ("key file", format!("{:?}", KeyFile::of(master_key_file.as_deref(), data.as_ref().unwrap()))),
        ("gate for all", format!("{}", gate(200))),
        ("gate for one", format!("{}", gate(1))),
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
