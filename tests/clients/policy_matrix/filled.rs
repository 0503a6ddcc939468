//! Somebody fills their own entry over LDAP, in many ways and as far as they are let. What an
//! operator changes counts for them all the same, at every face.

use super::at_once::{Everything, RIGHT};
use super::{demo, dn};
use crate::harness::TestServer;
use crate::ldap_client::{Directory, code};
use crate::ldap_wire::Wire;
use ldap3::Mod;
use std::collections::HashSet;

/// What the demo's pool lets people write of themselves, but for photos and languages.
const TEXTS: [&str; 8] = ["displayName", "givenName", "sn", "street", "l", "st", "postalAddress", "homePostalAddress"];

/// One value to add: the description and the value.
type Value = (String, String);

fn letters(number: usize, length: usize) -> String {
    let letter = |place: u32| char::from(b'a' + u8::try_from(number / 26_usize.pow(place) % 26).unwrap());
    (0..2).map(letter).chain(std::iter::repeat_n('a', length - 2)).collect()
}

/// Ways to fill an entry. The first two are as wide as what administrators may write, which is how
/// wide it was for everybody.
fn fillings() -> Vec<(&'static str, Vec<Value>)> {
    let value = |name: String, value: &str| (name, value.to_owned());
    let towns = (0..12).map(|number| value(format!("l;{}", letters(number, 20)), "12345678"));
    let streets = (0..93).map(|number| value(format!("street;{}", letters(number, 32)), "1"));
    let short = (0..60).map(|number| value(format!("street;{}", letters(number, 2)), "1"));
    let options = (0..60).flat_map(|number| TEXTS.map(|name| value(format!("{name};{}", letters(number, 20)), "1")));
    let middle = TEXTS.map(|name| value(name.to_owned(), &"7".repeat(3_900)));
    let huge = (0..24).map(|number| value("street".to_owned(), &format!("{number}{}", "7".repeat(32_000))));
    let many = (0..100).map(|number| value("pager".to_owned(), &number.to_string()));
    vec![
        ("towns and streets", towns.chain(streets).chain(short).collect()),
        ("options", options.collect()),
        ("middle sizes", middle.into_iter().collect()),
        ("huge values", huge.collect()),
        ("many values", many.collect()),
    ]
}

/// Adds value by value until three in a row were refused; tells how many were taken.
async fn fill(directory: &mut Directory, name: &str, values: &[Value]) -> usize {
    let (mut taken, mut refused) = (0, 0);
    for (description, value) in values {
        let answer = directory.modify(name, Mod::Add(description.as_str(), HashSet::from([value.as_str()]))).await;
        match answer.code {
            code::SUCCESS => (taken, refused) = (taken + 1, 0),
            code::CONSTRAINT_VIOLATION => refused += 1,
            _ => panic!("{description}: {answer:?}"),
        }
        if refused == 3 {
            break;
        }
    }
    taken
}

/// Asserts that what an operator does to alice counts.
async fn assert_ruled(server: &TestServer, how: &str) {
    let mut everything = Everything::of_alice(server).await;
    let user = async |act: &str| server.poolgate(&["user", act, "--pool", "acme", "alice"]).await.good();
    user("disable").await;
    everything.assert_void().await;
    let listed = server.json(&["user", "list", "--pool", "acme"]).await;
    let listed = listed["items"].as_array().unwrap_or_else(|| listed.as_array().unwrap());
    assert!(listed.iter().any(|user| user["name"] == "alice" && user["disabled"] == true), "{how}: {listed:?}");
    user("enable").await;

    let mut everything = Everything::of_alice(server).await;
    let change = ["user", "password", "--pool", "acme", "alice", "--stdin"];
    server.poolgate_with_input(&change, "another password").await.good();
    everything.assert_void().await;
    server.poolgate_with_input(&change, RIGHT).await.good();
    everything.connection = Wire::bound(server, &dn("alice"), RIGHT).await;

    server.poolgate(&["user", "update", "--pool", "acme", "alice", "--attribute", "mail=elise@acme.example"]).await.good();
    let mut by_address = Directory::connect(server).await;
    assert_eq!(by_address.bind("elise@acme.example@acme", RIGHT).await.code, code::SUCCESS, "{how}");
    assert_eq!(by_address.bind("alice@acme.example@acme", RIGHT).await.code, code::INVALID_CREDENTIALS, "{how}");

    let mut alice = Directory::bound(server, &dn("alice"), RIGHT).await;
    server.poolgate(&["group", "add", "--pool", "acme", "admins", "alice"]).await.good();
    assert_eq!(alice.replace(&dn("bob"), "description", how).await.code, code::SUCCESS, "{how}");
    server.poolgate(&["group", "remove", "--pool", "acme", "admins", "alice"]).await.good();
    assert_eq!(alice.replace(&dn("bob"), "description", how).await.code, code::INSUFFICIENT_ACCESS, "{how}");
    let mut carol = Directory::bound(server, &dn("carol"), "carol-demo-password").await;
    assert_eq!(carol.rename(&dn("alice"), "uid=elise", None).await.code, code::SUCCESS, "{how}");
    assert_eq!(by_address.bind("elise@acme", RIGHT).await.code, code::SUCCESS, "{how}");
    assert_eq!(carol.rename(&dn("elise"), "uid=alice", None).await.code, code::SUCCESS, "{how}");

    let mut everything = Everything::of_alice(server).await;
    user("delete").await;
    everything.assert_void().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_fills_their_own_entry_is_ruled_all_the_same() {
    let server = demo().await;
    for (how, values) in fillings() {
        let mut alice = Directory::bound(&server, &dn("alice"), RIGHT).await;
        assert!(fill(&mut alice, &dn("alice"), &values).await > 0, "{how}");
        assert_ruled(&server, how).await;
        server.user("alice", RIGHT).await;
    }
    server.stop().await;
}

/// An administrator fills an entry as far as its own person could in earlier releases.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_full_entry_is_disabled_all_the_same() {
    let server = demo().await;
    for (how, values) in fillings().into_iter().take(2) {
        let mut carol = Directory::bound(&server, &dn("carol"), "carol-demo-password").await;
        assert!(fill(&mut carol, &dn("alice"), &values).await > 60, "{how}");
        let mut everything = Everything::of_alice(&server).await;
        server.poolgate(&["user", "disable", "--pool", "acme", "alice"]).await.good();
        everything.assert_void().await;
        server.poolgate(&["user", "delete", "--pool", "acme", "alice"]).await.good();
        server.user("alice", RIGHT).await;
    }
    server.stop().await;
}
