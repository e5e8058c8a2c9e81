//! What a request and a response look like on the other side of the gate: hop-by-hop fields gone
//! (RFC 9110 section 7.6.1), the target in origin form, one unambiguous framing, and the dashboard's cookies kept out.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, Entry, HOST, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{PathAndQuery, Scheme};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
};
use http_body::Body;

use super::cookies;
use super::forwarded::{self, Peer};
use tealkeep_words::names::host;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const WEBSOCKET: &[u8] = b"websocket";

/// What matters about a request for the way it is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// It may be sent twice: idempotent (RFC 9110 section 9.2.2) and without a body.
    pub(super) repeatable: bool,
    /// `GET` or `HEAD`.
    pub(super) reading: bool,
    /// `HEAD`: its answer has no body, whatever its fields say.
    pub(super) head: bool,
    /// It asks for a WebSocket (RFC 6455 section 4.1), the only protocol that is switched to.
    pub(super) upgrade: bool,
    /// It waits for leave to send its body (RFC 9110 section 10.1.1).
    pub(super) expects: bool,
    /// Its client can take interim answers, which HTTP/1.0 does not have (RFC 9110 section 15.2).
    pub(super) takes_interim: bool,
    /// It comes with a body.
    pub(super) has_body: bool,
}

/// Why a request can't be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) StatusCode, pub(super) &'static str);

