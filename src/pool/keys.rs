//! The signing keys of a pool: made on first use, stored sealed, held parsed.
//!
//! The row `use, algorithm` holds the key that signs, so that finding it is one look-up.

use super::handle::Pool;
use crate::audit::{self, Action, Event};
use crate::crypto::keys::{Algorithm, SigningKey};
use crate::model::address::subscriber;
use crate::model::{Actor, Entropy, Error, Face, PoolId, Result, Role, Seconds, Secret, Sequence, Timestamp, record};
use crate::store::{Changes, CommitError, Key, Prefix, Row, Space};
use crate::work::Work;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use quick_cache::sync::Cache;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::Semaphore;

/// How long a certificate is valid: it is a way to hand over a key, and service providers configure
/// it once.
pub const CERTIFICATE_VALID: Seconds = Seconds::days(3653);
/// Parsed keys that are kept ready.
const HELD: usize = 4096;
/// Keys that are made at the same time: each takes one of the threads that logins wait for, for a
/// tenth of a second or more.
const MADE_AT_ONCE: usize = 1;
/// Requests from one address that wait for keys of any pools at most.
const MAX_IN_LINE: usize = 64;

const VERSION: u8 = 1;

/// What a key is for. OIDC and SAML never share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// ID tokens and access tokens.
    Oidc,
    /// Assertions and metadata; such a key carries its certificate.
    Saml,
}

impl Use {
    const fn number(self) -> u8 {
        match self {
            Self::Oidc => 1,
            Self::Saml => 2,
        }
    }
}

/// A key as stored.
#[derive(Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
struct KeyRecord {
    #[n(0)]
    algorithm: Algorithm,
    #[n(1)]
    created: Timestamp,
    /// PKCS #8, sealed.
    #[n(2)]
    private: ByteVec,
    #[n(3)]
    certificate: Option<ByteVec>,
}

/// The parsed keys of all pools, bounded, and the turns of those that are being made.
///
/// Anybody can ask for the keys of any pool, and the first to ask has them made. So each address
/// has one key made at a time: who asks for those of ten thousand pools waits for all of them, and
/// somebody else for one of theirs.
pub(super) struct Keyring {
    held: Cache<(PoolId, Key), (Sequence, Arc<SigningKey>)>,
    making: Semaphore,
    lines: Mutex<HashMap<Option<IpAddr>, Weak<Semaphore>>>,
}

/// What makes a key if there is none yet, and who asks for it.
#[derive(Clone, Copy)]
pub struct Maker<'m> {
    /// Where it is made.
    pub work: &'m Work,
    /// The network address from which it is asked for.
    pub address: Option<IpAddr>,
    /// The time.
    pub now: Timestamp,
    /// Random bytes.
    pub entropy: &'m dyn Entropy,
}

impl Keyring {
    pub(super) fn new() -> Self {
        Self { held: Cache::new(HELD), making: Semaphore::new(MADE_AT_ONCE), lines: Mutex::default() }
    }

    /// The line of those who ask from that address.
    fn line(&self, address: Option<IpAddr>) -> Result<Arc<Semaphore>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|_, line| line.strong_count() > 0);
        let line = lines.entry(address.map(subscriber)).or_default();
        let line = line.upgrade().unwrap_or_else(|| {
            let new = Arc::new(Semaphore::new(1));
            *line = Arc::downgrade(&new);
            new
        });
        if Arc::strong_count(&line) <= MAX_IN_LINE {
            return Ok(line);
        }
        tracing::warn!(address = address.map(tracing::field::display), "too many signing keys are asked for from one network address");
        Err(Error::busy("too many signing keys are asked for from this network address; try again in a moment"))
    }
}

