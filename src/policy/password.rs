//! Which passwords may be set (NIST SP 800-63B, section 3.1.1: length and a block list, no
//! composition rules).

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A name shorter than this is not looked for inside passwords: it would refuse too much.
pub const MIN_NAME_CHARS: usize = 4;

/// The rules of a pool for new passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct PasswordPolicy {
    /// Fewest characters (Unicode scalar values).
    #[n(0)]
    pub min_length: u16,
    /// Most bytes. Bounds the work of hashing.
    #[n(1)]
    pub max_length: u16,
    /// Whether a password may not contain a name of its owner.
    #[n(2)]
    pub refuse_names: bool,
    /// Whether the most common passwords are refused.
    #[n(3)]
    pub refuse_common: bool,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_length: 8, max_length: 256, refuse_names: true, refuse_common: true }
    }
}

/// What a password lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Fewer characters than the policy asks for.
    TooShort {
        /// How many it asks for.
        min: u16,
    },
    /// More bytes than the policy allows.
    TooLong {
        /// How many it allows.
        max: u16,
    },
    /// Not UTF-8, or with a control character: a person could not type it again.
    NotText,
    /// It contains a name of its owner.
    ContainsName,
    /// It is among the passwords that are guessed first.
    Common,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { min } => write!(f, "the password needs at least {min} characters"),
            Self::TooLong { max } => write!(f, "the password may have at most {max} bytes"),
            Self::NotText => f.write_str("the password must be UTF-8 text without control characters"),
            Self::ContainsName => f.write_str("the password may not contain a name of its owner"),
            Self::Common => f.write_str("the password is among those that are guessed first; choose another"),
        }
    }
}

/// Judges a new password; `names` are those of its owner (uid, common name, mail). Lists everything
/// that is wrong with it.
pub fn check(policy: &PasswordPolicy, password: &[u8], names: &[&str]) -> Result<(), Vec<Violation>> {
    let mut violations = Vec::new();
    if password.len() > usize::from(policy.max_length) {
        return Err(vec![Violation::TooLong { max: policy.max_length }]);
    }
    let Some(text) = std::str::from_utf8(password).ok().filter(|text| !text.chars().any(char::is_control)) else {
        return Err(vec![Violation::NotText]);
    };
    if text.chars().count() < usize::from(policy.min_length) {
        violations.push(Violation::TooShort { min: policy.min_length });
    }
    let folded = text.to_lowercase();
    if policy.refuse_names && names.iter().any(|name| contains_name(&folded, name)) {
        violations.push(Violation::ContainsName);
    }
    if policy.refuse_common && is_common(&folded) {
        violations.push(Violation::Common);
    }
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

fn contains_name(folded: &str, name: &str) -> bool {
    name.chars().count() >= MIN_NAME_CHARS && folded.contains(&name.to_lowercase())
}

/// Passwords that are guessed first. Those under eight characters are left out: the length refuses
/// them already.
const COMMON: &[&str] = &[
    "00000000",
    "11111111",
    "123123123",
    "123321123",
    "12341234",
    "12344321",
    "12345678",
    "123456789",
    "1234567890",
    "12qwaszx",
    "147258369",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "22222222",
    "55555555",
    "66666666",
    "77777777",
    "87654321",
    "88888888",
    "987654321",
    "99999999",
    "a1234567",
    "a1b2c3d4",
    "aaaaaaaa",
    "abc12345",
    "abcd1234",
    "abcdefgh",
    "access14",
    "admin123",
    "administrator",
    "alexander",
    "asdf1234",
    "asdfasdf",
    "asdfghjk",
    "asdfghjkl",
    "baseball",
    "basketball",
    "changeme",
    "charlotte",
    "chocolate",
    "christian",
    "computer",
    "corvette",
    "danielle",
    "einstein",
    "elizabeth",
    "engineer",
    "football",
    "garfield",
    "iloveyou",
    "internet",
    "jennifer",
    "jonathan",
    "letmein1",
    "liverpool",
    "marlboro",
    "maverick",
    "mercedes",
    "michelle",
    "midnight",
    "p@ssw0rd",
    "pa55word",
    "passw0rd",
    "password",
    "password1",
    "password12",
    "password123",
    "password1234",
    "princess",
    "q1w2e3r4",
    "qazwsxedc",
    "qwer1234",
    "qwerasdf",
    "qwert123",
    "qwerty12",
    "qwerty123",
    "qwertyui",
    "qwertyuiop",
    "rush2112",
    "samantha",
    "scorpion",
    "snowball",
    "starwars",
    "steelers",
    "sunshine",
    "superman",
    "test1234",
    "trustno1",
    "victoria",
    "welcome1",
    "welcome123",
    "whatever",
    "zaq12wsx",
    "zaq1zaq1",
    "zxcvbnm1",
];

fn is_common(folded: &str) -> bool {
    COMMON.binary_search(&folded).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(password: &str) -> Vec<Violation> {
        check(&PasswordPolicy::default(), password.as_bytes(), &["alice", "Alice Liddell", "al"]).err().unwrap_or_default()
    }

    #[test]
    fn good_passwords_pass() {
        for password in ["correct horse", "Tr0ub4dor&3", "пароль-мой", "        x", "al-is-short-enough", "ÄÖÜäöüßé"] {
            assert_eq!(judged(password), [], "{password}");
        }
    }

    #[test]
    fn each_rule_is_told() {
        assert_eq!(judged("short"), [Violation::TooShort { min: 8 }]);
        assert_eq!(judged("ÄÖÜäöüß"), [Violation::TooShort { min: 8 }], "characters count, not bytes");
        assert_eq!(judged(&"ä".repeat(129)), [Violation::TooLong { max: 256 }]);
        assert_eq!(judged("with\nbreak"), [Violation::NotText]);
        assert_eq!(judged("with\u{0}nul"), [Violation::NotText]);
        assert_eq!(judged("my-ALICE-7"), [Violation::ContainsName]);
        assert_eq!(judged("Password1"), [Violation::Common]);
        assert_eq!(judged("alice"), [Violation::TooShort { min: 8 }, Violation::ContainsName]);
        assert_eq!(check(&PasswordPolicy::default(), &[0xff; 10], &[]), Err(vec![Violation::NotText]));
        assert_eq!(judged(""), [Violation::TooShort { min: 8 }]);
    }

    #[test]
    fn rules_can_be_turned_off() {
        let policy = PasswordPolicy { min_length: 1, refuse_names: false, refuse_common: false, ..PasswordPolicy::default() };
        for password in ["a", "alice", "password"] {
            assert_eq!(check(&policy, password.as_bytes(), &["alice"]), Ok(()));
        }
    }

    #[test]
    fn the_block_list_is_sorted_and_holds_no_word_that_the_length_refuses_anyway() {
        assert!(COMMON.is_sorted());
        assert!(COMMON.iter().all(|word| word.len() >= 8 && *word == word.to_lowercase()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_nothing_too_long_passes(password: Vec<u8>, name: String) {
            let policy = PasswordPolicy { max_length: 40, ..PasswordPolicy::default() };
            prop_assert!(check(&policy, &password, &[&name]).is_err() || password.len() <= 40);
        }
    }
}
