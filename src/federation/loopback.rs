//! Which upstreams may be called: those over https, and over plain http those on this very machine.

use url::{Host, Url};

/// Whether the URL names this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether an upstream may be called there.
pub(super) fn may_call(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether an upstream of that issuer may name that URL as one of its endpoints: it cannot lead
/// from https to http, nor from the network to this machine.
pub(super) fn may_lead_to(issuer: &Url, endpoint: &Url) -> bool {
    may_call(endpoint) && (is_loopback(issuer) || (endpoint.scheme() == "https" && !is_loopback(endpoint)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        let table = [
            ("https://idp.example/pools/a", true),
            ("http://localhost:8080/pools/a", true),
            ("http://127.0.0.1:8080/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:8080/", true),
            ("http://idp.example/", false),
            ("http://localhost.idp.example/", false),
            ("http://10.0.0.1/", false),
            ("ftp://localhost/", false),
            ("data:text/plain,x", false),
        ];
        for (url, expected) in table {
            assert_eq!(may_call(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn an_upstream_on_the_network_cannot_point_at_this_machine() {
        let issuer = Url::parse("https://idp.example").unwrap();
        let local = Url::parse("http://localhost:8080").unwrap();
        assert!(may_lead_to(&issuer, &Url::parse("https://other.example/token").unwrap()));
        assert!(!may_lead_to(&issuer, &Url::parse("http://localhost/token").unwrap()));
        assert!(!may_lead_to(&issuer, &Url::parse("https://127.0.0.1/token").unwrap()));
        assert!(may_lead_to(&local, &Url::parse("http://127.0.0.1/token").unwrap()));
        assert!(!may_lead_to(&local, &Url::parse("http://idp.example/token").unwrap()));
    }
}
