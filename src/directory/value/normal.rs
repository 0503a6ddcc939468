//! Normal forms: what indexes hold and comparisons compare.

use super::prepare::{LINE_END, prepare, remove_spaces, squeeze};
use super::rule::{Case, Family};
use super::{MatchingRule, Part, form, time};
use crate::directory::{dn, schema::Schema};
use crate::model::{Dn, Error, Result, error::Rule};

/// The normal form for equality: two values match if and only if these octets are the same.
/// Rule::Syntax if the value does not fit the rule's syntax.
pub fn normalise(rule: MatchingRule, value: &[u8]) -> Result<Vec<u8>> {
    #[cfg(test)]
    count::note(value);
    if is_normal(rule, value) {
        return Ok(value.to_vec());
    }
    let refuse = |expected: String| Error::invalid(Rule::Syntax, format!("the value is not {expected} ({})", rule.name()));
    match rule.family() {
        Family::Text(case) => words(text(value).map_err(refuse)?, case).map_err(refuse),
        Family::Ia5(case) => words(ascii(value).map_err(refuse)?, case).map_err(refuse),
        Family::List => list(text(value).map_err(refuse)?).map_err(refuse),
        Family::Numeric => Ok(remove_spaces(ascii(value).map_err(refuse)?, false).into_bytes()),
        Family::Telephone => {
            let prepared = prepare(ascii(value).map_err(refuse)?, Case::Ignore).map_err(refuse)?;
            Ok(remove_spaces(&prepared, true).into_bytes())
        }
        Family::Name => dn::normalise(&Dn::parse_bytes(value)?, Schema::builtin()),
        Family::NameUid => name_and_uid(value),
        Family::Integer => form::check_integer(value).map(|()| integer_key(value)).map_err(refuse),
        Family::Boolean => match value {
            b"TRUE" | b"FALSE" => Ok(value.to_vec()),
            _ => Err(refuse("TRUE or FALSE".to_owned())),
        },
        Family::Bits if form::is_bit_string(value) => Ok(value.to_vec()),
        Family::Bits => Err(refuse("a bit string such as '0101'B".to_owned())),
        Family::Octets => Ok(value.to_vec()),
        Family::Uuid => form::uuid(value).map(Vec::from).ok_or_else(|| refuse("a UUID".to_owned())),
        Family::Csn if form::is_csn(value) => Ok(value.to_ascii_lowercase()),
        Family::Csn => Err(refuse("a change sequence number".to_owned())),
        Family::Time => time::parse(value).map(time::Moment::key).map_err(refuse),
        Family::Identifier => identifier(value).ok_or_else(|| refuse(format!("a name or OID that the schema knows: '{}'", shown(value)))),
        Family::FirstIdentifier => identifier(first_component(value)).ok_or_else(|| refuse("an OID that the schema knows".to_owned())),
    }
}

/// Whether the value is text that needs no preparation: it is its own normal form. Of most values
/// this can be told at a glance; no other value is told from it.
pub fn is_normal(rule: MatchingRule, value: &[u8]) -> bool {
    let (Family::Text(case) | Family::Ia5(case)) = rule.family() else { return false };
    let mut after_space = true;
    for octet in value {
        match octet {
            b' ' if after_space => return false,
            b'A'..=b'Z' if case == Case::Ignore => return false,
            b' '..=b'~' => after_space = *octet == b' ',
            _ => return false,
        }
    }
    !after_space
}

/// The normal form of a part of a substring assertion: as that of a value, except that a space at
/// an inner edge stays (RFC 4518, section 2.6.1).
pub fn normalise_part(rule: MatchingRule, part: Part, value: &[u8]) -> Result<Vec<u8>> {
    let refuse = |expected: String| Error::invalid(Rule::Syntax, format!("the part is not {expected} ({})", rule.name()));
    match rule.family() {
        Family::Text(case) => part_words(text(value).map_err(refuse)?, case, part).map_err(refuse),
        Family::Ia5(case) => part_words(ascii(value).map_err(refuse)?, case, part).map_err(refuse),
        Family::List => part_words(text(value).map_err(refuse)?, Case::Ignore, part).map_err(refuse),
        Family::Numeric | Family::Telephone => normalise(rule, value),
        _ => Err(Error::invalid(Rule::InappropriateMatching, format!("{} does not compare parts of values", rule.name()))),
    }
}

