//! The end of a pool: marked in one commit, carried out in bounded steps, taken up again after a
//! crash. A pool that cannot be read is deleted like any other.

use super::{Registry, no_pool, own_name};
use crate::model::{Actor, Error, PoolId, Result};
use crate::pool::handle::Status;
use crate::pool::record::{PoolRecord, encode_number};
use crate::store::{ATTEMPTS, CommitError, ServerChanges, ServerKey, ServerPrefix};

/// Records that one step of a deletion removes.
const STEP: usize = 1000;
/// What the checkpoint of a deletion is called before the pool's number.
const CHECKPOINT: &str = "delete-pool/";

impl Registry {
    /// Deletes a pool with all its records, in bounded steps; after a crash
    /// [`Registry::resume_deletions`] goes on. Its slug, suffix and number stay used.
    ///
    /// The pool's own audit log goes with it, so who deleted it is told to the server's log.
    pub async fn delete(&self, id: PoolId, actor: &Actor) -> Result<()> {
        self.begin_deletion(id, actor).await?;
        self.finish_deletion(id).await
    }

    /// From now on the pool does not serve, and its deletion comes to its end whatever happens.
    pub(super) async fn begin_deletion(&self, id: PoolId, actor: &Actor) -> Result<()> {
        let key = ServerKey::pool(id);
        for _ in 0..ATTEMPTS {
            let row = self.store.server_get(&key)?.ok_or_else(|| no_pool(id))?;
            let mut changes = ServerChanges::new();
            changes.expect_version(key.clone(), row.version);
            changes.put(checkpoint(id), encode_number(id));
            match PoolRecord::decode(&row.value) {
                Ok(PoolRecord { status: Status::Deleting, .. }) => return Ok(()),
                Ok(record) => changes.put(key.clone(), PoolRecord { status: Status::Deleting, ..record }.encode()),
                // What cannot be read cannot be marked either: the row goes first, and the
                // checkpoint has the rest removed.
                Err(_) => changes.delete(key.clone()),
            }
            match self.store.commit_server(changes).await {
                Ok(_) => {
                    tracing::info!(pool = own_name(id, &row), actor = %actor.name, "a pool is being deleted");
                    return Ok(());
                }
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended())
    }

    /// Ends the deletions that were interrupted; tells how many. `server` calls it at start and now
    /// and then. One that fails keeps no other from its end; the first error is the answer.
    pub async fn resume_deletions(&self) -> Result<usize> {
        let checkpoints: Vec<ServerKey> = self
            .store
            .server_scan(&ServerPrefix::checkpoints(), None)
            .map(|row| row.map(|(key, _)| key))
            .collect::<std::result::Result<_, _>>()?;
        let mut resumed = Ok(0);
        for key in checkpoints {
            let name = std::str::from_utf8(key.rest()).unwrap_or_default();
            if let Some(number) = name.strip_prefix(CHECKPOINT).and_then(|number| number.parse().ok()) {
                let finished = self.finish_deletion(PoolId::new(number)).await;
                resumed = resumed.and_then(|count| finished.map(|()| count + 1));
            }
        }
        resumed
    }

    async fn finish_deletion(&self, id: PoolId) -> Result<()> {
        while self.store.remove_pool_rows(id, STEP).await? > 0 {}
        let mut changes = ServerChanges::new();
        changes.delete(ServerKey::pool(id));
        changes.delete(checkpoint(id));
        self.store.commit_server(changes).await?;
        self.handles.remove(&id);
        Ok(())
    }
}

fn checkpoint(id: PoolId) -> ServerKey {
    ServerKey::checkpoint(&format!("{CHECKPOINT}{id}"))
}
