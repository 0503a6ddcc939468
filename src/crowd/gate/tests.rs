use super::holders::Holders;
use super::*;
use proptest::prelude::*;

fn from(number: u8) -> Option<IpAddr> {
    Some([192, 0, 2, number].into())
}

fn of(address: &str) -> Option<IpAddr> {
    Some(address.parse().unwrap())
}

fn gate(places: usize, per_address: usize) -> Arc<Gate> {
    Gate::new(Room { places, per_address })
}

impl Gate {
    fn enters<const N: usize>(self: &Arc<Self>, address: Option<IpAddr>) -> [Guest; N] {
        std::array::from_fn(|_| self.enter(address).unwrap())
    }

    /// Somebody who has settled for that pool as that entry.
    fn settled(self: &Arc<Self>, address: Option<IpAddr>, pool: u32, entry: u64) -> (Guest, Settled) {
        let guest = self.enter(address).unwrap();
        let settled = guest.settle(PoolId::new(pool), EntryId::new(entry));
        (guest, settled)
    }
}

impl Guest {
    fn is_gone(&self) -> bool {
        self.0.goes.is_cancelled()
    }
}

fn gone<'g>(guests: impl IntoIterator<Item = &'g Guest>) -> Vec<bool> {
    guests.into_iter().map(Guest::is_gone).collect()
}

fn left(settled: &[(Guest, Settled)]) -> usize {
    settled.iter().filter(|(guest, _)| !guest.is_gone()).count()
}

#[test]
fn there_is_always_a_place_for_one_more_and_the_oldest_gives_way() {
    let gate = gate(3, 3);
    let guests = [1, 2, 3].map(|number| gate.enter(from(number)).unwrap());
    let fourth = gate.enter(from(4)).unwrap();
    assert_eq!((gone(&guests), gate.taken(), gate.leaving.load(Ordering::Relaxed)), (vec![true, false, false], 3, 1));
    drop(guests);
    assert_eq!((gate.taken(), gate.leaving.load(Ordering::Relaxed)), (1, 0), "each place was given back once");
    assert!(!fourth.is_gone());
    assert_eq!((gate.refused(), gate.displaced()), (0, 1));
}

#[test]
fn those_of_large_networks_give_way_first() {
    let gate = gate(5, 5);
    let (few, many) = (gate.enters::<1>(from(1)), gate.enters::<4>(from(2)));
    let _others = [3, 4].map(|number| gate.enter(from(number)).unwrap());
    assert_eq!((gone(&few), gone(&many)), (vec![false], vec![true, true, false, false]));
}

#[test]
fn what_one_subscriber_may_have_is_one_network() {
    let gate = gate(6, 1);
    let one = gate.enter(of("2001:db8:2::1")).unwrap();
    let many = [1, 2, 3, 4, 5].map(|number| gate.enter(of(&format!("2001:db8:1:{number}::1"))).unwrap());
    let _other = gate.enter(from(1)).unwrap();
    assert_eq!((one.is_gone(), gone(&many)), (false, vec![true, false, false, false, false]));
    let same = gate.enter(of("2001:db8:1:2::2")).unwrap();
    assert_eq!((gone(&many), same.is_gone()), (vec![true, true, false, false, false], false), "one of a /64");
}

#[test]
fn an_address_has_so_many_places_and_its_own_oldest_gives_way() {
    let gate = gate(9, 2);
    let other = gate.enter(from(2)).unwrap();
    let guests = gate.enters::<3>(from(1));
    assert_eq!((other.is_gone(), gone(&guests)), (false, vec![true, false, false]));
    let busy = [1, 2].map(|index| guests[index].busy());
    assert!(gate.enter(from(1)).is_none(), "something is done for all of them");
    assert_eq!(gate.refused(), 1);
    drop(busy);
    assert!(gate.enter(from(1)).is_some());
    assert_eq!(gone(&guests), [true, true, false]);
}

#[test]
fn those_for_whom_something_is_done_give_way_last() {
    let gate = gate(4, 4);
    let (one, many) = (gate.enters::<1>(from(1)), gate.enters::<3>(from(2)));
    let busy: Vec<_> = one.iter().chain(&many[..2]).map(Guest::busy).collect();
    let third = gate.enter(from(3)).unwrap();
    assert_eq!(gone(&many), [false, false, true], "nothing was done for it");
    let _fourth = gate.enter(from(4)).unwrap().busy();
    assert!(third.is_gone());
    assert!(gate.enter(from(5)).is_none());
    drop(busy);
    assert!(gate.enter(from(5)).is_some());
}

