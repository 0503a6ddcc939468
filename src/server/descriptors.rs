//! File descriptors: every connection takes one, and most systems give a process far fewer than it
//! may have.

use super::config::Listen;
use super::limits::Limits;
use rlimit::Resource;

/// What is open beside the connections that are counted: the store, the sockets, connections to
/// upstreams and of operators.
const OTHERS: u64 = 256;

/// Raises the limit of the process as far as it may, and warns if the configured connections do not
/// fit under it.
pub fn raise(listen: &Listen, limits: &Limits) {
    let allowed = rlimit::increase_nofile_limit(u64::MAX).or_else(|error| {
        tracing::warn!(%error, "the limit of open files cannot be raised");
        rlimit::getrlimit(Resource::NOFILE).map(|(soft, _)| soft)
    });
    if let Some(warning) = allowed.ok().and_then(|allowed| warning(allowed, listen, limits)) {
        tracing::warn!("{warning}");
    }
}

/// What to say of so few descriptors.
fn warning(allowed: u64, listen: &Listen, limits: &Limits) -> Option<String> {
    let kinds = [[&listen.http, &listen.https], [&listen.ldap, &listen.ldaps]];
    let kinds = kinds.iter().filter(|kind| kind.iter().any(|addresses| !addresses.is_empty())).count();
    let connections = (limits.connections.get() as u64).saturating_mul(kinds as u64);
    let needed = connections.saturating_add(OTHERS);
    (allowed < needed).then(|| {
        format!(
            "the process may open {allowed} files, and the {connections} connections that `limits.connections` allows need {needed}: \
             raise the hard limit of open files (LimitNOFILE= of the systemd unit, `ulimit -Hn` of a shell), or lower `limits.connections`"
        )
    })
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
        raise(&listen(), &Limits::default());
        assert_eq!(rlimit::getrlimit(Resource::NOFILE).unwrap(), (hard, hard));
    }

    #[test]
    fn connections_that_do_not_fit_are_told_with_what_to_do() {
        let limits = Limits { connections: 1000.try_into().unwrap(), ..Limits::default() };
        assert_eq!(warning(1256, &listen(), &limits), None);
        let text = warning(1255, &listen(), &limits).unwrap();
        for part in ["may open 1255 files", "1000 connections", "need 1256", "LimitNOFILE", "`limits.connections`"] {
            assert!(text.contains(part), "{text}");
        }
        let both = Listen { ldaps: vec!["127.0.0.1:0".parse().unwrap()], ..listen() };
        assert!(warning(2255, &both, &limits).unwrap().contains("need 2256"));
        assert_eq!(warning(2256, &both, &limits), None);
        assert_eq!(warning(u64::MAX, &both, &Limits { connections: usize::MAX.try_into().unwrap(), ..Limits::default() }), None);
    }
}
