//! Whether the data folder holds what this version of the server reads right.

use super::config::ConfigError;
use crate::directory::made_by;
use crate::store::{ReadError, ServerChanges, ServerKey, Store};

/// Refuses data that this version would read wrongly, and notes what new data is made by. Before anybody else reads the store.
pub async fn check(store: &Store) -> Result<(), ConfigError> {
    let key = ServerKey::meta(made_by::NAME);
    let stored = store.server_get(&key).map_err(|ReadError(message)| ConfigError::new(message))?;
    let own = made_by::check(stored.as_ref().map(|row| row.value.as_ref())).map_err(|error| ConfigError::new(error.message()))?;
    let Some(own) = own else { return Ok(()) };
    let mut changes = ServerChanges::new();
    changes.put(key, own);
    store.commit_server(changes).await.map(drop).map_err(|error| ConfigError::new(error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::Options;

    #[tokio::test]
    async fn data_that_another_version_made_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default()).unwrap();
        check(&store).await.unwrap();
        let commits = store.statistics().commits;
        check(&store).await.unwrap();
        assert_eq!(store.statistics().commits, commits, "it is written once");
        let key = ServerKey::meta(made_by::NAME);
        let mut stored = store.server_get(&key).unwrap().unwrap().value.to_vec();
        *stored.last_mut().unwrap() ^= 1;
        let mut changes = ServerChanges::new();
        changes.put(key, stored);
        store.commit_server(changes).await.unwrap();
        let refused = check(&store).await.unwrap_err().to_string();
        assert!(refused.contains("export each pool"), "{refused}");
        store.close();
    }
}
