//! Password hashing as work: as many memory blocks as threads, used again and again.

use super::{Caller, Work};
use crate::crypto::password::{self, Memory, Params, PasswordHash};
use crate::model::{Entropy, Result, Secret, entropy::random};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Hashes and checks passwords on the threads of a [`Work`].
#[derive(Clone)]
pub struct Hasher {
    work: Arc<Work>,
    memories: Arc<Memories>,
}

impl Hasher {
    /// A hasher on these threads.
    pub fn new(work: Arc<Work>) -> Self {
        Self { work, memories: Arc::default() }
    }

    /// Hashes a password with argon2id and a new salt. Fails as [`password::hash`] and
    /// [`Work::run`] do.
    pub async fn hash(
        &self,
        caller: impl Into<Caller>,
        password: Secret<Vec<u8>>,
        params: Params,
        entropy: &dyn Entropy,
    ) -> Result<PasswordHash> {
        let salt = random(entropy);
        let memories = Arc::clone(&self.memories);
        self.work.run(caller, move || memories.lend(|memory| password::hash(&password, &params, salt, memory))).await?
    }

    /// Whether the password is the hashed one, at the price of at least one hash with `params`
    /// whatever the answer; without a hash it is not, at the same price.
    pub async fn check(
        &self,
        caller: impl Into<Caller>,
        hash: Option<PasswordHash>,
        password: Secret<Vec<u8>>,
        params: Params,
    ) -> Result<bool> {
        let memories = Arc::clone(&self.memories);
        self.work.run(caller, move || memories.lend(|memory| password::check(hash.as_ref(), &password, &params, memory))).await
    }

    /// How often argon2 has run, jobs that are under way not counted.
    pub fn runs(&self) -> u64 {
        self.memories.lock().iter().map(Memory::runs).sum()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({:?})", self.work)
    }
}

/// The memory that no job uses right now. Jobs run on the threads of `work` only, so there are
/// never more memories than threads.
#[derive(Default)]
struct Memories(Mutex<Vec<Memory>>);

impl Memories {
    fn lend<T>(&self, job: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.lock().pop().unwrap_or_default();
        let result = job(&mut memory);
        self.lock().push(memory);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Memory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::super::Places;
    use super::*;
    use crate::model::PoolId;

    const CHEAP: Params = Params { memory_kib: 64, passes: 1, lanes: 1 };

    const PLACES: Places = Places { per_pool: 100, per_address: 100, per_address_overall: 1000 };

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[tokio::test]
    async fn a_password_that_was_hashed_is_recognised() {
        let hasher = Hasher::new(Arc::new(Work::new(1, PLACES)));
        let pool = PoolId::new(1);
        let hash = hasher.hash(pool, "right".into(), CHEAP, &Sevens).await.unwrap();
        assert!(hasher.check(pool, Some(hash.clone()), "right".into(), CHEAP).await.unwrap());
        assert!(!hasher.check(pool, Some(hash), "wrong".into(), CHEAP).await.unwrap());
        assert!(!hasher.check(pool, None, "right".into(), CHEAP).await.unwrap());
    }

    #[tokio::test]
    async fn there_are_never_more_memories_than_threads() {
        let hasher = Hasher::new(Arc::new(Work::new(2, PLACES)));
        let checks = (0..64).map(|number| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.check(PoolId::new(number % 5), None, "any".into(), CHEAP).await.unwrap() })
        });
        for check in checks.collect::<Vec<_>>() {
            assert!(!check.await.unwrap());
        }
        let made = hasher.memories.lock().len();
        assert!((1..=2).contains(&made), "{made}");
    }
}
