//! File descriptors: every connection takes one, and most systems give a process far fewer than it
//! may have.

use super::config::Listen;
use super::lanes;
use super::limits::Limits;
use crate::crowd::Room;
use rlimit::Resource;

/// What is open beside the connections that are counted and their threads: the store, the sockets,
/// connections to upstreams and of operators.
const OTHERS: u64 = 128;

/// Raises the limit of the process as far as it may, and tells how many connections have room: as
/// many as the configuration allows, or fewer, with a warning. What strangers open must not take
/// the last descriptor from the store and from operators.
pub fn room(listen: &Listen, limits: &Limits, cores: usize) -> Room {
    let allowed = rlimit::increase_nofile_limit(u64::MAX).or_else(|error| {
        tracing::warn!(%error, "the limit of open files cannot be raised");
        rlimit::getrlimit(Resource::NOFILE).map(|(soft, _)| soft)
    });
    let (room, warning) = fitting(allowed.unwrap_or(u64::MAX), listen, limits, cores);
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
    room
}

/// What fits under so few descriptors, and what to say of it.
pub(super) fn fitting(allowed: u64, listen: &Listen, limits: &Limits, cores: usize) -> (Room, Option<String>) {
    let wanted = Room { places: limits.connections.get(), per_address: limits.connections_per_address.get() };
    let kinds = [[&listen.http, &listen.https], [&listen.ldap, &listen.ldaps]];
    let kinds = kinds.iter().filter(|kind| kind.iter().any(|addresses| !addresses.is_empty())).count().max(1) as u64;
    let others = OTHERS + kinds * cores as u64 * lanes::DESCRIPTORS;
    let connections = (wanted.places as u64).saturating_mul(kinds);
    let needed = (wanted.leaving() as u64).saturating_mul(kinds).saturating_add(connections).saturating_add(others);
    if needed <= allowed {
        return (wanted, None);
    }
    let share = within((allowed - others.min(allowed / 2)) / kinds);
    let room = Room { places: share, per_address: wanted.per_address.min(share.div_ceil(4)) };
    let Room { places: of_each, per_address } = room;
    let warning = format!(
        "the process may open {allowed} files, and the {connections} connections that `limits.connections` allows need {needed}: \
         {of_each} of a kind are let in, {per_address} from one address. \
         Raise the hard limit of open files (LimitNOFILE= of the systemd unit, `ulimit -Hn` of a shell), or lower `limits.connections`"
    );
    (room, Some(warning))
}

/// How many connections have room within so many descriptors, beside those that are leaving.
fn within(descriptors: u64) -> usize {
    let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
    let fits = |places: &usize| Room { places: *places, per_address: 0 }.leaving().saturating_add(*places) <= descriptors;
    // As many are leaving as there are, a constant number, or an eighth.
    let candidates = [descriptors / 2, descriptors.saturating_sub(64), descriptors - descriptors.div_ceil(9)];
    candidates.into_iter().filter(fits).max().unwrap_or(0).max(1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn listen() -> Listen {
        Listen { http: vec!["127.0.0.1:0".parse().unwrap()], ..Listen::default() }
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        let (_, hard) = rlimit::getrlimit(Resource::NOFILE).unwrap();
        rlimit::setrlimit(Resource::NOFILE, hard - 1, hard).unwrap();
        room(&listen(), &Limits::default(), 2);
        assert_eq!(rlimit::getrlimit(Resource::NOFILE).unwrap(), (hard, hard));
    }

    #[test]
    fn connections_that_do_not_fit_are_not_let_in_and_told_with_what_to_do() {
        let limits =
            Limits { connections: 1000.try_into().unwrap(), connections_per_address: 900.try_into().unwrap(), ..Limits::default() };
        let both = Listen { ldaps: vec!["127.0.0.1:0".parse().unwrap()], ..listen() };
        let fits = |allowed, listen: &Listen| {
            let (Room { places, per_address }, warning) = fitting(allowed, listen, &limits, 2);
            (places, per_address, warning.is_none())
        };
        assert_eq!(fits(1261, &listen()), (1000, 900, true));
        assert_eq!(fits(1260, &listen()), (999, 250, false));
        assert_eq!(fits(2394, &both), (1000, 900, true));
        assert_eq!(fits(1024, &both), (376, 94, false));
        assert_eq!(fits(64, &both), (8, 2, false), "half is left to everything else, and half of the rest to whoever leaves");
        assert_eq!(fits(0, &both), (1, 1, false));
        let text = fitting(1260, &listen(), &limits, 2).1.unwrap();
        for part in
            ["may open 1260 files", "1000 connections", "need 1261", "999 of a kind", "250 from one", "LimitNOFILE", "`limits.connections`"]
        {
            assert!(text.contains(part), "{text}");
        }
        let all = Limits { connections: usize::MAX.try_into().unwrap(), ..Limits::default() };
        assert_eq!(fitting(u64::MAX, &both, &all, 2).1, None);
    }

    #[test]
    fn whoever_leaves_has_room_until_they_are_gone() {
        for descriptors in 2..10_000 {
            let places = within(descriptors);
            let needed = |places| (Room { places, per_address: 1 }.leaving() + places) as u64;
            assert!(needed(places) <= descriptors && needed(places + 2) > descriptors, "{descriptors}: {places}");
        }
    }
}
