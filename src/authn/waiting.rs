//! The requests that are stored: those of people who are at an upstream, and those of people who
//! have just logged in, until the face answers them.
//!
//! They are few, and bounded for each browser and each network address. Nobody is refused for the
//! sake of a limit: where one is reached, a login makes room that waits already, and of those one
//! of whoever has most. The record is named by the browser and the interaction, so that the
//! requests of a browser lie together; a row for the address stands beside it; payloads lie
//! elsewhere, since they are larger and counting does not read them.

use super::{
    Core,
    interaction::{BrowserKey, Interaction, InteractionId, ReturnPoint},
};
use crate::{
    crypto::digest,
    model::{Result, Secret, Timestamp, address::subscriber, record},
    policy::clock::is_from_the_future,
    pool::Pool,
    store::{Changes, Key, Prefix, Space},
};
use minicbor::{Decode, Encode, bytes::ByteArray};
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

/// How many requests may be stored at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingLimits {
    /// Of one browser at a pool.
    pub per_browser: usize,
    /// Of one network address (of one /64 with IPv6) at a pool.
    pub per_address: usize,
}

impl Default for WaitingLimits {
    fn default() -> Self {
        Self { per_browser: 8, per_address: 500 }
    }
}

/// Bytes of a request in one row of the store.
const PART: usize = 4096;

/// The newest version of the records.
const VERSION: u8 = 1;

/// What the names of the rows begin with. 0 and 1 were requests that were stored when somebody
/// arrived; what is left of them ends by itself.
const RECORD: u8 = 2;
const CONTENT: u8 = 3;
const ADDRESS: u8 = 4;

/// What stands for a network address in the name of a row.
type Tag = [u8; 8];

/// A request that is stored.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Stored {
    /// Rows that its content takes.
    #[n(0)]
    parts: u8,
    /// Under which address it is counted.
    #[n(1)]
    address: ByteArray<8>,
    /// Since when it is stored.
    #[n(2)]
    since: Timestamp,
    /// Where the person has gone to, until they are back.
    #[n(3)]
    away: Option<Away>,
}

#[derive(Clone, Encode, Decode)]
#[cbor(map)]
struct Away {
    /// The hash of the state parameter.
    #[n(0)]
    state: ByteArray<32>,
    /// What the protocol needs to go on, sealed.
    #[cbor(n(1), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

/// What an address is told of a request of its own.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Counted {
    #[n(0)]
    since: Timestamp,
    /// Whether its person has yet to prove who they are.
    #[n(1)]
    unproven: bool,
}

/// Whose a request is, and which: what its rows are named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Name {
    browser: [u8; 32],
    /// The hash of its id.
    id: [u8; 32],
}

impl Name {
    fn new(id: InteractionId, browser: &BrowserKey) -> Self {
        Self { browser: browser.0, id: digest::sha256(&id.0) }
    }

    /// The name within a row's name that ends with it.
    fn last_of(key: &Key) -> Option<Self> {
        let (rest, id) = key.rest().split_last_chunk()?;
        let (_, browser) = rest.split_last_chunk()?;
        Some(Self { browser: *browser, id: *id })
    }

    fn record(&self) -> Key {
        named(RECORD, &[&self.browser, &self.id])
    }

    fn content(&self, part: u8) -> Key {
        named(CONTENT, &[&self.browser, &self.id, &[part]])
    }

    fn counted(&self, address: &Tag) -> Key {
        named(ADDRESS, &[address, &self.browser, &self.id])
    }

    fn remove(&self, stored: &Stored, changes: &mut Changes) {
        changes.delete(self.record());
        changes.delete(self.counted(&stored.address));
        for part in 0..stored.parts {
            changes.delete(self.content(part));
        }
    }
}

fn named(kind: u8, parts: &[&[u8]]) -> Key {
    Key::named(Space::Interaction, &[&[kind], parts.concat().as_slice()].concat())
}

fn beginning(kind: u8, whose: &[u8]) -> Prefix {
    Prefix::named(Space::Interaction, &[&[kind], whose].concat())
}