/// A key whose order as octets is the order of the values. Normal forms are ordered so; the name
/// says what a caller relies on.
pub fn ordering_key(rule: MatchingRule, value: &[u8]) -> Result<Vec<u8>> {
    normalise(rule, value)
}

fn text(value: &[u8]) -> std::result::Result<&str, String> {
    std::str::from_utf8(value).map_err(|error| format!("UTF-8; octet {} is wrong", error.valid_up_to() + 1))
}

fn ascii(value: &[u8]) -> std::result::Result<&str, String> {
    if value.is_ascii() { text(value) } else { Err("ASCII characters".to_owned()) }
}

fn words(text: &str, case: Case) -> std::result::Result<Vec<u8>, String> {
    Ok(squeeze(&prepare(text, case)?).into_bytes())
}

fn part_words(text: &str, case: Case, part: Part) -> std::result::Result<Vec<u8>, String> {
    let prepared = prepare(text, case)?;
    let squeezed = squeeze(&prepared);
    if squeezed.is_empty() {
        return Ok(if prepared.is_empty() { Vec::new() } else { vec![b' '] });
    }
    let leading = if part != Part::Initial && prepared.starts_with(' ') { " " } else { "" };
    let trailing = if part != Part::Final && prepared.ends_with(' ') { " " } else { "" };
    Ok(format!("{leading}{squeezed}{trailing}").into_bytes())
}

/// Lines of a postal address, apart by `$`; `\24` and `\5C` stand for `$` and `\` (RFC 4517,
/// section 3.3.28).
fn list(text: &str) -> std::result::Result<Vec<u8>, String> {
    let mut normal = Vec::with_capacity(text.len());
    for (number, line) in text.split('$').enumerate() {
        if number > 0 {
            normal.push(LINE_END);
        }
        let plain = line.replace("\\24", "$").replace("\\5C", "\\").replace("\\5c", "\\");
        normal.extend(words(&plain, Case::Ignore)?);
    }
    Ok(normal)
}

fn name_and_uid(value: &[u8]) -> Result<Vec<u8>> {
    let (name, uid) = form::split_name_and_uid(value);
    let mut normal = dn::normalise(&Dn::parse_bytes(name)?, Schema::builtin())?;
    if let Some(uid) = uid {
        normal.push(b'#');
        normal.extend_from_slice(uid);
    }
    Ok(normal)
}

/// Sign, number of digits, digits; for a negative number all but the sign complemented.
fn integer_key(value: &[u8]) -> Vec<u8> {
    let digits = value.strip_prefix(b"-");
    let magnitude = digits.unwrap_or(value);
    let length = u16::try_from(magnitude.len()).unwrap_or(u16::MAX).to_be_bytes();
    let octets = length.iter().chain(magnitude);
    match digits {
        None => std::iter::once(1).chain(octets.copied()).collect(),
        Some(_) => std::iter::once(0).chain(octets.map(|octet| !octet)).collect(),
    }
}

/// The dotted OID of what a name or OID stands for.
fn identifier(value: &[u8]) -> Option<Vec<u8>> {
    let name = std::str::from_utf8(value).ok()?.trim_matches(' ');
    Schema::builtin().oid_of(name).map(|oid| oid.as_bytes().to_vec())
}

/// The beginning of a value, for a message.
fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().take(40).collect()
}

/// The OID that a schema definition begins with; an assertion is the OID itself.
fn first_component(value: &[u8]) -> &[u8] {
    let Some(rest) = value.strip_prefix(b"(") else { return value };
    let rest = rest.trim_ascii_start();
    let end = rest.iter().position(|octet| matches!(octet, b' ' | b')')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest)
}

/// Counts what this thread brings into normal form, so that tests can tell what an operation costs
/// without measuring time.
#[cfg(test)]
pub(crate) mod count {
    use std::cell::Cell;

    thread_local! {
        static OCTETS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn note(value: &[u8]) {
        OCTETS.set(OCTETS.get() + value.len());
    }

    /// Octets that this thread has brought into normal form.
    pub(crate) fn octets() -> usize {
        OCTETS.get()
    }
}
