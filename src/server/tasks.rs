//! What goes on beside requests: one task each for the whole server, none for a pool.

use super::life::Life;
use crate::authn::Core;
use crate::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// How often records whose time has come are removed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// The most records that one step of the sweep goes through.
const SWEEP_BATCH: usize = 256;
/// How often counted logins go to the audit log.
const AUDIT_INTERVAL: Duration = Duration::from_secs(60);
/// How often the server looks for deletions of pools that were broken off.
const DELETIONS_INTERVAL: Duration = Duration::from_secs(60);

/// Starts them all.
pub fn start(core: &Arc<Core>, store: Store, life: &Life) {
    life.spawn(sweep(Arc::clone(core), store, life.clone()));
    life.spawn(flush_audit(Arc::clone(core), life.clone()));
    life.spawn(resume_deletions(Arc::clone(core), life.clone()));
}

async fn sweep(core: Arc<Core>, store: Store, life: Life) {
    while pause(SWEEP_INTERVAL, &life).await {
        loop {
            match store.sweep(core.clock.now(), SWEEP_BATCH).await {
                Ok(met) if met < SWEEP_BATCH => break,
                Ok(_) if life.is_ending() => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "the sweep of ended records failed");
                    break;
                }
            }
        }
    }
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
