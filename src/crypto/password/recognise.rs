//! What a text in the place of a password is: the password itself, or what some server keeps so that it need not keep the password.
//!
//! A hash that is taken for a password lets in whoever holds the file of hashes. So a text is told to be a hash by its form, whether or not its scheme can be
//! verified here. The forms: `{SCHEME}…` (RFC 2307, section 5.3), `$id$…` (crypt(5), PHC strings), `name$…$…` (Django, Werkzeug, SCRAM, RFC 3112),
//! `name:…:…`, records in JSON (Keycloak), marks of a locked password (shadow(5)), and digests without any mark.

use super::PasswordHash;

/// What a text in the place of a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// A hash that can be verified.
    Hash(PasswordHash),
    /// A hash that cannot be verified, and what it is. The words repeat nothing of the text that could be a part of a password.
    Unverifiable(String),
    /// The mark of a password that is locked: nobody is to log in with it.
    Locked,
    /// A digest by its length and letters. Whether it is one depends on where the text comes from: random passwords look like it.
    Digest,
    /// The password itself.
    Plain,
}

/// Names of schemes that may be repeated in messages: those of OpenLDAP, 389 Directory Server, OpenDJ, Apache DS, Dovecot and Spring.
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
const LONGEST_NAME: usize = 32;
/// Letters of the longest id of crypt(5) that is taken for one whatever follows it.
const LONGEST_CRYPT_ID: usize = 2;
/// Octets of the digests in use, of MD5 to SHA-512.
const DIGESTS: &[usize] = &[16, 20, 28, 32, 48, 64];
/// Octets of the hashes of ASP.NET Core Identity, versions 2 and 3.
const ASP_NET: &[usize] = &[49, 61];
/// What other servers write in the place of a hash to say that there is none (passwd(1) of Solaris, of HP-UX and of Linux).
const LOCKS: &[&str] = &["!", "!!", "!*", "*", "*!", "*LOCK*", "*LOCKED*", "*NP*"];
/// What Solaris writes before a hash to lock it.
const SOLARIS_LOCK: &str = "*LK*";

/// Tells what a text is. White space around it does not matter: files are edited by hand.
pub fn recognise(text: &str) -> Recognised {
    let text = text.trim();
    if is_locked(text) {
        return Recognised::Locked;
    }
    if let Some(found) = in_braces(text).or_else(|| between_dollars(text)) {
        return found;
    }
    if is_json(text) {
        return Recognised::Unverifiable("a credential record in JSON".to_owned());
    }
    if is_named(text) {
        return Recognised::Unverifiable("a hash of another system, of the form name$…$…".to_owned());
    }
    if is_digest(text) { Recognised::Digest } else { Recognised::Plain }
}

/// A lock stands alone, before a hash, or within the braces of RFC 2307 before one.
fn is_locked(text: &str) -> bool {
    if LOCKS.contains(&text) || text.starts_with(SOLARIS_LOCK) {
        return true;
    }
    if let Some((_, hash)) = scheme(text) {
        return hash.starts_with(['!', '*']);
    }
    let hash = text.trim_start_matches(['!', '*']);
    hash.len() < text.len() && !matches!(recognise(hash), Recognised::Plain | Recognised::Digest)
}

fn in_braces(text: &str) -> Option<Recognised> {
    let (name, _) = scheme(text)?;
    let known = SCHEMES.iter().find(|scheme| scheme.eq_ignore_ascii_case(name));
    let what = || known.map_or_else(|| "a hash of a scheme {…} that is not known".to_owned(), |scheme| format!("a {{{scheme}}} hash"));
    Some(verifiable(text, what))
}

/// The name of the scheme and what follows it.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix('{')?.split_once('}')?;
    is_name(name, b"-_./").then_some((name, rest))
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