fn tag(pool: &Pool, address: Option<IpAddr>) -> Tag {
    let text = address.map(|address| subscriber(address).to_string()).unwrap_or_default();
    pool.mac("interaction-address", text.as_bytes()).first_chunk().copied().unwrap_or_default()
}

/// Where somebody is who has a request stored.
#[derive(Clone, Copy)]
pub(super) struct Whereabouts<'a> {
    pub browser: &'a BrowserKey,
    pub address: Option<IpAddr>,
}

impl Core {
    /// The request for which somebody has proven who they are, stored under that name for a return
    /// to that face; `None` if there is none, it has ended, it belongs to another browser, or its
    /// person is still at an upstream.
    pub fn waiting(&self, pool: &Pool, id: &str, face: ReturnPoint, browser: &BrowserKey) -> Result<Option<Interaction>> {
        let Some(id) = InteractionId::parse(id) else { return Ok(None) };
        let name = Name::new(id, browser);
        let Some((stored, _)) = find(pool, &name)?.filter(|(stored, _)| stored.away.is_none()) else { return Ok(None) };
        let interaction = content(pool, &name, &stored)?;
        Ok(interaction.filter(|interaction| interaction.return_point() == face && interaction.is_alive(self.clock.now())))
    }

    /// Ends the request within the face's own commit, so that one login answers one request once:
    /// the commit conflicts if it has ended already.
    pub fn consume(&self, pool: &Pool, interaction: &Interaction, browser: &BrowserKey, changes: &mut Changes) -> Result<()> {
        let name = Name::new(interaction.id(), browser);
        changes.expect_present(name.record());
        changes.delete(name.record());
        if let Some((stored, _)) = find(pool, &name)? {
            name.remove(&stored, changes);
        }
        Ok(())
    }

    /// Stores the request of somebody who has proven who they are, in the commit that says so.
    pub(super) fn keep(&self, pool: &Pool, interaction: &Interaction, whereabouts: Whereabouts<'_>, changes: &mut Changes) -> Result<()> {
        self.put(pool, interaction, whereabouts, None, changes)
    }

    /// Stores the request of somebody who is sent to an upstream under that state, with what the
    /// protocol needs to go on.
    pub(super) fn send_away(
        &self,
        pool: &Pool,
        interaction: &Interaction,
        whereabouts: Whereabouts<'_>,
        state: &str,
        secret: &[u8],
        changes: &mut Changes,
    ) -> Result<()> {
        let sealed = pool.seal(&Name::new(interaction.id(), whereabouts.browser).record(), secret)?;
        let away = Away { state: ByteArray::from(digest::sha256(state.as_bytes())), sealed };
        self.put(pool, interaction, whereabouts, Some(away), changes)
    }

    /// Takes the request of that name out of the store, and what the protocol needs to go on, if
    /// the person was sent away under that state. The commit makes sure that a state is answered
    /// once.
    pub(super) fn come_back(
        &self,
        pool: &Pool,
        id: &str,
        state: &str,
        browser: &BrowserKey,
        changes: &mut Changes,
    ) -> Result<Option<(Interaction, Secret<Vec<u8>>)>> {
        let Some(id) = InteractionId::parse(id) else { return Ok(None) };
        let name = Name::new(id, browser);
        let Some((stored, version)) = find(pool, &name)? else { return Ok(None) };
        let is_answered = |away: &&Away| digest::equal(&*away.state, &digest::sha256(state.as_bytes()));
        let Some(away) = stored.away.as_ref().filter(is_answered) else { return Ok(None) };
        let Some(interaction) = content(pool, &name, &stored)?.filter(|interaction| interaction.is_alive(self.clock.now())) else {
            return Ok(None);
        };
        let secret = pool.open(&name.record(), &away.sealed)?;
        changes.expect_version(name.record(), version);
        name.remove(&stored, changes);
        Ok(Some((interaction, secret)))
    }

