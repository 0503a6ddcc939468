//! What a text in the place of a password is: the password itself, or what some server keeps so
//! that it need not keep the password.
//!
//! A hash that is taken for a password lets in whoever holds the file of hashes. So a text is told
//! to be a hash by its form, whether or not its scheme can be verified here. The forms: `{SCHEME}…`
//! (RFC 2307, section 5.3), `$id$…` (crypt(5), PHC strings), `name$…$…` (Django, Werkzeug, SCRAM,
//! RFC 3112), `name:…:…`, `md5…` (PostgreSQL), records in JSON (Keycloak), marks of a locked
//! password (shadow(5)), and digests without any mark. What another program has put around any of
//! them is taken off first.

mod digest;
mod peel;

use super::PasswordHash;

/// What a text in the place of a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// A hash that can be verified.
    Hash(PasswordHash),
    /// A hash that cannot be verified, and what it is. The words repeat nothing of the text that
    /// could be a part of a password.
    Unverifiable(String),
    /// The mark of a password that is locked: nobody is to log in with it.
    Locked,
    /// A digest by its length and letters. Whether it is one depends on where the text comes from:
    /// random passwords look like it.
    Digest,
    /// The password itself.
    Plain,
}

/// Names of schemes that may be repeated in messages: those of OpenLDAP, 389 Directory Server,
/// OpenDJ, Apache DS, Dovecot and Spring.
const SCHEMES: &[&str] = &[
    "AES",
    "ARGON2",
    "BCRYPT",
    "BLF-CRYPT",
    "CLEAR",
    "CLEARTEXT",
    "CRAM-MD5",
    "CRYPT",
    "GOST_YESCRYPT",
    "KERBEROS",
    "LANMAN",
    "MD5",
    "MD5-CRYPT",
    "NOOP",
    "NS-MTA-MD5",
    "NT",
    "PBKDF2",
    "PBKDF2-HMAC-SHA256",
    "PBKDF2-HMAC-SHA512",
    "PBKDF2-SHA1",
    "PBKDF2-SHA256",
    "PBKDF2-SHA512",
    "PBKDF2_SHA256",
    "PBKDF2_SHA512",
    "PKCS5S2",
    "PLAIN",
    "SASL",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-512",
    "SCRYPT",
    "SHA",
    "SHA224",
    "SHA256",
    "SHA256-CRYPT",
    "SHA384",
    "SHA512",
    "SHA512-CRYPT",
    "SMD5",
    "SSHA",
    "SSHA224",
    "SSHA256",
    "SSHA384",
    "SSHA512",
    "X-NTHASH",
];

/// Ids between dollar signs that may be repeated in messages: crypt(5), PHC strings and passlib.
const IDS: &[&str] = &[
    "1",
    "2",
    "2a",
    "2b",
    "2x",
    "2y",
    "3",
    "5",
    "6",
    "7",
    "8",
    "9",
    "H",
    "P",
    "S",
    "apr1",
    "argon2d",
    "argon2i",
    "argon2id",
    "bcrypt",
    "bcrypt-sha256",
    "gy",
    "md5",
    "pbkdf2",
    "pbkdf2-sha256",
    "pbkdf2-sha512",
    "scram",
    "scrypt",
    "sha1",
    "sm3",
    "y",
];

/// How names of algorithms begin, in small letters.
const ALGORITHMS: &[&str] = &["argon2", "bcrypt", "blake2", "crypt", "hmac", "md5", "pbkdf2", "scram", "scrypt", "sha", "ssha", "unsalted"];

/// Letters of the shortest digest that is written down: that of DES in crypt(3).
const SHORTEST_DIGEST: usize = 13;
/// Letters of the longest name of a scheme.
const LONGEST_NAME: usize = 128;
/// Octets of the longest text from which anything is taken off: nobody's password is longer.
const LONGEST_WRAPPED: usize = super::MAX_PASSWORD;
/// Letters of the longest id of crypt(5) that is taken for one whatever follows it.
const LONGEST_CRYPT_ID: usize = 2;
/// What other servers write in the place of a hash to say that there is none (passwd(1) of Solaris,
/// of HP-UX and of Linux).
const LOCKS: &[&str] = &["!", "!!", "!*", "*", "*!", "*LOCK*", "*LOCKED*", "*NP*"];
/// What Solaris writes before a hash to lock it.
const SOLARIS_LOCK: &str = "*LK*";
/// What the programs that read the hashes of Windows write for an account without a password.
const WINDOWS_LOCK: &str = "NO PASSWORD***";
/// Letters that Django puts after `!` where a user is to have no password (`make_password(None)`).
const DJANGO_UNUSABLE: usize = 40;

/// Tells what a text is. White space around it does not matter: files are edited by hand.
pub fn recognise(text: &str) -> Recognised {
    within(text, peel::DEEPEST)
}

/// Whether a text of no form that is known can be a hash even so: it has as many letters on end as
/// the shortest one. Where hashes stand around it, that decides.
pub fn could_be_a_hash(text: &str) -> bool {
    let is_of_digest = |letter: char| letter.is_ascii_alphanumeric() || "./+=".contains(letter);
    text.split(|letter| !is_of_digest(letter)).any(|run| run.len() >= SHORTEST_DIGEST)
}

/// A text as it is seen, and without what lies around it. A mark goes before the look of a digest,
/// which the text around it may have too.
fn within(text: &str, layers: usize) -> Recognised {
    let seen = peel::seen(text);
    let text = seen.trim();
    let found = bare(text);
    if !is_without_mark(&found) || layers == 0 || text.len() > LONGEST_WRAPPED {
        return found;
    }
    let rank = |found: &Recognised| (!is_without_mark(found), *found == Recognised::Digest);
    peel::off(text)
        .iter()
        .map(|inner| within(inner, layers - 1))
        .fold(found, |best, inner| if rank(&inner) > rank(&best) { inner } else { best })
}

