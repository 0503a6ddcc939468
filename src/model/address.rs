//! Network addresses as limits count them.

use std::net::{IpAddr, Ipv6Addr};

/// The network that one subscriber has at least, by its first address: with IPv6 a /64, since
/// nobody has less (RFC 6177); with IPv4 the address itself. What is limited for each address is
/// limited for each of these, or whoever has a /64 would have no limit at all.
pub fn subscriber(address: IpAddr) -> IpAddr {
    let [.., narrowest] = networks(address);
    narrowest
}

/// The networks that one subscriber may have, from the widest to the narrowest, each by its first
/// address: with IPv6 a /48, a /56 and a /64 (RFC 6177); with IPv4 the address itself.
pub fn networks(address: IpAddr) -> [IpAddr; 3] {
    match address.to_canonical() {
        IpAddr::V4(address) => [address.into(); 3],
        IpAddr::V6(address) => [48, 56, 64].map(|width| Ipv6Addr::from_bits(address.to_bits() >> (128 - width) << (128 - width)).into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_subscriber_may_have_networks_of_several_widths() {
        let of = |address: &str| networks(address.parse().unwrap()).map(|network| network.to_string());
        assert_eq!(of("2001:db8:1:203::4"), ["2001:db8:1::", "2001:db8:1:200::", "2001:db8:1:203::"]);
        assert_eq!(of("::ffff:192.0.2.7"), ["192.0.2.7"; 3]);
    }

    #[test]
    fn one_subscriber_is_one_address() {
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::"),
            ("2001:db8:0:1:ffff::", "2001:db8:0:1::"),
            ("2001:db8:0:2::1", "2001:db8:0:2::"),
            ("::1", "::"),
        ] {
            assert_eq!(subscriber(address.parse().unwrap()), expected.parse::<IpAddr>().unwrap(), "{address}");
        }
    }
}
