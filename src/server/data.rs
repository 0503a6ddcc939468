//! Whether the data folder holds what this version of the server reads right.

use super::error::ConfigError;
use crate::directory::made_by;
use crate::store::{ReadError, ServerChanges, ServerKey, Store};

/// What is to be noted of the data before it is used.
pub struct Note(Option<Vec<u8>>);

/// Refuses data that this version would read wrongly. Before anybody else reads the store, or
/// writes to it.
pub fn check(store: &Store) -> Result<Note, ConfigError> {
    let stored = store.server_get(&key()).map_err(|ReadError(message)| ConfigError::new(message))?;
    let own = made_by::check(stored.as_ref().map(|row| row.value.as_ref())).map_err(|error| ConfigError::new(error.message()))?;
    Ok(Note(own))
}

impl Note {
    /// Writes down what the data is made by from now on.
    pub async fn write(self, store: &Store) -> Result<(), ConfigError> {
        let Some(own) = self.0 else { return Ok(()) };
        let mut changes = ServerChanges::new();
        changes.put(key(), own);
        store.commit_server(changes).await.map(drop).map_err(|error| ConfigError::new(error.to_string()))
    }
}

fn key() -> ServerKey {
    ServerKey::meta(made_by::NAME)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::{Options, SegmentSync};

    #[tokio::test]
    async fn data_that_another_version_made_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
        check(&store).unwrap().write(&store).await.unwrap();
        let commits = store.statistics().commits;
        check(&store).unwrap().write(&store).await.unwrap();
        assert_eq!(store.statistics().commits, commits, "it is written once");
        let mut stored = store.server_get(&key()).unwrap().unwrap().value.to_vec();
        *stored.last_mut().unwrap() ^= 1;
        let mut changes = ServerChanges::new();
        changes.put(key(), stored);
        store.commit_server(changes).await.unwrap();
        let refused = check(&store).map(drop).unwrap_err().to_string();
        assert!(refused.contains("export each pool"), "{refused}");
        store.close();
    }
}
