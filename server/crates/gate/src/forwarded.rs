//! The fields that name the client and the address that it asked for: `X-Forwarded-*`. Only the gate, or a trusted proxy
//! in front of it, sets them; what a client sends under these names is removed.

use std::net::IpAddr;

use http::header::{Entry, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The other end of a client connection; made once for each connection.
#[derive(Debug)]
pub(super) struct Peer {
    address: HeaderValue,
    trusted: bool,
}

impl Peer {
    pub(super) fn new(address: IpAddr, trusted: bool) -> Peer {
        let address = address.to_canonical().to_string();
        Peer {
            address: HeaderValue::try_from(address)
                .expect("an IP address is written in visible ASCII"),
            trusted,
        }
    }
}

/// Whether a field says who the client is or what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It does, as proxies spell it.
    Spelled,
    /// It does for a server that passes fields on as variables: CGI, WSGI and Rack read `X_Forwarded_For` and
    /// `X-Forwarded-For` as one (RFC 3875 section 4.1.18).
    Disguised,
    /// It does not.
    Other,
}

fn kind(name: &str) -> Kind {
    let reads_as = |known: &str| {
        name.len() >= known.len()
            && name
                .bytes()
                .zip(known.bytes())
                .all(|(byte, wanted)| byte == wanted || wanted == b'-' && byte == b'_')
    };
    let ours = reads_as("x-forwarded-")
        || name.len() == "x-real-ip".len() && reads_as("x-real-ip")
        || name == "forwarded";
    match (ours, name.contains('_')) {
        (true, true) => Kind::Disguised,
        (true, false) => Kind::Spelled,
        (false, _) => Kind::Other,
    }
}

/// Sets these fields to what the gate knows. A trusted peer's own are kept and completed, except
/// for those in disguise, which no proxy sends.
pub(super) fn set(headers: &mut HeaderMap, peer: &Peer) {
    remove_foreign(headers, peer.trusted);
    let host = headers.get(HOST).filter(|host| !host.is_empty()).cloned();
    if !peer.trusted {
        headers.insert(X_FORWARDED_FOR, peer.address.clone());
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
        if let Some(host) = host {
            headers.insert(X_FORWARDED_HOST, host);
        }
        return;
    }
    let earlier: Vec<&[u8]> = headers
        .get_all(&X_FORWARDED_FOR)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let value = if earlier.is_empty() {
        peer.address.clone()
    } else {
        let mut all = earlier.join(&b", "[..]);
        all.extend_from_slice(b", ");
        all.extend_from_slice(peer.address.as_bytes());
        // Both parts are field values already.
        HeaderValue::from_bytes(&all).unwrap_or_else(|_| peer.address.clone())
    };
    headers.insert(X_FORWARDED_FOR, value);
    if let Entry::Vacant(proto) = headers.entry(X_FORWARDED_PROTO) {
        proto.insert(HeaderValue::from_static("http"));
    }
    if let (Some(host), Entry::Vacant(entry)) = (host, headers.entry(X_FORWARDED_HOST)) {
        entry.insert(host);
    }
}

/// Removes all of these fields.
pub(super) fn remove(headers: &mut HeaderMap) {
    remove_foreign(headers, false);
}

fn remove_foreign(headers: &mut HeaderMap, trusted: bool) {
    let is_foreign = |name: &HeaderName| {
        // Few names begin so; most requests are through after the first byte of each.
        matches!(name.as_str().as_bytes().first(), Some(b'x' | b'f'))
            && match kind(name.as_str()) {
                Kind::Spelled => !trusted,
                Kind::Disguised => true,
                Kind::Other => false,
            }
    };
    if !headers.keys().any(is_foreign) {
        return;
    }
    let foreign: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_foreign(name))
        .cloned()
        .collect();
    for name in foreign {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(sent: &[(&str, &str)], trusted: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("inner"));
        for (name, value) in sent {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        set(
            &mut headers,
            &Peer::new("192.0.2.7".parse().unwrap(), trusted),
        );
        headers
    }

    #[test]
    fn nobody_but_a_trusted_proxy_says_who_the_client_is() {
        let sent = [
            ("X-Forwarded-For", "198.51.100.1"),
            ("X-Forwarded-For", "198.51.100.2"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "outer"),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Prefix", "/admin"),
            ("X-Real-IP", "198.51.100.1"),
            ("Forwarded", "for=198.51.100.1"),
        ];
        let plain = forwarded(&sent, false);
        assert_eq!(plain["x-forwarded-for"], "192.0.2.7");
        assert_eq!(plain["x-forwarded-proto"], "http");
        assert_eq!(plain["x-forwarded-host"], "inner");
        assert_eq!(plain.len(), 4, "{plain:?}");
        let trusted = forwarded(&sent, true);
        assert_eq!(
            trusted["x-forwarded-for"],
            "198.51.100.1, 198.51.100.2, 192.0.2.7"
        );
        assert_eq!(trusted["x-forwarded-proto"], "https");
        assert_eq!(trusted["x-forwarded-host"], "outer");
        assert_eq!(trusted["x-forwarded-port"], "443");
        assert_eq!(trusted["x-real-ip"], "198.51.100.1");
    }

    #[test]
    fn a_name_that_a_server_reads_as_one_of_these_is_removed_whoever_sent_it() {
        let sent = [
            ("X_Forwarded_For", "6.6.6.6"),
            ("X-Forwarded_For", "6.6.6.6"),
            ("X_Forwarded-Proto", "https"),
            ("x_forwarded_host", "evil"),
            ("X_FORWARDED_SSL", "on"),
            ("X_Real_IP", "6.6.6.6"),
            ("X-Real_IP", "6.6.6.6"),
            ("x_forward", "kept"),
            ("x-real-ipx", "kept"),
            ("x_request_id", "kept"),
        ];
        for trusted in [false, true] {
            let headers = forwarded(&sent, trusted);
            let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
            names.sort_unstable();
            let expected = [
                "host",
                "x-forwarded-for",
                "x-forwarded-host",
                "x-forwarded-proto",
                "x-real-ipx",
                "x_forward",
                "x_request_id",
            ];
            assert_eq!(names, expected, "trusted: {trusted}");
        }
    }

    #[test]
    fn an_empty_host_is_not_passed_on_as_the_address_that_was_asked_for() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(""));
        set(
            &mut headers,
            &Peer::new("192.0.2.7".parse().unwrap(), false),
        );
        assert!(!headers.contains_key("x-forwarded-host"));
    }
}
