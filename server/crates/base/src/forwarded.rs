//! Which client a proxy speaks for: `X-Forwarded-For` and `Forwarded` (RFC 7239), read from right to left and only as far
//! as the proxies that wrote them are trusted. Everything further left could be written by the client itself.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses whose word about their clients is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// A proxy's address could not be read; the message says what would be right.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` {1}")]
pub struct BadProxy(String, &'static str);

impl TrustedProxies {
    /// Every address of this machine itself, where Caddy usually runs.
    #[must_use]
    pub fn loopback() -> TrustedProxies {
        TrustedProxies(vec![
            IpNet::new_assert([127, 0, 0, 0].into(), 8),
            IpNet::new_assert(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST), 128),
        ])
    }

    /// Reads addresses and networks such as `127.0.0.1` and `10.0.0.0/24`.
    ///
    /// # Errors
    /// One is neither, or is a network that holds every address: then anybody could claim to be anybody.
    pub fn parse<S: AsRef<str>>(given: &[S]) -> Result<TrustedProxies, BadProxy> {
        let networks = given.iter().map(|text| network(text.as_ref()));
        networks.collect::<Result<_, _>>().map(TrustedProxies)
    }

    /// Whether this address is believed.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request that `peer` sent: `peer` itself unless it is trusted, otherwise the last address that no
    /// trusted proxy has. A part that cannot be read ends the search at the proxy that wrote it.
    ///
    /// Most proxies set one of the two fields and pass the other one through as the client sent it. So where both are
    /// there and name different clients, neither is believed.
    #[must_use]
    pub fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let by_x_forwarded_for = named(headers, &X_FORWARDED_FOR)
            .map(|parts| self.last_untrusted(peer, parts.iter().map(|part| address(part))));
        let by_forwarded = named(headers, &FORWARDED)
            .map(|parts| self.last_untrusted(peer, parts.iter().map(|part| forwarded_for(part))));
        match (by_x_forwarded_for, by_forwarded) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    fn last_untrusted(
        &self,
        peer: IpAddr,
        parts: impl DoubleEndedIterator<Item = Option<IpAddr>>,
    ) -> IpAddr {
        let mut client = peer;
        for part in parts.rev() {
            let Some(address) = part else { break };
            client = address;
            if !self.contains(address) {
                break;
            }
        }
        client
    }
}

impl fmt::Display for TrustedProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join(", "))
    }
}

fn network(text: &str) -> Result<IpNet, BadProxy> {
    let wrong = |right| BadProxy(text.to_owned(), right);
    if let Ok(address) = IpAddr::from_str(text) {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network = IpNet::from_str(text).map_err(|_| {
        wrong(
            "is no address; write an IP address such as `127.0.0.1`, or a network such as `10.0.0.0/24`",
        )
    })?;
    if network.prefix_len() == 0 {
        return Err(wrong(
            "holds every address, so that anybody could pretend to be anybody; name your proxy's own address",
        ));
    }
    if network.trunc() != network {
        return Err(wrong(
            "has bits set after its prefix; write the network's first address, such as `10.0.0.0/24`, or the address alone",
        ));
    }
    Ok(network)
}

/// The comma-separated parts of all fields of a name, in order; `None` where there is no such field. A part that is
/// not text cannot be read; what a proxy appended behind it can.
fn named<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Vec<&'a str>> {
    let fields = headers.get_all(name);
    fields.iter().next()?;
    Some(
        fields
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|part| std::str::from_utf8(part).unwrap_or_default().trim())
            .collect(),
    )
}