#[test]
fn where_something_is_done_for_nearly_all_some_of_them_make_room_for_newcomers() {
    let gate = gate(16, 16);
    let (one, many) = (gate.enters::<13>(from(1)), [2, 3, 4].map(|number| gate.enter(from(number)).unwrap()));
    let _busy: Vec<_> = one.iter().chain(&many).map(Guest::busy).collect();
    let newcomers = [5, 6, 7].map(|number| gate.enter(from(number)).unwrap());
    assert_eq!(gone(&one).iter().filter(|gone| **gone).count(), 2, "two of sixteen places, those of whoever has most");
    assert_eq!((gone(&many), gone(&newcomers)), (vec![false; 3], vec![true, false, false]));
}

/// An application that comes with many connections at a time, beside older strangers with few.
#[test]
fn whoever_has_just_come_is_not_compared() {
    let gate = gate(300, 300);
    let strangers: Vec<_> = (0..250).map(|number| gate.enter(from(number)).unwrap()).collect();
    let application = gate.enters::<50>(Some([198, 51, 100, 1].into()));
    let _more: Vec<_> = (0..100).map(|number| gate.enter(from(number)).unwrap()).collect();
    assert!(!gone(&application).contains(&true));
    assert_eq!(gone(&strangers).iter().filter(|gone| **gone).count(), 100);
}

/// Many who have been there for long with one each do not put somebody who has two in the way of
/// those who come and go with very much.
#[test]
fn whoever_has_little_is_not_behind_many_who_have_less() {
    let gate = gate(600, 300);
    let few: Vec<_> = (0..100).map(|number| gate.enter(from(number)).unwrap()).collect();
    let slow = gate.enters::<2>(Some([198, 51, 100, 1].into()));
    let [one, other] = [[203, 0, 113, 1], [203, 0, 113, 2]].map(|address| Some(address.into()));
    let mut many = std::collections::VecDeque::from_iter((0..249).flat_map(|_| [gate.enter(one), gate.enter(other)]));
    for _ in 0..1000 {
        // They give up their oldest themselves, before they lose it.
        many.rotate_left(2);
        many.truncate(496);
        many.extend([gate.enter(one), gate.enter(other)]);
        drop(gate.enter(from(200)));
    }
    assert!(!gone(&slow).contains(&true) && !gone(&few).contains(&true));
    assert!(gate.displaced() > 0);
}

#[test]
fn whoever_has_settled_gives_way_to_no_stranger() {
    let gate = gate(8, 8);
    let bound: Vec<_> = (0..7).map(|_| gate.settled(from(1), 1, 1)).collect();
    let strangers: Vec<_> = (2..200).map(|number| gate.enter(from(number)).map(|guest| guest.busy())).collect();
    assert!(strangers.iter().all(Option::is_some));
    assert_eq!(left(&bound), 7);
}

#[test]
fn whoever_is_settled_no_longer_is_as_new() {
    let gate = gate(4, 4);
    let guests = [1, 2, 3, 4].map(|number| gate.enter(from(number)).unwrap());
    let twice = [(), ()].map(|()| guests[0].settle(PoolId::new(1), EntryId::new(1)));
    let [first, second] = twice;
    drop(first);
    let _fifth = gate.enter(from(5)).unwrap();
    assert_eq!(gone(&guests), [false, true, false, false], "settled once still");
    drop(second);
    let _sixth = gate.enter(from(6)).unwrap();
    assert_eq!(gone(&guests), [false, true, true, false]);
}

#[test]
fn those_who_settle_leave_room_for_newcomers() {
    let gate = gate(16, 16);
    let small: Vec<_> = (1..5).map(|number| gate.settled(from(number), 1, 1)).collect();
    let large: Vec<_> = (0..10).map(|_| gate.settled(from(9), 1, 1)).collect();
    assert_eq!((left(&small), left(&large)), (4, 10), "14 of 16");
    let newcomer = gate.settled(from(10), 1, 1);
    assert!(!newcomer.0.is_gone() && large[9].0.is_gone(), "the newest of those of whom there are most");
    assert_eq!((left(&small), left(&large)), (4, 9));
    assert!(gate.settled(from(9), 1, 1).0.is_gone(), "whoever belongs to those has come too late");
    assert_eq!((left(&small), left(&large)), (4, 9));
}

#[test]
fn those_of_one_network_who_have_settled_count_together() {
    let gate = gate(16, 16);
    let one: Vec<_> = (0..4).map(|_| gate.settled(of("2001:db8:2::1"), 1, 1)).collect();
    let many: Vec<_> = (0..20).map(|number| gate.settled(of(&format!("2001:db8:1:{number}::1")), 1, 1)).collect();
    assert_eq!((left(&one), left(&many)), (4, 10));
}

