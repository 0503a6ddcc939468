//! A registry over a store in a temporary folder, with a clock that stands still and entropy that
//! counts: for the tests of this room.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::crypto::sealed::MasterKey;
use crate::model::{Actor, Clock, Entropy, Error, Face, Result, Role, Timestamp};
use crate::store::{Changes, Options, SegmentSync, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

pub(super) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(super) struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

#[derive(Default)]
pub(super) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        for part in buffer.chunks_mut(8) {
            let number = self.0.fetch_add(1, Ordering::Relaxed).to_le_bytes();
            part.copy_from_slice(&number[..part.len()]);
        }
    }
}

pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) registry: Registry,
    pub(super) folder: TempDir,
}

pub(super) fn master() -> MasterKey {
    MasterKey::new(crate::model::Secret::new([7; 32]))
}

pub(super) async fn registry(store: &Store) -> Registry {
    Registry::open(store.clone(), master(), Arc::new(Still), Arc::new(Counting::default())).await.unwrap()
}

pub(super) async fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
    Bench { registry: registry(&store).await, store, folder }
}

pub(super) fn operator() -> Actor {
    Actor { role: Role::Operator, entry: None, name: "uid:1000".into(), face: Face::Admin, address: None }
}

pub(super) fn new_pool(slug: &str, suffix: Option<&str>) -> NewPool {
    NewPool {
        slug: Slug::parse(slug).unwrap(),
        suffix: suffix.map(|text| crate::model::Dn::parse(text).unwrap()),
        display_name: format!("Pool {slug}"),
        settings: Settings::default(),
    }
}

pub(super) fn nothing(_: &Pool, _: &mut Changes) -> Result<()> {
    Ok(())
}

impl Bench {
    pub(super) async fn create(&self, slug: &str, suffix: Option<&str>) -> std::result::Result<Arc<Pool>, Error> {
        self.registry.create(new_pool(slug, suffix), &operator(), nothing).await
    }
}
