//! Network addresses as limits count them.

use std::net::{IpAddr, Ipv6Addr};

/// The network that one subscriber has, by its first address: with IPv6 a /64, since nobody has
/// less (RFC 6177); with IPv4 the address itself. What is limited for each address is limited for
/// each of these, or whoever has a /64 would have no limit at all.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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
