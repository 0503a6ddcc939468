use super::*;
use crate::model::{EntryId, Timestamp};
use crate::policy::access::EntryKind;
use proptest::prelude::*;
use std::collections::BTreeSet;
use uuid::Uuid;

const FACTS: Facts<'static> = Facts { disabled: true, uid: Some("a") };

fn encoded(header: &Header, items: &[Item], generation: u64) -> Result<(Vec<u8>, Vec<Part>)> {
    encode(header, FACTS, items, generation, Room::Filled)
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn sample() -> (Header, Vec<Item>) {
    let header = Header {
        parent: Some(EntryId::new(7)),
        uuid: Uuid::from_bytes([0x11; 16]),
        kind: EntryKind::User,
        created: Timestamp::from_seconds(1),
        modified: Timestamp::from_seconds(2),
        creator: "cn=c".to_owned(),
        modifier: "cn=m".to_owned(),
        rdn: "uid=a".to_owned(),
        node: 0,
        links: BTreeSet::from([AttributeId::new(9)]),
        changes: 0,
    };
    (header, vec![item(1, "objectClass", &["top", "person"]), item(3, "cn", &["A"])])
}

fn item<V: AsRef<[u8]>>(number: u16, description: &str, values: &[V]) -> Item {
    Item { attribute: AttributeId::new(number), tlv: partial_attribute(description, values).into(), spill: None }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Two attributes: 1 ends at 30, 3 at 41.
const GOLDEN_ATTRIBUTES: &str = concat!(
    "0002",
    "0001000000001e",
    "00030000000029",
    "301c040b6f626a656374436c617373310d0403746f700406706572736f6e",
    "30090402636e3103040141",
);
/// The fields that every header has.
const GOLDEN_FIELDS: &str =
    "00070150111111111111111111111111111111110201031a000f4240041a001e84800564636e3d630664636e3d6d07657569643d6108000942";

#[test]
fn golden_bytes() {
    let (header, items) = sample();
    let (record, parts) = encoded(&header, &items, 1).unwrap();
    assert!(parts.is_empty());
    // Version, length of the header, and the header: a map of twelve fields.
    assert_eq!(hex(&record), format!("010041ac{GOLDEN_FIELDS}00090bf50c6161{GOLDEN_ATTRIBUTES}"));
    assert_eq!(super::header(&record).unwrap(), header);
    assert_eq!(facts(&record).unwrap(), Some(FACTS));
    // An entry that was changed has one field more; one without a uid has an empty one.
    let changed = Header { changes: 258, ..header };
    let (record, _) = encode(&changed, Facts { disabled: false, uid: None }, &items, 1, Room::Filled).unwrap();
    assert_eq!(hex(&record), format!("010044ad{GOLDEN_FIELDS}00090a1901020bf40c60{GOLDEN_ATTRIBUTES}"));
    assert_eq!(super::header(&record).unwrap(), changed);
    assert_eq!(facts(&record).unwrap(), Some(Facts { disabled: false, uid: None }));
}

/// Records as the first releases wrote them: they must stay readable, and do not tell what decides.
#[test]
fn golden_bytes_of_earlier_releases() {
    let (header, items) = sample();
    for (golden, changes) in [
        (format!("01003caa{GOLDEN_FIELDS}0009{GOLDEN_ATTRIBUTES}"), 0),
        (format!("010040ab{GOLDEN_FIELDS}00090a190102{GOLDEN_ATTRIBUTES}"), 258),
    ] {
        let record = bytes(&golden);
        assert_eq!(super::header(&record).unwrap(), Header { changes, ..header.clone() });
        assert_eq!(facts(&record).unwrap(), None);
        let read: Vec<_> = slots(&record).map(|slot| record[slot.range].to_vec()).collect();
        assert_eq!(read, items.iter().map(|item| item.tlv.to_vec()).collect::<Vec<_>>());
    }
}

/// Attributes of which none gets shorter in parts, of so many octets with their rows.
fn filling(octets: usize) -> Vec<Item> {
    let (mut items, mut left) = (Vec::new(), octets);
    while left > 0 {
        let size = if left > 200 { 100 } else { left };
        let description = "a".repeat(size - least_of(0));
        items.push(Item { spill: Some(Spill { generation: 1, length: 50 }), ..item(items.len() as u16 + 1, &description, &["x"]) });
        left -= size;
    }
    items
}

#[test]
fn an_entry_that_is_full_takes_what_makes_it_no_fuller() {
    let (header, _) = sample();
    let shortest = encode_header(&header, Facts { disabled: false, uid: None }).unwrap().len() + FRAME;
    // As full as an earlier release could leave it, and what disables besides.
    let items = filling(MAX_FILLED - shortest + least_of("poolgateAccountDisabled".len()));
    let long = Header { modifier: "m".repeat(MAX_ACTOR), ..header };
    let facts = Facts { disabled: true, uid: Some("a very long uid that finds no room ".repeat(7).leak()) };
    assert!(encode(&long, facts, &items, 1, Room::Filled).is_err());
    let (record, _) = encode(&long, facts, &items, 1, Room::Brim).unwrap();
    assert!(record.len() <= MAX_RECORD);
    assert_eq!(super::facts(&record).unwrap(), None, "the attributes tell it");
    let read = super::header(&record).unwrap();
    assert!(long.modifier.starts_with(&read.modifier) && !read.modifier.is_empty());
    assert_eq!(Header { modifier: long.modifier.clone(), ..read }, long, "nothing else is missing");
    assert_eq!(slots(&record).count(), items.len());
    // Where there is room, nothing is left out.
    let items = filling(3000);
    let (record, _) = encode(&long, facts, &items, 1, Room::Brim).unwrap();
    assert_eq!((super::facts(&record).unwrap(), super::header(&record).unwrap()), (Some(facts), long));
}

/// An entry that is as full as it can be, so that whatever could go would have to.
#[test]
fn what_is_no_longer_in_the_record_than_the_place_of_its_parts_stays_there() {
    let (header, _) = sample();
    let small = [item(1, "poolgateAccountDisabled", &["TRUE"]), item(2, "l", &["x"])];
    let shortest = encode_header(&header, FACTS).unwrap().len() + FRAME;
    let items: Vec<_> = small.iter().cloned().chain(filling(MAX_FILLED - shortest)).collect();
    assert!(encoded(&header, &items, 1).is_err());
    let (record, parts) = encode(&header, FACTS, &items, 1, Room::Brim).unwrap();
    assert!(record.len() > MAX_FILLED && parts.is_empty(), "{} {}", record.len(), parts.len());
    let kept: Vec<_> = slots(&record).take(2).map(|slot| (slot.in_parts, record[slot.range].to_vec())).collect();
    assert_eq!(kept, small.map(|item| (false, item.tlv.to_vec())));
}

#[test]
fn the_largest_attributes_lie_in_parts_first() {
    let (header, _) = sample();
    let sizes = [300, 900, 200, 2000, 400];
    for (others, expected) in [
        (1500, [false, false, false, false, false]),
        (3500, [false, false, false, true, false]),
        (4600, [false, true, false, true, false]),
        (5000, [false, true, false, true, true]),
    ] {
        let sized = sizes.iter().zip(1..).map(|(size, number)| item(number, "description", &[vec![b'x'; *size]]));
        let items: Vec<_> = sized.chain(filling(others)).collect();
        let (record, _) = encoded(&header, &items, 1).unwrap();
        let in_parts: Vec<bool> = slots(&record).take(sizes.len()).map(|slot| slot.in_parts).collect();
        assert_eq!(in_parts, expected, "beside {others} octets");
    }
}

#[test]
fn a_newer_format_is_refused_with_a_sentence() {
    let (header, items) = sample();
    let (mut record, _) = encoded(&header, &items, 1).unwrap();
    record[0] = 2;
    assert!(fixed(&record).unwrap_err().message().contains("start a newer one"));
}

#[test]
fn fields_of_a_later_header_are_skipped() {
    let (header, items) = sample();
    let (record, _) = encoded(&header, &items, 1).unwrap();
    let length = usize::from(u16::from_be_bytes([record[1], record[2]]));
    let mut map = record[3..3 + length].to_vec();
    map[0] += 1;
    map.extend_from_slice(&[0x18, 0x63, 0x01]);
    let mut later = vec![1];
    later.extend_from_slice(&u16::try_from(map.len()).unwrap().to_be_bytes());
    later.extend_from_slice(&map);
    later.extend_from_slice(&record[3 + length..]);
    assert_eq!(super::header(&later).unwrap(), header);
    assert_eq!(slots(&later).count(), 2);
}

#[test]
fn whether_an_attribute_lies_in_parts_is_told_by_the_table() {
    let (header, mut items) = sample();
    assert!(!has_parts(&encoded(&header, &items, 1).unwrap().0));
    items[0].tlv = partial_attribute("objectClass", &[vec![b'x'; MAX_INLINE]]).into();
    let (bytes, parts) = encoded(&header, &items, 1).unwrap();
    assert!(has_parts(&bytes) && !parts.is_empty());
    assert!(!has_parts(b"") && !has_parts(&bytes[..5]));
}

#[test]
fn damaged_records_give_an_error_and_no_slots() {
    let (header, items) = sample();
    let (record, _) = encoded(&header, &items, 1).unwrap();
    for length in 0..record.len() {
        let _ = fixed(&record[..length]);
        assert!(slots(&record[..length]).count() <= 2);
    }
}

#[test]
fn more_attributes_than_a_record_can_name_are_refused() {
    let (header, _) = sample();
    let items: Vec<_> = (1..600).map(|number| item(number, &format!("attribute{number}"), &[vec![0; 20]])).collect();
    assert!(encoded(&header, &items, 1).is_err());
}

#[test]
fn the_name_of_an_actor_is_cut_at_a_character() {
    let (mut header, items) = sample();
    header.creator = "ü".repeat(MAX_ACTOR);
    let (record, _) = encoded(&header, &items, 1).unwrap();
    let read = super::header(&record).unwrap();
    assert!(read.creator.len() <= MAX_ACTOR && read.creator.chars().all(|letter| letter == 'ü'));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        sizes in prop::collection::vec(prop::collection::vec(0usize..9000, 1..4), 0..12),
        generation in 0..u64::MAX - 100,
    ) {
        let (header, _) = sample();
        let contents = |sizes: &[usize], number: u16| sizes.iter().map(|size| vec![number as u8; *size]).collect::<Vec<_>>();
        let items: Vec<Item> =
            sizes.iter().zip(1u16..).map(|(sizes, number)| item(number, &format!("a{number};lang-de"), &contents(sizes, number))).collect();
        let (record, parts) = encoded(&header, &items, generation).unwrap();
        prop_assert!(record.len() <= MAX_RECORD);
        prop_assert!(parts.iter().all(|part| part.bytes.len() <= PART));
        let slots: Vec<_> = slots(&record).collect();
        prop_assert_eq!(slots.len(), items.len());
        for (slot, item) in slots.iter().zip(&items) {
            let body = &record[slot.range.clone()];
            let tlv = if slot.in_parts {
                let (spill, name) = spill(body).unwrap();
                prop_assert_eq!(Some(name), description(&item.tlv));
                let mut bytes = Vec::new();
                for number in 0..spill.parts() {
                    let part = parts.iter().find(|part| part.generation == spill.generation && part.number == number).unwrap();
                    bytes.extend_from_slice(&part.bytes);
                }
                prop_assert_eq!(bytes.len(), spill.length as usize);
                bytes
            } else {
                body.to_vec()
            };
            prop_assert!(tlv.len() <= MAX_INLINE || slot.in_parts);
            prop_assert_eq!(&tlv, &item.tlv);
            let number = item.attribute.get();
            prop_assert_eq!(description(&tlv).unwrap(), format!("a{number};lang-de"));
            let sizes = &sizes[usize::from(number) - 1];
            prop_assert_eq!(values(&tlv).map(<[u8]>::to_vec).collect::<Vec<_>>(), contents(sizes, number));
        }
    }

    #[test]
    fn any_bytes_can_be_read_as_a_record(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = super::header(&bytes);
        for slot in slots(&bytes) {
            let body = &bytes[slot.range];
            let _ = (spill(body), description(body), values(body).count());
        }
    }
}
