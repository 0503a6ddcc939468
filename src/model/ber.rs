//! Tag, length, value: the part of BER (X.690) that LDAP uses (RFC 4511, section 5.1).
//!
//! Identifier octets are one byte (LDAP has no tag number over 30), lengths are definite. The
//! reader borrows from its input and never copies; it also takes lengths that are longer than they
//! need be, since widespread clients send them. The writer writes the shortest form.

use std::fmt;

/// Identifier octet of a BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// Identifier octet of an INTEGER.
pub const INTEGER: u8 = 0x02;
/// Identifier octet of an OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// Identifier octet of a NULL.
pub const NULL: u8 = 0x05;
/// Identifier octet of an ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// Identifier octet of a SEQUENCE or SEQUENCE OF.
pub const SEQUENCE: u8 = 0x30;
/// Identifier octet of a SET or SET OF.
pub const SET: u8 = 0x31;

const CONSTRUCTED: u8 = 0x20;
const HIGH_TAG_NUMBER: u8 = 0x1f;
/// Octets of a length after its first one: four hold 4 GiB.
const MAX_LENGTH_OCTETS: usize = 4;

/// The identifier octet of a primitive context-specific tag; the number is below 31.
pub const fn context(number: u8) -> u8 {
    0x80 | (number & 0x1f)
}

/// The identifier octet of a constructed context-specific tag; the number is below 31.
pub const fn context_constructed(number: u8) -> u8 {
    0xa0 | (number & 0x1f)
}

/// The identifier octet of a primitive application tag; the number is below 31.
pub const fn application(number: u8) -> u8 {
    0x40 | (number & 0x1f)
}

/// The identifier octet of a constructed application tag; the number is below 31.
pub const fn application_constructed(number: u8) -> u8 {
    0x60 | (number & 0x1f)
}

/// Whether the contents of a TLV with this identifier octet are TLVs again.
pub const fn is_constructed(tag: u8) -> bool {
    tag & CONSTRUCTED != 0
}

/// Why bytes are not the BER that LDAP allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BerError {
    /// The bytes end within a TLV.
    Truncated,
    /// A length in the indefinite form, or of more than four octets.
    Length,
    /// An identifier of more than one octet.
    TagNumber,
    /// Another TLV stands where this one must be.
    Unexpected {
        /// The identifier octet that must be here.
        expected: u8,
        /// The one that is.
        found: u8,
    },
    /// An INTEGER or ENUMERATED without octets, or too large.
    Integer,
    /// A BOOLEAN that is not of one octet.
    Boolean,
    /// Bytes after the last TLV.
    Trailing,
}

impl fmt::Display for BerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the bytes end within a value"),
            Self::Length => f.write_str("a length is indefinite or has more than four octets"),
            Self::TagNumber => f.write_str("a tag number is over 30"),
            Self::Unexpected { expected, found } => write!(f, "tag {found:#04x} stands where {expected:#04x} must"),
            Self::Integer => f.write_str("an integer is empty or too large"),
            Self::Boolean => f.write_str("a boolean is not of one octet"),
            Self::Trailing => f.write_str("bytes follow the last value"),
        }
    }
}

impl std::error::Error for BerError {}

/// The beginning of a TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The identifier octet.
    pub tag: u8,
    /// Octets of identifier and length.
    pub size: usize,
    /// Octets of the contents.
    pub length: usize,
}

impl Header {
    /// Reads identifier and length; `None` when the bytes end before they do. The contents need not
    /// be there.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, BerError> {
        let Some(&tag) = bytes.first() else { return Ok(None) };
        if tag & HIGH_TAG_NUMBER == HIGH_TAG_NUMBER {
            return Err(BerError::TagNumber);
        }
        let Some(&first) = bytes.get(1) else { return Ok(None) };
        if first < 0x80 {
            return Ok(Some(Self { tag, size: 2, length: usize::from(first) }));
        }
        let count = usize::from(first & 0x7f);
        if count == 0 || count > MAX_LENGTH_OCTETS {
            return Err(BerError::Length);
        }
        let Some(octets) = bytes.get(2..2 + count) else { return Ok(None) };
        let length = octets.iter().fold(0usize, |length, octet| (length << 8) | usize::from(*octet));
        Ok(Some(Self { tag, size: 2 + count, length }))
    }
}

