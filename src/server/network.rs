//! Networks in CIDR notation, and whose word about an address is believed.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

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

/// Who really asks: the connection's address, or, if that is a trusted proxy, the nearest address in `X-Forwarded-For` that is not.
pub fn client_address(connection: IpAddr, forwarded_for: Option<&str>, trusted: &[Network]) -> IpAddr {
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

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
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
}
