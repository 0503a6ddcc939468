//! Those who have a place, found by all that decides who gives way.

use super::halves::Halves;
use super::ranks::{Member, Ranks};
use crate::model::address::{subscriber, widest};
use crate::model::{EntryId, PoolId};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::net::IpAddr;
use tokio_util::sync::CancellationToken;

/// Everybody who has a place.
pub(super) struct Holders {
    all: HashMap<u64, Holder>,
    /// Strangers for whom nothing is done; and those of them by the narrowest network that one
    /// subscriber may have.
    restless: Halves,
    restless_of: Ranks<(), IpAddr>,
    /// The same, of those who have no address of their own.
    restless_behind: BTreeSet<Member>,
    /// Strangers for whom something is done, by the widest such network.
    busy: Ranks<(), IpAddr>,
    /// All strangers, by the narrowest.
    strangers_of: HashMap<IpAddr, usize>,
    settled: Settlers,
    /// Counts what happens, as the order in which it does.
    now: u64,
}

/// Those who have settled.
struct Settlers {
    count: usize,
    pools: Ranks<(), PoolId>,
    entries: Ranks<PoolId, EntryId>,
    networks: Ranks<(PoolId, EntryId), IpAddr>,
    addresses: Ranks<PoolId, IpAddr>,
}

struct Holder {
    /// None where many stand behind one address.
    address: Option<IpAddr>,
    since: u64,
    /// How much is done for them.
    busy: usize,
    /// For whom they have settled.
    settled: Option<(PoolId, EntryId)>,
    /// How often.
    times: usize,
    goes: CancellationToken,
}

/// What decides who gives way first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Restless,
    Busy,
    Settled(PoolId, EntryId),
}

impl Default for Holders {
    fn default() -> Self {
        Self {
            all: HashMap::new(),
            restless: Halves::new(),
            restless_of: Ranks::by_newest(),
            restless_behind: BTreeSet::new(),
            busy: Ranks::by_newest(),
            strangers_of: HashMap::new(),
            settled: Settlers {
                count: 0,
                pools: Ranks::by_newest(),
                entries: Ranks::by_newest(),
                networks: Ranks::by_newest(),
                addresses: Ranks::by_newest(),
            },
            now: 0,
        }
    }
}

impl Holders {
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// How many have settled.
    pub const fn settled(&self) -> usize {
        self.settled.count
    }

    /// How many strangers come from one address.
    pub fn strangers_of(&self, address: IpAddr) -> usize {
        self.strangers_of.get(&subscriber(address)).copied().unwrap_or(0)
    }

    /// How many have settled for that pool from one address.
    pub fn settled_of(&self, pool: PoolId, address: IpAddr) -> usize {
        self.settled.addresses.size(pool, subscriber(address))
    }

    /// Somebody takes a place, as a stranger.
    pub fn add(&mut self, address: Option<IpAddr>, goes: CancellationToken) -> u64 {
        let number = self.tick();
        self.all.insert(number, Holder { address, since: number, busy: 0, settled: None, times: 0, goes });
        self.note(address, Standing::Restless, (number, number), true);
        number
    }

    /// Somebody has no place any more.
    pub fn remove(&mut self, number: u64) -> Option<CancellationToken> {
        let holder = self.all.remove(&number)?;
        self.note(holder.address, holder.standing(), (holder.since, number), false);
        Some(holder.goes)
    }

    /// What ends when they have no place any more is another one. Whether they have it still.
    pub fn go_with(&mut self, number: u64, other: &CancellationToken) -> bool {
        let holder = self.all.get_mut(&number);
        holder.map(|holder| holder.goes = other.clone()).is_some()
    }

    pub fn begin_work(&mut self, number: u64) {
        self.change(number, |holder| holder.busy += 1);
    }

    pub fn end_work(&mut self, number: u64) {
        self.change(number, |holder| holder.busy -= 1);
    }

    /// Where they come from, if they are there still and counted by it.
    pub fn settle(&mut self, number: u64, pool: PoolId, entry: EntryId) -> Option<IpAddr> {
        self.change(number, |holder| (holder.settled, holder.times) = (Some((pool, entry)), holder.times + 1));
        self.all.get(&number)?.address
    }

    pub fn unsettle(&mut self, number: u64) {
        self.change(number, |holder| {
            holder.times -= 1;
            holder.settled = holder.settled.filter(|_| holder.times > 0);
        });
    }

    /// The oldest stranger of an address for whom nothing is done.
    pub fn oldest_of(&self, address: IpAddr) -> Option<u64> {
        self.restless_of.oldest((), subscriber(address))
    }

    /// How many strangers there are for whom nothing is done.
    pub fn restless(&self) -> usize {
        self.restless.len()
    }

    /// Of the strangers for whom nothing is done: of the older half, the oldest of the network that
    /// has most there. Those who have no address of their own give way last.
    pub fn most_restless(&self) -> Option<u64> {
        self.restless.most().or_else(|| self.restless_behind.first().map(|(_, number)| *number))
    }

    /// Of the strangers for whom something is done, the newest of the network that has most.
    pub fn most_busy(&self) -> Option<u64> {
        self.busy.newest((), self.busy.largest(())?)
    }

