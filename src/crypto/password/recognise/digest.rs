//! Digests that have no mark: known by their length and their letters, wherever in a text they
//! stand.

use super::super::BASE64;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Octets of the digests in use, of MD5 to SHA-512.
const DIGESTS: &[usize] = &[16, 20, 28, 32, 48, 64];
/// Octets of the hashes of ASP.NET Core Identity, versions 2 and 3.
const ASP_NET: &[usize] = &[49, 61];
/// Octets of the shortest digest.
const SHORTEST: usize = 16;
/// Octets of the shortest digest in base64 without padding that is told beside other parts:
/// passwords of 32 random letters, among them a mark, are common.
const SHORTEST_PART: usize = 32;
/// Hyphens that letters of base64url have by chance. Passphrases have more.
const FEW_HYPHENS: usize = 2;
/// What stands between a salt, the name of an algorithm and a digest.
const SEPARATORS: &[char] = &[':', '$', ';', ',', '|', '#', '{', '}'];
/// Names of algorithms that stand right before the digest: `md5…` of PostgreSQL.
const NAMES: &[&str] = &["md5", "sha1", "sha-1", "sha224", "sha256", "sha-256", "sha384", "sha-384", "sha512", "sha-512", "sha", "ntlm"];

/// Whether a text is a digest, or holds one beside a salt or a name.
pub fn is_one(text: &str) -> bool {
    let bare = text.strip_prefix('*').unwrap_or(text);
    if is_hexadecimal(bare) || is_base64(text) || is_extended_des(text) {
        return true;
    }
    // Nobody types so many hexadecimal digits, whatever stands beside them.
    let has_hexadecimal =
        text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|run| run.len() < text.len() && is_long_hexadecimal(run));
    let parts: Vec<&str> = text.split(SEPARATORS).collect();
    has_hexadecimal
        || (parts.len() > 1 && parts.iter().any(|part| is_padded(part) || (is_unpadded(part) && octets_of(part) >= SHORTEST_PART)))
}

/// Whether a text is the name of an algorithm and a digest, with or without a mark between them.
pub fn is_after_its_name(text: &str) -> bool {
    NAMES.iter().any(|name| {
        let rest = text.split_at_checked(name.len()).filter(|(start, _)| start.eq_ignore_ascii_case(name)).map(|(_, rest)| rest);
        let digest = rest.map(|rest| rest.strip_prefix([':', '$', '-', '=', '_', '|', ' ']).unwrap_or(rest));
        digest.is_some_and(|digest| is_long_hexadecimal(digest) || is_base64(digest))
    })
}

/// Of the length of a digest; or longer, as with a salt, if both letters and digits are there.
fn is_hexadecimal(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    is_long_hexadecimal(text) && (DIGESTS.contains(&(text.len() / 2)) || (has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)))
}

/// Hexadecimal digits of whole octets that are no number.
pub fn is_long_hexadecimal(text: &str) -> bool {
    let is_whole = text.len() >= 2 * SHORTEST && text.len().is_multiple_of(2);
    is_whole && text.bytes().all(|octet| octet.is_ascii_hexdigit()) && !text.bytes().all(|octet| octet.is_ascii_digit())
}

fn is_base64(text: &str) -> bool {
    is_padded(text) || is_unpadded(text)
}

/// Base64 of a digest with its padding: of a usual length, or of any with a salt.
fn is_padded(text: &str) -> bool {
    if !text.ends_with('=') || !text.len().is_multiple_of(4) {
        return false;
    }
    let octets = BASE64.decode(text).or_else(|_| URL_SAFE.decode(text)).map_or(0, |octets| octets.len());
    DIGESTS.contains(&octets) || ASP_NET.contains(&octets) || (octets >= SHORTEST && is_mixed(text.trim_end_matches('=')))
}

/// Base64 without padding has no mark but its length, the bits that are left over, and letters in
/// no order.
fn is_unpadded(text: &str) -> bool {
    let octets = octets_of(text);
    (DIGESTS.contains(&octets) || ASP_NET.contains(&octets)) && is_mixed(text)
}

fn octets_of(text: &str) -> usize {
    STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).map_or(0, |octets| octets.len())
}

/// Whether large and small letters, digits and others follow each other as in random text: of those
/// of base64, two neighbours in three differ in kind. In words written together, with capitals and
/// a number, a good deal less than one in three does.
fn is_mixed(text: &str) -> bool {
    let kind = |octet: &u8| (octet.is_ascii_uppercase(), octet.is_ascii_lowercase(), octet.is_ascii_digit());
    let letters = text.as_bytes();
    let changes = letters.iter().zip(letters.iter().skip(1)).filter(|(one, next)| kind(one) != kind(next)).count();
    match text.matches('-').count() <= FEW_HYPHENS {
        true => changes * 3 >= letters.len(),
        false => changes * 2 >= letters.len(),
    }
}

/// The extended DES of crypt(5).
fn is_extended_des(text: &str) -> bool {
    let rest = text.strip_prefix('_').filter(|rest| rest.len() == 19);
    rest.is_some_and(|rest| rest.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"./".contains(&octet)))
}
