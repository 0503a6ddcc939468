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

/// `{SSHA}` that can be verified.
const SSHA: &str = "{SSHA}v+3a86wWyGsD8SCAO96Zoz1NLxEBAgMEBQYHCA==";
const CRYPT: &str = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO";

fn base64(octets: impl AsRef<[u8]>) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, octets)
}

#[test]
fn what_lies_around_a_hash_is_taken_off() {
    let around = |inner: &str| {
        vec![
            format!("'{inner}'"),
            format!("\"{inner}\""),
            format!("\"{inner}\","),
            format!("`{inner}`"),
            format!("b'{inner}'"),
            format!("b\"{inner}\""),
            format!("u'{inner}'"),
            format!("N'{inner}'"),
            format!("[b'{inner}']"),
            format!("['{inner}']"),
            format!("({inner})"),
            format!("<{inner}>"),
            format!("\u{201c}{inner}\u{201d}"),
            format!("\u{feff}{inner}"),
            format!("\u{200b}{inner}\u{200b}"),
            format!("{inner}\u{0}"),
            inner.replace('{', "\u{ff5b}").replace('}', "\u{ff5d}").replace('$', "\u{ff04}"),
            inner.chars().map(|letter| format!("{letter}\u{2060}")).collect(),
            inner.replace('$', "\\$").replace('{', "\\{").replace('}', "\\}"),
            percent_encoding::utf8_percent_encode(inner, percent_encoding::NON_ALPHANUMERIC).to_string(),
            base64(inner),
            base64(inner).trim_end_matches('=').to_owned(),
            base64(format!("{inner}\n")),
            format!("'{}'", base64(inner)),
            base64(base64(inner)),
        ]
    };
    for text in around(SSHA) {
        assert!(matches!(recognise(&text), Recognised::Hash(_)), "{text}");
    }
    for (inner, what) in [(CRYPT, "$6$"), ("{CRYPT}x", "{CRYPT}"), ("{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==", "{MD5}")] {
        for text in around(inner) {
            assert!(matches!(recognise(&text), Recognised::Unverifiable(words) if words.contains(what)), "{text}");
        }
    }
    for text in around("{CRYPT}!").into_iter().chain(around("!!$1$salt$hash")) {
        assert_eq!(recognise(&text), Recognised::Locked, "{text}");
    }
    for text in around(TWENTY) {
        assert_eq!(recognise(&text), Recognised::Digest, "{text}");
    }
}

#[test]
fn digests_are_found_beside_salts_and_names() {
    let eight = format!("{HEX}{HEX}");
    for text in [
        format!("0x{TWENTY}"),
        format!("\\x{TWENTY}"),
        format!("x'{TWENTY}'"),
        format!("0x0200{eight}{eight}{HEX}01234567"),
        format!("salt:{HEX}"),
        format!("salt${TWENTY}"),
        format!("{HEX}|salt"),
        format!("{HEX}:{HEX}"),
        format!("SRP:{eight}"),
        format!("S:{eight}00112233445566778899AABBCCDD;T:{eight}{eight}"),
        format!("{eight}aabbccddeeff0011"),
        "salt:W6ph5Mm5Pz8GgiULbPgzG37mj9g=".to_owned(),
        "salt$XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg".to_owned(),
        // Without padding and in base64url: of MD5, SHA-1, SHA-256, SHA-384, SHA-512.
        "Xr4ilOzQ4PCOq3aQ0qbuaQ".to_owned(),
        "W6ph5Mm5Pz8GgiULbPgzG37mj9g".to_owned(),
        "XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg".to_owned(),
        "-44gzbNwKV-1fj8f7Ys0UJnC0CVnFRB3mZbJVtsa-bM=".to_owned(),
        "qLZLq9CsqRpZvbt3YbQh1PK7OCgNOnW6DyHyvrxFWD1EbFmGYMlM5oDEfRnDB4On".to_owned(),
        // A digest and its salt, of no length that a digest alone has.
        "QHzx+omjCxrkmYk3iZqM5XIZ9C2c06LjnHeOHSLfJrABAgMEBQYHCA==".to_owned(),
    ] {
        assert_eq!(recognise(&text), Recognised::Digest, "{text}");
    }
    for text in [
        format!("md5{HEX}"),
        format!("MD5:{HEX}"),
        format!("sha1:{TWENTY}"),
        format!("sha256:{eight}"),
        format!("SHA256${eight}"),
        format!("sha-256={eight}"),
        "sha256-XohImNooBHFR0OVvjcYpJ3NgPQ1qq73WKhHvch0VQtg=".to_owned(),
        format!("root:{CRYPT}:19000:0:99999:7:::"),
        format!("ann:{SSHA}"),
        "{ SSHA }v+3a86wWyGsD8SCAO96Zoz1NLxEBAgMEBQYHCA==".to_owned(),
        "{ theirs }v+3a86wWyGsD8SCAO96Zoz1NLxEBAgMEBQYHCA==".to_owned(),
        format!("{{{}}}abc", "A".repeat(33)),
        "{PBKDF2:SHA256}abc".to_owned(),
        "{'value': 'aGFzaA==', 'salt': 'c2E='}".to_owned(),
    ] {
        assert!(matches!(recognise(&text), Recognised::Unverifiable(_)), "{text}: {:?}", recognise(&text));
    }
}

