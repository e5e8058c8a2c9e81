//! Which addresses belong to the public internet, and which to the machine or its local network.

use std::net::IpAddr;

/// Whether an address belongs to the public internet (the special-purpose registries of RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 192 && b == 88 && c == 99)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(v4.into()),
            None => {
                let first = v6.segments()[0];
                // Of IPv6 only 2000::/3 is the public internet; 64:ff9b::/96 and 2002::/16 lead to IPv4 of any kind.
                (first & 0xe000) == 0x2000
                    && first != 0x2002
                    && !(first == 0x2001 && v6.segments()[1] < 0x0200)
                    && !(first == 0x2001 && v6.segments()[1] == 0x0db8)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_local_network_are_not_public() {
        for local in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.8",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "fc00::1",
            "fec0::1",
            "ff02::1",
            "::127.0.0.1",
            "::ffff:192.168.1.1",
            "::ffff:127.0.0.1",
            "::ffff:0.0.0.0",
            "::ffff:100.64.0.1",
            "64:ff9b:1::1",
            "2001::1",
            "64:ff9b::c0a8:101",
            "2002:c0a8:101::1",
            "2001:db8::1",
        ] {
            let address = local.parse().expect("an address");
            assert!(!is_public(address), "{local}");
        }
        for public in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "100.128.0.1"] {
            let address = public.parse().expect("an address");
            assert!(is_public(address), "{public}");
        }
    }
}
