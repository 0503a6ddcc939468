//! Changing the master key for another: the data keys of every pool are sealed anew, and nothing that they seal is touched.

use super::Registry;
use crate::crypto::sealed::{self, MasterKey};
use crate::model::{Entropy, Error, PoolId, Result};
use crate::pool::handle::data_key_place;
use crate::pool::record::PoolRecord;
use crate::store::{ATTEMPTS, CommitError, ServerChanges, ServerKey, ServerPrefix};

/// Pools that are gone over before the next are looked up.
const PART: usize = 1000;

impl Registry {
    /// Seals under this registry's master key what is still sealed under `former`; tells how many pools that were. To be run before the server serves, since until
    /// then it cannot open those pools. A run that was interrupted is simply run again.
    pub async fn rewrap(&self, former: &MasterKey) -> Result<usize> {
        let mut rewrapped = 0;
        let mut after = None;
        loop {
            let part = self.store.server_scan(&ServerPrefix::pools(), after.as_ref()).take(PART);
            let keys: Vec<ServerKey> = part.map(|row| row.map(|(key, _)| key)).collect::<std::result::Result<_, _>>()?;
            let Some(last) = keys.last().cloned() else { return Ok(rewrapped) };
            for id in keys.iter().filter_map(ServerKey::pool_id) {
                rewrapped += usize::from(self.rewrap_pool(id, former).await?);
            }
            after = Some(last);
        }
    }

    async fn rewrap_pool(&self, id: PoolId, former: &MasterKey) -> Result<bool> {
        let key = ServerKey::pool(id);
        for _ in 0..ATTEMPTS {
            let Some(row) = self.store.server_get(&key)? else { return Ok(false) };
            let mut record = PoolRecord::decode(&row.value)?;
            if !seal_anew(&mut record, id, former, &self.surroundings.master, self.surroundings.entropy.as_ref())? {
                return Ok(false);
            }
            let mut changes = ServerChanges::new();
            changes.expect_version(key.clone(), row.version);
            changes.put(key.clone(), record.encode());
            match self.store.commit_server(changes).await {
                Ok(_) => return Ok(true),
                Err(CommitError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::contended())
    }
}

/// Whether there was a data key to seal anew.
fn seal_anew(record: &mut PoolRecord, id: PoolId, former: &MasterKey, master: &MasterKey, entropy: &dyn Entropy) -> Result<bool> {
    let place = data_key_place(id);
    let mut changed = false;
    for wrapped in &mut record.data_keys {
        if sealed::key_id(wrapped) != Some(master.id()) {
            *wrapped = master.wrap(&former.unwrap(wrapped, &place)?, &place, entropy)?.into();
            changed = true;
        }
    }
    Ok(changed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::pool::testing::{Counting, Still, bench, master};
    use crate::store::{Key, Space};
    use std::sync::Arc;

    #[tokio::test]
    async fn secrets_open_under_the_new_master_key_and_no_longer_under_the_former() {
        let bench = bench();
        let secret = Key::named(Space::Provider, b"a");
        let mut sealed = Vec::new();
        for number in 0..5 {
            sealed.push(bench.create(&format!("pool-{number}"), None).await.unwrap().seal(&secret, b"kept").unwrap());
        }
        let new = MasterKey::new(Secret::new([9; 32]));
        let registry = Registry::new(bench.store.clone(), new, Arc::new(Still), Arc::new(Counting::default()));
        assert!(registry.by_slug("pool-0").is_err());
        // As if the first run had been interrupted after one pool.
        assert!(registry.rewrap_pool(PoolId::new(3), &master()).await.unwrap());
        assert_eq!(registry.rewrap(&master()).await.unwrap(), 4);
        assert_eq!(registry.rewrap(&master()).await.unwrap(), 0);
        for (number, sealed) in sealed.iter().enumerate() {
            let pool = registry.by_slug(&format!("pool-{number}")).unwrap().unwrap();
            assert_eq!(pool.open(&secret, sealed).unwrap().expose(), b"kept");
        }
        assert!(bench.registry.by_slug("pool-0").is_err());
        let wrong = MasterKey::new(Secret::new([1; 32]));
        let third =
            Registry::new(bench.store.clone(), MasterKey::new(Secret::new([2; 32])), Arc::new(Still), Arc::new(Counting::default()));
        assert!(third.rewrap(&wrong).await.is_err());
        assert!(registry.by_slug("pool-0").unwrap().is_some(), "a wrong former key changes nothing");
    }
}
