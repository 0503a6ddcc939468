//! Network addresses as limits count them.

use std::net::{IpAddr, Ipv6Addr};

/// The network that one subscriber has at least, by its first address: with IPv6 a /64, since
/// nobody has less (RFC 6177); with IPv4 the address itself. What is limited for each address is
/// limited for each of these, or whoever has a /64 would have no limit at all.
pub fn subscriber(address: IpAddr) -> IpAddr {
    network(address, 64)
}

/// The widest network that one subscriber may have, by its first address: with IPv6 a /48 (RFC
/// 6177); with IPv4 the address itself.
pub fn widest(address: IpAddr) -> IpAddr {
    network(address, 48)
}

fn network(address: IpAddr, width: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> (128 - width) << (128 - width)).into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_subscriber_may_have_a_wide_network() {
        let of = |address: &str| widest(address.parse().unwrap()).to_string();
        assert_eq!((of("2001:db8:1:203::4"), of("::ffff:192.0.2.7")), ("2001:db8:1::".to_owned(), "192.0.2.7".to_owned()));
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
