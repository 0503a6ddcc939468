//! Failures of names that nobody has, kept like those of entries: an unknown name is treated as a
//! locked one is, and a failure takes the time of one durable commit whether the name is known or
//! not. Anybody can invent names, so a pool has a fixed number of places for them; of two names at
//! one place the later one stays.

use crate::{
    model::{EntryId, Result, Timestamp, record},
    policy::lockout::{self, LockoutPolicy, State, source::NameTag},
    pool::Pool,
    store::{Changes, Key, Space},
};
use minicbor::{Decode, Encode};

/// Names of a pool that are remembered at most.
pub const PLACES: u16 = 1024;

/// The newest version of the record.
const VERSION: u8 = 1;

/// A keyed hash of a name: names themselves are not kept, since people type passwords into name
/// fields.
pub type NameHash = [u8; 16];

#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    #[cbor(n(0), with = "minicbor::bytes")]
    name: NameHash,
    #[n(1)]
    state: State,
}

fn number(name: &NameHash) -> u16 {
    let [high, low, ..] = *name;
    u16::from_be_bytes([high, low]) % PLACES
}

fn key(name: &NameHash) -> Key {
    Key::named(Space::Throttle, &number(name).to_be_bytes())
}

/// What stands for the name where attempts on entries wait for their turn.
pub fn stand_in(name: &NameHash) -> EntryId {
    EntryId::new(number(name).into())
}

/// What the name is counted by at the address that tries it.
pub fn tag(name: &NameHash) -> NameTag {
    name.first_chunk().map_or(0, |bytes| NameTag::from_be_bytes(*bytes))
}

/// The failures of a name.
pub fn failures(pool: &Pool, name: &NameHash) -> Result<State> {
    let Some(row) = pool.store().get(&key(name))? else { return Ok(State::default()) };
    let stored: Stored = record::decode(VERSION, &row.value)?;
    Ok(if stored.name == *name { stored.state } else { State::default() })
}

/// Writes the failures of a name, changed or not. The record ends by itself when it means nothing
/// any more.
pub fn put_failures(changes: &mut Changes, policy: &LockoutPolicy, name: &NameHash, state: State, now: Timestamp) {
    let end = lockout::forgotten_at(policy, &state).unwrap_or(now);
    changes.put_until(key(name), record::encode(VERSION, &Stored { name: *name, state }), end);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// A record of version 1 as it lies in stores: it must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let stored = Stored { name: [7; 16], state: State { failures: 2, last_failure: None, locked_until: None } };
        let bytes: String = record::encode(VERSION, &stored).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(bytes, "01a200500707070707070707070707070707070701a10002");
    }
}