    /// Of those who have settled: the newest of the pool that has most, of the entry in it, and of
    /// the network of that.
    pub fn most_settled(&self) -> Option<u64> {
        let Settlers { pools, entries, networks, .. } = &self.settled;
        let pool = pools.largest(())?;
        let entry = entries.largest(pool)?;
        networks.newest((pool, entry), networks.largest((pool, entry))?)
    }

    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn change(&mut self, number: u64, change: impl FnOnce(&mut Holder)) {
        let now = self.tick();
        let Some(holder) = self.all.get_mut(&number) else { return };
        let (before, since) = (holder.standing(), holder.since);
        change(holder);
        let after = holder.standing();
        if after == before {
            return;
        }
        holder.since = now;
        let address = holder.address;
        self.note(address, before, (since, number), false);
        self.note(address, after, (now, number), true);
    }

    /// Notes that somebody is to be found by what they are, or is so no longer.
    fn note(&mut self, address: Option<IpAddr>, standing: Standing, member: Member, is_there: bool) {
        let Some(address) = address else {
            if standing == Standing::Restless {
                set(&mut self.restless_behind, member, is_there);
            }
            return;
        };
        match standing {
            Standing::Settled(pool, entry) => return self.settled.note(pool, entry, address, member, is_there),
            Standing::Busy => self.busy.note((), widest(address), member, is_there),
            Standing::Restless => {
                let all = &self.all;
                let network = |number| all.get(&number).and_then(|holder| holder.address).map(widest);
                if is_there {
                    self.restless.add(member, network);
                } else {
                    self.restless.remove(member, widest(address), network);
                }
                self.restless_of.note((), subscriber(address), member, is_there);
            }
        }
        count(&mut self.strangers_of, subscriber(address), is_there);
    }
}

/// Puts somebody in, or takes them out.
fn set(members: &mut BTreeSet<Member>, member: Member, is_there: bool) {
    let _ = if is_there { members.insert(member) } else { members.remove(&member) };
}

/// Counts one more of them, or one less.
fn count<K: Copy + Eq + Hash>(counts: &mut HashMap<K, usize>, key: K, is_there: bool) {
    let known = counts.entry(key).or_default();
    *known = if is_there { *known + 1 } else { *known - 1 };
    if *known == 0 {
        counts.remove(&key);
    }
}

impl Settlers {
    fn note(&mut self, pool: PoolId, entry: EntryId, address: IpAddr, member: Member, is_there: bool) {
        self.count = if is_there { self.count + 1 } else { self.count - 1 };
        self.pools.note((), pool, member, is_there);
        self.entries.note(pool, entry, member, is_there);
        self.networks.note((pool, entry), widest(address), member, is_there);
        self.addresses.note(pool, subscriber(address), member, is_there);
    }
}

impl Holder {
    fn standing(&self) -> Standing {
        match self.settled {
            Some((pool, entry)) => Standing::Settled(pool, entry),
            None if self.busy > 0 => Standing::Busy,
            None => Standing::Restless,
        }
    }
}

#[cfg(test)]
impl Holders {
    /// How many there are: in all, restless, busy, and settled; and how many addresses are counted.
    pub fn counts(&self) -> [usize; 5] {
        let Self { restless, busy, settled, .. } = self;
        [self.all.len(), restless.len(), busy.len(), settled.count, self.strangers_of.len()]
    }

    /// What [`Self::most_restless`] should find, from everybody who has a place.
    pub fn most_restless_of_all(&self) -> Option<u64> {
        let restless = self.all.iter().filter(|(_, holder)| holder.standing() == Standing::Restless);
        let (mut counted, mut behind) = (BTreeSet::new(), BTreeSet::new());
        for (number, holder) in restless {
            let of = if holder.address.is_some() { &mut counted } else { &mut behind };
            of.insert((holder.since, *number, holder.address.map(widest)));
        }
        let older: Vec<_> = counted.iter().take(counted.len().div_ceil(2)).collect();
        let size = |network| older.iter().filter(|(_, _, other)| *other == network).count();
        let most = older.iter().rev().max_by_key(|(_, _, network)| size(*network));
        most.copied().or_else(|| behind.first()).map(|(_, number, _)| *number)
    }

    /// Whether whoever has a place is found where they belong, and nobody else is found.
    pub fn assert_consistent(&self) {
        let counted: Vec<_> = self.all.values().filter_map(|holder| Some((holder.address?, holder.standing()))).collect();
        let count = |wanted: fn(Standing) -> bool| counted.iter().filter(|(_, standing)| wanted(*standing)).count();
        let restless = count(|standing| standing == Standing::Restless);
        let busy = count(|standing| standing == Standing::Busy);
        let settled = counted.len() - restless - busy;
        let Settlers { count, pools, entries, networks, addresses } = &self.settled;
        assert_eq!((self.restless.len(), self.restless_of.len(), self.busy.len()), (restless, restless, busy));
        self.restless.assert_consistent();
        assert_eq!([*count, pools.len(), entries.len(), networks.len(), addresses.len()], [settled; 5]);
        assert_eq!(self.strangers_of.values().sum::<usize>(), restless + busy);
    }
}