/// The key that signs now; made if there is none yet. Busy if too many are asked for from the
/// maker's address.
pub async fn current(pool: &Pool, usage: Use, algorithm: Algorithm, maker: Maker<'_>) -> Result<Arc<SigningKey>> {
    let key = current_key(usage, algorithm);
    if let Some(row) = pool.store().get(&key)? {
        return read(pool, &key, &row);
    }
    let line = pool.keyring().line(maker.address)?;
    let stopping = |_| Error::down("the server is stopping");
    let _turn = line.acquire().await.map_err(stopping)?;
    let _making = pool.keyring().making.acquire().await.map_err(stopping)?;
    // Whoever had the turn before may have made it.
    if let Some(row) = pool.store().get(&key)? {
        return read(pool, &key, &row);
    }
    let now = maker.now;
    let made = make(pool, usage, algorithm, maker).await?;
    let mut changes = Changes::new();
    changes.expect_absent(key.clone());
    changes.put(key.clone(), encode(pool, &key, &made, now)?);
    audit::record(&mut changes, &made_event(&made, now));
    match pool.store().commit(changes).await {
        Ok(version) => Ok(hold(pool, &key, version, made)),
        Err(CommitError::Conflict) => match pool.store().get(&key)? {
            Some(row) => read(pool, &key, &row),
            None => Err(Error::contended()),
        },
        Err(error) => Err(error.into()),
    }
}

/// Every key that may be met. Empty before the first [`current`]. One that cannot be read is left
/// out, and the log says so: it verifies nothing, and the others do.
pub fn public(pool: &Pool, usage: Use) -> Result<Vec<Arc<SigningKey>>> {
    let mut keys = Vec::new();
    for row in pool.store().scan(&Prefix::named(Space::SigningKey, &[usage.number()]), None) {
        let (key, row) = row?;
        match read(pool, &key, &row) {
            Ok(read) => keys.push(read),
            Err(error) => tracing::error!(pool = %pool.slug(), ?usage, %error, "a signing key cannot be read"),
        }
    }
    Ok(keys)
}

async fn make(pool: &Pool, usage: Use, algorithm: Algorithm, maker: Maker<'_>) -> Result<SigningKey> {
    let Maker { work, address, now, entropy } = maker;
    let made = work.run((pool.id(), address), move || SigningKey::generate(algorithm)).await??;
    match usage {
        Use::Oidc => Ok(made),
        Use::Saml => {
            let certificate = made.self_sign(pool.slug().as_str(), now, now.plus(CERTIFICATE_VALID.duration()), entropy)?;
            Ok(made.with_certificate(certificate))
        }
    }
}

fn read(pool: &Pool, key: &Key, row: &Row) -> Result<Arc<SigningKey>> {
    let name = (pool.id(), key.clone());
    if let Some((version, held)) = pool.keyring().held.get(&name)
        && version == row.version
    {
        return Ok(held);
    }
    let stored: KeyRecord = record::decode(VERSION, &row.value)?;
    let private: Secret<Vec<u8>> = pool.open(key, &stored.private)?;
    let parsed = SigningKey::from_pkcs8(stored.algorithm, &private)?;
    let parsed = match stored.certificate {
        Some(certificate) => parsed.with_certificate(certificate.into()),
        None => parsed,
    };
    Ok(hold(pool, key, row.version, parsed))
}

fn hold(pool: &Pool, key: &Key, version: Sequence, parsed: SigningKey) -> Arc<SigningKey> {
    let parsed = Arc::new(parsed);
    pool.keyring().held.insert((pool.id(), key.clone()), (version, Arc::clone(&parsed)));
    parsed
}

fn encode(pool: &Pool, key: &Key, made: &SigningKey, now: Timestamp) -> Result<Vec<u8>> {
    let private = pool.seal(key, made.to_pkcs8()?.expose())?.into();
    let certificate = made.certificate().map(|der| der.to_vec().into());
    Ok(record::encode(VERSION, &KeyRecord { algorithm: made.algorithm(), created: now, private, certificate }))
}

fn made_event(made: &SigningKey, now: Timestamp) -> Event {
    let server = Actor { role: Role::Operator, entry: None, name: "server".to_owned(), face: Face::Server, address: None };
    Event::success(now, Action::KeyRotate, &server).on(made.kid())
}

fn current_key(usage: Use, algorithm: Algorithm) -> Key {
    Key::named(Space::SigningKey, &name(usage, algorithm))
}

const fn name(usage: Use, algorithm: Algorithm) -> [u8; 2] {
    let algorithm = match algorithm {
        Algorithm::Rs256 => 1,
        Algorithm::Es256 => 2,
    };
    [usage.number(), algorithm]
}

#[cfg(test)]
mod tests;
