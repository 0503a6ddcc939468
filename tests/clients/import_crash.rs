//! The server is killed amid an import, at several places, and the same file is imported again:
//! everything is there, once.

use crate::harness::{Finished, Program};
use crate::ldap_client::{Directory, code};
use crate::served::{Served, configuration};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::pin::pin;

const PEOPLE: usize = 2000;
const GROUPS: usize = 40;
const MEMBERS: usize = 25;

/// The operator's command against the server on that folder.
async fn operate(data: &Path, arguments: &[&str], input: &str) -> Finished {
    let mut program = Program::poolgate();
    program.arguments(arguments.iter().copied()).arguments(["--data", data.to_str().unwrap()]).input(input).run().await
}

fn person(number: usize) -> String {
    format!("uid=p{number},ou=people,o=acme")
}

/// The uids of a group's members.
fn members(group: usize) -> BTreeSet<String> {
    (0..MEMBERS).map(|number| person((group * 61 + number * 7) % PEOPLE)).collect()
}

/// Groups first, and everybody's manager is further down: every link leads forward.
fn file() -> String {
    let mut text = String::from("version: 1\n");
    for group in 0..GROUPS {
        write!(text, "\ndn: cn=g{group},ou=groups,o=acme\nobjectClass: groupOfNames\n").unwrap();
        members(group).iter().for_each(|member| writeln!(text, "member: {member}").unwrap());
    }
    for number in 0..PEOPLE {
        let manager = person((number + 1) % PEOPLE);
        write!(text, "\ndn: {}\nobjectClass: inetOrgPerson\ncn: P {number}\nsn: {number}\n", person(number)).unwrap();
        write!(text, "mail: p{number}@acme.example\nmanager: {manager}\nmodifyTimestamp: 20200101000000Z\n").unwrap();
    }
    text
}

/// Each entry of an export with its values.
fn entries(export: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let unfolded = export.replace("\n ", "");
    let mut entries = BTreeMap::new();
    for record in unfolded.split("\n\n").filter(|record| record.starts_with("dn: ")) {
        let mut values = record.lines().filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
        let dn = values.next().unwrap().1;
        assert!(entries.insert(dn.clone(), values.collect()).is_none(), "{dn} is there twice");
    }
    entries
}

fn values<'a>(entry: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    entry.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// Kills the server as soon as that entry has that attribute, amid an import, and answers how the
/// report of the next one reads.
async fn killed_when(name: &str, attribute: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (data, settings, ldif) = (folder.path().join("data"), folder.path().join("poolgate.toml"), folder.path().join("people.ldif"));
    std::fs::write(&settings, configuration(&data, "")).unwrap();
    std::fs::write(&ldif, file()).unwrap();
    let served = Served::start(&settings, &[]).await;
    operate(&data, &["pool", "create", "acme"], "").await.good();
    operate(&data, &["service", "create", "--pool", "acme", "watch", "--password-stdin"], "Quartz-Meadow-44").await.good();
    let mut directory = Directory::plain(served.address("ldap")).await;
    assert_eq!(directory.bind("cn=watch,ou=services,o=acme", "Quartz-Meadow-44").await.code, code::SUCCESS);

    let import = ["import", "--pool", "acme", ldif.to_str().unwrap(), "--json"];
    let watch = async {
        while directory.entry(name, &[attribute]).await.is_none_or(|entry| !entry.attrs.contains_key(attribute)) {}
        served.signal("KILL");
    };
    let mut imported = pin!(operate(&data, &import, ""));
    let cut_off = tokio::select! {
        () = watch => imported.await,
        ended = &mut imported => panic!("the import ended before {name} had {attribute}: {}", ended.complaint()),
    };
    assert!(!cut_off.code(1).complaint().is_empty(), "it says that it was cut off");
    served.ended().await;

    let served = Served::start(&settings, &[]).await;
    let other = folder.path().join("other.ldif");
    std::fs::write(&other, "dn: uid=zoe,ou=people,o=acme\nobjectClass: inetOrgPerson\ncn: Zoe\nsn: Z\n").unwrap();
    let refused = operate(&data, &["import", "--pool", "acme", other.to_str().unwrap()], "").await;
    assert!(refused.code(1).complaint().contains("--give-up"), "{}", refused.complaint());
    let report: Value = serde_json::from_str(&operate(&data, &import, "").await.good()).unwrap();

    let exported = entries(&operate(&data, &["export", "--pool", "acme"], "").await.good());
    assert_eq!(exported.len(), 5 + 1 + PEOPLE + GROUPS);
    for number in 0..PEOPLE {
        let entry = &exported[&person(number)];
        assert_eq!(values(entry, "manager").collect::<Vec<_>>(), [person((number + 1) % PEOPLE)]);
        assert_eq!(values(entry, "modifyTimestamp").collect::<Vec<_>>(), ["20200101000000Z"]);
    }
    for group in 0..GROUPS {
        let entry = &exported[&format!("cn=g{group},ou=groups,o=acme")];
        assert_eq!(values(entry, "member").map(str::to_owned).collect::<BTreeSet<_>>(), members(group));
    }
    assert!(operate(&data, &["import", "--pool", "acme", "--give-up"], "").await.code(1).complaint().contains("nothing to give up"));
    served.stop().await;
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_goes_on_after_the_server_was_killed() {
    // Early and late among the entries, and early and midway among the links.
    let places = [(person(0), "cn"), (person(1800), "cn"), ("cn=g3,ou=groups,o=acme".to_owned(), "member"), (person(800), "manager")];
    for (name, attribute) in places {
        let report = killed_when(&name, attribute).await;
        assert_eq!(report["resumed"], true, "{name} {attribute}: {report}");
        assert_eq!(
            (report["added"].as_u64(), report["links"].as_u64()),
            (Some((PEOPLE + GROUPS) as u64), Some((PEOPLE + GROUPS * MEMBERS) as u64))
        );
        assert_eq!(report["kept"], 0);
    }
}