const fn is_without_mark(found: &Recognised) -> bool {
    matches!(found, Recognised::Plain | Recognised::Digest)
}

fn bare(text: &str) -> Recognised {
    if is_locked(text) {
        return Recognised::Locked;
    }
    if let Some(found) = in_braces(text).or_else(|| between_dollars(text)) {
        return found;
    }
    if is_record(text) {
        return Recognised::Unverifiable("a credential record in JSON".to_owned());
    }
    if is_named(text) || digest::is_after_its_name(text) {
        return Recognised::Unverifiable("a hash of another system, of the form name$…$…".to_owned());
    }
    if text.split(':').skip(1).any(is_marked) {
        return Recognised::Unverifiable("a line of a file of hashes".to_owned());
    }
    if digest::is_one(text) { Recognised::Digest } else { Recognised::Plain }
}

/// A lock stands alone, before a hash, or within the braces of RFC 2307 before one.
fn is_locked(text: &str) -> bool {
    if LOCKS.contains(&text) || text.starts_with(SOLARIS_LOCK) || text.starts_with(WINDOWS_LOCK) {
        return true;
    }
    if let Some((_, hash)) = scheme(text) {
        return hash.starts_with(['!', '*']);
    }
    let hash = text.trim_start_matches(['!', '*']);
    if hash.len() == text.len() {
        return false;
    }
    let is_unusable =
        text.len() == hash.len() + 1 && hash.len() == DJANGO_UNUSABLE && hash.bytes().all(|octet| octet.is_ascii_alphanumeric());
    // After a star alone a digest is one of MySQL.
    let is_after_mark = text.starts_with('!') && (is_unusable || digest::is_one(hash));
    is_after_mark || !is_without_mark(&bare(hash))
}

/// Whether a part of a text is a hash with its mark.
fn is_marked(part: &str) -> bool {
    let is_known = |name: &str, known: &[&str]| known.iter().any(|known| known.eq_ignore_ascii_case(name));
    let is_scheme = || scheme(part).is_some_and(|(name, _)| is_known(name, SCHEMES));
    let is_id =
        || part.strip_prefix('$').and_then(|rest| rest.split_once('$')).is_some_and(|(id, rest)| is_known(id, IDS) && !rest.is_empty());
    is_scheme() || is_id()
}

fn in_braces(text: &str) -> Option<Recognised> {
    let (name, _) = scheme(text)?;
    let known = SCHEMES.iter().find(|scheme| scheme.eq_ignore_ascii_case(name));
    let what = || known.map_or_else(|| "a hash of a scheme {…} that is not known".to_owned(), |scheme| format!("a {{{scheme}}} hash"));
    Some(verifiable(text, what))
}

/// The name of the scheme and what follows it. A name with space around it is one only if it is
/// known, or if a digest follows.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix('{')?.split_once('}')?;
    let inner = name.trim();
    let is_near = inner.len() == name.len() || SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(inner)) || ends_in_digest(rest, '}');
    (is_near && is_name(inner, b"-_./:+,=@")).then_some((inner, rest))
}

fn between_dollars(text: &str) -> Option<Recognised> {
    let (id, rest) = text.strip_prefix('$')?.split_once('$')?;
    let known = IDS.iter().find(|known| known.eq_ignore_ascii_case(id));
    let is_hash =
        is_name(id, b"-_./+,=") && !rest.is_empty() && (known.is_some() || id.len() <= LONGEST_CRYPT_ID || ends_in_digest(rest, '$'));
    let what = || known.map_or_else(|| "a hash of a scheme $…$ that is not known".to_owned(), |id| format!("a ${id}$ hash"));
    is_hash.then(|| verifiable(text, what))
}

fn verifiable(text: &str, what: impl Fn() -> String) -> Recognised {
    match PasswordHash::parse(text) {
        Ok(hash) => Recognised::Hash(hash),
        Err(_) => Recognised::Unverifiable(what()),
    }
}

fn is_name(name: &str, more: &[u8]) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || more.contains(&octet))
}

/// A record in JSON, or as Python prints one.
fn is_record(text: &str) -> bool {
    let fields = |quote: char| text.strip_prefix('{').is_some_and(|fields| fields.trim_start().starts_with(quote));
    let is_json = (fields('"') || text.starts_with("[{")) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    is_json || ((fields('"') || fields('\'')) && text.ends_with('}') && text.contains(':'))
}

/// `name$…$…` or `name:…:…`. After a name that is no algorithm's, all parts must be there and the
/// last one be a digest.
fn is_named(text: &str) -> bool {
    let parts = |mark: char| text.split(mark).collect::<Vec<_>>();
    let is_algorithm = |name: &str| {
        let name = name.to_ascii_lowercase();
        ALGORITHMS.iter().any(|algorithm| name.starts_with(algorithm))
    };
    let (dollars, colons) = (parts('$'), parts(':'));
    match (dollars.as_slice(), colons.as_slice()) {
        ([name, _, _, ..], _) if is_name(name, b"-_.:") => {
            is_algorithm(name) || (dollars.iter().all(|part| !part.is_empty()) && ends_in_digest(text, '$'))
        }
        (_, [name, _, _, ..]) if is_name(name, b"-_.") => is_algorithm(name) && ends_in_digest(text, ':'),
        _ => false,
    }
}

fn ends_in_digest(text: &str, mark: char) -> bool {
    let last = text.rsplit(mark).next().unwrap_or_default();
    last.len() >= SHORTEST_DIGEST && last.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"./+=-_:,".contains(&octet))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
pub(super) mod tests;
