//! What programs put around a value: quotes, brackets, marks of a byte string, letters that nobody
//! sees, base64.

use super::digest;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Layers that are taken off: a list of byte strings in base64 within quotes has four.
pub const DEEPEST: usize = 4;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);
const BASE64: &[GeneralPurpose] = &[GeneralPurpose::new(&STANDARD, LENIENT), GeneralPurpose::new(&URL_SAFE, LENIENT)];

const PAIRS: &[(char, char)] = &[
    ('"', '"'),
    ('\'', '\''),
    ('`', '`'),
    ('[', ']'),
    ('(', ')'),
    ('<', '>'),
    ('\u{201c}', '\u{201d}'),
    ('\u{201e}', '\u{201c}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{ab}', '\u{bb}'),
];
/// Letters before the quote: byte strings of Python, national and escaped strings and octets of
/// SQL.
const BEFORE_QUOTE: &[char] = &['b', 'B', 'u', 'U', 'r', 'R', 'n', 'N', 'e', 'E', 'x', 'X'];
/// What stands before octets in hexadecimal: SQL Server and MySQL, PostgreSQL.
const BEFORE_OCTETS: &[&str] = &["0x", "0X", "\\x", "\\\\x"];

/// The texts that are left if one layer is taken off.
pub fn off(text: &str) -> Vec<String> {
    let mut inner: Vec<String> = Vec::new();
    let quoted = text.trim_end_matches([',', ';']).trim_end();
    let string = quoted.strip_prefix(BEFORE_QUOTE).filter(|rest| rest.starts_with(['"', '\''])).unwrap_or(quoted);
    inner.extend(PAIRS.iter().filter_map(|(open, close)| Some(string.strip_prefix(*open)?.strip_suffix(*close)?.to_owned())));
    let octets = BEFORE_OCTETS.iter().filter_map(|mark| text.strip_prefix(mark)).filter(|rest| digest::is_long_hexadecimal(rest));
    inner.extend(octets.map(str::to_owned));
    inner.extend((text.contains("\\$") || text.contains("\\{")).then(|| text.replace('\\', "")));
    inner.extend(unescaped(text));
    inner.extend(decoded(text));
    inner
}

/// The text with the letters that are shown, those of full width in their usual form.
pub fn seen(text: &str) -> String {
    let is_hidden = |letter: char| {
        let is_format = matches!(
            letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}'
        );
        is_format || letter.is_control()
    };
    let usual = |letter: char| match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        _ => letter,
    };
    text.chars().filter(|letter| !is_hidden(*letter)).map(usual).collect()
}

/// Escapes of a URL, if they hide a mark.
fn unescaped(text: &str) -> Option<String> {
    let is_escaped = ["%7b", "%7B", "%24"].iter().any(|escape| text.contains(escape));
    let decoded = || percent_encoding::percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    is_escaped.then(decoded).flatten()
}

/// What base64 says, if it is text.
fn decoded(text: &str) -> Option<String> {
    let letters: String = text.split_ascii_whitespace().collect();
    BASE64
        .iter()
        .find_map(|engine| engine.decode(&letters).ok())
        .and_then(|octets| String::from_utf8(octets).ok())
        .filter(|inner| !inner.is_empty())
}
