//! Who is there, by the group that they belong to, so that the largest group is found at once.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// Somebody: since when they are what they are, and their number.
pub(super) type Member = (u64, u64);

/// The groups within each whole.
pub(super) struct Ranks<P, K> {
    groups: HashMap<(P, K), BTreeSet<Member>>,
    order: HashMap<P, BTreeSet<(Rank, K)>>,
    /// By what a group is compared with others; nothing if nobody is in it.
    rank: fn(&BTreeSet<Member>) -> Option<Rank>,
}

/// A size, and what decides between groups that are as large.
type Rank = (usize, u64);

impl<P: Copy + Eq + Hash, K: Copy + Ord + Hash> Ranks<P, K> {
    /// Of several groups that are as large, the one that has the newest member stands first.
    pub fn by_newest() -> Self {
        Self::by(|members| Some((members.len(), members.last()?.0)))
    }

    /// Of several groups that are as large, the one that has the oldest member stands first.
    pub fn by_oldest() -> Self {
        Self::by(|members| Some((members.len(), u64::MAX - members.first()?.0)))
    }

    fn by(rank: fn(&BTreeSet<Member>) -> Option<Rank>) -> Self {
        Self { groups: HashMap::new(), order: HashMap::new(), rank }
    }

    /// Notes that somebody is in a group of a whole, or is there no longer.
    pub fn note(&mut self, whole: P, group: K, member: Member, is_there: bool) {
        let order = self.order.entry(whole).or_default();
        let members = self.groups.entry((whole, group)).or_default();
        if let Some(rank) = (self.rank)(members) {
            order.remove(&(rank, group));
        }
        if is_there {
            members.insert(member);
        } else {
            members.remove(&member);
        }
        match (self.rank)(members) {
            Some(rank) => drop(order.insert((rank, group))),
            None => drop(self.groups.remove(&(whole, group))),
        }
        if order.is_empty() {
            self.order.remove(&whole);
        }
    }

    /// How many there are in a group.
    pub fn size(&self, whole: P, group: K) -> usize {
        self.groups.get(&(whole, group)).map_or(0, BTreeSet::len)
    }

    /// The largest group of the whole.
    pub fn largest(&self, whole: P) -> Option<K> {
        self.order.get(&whole)?.last().map(|(_, group)| *group)
    }

    /// The number of whoever has been longest in a group.
    pub fn oldest(&self, whole: P, group: K) -> Option<u64> {
        self.groups.get(&(whole, group))?.first().map(|(_, number)| *number)
    }

    /// The number of whoever came last to a group.
    pub fn newest(&self, whole: P, group: K) -> Option<u64> {
        self.groups.get(&(whole, group))?.last().map(|(_, number)| *number)
    }

    /// How many there are in all.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        assert_eq!(self.groups.len(), self.order.values().map(BTreeSet::len).sum::<usize>());
        self.groups.values().map(BTreeSet::len).sum()
    }
}