    fn put(
        &self,
        pool: &Pool,
        interaction: &Interaction,
        whereabouts: Whereabouts<'_>,
        away: Option<Away>,
        changes: &mut Changes,
    ) -> Result<()> {
        let Whereabouts { browser, address } = whereabouts;
        let name = Name::new(interaction.id(), browser);
        let tag = tag(pool, address);
        if let Some((former, _)) = find(pool, &name)? {
            name.remove(&former, changes);
        }
        let room = self.make_room(pool, &name, &tag, changes)?;
        if room > 0 {
            tracing::warn!(pool = %pool.slug(), ?address, count = room, "logins that waited have made room for a newer one from this address");
        }
        let (now, end) = (self.clock.now(), interaction.ends());
        let content = interaction.clone().stored().encode();
        let parts = content.chunks(PART);
        let stored =
            Stored { parts: u8::try_from(parts.len()).unwrap_or(u8::MAX), address: ByteArray::from(tag), since: now, away: away.clone() };
        for (part, number) in parts.zip(0..) {
            changes.put_until(name.content(number), part.to_vec(), end);
        }
        let counted = Counted { since: now, unproven: away.is_some() };
        changes.put_until(name.counted(&tag), record::encode(VERSION, &counted), end);
        changes.put_until(name.record(), record::encode(VERSION, &stored), end);
        Ok(())
    }

    /// Takes out of the store what is too much beside a new request of that name; tells how many
    /// that were.
    fn make_room(&self, pool: &Pool, new: &Name, address: &Tag, changes: &mut Changes) -> Result<u64> {
        let WaitingLimits { per_browser, per_address } = self.waiting_limits;
        let now = self.clock.now();
        let mut of_browser = Vec::new();
        for row in pool.store().scan(&beginning(RECORD, &new.browser), None) {
            let (key, row) = row?;
            let stored: Stored = record::decode(VERSION, &row.value)?;
            of_browser.extend(Name::last_of(&key).map(|name| Held::new(name, stored.since, stored.away.is_some(), now)));
        }
        let mut gone = displaced(of_browser, new, per_browser);
        let mut of_address = Vec::new();
        for row in pool.store().scan(&beginning(ADDRESS, address), None) {
            let (key, row) = row?;
            let counted: Counted = record::decode(VERSION, &row.value)?;
            let held = Name::last_of(&key).map(|name| Held::new(name, counted.since, counted.unproven, now));
            of_address.extend(held.filter(|held| !gone.contains(&held.name)));
        }
        gone.extend(displaced(of_address, new, per_address));
        for name in &gone {
            if let Some((stored, _)) = find(pool, name)? {
                name.remove(&stored, changes);
            }
        }
        Ok(gone.len() as u64)
    }
}

fn find(pool: &Pool, name: &Name) -> Result<Option<(Stored, crate::model::Sequence)>> {
    let Some(row) = pool.store().get(&name.record())? else { return Ok(None) };
    Ok(Some((record::decode(VERSION, &row.value)?, row.version)))
}

fn content(pool: &Pool, name: &Name, stored: &Stored) -> Result<Option<Interaction>> {
    let mut content = Vec::new();
    for part in 0..stored.parts {
        // A row that is gone belongs to a request that somebody has just ended.
        let Some(row) = pool.store().get(&name.content(part))? else { return Ok(None) };
        content.extend_from_slice(&row.value);
    }
    Interaction::decode(&content).map(Some)
}

/// A request that is stored, as far as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    name: Name,
    since: Timestamp,
    unproven: bool,
}

impl Held {
    /// One that a clock has stored which was ahead is over: it goes before others.
    fn new(name: Name, since: Timestamp, unproven: bool, now: Timestamp) -> Self {
        let is_over = is_from_the_future(since, now);
        Self { name, since: if is_over { Timestamp::from_micros(i64::MIN) } else { since }, unproven: unproven || is_over }
    }
}

