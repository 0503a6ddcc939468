#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use proptest::prelude::*;

const fn places(per_pool: usize, per_address: usize) -> Places {
    Places { per_pool, per_address, per_address_overall: 10_000 }
}

fn pool(number: u32) -> Caller {
    PoolId::new(number).into()
}

fn from(address: &str) -> Caller {
    (PoolId::new(1), Some(address.parse().unwrap())).into()
}

#[test]
fn pools_take_turns_however_long_their_queues_are() {
    let mut queue = Queue::new(places(1000, 1000), 10_000);
    for number in 0..1000 {
        queue.push(pool(1), (1, number)).unwrap();
    }
    queue.push(pool(2), (2, 0)).unwrap();
    queue.push(pool(2), (2, 1)).unwrap();
    queue.push(pool(3), (3, 0)).unwrap();
    let order: Vec<_> = std::iter::from_fn(|| queue.pop()).take(7).collect();
    assert_eq!(order, [(1, 0), (2, 0), (3, 0), (1, 1), (2, 1), (1, 2), (1, 3)]);
}

#[test]
fn a_pool_that_comes_back_waits_for_the_others() {
    let mut queue = Queue::new(places(8, 8), 8);
    queue.push(pool(1), "a").unwrap();
    queue.push(pool(2), "b").unwrap();
    assert_eq!(queue.pop(), Some("a"));
    queue.push(pool(1), "c").unwrap();
    assert_eq!([queue.pop(), queue.pop(), queue.pop()], [Some("b"), Some("c"), None]);
}

#[test]
fn a_full_queue_takes_nothing_more() {
    let mut queue = Queue::new(places(2, 1), 3);
    assert_eq!(queue.push(pool(1), ()), Ok(None));
    assert_eq!(queue.push(pool(1), ()), Ok(None));
    assert_eq!(queue.push(pool(1), ()), Err(Full::Pool));
    assert_eq!(queue.push(pool(2), ()), Ok(None));
    assert_eq!(queue.push(pool(2), ()), Err(Full::Total));
    queue.pop();
    assert_eq!(queue.push(pool(2), ()), Ok(None));
}

#[test]
fn addresses_of_a_pool_take_turns_however_long_their_queues_are() {
    let mut queue = Queue::new(places(100, 100), 1000);
    for number in 0..50 {
        queue.push(from("192.0.2.1"), (1, number)).unwrap();
    }
    queue.push(from("192.0.2.2"), (2, 0)).unwrap();
    queue.push(from("192.0.2.2"), (2, 1)).unwrap();
    queue.push(pool(1), (0, 0)).unwrap();
    let order: Vec<_> = std::iter::from_fn(|| queue.pop()).take(6).collect();
    assert_eq!(order, [(1, 0), (0, 0), (2, 0), (1, 1), (2, 1), (1, 2)]);
    assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 47);
    assert!(queue.pools.is_empty() && queue.turns.is_empty());
}

#[test]
fn a_flood_from_one_address_leaves_room_for_others() {
    let mut queue = Queue::new(places(4, 2), 100);
    for address in ["2001:db8::1", "2001:db8::2"] {
        assert_eq!(queue.push(from(address), ()), Ok(None));
    }
    assert_eq!(queue.push(from("2001:db8::3"), ()), Err(Full::Address), "one /64 is one address");
    assert_eq!(queue.push(from("2001:db8:0:1::1"), ()), Ok(None));
    assert_eq!(queue.push(pool(1), ()), Ok(None));
    assert_eq!(queue.push(from("192.0.2.1"), ()), Ok(Some(())), "who has two of four places gives one to who has none");
    assert_eq!(queue.push(from("192.0.2.2"), ()), Err(Full::Pool), "nobody has more than one now");
    queue.pop();
    assert_eq!(queue.push(from("192.0.2.2"), ()), Ok(None));
}

