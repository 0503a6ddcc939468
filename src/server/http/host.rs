//! The host that a request names, and whether it is this machine that asks itself.

use crate::server::network::FORWARDED_FOR;
use crate::server::urls::is_own_name;
use std::net::IpAddr;
use warp::http::{HeaderMap, Request, Version, header};

/// The host that the request names, without a port. None if it names several, or what is none:
/// what stands before us could go by another one.
pub fn host_of<B>(request: &Request<B>) -> Option<&str> {
    let mut fields = request.headers().get_all(header::HOST).iter().map(|field| field.to_str().ok().and_then(name_of));
    let (field, another) = (fields.next(), fields.next());
    let target = request.uri().authority().map(|authority| name_of(authority.as_str()));
    match (target, field, another) {
        (_, _, Some(_)) => None,
        (None, field, None) => field?,
        // RFC 9113, section 8.3.1; in HTTP/1.1 the target outweighs the field (RFC 9112, section
        // 3.2.2).
        (Some(target), Some(field), None) if request.version() == Version::HTTP_2 && target != field => None,
        (Some(target), _, None) => target,
    }
}

/// The host of an authority, without a port. None if there is more than that, such as user
/// information (RFC 9110, section 4.2.4): it could make another host look like ours.
fn name_of(authority: &str) -> Option<&str> {
    let end = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    (!host.is_empty() && !host.contains('@') && is_port).then_some(host)
}

/// Whether somebody on this machine asks this machine: not a proxy here for somebody elsewhere, and
/// not a page elsewhere whose name leads a browser here.
pub fn is_local(peer: IpAddr, host: &str, headers: &HeaderMap) -> bool {
    let is_forwarded = [FORWARDED_FOR, header::FORWARDED.as_str(), header::VIA.as_str()].into_iter().any(|name| headers.contains_key(name));
    peer.is_loopback() && is_own_name(host) && !is_forwarded
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use warp::http::{HeaderName, HeaderValue};

    #[test]
    fn only_somebody_on_this_machine_is_local() {
        let (here, there) = ("127.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(is_local(here, host, &HeaderMap::new()), "{host}");
        }
        assert!(is_local("::1".parse().unwrap(), "localhost", &HeaderMap::new()));
        assert!(!is_local(there, "localhost", &HeaderMap::new()));
        for host in ["id.example", "localhost.evil.example", "evil.example"] {
            assert!(!is_local(here, host, &HeaderMap::new()), "{host}");
        }
        for (name, value) in [(FORWARDED_FOR, "127.0.0.1"), ("forwarded", "for=127.0.0.1"), ("via", "1.1 proxy")] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            assert!(!is_local(here, "localhost", &headers), "{name}");
        }
    }

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        for (authority, host) in [
            ("id.example", "id.example"),
            ("id.example:8443", "id.example"),
            ("id.example:", "id.example"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
        ] {
            assert_eq!(name_of(authority), Some(host), "{authority}");
        }
        for none in [
            "",
            ":80",
            "id.example:80@evil.example",
            "id.example@evil.example",
            "evil.example@id.example",
            "id.example:evil",
            "id.example:80:80",
            "id.example:80 ",
            "[::1]evil.example",
            "[::1]:80@evil.example",
            "[::1]@evil.example",
            "::1",
        ] {
            assert_eq!(name_of(none), None, "{none}");
        }
    }
}
