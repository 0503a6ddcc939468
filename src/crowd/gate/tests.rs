use super::*;
use proptest::prelude::*;

fn from(number: u8) -> Option<IpAddr> {
    Some([192, 0, 2, number].into())
}

fn of(address: &str) -> Option<IpAddr> {
    Some(address.parse().unwrap())
}

fn pool(number: u32) -> Option<PoolId> {
    Some(PoolId::new(number))
}

impl Gate {
    fn enters<const N: usize>(self: &Arc<Self>, address: Option<IpAddr>) -> [Pass; N] {
        std::array::from_fn(|_| self.enter(address).unwrap())
    }

    /// Somebody who has settled for that pool.
    fn settled(self: &Arc<Self>, address: Option<IpAddr>, pool: Option<PoolId>) -> (Pass, Settled) {
        let pass = self.enter(address).unwrap();
        let settled = pass.guest().settle(pool);
        (pass, settled)
    }
}

impl Pass {
    fn is_gone(&self) -> bool {
        self.goes.is_cancelled()
    }
}

fn gone<'p>(passes: impl IntoIterator<Item = &'p Pass>) -> Vec<bool> {
    passes.into_iter().map(Pass::is_gone).collect()
}

#[test]
fn there_is_always_a_place_for_one_more_and_the_oldest_gives_way() {
    let gate = Gate::new(Room::new(3, 3));
    let passes = [1, 2, 3].map(|number| gate.enter(from(number)).unwrap());
    let fourth = gate.enter(from(4)).unwrap();
    assert_eq!((gone(&passes), gate.taken()), (vec![true, false, false], 3));
    drop(passes);
    assert_eq!(gate.taken(), 1, "each place was given back once");
    assert!(!fourth.is_gone());
    assert_eq!((gate.refused(), gate.displaced()), (0, 1));
}

#[test]
fn those_of_large_networks_give_way_first() {
    let gate = Gate::new(Room::new(5, 5));
    let (few, many) = (gate.enters::<1>(from(1)), gate.enters::<4>(from(2)));
    let _others = [3, 4].map(|number| gate.enter(from(number)).unwrap());
    assert_eq!((gone(&few), gone(&many)), (vec![false], vec![true, true, false, false]));
}

#[test]
fn what_one_subscriber_may_have_is_one_network() {
    let gate = Gate::new(Room::new(4, 1));
    let one = gate.enter(of("2001:db8:2::1")).unwrap();
    let many = [1, 2, 3].map(|number| gate.enter(of(&format!("2001:db8:1:{number}::1"))).unwrap());
    let _other = gate.enter(from(1)).unwrap();
    assert_eq!((one.is_gone(), gone(&many)), (false, vec![true, false, false]));
    let same = gate.enter(of("2001:db8:1:2::2")).unwrap();
    assert_eq!((gone(&many), same.is_gone()), (vec![true, true, false], false), "one of a /64");
}

#[test]
fn an_address_has_so_many_places_and_its_own_oldest_gives_way() {
    let gate = Gate::new(Room::new(9, 2));
    let other = gate.enter(from(2)).unwrap();
    let passes = gate.enters::<3>(from(1));
    assert_eq!((other.is_gone(), gone(&passes)), (false, vec![true, false, false]));
    let settled = [1, 2].map(|index| passes[index].guest().settle(pool(1)));
    assert!(gate.enter(from(1)).is_none(), "all of them have settled");
    assert_eq!(gate.refused(), 1);
    drop(settled);
    assert!(gate.enter(from(1)).is_some());
    assert_eq!(gone(&passes), [true, true, false]);
}

#[test]
fn whoever_has_settled_gives_way_to_no_stranger() {
    let gate = Gate::new(Room::new(4, 4));
    let bound: Vec<_> = (0..3).map(|_| gate.settled(from(1), pool(1))).collect();
    for number in 2..200 {
        let _stranger = gate.enter(from(number)).unwrap();
        std::mem::forget(gate.enter(from(number)).unwrap());
    }
    assert!(bound.iter().all(|(pass, _)| !pass.is_gone()));
    assert_eq!(gate.taken(), 4);
}

#[test]
fn whoever_is_settled_no_longer_is_as_new() {
    let gate = Gate::new(Room::new(3, 3));
    let [first, second] = [1, 2].map(|number| gate.enter(from(number)).unwrap());
    let third = gate.enter(from(3)).unwrap();
    let twice = (first.guest().settle(None), first.guest().settle(pool(1)));
    drop(twice.0);
    let _fourth = gate.enter(from(4)).unwrap();
    assert_eq!(gone([&first, &second, &third]), [false, true, false], "settled once still");
    drop(twice.1);
    let _fifth = gate.enter(from(5)).unwrap();
    assert_eq!(gone([&first, &third]), [false, true]);
}

