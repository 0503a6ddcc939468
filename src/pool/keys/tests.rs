#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::super::testing::{Counting, NOW, bench, registry};
use super::*;
use crate::audit::{Query, query};
use crate::work::Places;
use futures_util::FutureExt;
use std::sync::LazyLock;
use x509_parser::prelude::*;

static ENTROPY: LazyLock<Counting> = LazyLock::new(Counting::default);
static WORK: LazyLock<Work> = LazyLock::new(|| Work::new(2, Places { per_pool: 64, per_address: 64, per_address_overall: 64 }));

/// Somebody who asks from an address of the documentation's.
fn maker(last: u8) -> Maker<'static> {
    Maker { work: &WORK, address: Some([192, 0, 2, last].into()), now: NOW, entropy: &*ENTROPY }
}

async fn signing(pool: &Pool, usage: Use, algorithm: Algorithm) -> Arc<SigningKey> {
    current(pool, usage, algorithm, maker(1)).await.unwrap()
}

fn kids(pool: &Pool, usage: Use) -> Vec<String> {
    public(pool, usage).unwrap().iter().map(|key| key.kid().to_owned()).collect()
}

#[tokio::test]
async fn a_key_is_made_on_first_use_and_stays() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    assert!(kids(&pool, Use::Oidc).is_empty());
    let key = signing(&pool, Use::Oidc, Algorithm::Rs256).await;
    let commits = bench.store.statistics().commits;
    assert!(Arc::ptr_eq(&key, &signing(&pool, Use::Oidc, Algorithm::Rs256).await));
    assert_eq!(bench.store.statistics().commits, commits);
    assert_eq!(kids(&pool, Use::Oidc), [key.kid()]);
    let other = registry(&bench.store).await.by_slug("acme").unwrap().unwrap();
    assert_eq!(signing(&other, Use::Oidc, Algorithm::Rs256).await.kid(), key.kid());
    let events = query(pool.store(), &Query { limit: 10, action: Some(Action::KeyRotate), ..Query::default() }).unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].1.as_ref().unwrap().target.as_deref(), Some(key.kid()));
}

#[tokio::test]
async fn uses_algorithms_and_pools_have_keys_of_their_own() {
    let bench = bench().await;
    let (one, two) = (bench.create("one", None).await.unwrap(), bench.create("two", None).await.unwrap());
    let mut keys = Vec::new();
    for pool in [&one, &two] {
        for usage in [Use::Oidc, Use::Saml] {
            for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
                let key = signing(pool, usage, algorithm).await;
                assert_eq!((key.algorithm(), key.certificate().is_some()), (algorithm, usage == Use::Saml));
                keys.push(key.kid().to_owned());
            }
        }
    }
    assert_eq!(kids(&one, Use::Oidc), keys[..2]);
    assert_eq!(kids(&two, Use::Saml), keys[6..]);
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 8);
}

#[tokio::test]
async fn many_first_uses_at_once_make_one_key() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move { signing(&pool, Use::Oidc, Algorithm::Es256).await.kid().to_owned() })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        made.push(task.await.unwrap());
    }
    made.dedup();
    assert_eq!(made, kids(&pool, Use::Oidc));
}

#[tokio::test]
async fn a_saml_key_carries_a_certificate_for_ten_years() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    let made = signing(&pool, Use::Saml, Algorithm::Rs256).await;
    let read = signing(&registry(&bench.store).await.by_slug("acme").unwrap().unwrap(), Use::Saml, Algorithm::Rs256).await;
    assert_eq!(read.certificate(), made.certificate());
    let (_, certificate) = X509Certificate::from_der(read.certificate().unwrap()).unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=acme");
    assert_eq!(certificate.public_key().raw, read.public_der().unwrap());
    let days = (certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp()) / 86_400;
    assert_eq!((certificate.validity().not_before.timestamp(), days), (NOW.seconds(), 3653));
}

#[tokio::test]
async fn a_key_that_cannot_be_read_hides_no_other() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    let (rsa, curve) = (signing(&pool, Use::Oidc, Algorithm::Rs256).await, signing(&pool, Use::Oidc, Algorithm::Es256).await);
    let mut changes = Changes::new();
    changes.put(current_key(Use::Oidc, Algorithm::Rs256), vec![99]);
    pool.store().commit(changes).await.unwrap();
    assert_eq!(kids(&pool, Use::Oidc), [curve.kid()]);
    assert_ne!(rsa.kid(), curve.kid());
    let failed = current(&pool, Use::Oidc, Algorithm::Rs256, maker(1)).await;
    assert!(failed.is_err(), "and no other is made in its place");
}

#[tokio::test]
async fn the_store_holds_no_private_key_in_the_clear() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    let key = signing(&pool, Use::Oidc, Algorithm::Es256).await;
    let private = key.to_pkcs8().unwrap();
    let row = pool.store().get(&current_key(Use::Oidc, Algorithm::Es256)).unwrap().unwrap();
    for part in private.expose().chunks_exact(16) {
        assert!(!row.value.windows(16).any(|window| window == part));
    }
}

