//! Decisions that are made anew.

use super::sync::{A_WHILE, Gated, open_gated};
use super::{POOL, putting, value};
use crate::model::Error;
use crate::store::Options;
use futures_util::FutureExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_read_amid_a_commit_decides_anew_when_all_of_that_is_visible() {
    let folder = tempfile::tempdir().unwrap();
    let Gated { store, begun, pass } = open_gated(folder.path(), &Options::default());
    let pool = store.pool(POOL);
    let other = tokio::spawn(async move { pool.commit(putting(&["a"], b"")).await });
    begun.recv_timeout(A_WHILE).expect("no sync has begun");
    let (pool, mut seen) = (store.pool(POOL), Vec::new());
    let mut deciding = Box::pin(pool.decide(|_| {
        seen.push(value(&store, "a").is_some());
        if seen.len() == 1 { Err(Error::contended()) } else { Ok(()) }
    }));
    assert!((&mut deciding).now_or_never().is_none());
    drop(pass);
    deciding.await.unwrap();
    other.await.unwrap().unwrap();
    assert_eq!(seen, [false, true]);
}
