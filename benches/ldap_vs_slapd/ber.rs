//! LDAP messages, written and read by hand: the load must cost little beside the servers.

use std::time::Instant;

/// Digits that a number takes wherever a request holds one.
pub const DIGITS: usize = 6;
/// What stands for the number in a template.
const PLACE: &[u8] = b"000000";
/// Where the message id lies: it has four octets, and the message a length of three.
const ID: usize = 6;

/// A request whose number and message id are put in place for each use.
pub struct Template {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

/// An answer as far as the load looks at it.
pub struct Answer<'a> {
    pub id: u32,
    /// The identifier octet of its operation.
    pub tag: u8,
    /// The contents of its operation.
    pub contents: &'a [u8],
    /// Octets of the whole message.
    pub size: usize,
}

/// A request under way.
#[derive(Clone, Copy)]
pub struct Pending {
    pub id: u32,
    pub number: u32,
    pub sent: Instant,
    /// Whether its entry came.
    pub found: bool,
}

impl Template {
    /// Around an operation in which zeros stand for the number.
    pub fn new(operation: &[u8]) -> Self {
        let length = u16::try_from(operation.len() + 6).expect("a short request");
        let bytes = [&[0x30, 0x82], length.to_be_bytes().as_slice(), &[0x02, 4, 0, 0, 0, 0], operation].concat();
        let mut places = Vec::new();
        let mut at = ID + 4;
        while at < bytes.len() {
            let found = bytes[at..].starts_with(PLACE);
            places.extend(found.then_some(at));
            // The identifier octet of a SEQUENCE, which may follow, is a zero too.
            at += if found { DIGITS } else { 1 };
        }
        Self { bytes, places }
    }

    /// Appends the request for that number. The id is over 2^24, so that four octets are its
    /// shortest form.
    pub fn write(&self, id: u32, number: u32, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let message = &mut out[start..];
        message[ID..ID + 4].copy_from_slice(&id.to_be_bytes());
        let digits = digits(number);
        for place in &self.places {
            message[*place..place + DIGITS].copy_from_slice(&digits);
        }
    }
}

/// The answer at the beginning of these bytes; `None` while it is not complete.
pub fn answer(bytes: &[u8]) -> Option<Answer<'_>> {
    let (tag, message, size) = read(bytes)?;
    assert_eq!(tag, 0x30, "an answer is a SEQUENCE");
    let (tag, id, used) = read(message).expect("a message id");
    assert_eq!(tag, 0x02, "a message id is an INTEGER");
    let id = id.iter().fold(0, |id, octet| id << 8 | u32::from(*octet));
    let (tag, contents, _) = read(&message[used..]).expect("an operation");
    Some(Answer { id, tag, contents, size })
}

impl Answer<'_> {
    /// The result code of a final answer.
    pub fn code(&self) -> u8 {
        match self.contents {
            [0x0a, 1, code, ..] => *code,
            _ => panic!("the answer {:#04x} has no result code", self.tag),
        }
    }

    /// The name of an entry that was found.
    pub fn name(&self) -> &[u8] {
        read(self.contents).expect("a name").1
    }
}

/// Identifier, contents, octets of all of it; `None` if the bytes end before it does.
fn read(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (count, length) = match first {
        0..0x80 => (0, usize::from(first)),
        _ => {
            let count = usize::from(first & 0x7f);
            (count, rest.get(..count)?.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)))
        }
    };
    Some((tag, rest.get(count..count + length)?, 2 + count + length))
}

pub fn digits(number: u32) -> [u8; DIGITS] {
    let mut rest = number;
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).expect("a short value");
    let mut bytes = match length {
        0..128 => vec![tag, length as u8],
        _ => [&[tag, 0x82], length.to_be_bytes().as_slice()].concat(),
    };
    bytes.extend_from_slice(contents);
    bytes
}

pub fn octets(text: &str) -> Vec<u8> {
    tlv(0x04, text.as_bytes())
}

/// An ENUMERATED.
pub fn enumerated(number: u8) -> Vec<u8> {
    tlv(0x0a, &[number])
}

/// A simple bind (RFC 4511, section 4.2).
pub fn bind(name: &str, password: &str) -> Vec<u8> {
    tlv(0x60, &[tlv(0x02, &[3]), octets(name), tlv(0x80, password.as_bytes())].concat())
}

/// A search of the whole subtree with an equality filter (RFC 4511, section 4.5.1).
pub fn search(base: &str, attribute: &str, value: &str, attributes: &[&str]) -> Vec<u8> {
    let (no_limit, values_too) = (tlv(0x02, &[0]), tlv(0x01, &[0]));
    let filter = tlv(0xa3, &[octets(attribute), octets(value)].concat());
    let attributes: Vec<u8> = attributes.iter().flat_map(|name| octets(name)).collect();
    let (subtree, never) = (enumerated(2), enumerated(0));
    tlv(0x63, &[octets(base), subtree, never, no_limit.clone(), no_limit, values_too, filter, tlv(0x30, &attributes)].concat())
}