/// Reads TLVs from a slice, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader over these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes not yet read.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The identifier octet of the next TLV, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next TLV: its identifier octet and its contents.
    pub fn read(&mut self) -> Result<(u8, &'a [u8]), BerError> {
        let (header, whole) = self.take()?;
        Ok((header.tag, whole.get(header.size..).unwrap_or_default()))
    }

    /// The next TLV with its identifier and length, as it stands.
    pub fn raw(&mut self) -> Result<&'a [u8], BerError> {
        self.take().map(|(_, whole)| whole)
    }

    /// The contents of the next TLV, which must have this identifier octet.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], BerError> {
        match self.peek() {
            Some(found) if found == tag => self.read().map(|(_, contents)| contents),
            Some(found) => Err(BerError::Unexpected { expected: tag, found }),
            None => Err(BerError::Truncated),
        }
    }

    /// The contents of the next TLV if it has this identifier octet; otherwise nothing is read.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, BerError> {
        if self.peek() == Some(tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// A reader over the contents of the next TLV, which must have this identifier octet.
    pub fn inner(&mut self, tag: u8) -> Result<Self, BerError> {
        self.expect(tag).map(Self::new)
    }

    /// A reader over the contents of a SEQUENCE.
    pub fn sequence(&mut self) -> Result<Self, BerError> {
        self.inner(SEQUENCE)
    }

    /// A reader over the contents of a SET.
    pub fn set(&mut self) -> Result<Self, BerError> {
        self.inner(SET)
    }

    /// An OCTET STRING.
    pub fn octets(&mut self) -> Result<&'a [u8], BerError> {
        self.expect(OCTET_STRING)
    }

    /// An INTEGER.
    pub fn integer(&mut self) -> Result<i64, BerError> {
        integer(self.expect(INTEGER)?)
    }

    /// An ENUMERATED.
    pub fn enumerated(&mut self) -> Result<i64, BerError> {
        integer(self.expect(ENUMERATED)?)
    }

    /// A BOOLEAN.
    pub fn boolean(&mut self) -> Result<bool, BerError> {
        boolean(self.expect(BOOLEAN)?)
    }

    /// Ends the reading: nothing may be left.
    pub const fn finish(self) -> Result<(), BerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(BerError::Trailing) }
    }

    fn take(&mut self) -> Result<(Header, &'a [u8]), BerError> {
        let header = Header::read(self.rest)?.ok_or(BerError::Truncated)?;
        let size = header.size.checked_add(header.length).ok_or(BerError::Length)?;
        let (whole, rest) = self.rest.split_at_checked(size).ok_or(BerError::Truncated)?;
        self.rest = rest;
        Ok((header, whole))
    }
}

