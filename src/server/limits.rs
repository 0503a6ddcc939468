//! Limits of the whole server, as the configuration file sets them. What one pool may cost is among
//! the settings of the pool.
//!
//! A limit that would let nobody in, or let nobody work, is refused where it is read: it is never
//! 0.

use crate::authn::WaitingLimits;
use crate::crowd::requests;
use crate::ldap;
use crate::store::Options;
use crate::work::Places;
use serde::Deserialize;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// The table `limits`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections of one kind at a time.
    pub connections: NonZeroUsize,
    /// Connections of one kind at a time from one address.
    pub connections_per_address: NonZeroUsize,
    /// Requests over HTTP of one address that may be under way.
    pub requests_per_address: NonZeroUsize,
    /// Seconds that a connection may take for a TLS handshake or for the head of a request.
    pub handshake_seconds: NonZeroU64,
    /// Seconds that running requests get when the server stops; with 0 they are broken off.
    pub drain_seconds: u64,
    /// Megabytes that the store's engine may cache; it needs some.
    pub engine_cache_mib: NonZeroU64,
    /// Megabytes that the cache of hot records may hold; with 0 there is none.
    pub hot_cache_mib: u64,
    /// Threads for password hashing and signatures; 0 means one a core.
    pub work_threads: usize,
    /// Jobs of one pool that may wait for those threads.
    pub work_queue_per_pool: NonZeroUsize,
    /// Of those, jobs that were asked for from one address: half, since a legacy application that
    /// binds for everybody is one address too.
    pub work_queue_per_address: NonZeroUsize,
    /// Jobs that were asked for from one address, of all pools together.
    pub work_queue_per_address_overall: NonZeroUsize,
    /// Logins of one browser at a pool that are stored while they wait: at an upstream, or for the
    /// application's next request. For one more the oldest goes.
    pub waiting_logins_per_browser: NonZeroUsize,
    /// The same for one address; for one more the oldest of the browser goes that has most there.
    pub waiting_logins_per_address: NonZeroUsize,
    /// Connections of the LDAP face.
    pub ldap: LdapLimits,
}

/// The table `limits.ldap`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LdapLimits {
    /// Seconds that a connection may be silent before a bind.
    pub unbound_idle_seconds: NonZeroU64,
    /// Seconds that a connection may be silent after a bind.
    pub idle_seconds: NonZeroU64,
    /// Kilobytes of one request after a bind.
    pub message_kib: NonZeroUsize,
    /// The most entries that one search returns, or one page of it.
    pub search_entries: NonZeroU32,
    /// Seconds that one search may run.
    pub search_seconds: NonZeroU64,
}

impl Limits {
    /// How long a TLS handshake or the head of a request may take.
    pub(super) const fn handshake(&self) -> Duration {
        Duration::from_secs(self.handshake_seconds.get())
    }

    /// How long running requests get when the server stops.
    pub(super) const fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }

    /// Settings of the store.
    pub(super) fn store(&self) -> Options {
        Options {
            engine_cache: self.engine_cache_mib.get() << 20,
            hot_cache: self.hot_cache_mib << 20,
            signs: &["master.key", "admin.sock", "import"],
            ..Options::default()
        }
    }

    /// How many requests may be under way, over so many connections.
    pub(super) fn requests(&self, connections: usize) -> requests::Limits {
        requests::Limits::of(self.requests_per_address.get(), connections)
    }

    /// Threads for blocking work.
    pub(super) fn threads(&self) -> usize {
        match self.work_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// Jobs that may wait for them.
    pub(super) const fn places(&self) -> Places {
        Places {
            per_pool: self.work_queue_per_pool.get(),
            per_address: self.work_queue_per_address.get(),
            per_address_overall: self.work_queue_per_address_overall.get(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let WaitingLimits { per_browser, per_address } = WaitingLimits::default();
        let at_least_one = |limit| NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        Self {
            connections: at_least_one(10_000),
            connections_per_address: at_least_one(1_000),
            requests_per_address: at_least_one(256),
            handshake_seconds: NonZeroU64::new(10).unwrap_or(NonZeroU64::MIN),
            drain_seconds: 10,
            engine_cache_mib: NonZeroU64::new(32).unwrap_or(NonZeroU64::MIN),
            hot_cache_mib: 16,
            work_threads: 0,
            work_queue_per_pool: at_least_one(256),
            work_queue_per_address: at_least_one(128),
            work_queue_per_address_overall: at_least_one(512),
            waiting_logins_per_browser: at_least_one(per_browser),
            waiting_logins_per_address: at_least_one(per_address),
            ldap: LdapLimits::default(),
        }
    }
}

impl Default for LdapLimits {
    fn default() -> Self {
        let ldap::Limits { unbound_idle, bound_idle, bound, search_entries, search_time, .. } = ldap::Limits::default();
        let seconds = |time: Duration| NonZeroU64::new(time.as_secs()).unwrap_or(NonZeroU64::MIN);
        Self {
            unbound_idle_seconds: seconds(unbound_idle),
            idle_seconds: seconds(bound_idle),
            message_kib: NonZeroUsize::new(bound.message_size >> 10).unwrap_or(NonZeroUsize::MIN),
            search_entries: NonZeroU32::new(search_entries).unwrap_or(NonZeroU32::MIN),
            search_seconds: seconds(search_time),
        }
    }
}

impl From<&Limits> for WaitingLimits {
    fn from(configured: &Limits) -> Self {
        Self { per_browser: configured.waiting_logins_per_browser.get(), per_address: configured.waiting_logins_per_address.get() }
    }
}

impl From<&LdapLimits> for ldap::Limits {
    fn from(configured: &LdapLimits) -> Self {
        let limits = Self::default();
        Self {
            unbound_idle: Duration::from_secs(configured.unbound_idle_seconds.get()),
            bound_idle: Duration::from_secs(configured.idle_seconds.get()),
            bound: ldap::codec::Limits { message_size: configured.message_kib.get().saturating_mul(1 << 10), ..limits.bound },
            search_entries: configured.search_entries.get(),
            search_time: Duration::from_secs(configured.search_seconds.get()),
            ..limits
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_configured_is_as_the_face_has_it() {
        assert_eq!(ldap::Limits::from(&LdapLimits::default()), ldap::Limits::default());
        assert_eq!(WaitingLimits::from(&Limits::default()), WaitingLimits { per_browser: 8, per_address: 500 });
    }
}
