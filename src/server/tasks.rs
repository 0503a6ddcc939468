//! What goes on beside requests: one task each for the whole server, none for a pool.

use super::life::Life;
use super::logging;
use super::watch::Watch;
use crate::authn::Core;
use crate::model::Result;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// How often records whose time has come are removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// The most records that one step of the sweep goes through.
const SWEEP_BATCH: usize = 256;
/// How often counted logins go to the audit log.
const AUDIT_INTERVAL: Duration = Duration::from_secs(60);
/// How often the log is told what it was spared.
const LOG_INTERVAL: Duration = Duration::from_secs(60);
/// How often the server looks for deletions of pools that were broken off.
const DELETIONS_INTERVAL: Duration = Duration::from_secs(60);

/// Starts them all.
pub fn start(core: &Arc<Core>, store: Store, watch: Arc<Watch>, life: &Life) {
    // The metrics tell of the clock from now on, not only after the first sweep.
    watch.deletable_at();
    life.spawn(sweep(watch, store, life.clone()));
    life.spawn(flush_audit(Arc::clone(core), life.clone()));
    life.spawn(tell_left_out(life.clone()));
    life.spawn(resume_deletions(Arc::clone(core), life.clone()));
}

async fn sweep(watch: Arc<Watch>, store: Store, life: Life) {
    while pause(SWEEP_INTERVAL, &life).await {
        if let Err(error) = sweep_once(&watch, &store, &life).await {
            tracing::warn!(%error, "the sweep of ended records failed");
        }
    }
}

/// Removes what has ended, as far as the clock can be trusted.
async fn sweep_once(watch: &Watch, store: &Store, life: &Life) -> Result<()> {
    watch.note(store).await?;
    // Asked before each step: the clock can leap between two.
    while let Some(now) = watch.deletable_at() {
        if store.sweep(now, SWEEP_BATCH).await? < SWEEP_BATCH || life.is_ending() {
            break;
        }
    }
    Ok(())
}

async fn flush_audit(core: Arc<Core>, life: Life) {
    loop {
        let go_on = pause(AUDIT_INTERVAL, &life).await;
        if let Err(error) = core.flush_audit().await {
            tracing::warn!(%error, "counted logins cannot be written to the audit log");
        }
        if !go_on {
            return;
        }
    }
}

async fn tell_left_out(life: Life) {
    loop {
        let go_on = pause(LOG_INTERVAL, &life).await;
        logging::tell_left_out();
        if !go_on {
            return;
        }
    }
}

/// Deletions of pools that were broken off: by a crash, or because whoever asked has hung up.
async fn resume_deletions(core: Arc<Core>, life: Life) {
    loop {
        match core.registry.resume_deletions().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "pools whose deletion had been broken off are gone"),
            Err(error) => tracing::error!(%error, "the deletion of a pool cannot be resumed"),
        }
        if !pause(DELETIONS_INTERVAL, &life).await {
            return;
        }
    }
}

/// Waits; `false` when the server stops meanwhile.
async fn pause(time: Duration, life: &Life) -> bool {
    tokio::select! {
        () = tokio::time::sleep(time) => true,
        () = life.ending() => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::{Clock, PoolId, Timestamp};
    use crate::store::{Changes, Key, Options, Prefix, SegmentSync, Space};
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    const DAY: i64 = 24 * 60 * 60;

    /// Seconds that the clock on the wall is off, and that the steady one counts.
    #[derive(Default)]
    struct Hands(AtomicI64, AtomicI64);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(1_790_000_000 + self.0.load(SeqCst) + self.1.load(SeqCst))
        }

        fn steady(&self) -> Duration {
            Duration::from_secs(self.1.load(SeqCst).unsigned_abs())
        }
    }

    /// Records as they end: a session in half a day, audit rows in ninety days, and one that has
    /// ended already.
    #[tokio::test]
    async fn a_leap_of_the_clock_deletes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Options::default(), SegmentSync::install()).unwrap();
        let pool = store.pool(PoolId::new(1)).keeping_audit(Duration::from_secs(90 * 24 * 60 * 60));
        let hands = Arc::new(Hands::default());
        let mut changes = Changes::new();
        let named = |name: &str| Key::named(Space::Session, name.as_bytes());
        changes.put_until(named("lives"), vec![1], hands.now().plus(Duration::from_secs(12 * 60 * 60)));
        changes.put_until(named("ended"), vec![1], hands.now());
        changes.audit(hands.now(), vec![1]);
        pool.commit(changes).await.unwrap();
        let left = || ["lives", "ended"].map(|name| pool.get(&named(name)).unwrap().is_some());
        let audited = || pool.count(&Prefix::space(Space::Audit)).unwrap();

        let (watch, life) = (Watch::begin(hands.clone(), &store).unwrap(), Life::default());
        hands.0.store(400 * DAY, SeqCst);
        sweep_once(&watch, &store, &life).await.unwrap();
        hands.1.store(33, SeqCst);
        sweep_once(&watch, &store, &life).await.unwrap();
        hands.0.store(0, SeqCst);
        sweep_once(&watch, &store, &life).await.unwrap();
        assert_eq!((left(), audited()), ([true, true], 1));
        // An hour after the clock has been put right it is believed again.
        hands.1.store(33 + 60 * 60, SeqCst);
        sweep_once(&watch, &store, &life).await.unwrap();
        assert_eq!((left(), audited()), ([true, false], 1));
        // The sweep has written down the time that it trusted, for a start in another year.
        hands.0.store(400 * DAY, SeqCst);
        assert_eq!(Watch::begin(hands.clone(), &store).unwrap().deletable_at(), None);
    }
}