#[test]
fn two_addresses_do_not_close_a_pool() {
    let mut queue = Queue::new(places(256, 128), 16_384);
    for number in 0..128 {
        queue.push(from("192.0.2.1"), ("first", number)).unwrap();
        queue.push(from("192.0.2.2"), ("second", number)).unwrap();
    }
    let evicted = (0..85).map(|number| queue.push(from("192.0.2.3"), ("third", number)).unwrap().unwrap());
    assert!(evicted.collect::<Vec<_>>().iter().all(|(name, number)| *name != "third" && *number >= 85), "the newest go");
    assert_eq!(queue.push(from("192.0.2.3"), ("third", 85)), Err(Full::Pool), "who has a third of it is refused");
    for number in 0..200 {
        let gone = queue.push(pool(1), ("operator", number)).unwrap().unwrap();
        assert_ne!(gone.0, "operator");
    }
    assert_eq!(queue.len(), 256);
}

#[test]
fn work_of_our_own_finds_a_place_as_long_as_a_stranger_has_one() {
    let mut queue = Queue::new(places(3, 3), 4);
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        queue.push(from(address), "stranger").unwrap();
    }
    for _ in 0..3 {
        assert_eq!(queue.push(pool(1), "own"), Ok(Some("stranger")), "of the pool");
    }
    assert_eq!(queue.push(pool(1), "own"), Err(Full::Pool), "it does not give way to itself");
    assert_eq!(queue.push(from("192.0.2.1"), "stranger"), Err(Full::Pool), "nor to strangers");
    queue.push(at(2, "192.0.2.1"), "stranger").unwrap();
    assert_eq!(queue.push(pool(3), "own"), Ok(Some("stranger")), "of all pools");
    assert_eq!(queue.push(pool(3), "own"), Err(Full::Total));
}

fn known(address: &str) -> Caller {
    Caller::known(PoolId::new(1), Some(address.parse().unwrap()))
}

/// However many strangers come from however many addresses, one job from each.
#[test]
fn strangers_do_not_stand_before_those_who_are_known() {
    let mut queue = Queue::new(places(256, 128), 16_384);
    for number in 0..256_u32 {
        queue.push((PoolId::new(1), Some(std::net::Ipv4Addr::from_bits(number).into())).into(), "stranger").unwrap();
    }
    for _ in 0..20 {
        assert_eq!(queue.push(known("192.0.2.1"), "known"), Ok(Some("stranger")), "there is a place for each of them");
    }
    assert_eq!(queue.push(pool(1), "own"), Ok(Some("stranger")));
    assert_eq!(queue.push(from("192.0.2.9"), "stranger"), Err(Full::Pool), "nor take their places");
    let first: Vec<_> = std::iter::from_fn(|| queue.pop()).take(44).collect();
    assert_eq!(first.iter().filter(|job| **job != "stranger").count(), 21);
    assert!(first[..4].contains(&"own"), "nor before work of our own");
    assert_eq!(first[..40].iter().filter(|job| **job == "stranger").count(), 20, "and are not kept waiting either");
    assert_eq!(queue.push(from("192.0.2.1"), "stranger"), Ok(None));
    assert_eq!(std::iter::from_fn(|| queue.pop()).count(), 256 - 44 + 1);
    assert!(queue.pools.is_empty() && queue.turns.is_empty() && queue.addresses.is_empty());
}

#[test]
fn those_who_are_known_leave_a_place_to_a_stranger_who_has_none() {
    let mut queue = Queue::new(places(4, 4), 100);
    for address in ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"] {
        queue.push(known(address), address).unwrap();
    }
    assert_eq!(queue.push(from("192.0.2.9"), "stranger"), Ok(Some("192.0.2.1")), "whoever has most gives way");
    assert_eq!(queue.push(from("192.0.2.8"), "another"), Ok(Some("192.0.2.1")), "and has two still");
    assert_eq!(queue.push(from("192.0.2.7"), "third"), Err(Full::Pool), "each has one");
    let gone = queue.push(known("192.0.2.1"), "192.0.2.1").unwrap().unwrap();
    assert!(["stranger", "another"].contains(&gone), "of strangers first");
}

