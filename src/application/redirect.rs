//! Where a browser may be sent back to. Matching is by exact text (RFC 9700, section 2.1), with the
//! one exception that RFC 8252 demands for native applications.

use crate::model::error::{Error, Result, Rule};
use minicbor::{Decode, Encode};
use std::fmt;
use url::{Host, Url};

/// The longest URI of an application, in bytes.
pub const MAX_URI: usize = 2000;

/// A URI that a browser may be sent to: https, http on loopback, or a private-use scheme (RFC 8252,
/// section 7); without fragment and user information.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct RedirectUri(#[n(0)] String);

impl RedirectUri {
    /// Parses the URI and keeps its text as it is, since it is compared as text.
    pub fn parse(text: &str) -> Result<Self> {
        let refuse = |why: &str| Err(Error::invalid(Rule::Request, format!("{text:.200} cannot be a redirect URI: {why}")));
        if text.is_empty() || text.len() > MAX_URI {
            return refuse("its length is not between 1 and 2000 bytes");
        }
        // The URL parser drops tabs and reads a backslash as a slash: what browsers read
        // differently is refused before it.
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}'))
        {
            return refuse("it has characters that a URI cannot have");
        }
        if text.contains('#') {
            return refuse("it has a fragment");
        }
        let Ok(url) = Url::parse(text) else { return refuse("it is not an absolute URI") };
        if text.get(..url.scheme().len()).is_none_or(|scheme| scheme != url.scheme()) {
            return refuse("its scheme is not in lower case");
        }
        if !url.username().is_empty() || url.password().is_some() || authority(text).is_some_and(|authority| authority.contains('@')) {
            return refuse("it has user information");
        }
        match url.scheme() {
            "https" | "http" if !text.starts_with(&format!("{}://", url.scheme())) => return refuse("its scheme is not followed by //"),
            "https" | "http" if !names_host(text, &url) => return refuse("its host is not written the way browsers write it"),
            "https" if url.host_str().is_some_and(|host| host.contains('*')) => return refuse("a host cannot have a wildcard"),
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return refuse("http is for loopback only; use https"),
            scheme if scheme.contains('.') => {}
            _ => return refuse("its scheme is neither https, nor http on loopback, nor a reversed domain name"),
        }
        Ok(Self(text.to_owned()))
    }

    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether its scheme belongs to an application on the device (RFC 8252, section 7.1).
    pub fn is_private_use(&self) -> bool {
        !self.0.starts_with("https://") && !self.0.starts_with("http://")
    }

    /// Whether a request may name this text when this URI is registered: equal, byte for byte. For
    /// a native application the port of a loopback address is free, because the system chooses it
    /// (RFC 8252, section 7.3).
    pub fn matches(&self, presented: &str, native: bool) -> bool {
        if self.0 == presented {
            return true;
        }
        native
            && ["http://127.0.0.1", "http://[::1]"].into_iter().any(|origin| {
                match (self.0.strip_prefix(origin), presented.strip_prefix(origin)) {
                    (Some(registered), Some(presented)) => match (without_port(registered), without_port(presented)) {
                        (Some(registered), Some(presented)) => registered == presented,
                        _ => false,
                    },
                    _ => false,
                }
            })
    }
}

/// Whether any program on the device of the browser can take what is sent to a URI (RFC 8252,
/// section 8.6): a private-use scheme is opened by whichever program has registered it, and a port
/// of the device belongs to whichever program listens there, under any name of the device and with
/// TLS or without. What is sent to https elsewhere goes to its domain. A text that is no URI counts
/// as open.
pub fn is_open_to_any_program(uri: &str) -> bool {
    Url::parse(uri).map_or(true, |url| url.scheme() != "https" || names_the_device(&url))
}

/// Wider than [`is_loopback`], which says what http may be registered for: here a name that is
/// missed would be taken for a domain.
fn names_the_device(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => {
            let mapped = address.to_ipv4_mapped().is_some_and(|address| address.is_loopback() || address.is_unspecified());
            address.is_loopback() || address.is_unspecified() || mapped
        }
        // RFC 6761, section 6.3: all names below it mean the device as well.
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?']).next()
}

