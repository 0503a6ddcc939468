//! Whatever spelling a file has for an attribute, the same becomes of its owner.

use super::*;
use crate::model::Dn;
use crate::model::dn::is_descriptor;
use crate::sync::{csv, ldif, standing::OIDS, standing::tests::CASES};
use std::collections::BTreeSet;

/// 2027-01-15T08:00:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const SSHA: &str = "{SSHA}rW6jZOBb6c6fq+h8I/+rYOihUyRpbXBvcnQwMQ==";
const PLAIN: &str = "Quartz-Meadow-44";

fn prepared(record: Record) -> Prepared {
    let plain = Plain { is_taken: false, is_among_hashes: false };
    prepare(Schema::builtin(), record, Rules { now: NOW, plain })
}

/// Somebody of whom a file says that, in LDIF.
fn of_ldif(dn: &str, lines: &[(&str, &str)]) -> Prepared {
    let said: String = lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    let text = format!("dn: {dn}\nobjectClass: inetOrgPerson\ncn: A\nsn: A\n{said}");
    prepared(ldif::Reader::new(text.as_bytes()).next().unwrap().unwrap())
}

/// The same in a table.
fn of_table(columns: &[(&str, &str)]) -> Prepared {
    let cells = |cells: Vec<&str>| cells.iter().map(|cell| format!(",\"{}\"", cell.replace('"', "\"\""))).collect::<String>();
    let (names, values) = columns.iter().copied().unzip();
    let text = format!("uid,cn,sn{}\na,A,A{}\n", cells(names), cells(values));
    prepared(csv::Reader::new(text.as_bytes(), Dn::parse("o=acme").unwrap()).next().unwrap().unwrap())
}

fn oids(name: &str) -> Vec<String> {
    let foreign = OIDS.iter().filter(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(oid, _)| (*oid).to_owned());
    Schema::builtin().attribute(name).map(|attribute| attribute.oid.clone()).into_iter().chain(foreign).collect()
}

/// The spellings of an attribute in LDIF and, besides, in the first row of a table.
fn spellings(name: &str) -> (Vec<String>, Vec<String>) {
    let oids = oids(name);
    let names: Vec<String> = [name.to_owned(), name.to_ascii_uppercase()].into_iter().chain(oids.clone()).collect();
    let with_options = names.iter().map(|name| format!("{name};x-a;lang-de"));
    let everywhere: Vec<String> = names.iter().cloned().chain(with_options).collect();
    let in_table = oids.iter().flat_map(|oid| [format!("OID.{oid}"), format!("urn:oid:{oid}")]).chain([format!(" {name} ")]).collect();
    (everywhere, in_table)
}

fn value_of<'a>(prepared: &'a Prepared, name: &str) -> Vec<&'a str> {
    let found = prepared.entry.attributes.iter().filter(|attribute| attribute.name == name);
    found.flat_map(|attribute| &attribute.values).map(|value| std::str::from_utf8(value).unwrap()).collect()
}

fn becomes(prepared: &Prepared) -> &'static str {
    match (prepared.is_disabled(), prepared.terms.must_change, prepared.terms.expires) {
        (true, ..) => "disabled",
        (_, true, _) => "must change",
        (_, _, Some(end)) if end <= NOW => "expired",
        (_, _, Some(_)) => "expires",
        _ if !prepared.notes.is_empty() => "told",
        _ => "fine",
    }
}

#[test]
fn each_row_of_the_table_is_found_in_every_spelling() {
    let mut by_oid = BTreeSet::new();
    for (name, value, expected) in CASES.iter().filter(|(name, ..)| *name != "uid") {
        let (everywhere, in_table) = spellings(name);
        by_oid.extend(oids(name));
        let is_needed = Row::find(name).is_some_and(Row::is_needed);
        for spelling in &everywhere {
            if spelling.split(';').all(|part| is_descriptor(part) || part.contains('.')) {
                let found = of_ldif("uid=a,o=acme", &[("userPassword", SSHA), (spelling, value)]);
                assert_eq!(becomes(&found), *expected, "{spelling}: {value}");
                assert!(is_left_out(Schema::builtin(), spelling) || Schema::builtin().attribute(name).is_some(), "{spelling}");
            }
        }
        for spelling in everywhere.iter().chain(&in_table) {
            // An empty cell says nothing, unless the column is there to say yes.
            if !value.is_empty() || is_needed {
                let found = of_table(&[("userPassword", SSHA), (spelling, value)]);
                assert_eq!(becomes(&found), *expected, "{spelling}: {value}");
            }
        }
    }
    assert!(["1.3.6.1.1.1.1.10", "1.2.840.113556.1.4.8", "2.16.840.1.113730.3.1.610"].iter().all(|oid| by_oid.contains(*oid)));
}

#[test]
fn the_age_of_a_password_is_found_by_oid() {
    let age = [("userPassword", SSHA), ("1.3.6.1.1.1.1.5", "20800"), ("1.3.6.1.1.1.1.7", "20"), ("1.3.6.1.1.1.1.9", "7")];
    assert_eq!((becomes(&of_ldif("uid=a,o=acme", &age)), becomes(&of_table(&age))), ("disabled", "disabled"));
    assert_eq!(becomes(&of_ldif("uid=a,o=acme", &age[..3])), "expired");
}

#[test]
fn each_oid_is_of_an_attribute_that_the_schema_does_not_know_and_the_import_does() {
    let mut seen = BTreeSet::new();
    for (oid, name) in OIDS {
        assert!(crate::model::dn::is_oid(oid) && seen.insert(oid), "{oid}");
        assert!(Schema::builtin().attribute(oid).is_none() && Schema::builtin().attribute(name).is_none(), "{name}");
        assert!(is_left_out(Schema::builtin(), name) && is_left_out(Schema::builtin(), oid), "{name}");
    }
}

