#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::model::Kind;
use proptest::prelude::*;

fn schema() -> &'static Schema {
    Schema::builtin()
}

fn id(name: &str) -> AttributeId {
    schema().attribute(name).unwrap_or_else(|| panic!("no attribute {name}")).id
}

fn ids(names: &[&str]) -> Vec<AttributeId> {
    names.iter().map(|name| id(name)).collect()
}

fn loaded(text: &str) -> Result<Schema> {
    Schema::load(&[FILES[0], FILES[1], ("own.schema", text)])
}

#[test]
fn attributes_are_found_by_every_name() {
    let mail = schema().attribute("mail").unwrap();
    for name in ["MAIL", "rfc822Mailbox", "0.9.2342.19200300.100.1.3", "mail;lang-de"] {
        assert_eq!(schema().attribute(name).unwrap().id, mail.id, "{name}");
    }
    assert_eq!(mail.name(), "mail");
    assert!(mail.unique && mail.indexes.substring && !mail.link && mail.syntax == Syntax::Ia5String);
    assert_eq!(schema().attribute_by_id(mail.id).unwrap().oid, mail.oid);
    let error = schema().require_attribute("shoeSize").unwrap_err();
    assert_eq!(error.kind(), &Kind::Invalid(Rule::UndefinedAttribute));
    assert!(error.message().contains("'shoeSize'"));
}

#[test]
fn what_a_supertype_says_is_inherited() {
    let cn = schema().attribute("cn").unwrap();
    assert_eq!(cn.equality, Some(MatchingRule::CaseIgnoreMatch));
    assert_eq!(cn.substr, Some(MatchingRule::CaseIgnoreSubstringsMatch));
    assert_eq!(cn.syntax, Syntax::DirectoryString);
    assert_eq!(schema().attribute("c").unwrap().syntax, Syntax::CountryString);
    assert!(schema().is_subtype(id("cn"), id("name")) && schema().is_subtype(id("cn"), id("cn")));
    assert!(!schema().is_subtype(id("name"), id("cn")) && !schema().is_subtype(id("mail"), id("name")));
    assert!(schema().subtypes(id("distinguishedName")).contains(&id("member")));
}

#[test]
fn numbers_of_attributes_never_change() {
    let text = include_str!("ids.txt");
    let known: Vec<(&str, u16)> =
        text.lines().map(|line| line.split_once(' ').unwrap()).map(|(number, name)| (name, number.parse().unwrap())).collect();
    for (name, number) in &known {
        assert_eq!(id(name).get(), *number, "{name} has got another number; records would be read wrongly");
    }
    for attribute in schema().attribute_types() {
        let listed = known.iter().any(|(name, _)| *name == attribute.name());
        assert!(listed, "add '{} {}' to ids.txt", attribute.id, attribute.name());
    }
}

#[test]
fn traits_follow_what_the_rooms_rely_on() {
    for attribute in schema().attribute_types() {
        let name = attribute.name();
        assert!(!attribute.link || matches!(attribute.syntax, Syntax::DistinguishedName | Syntax::NameAndOptionalUid), "{name}");
        assert!(!attribute.unique || attribute.equality.is_some(), "{name}");
        assert!(!attribute.indexes.equality || attribute.equality.is_some(), "{name}");
        assert!(!attribute.indexes.substring || attribute.substr.is_some(), "{name}");
        assert!(!(attribute.link && attribute.is_virtual), "{name}");
    }
    assert_eq!(schema().attribute("userPassword").unwrap().access, AccessClass::Secret);
    assert_eq!(schema().attribute("homePhone").unwrap().access, AccessClass::Sensitive);
    assert_eq!(schema().attribute("cn").unwrap().access, AccessClass::Public);
    assert_eq!(schema().attribute("entryUUID").unwrap().access, AccessClass::Operational);
    assert!(schema().attribute("memberOf").unwrap().is_virtual);
    for name in ["member", "uniqueMember", "manager", "owner", "seeAlso", "secretary", "roleOccupant"] {
        assert!(schema().attribute(name).unwrap().link, "{name}");
    }
    for name in ["creatorsName", "modifiersName", "memberOf", "entryDN"] {
        assert!(!schema().attribute(name).unwrap().link, "{name}");
    }
}

