//! Counting of what is too frequent to be recorded one by one: a bind that a cache answered stays
//! cheap, and nobody fills the disk from outside.

use super::event::{Action, Event, Outcome, Reason, record};
use crate::model::address::{subscriber, widest};
use crate::model::{EntryId, Face, PoolId, Role, Timestamp};
use crate::store::Changes;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Most lines that are counted for one pool between two flushes. What is more is counted in one
/// line for each action and reason, without name and address.
pub const MAX_LINES_PER_POOL: usize = 2048;
/// Most of these that strangers make from one network, as wide as anybody has them. A quarter as
/// many come beside that say who but not of whom; what is more is counted without names.
pub const MAX_LINES_PER_NETWORK: usize = 256;
/// Most of these that tell from where one entry logged in again. What is more is counted without
/// addresses.
pub const MAX_LINES_PER_ENTRY: usize = 16;
/// Most lines that are counted for all pools together.
pub const MAX_LINES: usize = 65_536;
/// Most events of one commit, so that it stays under the store's cap.
const EVENTS_PER_COMMIT: usize = 512;

/// Whom a line names that stands for too many.
const MANY: &str = "(many)";

/// What is counted rather than recorded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// A login that the cache of verified passwords answered.
    Repeat {
        /// Whose.
        entry: EntryId,
        /// Their name in the log.
        name: String,
    },
    /// A failed login of a name that nobody has. The name itself is not kept: people type passwords
    /// into name fields.
    UnknownName {
        /// A keyed hash of the name.
        hash: [u8; 16],
    },
    /// A failed login of an entry that changes nothing on it, so that anybody can repeat it without
    /// end. Said as the event of a single one would say it.
    Futile {
        /// What whoever tried is to the pool.
        role: Role,
        /// Their entry, or the one that they claim to be.
        entry: Option<EntryId>,
        /// Their name in the log.
        name: String,
        /// Whose password was tried, where that is said beside.
        target: Option<String>,
    },
    /// A failure of somebody who is no entry: a client that did not prove itself, a login that an
    /// upstream did not confirm.
    Stranger {
        /// The client or the provider; one that the pool has.
        target: String,
    },
}

/// What one line of the counts is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Line {
    action: Action,
    reason: Option<Reason>,
    face: Face,
    detail: Option<Detail>,
}

/// Who and from where; none when there were too many.
type Detail = (Counted, Option<IpAddr>);

#[derive(Default)]
struct Counts {
    pools: HashMap<PoolId, Lines>,
    lines: usize,
}

/// The lines of one pool.
#[derive(Default)]
struct Lines {
    counts: HashMap<Line, u32>,
    /// How many of them strangers made from which network.
    networks: HashMap<IpAddr, usize>,
    /// How many of them tell from where an entry logged in again.
    entries: HashMap<EntryId, usize>,
}

/// Counts in memory, bounded; recorded once a minute. A crash loses at most the counts since the
/// last flush.
#[derive(Default)]
pub struct Counters(Mutex<Counts>);

impl Counters {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one. `reason` says that it failed.
    pub fn count(&self, pool: PoolId, action: Action, what: Counted, reason: Option<Reason>, face: Face, address: Option<IpAddr>) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = counts.lines >= MAX_LINES;
        let lines = counts.pools.entry(pool).or_default();
        let is_full = is_full || lines.counts.len() >= MAX_LINES_PER_POOL;
        let mut line = Line { action, reason, face, detail: Some((what, address.map(network))) };
        while !lines.counts.contains_key(&line)
            && let Some(detail) = line.detail.take_if(|detail| is_full || !lines.has_room_for(detail))
        {
            line.detail = if is_full { None } else { coarser(detail) };
        }
        match lines.counts.entry(line) {
            Entry::Occupied(mut count) => *count.get_mut() = count.get().saturating_add(1),
            Entry::Vacant(place) => {
                match &place.key().detail {
                    Some((Counted::Repeat { entry, .. }, Some(_))) => *lines.entries.entry(*entry).or_default() += 1,
                    Some((_, Some(address))) => *lines.networks.entry(widest(*address)).or_default() += 1,
                    _ => {}
                }
                place.insert(1);
                counts.lines += 1;
            }
        }
    }

    /// What was counted since the last time, as changes to commit; their events have the time
    /// `now`.
    pub fn flush(&self, now: Timestamp) -> Vec<(PoolId, Changes)> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut flushed = Vec::new();
        for (pool, lines) in counts.pools {
            let events: Vec<Event> = lines.counts.into_iter().map(|(line, count)| line.event(count, now)).collect();
            for part in events.chunks(EVENTS_PER_COMMIT) {
                let mut changes = Changes::new();
                part.iter().for_each(|event| record(&mut changes, event));
                flushed.push((pool, changes));
            }
        }
        flushed
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counters")
    }
}

