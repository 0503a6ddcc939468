//! Whether a master key is the one that the store is sealed with.
//!
//! A check value, sealed under the key, lies among the server's records before the key seals
//! anything else. A store of an earlier release has none: there the key must open a data key of a
//! pool, and the check value is written as soon as no pool there is sealed with another key.

use super::handle::data_key_place;
use super::record::PoolRecord;
use crate::crypto::sealed::{self, MasterKey};
use crate::model::{Entropy, Error, Result, record};
use crate::store::{ServerChanges, ServerKey, ServerPrefix, Store};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;

/// The name of the record with the check value.
const NAME: &str = "master-key";

const VERSION: u8 = 1;

/// The check value as stored.
#[derive(Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
struct CheckRecord {
    #[n(0)]
    sealed: ByteVec,
}

/// Whether no master key was ever used for the store: it has no check value, and no pool was ever
/// made in it. Only then may a key be made for it.
pub fn is_unused(store: &Store) -> Result<bool> {
    let has_check = store.server_get(&ServerKey::meta(NAME))?.is_some();
    let is_empty = |prefix: &ServerPrefix| Ok::<_, Error>(store.server_scan(prefix, None).next().transpose()?.is_none());
    Ok(!has_check && is_empty(&ServerPrefix::counters())? && is_empty(&ServerPrefix::pools())?)
}

/// Refuses a master key that is not the store's, with nothing written. Writes the check value of
/// one that is, if it is not there yet.
pub(super) async fn admit(store: &Store, master: &MasterKey, entropy: &dyn Entropy) -> Result<()> {
    let key = ServerKey::meta(NAME);
    if let Some(row) = store.server_get(&key)? {
        let check: CheckRecord = record::decode(VERSION, &row.value)?;
        return match sealed::key_id(&check.sealed) {
            Some(id) if id != master.id() => Err(another(master, &BTreeSet::from([id]))),
            _ => master.verify_check_value(&check.sealed),
        };
    }
    let others = sealed_with_others(store, master)?;
    if others > 0 {
        tracing::error!(
            pools = others,
            "pools are sealed with another master key than this one and cannot be read; the list of pools shows which. Until they are deleted, each start with a \
             key that opens one of the pools is allowed"
        );
        return Ok(());
    }
    let check = CheckRecord { sealed: master.check_value(entropy)?.into() };
    let mut changes = ServerChanges::new();
    changes.expect_absent(key.clone());
    changes.put(key, record::encode(VERSION, &check));
    store.commit_server(changes).await.map(drop).map_err(Error::from)
}

/// How many pools are sealed with another master key. Fails if there are data keys and this one
/// opens none of them; what cannot be read says nothing.
fn sealed_with_others(store: &Store, master: &MasterKey) -> Result<usize> {
    let (mut opened, mut others, mut ids) = (false, 0, BTreeSet::new());
    for row in store.server_scan(&ServerPrefix::pools(), None) {
        let (key, row) = row?;
        let (Some(pool), Ok(record)) = (key.pool_id(), PoolRecord::decode(&row.value)) else { continue };
        let Some((wrapped, id)) = record.data_keys.last().and_then(|wrapped| Some((wrapped, sealed::key_id(wrapped)?))) else { continue };
        ids.insert(id);
        others += usize::from(id != master.id());
        opened = opened || (id == master.id() && master.unwrap(wrapped, &data_key_place(pool)).is_ok());
    }
    match opened || ids.is_empty() {
        true => Ok(others),
        false => Err(another(master, &ids)),
    }
}