const fn bad_request(why: &'static str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, why)
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
    check_codings(request.headers())?;
    let has_body = !request.body().is_end_stream();
    let head = *request.method() == Method::HEAD;
    let reading = head || *request.method() == Method::GET;
    let idempotent = reading
        || matches!(
            *request.method(),
            Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
        );
    let may_upgrade = *request.method() == Method::GET && !has_body;
    let version = std::mem::replace(request.version_mut(), Version::HTTP_11);

    let headers = request.headers_mut();
    let upgrade = may_upgrade
        && version == Version::HTTP_11
        && has_token(headers, &UPGRADE, WEBSOCKET)
        && has_token(headers, &CONNECTION, b"upgrade");
    let trailers_welcome = has_token(headers, &TE, b"trailers");
    let expects = has_body && has_token(headers, &EXPECT, b"100-continue");
    remove_hop_by_hop(headers);
    cookies::remove_from_request(headers);

    if upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    } else if trailers_welcome {
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if has_body && !headers.contains_key(CONTENT_LENGTH) {
        // Said aloud, because a GET's body of unknown length would otherwise be left out.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    forwarded::set(headers, peer);
    Ok(Shape {
        repeatable: idempotent && !has_body && !upgrade,
        reading,
        head,
        upgrade,
        expects,
        takes_interim: version == Version::HTTP_11,
        has_body,
    })
}

/// Turns a colour's response into what the client gets.
///
/// # Errors
/// Which field the app sent wrongly, and why the response can't be passed on.
pub(super) fn towards_client<B>(response: &mut Response<B>, shape: &Shape) -> Result<(), String> {
    *response.version_mut() = Version::HTTP_11;
    let status = response.status();
    let has_body =
        !shape.head && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let headers = response.headers_mut();
    if status == StatusCode::SWITCHING_PROTOCOLS {
        check_switch(headers, shape)?;
    }
    settle_length(headers, has_body)?;
    let names_protocol = matches!(
        status,
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::UPGRADE_REQUIRED
    );
    let protocol = names_protocol.then(|| headers.remove(UPGRADE)).flatten();
    remove_hop_by_hop(headers);
    cookies::remove_from_response(headers);
    if let Some(protocol) = protocol {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
    Ok(())
}

/// The fields of an interim response (RFC 9110 section 15.2) as the client gets them.
pub(super) fn of_interim(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    remove_hop_by_hop(&mut headers);
    headers.remove(CONTENT_LENGTH);
    cookies::remove_from_response(&mut headers);
    headers
}

/// Removes from a request's trailers what an app might take for part of its head (RFC 9110 section 6.5.1).
pub(super) fn clean_trailers(trailers: &mut HeaderMap) {
    remove_hop_by_hop(trailers);
    for name in [HOST, CONTENT_LENGTH, http::header::COOKIE] {
        trailers.remove(name);
    }
    forwarded::remove(trailers);
}

/// A 101 must name the one protocol that was asked for (RFC 9110 section 15.2.2).
fn check_switch(headers: &HeaderMap, shape: &Shape) -> Result<(), String> {
    if !shape.upgrade {
        return Err(
            "answered 101 (Switching Protocols) although nobody asked for another protocol"
                .to_owned(),
        );
    }
    let named: Vec<&[u8]> = headers.get_all(UPGRADE).iter().flat_map(tokens).collect();
    match named.as_slice() {
        [one] if one.eq_ignore_ascii_case(WEBSOCKET) => Ok(()),
        others => Err(format!(
            "answered 101 (Switching Protocols) with `Upgrade: {}` where `websocket` was asked for",
            super::answer_fault::shown(&others.join(&b", "[..]))
        )),
    }
}

/// One way to tell where a response ends (RFC 9112 section 6.3): a transfer coding overrules a length, and equal
/// lengths are one.
fn settle_length(headers: &mut HeaderMap, has_body: bool) -> Result<(), String> {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
        let codings: Vec<&[u8]> = headers
            .get_all(TRANSFER_ENCODING)
            .iter()
            .flat_map(list)
            .collect();
        return match codings.as_slice() {
            [one] if one.eq_ignore_ascii_case(b"chunked") => Ok(()),
            _ if !has_body => Ok(()),
            others => Err(format!(
                "sent `Transfer-Encoding: {}`; only `chunked`, once, can be passed on",
                super::answer_fault::shown(&others.join(&b", "[..]))
            )),
        };
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let is_plain = match (lengths.next(), lengths.next()) {
        (None, _) => return Ok(()),
        (Some(one), None) => one.as_bytes().iter().all(u8::is_ascii_digit) && !one.is_empty(),
        (Some(_), Some(_)) => false,
    };
    if is_plain {
        return Ok(());
    }
    let all: Vec<&[u8]> = headers
        .get_all(CONTENT_LENGTH)
        .iter()
        .flat_map(list)
        .collect();
    let first = all.first().copied().unwrap_or_default();
    let agree = !first.is_empty()
        && first.iter().all(u8::is_ascii_digit)
        && all.iter().all(|length| *length == first);
    match HeaderValue::from_bytes(first) {
        Ok(length) if agree => {
            headers.insert(CONTENT_LENGTH, length);
        }
        // Nothing hangs on it: the response has no body.
        Ok(_) | Err(_) if !has_body => {
            headers.remove(CONTENT_LENGTH);
        }
        Ok(_) | Err(_) => {
            return Err(format!(
                "sent `Content-Length: {}`, which is not one number",
                super::answer_fault::shown(&all.join(&b", "[..]))
            ));
        }
    }
    Ok(())
}

/// Only `chunked` is understood, and only once (RFC 9112 section 6.1).
fn check_codings(headers: &HeaderMap) -> Result<(), Refusal> {
    if !headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    let mut chunked = 0;
    for coding in headers.get_all(TRANSFER_ENCODING).iter().flat_map(list) {
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal(
                StatusCode::NOT_IMPLEMENTED,
                "Its body has a transfer coding other than chunked.",
            ));
        }
        chunked += 1;
    }
    match chunked {
        1 => Ok(()),
        _ => Err(bad_request(
            "Its transfer coding is not chunked exactly once.",
        )),
    }
}

