mod arbitrary;
mod limits;

use super::*;
use proptest::prelude::*;

const CLIENTS: &[(&str, &str)] = &[
    ("ldap-utils", include_str!("../../../tests/fixtures/ldap/openldap.hex")),
    ("python-ldap", include_str!("../../../tests/fixtures/ldap/pyldap.hex")),
    ("JNDI", include_str!("../../../tests/fixtures/ldap/jndi.hex")),
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The messages of a fixture with their titles.
fn messages(text: &'static str) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let mut lines = text.lines().skip(1);
    std::iter::from_fn(move || Some((lines.next()?.trim_start_matches("# "), hex(lines.next()?))))
}

fn golden(client: &str, title: &str) -> Vec<u8> {
    let (_, text) = CLIENTS.iter().find(|(name, _)| *name == client).unwrap();
    messages(text).find(|(name, _)| *name == title).unwrap().1
}

fn decoded(bytes: &[u8]) -> Message<'_> {
    let (message, size) = decode(bytes, &Limits::BOUND).unwrap().unwrap();
    assert_eq!(size, bytes.len());
    message
}

fn encoded(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode(message, &mut out);
    out
}

#[test]
fn what_clients_send_is_read_and_written_as_they_do() {
    for (client, text) in CLIENTS {
        for (title, bytes) in messages(text) {
            assert_eq!(encoded(&decoded(&bytes)), bytes, "{client}: {title}");
            for end in 0..bytes.len() {
                assert_eq!(decode(&bytes[..end], &Limits::BOUND), Ok(None), "{client}: {title} cut at {end}");
            }
        }
    }
}

#[test]
fn a_bind_by_name() {
    let bytes = golden("python-ldap", "simple bind by uid@slug");
    let Operation::BindRequest(bind) = decoded(&bytes).operation else { panic!("no bind") };
    assert_eq!((bind.version, bind.name, bind.authentication), (3, "alice@acme", Authentication::Simple(b"alice-demo-password")));
}

#[test]
fn a_filter_with_every_kind_of_item() {
    let bytes = golden("python-ldap", "one-level search with every kind of filter item");
    let Operation::SearchRequest(search) = decoded(&bytes).operation else { panic!("no search") };
    let expected = Filter::Or(vec![
        Filter::Equality(Assertion { attribute: "uid", value: b"alice" }),
        Filter::Not(Box::new(Filter::Present("mail"))),
        Filter::GreaterOrEqual(Assertion { attribute: "cn", value: b"a" }),
        Filter::LessOrEqual(Assertion { attribute: "cn", value: b"z" }),
        Filter::Approximate(Assertion { attribute: "sn", value: b"smith" }),
        Filter::Extensible(Extensible { rule: Some("caseExactMatch"), attribute: Some("cn"), value: b"X", dn_attributes: false }),
        Filter::Substrings(Substrings { attribute: "cn", initial: Some(b"a"), any: vec![b"b"], last: Some(b"c") }),
    ]);
    assert_eq!(search.filter, expected);
    assert_eq!((search.base, search.scope, search.attributes), ("ou=people,o=acme", Scope::One, vec!["*", "+"]));
}

#[test]
fn values_are_octets() {
    let bytes = golden("python-ldap", "paged search for a value that is not text");
    let message = decoded(&bytes);
    let Operation::SearchRequest(search) = message.operation else { panic!("no search") };
    assert_eq!(search.filter, Filter::Equality(Assertion { attribute: "objectGUID", value: &[0x00, 0xff, 0xfe] }));
    assert!(search.types_only);
    let [control] = message.controls.as_slice() else { panic!("not one control") };
    assert!(control.critical && control.oid == PagedResults::OID);
    assert_eq!(PagedResults::decode(control.value.as_deref().unwrap()), Ok(PagedResults { size: 50, cookie: b"" }));
}

#[test]
fn the_values_of_a_password_modify() {
    let bytes = golden("python-ldap", "password modify");
    let Operation::ExtendedRequest(request) = decoded(&bytes).operation else { panic!("no extended request") };
    let value = PasswordModify::decode(request.value).unwrap();
    assert_eq!(value, PasswordModify { user: Some("uid=alice,ou=people,o=acme"), old: Some(b"old-pw"), new: Some(b"new-pw") });
    assert_eq!(value.encode(), request.value.unwrap());
    assert_eq!(PasswordModify::decode(None), Ok(PasswordModify::default()));
    assert_eq!(encode_generated_password(b"made"), hex("300680046d616465"));
}

#[test]
fn a_modify_with_increment_and_a_move() {
    let bytes = golden("ldap-utils", "modify with replace, add and increment");
    let Operation::ModifyRequest(modify) = decoded(&bytes).operation else { panic!("no modify") };
    let kinds: Vec<_> = modify.changes.iter().map(|change| (change.kind, change.attribute.name)).collect();
    assert_eq!(kinds, [(ChangeKind::Replace, "displayName"), (ChangeKind::Add, "mail"), (ChangeKind::Increment, "uidNumber")]);

    let bytes = golden("ldap-utils", "rename with a new superior");
    let Operation::ModifyDnRequest(rename) = decoded(&bytes).operation else { panic!("no rename") };
    assert_eq!((rename.new_rdn, rename.delete_old_rdn, rename.new_superior), ("uid=daniel", true, Some("ou=staff,ou=people,o=acme")));
}

