//! The parser of names (RFC 4514, section 3): one pass, no recursion, every limit checked while
//! reading.

use super::{Ava, Dn, MAX_DN_BYTES, Rdn};
use crate::model::ber;
use crate::model::error::{Error, Result, Rule};

pub(super) fn dn(text: &[u8]) -> Result<Dn> {
    let mut scanner = Scanner::new(text)?;
    let mut rdns = Vec::new();
    if text.is_empty() {
        return Ok(Dn::root());
    }
    loop {
        rdns.push(scanner.rdn()?);
        match scanner.next() {
            None => return Dn::from_rdns(rdns),
            Some(b',') => {}
            Some(other) => return Err(scanner.unexpected(other)),
        }
    }
}

pub(super) fn rdn(text: &[u8]) -> Result<Rdn> {
    let mut scanner = Scanner::new(text)?;
    let rdn = scanner.rdn()?;
    match scanner.next() {
        None => Ok(rdn),
        Some(b',') => {
            Err(scanner.error("',' begins a second part where one part such as cn=staff is asked for; write '\\,' inside a value"))
        }
        Some(other) => Err(scanner.unexpected(other)),
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    position: usize,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a [u8]) -> Result<Self> {
        if text.len() > MAX_DN_BYTES {
            let message = format!("the name has {} octets, over the limit of {MAX_DN_BYTES}", text.len());
            return Err(Error::invalid(Rule::DnSyntax, message));
        }
        if std::str::from_utf8(text).is_err() {
            return Err(Error::invalid(Rule::DnSyntax, "the name is not UTF-8; write other octets as pairs such as \\c4"));
        }
        Ok(Self { text, position: 0 })
    }

    fn rdn(&mut self) -> Result<Rdn> {
        let mut avas = Vec::new();
        loop {
            avas.push(self.ava()?);
            if self.peek() != Some(b'+') {
                return Rdn::new(avas);
            }
            self.position += 1;
        }
    }

    fn ava(&mut self) -> Result<Ava> {
        self.skip_spaces();
        let attribute = self.attribute()?;
        self.skip_spaces();
        if self.peek() != Some(b'=') {
            return Err(self.error(&format!("'=' and a value are missing after {attribute}")));
        }
        self.position += 1;
        self.skip_spaces();
        let value = if self.peek() == Some(b'#') { self.hexstring()? } else { self.string()? };
        Ok(Ava { attribute, value })
    }

    /// A descriptor or a dotted OID (RFC 4512, section 1.4). Letters, digits, hyphens and dots end
    /// it; [`is_descriptor`] and [`is_oid`] judge it.
    fn attribute(&mut self) -> Result<String> {
        let rest = self.rest();
        let end = rest.iter().position(|octet| !is_name_octet(*octet)).unwrap_or(rest.len());
        let name = String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned();
        if name.is_empty() {
            return Err(self.error("an attribute and '=' are missing; a name looks like uid=alice,ou=people,o=acme"));
        }
        if !is_descriptor(&name) && !is_oid(&name) {
            return Err(self.error(&format!("'{name}' is neither the name of an attribute nor an OID")));
        }
        self.position += end;
        Ok(name)
    }

    /// `#` and the BER encoding of a string in hexadecimal digits: the octets of the string.
    fn hexstring(&mut self) -> Result<Vec<u8>> {
        let start = self.position;
        self.position += 1;
        let mut encoded = Vec::new();
        while let Some(pair) = self.hex_pair() {
            encoded.push(pair);
        }
        self.skip_spaces();
        if !matches!(self.peek(), None | Some(b',' | b'+')) {
            return Err(self.error("after '#' only pairs of hexadecimal digits may stand; write '\\#' for a value that begins with #"));
        }
        decode_string(&encoded).ok_or_else(|| {
            self.position = start;
            self.error("the digits after '#' are not the BER encoding of a string; write the value as text instead")
        })
    }

    fn string(&mut self) -> Result<Vec<u8>> {
        let mut value = Vec::new();
        // Spaces that are not escaped and end the value belong to the separator.
        let mut kept = 0;
        while let Some(octet) = self.peek() {
            match octet {
                b',' | b'+' => break,
                b'\\' => {
                    self.position += 1;
                    value.push(self.escaped()?);
                    kept = value.len();
                    continue;
                }
                b'"' | b';' | b'<' | b'>' | b'\0' => return Err(self.unexpected_in_value(octet)),
                _ => value.push(octet),
            }
            self.position += 1;
            if octet != b' ' {
                kept = value.len();
            }
        }
        value.truncate(kept);
        Ok(value)
    }

    fn escaped(&mut self) -> Result<u8> {
        if let Some(octet) = self.hex_pair() {
            return Ok(octet);
        }
        match self.next() {
            Some(octet @ (b' ' | b'"' | b'#' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\')) => Ok(octet),
            _ => Err(self.error("'\\' must be followed by two hexadecimal digits or by one of the characters \"+,;<>#=\\ and space")),
        }
    }

    fn hex_pair(&mut self) -> Option<u8> {
        let [high, low] = self.rest().first_chunk::<2>()?;
        let value = (char::from(*high).to_digit(16)? << 4) | char::from(*low).to_digit(16)?;
        self.position += 2;
        u8::try_from(value).ok()
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.position += 1;
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let octet = self.peek()?;
        self.position += 1;
        Some(octet)
    }

    fn unexpected(&mut self, octet: u8) -> Error {
        self.position = self.position.saturating_sub(1);
        self.unexpected_in_value(octet)
    }

    fn unexpected_in_value(&self, octet: u8) -> Error {
        let shown = char::from(octet).escape_default();
        self.error(&format!("'{shown}' must be written as \\{octet:02x} inside a value"))
    }

    fn error(&self, what: &str) -> Error {
        Error::invalid(Rule::DnSyntax, format!("the name is malformed at octet {}: {what}", self.position + 1))
    }
}

/// The contents of one primitive TLV of a string type whose octets LDAP takes as they are; `None`
/// for anything else.
fn decode_string(encoded: &[u8]) -> Option<Vec<u8>> {
    const UTF8_STRING: u8 = 0x0c;
    const NUMERIC_STRING: u8 = 0x12;
    const PRINTABLE_STRING: u8 = 0x13;
    const IA5_STRING: u8 = 0x16;
    let mut reader = ber::Reader::new(encoded);
    let (tag, contents) = reader.read().ok()?;
    reader.finish().ok()?;
    matches!(tag, ber::OCTET_STRING | UTF8_STRING | NUMERIC_STRING | PRINTABLE_STRING | IA5_STRING).then(|| contents.to_vec())
}

fn is_name_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'.'
}

/// Whether it is a descriptor (RFC 4512, section 1.4): a letter, then letters, digits and hyphens.
pub fn is_descriptor(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

/// Whether it is a dotted OID (RFC 4512, section 1.4): two numbers or more, none with a leading
/// zero.
pub fn is_oid(name: &str) -> bool {
    let is_number =
        |part: &str| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit()) && (part.len() == 1 || !part.starts_with('0'));
    name.contains('.') && name.split('.').all(is_number)
}
