#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use crate::store::{Options, Store, conformance};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    conformance::run(|| Store::open(folder.path(), Options::default())).await.unwrap();
}
