//! What a request and a response look like on the other side of the gate: hop-by-hop fields gone
//! (RFC 9110 section 7.6.1), the target in origin form, `X-Forwarded-*` telling the truth.

use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, Entry, FORWARDED, HOST, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::uri::PathAndQuery;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};
use http_body::Body;

use crate::names::SESSION_COOKIE;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Who is at the other end of a client connection; made once a connection.
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

/// What matters about a request for the way it is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// It may be sent twice: idempotent (RFC 9110 section 9.2.2) and without a body.
    pub(super) repeatable: bool,
    /// `GET` or `HEAD`.
    pub(super) reading: bool,
    /// It asks for another protocol (RFC 9110 section 7.8).
    pub(super) upgrade: bool,
    /// It waits for leave to send its body (RFC 9110 section 10.1.1).
    pub(super) expects: bool,
}

/// Why a request can't be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) StatusCode, pub(super) &'static str);

/// Leaves out the dashboard's session: browsers send a host's cookies to all of its ports (RFC 6265, 8.5),
/// and a release has no business with it.
fn keep_own_cookie(headers: &mut HeaderMap) {
    let is_ours = |pair: &str| pair.split('=').next().map(str::trim) == Some(SESSION_COOKIE);
    let has_ours = |value: &HeaderValue| {
        value
            .to_str()
            .is_ok_and(|text| text.contains(SESSION_COOKIE) && text.split(';').any(is_ours))
    };
    if !headers.get_all(COOKIE).iter().any(has_ours) {
        return;
    }
    let kept: Vec<HeaderValue> = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| {
            let Ok(text) = value.to_str() else {
                return Some(value.clone());
            };
            let others: Vec<&str> = text
                .split(';')
                .filter(|pair| !is_ours(pair))
                .map(str::trim)
                .collect();
            // Pieces of a header's value make one again.
            HeaderValue::from_str(&others.join("; "))
                .ok()
                .filter(|value| !value.is_empty())
        })
        .collect();
    headers.remove(COOKIE);
    for value in kept {
        headers.append(COOKIE, value);
    }
}

