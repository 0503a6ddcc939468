//! The cache of verified passwords: an LDAP application that binds for each request pays for argon2
//! once a minute.
//!
//! It answers one question: was this password found to match this version of the credential, of the
//! entry and of the pool's settings. Whether the person may log in is judged on every bind. A
//! changed password, entry or policy has another version, so its old answer cannot be found; a lock
//! takes the answer away by hand.

use crate::{
    application::SecretHash,
    crypto::digest::{self, MacKey},
    model::{Entropy, EntryId, PoolId, Secret, Sequence, Timestamp, entropy::random},
};
use quick_cache::sync::Cache;
use std::time::Duration;

/// How long an answer is good for.
pub const MAX_AGE: Duration = Duration::from_secs(60);

/// Answers that are kept, one for each entry.
pub const CAPACITY: usize = 10_000;

/// What an answer holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The pool.
    pub pool: PoolId,
    /// The commit that last wrote the pool's settings.
    pub settings: Sequence,
    /// The entry.
    pub entry: EntryId,
    /// The commit that last wrote the entry.
    pub entry_version: Sequence,
    /// The commit that last wrote the password.
    pub password_version: Sequence,
}

#[derive(Clone, Copy)]
struct Answer {
    mac: [u8; 32],
    at: Timestamp,
}

/// Passwords that were found to match within the last minute, as keyed hashes.
pub struct Verified {
    key: MacKey,
    answers: Cache<(PoolId, EntryId), Answer>,
}

impl Verified {
    /// An empty cache under a key of its own.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self { key: MacKey::new(&random::<32>(entropy)), answers: Cache::new(CAPACITY) }
    }

    /// Whether the password was found to match this very subject within the last minute.
    pub fn holds(&self, subject: &Subject, password: &Secret<Vec<u8>>, now: Timestamp) -> bool {
        let Some(answer) = self.answers.get(&(subject.pool, subject.entry)) else { return false };
        now >= answer.at && now.since(answer.at) < MAX_AGE && digest::equal(&answer.mac, &self.mac(subject, password))
    }

    /// Remembers that the password matches.
    pub fn remember(&self, subject: &Subject, password: &Secret<Vec<u8>>, now: Timestamp) {
        self.answers.insert((subject.pool, subject.entry), Answer { mac: self.mac(subject, password), at: now });
    }

    /// Forgets what is known about an entry.
    pub fn forget(&self, pool: PoolId, entry: EntryId) {
        self.answers.remove(&(pool, entry));
    }

    fn mac(&self, subject: &Subject, password: &Secret<Vec<u8>>) -> [u8; 32] {
        let mut message = Vec::with_capacity(36 + password.expose().len());
        message.extend_from_slice(&subject.pool.get().to_be_bytes());
        for number in [subject.settings.get(), subject.entry.get(), subject.entry_version.get(), subject.password_version.get()] {
            message.extend_from_slice(&number.to_be_bytes());
        }
        message.extend_from_slice(password.expose());
        let message = Secret::new(message);
        self.key.sign(message.expose())
    }
}

/// Client secrets that are remembered.
const SECRETS: usize = 1000;

/// Client secrets that were verified a short time ago. Without it each token request of a client
/// with a chosen secret would cost one argon2. It holds codes under a key of this process instead
/// of secrets, and a code covers the stored hash: with a new secret the old one is forgotten.
pub struct VerifiedSecrets {
    key: MacKey,
    codes: Cache<[u8; 32], ()>,
}

impl VerifiedSecrets {
    /// Remembers nothing yet.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self { key: MacKey::new(&random::<32>(entropy)), codes: Cache::new(SECRETS) }
    }

    /// Whether the secret was found to match that hash.
    pub fn holds(&self, pool: PoolId, hash: &SecretHash, secret: &Secret<String>) -> bool {
        self.codes.get(&self.code(pool, hash, secret)).is_some()
    }

    /// Remembers that it matches.
    pub fn remember(&self, pool: PoolId, hash: &SecretHash, secret: &Secret<String>) {
        self.codes.insert(self.code(pool, hash, secret), ());
    }

    fn code(&self, pool: PoolId, hash: &SecretHash, secret: &Secret<String>) -> [u8; 32] {
        let secret = digest::sha256(secret.expose().as_bytes());
        self.key.sign(&[pool.get().to_be_bytes().as_slice(), &secret, hash.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            for (place, byte) in buffer.iter_mut().zip(0..) {
                *place = byte;
            }
        }
    }

    fn subject() -> Subject {
        Subject {
            pool: PoolId::new(1),
            settings: Sequence::new(2),
            entry: EntryId::new(3),
            entry_version: Sequence::new(4),
            password_version: Sequence::new(5),
        }
    }

    #[test]
    fn an_answer_holds_for_one_minute_and_for_the_same_password_only() {
        let verified = Verified::new(&Counting);
        let start = Timestamp::from_seconds(1000);
        verified.remember(&subject(), &"right".into(), start);
        assert!(verified.holds(&subject(), &"right".into(), start));
        assert!(verified.holds(&subject(), &"right".into(), Timestamp::from_seconds(1059)));
        assert!(!verified.holds(&subject(), &"right".into(), Timestamp::from_seconds(1060)));
        assert!(!verified.holds(&subject(), &"right".into(), Timestamp::from_seconds(999)));
        assert!(!verified.holds(&subject(), &"Right".into(), start));
    }

    #[test]
    fn any_change_of_password_entry_or_settings_voids_the_answer() {
        let verified = Verified::new(&Counting);
        let now = Timestamp::from_seconds(1000);
        verified.remember(&subject(), &"right".into(), now);
        let others = [
            Subject { settings: Sequence::new(9), ..subject() },
            Subject { entry_version: Sequence::new(9), ..subject() },
            Subject { password_version: Sequence::new(9), ..subject() },
            Subject { pool: PoolId::new(9), ..subject() },
            Subject { entry: EntryId::new(9), ..subject() },
        ];
        for other in others {
            assert!(!verified.holds(&other, &"right".into(), now), "{other:?}");
        }
        verified.forget(PoolId::new(1), EntryId::new(3));
        assert!(!verified.holds(&subject(), &"right".into(), now));
    }
}
