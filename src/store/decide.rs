//! Reading, deciding and committing, again when others were faster.

use super::turns::{self, Turn};
use super::{ATTEMPTS, Changes, CommitError, PoolStore};
use crate::model::error::Clash;
use crate::model::{Error, Kind, Result};
use std::future::ready;

impl PoolStore {
    /// Lets `decide` read and fill the changes, and commits them. On a conflict it decides again
    /// from what is there by then, at most [`ATTEMPTS`] times; so it does when `decide` itself
    /// finds records that do not fit each other, which it says with [`Error::contended`]: it has
    /// read amid another's commit.
    ///
    /// Those who want to write the same record take turns: see [`turns`].
    pub async fn decide<T>(&self, mut decide: impl FnMut(&mut Changes) -> Result<T>) -> Result<T> {
        self.decide_by(|| ready(Changes::decided(&mut decide))).await
    }

    /// The same for a decision that is made elsewhere, because it takes its time: `decide` answers
    /// with the changes that it has filled.
    pub async fn decide_by<T, D>(&self, mut decide: impl FnMut() -> D) -> Result<T>
    where
        D: Future<Output = Result<(Changes, T)>>,
    {
        let lines = self.engine.lines();
        let mut turn = Turn::default();
        let mut lost = 0;
        let mut lines_up = false;
        while lost < ATTEMPTS {
            let (changes, decided) = match decide().await {
                Err(error) if *error.kind() == Kind::Conflict(Clash::Contended) => {
                    // Answered when all commits before it are visible as a whole.
                    self.commit(Changes::new()).await?;
                    lost += 1;
                    continue;
                }
                decided => decided?,
            };
            if changes.is_empty() {
                return Ok(decided);
            }
            if lines_up || lines.somebody_waits() {
                let places = turns::places(self.pool(), &changes);
                if std::mem::take(&mut lines_up) || lines.is_contended(&places, &turn) {
                    turn = lines.wait(places, turn).await?;
                    continue;
                }
            }
            match self.commit(changes).await {
                Ok(_) => return Ok(decided),
                Err(CommitError::Conflict) => lines_up = true,
                Err(error) => return Err(error.into()),
            }
            lost += 1;
        }
        Err(Error::contended())
    }
}

impl Changes {
    /// New ones, as `decide` fills them.
    pub fn decided<T>(decide: impl FnOnce(&mut Self) -> Result<T>) -> Result<(Self, T)> {
        let mut changes = Self::new();
        let decided = decide(&mut changes)?;
        Ok((changes, decided))
    }
}
