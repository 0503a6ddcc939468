//! Reading, deciding and committing, again when others were faster.

use super::{ATTEMPTS, Changes, CommitError, PoolStore};
use crate::model::error::Clash;
use crate::model::{Error, Kind, Result};

impl PoolStore {
    /// Lets `decide` read and fill the changes, and commits them. On a conflict it decides again from what is there by then, at most [`ATTEMPTS`] times; so it
    /// does when `decide` itself finds records that do not fit each other, which it says with [`Error::contended`]: it has read amid another's commit.
    pub async fn decide<T>(&self, mut decide: impl FnMut(&mut Changes) -> Result<T>) -> Result<T> {
        for _ in 0..ATTEMPTS {
            let mut changes = Changes::new();
            let decided = match decide(&mut changes) {
                Err(error) if *error.kind() == Kind::Conflict(Clash::Contended) => {
                    // Answered when all commits before it are visible as a whole.
                    self.commit(Changes::new()).await?;
                    continue;
                }
                decided => decided?,
            };
            if changes.is_empty() {
                return Ok(decided);
            }
            match self.commit(changes).await {
                Ok(_) => return Ok(decided),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended())
    }
}
