//! Preparation of strings for comparison (RFC 4518).
//!
//! Characters that Unicode 3.2 did not know yet are let through unchanged where RFC 4518 would
//! refuse them: names with newer letters are real.

use super::rule::Case;
use stringprep::tables;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Stands for a space that a combining mark follows: such a space is significant (RFC 4518, section
/// 2.6.1). No other step leaves this character.
const SIGNIFICANT_SPACE: char = '\u{a0}';

/// Maps, normalises and checks (RFC 4518, sections 2.2 to 2.4). What is left of spaces is U+0020.
pub(super) fn prepare(text: &str, case: Case) -> Result<String, String> {
    if text.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
        return Ok(match case {
            Case::Exact => text.to_owned(),
            Case::Ignore => text.to_ascii_lowercase(),
        });
    }
    let mapped = text
        .chars()
        .filter(|character| !is_mapped_to_nothing(*character))
        .map(|character| if is_mapped_to_space(character) { ' ' } else { character });
    let normal: String = match case {
        Case::Exact => mapped.nfkc().collect(),
        // Compatibility forms can uncover letters that fold again, hence the second round.
        Case::Ignore => mapped.flat_map(fold).nfkc().flat_map(fold).nfkc().collect(),
    };
    if normal.starts_with(is_combining_mark) {
        return Err("text that does not begin with a combining mark".to_owned());
    }
    if let Some(character) = normal.chars().find(|character| is_prohibited(*character)) {
        return Err(format!("text without the character U+{:04X}", u32::from(character)));
    }
    Ok(mark_significant_spaces(&normal))
}

/// Leaves one space between words and none around them (RFC 4518, section 2.6.1; [`expand`]
/// restores the form that is given there).
pub(super) fn squeeze(text: &str) -> String {
    let mut words = text.split(' ').filter(|word| !word.is_empty());
    let mut squeezed = String::with_capacity(text.len());
    squeezed.extend(words.next());
    for word in words {
        squeezed.push(' ');
        squeezed.push_str(word);
    }
    squeezed
}

/// The form in which RFC 4518, section 2.6.1 compares parts: a space before and after, two between
/// words. Lines are apart.
pub(super) fn expand(squeezed: &[u8]) -> Vec<u8> {
    let mut expanded = Vec::with_capacity(squeezed.len() + 8);
    for (number, line) in squeezed.split(|octet| *octet == LINE_END).enumerate() {
        if number > 0 {
            expanded.push(LINE_END);
        }
        expanded.push(b' ');
        double_spaces(line, &mut expanded);
        expanded.push(b' ');
    }
    expanded
}

/// What lies between the lines of a list in normal form: no prepared string holds it.
pub(super) const LINE_END: u8 = b'\n';

pub(super) fn double_spaces(squeezed: &[u8], out: &mut Vec<u8>) {
    for octet in squeezed {
        out.push(*octet);
        if *octet == b' ' {
            out.push(b' ');
        }
    }
}

/// Takes out spaces, and hyphens too where `hyphens` says so (RFC 4518, sections 2.6.2 and 2.6.3).
/// For ASCII, which is all that these syntaxes allow.
pub(super) fn remove_spaces(text: &str, hyphens: bool) -> String {
    text.chars().filter(|character| *character != ' ' && !(hyphens && *character == '-')).collect()
}

fn fold(character: char) -> Fold {
    if tables::unassigned_code_point(character) {
        Fold::New(character.to_lowercase())
    } else {
        Fold::Known(tables::case_fold_for_nfkc(character))
    }
}

/// Letters that Unicode 3.2 knew fold by its table, newer ones to lower case.
enum Fold {
    Known(tables::CaseFoldForNfkc),
    New(std::char::ToLowercase),
}

impl Iterator for Fold {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Self::Known(characters) => characters.next(),
            Self::New(characters) => characters.next(),
        }
    }
}

fn mark_significant_spaces(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_significant = character == ' ' && characters.peek().copied().is_some_and(is_combining_mark);
        marked.push(if is_significant { SIGNIFICANT_SPACE } else { character });
    }
    marked
}

/// RFC 4518, section 2.2.
fn is_mapped_to_nothing(character: char) -> bool {
    matches!(
        character,
        '\u{0}'..='\u{8}'
            | '\u{e}'..='\u{1f}'
            | '\u{7f}'..='\u{84}'
            | '\u{86}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{1806}'
            | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2063}'
            | '\u{206a}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0001}'
            | '\u{e0020}'..='\u{e007f}'
    )
}

/// RFC 4518, section 2.2.
fn is_mapped_to_space(character: char) -> bool {
    matches!(
        character,
        '\u{9}'..='\u{d}'
            | '\u{85}'
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

/// RFC 4518, section 2.4, without unassigned characters.
fn is_prohibited(character: char) -> bool {
    tables::private_use(character) || tables::non_character_code_point(character) || character == '\u{fffd}'
}
