//! Which addresses are counted as one.

use std::net::{IpAddr, Ipv6Addr};

/// By what an address is counted: IPv4 by itself, also where it stands in IPv6; IPv6 by its first 64
/// bits, for whoever has one such address has all of its network (RFC 4291, 2.5.4).
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(bits))
        }
        address => address,
    }
}

/// The same as text: an address, or a network of IPv6 with its length.
pub(crate) fn network_text(address: IpAddr) -> String {
    match network_of(address) {
        IpAddr::V6(network) => format!("{network}/64"),
        address => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv4_counts_by_itself_and_one_of_ipv6_with_its_network() {
        for (address, text) in [
            ("10.0.0.9", "10.0.0.9"),
            ("::ffff:10.0.0.9", "10.0.0.9"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ] {
            assert_eq!(network_text(address.parse().unwrap()), text);
        }
    }
}