#[test]
fn a_person_is_checked() {
    let present = ids(&["objectClass", "uid", "cn", "sn", "mail", "entryUUID", "createTimestamp"]);
    assert_eq!(schema().check_entry(&["inetOrgPerson"], &present).unwrap().name(), "inetOrgPerson");
    assert_eq!(schema().check_entry(&["top", "person", "INETORGPERSON"], &present).unwrap().name(), "inetOrgPerson");
    assert_eq!(schema().check_entry(&["2.16.840.1.113730.3.2.2"], &present).unwrap().name(), "inetOrgPerson");
}

#[test]
fn violations_say_what_is_wrong_and_how_to_mend_it() {
    let refuse = |classes: &[&str], present: &[&str]| schema().check_entry(classes, &ids(present)).unwrap_err();
    let person = ["objectClass", "cn"];
    assert_eq!(refuse(&["inetOrgPerson"], &person).message(), "the object class person requires sn: add what is missing");
    assert!(refuse(&["top"], &["objectClass"]).message().contains("no structural object class"));
    assert!(refuse(&["posixGroup"], &["objectClass", "gidNumber"]).message().contains("no structural object class"));
    assert!(
        refuse(&["person", "groupOfNames"], &["objectClass", "cn", "sn"]).message().contains("person and groupOfNames are both structural")
    );
    let foreign = refuse(&["inetOrgPerson"], &["objectClass", "cn", "sn", "sshPublicKey"]);
    assert!(foreign.message().contains("sshPublicKey is not allowed") && foreign.message().contains("add the object class ldapPublicKey"));
    assert_eq!(foreign.kind(), &Kind::Invalid(Rule::ObjectClass));
    let unknown = refuse(&["martian"], &["objectClass"]);
    assert_eq!(unknown.kind(), &Kind::Invalid(Rule::Syntax));
    assert!(unknown.message().contains("'martian'"));
}

#[test]
fn groups_may_be_empty_and_superclasses_are_listed() {
    assert!(schema().check_entry(&["groupOfNames"], &ids(&["objectClass", "cn"])).is_ok());
    let names: Vec<&str> = schema().with_superclasses(&["inetOrgPerson", "person"]).unwrap().iter().map(|class| class.name()).collect();
    assert_eq!(names, ["top", "person", "organizationalPerson", "inetOrgPerson"]);
}

#[test]
fn values_are_checked_by_length_and_syntax() {
    let uid = schema().attribute("uid").unwrap();
    assert!(uid.check_value(b"alice").is_ok());
    assert_eq!(uid.check_value(&[b'a'; 257]).unwrap_err().kind(), &Kind::Invalid(Rule::Constraint));
    let error = schema().attribute("uidNumber").unwrap().check_value(b"ten").unwrap_err();
    assert_eq!(error.message(), "uidNumber: the value is not a whole number without leading zeros, such as 42 or -7 (INTEGER)");
    assert_eq!(schema().attribute("jpegPhoto").unwrap().normalise(b"a").unwrap_err().kind(), &Kind::Invalid(Rule::InappropriateMatching));
}

#[test]
fn the_subschema_lists_exactly_what_there_is_and_reads_back() {
    let attributes = schema().subschema_attributes();
    let values = |name: &str| -> Vec<String> {
        let found = attributes.iter().find(|attribute| attribute.name == name).unwrap();
        found.values.iter().map(|value| String::from_utf8(value.clone()).unwrap()).collect()
    };
    let types = values("attributeTypes");
    assert_eq!(types.len(), schema().attribute_types().len());
    for (text, attribute) in types.iter().zip(schema().attribute_types()) {
        let read = parse_attribute_type(text).unwrap();
        assert_eq!((&read.oid, read.values("NAME").unwrap()), (&attribute.oid, attribute.names.as_slice()));
        assert!(!text.contains("POOLGATE-"), "{text}");
    }
    let cn = types.iter().find(|text| text.contains("'cn'")).unwrap();
    assert_eq!(cn, "( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name X-ORIGIN 'RFC 4519' )");
    for (text, class) in values("objectClasses").iter().zip(schema().object_classes()) {
        assert_eq!(parse_object_class(text).unwrap().oid, class.oid);
    }
    for text in ["matchingRules", "matchingRuleUse", "ldapSyntaxes"].iter().flat_map(|name| values(name)) {
        parse::other(&text).unwrap();
    }
    assert_eq!(values("ldapSyntaxes").len(), Syntax::ALL.len());
    assert_eq!(values("matchingRules").len(), MatchingRule::ALL.len());
    for (name, values) in attributes.iter().map(|attribute| (&attribute.name, &attribute.values)) {
        let attribute = schema().attribute(name).unwrap();
        values.iter().for_each(|value| attribute.check_value(value).unwrap());
    }
}

