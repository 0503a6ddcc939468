//! Reading, deciding and committing, again when others were faster.

use super::{ATTEMPTS, Changes, CommitError, PoolStore};
use crate::model::{Error, Result};

impl PoolStore {
    /// Lets `decide` read and fill the changes, and commits them. On a conflict it decides again from what is there by then, at most [`ATTEMPTS`] times.
    pub async fn decide<T>(&self, mut decide: impl FnMut(&mut Changes) -> Result<T>) -> Result<T> {
        for _ in 0..ATTEMPTS {
            let mut changes = Changes::new();
            let decided = decide(&mut changes)?;
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