#[test]
fn one_pool_takes_no_place_from_another() {
    let gate = gate(16, 16);
    let small: Vec<_> = (0..4).map(|_| gate.settled(from(1), 1, 1)).collect();
    let large: Vec<_> = (10..30).map(|number| gate.settled(from(number), 2, u64::from(number))).collect();
    assert_eq!((left(&small), left(&large)), (4, 10));
}

#[test]
fn one_account_takes_no_place_from_others_of_its_pool() {
    let gate = gate(16, 16);
    let application: Vec<_> = (0..6).map(|_| gate.settled(from(1), 1, 1)).collect();
    let account: Vec<_> = (10..30).map(|number| gate.settled(from(number), 1, 2)).collect();
    assert_eq!((left(&application), left(&account)), (6, 8));
}

#[test]
fn so_many_settle_for_one_pool_from_one_address() {
    let gate = gate(16, 2);
    let one: Vec<_> = (0..3).map(|_| gate.settled(from(1), 1, 1)).collect();
    assert!(one[2].0.is_gone() && left(&one) == 2);
    assert!(!gate.settled(from(1), 2, 1).0.is_gone(), "another pool behind the same address");
    assert!(gate.enter(from(1)).is_some(), "nor does it keep a stranger out");
}

#[test]
fn one_of_many_behind_an_address_is_counted_in_all_only() {
    let gate = gate(3, 1);
    let many = gate.enters::<3>(None);
    let busy = many[0].busy();
    let _other = many[1].busy();
    let stranger = gate.enter(from(1)).unwrap();
    assert_eq!(gone(&many), [false, false, true], "nothing is done for it");
    let fourth = gate.enter(None).unwrap();
    assert!(stranger.is_gone(), "strangers give way before");
    let _busy = fourth.busy();
    assert!(gate.enter(None).is_none() && gate.enter(from(1)).is_none());
    drop(busy);
    assert!(gate.enter(None).is_some());
    assert_eq!(gone(&many), [true, false, true]);
}

/// Something that happens at a gate.
#[derive(Clone, Debug)]
enum Event {
    Enter(u8),
    Busy(usize),
    Idle(usize),
    Settle(usize, u32, u64),
    Unsettle(usize),
    Leave(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..6_u8).prop_map(Event::Enter),
        any::<usize>().prop_map(Event::Busy),
        any::<usize>().prop_map(Event::Idle),
        (any::<usize>(), 0..3_u32, 0..2_u64).prop_map(|(index, pool, entry)| Event::Settle(index, pool, entry)),
        any::<usize>().prop_map(Event::Unsettle),
        any::<usize>().prop_map(Event::Leave),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_counts_are_those_of_who_is_there(events in prop::collection::vec(event(), 0..200)) {
        let gate = gate(8, 3);
        let (mut guests, mut busy, mut settled) = (Vec::new(), Vec::new(), Vec::new());
        for event in events {
            let strangers = |number: u8| from(number).map_or(0, |address| gate.holders().strangers_of(address));
            let before: Vec<_> = (0..6).map(strangers).collect();
            if let Event::Enter(number @ 1..) = event {
                guests.extend(gate.enter(from(number)));
                prop_assert!(strangers(number) <= before[usize::from(number)].max(3));
            }
            match event {
                // Number 0 stands for many.
                Event::Enter(0) => guests.extend(gate.enter(None)),
                Event::Busy(index) if !guests.is_empty() => busy.push(guests[index % guests.len()].busy()),
                Event::Idle(index) if !busy.is_empty() => drop(busy.swap_remove(index % busy.len())),
                Event::Settle(index, pool, entry) if !guests.is_empty() => {
                    settled.push(guests[index % guests.len()].settle(PoolId::new(pool), EntryId::new(entry)));
                }
                Event::Unsettle(index) if !settled.is_empty() => drop(settled.swap_remove(index % settled.len())),
                Event::Leave(index) if !guests.is_empty() => drop(guests.swap_remove(index % guests.len())),
                _ => {}
            }
            let holders = gate.holders();
            prop_assert_eq!(holders.most_restless(), holders.most_restless_of_all());
            prop_assert!(holders.len() <= 8 && holders.settled() <= 7);
            holders.assert_consistent();
        }
        drop((guests, busy, settled));
        prop_assert!(gate.holders().is_empty());
        prop_assert_eq!(gate.leaving.load(Ordering::Relaxed), 0);
    }
}

impl Holders {
    fn is_empty(&self) -> bool {
        let holders = Self::default();
        self.counts() == holders.counts()
    }
}
