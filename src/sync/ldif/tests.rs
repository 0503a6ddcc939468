#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

fn read(text: impl AsRef<[u8]>) -> Result<Vec<Record>, FileError> {
    Reader::new(text.as_ref()).collect()
}

fn refusal(text: impl AsRef<[u8]>) -> String {
    read(text).unwrap_err().to_string()
}

fn value<'a>(record: &'a Record, name: &str) -> &'a [u8] {
    let field = record.attributes.iter().find(|field| field.attribute.name == name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(field.attribute.values.len(), 1);
    &field.attribute.values[0]
}

#[test]
fn records_are_read_with_their_lines() {
    let text = "version: 1\n# people\n\ndn: cn=Barbara Jensen,ou=Product\n  Development,dc=airius,dc=com\nobjectclass: top\nobjectclass: person\ncn: Barbara\n  Jensen\ndescription:: V2hhdCBhIGNhcmVmdWwgcmVhZGVy\n# in between\nsn:\n\n\ndn:: b3U95Za25qWt6YOoLG89QWlyaXVz\nou:: 5Za25qWt6YOo\n";
    let records = read(text).unwrap();
    assert_eq!(records.len(), 2);
    let first = &records[0];
    assert_eq!((first.line, first.dn.to_string()), (4, "cn=Barbara Jensen,ou=Product Development,dc=airius,dc=com".to_owned()));
    assert_eq!(first.attributes[0].attribute.values, [b"top".to_vec(), b"person".to_vec()]);
    assert_eq!(first.attributes.iter().map(|field| field.lines.clone()).collect::<Vec<_>>(), [vec![6, 7], vec![8], vec![10], vec![12]]);
    assert_eq!(
        (value(first, "cn"), value(first, "description"), value(first, "sn")),
        (&b"Barbara Jensen"[..], &b"What a careful reader"[..], &b""[..])
    );
    assert_eq!((records[1].line, records[1].dn.to_string()), (15, "ou=営業部,o=Airius".to_owned()));
}

#[test]
fn what_other_servers_write_is_read() {
    let crlf = read("dn: o=x\r\no: x\r\n\r\ndn: ou=y,o=x\r\nou:  y\r\n").unwrap();
    assert_eq!((crlf.len(), value(&crlf[1], "ou")), (2, &b"y"[..]));
    assert_eq!(value(&read("\u{feff}dn: o=x\no: é").unwrap()[0], "o"), "é".as_bytes());
    assert_eq!(value(&read("dn: o=x\nchangetype: add\nO: x\n").unwrap()[0], "O"), b"x");
    let merged = read("dn: o=x\ncn: a\nCN: b\ncn;lang-de: c").unwrap();
    assert_eq!(merged[0].attributes.len(), 2);
    assert_eq!(merged[0].attributes[0].attribute.values, [b"a".to_vec(), b"b".to_vec()]);
    assert!(read("").unwrap().is_empty() && read("version: 1\n").unwrap().is_empty() && read("# only\n# this\n\n").unwrap().is_empty());
    assert_eq!(read("# a\n  folded comment\nversion: 1\ndn: o=x\no: x").unwrap().len(), 1);
}

