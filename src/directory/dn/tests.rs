#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

fn normal(text: &str) -> Vec<u8> {
    normalise(&Dn::parse(text).unwrap(), Schema::builtin()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    normalise(&Dn::parse(text).unwrap(), Schema::builtin()).unwrap_err().message().to_owned()
}

#[test]
fn the_same_name_written_differently_is_equal() {
    for (left, right) in [
        ("uid=alice,ou=people,o=acme", "UID=Alice , OU=People,O=ACME"),
        ("uid=alice,o=acme", "0.9.2342.19200300.100.1.1=alice,organizationName=acme"),
        ("uid=alice,o=acme", "userid=#0405616c696365,2.5.4.10=acme"),
        ("cn=a  b,o=x", "cn=\\ a b\\ ,o=x"),
        ("cn=a+sn=b,o=x", "surname=B+commonName=A,o=x"),
        ("cn=Straße,o=x", "cn=STRASSE,o=x"),
        ("dc=Example,dc=net", "DC=example,DC=NET"),
        ("uidNumber=10,o=x", "1.3.6.1.1.1.1.0=10,o=x"),
    ] {
        assert_eq!(normal(left), normal(right), "{left} and {right}");
    }
}

#[test]
fn different_names_are_not_equal() {
    for (left, right) in [
        ("uid=alice,o=acme", "uid=alicia,o=acme"),
        ("uid=alice,o=acme", "cn=alice,o=acme"),
        ("cn=a,o=x", "cn=a+sn=a,o=x"),
        ("cn=a b,o=x", "cn=ab,o=x"),
        ("cn=a,cn=b", "cn=b,cn=a"),
        ("o=x", ""),
        ("homeDirectory=/a,o=x", "homeDirectory=/A,o=x"),
    ] {
        assert_ne!(normal(left), normal(right), "{left} and {right}");
    }
}

#[test]
fn a_name_that_the_schema_does_not_allow_is_refused_with_the_reason() {
    assert!(refusal("planet=earth,o=x").contains("knows no attribute 'planet'"));
    assert!(refusal("cn=a+commonName=b,o=x").contains("cn comes twice"));
    assert!(refusal("jpegPhoto=a,o=x").contains("jpegPhoto cannot be part of a name"));
    assert!(refusal("member=member=member=cn=a,o=x").contains("member cannot be part of a name"));
    assert!(refusal("uidNumber=01,o=x").contains("'uidNumber=01' cannot be part of a name"));
    let long = format!("cn={},o=x", "a".repeat(MAX_RDN_LENGTH));
    assert!(refusal(&long).contains("over the limit of 2048"));
}

#[test]
fn what_lies_below_an_ancestor_is_told() {
    let schema = Schema::builtin();
    let (dn, suffix) = (Dn::parse("uid=a,ou=people,o=acme").unwrap(), Dn::parse("O=Acme").unwrap());
    assert_eq!(below(&dn, &suffix, schema).unwrap().unwrap().len(), 2);
    assert_eq!(below(&suffix, &suffix, schema).unwrap(), Some(&[] as &[Rdn]));
    assert_eq!(below(&suffix, &dn, schema).unwrap(), None);
    assert_eq!(below(&dn, &Dn::parse("o=suppliers").unwrap(), schema).unwrap(), None);
}

proptest! {
    #[test]
    fn printing_and_reading_keep_the_normal_form(pairs in proptest::collection::vec(("(cn|SN|uid|2\\.5\\.4\\.10)", "\\PC{1,8}"), 1..4)) {
        let rdns = pairs.into_iter().map(|(attribute, value)| Rdn::single(attribute, value)).collect();
        let dn = Dn::from_rdns(rdns).unwrap();
        if let Ok(normal) = normalise(&dn, Schema::builtin()) {
            prop_assert_eq!(normalise(&Dn::parse(&dn.to_string()).unwrap(), Schema::builtin()).unwrap(), normal);
        }
    }
}
