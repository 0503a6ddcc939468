//! Those who wait, in an older and a younger half: whoever has just come, many at a time, is not
//! among those who have been there for long.

use super::ranks::{Member, Ranks};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The halves. Of an odd number the older one has one more.
pub(super) struct Halves {
    older: BTreeSet<Member>,
    younger: BTreeSet<Member>,
    /// The older half, by network.
    networks: Ranks<(), IpAddr>,
}

impl Halves {
    pub fn new() -> Self {
        Self { older: BTreeSet::new(), younger: BTreeSet::new(), networks: Ranks::by_oldest() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.older.len() + self.younger.len()
    }

    /// Somebody comes, later than all who are here. `network` tells that of anybody here.
    pub fn add(&mut self, member: Member, network: impl Fn(u64) -> Option<IpAddr>) {
        self.younger.insert(member);
        self.balance(network);
    }

    /// Somebody goes, who is of that network.
    pub fn remove(&mut self, member: Member, of: IpAddr, network: impl Fn(u64) -> Option<IpAddr>) {
        if self.older.remove(&member) {
            self.networks.note((), of, member, false);
        } else {
            self.younger.remove(&member);
        }
        self.balance(network);
    }

    /// Of the older half: the oldest of the network that has most there.
    pub fn most(&self) -> Option<u64> {
        self.networks.oldest((), self.networks.largest(())?)
    }

    fn balance(&mut self, network: impl Fn(u64) -> Option<IpAddr>) {
        let (moved, grows_old) = match (self.older.len(), self.younger.len()) {
            (older, younger) if older < younger => (self.younger.pop_first(), true),
            (older, younger) if older > younger + 1 => (self.older.pop_last(), false),
            _ => return,
        };
        let Some(member) = moved else { return };
        if let Some(network) = network(member.1) {
            self.networks.note((), network, member, grows_old);
        }
        let half = if grows_old { &mut self.older } else { &mut self.younger };
        half.insert(member);
    }
}

#[cfg(test)]
impl Halves {
    /// Whether they are halves, and all of the older one are found by network.
    pub fn assert_consistent(&self) {
        assert!(self.older.len() == self.younger.len() || self.older.len() == self.younger.len() + 1);
        assert!(self.younger.first().is_none_or(|first| self.older.last() < Some(first)));
        assert_eq!(self.networks.len(), self.older.len());
    }
}