#[test]
fn errors_name_line_and_remedy() {
    for (text, expected) in [
        ("version: 2\n", "line 1: only version 1"),
        ("o: x\n", "line 1: a record begins with 'dn:', not with 'o:'"),
        ("dn: o=x\n\no: x\n", "line 3: a record begins with 'dn:'"),
        ("dn: nonsense\n", "line 1: the name is malformed"),
        ("dn: o=x\no x\n", "line 2: the line has no ':'"),
        ("dn: o=x\n\n continued\n", "line 3: the line begins with a space"),
        (" x\n", "line 1: the line begins with a space"),
        ("dn: o=x\no:: %%%\n", "line 2: the value of o is not base64"),
        ("dn: o=x\njpegPhoto:< file:///etc/passwd\n", "line 2: values out of other files"),
        ("dn: o=x\nchangetype: modify\nreplace: o\n", "line 2: the file holds changes"),
        ("dn: o=x\ncontrol: 1.2.3 true\n", "line 2: controls cannot"),
        ("dn: o=x\no: x\ndn: o=y\no: y\n", "line 3: a second dn:"),
        ("dn: o=x\nö: y\n", "line 2: what stands before ':'"),
        ("dn: o=x\ncn;: y\n", "line 2: what stands before ':'"),
    ] {
        assert!(refusal(text).starts_with(expected), "{text:?}: {}", refusal(text));
    }
    let mut reader = Reader::new(&b"o: x\n\ndn: o=x\no: x\n"[..]);
    assert!(reader.next().unwrap().is_err() && reader.next().is_none(), "nothing follows an error");
}

#[test]
fn lines_and_records_are_bounded() {
    let long = "a".repeat(MAX_LINE);
    assert!(refusal(format!("dn: o=x\no: {long}")).contains("line 2: the line has more than"));
    let half = "a".repeat(MAX_LINE / 2);
    assert!(refusal(format!("dn: o=x\no: {half}\n {half}\n")).contains("with its continuations"));
    let many = "o: ".to_owned() + &"a".repeat(MAX_LINE - 10) + "\n";
    assert!(refusal(format!("dn: o=x\n{}", many.repeat(MAX_RECORD / MAX_LINE + 1))).contains("the record has more than"));
}

#[test]
fn what_is_written_follows_rfc_2849() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    let long = "x".repeat(150);
    let values: [(&str, &[u8]); 6] =
        [("o", b"x"), ("cn", b" lead"), ("cn", b"trail "), ("cn", "é".as_bytes()), ("cn", b""), ("description", long.as_bytes())];
    writer.entry("o=x", values).unwrap();
    let text = String::from_utf8(writer.finish().unwrap()).unwrap();
    let folded = format!("description: {}\n {}\n {}\n", "x".repeat(63), "x".repeat(75), "x".repeat(12));
    assert_eq!(text, format!("version: 1\n\ndn: o=x\no: x\ncn:: IGxlYWQ=\ncn:: dHJhaWwg\ncn:: w6k=\ncn:\n{folded}"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(records in proptest::collection::vec(("\\PC{1,20}", proptest::collection::vec(("[a-z]{1,5}(;x-[a-z])?", any::<Vec<u8>>()), 1..5)), 0..4)) {
        let mut writer = Writer::new(Vec::new()).unwrap();
        let mut expected = Vec::new();
        for (name, values) in &records {
            let dn = Dn::from_rdns(vec![crate::model::Rdn::single("cn", name.as_bytes())]).unwrap();
            let values: Vec<_> = values.iter().filter(|(name, _)| name != "dn").collect();
            writer.entry(&dn.to_string(), values.iter().map(|(name, value)| (name.as_str(), value.as_slice()))).unwrap();
            expected.push((dn, values));
        }
        let file = writer.finish().unwrap();
        prop_assert!(file.split(|octet| *octet == b'\n').all(|line| line.len() <= 76));
        let read = read(&file).unwrap();
        prop_assert_eq!(read.len(), expected.len());
        for (record, (dn, values)) in read.iter().zip(&expected) {
            prop_assert_eq!(&record.dn, dn);
            for (name, value) in values {
                let field = record.attributes.iter().find(|field| field.attribute.name == *name).unwrap();
                prop_assert!(field.attribute.values.contains(value));
            }
        }
    }

    #[test]
    fn any_octets_are_read_or_refused(octets in any::<Vec<u8>>(), text in "(dn|o|version|changetype)?[:< ]{0,3}[a-z=,#]{0,5}(\\n| |\\r\\n){0,3}[a-z: =]{0,10}") {
        let _ = read(octets);
        let _ = read(text);
    }
}