#[test]
fn what_a_later_version_appends_is_skipped() {
    // An unknown element after the password, and one after the controls.
    let bytes = hex("3000020101600c020103040161800162850178a0008a0178");
    let bytes = [&[0x30, u8::try_from(bytes.len() - 2).unwrap()], &bytes[2..]].concat();
    let Operation::BindRequest(bind) = decoded(&bytes).operation else { panic!("no bind") };
    assert_eq!(bind.authentication, Authentication::Simple(b"b"));
}

#[test]
fn secrets_are_not_printed() {
    for (client, title) in [("python-ldap", "simple bind by uid@slug"), ("python-ldap", "password modify"), ("ldap-utils", "add")] {
        let bytes = golden(client, title);
        let printed = format!("{:?}", decoded(&bytes));
        for secret in ["alice-demo", "old-pw", "new-pw", "dan-demo", "111, 108, 100"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}

#[test]
fn waiting_messages_are_looked_at_without_taking_them() {
    let mut bytes = golden("python-ldap", "who am i");
    bytes.extend(golden("python-ldap", "abandon"));
    bytes.extend(golden("python-ldap", "unbind"));
    assert_eq!(glance(&bytes).collect::<Vec<_>>(), [Glance::Other, Glance::Abandon(9), Glance::Unbind]);
    bytes.pop();
    assert_eq!(glance(&bytes).count(), 2, "an incomplete message is not looked at");
}

#[test]
fn an_entry_is_written_in_place() {
    let attributes = vec![PartialAttribute { name: "uid", values: vec![b"alice"] }];
    let entry = Entry { name: "uid=alice,o=acme".into(), attributes };
    let whole = encoded(&Message { id: 7, operation: Operation::SearchEntry(entry), controls: vec![] });
    let list = hex("3010300e040375696431070405616c696365");
    let mut out = b"before".to_vec();
    let copy = |out: &mut Vec<u8>| {
        out.extend_from_slice(&list);
        Ok::<_, ()>(())
    };
    encode_entry(7, "uid=alice,o=acme", &mut out, copy).unwrap();
    assert_eq!(out, [b"before", &whole[..]].concat());
    let failed = encode_entry(8, "uid=bob,o=acme", &mut out, |out| {
        out.push(1);
        Err(())
    });
    assert!(failed.is_err());
    assert_eq!(out.len(), 6 + whole.len(), "nothing of a failed entry stays");
}

#[test]
fn each_request_can_be_answered_when_its_contents_are_wrong() {
    // A search whose scope is 7.
    let bytes = hex("3023020108631e04066f3d61636d650a01070a010002010002010001010087037569643000");
    let error = decode(&bytes, &Limits::BOUND).unwrap_err();
    let request = error.answerable.unwrap();
    assert_eq!((request.id, request.size, request.is_bind()), (8, bytes.len(), false));
    let answer = request.answer(LdapResult::new(ResultCode::PROTOCOL_ERROR, error.to_string())).unwrap();
    assert!(matches!(answer.operation, Operation::SearchDone(_)) && answer.id == 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn messages_are_read_back(owned in arbitrary::message()) {
        let message = owned.borrow();
        let bytes = encoded(&message);
        let (read, size) = decode(&bytes, &Limits::BOUND).unwrap().unwrap();
        prop_assert_eq!(size, bytes.len());
        prop_assert_eq!(&read, &message);
        // An independent encoder writes the same bytes.
        let (rest, tree) = ldap3::asn1::parse_tag(&bytes).unwrap();
        prop_assert!(rest.is_empty());
        let mut other = bytes::BytesMut::new();
        ldap3::asn1::write::encode_into(&mut other, tree).unwrap();
        prop_assert_eq!(&other[..], &bytes[..]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes, &Limits::UNBOUND);
        let _ = glance(&bytes).count();
        let _ = (operation_bytes(&bytes), PagedResults::decode(&bytes), PasswordModify::decode(Some(&bytes)));
    }

    #[test]
    fn damaged_messages_never_panic(owned in arbitrary::message(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encoded(&owned.borrow());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode(&bytes, &Limits::BOUND);
    }

    #[test]
    fn filters_of_an_independent_client_are_read(text in arbitrary::filter_text()) {
        let tag: ldap3::asn1::Tag = ldap3::parse_filter(&text).unwrap();
        let mut bytes = bytes::BytesMut::new();
        ldap3::asn1::write::encode_into(&mut bytes, ldap3::asn1::ASNTag::into_structure(tag)).unwrap();
        let filter = Filter::decode(&mut crate::model::ber::Reader::new(&bytes), &Limits::BOUND).unwrap();
        let mut out = Vec::new();
        filter.encode(&mut crate::model::ber::Writer::new(&mut out));
        prop_assert_eq!(&out[..], &bytes[..], "{}", text);
    }
}