impl Line {
    fn event(self, count: u32, now: Timestamp) -> Event {
        let (what, address) = self.detail.unzip();
        let (role, entry, actor, target) = match what {
            Some(Counted::Repeat { entry, name }) => (Role::User, Some(entry), name, None),
            Some(Counted::Futile { role, entry, name, target }) => (role, entry, name, target),
            Some(Counted::UnknownName { hash }) => (Role::Anonymous, None, String::new(), Some(name_hash(&hash))),
            Some(Counted::Stranger { target }) => (Role::Anonymous, None, String::new(), Some(target)),
            None => (Role::Anonymous, None, String::new(), Some(MANY.to_owned())),
        };
        let outcome = if self.reason.is_some() { Outcome::Failure } else { Outcome::Success };
        Event {
            at: now,
            action: self.action,
            outcome,
            role,
            entry,
            actor,
            face: self.face,
            address: address.flatten(),
            target,
            reason: self.reason,
            count,
        }
    }
}

impl Lines {
    /// Whether another line may say that much.
    fn has_room_for(&self, (what, address): &Detail) -> bool {
        let Some(address) = address else { return true };
        let of_network = self.networks.get(&widest(*address)).copied().unwrap_or(0);
        match what {
            Counted::Repeat { entry, .. } => self.entries.get(entry).is_none_or(|lines| *lines < MAX_LINES_PER_ENTRY),
            Counted::Stranger { target } if target == MANY => true,
            Counted::Futile { target: Some(target), .. } if target == MANY => {
                of_network < MAX_LINES_PER_NETWORK + MAX_LINES_PER_NETWORK / 4
            }
            _ => of_network < MAX_LINES_PER_NETWORK,
        }
    }
}

/// What to say where a line may not say that much.
fn coarser((what, address): Detail) -> Option<Detail> {
    match what {
        Counted::Repeat { .. } => Some((what, None)),
        Counted::Futile { role, entry, name, target: Some(target) } if target != MANY => {
            Some((Counted::Futile { role, entry, name, target: Some(MANY.to_owned()) }, address))
        }
        _ => {
            let widest = |address: IpAddr| if address.is_loopback() { address } else { widest(address) };
            Some((Counted::Stranger { target: MANY.to_owned() }, address.map(widest)))
        }
    }
}

/// What one subscriber has at least, so that nobody has as many lines as they have addresses.
fn network(address: IpAddr) -> IpAddr {
    if address.is_loopback() { address } else { subscriber(address) }
}