/// An address as proxies write it: bare, with a port, in brackets.
fn address(part: &str) -> Option<IpAddr> {
    let host = match part.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => match part.split_once(':') {
            // One colon parts an IPv4 address from a port; more belong to an IPv6 address.
            Some((host, port)) if !port.contains(':') => host,
            _ => part,
        },
    };
    host.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// The `for` parameter of one element of `Forwarded` (RFC 7239, section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| value.trim())
    })?;
    let bare = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(value);
    address(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn client(peer: &str, fields: &[(&'static str, &'static [u8])]) -> String {
        let trusted = TrustedProxies::parse(&["127.0.0.1", "10.1.0.0/16", "fd00::/8"]).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        trusted
            .client_of(peer.parse().unwrap(), &headers)
            .to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let claim: &[(&str, &[u8])] = &[("x-forwarded-for", b"192.0.2.1")];
        assert_eq!(client("127.0.0.1", claim), "192.0.2.1");
        assert_eq!(client("::ffff:127.0.0.1", claim), "192.0.2.1");
        assert_eq!(client("198.51.100.9", claim), "198.51.100.9");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn the_chain_is_read_from_the_right_as_far_as_it_is_trusted() {
        for (chain, found) in [
            (&b"203.0.113.1, 192.0.2.1"[..], "192.0.2.1"),
            (b"203.0.113.1, 192.0.2.1, 10.1.2.3", "192.0.2.1"),
            (b"10.1.2.3, 10.1.2.4", "10.1.2.3"),
            (b"203.0.113.1, junk, 10.1.2.3", "10.1.2.3"),
            (b"junk", "127.0.0.1"),
            (b"", "127.0.0.1"),
            (b"192.0.2.1,", "127.0.0.1"),
            (b"192.0.2.1, \xe9", "127.0.0.1"),
            (b"\xe9, 192.0.2.1", "192.0.2.1"),
            (b"192.0.2.1:4711", "192.0.2.1"),
            (b"[2001:db8::1]:4711", "2001:db8::1"),
            (b"2001:db8::1", "2001:db8::1"),
            (b"unknown", "127.0.0.1"),
        ] {
            let found_by_us = client("127.0.0.1", &[("x-forwarded-for", chain)]);
            assert_eq!(found_by_us, found, "{}", String::from_utf8_lossy(chain));
        }
        let two_lines: &[(&str, &[u8])] = &[
            ("x-forwarded-for", b"203.0.113.1"),
            ("x-forwarded-for", b"192.0.2.1, 10.1.0.1"),
        ];
        assert_eq!(client("fd00::1", two_lines), "192.0.2.1");
    }

    #[test]
    fn forwarded_is_read_too_and_a_contradiction_believes_neither() {
        for (element, found) in [
            (&b"for=192.0.2.1"[..], "192.0.2.1"),
            (b"proto=https;For=\"[2001:db8::1]:47\";by=x", "2001:db8::1"),
            (b"for=203.0.113.1, for=192.0.2.1", "192.0.2.1"),
            (b"for=_hidden", "127.0.0.1"),
            (b"by=192.0.2.1", "127.0.0.1"),
        ] {
            assert_eq!(client("127.0.0.1", &[("forwarded", element)]), found);
        }
        let both = |forwarded: &'static [u8]| {
            client(
                "127.0.0.1",
                &[("x-forwarded-for", b"192.0.2.1"), ("forwarded", forwarded)],
            )
        };
        assert_eq!(both(b"for=192.0.2.1"), "192.0.2.1");
        assert_eq!(both(b"for=203.0.113.1"), "127.0.0.1");
    }

    #[test]
    fn what_is_no_proxys_address_is_refused() {
        for good in ["127.0.0.1", "::1", "10.0.0.0/8", "fd00::/8", "192.0.2.7/32"] {
            assert!(TrustedProxies::parse(&[good]).is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "127.0.0.1:3330",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0",
        ] {
            assert!(TrustedProxies::parse(&[bad]).is_err(), "{bad}");
        }
        assert!(TrustedProxies::loopback().contains("127.3.2.1".parse().unwrap()));
        assert!(TrustedProxies::loopback().contains("::1".parse().unwrap()));
        assert!(!TrustedProxies::loopback().contains("128.0.0.1".parse().unwrap()));
    }
}