#[test]
fn who_has_settled_leaves_room_for_newcomers() {
    let gate = Gate::new(Room::new(16, 16).with_newcomers());
    let small: Vec<_> = (1..5).map(|number| gate.settled(from(number), pool(1))).collect();
    let large: Vec<_> = (0..10).map(|_| gate.settled(from(9), pool(1))).collect();
    let passes = |held: &[(Pass, Settled)]| held.iter().map(|(pass, _)| pass.is_gone()).collect::<Vec<_>>();
    assert!(!passes(&small).contains(&true) && !passes(&large).contains(&true), "14 of 16");
    let newcomer = gate.settled(from(10), pool(1));
    assert!(!newcomer.0.is_gone() && !passes(&small).contains(&true));
    assert_eq!(passes(&large)[8..], [false, true], "the newest of those of whom there are most");
    // Whoever belongs to those has come too late.
    assert!(gate.settled(from(9), pool(1)).0.is_gone());
    assert_eq!(passes(&large)[8..], [false, true]);
}

#[test]
fn one_pool_takes_no_place_from_another() {
    let gate = Gate::new(Room::new(16, 16).with_newcomers());
    let small: Vec<_> = (0..4).map(|_| gate.settled(from(1), pool(1))).collect();
    let large: Vec<_> = (10..30).map(|number| gate.settled(from(number), pool(2))).collect();
    assert!(small.iter().all(|(pass, _)| !pass.is_gone()), "though none has as many from one address");
    assert_eq!(large.iter().filter(|(pass, _)| !pass.is_gone()).count(), 10);
}

#[test]
fn few_come_beside() {
    let gate = Gate::new(Room::new(2, 2).beside(1));
    let _settled = gate.settled(from(1), pool(1));
    let _again = gate.settled(from(1), pool(1));
    let beside = gate.enter(from(2)).unwrap();
    assert_eq!(gate.taken(), 3);
    let next = gate.enter(from(2)).unwrap();
    assert_eq!(gone([&beside, &next]), [true, false], "whoever has come beside gives way like all others");
    let _settles = next.guest().settle(pool(1));
    assert!(gate.enter(from(2)).is_none(), "one of an address");
    assert!(gate.enter(from(3)).is_some());
}

#[test]
fn one_of_many_behind_an_address_is_counted_in_all_only() {
    let gate = Gate::new(Room::new(3, 1));
    let many = gate.enters::<3>(None);
    let _settled = many[0].guest().settle(pool(1));
    assert!(gate.enter(None).is_none() && gate.enter(from(1)).is_none());
    assert_eq!((gone(&many), gate.taken()), (vec![false; 3], 3));
}

/// Something that happens at a gate.
#[derive(Clone, Debug)]
enum Event {
    Enter(u8),
    Settle(usize, u32),
    Unsettle(usize),
    Leave(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..6_u8).prop_map(Event::Enter),
        (any::<usize>(), 0..3_u32).prop_map(|(index, pool)| Event::Settle(index, pool)),
        any::<usize>().prop_map(Event::Unsettle),
        any::<usize>().prop_map(Event::Leave),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_counts_are_those_of_who_is_there(events in prop::collection::vec(event(), 0..200)) {
        let room = Room::new(8, 3).with_newcomers();
        let gate = Gate::new(room);
        let (mut passes, mut settled) = (Vec::new(), Vec::new());
        for event in events {
            match event {
                // Number 0 stands for many.
                Event::Enter(0) => passes.extend(gate.enter(None)),
                Event::Enter(number) => passes.extend(gate.enter(from(number))),
                Event::Settle(index, of) if !passes.is_empty() => settled.push(passes[index % passes.len()].guest().settle(pool(of))),
                Event::Unsettle(index) if !settled.is_empty() => drop(settled.swap_remove(index % settled.len())),
                Event::Leave(index) if !passes.is_empty() => drop(passes.swap_remove(index % passes.len())),
                _ => {}
            }
            let state = gate.lock();
            let counted = || state.holders.values().filter(|holder| holder.address.is_some());
            let (calm, restless) = (counted().filter(|holder| holder.settled.is_some()).count(), state.restless.len());
            prop_assert!(state.holders.len() <= room.all && calm <= room.settled);
            prop_assert_eq!(calm, state.settled);
            prop_assert_eq!(counted().count(), calm + restless);
            prop_assert_eq!(state.networks.0.values().sum::<usize>(), restless);
            prop_assert_eq!(state.addresses.values().map(|line| line.restless.len()).sum::<usize>(), restless);
            prop_assert!(state.addresses.values().all(|line| line.all > 0 && line.all <= room.per_address));
            prop_assert_eq!(passes.iter().filter(|pass| !pass.is_gone()).count(), state.holders.len());
        }
        drop((passes, settled));
        let state = gate.lock();
        prop_assert!(state.holders.is_empty() && state.addresses.is_empty() && state.networks.0.is_empty() && state.restless.is_empty());
    }
}