/// The contents of an INTEGER or ENUMERATED as a number.
pub fn integer(contents: &[u8]) -> Result<i64, BerError> {
    let first = *contents.first().ok_or(BerError::Integer)?;
    if contents.len() > size_of::<i64>() {
        return Err(BerError::Integer);
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(contents.iter().fold(sign, |value: i64, octet| (value << 8) | i64::from(*octet)))
}

/// The contents of a BOOLEAN: every value but zero is true.
pub const fn boolean(contents: &[u8]) -> Result<bool, BerError> {
    match contents {
        [octet] => Ok(*octet != 0),
        _ => Err(BerError::Boolean),
    }
}

/// Where the contents of an open TLV begin. Give it back to [`Writer::close`].
#[derive(Debug)]
#[must_use = "a TLV that is opened must be closed"]
pub struct Open {
    contents: usize,
}

/// Appends TLVs to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// A writer at the end of this buffer.
    pub const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Begins a TLV whose contents follow.
    pub fn open(&mut self, tag: u8) -> Open {
        self.out.push(tag);
        self.out.push(0);
        Open { contents: self.out.len() }
    }

    /// Ends a TLV: its length becomes known.
    pub fn close(&mut self, open: Open) {
        let length = self.out.len().saturating_sub(open.contents);
        let (octets, count) = length_octets(length);
        let octets = octets.get(..count).unwrap_or_default();
        // One octet is kept free for it.
        let more = count.saturating_sub(1);
        if more > 0 {
            let end = self.out.len();
            self.out.resize(end + more, 0);
            self.out.copy_within(open.contents..end, open.contents + more);
        }
        if let Some(place) = self.out.get_mut(open.contents.saturating_sub(1)..open.contents + more) {
            place.copy_from_slice(octets);
        }
    }

    /// A TLV whose contents the closure writes.
    pub fn constructed(&mut self, tag: u8, contents: impl FnOnce(&mut Writer<'_>)) {
        let open = self.open(tag);
        contents(self);
        self.close(open);
    }

    /// A TLV with these contents.
    pub fn tlv(&mut self, tag: u8, contents: &[u8]) {
        self.header(tag, contents.len());
        self.out.extend_from_slice(contents);
    }

    /// Identifier and length alone, for contents whose length is known and that are written next.
    pub fn header(&mut self, tag: u8, length: usize) {
        let (octets, count) = length_octets(length);
        self.out.push(tag);
        self.out.extend_from_slice(octets.get(..count).unwrap_or_default());
    }

    /// Bytes that are TLVs already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// An OCTET STRING.
    pub fn octets(&mut self, contents: &[u8]) {
        self.tlv(OCTET_STRING, contents);
    }

    /// An INTEGER.
    pub fn integer(&mut self, value: i64) {
        self.integer_as(INTEGER, value);
    }

    /// An ENUMERATED.
    pub fn enumerated(&mut self, value: i64) {
        self.integer_as(ENUMERATED, value);
    }

    /// An integer under another identifier octet.
    pub fn integer_as(&mut self, tag: u8, value: i64) {
        let octets = value.to_be_bytes();
        let redundant = if value < 0 { value.leading_ones() } else { value.leading_zeros() };
        // One sign bit must stay.
        let skip = usize::try_from(redundant.saturating_sub(1) / 8).unwrap_or_default().min(7);
        self.tlv(tag, octets.get(skip..).unwrap_or_default());
    }

    /// A BOOLEAN.
    pub fn boolean(&mut self, value: bool) {
        self.boolean_as(BOOLEAN, value);
    }

    /// A boolean under another identifier octet.
    pub fn boolean_as(&mut self, tag: u8, value: bool) {
        self.tlv(tag, &[if value { 0xff } else { 0 }]);
    }

    /// The buffer itself, for whoever appends TLVs on their own.
    pub const fn buffer(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Bytes in the buffer.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether the buffer holds nothing.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }
}

/// Octets of a TLV with contents of this length: identifier, length and contents.
pub fn tlv_size(length: usize) -> usize {
    let (_, count) = length_octets(length);
    1 + count + length
}

fn length_octets(length: usize) -> ([u8; 1 + MAX_LENGTH_OCTETS], usize) {
    // No buffer of the server comes near 4 GiB; the limits of its readers and writers lie far
    // below.
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    match length {
        0..0x80 => ([d, 0, 0, 0, 0], 1),
        0x80..0x100 => ([0x81, d, 0, 0, 0], 2),
        0x100..0x1_0000 => ([0x82, c, d, 0, 0], 3),
        0x1_0000..0x100_0000 => ([0x83, b, c, d, 0], 4),
        _ => ([0x84, a, b, c, d], 5),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests;
