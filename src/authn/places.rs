//! How much network addresses have tried, in memory: a fixed number of places for all pools, so
//! that whoever has many addresses takes no more room than anybody else. Of two addresses at one
//! place the later one stays. Which share one is drawn anew at each start, so nobody can aim; and
//! to have places of others forgotten takes more addresses than the same names need without it.
//!
//! A restart forgets it, and each server counts for itself: this limits a pace. What locks a name
//! lies in the store.

use crate::{
    model::{PoolId, Timestamp, address::subscriber},
    policy::lockout::{
        LockoutPolicy,
        source::{Entry, NameTag, Tried},
    },
};
use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Addresses that are remembered at most.
pub const PLACES: usize = 16_384;

struct Place {
    pool: PoolId,
    address: IpAddr,
    tried: Tried,
}

impl Place {
    fn new(pool: PoolId, address: IpAddr) -> Box<Self> {
        Box::new(Self { pool, address, tried: Tried::default() })
    }

    fn is_of(&self, pool: PoolId, address: IpAddr) -> bool {
        (self.pool, self.address) == (pool, address)
    }
}

/// The places.
pub struct SourcePlaces {
    order: RandomState,
    places: Vec<Mutex<Option<Box<Place>>>>,
}

impl SourcePlaces {
    /// All free.
    pub fn new() -> Self {
        Self { order: RandomState::new(), places: (0..PLACES).map(|_| Mutex::new(None)).collect() }
    }

    /// Asks for room for a name (see [`Tried::enter`]). Whoever has no address has always room.
    pub fn enter(&self, policy: &LockoutPolicy, pool: PoolId, address: Option<IpAddr>, name: NameTag, now: Timestamp) -> Entry {
        let entered = self.place(pool, address).map(|(mut place, address)| {
            // Of two addresses at one place the later one stays.
            let own = place.take().filter(|place| place.is_of(pool, address));
            place.insert(own.unwrap_or_else(|| Place::new(pool, address))).tried.enter(policy, name, now)
        });
        entered.unwrap_or(Entry::Room(0))
    }

    /// Whether there is room for a name, without taking it.
    pub fn has_room(&self, policy: &LockoutPolicy, pool: PoolId, address: Option<IpAddr>, name: NameTag, now: Timestamp) -> bool {
        self.look(pool, address, |tried| tried.has_room(policy, name, now)).unwrap_or(true)
    }

    /// Notes a success (see [`Tried::succeeded`]), at the place of that address or at a free one:
    /// it displaces nobody.
    pub fn succeeded(
        &self,
        policy: &LockoutPolicy,
        pool: PoolId,
        address: Option<IpAddr>,
        name: NameTag,
        person: Option<NameTag>,
        now: Timestamp,
    ) {
        let Some((mut place, address)) = self.place(pool, address) else { return };
        if place.is_none() && person.is_some() {
            *place = Some(Place::new(pool, address));
        }
        if let Some(place) = place.as_mut().filter(|place| place.is_of(pool, address)) {
            place.tried.succeeded(policy, name, person, now);
        }
    }

    /// How long that address waits until it may try that name.
    pub fn wait(&self, policy: &LockoutPolicy, pool: PoolId, address: Option<IpAddr>, name: NameTag, now: Timestamp) -> Duration {
        let end = self.look(pool, address, |tried| tried.forgotten_at(policy, name)).flatten();
        end.map_or(Duration::ZERO, |end| end.since(now))
    }

    /// Asks what is remembered of that address, if anything is. Puts nothing down for it.
    fn look<T>(&self, pool: PoolId, address: Option<IpAddr>, ask: impl FnOnce(&mut Tried) -> T) -> Option<T> {
        let (mut place, address) = self.place(pool, address)?;
        place.as_mut().filter(|place| place.is_of(pool, address)).map(|place| ask(&mut place.tried))
    }