fn is_json(text: &str) -> bool {
    let is_record = text.strip_prefix('{').is_some_and(|fields| fields.trim_start().starts_with('"')) || text.starts_with("[{");
    is_record && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// `name$…$…` or `name:…:…`. After a name that is no algorithm's, all parts must be there and the last one be a digest.
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

/// Hexadecimal or padded base64 of the length of a digest; the former also before a salt, or after the star of MySQL; and the extended DES of crypt(5).
fn is_digest(text: &str) -> bool {
    let hexadecimal = text.strip_prefix('*').unwrap_or(text).split(':').next().unwrap_or_default();
    let is_hexadecimal = hexadecimal.bytes().all(|octet| octet.is_ascii_hexdigit()) && DIGESTS.contains(&(hexadecimal.len() / 2));
    let extended = text.strip_prefix('_').filter(|rest| rest.len() == 19);
    (is_hexadecimal && hexadecimal.len().is_multiple_of(2))
        || is_padded(text)
        || extended.is_some_and(|rest| rest.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"./".contains(&octet)))
}

fn is_padded(text: &str) -> bool {
    let is_base64 = text.ends_with('=') && text.len().is_multiple_of(4);
    let octets = || base64::Engine::decode(&super::BASE64, text).map_or(0, |octets| octets.len());
    is_base64 && (DIGESTS.contains(&octets()) || ASP_NET.contains(&octets()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "5ebe2294ecd0e0f08eab7690d2a6ee69";
    const TWENTY: &str = "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8";

    #[test]
    fn what_can_be_verified_is_a_hash() {
        for text in [
            "{SSHA}v+3a86wWyGsD8SCAO96Zoz1NLxEBAgMEBQYHCA==",
            " {ssha}v+3a86wWyGsD8SCAO96Zoz1NLxEBAgMEBQYHCA==\n",
            "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$QneTi5f1lNTqvsbCIVw1xw$sOiuPt8A1Fu4dlna7h+Axo1lX5zSkXLxcLSS6jx2sTg",
            "$argon2id$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$AKSA5e1V4MmzGV/ZRrkMuuALZPHNzgTbBCGybI540A0",
        ] {
            assert!(matches!(recognise(text), Recognised::Hash(_)), "{text}");
        }
    }

    #[test]
    fn hashes_of_all_forms_are_no_passwords() {
        for (text, what) in [
            ("{CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMH", "{CRYPT}"),
            ("{crypt}x", "{CRYPT}"),
            ("{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==", "{MD5}"),
            ("{SASL}alice@EXAMPLE.COM", "{SASL}"),
            ("{PBKDF2_SHA256}AAAgAFPZ", "{PBKDF2_SHA256}"),
            ("{PBKDF2-SHA512}10000$salt$hash", "{PBKDF2-SHA512}"),
            ("{bcrypt}$2a$10$N9qo8uLOickgx2ZMRZoMye", "{BCRYPT}"),
            ("{SSHA}not base64!", "{SSHA}"),
            ("{mine}anything", "{…}"),
            ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", "$1$"),
            ("$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "$2b$"),
            ("$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "$2y$"),
            ("$3$$8846f7eaee8fb117ad06bdd830b7586c", "$3$"),
            ("$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8", "$5$"),
            ("$6$rounds=5000$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO", "$6$"),
            ("$7$CU..../....salt$hash", "$7$"),
            ("$H$9V1cX/WqUhsSWM0ipyB7HwFQqTQKxP1", "$H$"),
            ("$P$B55D6LjfHDkINU5wF.v2BuuzO0/XPk/", "$P$"),
            ("$S$Dxl65W9p07LfQU7jvy5CnfJ3jQZ0V3S6", "$S$"),
            ("$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7", "$y$"),
            ("$gy$j9T$salt$hash", "$gy$"),
            ("$sm3$salt$hash", "$sm3$"),
            ("$md5$rounds=904$salt$$hash", "$md5$"),
            ("$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq", "$sha1$"),
            ("$apr1$salt$hash", "$apr1$"),
            ("$pbkdf2-sha256$6400$salt$hash", "$pbkdf2-sha256$"),
            ("$scrypt$ln=16,r=8,p=1$salt$hash", "$scrypt$"),
            ("$argon2d$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlIHNhbA$AKSA", "$argon2d$"),
            ("$argon2id$damaged", "$argon2id$"),
            ("$zz$to come", "$…$"),
            ("$future-scheme$salt$5B8vYYiY.CVt1RlT", "$…$"),
            ("pbkdf2_sha256$260000$salt$Hk2bQkV1Q1g=", "name$…$…"),
            ("bcrypt_sha256$$2b$12$N9qo8uLOickgx2ZMRZoMye", "name$…$…"),
            ("sha1$salt$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8", "name$…$…"),
            ("argon2$argon2id$v=19$m=102400,t=2,p=8$salt$hash", "name$…$…"),
            ("pbkdf2:sha256:260000$salt$hash", "name$…$…"),
            ("scrypt:32768:8:1$salt$hash", "name$…$…"),
            ("SCRAM-SHA-256$4096:salt$stored=:server=", "name$…$…"),
            ("their_own$12$salt$5B8vYYiY.CVt1RlTTf8KbX", "name$…$…"),
            ("sha256:64000:18:salt:5B8vYYiY.CVt1RlT", "name$…$…"),
            (r#"{"value":"aGFzaA==","salt":"c2FsdA=="}"#, "JSON"),
            (r#"[{"type":"password","secretData":"{}"}]"#, "JSON"),
        ] {
            match recognise(text) {
                Recognised::Unverifiable(words) => assert!(words.contains(what), "{text}: {words}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn locks_are_told() {
        for text in
            ["!", "!!", "*", "*LK*", "*LK*$6$salt$hash", "*NP*", "!$6$salt$hash", "!!$1$salt$hash", "!{SSHA}abc", "{CRYPT}!", "{CRYPT}*"]
        {
            assert_eq!(recognise(text), Recognised::Locked, "{text}");
        }
        for text in ["{CRYPT}!$6$salt$hash", "{crypt}*$6$salt$hash", "{SSHA}!v+3a86wWyGsD8SCAO96Zoz1NLxEBAgMEBQYHCA=="] {
            assert_eq!(recognise(text), Recognised::Locked, "{text}");
        }
    }

    #[test]
    fn digests_without_a_mark_are_told_apart() {
        let eight = format!("{HEX}{HEX}");
        let sixteen = format!("{eight}{eight}");
        for text in [HEX, TWENTY, &eight, &sixteen, &format!("{HEX}:salt"), &format!("*{}", TWENTY.to_uppercase())] {
            assert_eq!(recognise(text), Recognised::Digest, "{text}");
        }
        let asp = base64::Engine::encode(&super::super::BASE64, [1; 61]);
        for text in ["Xr4ilOzQ4PCOq3aQ0qbuaQ==", "W6ph5Mm5Pz8GgiULbPgzG37mj9g=", &asp, "_J9..CCCCXBrJUJV154M"] {
            assert_eq!(recognise(text), Recognised::Digest, "{text}");
        }
    }

    #[test]
    fn what_a_person_types_is_a_password() {
        for text in [
            "",
            "secret",
            "correct horse battery staple",
            "{}",
            "{two words}x",
            "secret{SSHA}",
            "{open",
            "{not json: at all}",
            "$argon1",
            "$ecret$2024",
            "cash$and$carry",
            "Pa$$word-of-mine",
            "!important!",
            "*starry*night*",
            "me:and:my-dog-of-long-name",
            "sha:la:la",
            "deadbeef",
            "a=b=",
            "[1]",
        ] {
            assert_eq!(recognise(text), Recognised::Plain, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_told_and_repeated_nowhere(text in "[{$!*]?[A-Za-z0-9]{6,12}[}$:]?\\PC{0,40}") {
            if let Recognised::Unverifiable(words) = recognise(&text) {
                prop_assert!(words.len() < 80);
                let first: String = text.chars().filter(char::is_ascii_alphanumeric).take(6).collect();
                let is_listed = SCHEMES.iter().chain(IDS).any(|name| name.to_uppercase().contains(&first.to_uppercase()));
                prop_assert!(is_listed || !words.contains(&first), "{}", words);
            }
        }
    }
}