#[test]
fn each_place_of_a_password_is_found_in_every_spelling() {
    for name in password::PASSWORDS.iter().chain(password::HASHES).copied().chain([
        "authPassword",
        "unicodePwd",
        "sambaNTPassword",
        "krbPrincipalKey",
        "krb5Key",
    ]) {
        let is_for_passwords = password::PASSWORDS.contains(&name);
        let (everywhere, in_table) = spellings(name);
        let ldif = everywhere.iter().map(|spelling| (spelling, false));
        let table = everywhere.iter().chain(&in_table).map(|spelling| (spelling, true));
        for (spelling, is_table) in ldif.chain(table) {
            let of = |value: &str| if is_table { of_table(&[(spelling, value)]) } else { of_ldif("uid=a,o=acme", &[(spelling, value)]) };
            let plain = of(PLAIN);
            assert_eq!(plain.problem.is_some(), is_for_passwords, "{spelling}");
            assert!(
                value_of(&plain, "userPassword").is_empty()
                    && plain.entry.attributes.iter().all(|attribute| !attribute.name.starts_with(spelling.as_str())),
                "{spelling}"
            );
            assert_eq!(value_of(&of(SSHA), "userPassword"), [SSHA], "{spelling}");
            assert_eq!(becomes(&of("{CRYPT}!")), "disabled", "{spelling}");
            for hash in ["$6$import.salt$hash", "5ebe2294ecd0e0f08eab7690d2a6ee69"] {
                let left = of(hash);
                assert!(
                    value_of(&left, "userPassword").is_empty() && left.notes.len() == 1 && left.problem.is_none(),
                    "{spelling}: {hash}"
                );
            }
        }
    }
}

#[test]
fn two_spellings_are_one_attribute() {
    let two = of_ldif("uid=a,o=acme", &[("2.5.4.35", "another password"), ("userPassword", SSHA), ("2.5.4.3", "B")]);
    assert_eq!(value_of(&two, "userPassword"), [SSHA]);
    assert!(two.notes[0].message.contains("left out, since another value is the password"), "{:?}", two.notes);
    assert_eq!(value_of(&two, "cn"), ["A", "B"]);
    let named = of_table(&[("2.5.4.0", "inetOrgPerson"), ("cn;lang-de", "B"), ("0.9.2342.19200300.100.1.3", "a@x")]);
    assert_eq!(
        (value_of(&named, "objectClass"), value_of(&named, "cn;lang-de"), value_of(&named, "mail")),
        (vec!["inetOrgPerson"], vec!["B"], vec!["a@x"])
    );
}

#[test]
fn this_server_s_own_word_is_found_in_every_spelling() {
    for spelling in spellings(DISABLED).0 {
        let enabled = of_ldif("uid=a,o=acme", &[(&spelling, "FALSE"), ("nsAccountLock", "TRUE")]);
        assert_eq!((value_of(&enabled, DISABLED), enabled.is_disabled()), (vec!["FALSE"], false), "{spelling}");
        assert!(enabled.notes[0].message.ends_with("imported enabled, since poolgateAccountDisabled of the same record decides"));
        let disabled = of_table(&[(&spelling, "TRUE"), ("nsAccountLock", "FALSE")]);
        assert_eq!((value_of(&disabled, DISABLED), disabled.is_disabled()), (vec!["TRUE"], true), "{spelling}");
    }
}

#[test]
fn what_the_name_of_an_entry_says_is_judged_too() {
    for dn in ["shadowExpire=1+uid=a,o=acme", "1.3.6.1.1.1.1.10=1+uid=a,o=acme"] {
        let named = of_ldif(dn, &[("userPassword", SSHA)]);
        assert!(named.is_disabled() && named.notes.len() == 1, "{dn}");
        assert_eq!(of_ldif(dn, &[("shadowExpire", "1")]).notes.len(), 1, "{dn}: what both say is told once");
    }
    assert!(of_ldif("poolgateAccountDisabled=TRUE+uid=a,o=acme", &[]).is_disabled());
    for dn in ["userPassword=Quartz-Meadow-44+uid=a,o=acme", "2.5.4.35=Quartz-Meadow-44+uid=a,o=acme"] {
        let problem = of_ldif(dn, &[]).problem.unwrap();
        assert!(
            problem.line == 1 && problem.message.contains("the name holds userPassword") && !problem.message.contains(PLAIN),
            "{problem}"
        );
    }
}

#[test]
fn without_a_password_there_is_none_to_change() {
    for said in [("pwdReset", "TRUE"), ("passwordExpirationTime", "20200101000000Z")] {
        let without = of_ldif("uid=a,o=acme", &[said]);
        assert_eq!(without.terms, PasswordTerms::default());
        assert!(
            without.notes.len() == 1 && without.notes[0].message.ends_with("of no effect, since no password is imported"),
            "{:?}",
            without.notes
        );
        let crypt = of_ldif("uid=a,o=acme", &[said, ("userPassword", "{CRYPT}x")]);
        assert!(crypt.notes.iter().any(|note| note.message.ends_with("of no effect, since no password is imported")), "{:?}", crypt.notes);
        assert_ne!(of_ldif("uid=a,o=acme", &[said, ("userPassword", SSHA)]).terms, PasswordTerms::default());
    }
    let locked = of_ldif("uid=a,o=acme", &[("userPassword", "{CRYPT}!"), (DISABLED, "FALSE")]);
    assert!(locked.notes[0].message.contains("imported enabled, since"), "{:?}", locked.notes);
}