    /// The place of that address, whoever has it, and the address by which it is counted.
    fn place(&self, pool: PoolId, address: Option<IpAddr>) -> Option<(MutexGuard<'_, Option<Box<Place>>>, IpAddr)> {
        let address = subscriber(address?);
        let place = self.places.get(self.number(pool, address))?;
        Some((place.lock().unwrap_or_else(PoisonError::into_inner), address))
    }

    fn number(&self, pool: PoolId, address: IpAddr) -> usize {
        usize::try_from(self.order.hash_one((pool, address)) % PLACES as u64).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::Seconds;
    use crate::policy::lockout::SourcePolicy;
    use std::net::Ipv6Addr;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn policy() -> LockoutPolicy {
        let sources = SourcePolicy { names: 2, ..SourcePolicy::default() };
        LockoutPolicy { threshold: 3, window: Seconds(60), duration: Seconds(60), sources }
    }

    fn fill(places: &SourcePlaces, pool: PoolId, address: Option<IpAddr>) -> Entry {
        places.enter(&policy(), pool, address, 1, NOW);
        places.enter(&policy(), pool, address, 2, NOW);
        places.enter(&policy(), pool, address, 3, NOW)
    }

    #[test]
    fn each_subscriber_of_each_pool_has_its_own() {
        let places = SourcePlaces::new();
        let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(fill(&places, PoolId::new(1), address("2001:db8::1")), Entry::Slowed);
        assert_eq!(places.enter(&policy(), PoolId::new(1), address("2001:db8::2"), 4, NOW), Entry::Slowed, "one /64 is one");
        assert_eq!(places.enter(&policy(), PoolId::new(2), address("2001:db8::1"), 4, NOW), Entry::Room(1));
        assert_eq!(places.wait(&policy(), PoolId::new(1), address("2001:db8::2"), 4, NOW), Duration::from_secs(60));
        assert_eq!(fill(&places, PoolId::new(1), None), Entry::Room(0), "who has no address");
    }

    #[test]
    fn a_multitude_of_addresses_takes_a_fixed_room() {
        let places = SourcePlaces::new();
        for number in 0..3 * PLACES as u128 {
            places.enter(&policy(), PoolId::new(1), Some(Ipv6Addr::from_bits(number << 64).into()), 1, NOW);
        }
        assert_eq!(places.places.len(), PLACES);
        assert_eq!(fill(&places, PoolId::new(1), Some([192, 0, 2, 1].into())), Entry::Slowed, "the latest one is never the one that goes");
    }

    #[test]
    fn a_look_displaces_nobody() {
        let places = SourcePlaces::new();
        let (pool, policy) = (PoolId::new(1), policy());
        let slowed: IpAddr = [192, 0, 2, 1].into();
        let addresses = (0..).map(|number: u128| Ipv6Addr::from_bits(number << 64).into());
        let mut others = addresses.filter(|other| places.number(pool, *other) == places.number(pool, slowed));
        let other: Option<IpAddr> = others.next();
        assert_eq!(fill(&places, pool, Some(slowed)), Entry::Slowed);
        assert_eq!(places.wait(&policy, pool, other, 4, NOW), Duration::ZERO);
        assert!(places.has_room(&policy, pool, other, 4, NOW));
        places.succeeded(&policy, pool, other, 4, Some(4), NOW);
        assert!(!places.has_room(&policy, pool, Some(slowed), 4, NOW));
        assert_eq!(places.wait(&policy, pool, Some(slowed), 4, NOW), Duration::from_secs(60));
        assert_eq!(places.enter(&policy, pool, other, 4, NOW), Entry::Room(1));
        assert!(places.has_room(&policy, pool, Some(slowed), 4, NOW), "who tries a name does");
    }

    #[test]
    fn somebody_who_succeeds_makes_room_where_nothing_was_tried_before() {
        let places = SourcePlaces::new();
        let (pool, address) = (PoolId::new(1), Some([192, 0, 2, 1].into()));
        places.succeeded(&policy(), pool, address, 9, Some(9), NOW);
        assert_eq!(fill(&places, pool, address), Entry::Room(1), "two names, and one for whom is welcome");
    }
}