#[test]
fn no_name_stands_for_two_things() {
    let classes = schema().object_classes().iter().flat_map(|class| class.names.iter().chain([&class.oid]));
    for name in classes {
        assert!(schema().attribute(name).is_none(), "{name} is a class and an attribute");
    }
}

#[test]
fn bad_definitions_are_refused_with_file_line_and_reason() {
    for (text, expected) in [
        ("\n\nattributetype ( 1.2.3 NAME 'a'", "own.schema, line 3: at octet"),
        ("attributetype ( abc NAME 'a' )", "begins with a dotted OID"),
        ("attributetype ( 1.2.3 NAME 'a' NAME 'b' )", "NAME comes twice"),
        ("attributetype ( 1.2.3 NAME 'a' COLOUR 'b' )", "COLOUR is not a field"),
        ("attributetype ( 1.2.3 NAME 'a' ) more", "text follows"),
        ("attributetype ( 1.2.3 NAME 'a )", "a quote is not closed"),
        ("attributetype ( 1.2.3 NAME '' )", "the text between the quotes is missing"),
        ("attributetype ( 1.2.3 NAME 'a b' SUP name X-POOLGATE-ID '900' )", "'a b' is not a name"),
        ("attributetype ( 1.2.3 NAME 'a' SUP nobody )", "the supertype nobody is not defined"),
        ("attributetype ( 1.2.3 NAME 'a' X-POOLGATE-ID '900' )", "a SYNTAX or a SUP"),
        ("attributetype ( 1.2.3 NAME 'a' SYNTAX 1.2.3 )", "the syntax 1.2.3 is not supported"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name EQUALITY wordMatch )", "the matching rule wordMatch is not supported"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name EQUALITY caseIgnoreSubstringsMatch )", "is not a rule for EQUALITY"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name )", "X-POOLGATE-ID is missing"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name X-POOLGATE-ID '1' )", "belongs to another"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name X-POOLGATE-ID '99999' )", "is over 65535"),
        ("attributetype ( 1.2.3 NAME 'cn' SUP name X-POOLGATE-ID '900' )", "'cn' is defined twice"),
        ("attributetype ( 1.2.3 NAME 'a' SUP name X-POOLGATE-ID '900' X-POOLGATE-TRAITS 'odd' )", "not 'odd'"),
        ("attributetype ( 1.2.3 NAME 'a' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15{x} )", "a length such as {64} is malformed"),
        ("objectclass ( 1.2.3 NAME 'b' MUST shoe )", "the attribute shoe is not defined"),
        ("objectclass ( 1.2.3 NAME 'b' SUP boss )", "the superclass boss is not defined"),
        ("objectclass ( 1.2.3 NAME 'b' ABSTRACT AUXILIARY )", "a class is one of"),
        ("objectclass ( 1.2.3 NAME 'b' MUST ( cn sn ) )", "'$' is missing"),
        ("matchingrule ( 1.2.3 )", "not with 'matchingrule'"),
    ] {
        let error = loaded(text).map(|_| ()).unwrap_err();
        assert!(error.message().contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_definition_is_bounded() {
    let text = format!("( 1.2.3 DESC '{}' )", "a".repeat(MAX_DEFINITION));
    assert!(parse_attribute_type(&text).unwrap_err().message.contains("at most 16384"));
    let nested = "(".repeat(8000);
    assert!(parse_attribute_type(&nested).is_err());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}|[()$'{}A-Z0-9. x-]{0,80}") {
        let _ = parse_attribute_type(&text);
        let _ = parse_object_class(&format!("( 1.2.3 {text} )"));
        let _ = Schema::load(&[("x", &format!("attributetype ( 1.2.3 {text}"))]);
    }
}