#[test]
fn golden_bytes_of_the_record() {
    let stored = KeyRecord {
        algorithm: Algorithm::Es256,
        created: Timestamp::from_micros(1_000_000),
        private: vec![1, 2].into(),
        certificate: Some(vec![3].into()),
    };
    let golden = [1, 0xa4, 0, 2, 1, 0x1a, 0x00, 0x0f, 0x42, 0x40, 2, 0x42, 1, 2, 3, 0x41, 3];
    assert_eq!(record::encode(VERSION, &stored), golden);
    assert_eq!(record::decode::<KeyRecord>(VERSION, &golden).unwrap(), stored);
}

#[tokio::test]
async fn who_asks_for_the_keys_of_many_pools_waits_for_one_at_a_time() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    // Another key is being made for whoever asks from the first address, and will be for long.
    let line = pool.keyring().line(maker(1).address).unwrap();
    let _making = line.acquire().await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..MAX_IN_LINE - 1 {
        let mut asked = Box::pin(current(&pool, Use::Oidc, Algorithm::Es256, maker(1)));
        assert!((&mut asked).now_or_never().is_none());
        waiting.push(asked);
    }
    let refused = current(&pool, Use::Oidc, Algorithm::Es256, maker(1)).await.map(drop).unwrap_err();
    assert_eq!(*refused.kind(), crate::model::Kind::Unavailable(crate::model::error::Shortage::Busy));
    let made = current(&pool, Use::Oidc, Algorithm::Es256, maker(2)).await.unwrap();
    assert_eq!(kids(&pool, Use::Oidc), [made.kid()], "somebody else is served at once");
    drop(waiting);
    assert_eq!(Arc::strong_count(&line), 1, "who has gone is in no line");
}

/// Work with one thread, which has something to do until this is gone.
struct Busy {
    work: Work,
    _until: std::sync::mpsc::Sender<()>,
}

impl Busy {
    async fn new(pool: &Pool, places: Places) -> Self {
        let work = Work::new(1, places);
        let (until, gone) = std::sync::mpsc::channel();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let job = move || {
            begun.send(()).unwrap();
            gone.recv()
        };
        // Whoever asked for it has to wait as long as it runs, or it would not.
        let mut running = Box::pin(work.run(pool.id(), job));
        tokio::select! {
            biased;
            _ = &mut running => panic!("it has ended"),
            begun = begins => begun.unwrap(),
        }
        drop(running);
        Self { work, _until: until }
    }
}

#[tokio::test]
async fn a_key_is_made_among_the_other_work_of_its_pool_and_of_who_asks() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    let busy = Busy::new(&pool, Places { per_pool: 9, per_address: 1, per_address_overall: 1 }).await;
    let mut before = Box::pin(busy.work.run((pool.id(), maker(1).address), || ()));
    assert!((&mut before).now_or_never().is_none());
    let asked = |last| current(&pool, Use::Oidc, Algorithm::Es256, Maker { work: &busy.work, ..maker(last) });
    let refused = asked(1).now_or_never().expect("at once").map(drop).unwrap_err();
    assert_eq!(*refused.kind(), crate::model::Kind::Unavailable(crate::model::error::Shortage::Busy));
    assert_eq!(busy.work.waiting(), 1);
    let mut other = Box::pin(asked(2));
    assert!((&mut other).now_or_never().is_none());
    assert_eq!(busy.work.waiting(), 2, "somebody else's waits for the thread");
    let mut third = Box::pin(asked(3));
    assert!((&mut third).now_or_never().is_none());
    assert_eq!(busy.work.waiting(), 2, "of all keys one is made at a time");
}

#[tokio::test]
async fn who_has_waited_takes_the_key_that_somebody_else_has_made() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    let line = pool.keyring().line(maker(1).address).unwrap();
    let making = line.acquire().await.unwrap();
    let busy = Busy::new(&pool, Places { per_pool: 9, per_address: 9, per_address_overall: 9 }).await;
    let mut waiting = Box::pin(current(&pool, Use::Oidc, Algorithm::Es256, Maker { work: &busy.work, ..maker(1) }));
    assert!((&mut waiting).now_or_never().is_none());
    let made = current(&pool, Use::Oidc, Algorithm::Es256, maker(2)).await.unwrap();
    drop(making);
    assert_eq!(waiting.now_or_never().expect("at once").unwrap().kid(), made.kid());
}

#[tokio::test]
async fn one_network_is_one_who_asks_and_who_has_gone_is_forgotten() {
    let bench = bench().await;
    let pool = bench.create("acme", None).await.unwrap();
    let line = |address: &str| pool.keyring().line(Some(address.parse().unwrap())).unwrap();
    let (one, same, other) = (line("2001:db8::1"), line("2001:db8::2"), line("2001:db8:0:1::1"));
    assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
    drop((one, same, other));
    let _last = line("192.0.2.1");
    assert_eq!(pool.keyring().lines.lock().unwrap().len(), 1);
}