fn at(number: u32, address: &str) -> Caller {
    (PoolId::new(number), Some(address.parse().unwrap())).into()
}

#[test]
fn an_address_has_so_many_places_at_all_pools_together() {
    let mut queue = Queue::new(Places { per_address_overall: 128, ..places(256, 128) }, 16_384);
    let pushed = (0..16_384).filter(|number| queue.push(at(number % 128, "192.0.2.1"), ()).is_ok()).count();
    assert_eq!(pushed, 128, "one address does not fill the line, whatever pools it asks");
    assert_eq!(queue.push(at(1, "192.0.2.1"), ()), Err(Full::Address));
    assert_eq!(queue.push(at(1, "192.0.2.2"), ()), Ok(None));
    queue.pop();
    assert_eq!(queue.push(at(9, "192.0.2.1"), ()), Ok(None));
    while queue.pop().is_some() {}
    assert!(queue.addresses.is_empty());
}

#[test]
fn a_full_line_gives_way_to_whoever_has_less_in_it() {
    let mut queue = Queue::new(places(100, 100), 20);
    for number in 0..10 {
        queue.push(at(number, "192.0.2.1"), ("first", number)).unwrap();
        queue.push(at(number, "192.0.2.2"), ("second", number)).unwrap();
    }
    assert_eq!(queue.push(at(1, "192.0.2.1"), ("first", 10)), Err(Full::Total), "who fills the line is refused");
    let gone = queue.push(at(50, "192.0.2.3"), ("other", 0)).unwrap().unwrap();
    assert_ne!(gone.0, "other");
    assert_eq!(queue.len(), 20);
    let others = std::iter::from_fn(|| queue.pop()).filter(|job| job.0 == "other").count();
    assert_eq!(others, 1);
    assert!(queue.pools.is_empty() && queue.turns.is_empty() && queue.addresses.is_empty());
}

#[test]
fn what_gives_way_is_the_newest_of_whoever_has_most_and_where_they_have_most() {
    let mut queue = Queue::new(places(100, 100), 38);
    let spread = (1..=20).map(|pool| (pool, 1, 1));
    for (pool, last, count) in spread.chain([(7, 1, 12), (3, 2, 6)]) {
        for number in 0..count {
            queue.push(at(pool, &format!("192.0.2.{last}")), (pool, last, number)).unwrap();
        }
    }
    for number in 0..6 {
        let gone = queue.push(at(3, &format!("198.51.100.{number}")), (3, 100, number)).unwrap();
        assert_eq!(gone, Some((7, 1, 11 - number)));
    }
}