#[test]
fn passwords_that_were_made_unusable_are_locked() {
    // Django's, of forty letters; and digests behind a mark.
    for text in ["!kR7dQ2xZp0VbN8mLwE5yTtU3sHcJ6aGf9oIiXqYz".to_owned(), format!("!{HEX}"), "NO PASSWORD*********************".to_owned()] {
        assert_eq!(recognise(&text), Recognised::Locked, "{text}");
    }
    for text in
        ["!kR7dQ2xZp0VbN8mLwE5yTtU3sHcJ6aGf9oIi", "!kR7dQ2xZp0VbN8mLwE5yTtU3sHcJ6aGf9oI-XqYz", "!no-entry-for-anybody!", "no password"]
    {
        assert_eq!(recognise(text), Recognised::Plain, "{text}");
    }
}

#[test]
fn what_has_as_many_letters_as_a_hash_could_be_one() {
    for text in ["rl0uE2jKc9uXM", "correcthorsebattery", "x:ab./defghijklmn"] {
        assert!(could_be_a_hash(text), "{text}");
    }
    for text in
        ["Quartz-Meadow-44", "twelve123456", "correct horse battery staple", "550e8400-e29b-41d4-a716-446655440000", "päßwörtchen-für-uns"]
    {
        assert!(!could_be_a_hash(text), "{text}");
    }
}

/// Numbers without order, the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % limit
    }

    fn letters(&mut self, alphabet: &str, count: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..count).map(|_| letters[self.below(letters.len())]).collect()
    }
}

const WORDS: &[&str] = &[
    "apple", "Bridge", "copper", "Dragon", "eleven", "Forest", "guitar", "Harbour", "island", "Jungle", "kettle", "Lantern", "meadow",
    "Nickel", "orange", "Pepper", "quartz", "River", "summer", "Timber", "umbrella", "Violet", "winter", "Xenon", "yellow", "Zebra",
    "straße", "été", "мост", "橋", "hash", "salt", "secret",
];

/// What people and password managers make.
pub(crate) fn human_passwords() -> Vec<String> {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let symbols = format!("{alnum}!#%&()*+,-./:;<=>?@[]^_{{|}}~");
    let bitwarden = format!("{alnum}!@#$%^&*");
    let mut all: Vec<String> = [
        "hunter2hunter2",
        "P@ssw0rd!P@ssw0rd!",
        "!mportant!",
        "*starry*night*",
        "$ecret$2024",
        "cash$and$carry",
        "a:b:c:d:e:f",
        "{open",
        "x}{y",
        "12345678901234567890123456789012",
        "3141592653589793238462643383279502884197",
        "deadbeefdeadbeef",
        "0xdeadbeef",
        "qwertzuiopü",
        "550e8400-e29b-41d4-a716-446655440000",
        "Tr0ub4dor&3",
        "ILoveMyDogRex2015!",
        "CorrectHorseBattery123",
        "correcthorsebatterysta",
        "CorrectHorseBatteryStapleTangoMountainRiver",
        "correct-horse-battery-staple-tango-mountain",
        "Correct-Horse-Battery-Staple-Mango-Mountains",
        "(brackets)",
        "\"quoted words\"",
        "'tis the season",
        "<3 <3 <3 <3",
        "[todo] change me",
        "100% sure",
        "50%24 off",
        "C:\\Users\\ann",
        "http://example.com/?a=b",
        "ann@acme.example",
        "+49 30 123456",
        "ーーパスワードーー",
        "パスワード１２３！",
        "👩‍💻 at work",
        "пароль от дома",
        "n'importe quoi",
        "b'day 1999",
        "md5 is broken",
        "sha-la-la-la",
        "SHA256 forever",
        "pbkdf2 rocks",
        "root:toor",
        "user:password",
        "Xy9$Xy9$Xy9$",
        "~/.ssh/id_rsa",
    ]
    .map(str::to_owned)
    .into();
    for length in [8, 10, 12, 14, 15, 16, 18, 20, 21, 24, 25, 26, 28, 30, 32, 36, 40, 48, 50, 63] {
        for alphabet in [alnum, &symbols, &bitwarden, "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz0123456789", "0123456789"] {
            all.extend((0..10).map(|_| numbers.letters(alphabet, length)));
        }
    }
    // Such as `openssl rand -base64` makes of 12, 15, 18 and 24 octets, and -hex of 8.
    for octets in [12, 15, 18, 24] {
        all.extend((0..25).map(|_| base64((0..octets).map(|_| numbers.below(256) as u8).collect::<Vec<_>>())));
    }
    all.extend((0..25).map(|_| numbers.letters("0123456789abcdef", 16)));
    // Such as Apple makes.
    all.extend((0..25).map(|_| [6, 6, 6].map(|count| numbers.letters(alnum, count)).join("-")));
    for between in ["", " ", "-", ".", "_", "$", ":", "/", "="] {
        for count in 2..7 {
            all.extend((0..10).map(|_| (0..count).map(|_| WORDS[numbers.below(WORDS.len())]).collect::<Vec<_>>().join(between)));
            all.extend((0..5).map(|_| {
                let words = (0..count).map(|_| WORDS[numbers.below(WORDS.len())]).collect::<Vec<_>>().join(between);
                format!("{words}{between}{}", numbers.below(10_000))
            }));
        }
    }
    all
}

#[test]
fn what_people_and_password_managers_make_is_a_password() {
    let all = human_passwords();
    assert!(all.len() > 1000);
    let others: Vec<_> = all.iter().filter(|text| recognise(text) != Recognised::Plain).map(|text| (text, recognise(text))).collect();
    assert!(others.is_empty(), "{others:?}");
}
