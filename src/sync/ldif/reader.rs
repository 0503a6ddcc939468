//! Reading LDIF (RFC 2849): one record at a time, so that a file may be larger than memory.

use super::{FileError, Record};
use crate::model::Dn;
use crate::model::dn::{is_descriptor, is_oid};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{BufRead, Read};

/// The most octets of one line with its continuations.
pub const MAX_LINE: usize = 2 << 20;
/// The most octets of one record.
pub const MAX_RECORD: usize = 64 << 20;

type Result<T> = std::result::Result<T, FileError>;

/// Reads the entries of a file; after an error it ends.
///
/// Raw UTF-8 is taken where RFC 2849 asks for base64, as other servers take it. Changes other than
/// `changetype: add` are refused: an import states what is, not what to alter.
pub struct Reader<R> {
    input: R,
    /// Lines read so far.
    line: u64,
    /// The first octet of the next line decides whether this one is complete, so one line is read
    /// ahead.
    ahead: Option<Line>,
    /// A line that turned out to belong to the first record.
    pending: Option<Line>,
    started: bool,
    ended: bool,
}

/// A line with its continuations.
struct Line {
    number: u64,
    text: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// A reader of the file.
    pub const fn new(input: R) -> Self {
        Self { input, line: 0, ahead: None, pending: None, started: false, ended: false }
    }

    fn record(&mut self) -> Result<Option<Record>> {
        if !self.started {
            self.started = true;
            self.ahead = self.physical()?;
            if let Some(first) = &mut self.ahead
                && let Some(rest) = first.text.strip_prefix(b"\xef\xbb\xbf")
            {
                first.text = rest.to_vec();
            }
            if let Some(line) = self.next_content()? {
                self.version_or_keep(line)?;
            }
        }
        let Some(line) = self.next_content()? else { return Ok(None) };
        let mut record = Record { line: line.number, dn: dn(&line)?, attributes: Vec::new() };
        let mut size = line.text.len();
        while let Some(line) = self.logical()? {
            if line.text.is_empty() {
                break;
            }
            size += line.text.len();
            if size > MAX_RECORD {
                return Err(error(line.number, format!("the record has more than {MAX_RECORD} octets; split it")));
            }
            if line.text.first() != Some(&b'#') {
                self.field(&mut record, &line)?;
            }
        }
        Ok(Some(record))
    }

    /// `version: 1` may open the file (RFC 2849, version-spec).
    fn version_or_keep(&mut self, line: Line) -> Result<()> {
        let (name, value) = split(&line)?;
        if !name.eq_ignore_ascii_case("version") {
            self.pending = Some(line);
        } else if value != b"1" {
            return Err(error(line.number, "only version 1 of LDIF is known; write 'version: 1'"));
        }
        Ok(())
    }

    fn field(&self, record: &mut Record, line: &Line) -> Result<()> {
        let (name, value) = split(line)?;
        if record.attributes.is_empty() {
            if name.eq_ignore_ascii_case("changetype") {
                return match value.as_slice() {
                    b"add" => Ok(()),
                    _ => Err(error(line.number, "the file holds changes, and only entries can be imported; apply changes with ldapmodify")),
                };
            }
            if name.eq_ignore_ascii_case("control") {
                return Err(error(line.number, "controls cannot be imported; remove the line"));
            }
        }
        if name.eq_ignore_ascii_case("dn") {
            return Err(error(line.number, "a second dn: within a record; put an empty line between two records"));
        }
        record.push(name, value, line.number);
        Ok(())
    }

    /// The next line that is neither empty nor a comment.
    fn next_content(&mut self) -> Result<Option<Line>> {
        loop {
            match self.logical()? {
                Some(line) if line.text.is_empty() || line.text.first() == Some(&b'#') => {}
                other => return Ok(other),
            }
        }
    }

    /// A line with the lines that continue it: those that begin with one space.
    fn logical(&mut self) -> Result<Option<Line>> {
        if let Some(line) = self.pending.take() {
            return Ok(Some(line));
        }
        let Some(mut line) = self.ahead.take() else { return Ok(None) };
        if line.text.first() == Some(&b' ') {
            return Err(error(line.number, "the line begins with a space, which continues a line, and there is none before it"));
        }
        loop {
            self.ahead = self.physical()?;
            match &self.ahead {
                Some(next) if !line.text.is_empty() && next.text.first() == Some(&b' ') => {
                    line.text.extend_from_slice(next.text.get(1..).unwrap_or_default());
                    if line.text.len() > MAX_LINE {
                        return Err(error(line.number, format!("the line has more than {MAX_LINE} octets with its continuations")));
                    }
                }
                _ => return Ok(Some(line)),
            }
        }
    }

    fn physical(&mut self) -> Result<Option<Line>> {
        self.line += 1;
        let mut text = Vec::new();
        let limit = MAX_LINE as u64 + 2;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut text);
        read.map_err(|cause| error(self.line, format!("the file cannot be read: {cause}")))?;
        if text.is_empty() {
            return Ok(None);
        }
        if text.len() as u64 >= limit {
            return Err(error(self.line, format!("the line has more than {MAX_LINE} octets")));
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        Ok(Some(Line { number: self.line, text }))
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let record = self.record().transpose();
        self.ended = !matches!(record, Some(Ok(_)));
        record
    }
}

fn dn(line: &Line) -> Result<Dn> {
    let (name, value) = split(line)?;
    if !name.eq_ignore_ascii_case("dn") {
        return Err(error(line.number, format!("a record begins with 'dn:', not with '{name}:'")));
    }
    Dn::parse_bytes(&value).map_err(|cause| error(line.number, cause.to_string()))
}

/// Attribute description and value of a line (RFC 2849, attrval-spec).
fn split(line: &Line) -> Result<(String, Vec<u8>)> {
    let fail = |message: &str| error(line.number, message);
    let colon = memchr::memchr(b':', &line.text)
        .ok_or_else(|| fail("the line has no ':'; write 'attribute: value', or begin it with a space to continue the line before"))?;
    let (name, rest) = line.text.split_at_checked(colon).unwrap_or_default();
    let name = std::str::from_utf8(name).ok().filter(|name| is_attribute_description(name));
    let name = name.ok_or_else(|| fail("what stands before ':' is not the name of an attribute"))?;
    let rest = rest.get(1..).unwrap_or_default();
    let value = match rest.first() {
        Some(b':') => {
            let encoded = rest.get(1..).unwrap_or_default().trim_ascii();
            STANDARD.decode(encoded).map_err(|cause| error(line.number, format!("the value of {name} is not base64: {cause}")))?
        }
        Some(b'<') => return Err(fail("values out of other files (':<') are not read; write the value in base64 after '::'")),
        _ => {
            let start = rest.iter().position(|octet| *octet != b' ').unwrap_or(rest.len());
            rest.get(start..).unwrap_or_default().to_vec()
        }
    };
    Ok((name.to_owned(), value))
}

/// A descriptor or OID with its options (RFC 4512, section 2.5).
fn is_attribute_description(text: &str) -> bool {
    let mut parts = text.split(';');
    let is_type = parts.next().is_some_and(|name| is_descriptor(name) || is_oid(name));
    is_type && parts.all(|option| !option.is_empty() && option.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-'))
}

fn error(line: u64, message: impl Into<String>) -> FileError {
    FileError { line, message: message.into() }
}