proptest! {
    /// Between two turns of a pool that waits, every other pool has at most one.
    #[test]
    fn nobody_is_overtaken_twice(pools in proptest::collection::vec(0u32..6, 1..200)) {
        let mut queue = Queue::new(places(200, 200), 1000);
        for number in &pools {
            queue.push(pool(*number), *number).unwrap();
        }
        let order: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
        prop_assert_eq!(order.len(), pools.len());
        prop_assert_eq!(queue.len(), 0);
        prop_assert!(queue.pools.is_empty() && queue.turns.is_empty());
        for pool in 0..6 {
            let turns: Vec<usize> = order.iter().enumerate().filter(|(_, other)| **other == pool).map(|(place, _)| place).collect();
            for pair in turns.windows(2) {
                for other in 0..6 {
                    let between = order[pair[0] + 1..pair[1]].iter().filter(|turn| **turn == other).count();
                    prop_assert!(between <= 1);
                }
            }
        }
    }

    /// Whoever is kept out has an equal share of what is full, and whoever gives way has no less
    /// than who comes.
    #[test]
    fn a_full_line_is_shared_equally(steps in proptest::collection::vec(step(), 1..300)) {
        let places = Places { per_pool: 12, per_address: 8, per_address_overall: 14 };
        let mut queue = Queue::new(places, 20);
        let mut waiting: Vec<Job> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let Some((pool, address, is_known)) = step else {
                let popped = queue.pop();
                waiting.retain(|job| Some(*job) != popped);
                prop_assert_eq!(queue.len(), waiting.len());
                continue;
            };
            let job = Job { pool, address, is_known: is_known || address.is_none(), number };
            let of_pool: Vec<Job> = waiting.iter().copied().filter(|job| job.pool == pool).collect();
            match queue.push(job.caller(), job) {
                Ok(evicted) => {
                    let (is_pool_full, is_full) = (of_pool.len() == 12, waiting.len() == 20);
                    let has_its_places = address.is_some() && (share(&of_pool, address) >= 8 || share(&waiting, address) >= 14);
                    prop_assert_eq!(evicted.is_some(), is_pool_full || is_full || has_its_places);
                    if let Some(gone) = evicted {
                        prop_assert!(gone.address.is_some() && (!is_pool_full || gone.pool == pool));
                        prop_assert!(waiting.iter().all(|other| !other.is_like(gone) || other.number <= gone.number));
                        let full = if is_pool_full { &of_pool } else { &waiting };
                        // Of an address that gives one away it is a stranger's, if there is one.
                        let takes = || job.takes(gone, full) || job.takes(Job { is_known: true, ..gone }, full);
                        let may = if has_its_places { job.takes_of_address(gone) } else { takes() };
                        prop_assert!(may, "{:?} took from {:?}", job, gone);
                    }
                    waiting.retain(|job| Some(*job) != evicted);
                    waiting.push(job);
                }
                Err(Full::Address) => prop_assert!(share(&of_pool, address) == 8 || share(&waiting, address) == 14),
                Err(Full::Pool) => prop_assert!(of_pool.len() == 12 && !of_pool.iter().any(|gone| job.takes(*gone, &of_pool))),
                Err(Full::Total) => prop_assert!(waiting.len() == 20 && !waiting.iter().any(|gone| job.takes(*gone, &waiting))),
            }
            prop_assert_eq!(queue.len(), waiting.len());
        }
        let mut left: Vec<Job> = std::iter::from_fn(|| queue.pop()).collect();
        left.sort_by_key(|job| job.number);
        prop_assert_eq!(left, waiting);
        prop_assert!(queue.pools.is_empty() && queue.turns.is_empty() && queue.addresses.is_empty());
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Job {
    pool: u32,
    address: Option<u8>,
    is_known: bool,
    number: usize,
}

impl Job {
    fn caller(self) -> Caller {
        let caller: Caller = (PoolId::new(self.pool), self.address.map(|last| [192, 0, 2, last].into())).into();
        caller.known_if(self.is_known)
    }

    /// Whether both wait in one line.
    fn is_like(self, other: Self) -> bool {
        (self.pool, self.address, self.is_known) == (other.pool, other.address, other.is_known)
    }

    /// Whether one that waits gives way to this one, which is known, at their address.
    fn takes_of_address(self, gone: Self) -> bool {
        self.is_known && !gone.is_known && gone.address == self.address
    }

    /// Whether one that waits in a full line gives way to this one.
    fn takes(self, gone: Self, full: &[Self]) -> bool {
        let kind = |is_known| full.iter().copied().filter(|job| job.is_known == is_known && job.address.is_some()).collect::<Vec<_>>();
        let (strangers, known) = (kind(false), kind(true));
        let like = if gone.is_known { &known } else { &strangers };
        let had = match (self.is_known, gone.is_known) {
            // Whoever is known takes a stranger's place, whatever both have.
            (true, false) => 0,
            (true, true) if strangers.is_empty() => share(&known, self.address) + 1,
            (false, false) => share(&strangers, self.address) + 1,
            (false, true) if strangers.len() < full.len() / 2 && most(&strangers) <= share(&strangers, self.address) + 1 => {
                share(full, self.address) + 1
            }
            _ => return false,
        };
        let is_counted = self.address.is_some();
        gone.address.is_some() && share(like, gone.address) == most(like) && (!is_counted || most(like) > had)
    }
}

/// A job that comes, or none: one is done.
fn step() -> impl Strategy<Value = Option<(u32, Option<u8>, bool)>> {
    let address = prop_oneof![1 => Just(None), 6 => (0u8..5).prop_map(Some)];
    prop_oneof![8 => (0u32..3, address, any::<bool>()).prop_map(Some), 1 => Just(None)]
}

fn share(jobs: &[Job], address: Option<u8>) -> usize {
    jobs.iter().filter(|job| job.address == address).count()
}

fn most(jobs: &[Job]) -> usize {
    (0..5).map(|address| share(jobs, Some(address))).max().unwrap()
}

/// A guesser and those who work there can stand behind one address.
#[test]
fn whoever_is_known_takes_a_place_that_a_stranger_has_at_their_address() {
    let mut queue = Queue::new(Places { per_pool: 8, per_address: 4, per_address_overall: 6 }, 100);
    let address = "192.0.2.1";
    for number in 0..4 {
        queue.push(from(address), ("stranger", number)).unwrap();
    }
    assert_eq!(queue.push(from(address), ("stranger", 4)), Err(Full::Address));
    for number in 0..4 {
        assert_eq!(queue.push(known(address), ("known", number)), Ok(Some(("stranger", 3 - number))), "at the pool");
    }
    assert_eq!(queue.push(known(address), ("known", 4)), Err(Full::Address), "no stranger is left");
    queue.push(at(2, address), ("stranger", 0)).unwrap();
    queue.push(at(2, address), ("stranger", 1)).unwrap();
    assert_eq!(queue.push(at(3, address).known_if(true), ("known", 0)), Ok(Some(("stranger", 1))), "of all pools");
    assert_eq!(queue.push(at(2, address).known_if(true), ("known", 0)), Ok(Some(("stranger", 0))));
    assert_eq!(queue.push(at(2, address).known_if(true), ("known", 1)), Err(Full::Address), "no stranger is left");
    assert_eq!((queue.len(), queue.share(address.parse().unwrap())), (6, Count { strangers: 0, known: 6 }));
}

/// Whoever has come before has to leave a stranger a place, but not more than strangers leave them.
#[test]
fn a_stranger_takes_no_more_from_those_who_are_known_than_they_have() {
    let mut queue = Queue::new(places(256, 128), 16_384);
    let at = |number: u32| Some(std::net::Ipv4Addr::from_bits(number).into());
    for number in 0..256_u32 {
        queue.push(Caller::known(PoolId::new(1), at(number % 128)), "known").unwrap();
    }
    let pushed: Vec<_> = (0..127).map(|_| queue.push(from("192.0.2.1"), "stranger")).collect();
    assert_eq!(pushed.iter().filter(|pushed| pushed.is_ok()).count(), 1, "who has two gives one to who has none");
}

/// The line of all pools is shared as that of one is.
#[test]
fn strangers_at_many_pools_do_not_stand_before_those_who_are_known() {
    let mut queue = Queue::new(places(256, 128), 100);
    let at = |pool, number: u32| (PoolId::new(pool), Some(std::net::Ipv4Addr::from_bits(number).into()));
    for number in 0..100_u32 {
        queue.push(at(number, number).into(), "stranger").unwrap();
    }
    for number in 0..60 {
        assert_eq!(queue.push(Caller::known(PoolId::new(500), Some([192, 0, 2, 1].into())), "known"), Ok(Some("stranger")), "{number}");
    }
    assert_eq!(queue.push(at(600, 700).into(), "stranger"), Ok(Some("known")), "strangers have less than half");
    for number in 0..9 {
        queue.push(at(600, 701 + number).into(), "stranger").unwrap();
    }
    assert_eq!(queue.push(at(600, 800).into(), "stranger"), Err(Full::Total), "they have half, and nobody more than one");
}