fn another(master: &MasterKey, ids: &BTreeSet<u32>) -> Error {
    let ids = ids.iter().map(|id| format!("{id:08x}")).collect::<Vec<_>>().join(" or ");
    Error::down(format!(
        "it holds the key {:08x}, and the store is sealed with the key {ids}; put the key there that the store was made with, or name its file in \
         `master_key_file`. Nothing was written",
        master.id()
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::pool::Registry;
    use crate::pool::testing::{Bench, Counting, Still, bench, master, new_pool, nothing, operator};
    use std::sync::Arc;

    fn other() -> MasterKey {
        MasterKey::new(Secret::new([8; 32]))
    }

    async fn open(store: &Store, master: MasterKey) -> Result<Registry> {
        Registry::open(store.clone(), master, Arc::new(Still), Arc::new(Counting::default())).await
    }

    /// What an earlier release has left: no check value.
    async fn forget_check(store: &Store) {
        let mut changes = ServerChanges::new();
        changes.delete(ServerKey::meta(NAME));
        store.commit_server(changes).await.unwrap();
    }

    fn has_check(store: &Store) -> bool {
        store.server_get(&ServerKey::meta(NAME)).unwrap().is_some()
    }

    async fn refused(bench: &Bench, key: MasterKey) -> String {
        let before = bench.store.latest();
        let error = open(&bench.store, key).await.unwrap_err();
        assert_eq!(bench.store.latest(), before, "nothing was written");
        error.message().to_owned()
    }

    #[tokio::test]
    async fn a_store_keeps_to_the_key_that_it_was_first_opened_with() {
        let bench = bench().await;
        assert!(has_check(&bench.store), "before any pool");
        let said = refused(&bench, other()).await;
        assert!(said.contains(&format!("{:08x}", other().id())) && said.contains(&format!("{:08x}", master().id())), "{said}");
        assert!(said.contains("master_key_file"), "{said}");
        let before = bench.store.latest();
        open(&bench.store, master()).await.unwrap();
        assert_eq!(bench.store.latest(), before, "it is written once");
    }

    #[tokio::test]
    async fn the_pools_of_an_earlier_release_say_which_key_it_was() {
        let bench = bench().await;
        bench.create("acme", None).await.unwrap();
        forget_check(&bench.store).await;
        refused(&bench, other()).await;
        open(&bench.store, master()).await.unwrap();
        assert!(has_check(&bench.store));
    }

    #[tokio::test]
    async fn where_an_earlier_release_has_mixed_keys_each_of_them_is_taken_until_one_is_left() {
        let bench = bench().await;
        let first = bench.create("first", None).await.unwrap();
        forget_check(&bench.store).await;
        // As an earlier release went on with a wrong key.
        let id = first.id();
        let row = bench.store.server_get(&ServerKey::pool(id)).unwrap().unwrap();
        let mut mixed = PoolRecord::decode(&row.value).unwrap();
        let data_key = sealed::DataKey::generate(1, &Counting::default());
        mixed.data_keys = vec![other().wrap(&data_key, &data_key_place(id), &Counting::default()).unwrap().into()];
        bench.create("second", None).await.unwrap();
        let mut changes = ServerChanges::new();
        changes.put(ServerKey::pool(id), mixed.encode());
        bench.store.commit_server(changes).await.unwrap();

        refused(&bench, MasterKey::new(Secret::new([9; 32]))).await;
        open(&bench.store, other()).await.unwrap().by_slug("first").unwrap().unwrap();
        let registry = open(&bench.store, master()).await.unwrap();
        assert!(!has_check(&bench.store), "neither of them is shut out");
        registry.delete(id, &operator()).await.unwrap();
        open(&bench.store, master()).await.unwrap();
        assert!(has_check(&bench.store));
        refused(&bench, other()).await;
    }

    /// A key is told by what it opens and not by its number alone.
    #[tokio::test]
    async fn what_names_the_key_and_does_not_open_is_refused() {
        let bench = bench().await;
        let id = bench.create("acme", None).await.unwrap().id();
        let kept = bench.store.server_get(&ServerKey::meta(NAME)).unwrap().unwrap();
        let damaged = |sealed: &[u8]| -> ByteVec {
            let (last, rest) = sealed.split_last().unwrap();
            [rest, &[last ^ 1]].concat().into()
        };
        let put = async |key: ServerKey, value: Vec<u8>| {
            let mut changes = ServerChanges::new();
            changes.put(key, value);
            bench.store.commit_server(changes).await.unwrap();
        };
        let check: CheckRecord = record::decode(VERSION, &kept.value).unwrap();
        put(ServerKey::meta(NAME), record::encode(VERSION, &CheckRecord { sealed: damaged(&check.sealed) })).await;
        refused(&bench, master()).await;
        // The same of the key of a pool, where an earlier release has left nothing else.
        forget_check(&bench.store).await;
        let mut pool = PoolRecord::decode(&bench.store.server_get(&ServerKey::pool(id)).unwrap().unwrap().value).unwrap();
        pool.data_keys = vec![damaged(pool.data_keys.last().unwrap())];
        put(ServerKey::pool(id), pool.encode()).await;
        refused(&bench, master()).await;
    }

    #[tokio::test]
    async fn a_pool_that_cannot_be_read_keeps_no_key_out() {
        let bench = bench().await;
        let pool = bench.create("acme", None).await.unwrap();
        forget_check(&bench.store).await;
        let mut changes = ServerChanges::new();
        changes.put(ServerKey::pool(pool.id()), vec![99]);
        bench.store.commit_server(changes).await.unwrap();
        open(&bench.store, other()).await.unwrap();
        assert!(has_check(&bench.store));
    }

    #[tokio::test]
    async fn a_key_may_be_made_for_a_store_that_never_used_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), crate::store::Options::default(), crate::store::SegmentSync::install()).unwrap();
        assert!(is_unused(&store).unwrap());
        let registry = open(&store, master()).await.unwrap();
        assert!(!is_unused(&store).unwrap(), "from the first start on");
        let pool = registry.create(new_pool("acme", None), &operator(), nothing).await.unwrap();
        forget_check(&store).await;
        assert!(!is_unused(&store).unwrap(), "it has a pool");
        registry.delete(pool.id(), &operator()).await.unwrap();
        assert!(!is_unused(&store).unwrap(), "it had one");
    }

    #[test]
    fn golden_bytes_of_the_record() {
        let record = CheckRecord { sealed: vec![1, 2].into() };
        assert_eq!(record::encode(VERSION, &record), [1, 0xa1, 0, 0x42, 1, 2]);
        assert_eq!(record::decode::<CheckRecord>(VERSION, &[1, 0xa1, 0, 0x42, 1, 2]).unwrap(), record);
    }
}
