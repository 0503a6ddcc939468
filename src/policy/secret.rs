//! Which client secrets may be chosen.
//!
//! A secret is typed by nobody, so it can be long, and whoever lets the server make one has 256
//! bits. What is chosen all the same must not be found by guessing at the pace that
//! [`super::lockout`] leaves to many addresses together, nor quickly from a stolen hash: at least
//! so long (NIST SP 800-63B-4, section 3.1.1.2, for what is the only factor), of enough different
//! characters, and with no plain pattern.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Fewest different characters of a secret, where plain ones are refused.
pub const MIN_DIFFERENT: usize = 8;

/// The rules of a pool for new client secrets that somebody chooses. Generated ones follow them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct SecretPolicy {
    /// Fewest characters (Unicode scalar values).
    #[n(0)]
    pub min_length: u16,
    /// Whether a secret is refused that has few different characters, repeats itself, or goes on
    /// as it began.
    #[n(1)]
    pub refuse_plain: bool,
}

impl Default for SecretPolicy {
    fn default() -> Self {
        Self { min_length: 15, refuse_plain: true }
    }
}

/// What a secret lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Fewer characters than the policy asks for.
    TooShort {
        /// How many it asks for.
        min: u16,
    },
    /// Too few different characters.
    FewCharacters,
    /// A piece of it again and again, or a sequence such as `abcdefgh` or `87654321`.
    Pattern,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { min } => write!(f, "it needs at least {min} characters"),
            Self::FewCharacters => write!(f, "it needs at least {MIN_DIFFERENT} different characters"),
            Self::Pattern => f.write_str("it repeats itself or follows a sequence"),
        }
    }
}

/// Judges a new secret. Lists everything that is wrong with it.
pub fn check(policy: &SecretPolicy, secret: &str) -> Result<(), Vec<Violation>> {
    let letters: Vec<u32> = secret.chars().map(u32::from).collect();
    let mut violations = Vec::new();
    if letters.len() < usize::from(policy.min_length) {
        violations.push(Violation::TooShort { min: policy.min_length });
    }
    if policy.refuse_plain {
        if letters.iter().collect::<BTreeSet<_>>().len() < MIN_DIFFERENT {
            violations.push(Violation::FewCharacters);
        }
        if repeats(&letters) || is_sequence(&letters) {
            violations.push(Violation::Pattern);
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

/// Whether all of it after a piece of at most half its length is that piece again.
fn repeats(letters: &[u32]) -> bool {
    (1..=letters.len() / 2).any(|piece| letters.iter().zip(letters.iter().skip(piece)).all(|(first, later)| first == later))
}

/// Whether more than half of its steps from one character to the next are the step before once
/// more.
fn is_sequence(letters: &[u32]) -> bool {
    let steps: Vec<i64> = letters.iter().zip(letters.iter().skip(1)).map(|(one, next)| i64::from(*next) - i64::from(*one)).collect();
    let same = steps.iter().zip(steps.iter().skip(1)).filter(|(one, next)| one == next).count();
    same * 2 > steps.len()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judged(secret: &str) -> Vec<Violation> {
        check(&SecretPolicy::default(), secret).err().unwrap_or_default()
    }

    #[test]
    fn what_programs_and_careful_people_choose_passes() {
        for secret in [
            "d9428888-122b-11e1-b85c-61cd3cbb3210",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "JbpP3ZmQ8d0KQy7wVb2o9w==",
            "the secret + of % this & client",
            "bridge-demo-secret",
            "Gr8t-s3cret!xyq",
            "пароль приложения номер семь",
        ] {
            assert_eq!(judged(secret), [], "{secret}");
        }
    }

    #[test]
    fn each_rule_is_told() {
        let short = Violation::TooShort { min: 15 };
        for (secret, violations) in [
            ("x", vec![short, Violation::FewCharacters]),
            ("", vec![short, Violation::FewCharacters]),
            ("demo-secret", vec![short]),
            ("Gr8t-s3cret!xy", vec![short]),
            ("aaaaaaaaaaaaaaaaaaaa", vec![Violation::FewCharacters, Violation::Pattern]),
            ("abababababababababab", vec![Violation::FewCharacters, Violation::Pattern]),
            ("secret-asecret-asecret-a", vec![Violation::FewCharacters, Violation::Pattern]),
            ("password-1password-1", vec![Violation::Pattern]),
            ("12345678901234567890", vec![Violation::Pattern]),
            ("abcdefghijklmnopqrst", vec![Violation::Pattern]),
            ("zyxwvutsrqponmlkjihg", vec![Violation::Pattern]),
            ("1234567887654321", vec![Violation::Pattern]),
        ] {
            assert_eq!(judged(secret), violations, "{secret}");
        }
    }

    #[test]
    fn rules_can_be_turned_off() {
        let policy = SecretPolicy { min_length: 1, refuse_plain: false };
        assert_eq!(check(&policy, "x"), Ok(()));
        assert_eq!(check(&SecretPolicy { refuse_plain: true, ..policy }, "demo-secret"), Ok(()));
        assert_eq!(check(&SecretPolicy { min_length: 8, refuse_plain: false }, "aaaaaaa"), Err(vec![Violation::TooShort { min: 8 }]));
    }

    proptest! {
        #[test]
        fn any_text_is_judged_and_nothing_short_passes(secret in ".{0,40}") {
            let passed = check(&SecretPolicy::default(), &secret).is_ok();
            prop_assert!(!passed || secret.chars().count() >= 15);
        }

        /// 128 bits and more in the usual alphabets.
        #[test]
        fn random_secrets_pass(bytes: [u8; 32]) {
            let distinct = bytes.iter().collect::<BTreeSet<_>>().len();
            prop_assume!(distinct > 16);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(check(&SecretPolicy::default(), &hex), Ok(()));
        }
    }
}