/// Turns a request as the client sent it into what a colour gets.
pub(super) fn towards_colour<B: Body>(
    request: &mut Request<B>,
    peer: &Peer,
) -> Result<Shape, Refusal> {
    if request.method() == Method::CONNECT {
        return Err(Refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "This is a reverse proxy: it opens no tunnels to other hosts.",
        ));
    }
    settle_target(request)?;
    let has_body = !request.body().is_end_stream();
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let idempotent = reading
        || matches!(
            *request.method(),
            Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
        );
    let version = std::mem::replace(request.version_mut(), Version::HTTP_11);

    let headers = request.headers_mut();
    let protocol = (version == Version::HTTP_11 && has_token(headers, &CONNECTION, "upgrade"))
        .then(|| headers.get(UPGRADE).cloned())
        .flatten();
    let trailers_welcome = has_token(headers, &TE, "trailers");
    let expects = has_body && has_token(headers, &EXPECT, "100-continue");
    remove_hop_by_hop(headers);
    keep_own_cookie(headers);

    let upgrade = protocol.is_some();
    if let Some(protocol) = protocol {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    } else if trailers_welcome {
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if has_body && !headers.contains_key(CONTENT_LENGTH) {
        // Said aloud, because a GET's body of unknown length would otherwise be left out.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    set_forwarded(headers, peer);
    Ok(Shape {
        repeatable: idempotent && !has_body && !upgrade,
        reading,
        upgrade,
        expects,
    })
}

/// Turns a colour's response into what the client gets.
pub(super) fn towards_client<B>(response: &mut Response<B>) {
    *response.version_mut() = Version::HTTP_11;
    let names_protocol = matches!(
        response.status(),
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::UPGRADE_REQUIRED
    );
    let headers = response.headers_mut();
    let protocol = names_protocol.then(|| headers.remove(UPGRADE)).flatten();
    remove_hop_by_hop(headers);
    if let Some(protocol) = protocol {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

/// Origin form and exactly one Host, taken from an absolute target where there is one (RFC 9112
/// sections 3.2 and 3.2.2).
fn settle_target<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    if request.uri().authority().is_some() {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        let host = parts
            .authority
            .take()
            .map(|authority| {
                let authority = authority.as_str();
                let host = authority
                    .rsplit_once('@')
                    .map_or(authority, |(_, host)| host);
                HeaderValue::try_from(host)
            })
            .and_then(Result::ok);
        let Some(host) = host else {
            return Err(Refusal(
                StatusCode::BAD_REQUEST,
                "The target names no valid host.",
            ));
        };
        let path = parts
            .path_and_query
            .take()
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        request.headers_mut().insert(HOST, host);
        return Ok(());
    }
    let old = request.version() == Version::HTTP_10;
    let headers = request.headers_mut();
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => Ok(()),
        (None, _) if old => {
            headers.insert(HOST, HeaderValue::from_static("localhost"));
            Ok(())
        }
        (None, _) => Err(Refusal(StatusCode::BAD_REQUEST, "It has no Host field.")),
        (Some(_), Some(_)) => Err(Refusal(
            StatusCode::BAD_REQUEST,
            "It has more than one Host field.",
        )),
    }
}

fn set_forwarded(headers: &mut HeaderMap, peer: &Peer) {
    let host = headers.get(HOST).cloned();
    if peer.trusted {
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
    } else {
        headers.remove(FORWARDED);
        headers.remove(&X_REAL_IP);
        headers.insert(X_FORWARDED_FOR, peer.address.clone());
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
        if let Some(host) = host {
            headers.insert(X_FORWARDED_HOST, host);
        }
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if let Entry::Occupied(connection) = headers.entry(CONNECTION) {
        let named: Vec<HeaderValue> = connection.remove_entry_mult().1.collect();
        for name in named.iter().flat_map(tokens) {
            // Nobody may use this field to take away what the message itself hangs on.
            if !name.eq_ignore_ascii_case("host") && !name.eq_ignore_ascii_case("content-length") {
                headers.remove(name);
            }
        }
    }
    headers.remove(&KEEP_ALIVE);
    headers.remove(&PROXY_CONNECTION);
    headers.remove(TE);
    headers.remove(TRANSFER_ENCODING);
    headers.remove(UPGRADE);
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(tokens)
        .any(|t| t.eq_ignore_ascii_case(token))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value
        .to_str()
        .unwrap_or_default()
        .split(',')
        .map(|token| token.split(';').next().unwrap_or_default().trim())
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Empty;
    use hyper::body::Bytes;

    #[test]
    fn the_dashboards_session_stays_away_from_releases() {
        for (sent, kept) in [
            ("tealkeep=secret", None),
            ("a=1; tealkeep=secret; b=2", Some("a=1; b=2")),
            ("a=1;tealkeep=secret", Some("a=1")),
            ("a=tealkeep; tealkeeper=x", Some("a=tealkeep; tealkeeper=x")),
        ] {
            let request = Request::get("/")
                .header(HOST, "app.example")
                .header(COOKIE, sent);
            let (_, passed) = through(request, false).unwrap();
            let found = passed
                .headers()
                .get(COOKIE)
                .map(|value| value.to_str().unwrap());
            assert_eq!(found, kept, "{sent}");
        }
    }

    fn through(
        request: http::request::Builder,
        trusted: bool,
    ) -> Result<(Shape, Request<Empty<Bytes>>), Refusal> {
        let mut request = request.body(Empty::new()).unwrap();
        let peer = Peer::new("192.0.2.7".parse().unwrap(), trusted);
        towards_colour(&mut request, &peer).map(|shape| (shape, request))
    }

    fn get(request: &Request<Empty<Bytes>>, name: &str) -> String {
        let all: Vec<_> = request
            .headers()
            .get_all(name)
            .iter()
            .map(|v| v.to_str().unwrap())
            .collect();
        all.join("|")
    }

    #[test]
    fn hop_by_hop_fields_and_those_that_connection_names_stay_behind() {
        let (_, request) = through(
            Request::get("/")
                .header("host", "a.example")
                .header("connection", "keep-alive, X-Secret")
                .header("connection", "Host, content-length")
                .header("x-secret", "1")
                .header("keep-alive", "timeout=5")
                .header("proxy-connection", "keep-alive")
                .header("te", "gzip")
                .header("upgrade", "h2c")
                .header("x-kept", "1"),
            false,
        )
        .unwrap();
        for gone in [
            "connection",
            "x-secret",
            "keep-alive",
            "proxy-connection",
            "te",
            "upgrade",
        ] {
            assert_eq!(get(&request, gone), "", "{gone} went through");
        }
        assert_eq!(get(&request, "host"), "a.example");
        assert_eq!(get(&request, "x-kept"), "1");
    }

    #[test]
    fn a_clients_own_x_forwarded_fields_are_replaced_unless_a_trusted_proxy_sent_them() {
        let request = || {
            Request::get("/")
                .header("host", "inner")
                .header("x-forwarded-for", "198.51.100.1")
                .header("x-forwarded-for", "198.51.100.2")
                .header("x-forwarded-proto", "https")
                .header("x-forwarded-host", "outer")
                .header("x-real-ip", "198.51.100.1")
                .header("forwarded", "for=198.51.100.1")
        };
        let (_, plain) = through(request(), false).unwrap();
        assert_eq!(get(&plain, "x-forwarded-for"), "192.0.2.7");
        assert_eq!(get(&plain, "x-forwarded-proto"), "http");
        assert_eq!(get(&plain, "x-forwarded-host"), "inner");
        assert_eq!(get(&plain, "x-real-ip") + &get(&plain, "forwarded"), "");
        let (_, trusted) = through(request(), true).unwrap();
        assert_eq!(
            get(&trusted, "x-forwarded-for"),
            "198.51.100.1, 198.51.100.2, 192.0.2.7"
        );
        assert_eq!(get(&trusted, "x-forwarded-proto"), "https");
        assert_eq!(get(&trusted, "x-forwarded-host"), "outer");
    }

    #[test]
    fn an_absolute_target_becomes_origin_form_and_its_host_wins() {
        let (_, request) = through(
            Request::get("http://user@b.example:81/x?y=1").header("host", "a.example"),
            false,
        )
        .unwrap();
        assert_eq!(request.uri(), "/x?y=1");
        assert_eq!(get(&request, "host"), "b.example:81");
    }

    #[test]
    fn a_request_without_exactly_one_host_is_refused() {
        assert!(through(Request::get("/"), false).is_err());
        let two = Request::get("/").header("host", "a").header("host", "b");
        assert!(through(two, false).is_err());
        let old = Request::get("/").version(Version::HTTP_10);
        assert!(through(old, false).is_ok());
    }

    #[test]
    fn only_what_may_be_sent_twice_counts_as_repeatable() {
        let shape = |method: &str| {
            through(Request::builder().method(method).header("host", "a"), false)
                .unwrap()
                .0
        };
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
            assert!(shape(method).repeatable, "{method}");
        }
        for method in ["POST", "PATCH", "PROPPATCH"] {
            assert!(!shape(method).repeatable, "{method}");
        }
        let upgrade = Request::get("/")
            .header("host", "a")
            .header("connection", "Upgrade")
            .header("upgrade", "websocket");
        let (shape, request) = through(upgrade, false).unwrap();
        assert!(shape.upgrade && !shape.repeatable);
        assert_eq!(get(&request, "upgrade"), "websocket");
        assert_eq!(get(&request, "connection"), "upgrade");
    }
}
