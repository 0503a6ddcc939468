use super::*;
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out));
    out
}

#[test]
fn integers_take_the_fewest_octets() {
    for (value, octets) in [
        (0, &[0x00][..]),
        (127, &[0x7f]),
        (128, &[0x00, 0x80]),
        (256, &[0x01, 0x00]),
        (-1, &[0xff]),
        (-128, &[0x80]),
        (-129, &[0xff, 0x7f]),
        (i64::from(i32::MAX), &[0x7f, 0xff, 0xff, 0xff]),
        (i64::MIN, &[0x80, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let bytes = written(|writer| writer.integer(value));
        assert_eq!(bytes[2..], *octets, "{value}");
        assert_eq!(Reader::new(&bytes).integer(), Ok(value));
    }
}

#[test]
fn a_length_may_be_longer_than_it_need_be() {
    let bytes = [0x04, 0x84, 0, 0, 0, 2, b'a', b'b'];
    assert_eq!(Reader::new(&bytes).octets(), Ok(&b"ab"[..]));
}

#[test]
fn what_ldap_forbids_is_refused() {
    assert_eq!(Reader::new(&[0x30, 0x80, 0, 0]).read(), Err(BerError::Length), "indefinite length");
    assert_eq!(Reader::new(&[0x30, 0x85, 0, 0, 0, 0, 1, 0]).read(), Err(BerError::Length), "five octets of length");
    assert_eq!(Reader::new(&[0x1f, 0x81, 0]).read(), Err(BerError::TagNumber));
    assert_eq!(Reader::new(&[0x04, 3, 1]).read(), Err(BerError::Truncated));
    assert_eq!(Reader::new(&[0x02, 0]).integer(), Err(BerError::Integer));
    assert_eq!(Reader::new(&[0x02, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]).integer(), Err(BerError::Integer));
    assert_eq!(Reader::new(&[0x01, 2, 0, 0]).boolean(), Err(BerError::Boolean));
    assert_eq!(Reader::new(&[0x04, 0]).integer(), Err(BerError::Unexpected { expected: INTEGER, found: OCTET_STRING }));
    assert_eq!(Reader::new(&[0]).finish(), Err(BerError::Trailing));
}

#[test]
fn a_header_may_be_incomplete() {
    for bytes in [&[][..], &[0x30], &[0x30, 0x82], &[0x30, 0x82, 1]] {
        assert_eq!(Header::read(bytes), Ok(None));
    }
    assert_eq!(Header::read(&[0x30, 0x82, 1, 0]), Ok(Some(Header { tag: SEQUENCE, size: 4, length: 256 })));
}

#[test]
fn lengths_around_each_step_are_read_back() {
    for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1 << 20] {
        let contents = vec![7; length];
        let known = written(|writer| writer.octets(&contents));
        let unknown = written(|writer| writer.constructed(OCTET_STRING, |writer| writer.raw(&contents)));
        assert_eq!(known, unknown);
        assert_eq!(known.len(), tlv_size(length));
        assert_eq!(Reader::new(&known).octets(), Ok(&contents[..]));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut reader = Reader::new(&bytes);
        while let Ok((_, contents)) = reader.read() {
            let _ = (integer(contents), boolean(contents));
        }
    }

    #[test]
    fn every_integer_is_read_back(value in any::<i64>()) {
        let bytes = written(|writer| writer.integer(value));
        prop_assert_eq!(Reader::new(&bytes).integer(), Ok(value));
    }

    #[test]
    fn nested_values_are_read_back(values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..8)) {
        let bytes = written(|writer| {
            writer.constructed(SEQUENCE, |writer| {
                for value in &values {
                    writer.constructed(SET, |writer| writer.octets(value));
                }
            });
        });
        let mut outer = Reader::new(&bytes);
        let mut list = outer.sequence().unwrap();
        for value in &values {
            let mut set = list.set().unwrap();
            prop_assert_eq!(set.octets().unwrap(), &value[..]);
            prop_assert!(set.finish().is_ok());
        }
        prop_assert!(list.finish().is_ok() && outer.finish().is_ok());
    }
}
