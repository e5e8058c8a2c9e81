//! What a `Host` field may hold: a host and perhaps a port (RFC 9112 section 3.2, RFC 3986 section 3.2.2).

/// Whether `value` is `uri-host [ ":" port ]`. An empty host is valid here: a client sends it where its target
/// has no authority. A port is a number up to 65535, or empty.
#[must_use]
pub fn is_valid(value: &[u8]) -> bool {
    let (host_is_valid, port) = if let Some(literal) = value.strip_prefix(b"[") {
        let Some(end) = literal.iter().position(|byte| *byte == b']') else {
            return false;
        };
        let (inside, rest) = (&literal[..end], &literal[end + 1..]);
        match rest {
            [] => (is_ip_literal(inside), None),
            [b':', port @ ..] => (is_ip_literal(inside), Some(port)),
            _ => return false,
        }
    } else {
        match value.iter().position(|byte| *byte == b':') {
            Some(colon) => (
                is_registered_name(&value[..colon]),
                Some(&value[colon + 1..]),
            ),
            None => (is_registered_name(value), None),
        }
    };
    host_is_valid && port.is_none_or(is_port)
}

fn is_port(port: &[u8]) -> bool {
    let number = std::str::from_utf8(port).ok();
    port.is_empty()
        || port.iter().all(u8::is_ascii_digit)
            && number.is_some_and(|number| number.parse::<u16>().is_ok())
}

/// An IPv6 address, or an address of a later version: `v1.…`. A zone is not part of it.
fn is_ip_literal(literal: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(literal) else {
        return false;
    };
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return true;
    }
    let Some((version, address)) = text
        .strip_prefix(['v', 'V'])
        .and_then(|rest| rest.split_once('.'))
    else {
        return false;
    };
    !version.is_empty()
        && version.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !address.is_empty()
        && address.bytes().all(|byte| is_plain(byte) || byte == b':')
}

fn is_registered_name(name: &[u8]) -> bool {
    let mut rest = name;
    loop {
        rest = match rest {
            [] => return true,
            [b'%', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                after
            }
            [byte, after @ ..] if is_plain(*byte) => after,
            _ => return false,
        };
    }
}

/// `unreserved` and `sub-delims` of RFC 3986.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for good in [
            "home.example",
            "home.example:3000",
            "home",
            "a_b.example",
            "192.0.2.7",
            "192.0.2.7:80",
            "[::1]",
            "[2001:db8::1]:3000",
            "[v1.a:b]",
            "home.example.",
            "home.example:",
            "",
            "xn--bcher-kva.example",
            "b%C3%BCcher.example",
        ] {
            assert!(is_valid(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "home.example/",
            "http://home.example",
            "a b",
            "user@home.example",
            "home.example:http",
            "home.example:65536",
            "home.example:-1",
            "home.example:80:81",
            "::1",
            "[::1",
            "[::1]3000",
            "[::1%eth0]",
            "[]",
            "[1.2.3.4]",
            "home?x",
            "home#x",
            "home\\x",
            "<script>",
            "\"home\"",
            "a%zz",
            "bücher.example",
            "a\tb",
            "[v.a]",
        ] {
            assert!(!is_valid(bad.as_bytes()), "{bad:?}");
        }
        assert!(!is_valid(b"home\xff"));
    }
}