/// What goes so that a new request finds room among at most `limit`: one after the other the oldest
/// of the browser that has most, and of people who have proven who they are only where there are no
/// others. So a flood from one browser displaces itself.
fn displaced(held: Vec<Held>, new: &Name, limit: usize) -> HashSet<Name> {
    let mut held: Vec<Held> = held.into_iter().filter(|held| held.name != *new).collect();
    let mut counts: HashMap<[u8; 32], usize> = HashMap::from([(new.browser, 1)]);
    for held in &held {
        *counts.entry(held.name.browser).or_default() += 1;
    }
    let mut gone = HashSet::new();
    for _ in limit..=held.len() {
        let count = |held: &Held| counts.get(&held.name.browser).copied().unwrap_or_default();
        let next = held.iter().enumerate().min_by_key(|(_, held)| (!held.unproven, std::cmp::Reverse(count(held)), held.since));
        let Some((at, Held { name, .. })) = next.map(|(at, held)| (at, *held)) else { break };
        held.swap_remove(at);
        counts.entry(name.browser).and_modify(|count| *count -= 1);
        gone.insert(name);
    }
    gone
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn name(browser: u8, id: u8) -> Name {
        Name { browser: [browser; 32], id: [id; 32] }
    }

    fn held(browser: u8, id: u8, since: i64, unproven: bool) -> Held {
        Held { name: name(browser, id), since: Timestamp::from_seconds(since), unproven }
    }

    #[test]
    fn whoever_has_most_makes_room() {
        let gone = |held: &[Held], new: Name, limit: usize| {
            let mut gone: Vec<(u8, u8)> = displaced(held.to_vec(), &new, limit).iter().map(|name| (name.browser[0], name.id[0])).collect();
            gone.sort_unstable();
            gone
        };
        let four = [held(1, 1, 1, true), held(2, 2, 2, true), held(2, 3, 3, true), held(3, 4, 4, true)];
        assert_eq!(gone(&four, name(9, 9), 5), []);
        assert_eq!(gone(&four, name(9, 9), 4), [(2, 2)], "the oldest of the browser that has most");
        assert_eq!(gone(&four, name(9, 9), 3), [(1, 1), (2, 2)], "and then the oldest of all");
        assert_eq!(gone(&four, name(2, 9), 4), [(2, 2)], "the new one counts too");
        assert_eq!(gone(&four, name(3, 9), 4), [(2, 2)]);
        let unordered = [held(1, 1, 9, true), held(1, 2, 3, true), held(1, 3, 5, true), held(2, 4, 1, true), held(2, 5, 2, true)];
        assert_eq!(gone(&unordered, name(9, 9), 5), [(1, 2)]);
        assert_eq!(gone(&unordered, name(9, 9), 4), [(1, 2), (2, 4)]);
        assert_eq!(gone(&unordered[1..], name(1, 9), 4), [(1, 2)], "with the new one it has most");
        assert_eq!(gone(&four, name(2, 3), 4), [], "one that takes its own place needs no room");
        let proven = [held(1, 1, 1, false), held(1, 2, 2, false), held(2, 3, 3, true)];
        assert_eq!(gone(&proven, name(9, 9), 3), [(2, 3)], "whoever has proven nothing goes first");
        assert_eq!(gone(&proven, name(9, 9), 2), [(1, 1), (2, 3)]);
        assert_eq!(gone(&proven, name(9, 9), 0), [(1, 1), (1, 2), (2, 3)], "no limit keeps a new one out");
    }

    /// Records of version 1 as they lie in stores: they must stay readable, and written so.
    #[test]
    fn golden_bytes() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let away = Away { state: ByteArray::from([2; 32]), sealed: vec![3, 4] };
        let since = Timestamp::from_seconds(1_790_000_000);
        let stored = record::encode(VERSION, &Stored { parts: 2, address: ByteArray::from([1; 8]), since, away: Some(away) });
        assert_eq!(
            hex(&stored),
            "01a4000201480101010101010101021b00065bfeda25e00003a20058200202020202020202020202020202020202020202020202020202020202020202014203 04"
                .replace(' ', "")
        );
        let counted = record::encode(VERSION, &Counted { since, unproven: true });
        assert_eq!(hex(&counted), "01a2001b00065bfeda25e00001f5");
    }
}
