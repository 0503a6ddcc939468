//! What is remembered of a client's failures to prove itself, and of the addresses from which it
//! did.
//!
//! It belongs to one secret: with another one, or another client of the same identifier,
//! everything begins anew.

use super::client::Client;
use super::record::{self, Kind};
use crate::crypto::digest::sha256;
use crate::model::{Result, Sequence};
use crate::policy::lockout::LockoutPolicy;
use crate::policy::lockout::history::History;
use crate::store::{Changes, Key, PoolStore};
use minicbor::{Decode, Encode};

/// A history as it was read.
pub struct ClientHistory {
    /// What is remembered.
    pub history: History,
    /// The version of its record, if there is one.
    pub version: Option<Sequence>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    /// Which secret it is about: the beginning of a digest of what is kept of it.
    #[cbor(n(0), with = "minicbor::bytes")]
    secret: [u8; 16],
    #[n(1)]
    history: History,
}

fn key(client: &Client) -> Key {
    record::key(Kind::ClientHistory, client.client_id.as_str())
}

/// What tells the client's secret from its next one.
fn secret(client: &Client) -> [u8; 16] {
    let hash = client.secret.as_ref().map(|hash| sha256(hash.as_bytes()));
    hash.and_then(|hash| hash.first_chunk().copied()).unwrap_or_default()
}

/// What is remembered of a client with the secret that it has.
pub fn client_history(store: &PoolStore, client: &Client) -> Result<ClientHistory> {
    let found: Option<(Stored, Sequence)> = record::find(store, &key(client))?;
    let version = found.as_ref().map(|(_, version)| *version);
    let history = found.map(|(stored, _)| stored).filter(|stored| stored.secret == secret(client)).map(|stored| stored.history);
    Ok(ClientHistory { history: history.unwrap_or_default(), version })
}

/// Writes a history in the place of the one that was read. It ends by itself when it means nothing
/// any more.
pub fn put_client_history(changes: &mut Changes, client: &Client, policy: &LockoutPolicy, history: History, read: Option<Sequence>) {
    let key = key(client);
    match read {
        Some(version) => changes.expect_version(key.clone(), version),
        None => changes.expect_absent(key.clone()),
    }
    match history.forgotten_at(policy) {
        Some(end) => changes.put_until(key, record::encode(&Stored { secret: secret(client), history }), end),
        None => changes.delete(key),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::policy::lockout::{State, history::KnownSource};

    /// A record of version 1 as it lies in stores: it must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let strangers = State { failures: 2, last_failure: Some(Timestamp::from_seconds(1)), locked_until: None };
        let known = KnownSource { source: [7; 16], seen: Timestamp::from_seconds(2), failures: State::default() };
        let stored = Stored { secret: [9; 16], history: History { strangers, known: vec![known] } };
        let bytes: String = record::encode(&stored).iter().map(|byte| format!("{byte:02x}")).collect();
        let (secret, source) = ("09".repeat(16), "07".repeat(16));
        assert_eq!(bytes, format!("01a20050{secret}01a200a20002011a000f42400181a30050{source}011a001e848002a10000"));
    }
}
