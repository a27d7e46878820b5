//! Which addresses targets may have: none inside the operator's network unless the configuration says so.
//!
//! A name is resolved once; all of its addresses must be allowed, and what is connected to is one of these
//! addresses, so that a name that changes its mind between the look and the connection gains nothing.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// Which addresses targets may have.
#[derive(Clone, Debug, Default)]
pub struct NetworkRules {
    /// Private networks and this machine (`alerts.allow_private`).
    pub allow_private: bool,
    /// Networks that are allowed whatever they are (`alerts.networks_allowed`).
    pub networks_allowed: Vec<Network>,
}

/// A network: `10.1.0.0/16`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is no network; write it as \"10.1.0.0/16\" or \"fd00::/8\"");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| fault())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|prefix| *prefix <= longest)
                .ok_or_else(fault)?,
            None => longest,
        };
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u128::from(own.to_bits()), u128::from(other.to_bits()), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let shift = width - u32::from(self.prefix);
        own.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
    }
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Public,
    /// Of this machine or of a private network.
    Private,
    /// Link-local (the addresses of cloud metadata among them), multicast, unspecified, reserved.
    Special,
}

impl NetworkRules {
    /// # Errors
    /// A sentence with the way out.
    pub fn check(&self, address: IpAddr) -> Result<(), String> {
        let address = address.to_canonical();
        if self.networks_allowed.iter().any(|network| network.holds(address)) {
            return Ok(());
        }
        match scope(address) {
            Scope::Public => Ok(()),
            Scope::Private if self.allow_private => Ok(()),
            Scope::Private => Err(format!(
                "{address} is in a private network: targets may be there only with alerts.allow_private = true, \
                 or if alerts.networks_allowed holds it"
            )),
            Scope::Special => Err(format!(
                "{address} is a special address (link-local, metadata, multicast): targets may be there only if \
                 alerts.networks_allowed holds it"
            )),
        }
    }

    /// Resolves a host; all of its addresses are allowed, and there is at least one.
    ///
    /// # Errors
    /// A sentence.
    pub fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let found = (host, port)
            .to_socket_addrs()
            .map_err(|error| format!("{host} cannot be resolved: {error}"))?;
        let found: Vec<SocketAddr> = found.collect();
        if found.is_empty() {
            return Err(format!("{host} has no address"));
        }
        for address in &found {
            self.check(address.ip()).map_err(|error| format!("{host}: {error}"))?;
        }
        Ok(found)
    }
}

fn scope(address: IpAddr) -> Scope {
    match address {
        IpAddr::V4(v4) => scope_v4(v4),
        IpAddr::V6(v6) => scope_v6(v6),
    }
}

/// IANA's registry of special-purpose addresses (RFC 6890 and what followed).
fn scope_v4(v4: Ipv4Addr) -> Scope {
    let [a, b, c, _] = v4.octets();
    match (a, b, c) {
        _ if v4.is_loopback() || v4.is_private() => Scope::Private,
        // Shared address space of carriers, RFC 6598.
        (100, 64..=127, _) => Scope::Private,
        (0, _, _) | (192, 0, 0) | (198, 18..=19, _) | (192, 88, 99) => Scope::Special,
        (240..=255, _, _) => Scope::Special,
        _ if v4.is_link_local() || v4.is_multicast() || v4.is_documentation() => Scope::Special,
        _ => Scope::Public,
    }
}

fn scope_v6(v6: Ipv6Addr) -> Scope {
    let parts = v6.segments();
    let embedded = |high: u16, low: u16| scope_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match parts {
        _ if v6.is_loopback() => Scope::Private,
        // Unique local, RFC 4193.
        [first, ..] if first & 0xfe00 == 0xfc00 => Scope::Private,
        // What is translated to IPv4 leads there: NAT64 (RFC 6052), 6to4, IPv4-compatible.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] if parts[6] != 0 => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        [0x2001, 0xdb8, ..] | [0x2001, 0..=0x1ff, ..] | [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0, ..] => Scope::Special,
        // Global unicast is all that is left.
        [first, ..] if first & 0xe000 == 0x2000 => Scope::Public,
        _ => Scope::Special,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &NetworkRules, address: &str) -> bool {
        rules.check(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_public_addresses_are_allowed_by_themselves() {
        let strict = NetworkRules::default();
        for address in [
            "8.8.8.8",
            "2606:4700::1111",
            "64:ff9b::808:808",
            "172.32.0.1",
            "100.128.0.1",
        ] {
            assert!(check(&strict, address), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "240.0.0.1",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:0a00:0001::1",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
        ] {
            assert!(!check(&strict, address), "{address}");
        }
    }

    #[test]
    fn private_networks_can_be_allowed_and_metadata_only_by_name() {
        let private = NetworkRules {
            allow_private: true,
            ..NetworkRules::default()
        };
        assert!(
            ["127.0.0.1", "10.0.0.1", "::1", "fd00::1", "::ffff:192.168.0.1"]
                .iter()
                .all(|a| check(&private, a))
        );
        assert!(
            ["169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1"]
                .iter()
                .all(|a| !check(&private, a))
        );
        let listed = NetworkRules {
            allow_private: false,
            networks_allowed: vec![
                "10.1.0.0/16".parse().unwrap(),
                "fd00::/8".parse().unwrap(),
                "::1".parse().unwrap(),
            ],
        };
        assert!(
            ["10.1.255.1", "fd12::1", "::1", "::ffff:10.1.0.1"]
                .iter()
                .all(|a| check(&listed, a))
        );
        assert!(["10.2.0.1", "fc00::1", "127.0.0.1"].iter().all(|a| !check(&listed, a)));
        let all = NetworkRules {
            networks_allowed: vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()],
            ..NetworkRules::default()
        };
        assert!(check(&all, "169.254.169.254") && check(&all, "fe80::1"));
        for text in ["10.0.0.0/33", "::/129", "ten", "10.0.0.0/", "10.0.0/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_that_leads_to_this_machine_is_refused() {
        let message = NetworkRules::default().resolve("localhost", 25).unwrap_err();
        assert!(message.contains("alerts.allow_private"), "{message}");
    }
}
