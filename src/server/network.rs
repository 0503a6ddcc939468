//! Networks in CIDR notation, and whose word about an address is believed.

use crate::model::address::subscriber;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use warp::http::HeaderMap;
use warp::http::header::FORWARDED;

/// A range of addresses, such as `10.0.0.0/8` or `::1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Whether the address lies in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| format!("`{text}` is no network: write it as 10.0.0.0/8 or ::1/128"))?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|prefix| *prefix <= longest)
                .ok_or_else(|| format!("`{text}`: the prefix must be 0 to {longest}"))?,
        };
        Ok(Self { address, prefix })
    }
}

/// Who has asked a proxy.
pub const FORWARDED_FOR: &str = "x-forwarded-for";

/// The most addresses that are remembered as having been warned of.
const MAX_WARNED: usize = 256;

/// The proxies before the server, as the operator names them.
pub struct Proxies {
    trusted: Vec<Network>,
    /// Others that have spoken like one.
    warned: Mutex<HashSet<IpAddr>>,
}

impl Proxies {
    /// Those in these networks.
    pub fn new(trusted: Vec<Network>) -> Self {
        Self { trusted, warned: Mutex::default() }
    }

    /// Who really asks over a connection from that address.
    pub fn client(&self, connection: IpAddr, headers: &HeaderMap) -> IpAddr {
        if self.is_news(connection, headers) {
            tracing::warn!(
                address = %connection,
                "requests come through a proxy that `trusted_proxies` does not name: all people behind it are one address and share its limits; \
                 name it, or let it send no X-Forwarded-For and no Forwarded"
            );
        }
        client_address(connection, forwarded_for(headers).as_deref(), &self.trusted)
    }

    /// Whether an address speaks like a proxy for the first time, and is not named as one. What
    /// does not fit among those that are remembered is not told: the log belongs to no stranger.
    fn is_news(&self, connection: IpAddr, headers: &HeaderMap) -> bool {
        let speaks = [FORWARDED_FOR, FORWARDED.as_str()].into_iter().any(|name| headers.contains_key(name));
        if !speaks || self.trusted.iter().any(|network| network.contains(connection)) {
            return false;
        }
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.len() < MAX_WARNED && warned.insert(subscriber(connection))
    }
}

/// All that proxies have noted, in the order in which they did. Some add a field of their own after
/// those that came in: the first one alone may be the client's invention.
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let noted: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().map(|field| field.to_str().unwrap_or_default()).collect();
    (!noted.is_empty()).then(|| noted.join(","))
}

/// Who really asks: the connection's address, or, if that is a trusted proxy, the nearest address
/// in `X-Forwarded-For` that is not.
fn client_address(connection: IpAddr, forwarded_for: Option<&str>, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = connection.to_canonical();
    let mut hops = forwarded_for.unwrap_or_default().rsplit(',');
    while is_trusted(client) {
        match hops.next().and_then(|hop| address_of(hop.trim())) {
            Some(hop) => client = hop.to_canonical(),
            None => break,
        }
    }
    client
}

/// An address, with the port that some proxies add.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = || hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop).parse().ok();
    bare().or_else(|| hop.parse::<SocketAddr>().ok().map(|hop| hop.ip()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::model::testing::Log;
    use warp::http::HeaderValue;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn ranges_hold_what_they_should() {
        let network: Network = "10.0.0.0/8".parse().unwrap();
        assert!(network.contains(address("10.255.0.1")));
        assert!(network.contains(address("::ffff:10.1.1.1")));
        assert!(!network.contains(address("11.0.0.1")));
        let everything: Network = "::/0".parse().unwrap();
        assert!(everything.contains(address("2001:db8::1")));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("ten".parse::<Network>().is_err());
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let asked = |connection, field| client_address(address(connection), field, &trusted);
        assert_eq!(asked("192.0.2.1", Some("198.51.100.7")), address("192.0.2.1"));
        assert_eq!(asked("10.0.0.1", Some("198.51.100.7")), address("198.51.100.7"));
        assert_eq!(asked("10.0.0.1", Some("203.0.113.5, 198.51.100.7, 10.0.0.2")), address("198.51.100.7"));
        assert_eq!(asked("10.0.0.1", Some("198.51.100.7:4711")), address("198.51.100.7"));
        assert_eq!(asked("10.0.0.1", Some("[2001:db8::7]:4711, [::ffff:10.0.0.2]")), address("2001:db8::7"));
        assert_eq!(asked("10.0.0.1", Some("nonsense")), address("10.0.0.1"));
        assert_eq!(asked("10.0.0.1", None), address("10.0.0.1"));
    }

    #[test]
    fn a_field_that_a_client_puts_before_the_proxys_is_not_believed() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let client = |fields: &[(&'static str, &str)]| proxies.client(address("10.0.0.1"), &headers(fields)).to_string();
        assert_eq!(client(&[(FORWARDED_FOR, "127.0.0.1"), (FORWARDED_FOR, "198.51.100.7")]), "198.51.100.7");
        assert_eq!(client(&[(FORWARDED_FOR, "127.0.0.1, 198.51.100.7")]), "198.51.100.7");
        assert_eq!(
            client(&[(FORWARDED_FOR, "198.51.100.7"), (FORWARDED_FOR, "\u{e9}")]),
            "10.0.0.1",
            "what is no text hides what is before it"
        );
        assert_eq!(client(&[]), "10.0.0.1");
    }

    #[test]
    fn somebody_who_speaks_like_a_proxy_and_is_none_is_warned_of_once() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let news = |from: &str, fields: &[(&'static str, &str)]| proxies.is_news(address(from), &headers(fields));
        assert!(!news("127.0.0.1", &[]) && !news("10.0.0.1", &[(FORWARDED_FOR, "198.51.100.7")]));
        assert!(news("127.0.0.1", &[(FORWARDED_FOR, "198.51.100.7")]));
        assert!(!news("127.0.0.1", &[(FORWARDED_FOR, "198.51.100.8")]) && !news("127.0.0.1", &[("forwarded", "for=198.51.100.7")]));
        assert!(news("192.0.2.1", &[("forwarded", "for=198.51.100.7")]));
        let others = (0..1000).filter(|number| news(&format!("203.0.{}.{}", number / 250, number % 250), &[(FORWARDED_FOR, "x")])).count();
        assert_eq!(others, MAX_WARNED - 2);
    }

    #[test]
    fn the_warning_names_the_address_and_comes_once() {
        let (log, proxies) = (Log::listen(), Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]));
        for from in ["10.0.0.1", "192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"] {
            proxies.client(address(from), &headers(&[]));
            proxies.client(address(from), &headers(&[(FORWARDED_FOR, "198.51.100.7")]));
        }
        assert_eq!(log.count("`trusted_proxies` does not name"), 2, "one network is one address");
        assert_eq!((log.count("address=192.0.2.1"), log.count("address=2001:db8::1")), (1, 1));
    }
}
