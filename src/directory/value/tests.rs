#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::prepare::{expand, squeeze};
use super::*;
use crate::model::{Kind, Timestamp};
use proptest::prelude::*;

fn normal(rule: MatchingRule, value: &str) -> Vec<u8> {
    normalise(rule, value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn same(rule: MatchingRule, left: &str, right: &str) -> bool {
    normal(rule, left) == normal(rule, right)
}

#[test]
fn text_is_compared_as_rfc_4518_prepares_it() {
    use MatchingRule::CaseIgnoreMatch as Rule;
    for (left, right) in [
        ("Alice", "aLICE"),
        ("  Alice   Smith ", "alice smith"),
        ("Straße", "STRASSE"),
        ("Ångström", "A\u{30a}ngstro\u{308}m"),
        ("ﬁsh", "FISH"),
        ("soft\u{ad}hyphen", "softhyphen"),
        ("zero\u{200b}width\u{200d}", "zerowidth"),
        ("no\u{a0}break", "no break"),
        ("tab\tand\nline", "tab and line"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("１２", "12"),
        ("\u{1c90}", "\u{10d0}"),
    ] {
        assert!(same(Rule, left, right), "{left} and {right}");
    }
    assert!(!same(Rule, "alice smith", "alicesmith"));
    assert!(!same(Rule, "a", "á"));
    assert!(!same(MatchingRule::CaseExactMatch, "Alice", "alice"));
    assert!(same(MatchingRule::CaseExactMatch, " Alice  S", "Alice S"));
    assert!(same(Rule, "🎉 Party", "🎉 party"), "characters newer than Unicode 3.2 are let through");
}

#[test]
fn text_that_rfc_4518_prohibits_is_refused() {
    for value in ["\u{e000}", "\u{fffd}", "\u{fdd0}", "\u{301}a"] {
        let error = normalise(MatchingRule::CaseIgnoreMatch, value.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), &Kind::Invalid(Rule::Syntax), "{value:?}");
    }
    assert!(normalise(MatchingRule::CaseIgnoreMatch, b"\xff").is_err());
    assert!(normalise(MatchingRule::CaseIgnoreIa5Match, "é".as_bytes()).is_err());
}

#[test]
fn a_space_before_a_combining_mark_is_significant() {
    let rule = MatchingRule::CaseIgnoreMatch;
    assert!(!same(rule, "a \u{301}b", "a\u{301}b"));
    assert_eq!(String::from_utf8(normal(rule, "a  \u{301}b")).unwrap(), "a \u{a0}\u{301}b");
}

#[test]
fn numbers_telephones_lists_and_the_rest_are_compared() {
    use MatchingRule as M;
    assert!(same(M::NumericStringMatch, "12 34", " 1 2 3 4 "));
    assert!(same(M::TelephoneNumberMatch, "+49 (30) 12-34 X", "+49(30)1234x"));
    assert!(same(M::CaseIgnoreListMatch, "1 Main  St$Town\\24", "1 main st$TOWN\\24"));
    assert!(!same(M::CaseIgnoreListMatch, "1 Main$St", "1 Main St"));
    assert!(same(M::UuidMatch, "597AE2F6-16a6-1027-98f4-d28b5365dc14", "597ae2f6-16a6-1027-98f4-D28B5365DC14"));
    assert!(same(M::ObjectIdentifierMatch, "inetOrgPerson", "2.16.840.1.113730.3.2.2"));
    assert!(same(M::ObjectIdentifierMatch, "INETORGPERSON", "inetOrgPerson"));
    assert!(normalise(M::ObjectIdentifierMatch, b"martian").is_err());
    assert!(same(M::DistinguishedNameMatch, "CN=A, O=X", "commonName=a,o=x"));
    assert!(same(M::UniqueMemberMatch, "cn=A,o=x#'01'B", "CN=a,o=x#'01'B") && !same(M::UniqueMemberMatch, "cn=a#'01'B", "cn=a"));
    assert!(same(M::ObjectIdentifierFirstComponentMatch, "( 2.5.4.3 NAME 'cn' )", "commonName"));
    assert!(same(M::BooleanMatch, "TRUE", "TRUE") && normalise(M::BooleanMatch, b"true").is_err());
    assert!(same(M::GeneralizedTimeMatch, "20260131120000Z", "202601311300+0100"));
}

#[test]
fn normal_forms_are_in_the_order_of_the_values() {
    let ordered = |rule: MatchingRule, values: &[&str]| {
        let keys: Vec<_> = values.iter().map(|value| ordering_key(rule, value.as_bytes()).unwrap()).collect();
        assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}");
    };
    ordered(
        MatchingRule::IntegerOrderingMatch,
        &["-1000", "-999", "-10", "-9", "-1", "0", "1", "9", "10", "99", "100", "12345678901234567890123"],
    );
    let times = [
        "00000101000000Z",
        "19691231235959.9Z",
        "19700101000000Z",
        "19700101000000.000001Z",
        "2026013112Z",
        "2026013112.5Z",
        "20260131123060Z",
        "20260131123101Z",
        "99991231235959Z",
    ];
    ordered(MatchingRule::GeneralizedTimeOrderingMatch, &times);
    ordered(MatchingRule::CaseIgnoreOrderingMatch, &["a", "A b", "ab", "B", "é"]);
    ordered(
        MatchingRule::UuidOrderingMatch,
        &["00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-00000000000a", "a0000000-0000-0000-0000-000000000000"],
    );
}

#[test]
fn times_are_read_and_written() {
    let micros = |text: &str| timestamp(text.as_bytes()).map(Timestamp::micros);
    assert_eq!(micros("19700101000000Z"), Some(0));
    assert_eq!(micros("19700101000001.5Z"), Some(1_500_000));
    assert_eq!(micros("1970010100.5Z"), Some(1_800_000_000));
    assert_eq!(micros("197001010001,25Z"), Some(75_000_000));
    assert_eq!(micros("19700101010000+0100"), Some(0));
    assert_eq!(micros("19691231230000-01"), Some(0));
    assert_eq!(generalized(Timestamp::from_seconds(1_769_860_800)), "20260131120000Z");
    assert_eq!(generalized(Timestamp::from_micros(i64::MAX)), "99991231235959Z");
    assert_eq!(generalized(Timestamp::from_micros(i64::MIN)), "00000101000000Z");
    for wrong in [
        "",
        "1970",
        "1970010100",
        "19700101000000",
        "19701301000000Z",
        "19700230000000Z",
        "1970010124Z",
        "197001010060Z",
        "19700101000061Z",
        "19700101000000.Z",
        "19700101000000.0123456789Z",
        "19700101000000+2400",
        "19700101000000Z0",
        "1970010100000Z",
    ] {
        assert_eq!(micros(wrong), None, "{wrong}");
    }
}

#[test]
fn syntaxes_accept_and_refuse() {
    let cases: &[(Syntax, &[&str], &[&str])] = &[
        (Syntax::BitString, &["'0101'B", "''B"], &["0101", "'012'B"]),
        (Syntax::Boolean, &["TRUE", "FALSE"], &["true", "1", ""]),
        (Syntax::CountryString, &["DE"], &["D", "DEU", "é"]),
        (Syntax::DistinguishedName, &["", "cn=a,o=x"], &["a", "cn=a,,o=x"]),
        (Syntax::DeliveryMethod, &["any", "mhs $ telephone"], &["", "pigeon"]),
        (Syntax::DirectoryString, &["a", "é", " "], &[""]),
        (Syntax::FacsimileTelephoneNumber, &["+1 234", "+1 234$b4Width"], &["", "+1$zigzag"]),
        (Syntax::Ia5String, &["", "a@b"], &["é"]),
        (Syntax::Integer, &["0", "-7", "42"], &["", "-", "+1", "007", "-0", "1.5", "ten"]),
        (Syntax::NameAndOptionalUid, &["cn=a", "cn=a#'1'B", "cn=a#b"], &["a#'1'B"]),
        (Syntax::NumericString, &["1 2"], &["", "1a"]),
        (Syntax::ObjectIdentifier, &["person", "2.5.6.6"], &["", "2", "2..5", "02.5", "a_b"]),
        (Syntax::PostalAddress, &["a$b", "a"], &[""]),
        (Syntax::PrintableString, &["Ab 1'()+,-./:=?"], &["", "a@b", "a*"]),
        (Syntax::TelephoneNumber, &["+49 30 1234"], &["", "#31#"]),
        (Syntax::TeletexTerminalIdentifier, &["a", "a$page:1"], &["", "a$colour:1"]),
        (Syntax::TelexNumber, &["1$2$3"], &["1$2", ""]),
        (Syntax::NisNetgroupTriple, &["(a,b,c)", "(,,)"], &["a,b,c", "(a,b)", "((a,b,c)"]),
        (Syntax::BootParameter, &["root=host:/a"], &["root", "=h:/a"]),
        (
            Syntax::Uuid,
            &["597ae2f6-16a6-1027-98f4-d28b5365dc14"],
            &["597ae2f616a6102798f4d28b5365dc14", "", "{597ae2f6-16a6-1027-98f4-d28b5365dc1}"],
        ),
        (
            Syntax::Csn,
            &["20200101000000.000000Z#000000#000#000000", "20200101235959.999999Z#00FFff#001#000002"],
            &["", "20200101000000Z#000000#000#000000", "20200101000000.000000Z#000000#000", "20200101000000.000000Z#00000g#000#000000"],
        ),
    ];
    for (syntax, good, bad) in cases {
        for value in *good {
            validate(*syntax, value.as_bytes()).unwrap_or_else(|error| panic!("{syntax:?} {value:?}: {error}"));
        }
        for value in *bad {
            let error = validate(*syntax, value.as_bytes()).expect_err(&format!("{syntax:?} {value:?}"));
            assert!(error.message().contains(syntax.description()), "{error}");
        }
    }
    assert!(validate(Syntax::Jpeg, &[0xff, 0xd8, 0xff, 0xe0]).is_ok() && validate(Syntax::Jpeg, b"\x89PNG").is_err());
    assert!(validate(Syntax::Certificate, &[0x30, 0x07, 0x30, 0, 0x30, 0, 3, 1, 0]).is_ok());
    assert!(validate(Syntax::Certificate, b"-----BEGIN").is_err());
    let longest = "1".repeat(form::MAX_INTEGER_DIGITS);
    assert!(validate(Syntax::Integer, longest.as_bytes()).is_ok());
    assert!(validate(Syntax::Integer, format!("{longest}1").as_bytes()).unwrap_err().message().contains("at most 128 digits"));
}

fn found(rule: MatchingRule, initial: Option<&str>, any: &[&str], last: Option<&str>, value: &str) -> bool {
    let any: Vec<&[u8]> = any.iter().map(|part| part.as_bytes()).collect();
    let substring = Substring::new(rule, initial.map(str::as_bytes), &any, last.map(str::as_bytes)).unwrap();
    let normalised = normal(rule, value);
    let matched = substring.matches(&normalised);
    if matched {
        assert!(substring.prefix().is_none_or(|prefix| normalised.starts_with(prefix)), "{substring:?}");
        assert!(substring.pieces().all(|piece| memchr::memmem::find(&normalised, piece).is_some()), "{substring:?}");
    }
    matched
}

#[test]
fn parts_of_values_are_found() {
    use MatchingRule::CaseIgnoreSubstringsMatch as S;
    assert!(found(S, Some("al"), &[], None, "Alice"));
    assert!(found(S, None, &["LIC"], None, "alice"));
    assert!(found(S, None, &[], Some("ce"), "Alice "));
    assert!(found(S, Some("a"), &["l", "c"], Some("e"), "alice"));
    assert!(!found(S, Some("a"), &["c", "l"], Some("e"), "alice"), "parts come in their order");
    assert!(!found(S, Some("ali"), &[], Some("ice"), "alice"), "parts do not overlap");
    assert!(!found(S, None, &["aa", "aa"], None, "aaa"));
    assert!(!found(S, Some("lice"), &[], None, "alice"));
}

#[test]
fn spaces_at_the_edge_of_a_part_count() {
    use MatchingRule::CaseIgnoreSubstringsMatch as S;
    assert!(found(S, Some("foo "), &[], None, "foo bar") && !found(S, Some("foo "), &[], None, "foobar"));
    assert!(found(S, Some("foo "), &[" bar"], None, "foo bar"), "both parts have their space (RFC 4518, appendix B)");
    assert!(found(S, None, &["foo  bar"], None, "a foo bar b"));
    assert!(found(S, None, &[" bar "], None, "foo bar") && !found(S, None, &[" ar"], None, "foo bar"));
    assert!(found(S, Some(" foo"), &[], Some("bar  "), "foo bar"));
    assert!(found(S, None, &[" "], None, "foo"), "a part of spaces only is in every value");
    use MatchingRule::CaseIgnoreListSubstringsMatch as L;
    assert!(found(L, Some("1 main"), &["town"], None, "1 Main St$Town"));
    assert!(!found(L, None, &["st town"], None, "1 Main St$Town"), "no part reaches over a line");
    assert!(found(MatchingRule::TelephoneNumberSubstringsMatch, Some("+49-30"), &["1 2"], None, "+49 30 12"));
    assert!(found(MatchingRule::NumericStringSubstringsMatch, None, &[], Some("3 4"), "1 2 34"));
    let error = Substring::new(MatchingRule::IntegerMatch, Some(b"1"), &[], None).unwrap_err();
    assert_eq!(error.kind(), &Kind::Invalid(Rule::InappropriateMatching));
}

#[test]
fn rules_are_found_and_told_apart() {
    assert_eq!(MatchingRule::find("CASEIGNOREMATCH"), Some(MatchingRule::CaseIgnoreMatch));
    assert_eq!(MatchingRule::find("2.5.13.2"), Some(MatchingRule::CaseIgnoreMatch));
    assert_eq!(MatchingRule::find("wordMatch"), None);
    assert_eq!(Syntax::find("1.3.6.1.4.1.1466.115.121.1.15"), Some(Syntax::DirectoryString));
    let mut oids: Vec<_> = MatchingRule::ALL.iter().map(|rule| rule.oid()).chain(Syntax::ALL.iter().map(|syntax| syntax.oid())).collect();
    oids.sort_unstable();
    assert!(oids.windows(2).all(|pair| pair[0] != pair[1]));
    for rule in MatchingRule::ALL {
        assert!(Syntax::ALL.iter().any(|syntax| rule.applies_to(*syntax)), "{}", rule.name());
    }
}

/// What RFC 4518, section 2.6.1 says in words, written as directly as can be: the reference for the
/// faster form.
fn reference(initial: Option<&str>, any: &[String], last: Option<&str>, value: &str) -> bool {
    let double = |text: &str| text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  ");
    let value = if value.trim().is_empty() { "  ".to_owned() } else { format!(" {} ", double(value)) };
    let edge = |text: &str, before: bool, after: bool| match text.trim().is_empty() {
        true => {
            if text.is_empty() {
                String::new()
            } else {
                " ".to_owned()
            }
        }
        false => format!(
            "{}{}{}",
            if before || text.starts_with(' ') { " " } else { "" },
            double(text),
            if after || text.ends_with(' ') { " " } else { "" }
        ),
    };
    let Some(rest) = value.strip_prefix(initial.map(|part| edge(part, true, false)).unwrap_or_default().as_str()) else { return false };
    let Some(mut rest) = rest.strip_suffix(last.map(|part| edge(part, false, true)).unwrap_or_default().as_str()) else { return false };
    for part in any {
        let part = edge(part, false, false);
        let Some(position) = rest.find(&part) else { return false };
        rest = &rest[position + part.len()..];
    }
    true
}

#[test]
fn plain_text_is_its_own_normal_form() {
    use MatchingRule::{CaseExactMatch, CaseIgnoreIa5Match, CaseIgnoreMatch, IntegerMatch, NumericStringMatch};
    for (rule, value, normal) in [
        (CaseIgnoreMatch, "person 000123", true),
        (CaseIgnoreIa5Match, "alice@acme.example", true),
        (CaseExactMatch, "Alice Smith", true),
        (CaseIgnoreMatch, "Alice", false),
        (CaseIgnoreMatch, "", false),
        (CaseIgnoreMatch, " alice", false),
        (CaseIgnoreMatch, "alice ", false),
        (CaseIgnoreMatch, "alice  smith", false),
        (CaseIgnoreMatch, "alic\u{e9}", false),
        (CaseIgnoreMatch, "alice\t", false),
        (IntegerMatch, "7", false),
        (NumericStringMatch, "7 7", false),
    ] {
        assert_eq!(is_normal(rule, value.as_bytes()), normal, "{rule:?} {value:?}");
    }
}

proptest! {
    #[test]
    fn what_needs_no_preparation_is_not_changed_by_it(value in "[ -~]{0,8}|[ a-c]{0,6}") {
        for rule in MatchingRule::ALL.iter().filter(|rule| is_normal(**rule, value.as_bytes())) {
            // A space in front is taken away by the preparation.
            prop_assert_eq!(normal(*rule, &format!(" {value}")), value.as_bytes());
        }
    }

    #[test]
    fn normal_forms_are_settled(value in "\\PC{0,12}|[ aA\u{301}\u{a8}\u{a0}\u{200b}ß\u{2126}\u{1e9e}-]{0,12}") {
        for rule in [MatchingRule::CaseIgnoreMatch, MatchingRule::CaseExactMatch, MatchingRule::CaseIgnoreListMatch, MatchingRule::TelephoneNumberMatch] {
            let Ok(once) = normalise(rule, value.as_bytes()) else { continue };
            if rule != MatchingRule::CaseIgnoreListMatch {
                prop_assert_eq!(normalise(rule, &once).unwrap(), once, "{:?}", rule);
            }
        }
    }

    #[test]
    fn any_octets_are_taken_or_refused(value in any::<Vec<u8>>()) {
        for syntax in Syntax::ALL {
            let _ = validate(*syntax, &value);
        }
        for rule in MatchingRule::ALL {
            let _ = normalise(*rule, &value);
            let _ = Substring::new(*rule, Some(&value), &[&value], None);
        }
    }

    #[test]
    fn what_a_syntax_accepts_its_rule_can_compare(value in "[-0-9A-Za-z' .:+$#Z]{0,20}") {
        for attribute in crate::directory::schema::Schema::builtin().attribute_types() {
            if validate(attribute.syntax, value.as_bytes()).is_ok() && attribute.equality.is_some() && attribute.syntax != Syntax::ObjectIdentifier {
                let names = matches!(attribute.syntax, Syntax::DistinguishedName | Syntax::NameAndOptionalUid);
                prop_assert!(names || attribute.normalise(value.as_bytes()).is_ok(), "{} {value:?}", attribute.name());
            }
        }
    }

    #[test]
    fn parts_are_found_as_rfc_4518_says(
        initial in proptest::option::of("[ab ]{1,3}"), any in proptest::collection::vec("[ab ]{1,3}", 0..3), last in proptest::option::of("[ab ]{1,3}"), value in "[ab ]{1,10}",
    ) {
        let parts: Vec<&str> = any.iter().map(String::as_str).collect();
        let actual = found(MatchingRule::CaseExactSubstringsMatch, initial.as_deref(), &parts, last.as_deref(), &value);
        prop_assert_eq!(actual, reference(initial.as_deref(), &any, last.as_deref(), &value));
    }

    #[test]
    fn integers_are_ordered(left in any::<i64>(), right in any::<i64>()) {
        let key = |number: i64| ordering_key(MatchingRule::IntegerOrderingMatch, number.to_string().as_bytes()).unwrap();
        prop_assert_eq!(left.cmp(&right), key(left).cmp(&key(right)));
    }

    #[test]
    fn squeezing_and_expanding_agree(text in "[ab ]{0,10}") {
        let squeezed = squeeze(&text);
        prop_assert_eq!(squeeze(std::str::from_utf8(&expand(squeezed.as_bytes())).unwrap()), squeezed);
    }
}
