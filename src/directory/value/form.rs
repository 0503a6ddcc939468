//! What values of the smaller syntaxes look like (RFC 4517, section 3.3).

use crate::model::ber;
use crate::model::dn::{is_descriptor, is_oid};

/// The most digits of an INTEGER.
pub(super) const MAX_INTEGER_DIGITS: usize = 128;

pub(super) const PRINTABLE: &str = "letters, digits and the characters '()+,-./:=? and space";

pub(super) fn check_text(value: &[u8]) -> Result<(), String> {
    if value.is_empty() {
        return Err("at least one character".to_owned());
    }
    match std::str::from_utf8(value) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("UTF-8; octet {} is not", error.valid_up_to() + 1)),
    }
}

pub(super) fn check_integer(value: &[u8]) -> Result<(), String> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    if digits.len() > MAX_INTEGER_DIGITS {
        return Err(format!("a whole number of at most {MAX_INTEGER_DIGITS} digits"));
    }
    let is_plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let is_shortest = !digits.starts_with(b"0") || value == b"0";
    if is_plain && is_shortest { Ok(()) } else { Err("a whole number without leading zeros, such as 42 or -7".to_owned()) }
}

pub(super) fn is_printable(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|octet| octet.is_ascii_alphanumeric() || b"'()+,-./:=? ".contains(octet))
}

pub(super) fn is_numeric(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|octet| octet.is_ascii_digit() || *octet == b' ')
}

pub(super) fn is_identifier(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| is_descriptor(text) || is_oid(text))
}

pub(super) fn is_bit_string(value: &[u8]) -> bool {
    let bits = value.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'B"));
    bits.is_some_and(|bits| bits.iter().all(|octet| matches!(octet, b'0' | b'1')))
}

/// A name, and the bit string that may follow it after `#` (RFC 4517, section 3.3.21).
pub(super) fn split_name_and_uid(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let split = memchr::memrchr(b'#', value).and_then(|position| value.split_at_checked(position));
    match split {
        Some((name, uid)) if uid.get(1..).is_some_and(is_bit_string) => (name, uid.get(1..)),
        _ => (value, None),
    }
}

/// SEQUENCE { SEQUENCE (what is signed), SEQUENCE (algorithm), BIT STRING }: enough to tell a
/// certificate from PEM text or a key.
pub(super) fn is_certificate(value: &[u8]) -> bool {
    const BIT_STRING: u8 = 0x03;
    let shape = || {
        let mut outer = ber::Reader::new(value);
        let mut inner = outer.sequence()?;
        inner.sequence()?;
        inner.sequence()?;
        inner.expect(BIT_STRING)?;
        inner.finish()?;
        outer.finish()
    };
    shape().is_ok()
}

/// The sixteen octets of a UUID in its string form (RFC 4122, section 3).
pub(super) fn uuid(value: &[u8]) -> Option<[u8; 16]> {
    if value.len() != 36 {
        return None;
    }
    uuid::Uuid::try_parse_ascii(value).ok().map(uuid::Uuid::into_bytes)
}

/// A time to the microsecond, a count of changes, a server and a count within the change:
/// `20200101000000.000000Z#000000#000#000000`.
pub(super) fn is_csn(value: &[u8]) -> bool {
    let mut fields = value.split(|octet| *octet == b'#');
    let is_time = |field: &[u8]| {
        let digits = |range| field.get(range).is_some_and(|digits: &[u8]| digits.iter().all(u8::is_ascii_digit));
        field.len() == 22 && digits(0..14) && field.get(14) == Some(&b'.') && digits(15..21) && field.ends_with(b"Z")
    };
    fields.next().is_some_and(is_time)
        && [6, 3, 6]
            .into_iter()
            .all(|length| fields.next().is_some_and(|field| field.len() == length && field.iter().all(u8::is_ascii_hexdigit)))
        && fields.next().is_none()
}

pub(super) fn is_delivery_method(value: &[u8]) -> bool {
    const METHODS: [&str; 10] = ["any", "mhs", "physical", "telex", "teletex", "g3fax", "g4fax", "ia5", "videotex", "telephone"];
    fields(value).all(|field| METHODS.iter().any(|method| method.as_bytes() == field.trim_ascii()))
}

pub(super) fn is_fax_number(value: &[u8]) -> bool {
    const PARAMETERS: [&str; 7] = ["twoDimensional", "fineResolution", "unlimitedLength", "b4Length", "a3Width", "b4Width", "uncompressed"];
    let mut fields = fields(value);
    fields.next().is_some_and(is_printable) && fields.all(|field| PARAMETERS.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(field)))
}

pub(super) fn is_teletex(value: &[u8]) -> bool {
    const KEYS: [&[u8]; 5] = [b"graphic", b"control", b"misc", b"page", b"private"];
    let mut fields = fields(value);
    let is_parameter = |field: &[u8]| KEYS.iter().any(|key| field.strip_prefix(*key).is_some_and(|rest| rest.starts_with(b":")));
    fields.next().is_some_and(is_printable) && fields.all(is_parameter)
}

pub(super) fn is_telex(value: &[u8]) -> bool {
    fields(value).count() == 3 && fields(value).all(is_printable)
}

pub(super) fn is_netgroup_triple(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")"));
    inner.is_some_and(|inner| {
        inner.is_ascii() && !inner.iter().any(|octet| matches!(octet, b'(' | b')')) && inner.split(|octet| *octet == b',').count() == 3
    })
}

pub(super) fn is_boot_parameter(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let Some((key, place)) = text.split_once('=') else { return false };
    text.is_ascii() && !key.is_empty() && place.contains(':')
}

fn fields(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|octet| *octet == b'$')
}