/// Origin form and exactly one valid Host, taken from an absolute target where there is one (RFC 9112
/// sections 3.2 and 3.2.2).
fn settle_target<B>(request: &mut Request<B>) -> Result<(), Refusal> {
    let is_old = request.version() == Version::HTTP_10;
    let is_absolute = request.uri().authority().is_some();
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(one), None) if host::is_valid(one.as_bytes()) => {}
        (Some(_), None) => return Err(bad_request("Its Host field is not a valid host.")),
        (Some(_), Some(_)) => return Err(bad_request("It has more than one Host field.")),
        (None, _) if !is_old => return Err(bad_request("It has no Host field.")),
        (None, _) if is_absolute => {}
        (None, _) => {
            request
                .headers_mut()
                .insert(HOST, HeaderValue::from_static("localhost"));
        }
    }
    if !is_absolute {
        if request.uri().path() == "*" && *request.method() != Method::OPTIONS {
            return Err(bad_request("Only OPTIONS can be asked of `*`."));
        }
        return Ok(());
    }
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    let is_web = parts
        .scheme
        .is_some_and(|scheme| scheme == Scheme::HTTP || scheme == Scheme::HTTPS);
    if !is_web {
        return Err(bad_request(
            "Its target is neither a path nor an http address.",
        ));
    }
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
        .and_then(Result::ok)
        .filter(|host| !host.is_empty() && host::is_valid(host.as_bytes()));
    let Some(host) = host else {
        return Err(bad_request("The target names no valid host."));
    };
    let path = parts
        .path_and_query
        .take()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    request.headers_mut().insert(HOST, host);
    Ok(())
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if let Entry::Occupied(connection) = headers.entry(CONNECTION) {
        let named: Vec<HeaderValue> = connection.remove_entry_mult().1.collect();
        for name in named.iter().flat_map(tokens) {
            let Ok(name) = HeaderName::from_bytes(name) else {
                continue;
            };
            // Nobody may use this field to take away what the message itself hangs on.
            if name != HOST && name != CONTENT_LENGTH {
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

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(tokens)
        .any(|t| t.eq_ignore_ascii_case(token))
}

/// The elements of a list (RFC 9110 section 5.6.1), without their parameters.
fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    list(value).map(|element| {
        let name = element.split(|byte| *byte == b';').next();
        name.unwrap_or_default().trim_ascii()
    })
}

/// The elements of a list, whole; empty ones do not count.
fn list(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Empty, Full};
    use hyper::body::Bytes;

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

    #[test]
    fn a_websocket_is_the_only_protocol_that_is_switched_to() {
        let asks = |method: &str, version: Version, upgrade: &[&str]| {
            let mut request = Request::builder()
                .method(method)
                .version(version)
                .header("host", "a")
                .header("connection", "keep-alive, Upgrade");
            for protocol in upgrade {
                request = request.header("upgrade", *protocol);
            }
            let (shape, request) = through(request, false).unwrap();
            assert_eq!(shape.upgrade, request.headers().contains_key(UPGRADE));
            (shape.upgrade, get(&request, "upgrade"))
        };
        let yes = (true, "websocket".to_owned());
        let no = (false, String::new());
        assert_eq!(asks("GET", Version::HTTP_11, &["WebSocket"]), yes);
        // The others are not offered to the app.
        assert_eq!(asks("GET", Version::HTTP_11, &["h2c, websocket"]), yes);
        assert_eq!(asks("GET", Version::HTTP_11, &["h2c", "websocket"]), yes);
        assert_eq!(asks("GET", Version::HTTP_11, &["h2c"]), no);
        assert_eq!(asks("GET", Version::HTTP_11, &["tcp"]), no);
        assert_eq!(asks("GET", Version::HTTP_11, &["xwebsocket"]), no);
        assert_eq!(asks("POST", Version::HTTP_11, &["websocket"]), no);
        assert_eq!(asks("HEAD", Version::HTTP_11, &["websocket"]), no);
        assert_eq!(asks("GET", Version::HTTP_10, &["websocket"]), no);
        let unnamed = Request::get("/")
            .header("host", "a")
            .header("upgrade", "websocket");
        assert!(!through(unnamed, false).unwrap().0.upgrade);
        let mut with_body = Request::get("/")
            .header("host", "a")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .body(Full::new(Bytes::from("x")))
            .unwrap();
        let peer = Peer::new("192.0.2.7".parse().unwrap(), false);
        assert!(!towards_colour(&mut with_body, &peer).unwrap().upgrade);
    }

    fn passed(status: u16, asked: &str, fields: &[(&str, &str)]) -> Result<HeaderMap, String> {
        let request = match asked {
            "websocket" => Request::get("/")
                .header("connection", "upgrade")
                .header("upgrade", "websocket"),
            method => Request::builder().method(method),
        };
        let (shape, _) = through(request.header("host", "a"), false).unwrap();
        let mut response = Response::builder().status(status);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        let mut response = response.body(()).unwrap();
        towards_client(&mut response, &shape).map(|()| response.into_parts().0.headers)
    }

    #[test]
    fn an_answer_has_one_framing_or_is_refused_by_name() {
        let length = |fields: &[(&str, &str)]| {
            let headers = passed(200, "GET", fields).unwrap();
            assert!(!headers.contains_key(TRANSFER_ENCODING));
            let lengths = headers.get_all(CONTENT_LENGTH).iter();
            lengths
                .map(|v| v.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert!(length(&[("transfer-encoding", "chunked"), ("content-length", "5")]).is_empty());
        assert_eq!(length(&[("content-length", "3, 3")]), ["3"]);
        assert_eq!(
            length(&[("content-length", "3"), ("content-length", "3")]),
            ["3"]
        );
        assert_eq!(length(&[("content-length", "3")]), ["3"]);
        for bad in [
            ("transfer-encoding", "gzip, chunked"),
            ("transfer-encoding", "chunked, chunked"),
            ("transfer-encoding", "identity"),
            ("content-length", "3, 4"),
            ("content-length", "+3"),
        ] {
            let why = passed(200, "GET", &[bad]).unwrap_err();
            assert!(
                why.to_lowercase().contains(bad.0) && why.contains(bad.1),
                "{why}"
            );
            // Nothing hangs on them where there is no body.
            for (status, method) in [(200, "HEAD"), (304, "GET"), (204, "GET")] {
                let headers = passed(status, method, &[bad]).unwrap();
                assert!(!headers.contains_key(CONTENT_LENGTH), "{bad:?}");
            }
        }
    }

    #[test]
    fn a_switch_that_nobody_asked_for_is_a_bad_answer() {
        let websocket = [("connection", "upgrade"), ("upgrade", "websocket")];
        let h2c = [("connection", "upgrade"), ("upgrade", "h2c")];
        assert_eq!(
            passed(101, "websocket", &websocket).unwrap()[UPGRADE],
            "websocket"
        );
        assert!(
            passed(101, "GET", &websocket)
                .unwrap_err()
                .contains("nobody asked")
        );
        assert!(
            passed(101, "websocket", &h2c)
                .unwrap_err()
                .contains("`Upgrade: h2c`")
        );
        assert!(passed(101, "websocket", &[]).is_err());
    }

    #[test]
    fn targets_and_hosts_that_are_not_valid_are_refused() {
        let refused = |target: &str, method: &str, hosts: &[&str]| {
            let mut request = Request::builder().method(method).uri(target);
            for host in hosts {
                request = request.header("host", *host);
            }
            through(request, false).is_err()
        };
        assert!(refused("/", "GET", &["a b"]));
        assert!(refused("/", "GET", &["http://a"]));
        assert!(refused("http://a/", "GET", &["b", "b"]));
        assert!(refused("http://a/", "GET", &[]));
        assert!(refused("ftp://a/", "GET", &["a"]));
        assert!(refused("a:80", "GET", &["a"]));
        assert!(refused("*", "GET", &["a"]));
        assert!(!refused("*", "OPTIONS", &["a"]));
        assert!(!refused("/", "GET", &[""]));
    }

    #[test]
    fn transfer_codings_other_than_chunked_are_not_implemented() {
        let status = |codings: &[&str]| {
            let mut request = Request::post("/").header("host", "a");
            for coding in codings {
                request = request.header("transfer-encoding", *coding);
            }
            through(request, false)
                .err()
                .map(|refusal| refusal.0.as_u16())
        };
        assert_eq!(status(&["chunked"]), None);
        assert_eq!(status(&["Chunked"]), None);
        assert_eq!(status(&["gzip, chunked"]), Some(501));
        assert_eq!(status(&["gzip", "chunked"]), Some(501));
        assert_eq!(status(&["identity, chunked"]), Some(501));
        assert_eq!(status(&["chunked, chunked"]), Some(400));
        assert_eq!(status(&["chunked", "chunked"]), Some(400));
        assert_eq!(status(&[""]), Some(400));
    }
}