/// Whether the text names the host as the parser read it: not empty, not in capitals, not an
/// address in disguise.
fn names_host(text: &str, url: &Url) -> bool {
    match (authority(text), url.host_str()) {
        (Some(authority), Some(host)) => authority.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// What follows the port after an address; `None` if what follows the address is neither a port nor
/// the end of the authority.
fn without_port(rest: &str) -> Option<&str> {
    let after = match rest.strip_prefix(':') {
        None => rest,
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = port.split_at(digits);
            number.parse::<u16>().ok()?;
            after
        }
    };
    (after.is_empty() || after.starts_with(['/', '?'])).then_some(after)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn uris_that_are_fine() {
        for text in [
            "https://app.example/callback",
            "https://app.example",
            "https://app.example:8443/callback?tenant=1",
            "http://localhost:9090/callback",
            "http://127.0.0.1:9090/callback",
            "http://127.0.0.1/callback",
            "http://[::1]:9090/callback",
            "com.example.app:/callback",
            "com.example.app://callback",
        ] {
            assert_eq!(RedirectUri::parse(text).map(|uri| uri.to_string()).unwrap_or_default(), text);
        }
    }

    #[test]
    fn uris_that_are_refused() {
        for text in [
            "",
            "/callback",
            "callback",
            "//app.example/callback",
            "http://app.example/callback",
            "http://localhost.evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "https://app.example/callback#",
            "https://app.example/callback#fragment",
            "https://user@app.example/callback",
            "https://@app.example/callback",
            "https://user:word@app.example/callback",
            "https:app.example/callback",
            "https:/app.example/callback",
            "https:///app.example/callback",
            "https://",
            "https://APP.example/callback",
            "http://2130706433/callback",
            "http://0x7f.1/callback",
            "https://*.example/callback",
            "HTTPS://app.example/callback",
            "https:\\\\app.example\\callback",
            "https://app.example\\@evil.example/callback",
            "https://app.example/call back",
            " https://app.example/callback",
            "https://app.example/callback\n",
            "https://app.example/\tcallback",
            "https://app.example/\u{0}",
            "https://äpp.example/callback",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "ftp://app.example/",
            "myapp://callback",
            &format!("https://app.example/{}", "x".repeat(MAX_URI)),
        ] {
            assert!(RedirectUri::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn matching_is_exact() {
        let registered = RedirectUri::parse("https://app.example/callback").unwrap();
        for native in [false, true] {
            assert!(registered.matches("https://app.example/callback", native));
            for text in [
                "https://app.example/callback/",
                "https://app.example/callback?",
                "https://app.example/callback?x=1",
                "https://app.example/callback#x",
                "https://app.example/Callback",
                "https://APP.example/callback",
                "https://app.example:443/callback",
                "https://app.example/a/../callback",
                "https://app.example/%63allback",
                "https://app.example.evil.example/callback",
                "https://app.example@evil.example/callback",
                "http://app.example/callback",
                "",
            ] {
                assert!(!registered.matches(text, native), "{text}");
            }
        }
    }

    #[test]
    fn what_any_program_of_the_device_can_take() {
        for (uri, open) in [
            ("https://app.example/callback", false),
            ("https://app.example:8443/callback", false),
            ("https://192.0.2.1/callback", false),
            ("https://[2001:db8::1]/callback", false),
            ("https://localhost.example/callback", false),
            ("https://notlocalhost/callback", false),
            ("com.example.app:/callback", true),
            ("com.example.app://callback", true),
            ("http://127.0.0.1/callback", true),
            ("http://127.0.0.1:49152/callback", true),
            ("http://127.8.9.1:49152/callback", true),
            ("http://[::1]:49152/callback", true),
            ("http://localhost:9090/callback", true),
            ("https://localhost/callback", true),
            ("https://localhost.:8443/callback", true),
            ("https://app.localhost/callback", true),
            ("https://127.0.0.1/callback", true),
            ("https://[::1]/callback", true),
            ("https://[::ffff:127.0.0.1]/callback", true),
            ("https://[::]/callback", true),
            ("https://0.0.0.0/callback", true),
            ("", true),
            ("callback", true),
        ] {
            assert_eq!(is_open_to_any_program(uri), open, "{uri}");
        }
    }

    #[test]
    fn the_port_of_a_loopback_address_is_free_for_native_applications_only() {
        let registered = RedirectUri::parse("http://127.0.0.1:9090/callback").unwrap();
        assert!(registered.matches("http://127.0.0.1:41234/callback", true));
        assert!(registered.matches("http://127.0.0.1/callback", true));
        assert!(!registered.matches("http://127.0.0.1:41234/callback", false));
        for text in [
            "http://127.0.0.1:41234/other",
            "http://127.0.0.1:41234/callback?x",
            "http://127.0.0.1:99999/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:1@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1@evil.example/callback",
            "http://127.0.0.10:9090/callback",
            "http://[::1]:9090/callback",
            "http://localhost:9090/callback",
            "https://127.0.0.1:9090/callback",
        ] {
            assert!(!registered.matches(text, true), "{text}");
        }
        let name = RedirectUri::parse("http://localhost:9090/callback").unwrap();
        assert!(!name.matches("http://localhost:9091/callback", true), "only addresses, not names");
    }
}
