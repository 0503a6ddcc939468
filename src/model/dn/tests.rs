#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

fn values(text: &str) -> Vec<Vec<(String, Vec<u8>)>> {
    let dn = Dn::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    dn.rdns().iter().map(|rdn| rdn.avas().iter().map(|ava| (ava.attribute.clone(), ava.value.clone())).collect()).collect()
}

fn one(attribute: &str, value: &[u8]) -> Vec<(String, Vec<u8>)> {
    vec![(attribute.to_owned(), value.to_vec())]
}

#[test]
fn the_examples_of_rfc_4514_are_read() {
    assert_eq!(values("UID=jsmith,DC=example,DC=net"), [one("UID", b"jsmith"), one("DC", b"example"), one("DC", b"net")]);
    assert_eq!(values("OU=Sales+CN=J.  Smith,DC=example")[0], [one("OU", b"Sales"), one("CN", b"J.  Smith")].concat());
    assert_eq!(values(r#"CN=James \"Jim\" Smith\, III"#), [one("CN", br#"James "Jim" Smith, III"#)]);
    assert_eq!(values(r"CN=Before\0dAfter,DC=net")[0], one("CN", b"Before\rAfter"));
    assert_eq!(values("1.3.6.1.4.1.1466.0=#04024869"), [one("1.3.6.1.4.1.1466.0", b"Hi")]);
    assert_eq!(values(r"CN=Lu\C4\8Di\C4\87"), [one("CN", "Lučić".as_bytes())]);
}

#[test]
fn spaces_around_separators_are_passed_over_and_escaped_ones_kept() {
    assert_eq!(values(" cn = a b , o= x "), [one("cn", b"a b"), one("o", b"x")]);
    assert_eq!(values(r"cn=\ a\ ,o=x\20"), [one("cn", b" a "), one("o", b"x ")]);
    assert_eq!(values("cn=\\ "), [one("cn", b" ")]);
}

#[test]
fn the_root_and_empty_values_are_names() {
    assert!(Dn::parse("").unwrap().is_root());
    assert!(Dn::parse(" ").is_err(), "the root has no character at all");
    assert_eq!(values("cn=,o=x")[0], one("cn", b""));
    assert_eq!(Dn::root().parent(), None);
    assert_eq!(Dn::parse("cn=a,o=x").unwrap().parent(), Some(Dn::parse("o=x").unwrap()));
    assert_eq!(Dn::parse("o=x").unwrap().child(Rdn::parse("cn=a").unwrap()), Dn::parse("cn=a,o=x").unwrap());
}

#[test]
fn malformed_names_are_refused_with_their_place() {
    for (text, expected) in [
        ("alice", "octet 6: '=' and a value are missing after alice"),
        ("cn=a,", "octet 6: an attribute"),
        ("cn=a;o=x", "octet 5: ';' must be written as \\3b"),
        ("cn=\"a\"", "octet 4: '\\\"' must be written as \\22"),
        ("cn=a\\", "'\\' must be followed"),
        ("cn=a\\zz", "'\\' must be followed"),
        ("cn=#zz", "octet 5: after '#'"),
        ("cn=#0402", "octet 4: the digits after '#'"),
        ("cn=#0402 4869", "after '#' only pairs"),
        ("1..2=a", "neither the name"),
        ("01.2=a", "neither the name"),
        ("2cn=a", "neither the name"),
        ("c_n=a", "octet 2: '=' and a value are missing after c"),
        ("+cn=a", "octet 1: an attribute"),
        ("cn=a+", "octet 6: an attribute"),
        ("cn=a\0", "must be written as \\00"),
    ] {
        let error = Dn::parse(text).unwrap_err();
        assert_eq!(error.kind(), &crate::model::Kind::Invalid(Rule::DnSyntax));
        assert!(error.message().contains(expected), "{text}: {error}");
    }
    assert!(Dn::parse_bytes(b"cn=\xff").unwrap_err().message().contains("UTF-8"));
    assert!(Rdn::parse("cn=a,o=x").unwrap_err().message().contains("second part"));
    assert!(Rdn::parse("").is_err());
}

#[test]
fn limits_hold() {
    let longest = format!("cn={}", "a".repeat(MAX_DN_BYTES - 3));
    assert!(Dn::parse(&longest).is_ok());
    assert!(Dn::parse(&format!("{longest}a")).unwrap_err().message().contains("limit of 8192"));
    let deepest = vec!["cn=a"; MAX_RDNS].join(",");
    assert_eq!(Dn::parse(&deepest).unwrap().rdns().len(), MAX_RDNS);
    assert!(Dn::parse(&format!("{deepest},cn=a")).unwrap_err().message().contains("limit of 64"));
    let widest = vec!["cn=a"; MAX_AVAS].join("+");
    assert_eq!(Rdn::parse(&widest).unwrap().avas().len(), MAX_AVAS);
    assert!(Rdn::parse(&format!("{widest}+cn=a")).unwrap_err().message().contains("limit of 16"));
}

#[test]
fn what_must_be_escaped_is() {
    let shown = |value: &[u8]| Dn::from_rdns(vec![Rdn::single("cn", value)]).unwrap().to_string();
    assert_eq!(shown(b" a "), r"cn=\ a\ ");
    assert_eq!(shown(b" "), r"cn=\ ");
    assert_eq!(shown(b"#a#"), r"cn=\#a#");
    assert_eq!(shown(br#",+"\<>;="#), r#"cn=\,\+\"\\\<\>\;="#);
    assert_eq!(shown(b"a\0\nb"), r"cn=a\00\0ab");
    assert_eq!(shown("Lučić".as_bytes()), "cn=Lučić");
    assert_eq!(shown(b"\xffa "), r"cn=\ffa\ ");
    assert_eq!(Rdn::single("1.2.3", *b"Hi").to_string(), "1.2.3=#04024869");
}

fn names() -> impl Strategy<Value = Dn> {
    let attribute = prop_oneof!["[a-zA-Z][a-zA-Z0-9-]{0,8}", "[0-2](\\.(0|[1-9][0-9]{0,4})){1,4}"];
    let value =
        prop_oneof![any::<Vec<u8>>(), "\\PC{0,12}".prop_map(String::into_bytes), "[ #,+\"\\\\<>;=a]{0,6}".prop_map(String::into_bytes)];
    let ava = (attribute, value).prop_map(|(attribute, value)| Ava { attribute, value });
    let rdn = proptest::collection::vec(ava, 1..4).prop_map(Rdn);
    proptest::collection::vec(rdn, 0..5).prop_map(Dn)
}

proptest! {
    #[test]
    fn a_printed_name_reads_as_the_same_name(dn in names()) {
        prop_assert_eq!(Dn::parse(&dn.to_string()).unwrap(), dn);
    }

    #[test]
    fn any_text_is_read_or_refused_and_printing_settles(text in "\\PC{0,40}|[a-c=,+#\\\\ 0-9\"]{0,40}") {
        if let Ok(dn) = Dn::parse(&text) {
            let printed = dn.to_string();
            prop_assert_eq!(Dn::parse(&printed).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in any::<Vec<u8>>()) {
        let _ = Dn::parse_bytes(&octets);
    }
}