fn name_hash(hash: &[u8]) -> String {
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("name-hash:{digits}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Actor;
    use std::net::Ipv6Addr;

    const POOL: PoolId = PoolId::new(1);

    fn repeat(entry: u64) -> Counted {
        Counted::Repeat { entry: EntryId::new(entry), name: format!("uid=user{entry}") }
    }

    fn counted(counters: &Counters) -> Vec<(PoolId, Event)> {
        let now = Timestamp::from_seconds(60);
        let counts = std::mem::take(&mut *counters.0.lock().unwrap());
        let events = counts
            .pools
            .into_iter()
            .flat_map(|(pool, lines)| lines.counts.into_iter().map(move |(line, count)| (pool, line.event(count, now))));
        events.collect()
    }

    #[test]
    fn the_same_is_counted_in_one_line() {
        let counters = Counters::new();
        for _ in 0..5 {
            counters.count(POOL, Action::Bind, repeat(7), None, Face::Ldap, None);
        }
        counters.count(POOL, Action::Bind, repeat(7), None, Face::Ldap, Some([192, 0, 2, 1].into()));
        counters.count(PoolId::new(2), Action::Bind, repeat(7), None, Face::Ldap, None);
        let mut lines = counted(&counters);
        lines.sort_by_key(|(pool, event)| (*pool, event.count));
        let summary: Vec<_> = lines.iter().map(|(pool, event)| (pool.get(), event.count, event.address.is_some())).collect();
        assert_eq!(summary, [(1, 1, true), (1, 5, false), (2, 1, false)]);
        let event = &lines[1].1;
        assert_eq!((event.outcome, event.actor.as_str(), event.entry), (Outcome::Success, "uid=user7", Some(EntryId::new(7))));
        assert!(counted(&counters).is_empty());
    }

    #[test]
    fn an_unknown_name_is_told_by_its_hash_only() {
        let counters = Counters::new();
        counters.count(POOL, Action::Login, Counted::UnknownName { hash: [0xab; 16] }, Some(Reason::UnknownName), Face::Login, None);
        let event = &counted(&counters)[0].1;
        assert_eq!((event.outcome, event.reason), (Outcome::Failure, Some(Reason::UnknownName)));
        assert_eq!(event.target.as_deref(), Some("name-hash:abababababababababababababababab"));
        assert_eq!(event.actor, "");
    }

    #[test]
    fn futile_logins_are_told_as_single_ones_are() {
        let counters = Counters::new();
        let futile = || Counted::Futile {
            role: Role::Administrator,
            entry: Some(EntryId::new(3)),
            name: "uid=carol".into(),
            target: Some("uid=alice".into()),
        };
        for _ in 0..4 {
            counters.count(POOL, Action::PasswordChange, futile(), Some(Reason::Locked), Face::Ldap, None);
        }
        let lines = counted(&counters);
        assert_eq!(lines.len(), 1);
        let actor =
            Actor { role: Role::Administrator, entry: Some(EntryId::new(3)), name: "uid=carol".into(), face: Face::Ldap, address: None };
        let single = Event::failure(lines[0].1.at, Action::PasswordChange, &actor, Reason::Locked).on("uid=alice");
        assert_eq!(lines[0].1, Event { count: 4, ..single });
    }

    #[test]
    fn a_stranger_is_told_by_what_they_failed_at() {
        let counters = Counters::new();
        let failure = || Counted::Stranger { target: "demo".into() };
        for _ in 0..3 {
            counters.count(POOL, Action::ClientAuthentication, failure(), Some(Reason::WrongPassword), Face::Oidc, None);
        }
        let lines = counted(&counters);
        assert_eq!(lines.len(), 1);
        let event = &lines[0].1;
        assert_eq!((event.outcome, event.reason, event.count), (Outcome::Failure, Some(Reason::WrongPassword), 3));
        assert_eq!((event.target.as_deref(), event.actor.as_str(), event.entry), (Some("demo"), "", None));
    }

    #[test]
    fn a_flood_of_names_takes_a_bounded_place_and_loses_no_count() {
        let counters = Counters::new();
        let flood = u32::try_from(3 * MAX_LINES_PER_POOL).unwrap();
        for number in 0..flood {
            let mut hash = [0; 16];
            hash[..4].copy_from_slice(&number.to_be_bytes());
            counters.count(POOL, Action::Bind, Counted::UnknownName { hash }, Some(Reason::UnknownName), Face::Ldap, None);
        }
        counters.count(PoolId::new(2), Action::Bind, repeat(1), None, Face::Ldap, None);
        let lines = counted(&counters);
        assert_eq!(lines.len(), MAX_LINES_PER_POOL + 2);
        let total: u32 = lines.iter().filter(|(pool, _)| *pool == POOL).map(|(_, event)| event.count).sum();
        assert_eq!(total, flood);
        let many = lines.iter().find(|(_, event)| event.target.as_deref() == Some("(many)")).unwrap();
        assert_eq!(many.1.count as usize, 2 * MAX_LINES_PER_POOL);
    }

    fn fail(counters: &Counters, number: u32, address: IpAddr) {
        let mut hash = [0; 16];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        counters.count(POOL, Action::Bind, Counted::UnknownName { hash }, Some(Reason::UnknownName), Face::Ldap, Some(address));
    }

    /// Addresses of one subscriber, of one network or of many that they have.
    #[test]
    fn a_flood_from_one_network_takes_no_name_from_others() {
        let flood = 4 * u32::try_from(MAX_LINES_PER_POOL).unwrap();
        for width in [0, 64] {
            let counters = Counters::new();
            for number in 0..flood {
                fail(&counters, number, Ipv6Addr::from_bits((0x2001_0db8 << 96) + (u128::from(number) << width)).into());
            }
            fail(&counters, 0, [192, 0, 2, 7].into());
            let lines = counted(&counters);
            let (others, network): (Vec<_>, Vec<_>) =
                lines.into_iter().map(|(_, event)| event).partition(|event| event.address == Some([192, 0, 2, 7].into()));
            assert!(others[0].target.as_deref().unwrap().starts_with("name-hash:"));
            assert_eq!(network.len(), MAX_LINES_PER_NETWORK + 1);
            let same = network.iter().filter(|event| event.address == Some("2001:db8::".parse().unwrap())).count();
            // The first one, and what is of them all.
            assert_eq!(same, if width == 0 { network.len() } else { 2 });
            assert_eq!(network.iter().map(|event| event.count).sum::<u32>(), flood);
            assert_eq!(network.iter().filter(|event| event.target.as_deref() == Some(MANY)).count(), 1);
        }
    }

    /// An administrator who tries everybody is named, though not with everybody.
    #[test]
    fn whoever_tries_too_many_is_named_still() {
        let counters = Counters::new();
        let flood = 1000;
        for number in 0..flood {
            let (role, entry, target) = (Role::Administrator, Some(EntryId::new(3)), Some(format!("uid=user{number}")));
            let futile = Counted::Futile { role, entry, name: "uid=carol".into(), target };
            counters.count(POOL, Action::PasswordChange, futile, Some(Reason::Locked), Face::Ldap, Some([192, 0, 2, 1].into()));
        }
        let lines = counted(&counters);
        assert_eq!(lines.len(), MAX_LINES_PER_NETWORK + 1);
        assert!(lines.iter().all(|(_, event)| event.actor == "uid=carol"));
        let many = lines.iter().find(|(_, event)| event.target.as_deref() == Some(MANY)).unwrap();
        assert_eq!(many.1.count, flood - u32::try_from(MAX_LINES_PER_NETWORK).unwrap());
    }

    #[test]
    fn logins_from_one_address_are_named_each_and_one_entry_fills_no_log() {
        let counters = Counters::new();
        for number in 0..1000 {
            counters.count(POOL, Action::Bind, repeat(number), None, Face::Ldap, Some([192, 0, 2, 1].into()));
        }
        for number in 0..1000_u128 {
            let address = Ipv6Addr::from_bits((0x2001_0db8 << 96) + (number << 64));
            counters.count(POOL, Action::Bind, repeat(7), None, Face::Ldap, Some(address.into()));
        }
        let lines = counted(&counters);
        let of_one: Vec<_> = lines.iter().filter(|(_, event)| event.entry == Some(EntryId::new(7))).collect();
        assert_eq!((lines.len() - of_one.len(), of_one.len()), (999, MAX_LINES_PER_ENTRY + 1));
        assert_eq!(of_one.iter().map(|(_, event)| event.count).sum::<u32>(), 1001);
    }

    #[test]
    fn a_flush_is_split_into_commits_and_empties_the_counters() {
        let counters = Counters::new();
        for number in 0..1200 {
            counters.count(POOL, Action::Bind, repeat(number), None, Face::Ldap, None);
        }
        let flushed = counters.flush(Timestamp::from_seconds(60));
        assert_eq!(flushed.len(), 3);
        assert!(flushed.iter().all(|(pool, changes)| *pool == POOL && !changes.is_empty()));
        assert!(counters.flush(Timestamp::from_seconds(61)).is_empty());
    }
}
