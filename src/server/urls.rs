//! Where a URL leads: to a pool, to the server itself, or nowhere. Pure.

use super::config::{PoolUrls, is_loopback_http};
use crate::web::PoolUrl;
use std::borrow::Cow;
use url::Url;

/// Where OAuth clients look for the metadata of an issuer: with the path of the issuer behind it,
/// not before it (RFC 8414, section 3.1).
const METADATA: &str = "/.well-known/oauth-authorization-server";

/// The public URL and how the URLs of pools are made of it.
#[derive(Clone, Debug)]
pub struct Urls {
    public: Url,
    pools: PoolUrls,
}

/// Where a request leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Destination<'a> {
    /// To a pool: its slug and the path under its URL.
    Pool {
        /// The pool's slug: as asked in a path, in small letters out of a host.
        slug: Cow<'a, str>,
        /// The rest of the path, beginning with a slash.
        path: &'a str,
    },
    /// To a path of the server.
    Server,
    /// To a host that is not ours.
    Misdirected,
}

impl Urls {
    /// The URLs of a server.
    pub fn new(public: Url, pools: PoolUrls) -> Self {
        Self { public, pools }
    }

    /// The URL of a pool.
    pub fn base(&self, slug: &str) -> PoolUrl {
        let (scheme, host) = (self.public.scheme(), self.public.host_str().unwrap_or_default());
        let port = self.public.port().map_or_else(String::new, |port| format!(":{port}"));
        PoolUrl::new(match self.pools {
            PoolUrls::Path => format!("{scheme}://{host}{port}/pools/{slug}"),
            PoolUrls::Subdomain => format!("{scheme}://{slug}.{host}{port}"),
        })
    }

    /// Whether browsers reach the server over TLS.
    pub fn is_https(&self) -> bool {
        self.public.scheme() == "https"
    }

    /// Where a request for that host (the name alone, no port) and path leads.
    pub fn destination<'a>(&self, host: &'a str, path: &'a str) -> Destination<'a> {
        match self.pools {
            PoolUrls::Path if self.is_own_host(host) => pool_of_path(path).unwrap_or(Destination::Server),
            PoolUrls::Subdomain => match self.subdomain(host) {
                Some("") => Destination::Server,
                // Hosts are the same in capitals and in small letters (RFC 9110, section 4.2.3);
                // slugs have small letters only.
                Some(slug) => Destination::Pool { slug: slug.to_ascii_lowercase().into(), path },
                None => Destination::Misdirected,
            },
            PoolUrls::Path => Destination::Misdirected,
        }
    }

    /// A server for this machine alone answers to each of the machine's names for itself.
    fn is_own_host(&self, host: &str) -> bool {
        let own = self.public.host_str().unwrap_or_default();
        host.eq_ignore_ascii_case(own) || (is_own_name(host) && is_loopback_http(&self.public))
    }

    fn subdomain<'a>(&self, host: &'a str) -> Option<&'a str> {
        let own = self.public.host_str().unwrap_or_default();
        if host.eq_ignore_ascii_case(own) {
            return Some("");
        }
        let slug_end = host.len().checked_sub(own.len() + 1)?;
        let (slug, rest) = host.split_at_checked(slug_end)?;
        let is_below = rest.strip_prefix('.').is_some_and(|rest| rest.eq_ignore_ascii_case(own));
        (is_below && !slug.is_empty() && !slug.contains('.')).then_some(slug)
    }
}

/// Whether it is one of the names that every machine has for itself, as the host of a URL.
pub fn is_own_name(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

fn pool_of_path(path: &str) -> Option<Destination<'_>> {
    if let Some(issuer) = path.strip_prefix(METADATA) {
        let slug = issuer.strip_prefix("/pools/").filter(|slug| !slug.contains('/'))?;
        return Some(Destination::Pool { slug: slug.into(), path: METADATA });
    }
    let rest = path.strip_prefix("/pools/")?;
    let (slug, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some(Destination::Pool { slug: slug.into(), path: if path.is_empty() { "/" } else { path } })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_a_path() {
        let urls = Urls::new("https://id.example:8443".parse().unwrap(), PoolUrls::Path);
        assert_eq!(urls.base("acme").as_str(), "https://id.example:8443/pools/acme");
        assert_eq!(urls.destination("ID.example", "/pools/acme/login"), Destination::Pool { slug: "acme".into(), path: "/login" });
        assert_eq!(urls.destination("id.example", "/pools/acme"), Destination::Pool { slug: "acme".into(), path: "/" });
        assert_eq!(urls.destination("id.example", "/other"), Destination::Server);
        assert_eq!(
            urls.destination("id.example", &format!("{METADATA}/pools/acme")),
            Destination::Pool { slug: "acme".into(), path: METADATA }
        );
        for none in ["", "/pools", "/pools/acme/login"] {
            assert_eq!(urls.destination("id.example", &format!("{METADATA}{none}")), Destination::Server, "{none}");
        }
        assert_eq!(urls.destination("localhost", "/pools/acme/login"), Destination::Misdirected);
    }

    #[test]
    fn a_pool_is_a_subdomain() {
        let urls = Urls::new("https://id.example".parse().unwrap(), PoolUrls::Subdomain);
        assert_eq!(urls.base("acme").as_str(), "https://acme.id.example");
        assert_eq!(urls.destination("acme.id.example", "/login"), Destination::Pool { slug: "acme".into(), path: "/login" });
        assert_eq!(urls.destination("Acme.ID.example", "/Login"), Destination::Pool { slug: "acme".into(), path: "/Login" });
        assert_eq!(urls.destination("id.example", "/healthz"), Destination::Server);
        for foreign in ["evil.example", "a.b.id.example", "xid.example", ".id.example", ""] {
            assert_eq!(urls.destination(foreign, "/login"), Destination::Misdirected, "{foreign}");
        }
    }

    #[test]
    fn a_server_for_this_machine_answers_to_its_names() {
        let urls = Urls::new("http://localhost:8080".parse().unwrap(), PoolUrls::Path);
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert_eq!(urls.destination(host, "/pools/acme/login"), Destination::Pool { slug: "acme".into(), path: "/login" });
        }
        assert_eq!(urls.destination("evil.example", "/pools/acme/login"), Destination::Misdirected);
    }
}
