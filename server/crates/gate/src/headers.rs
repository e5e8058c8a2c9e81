//! What a request and a response look like on the other side of the gate: hop-by-hop fields gone
//! (RFC 9110 section 7.6.1), the target in origin form, one unambiguous framing, and the dashboard's cookies kept out.

mod framing;
mod lists;
mod refusal;
mod target;

#[cfg(test)]
mod tests;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, Entry, HOST, TE, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body;

use super::answer_fault::shown;
use super::cookies;
use super::forwarded::{self, Peer};
use framing::{check_transfer_codings, settle_length};
use lists::{has_token, tokens};
pub(super) use refusal::Refusal;
use target::settle_target;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const WEBSOCKET: &[u8] = b"websocket";

/// What the `User-Agent` of every request holds that Tealkeep itself makes of an app: probes, and the checks of its public
/// address. Such requests are carried like others and left out of what is counted of the app. Whoever pretends to be
/// Tealkeep hides no more than his own requests.
pub const OWN_AGENT: &str = "tealkeep/";

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
    /// It waits for `100 Continue` before it sends its body (RFC 9110 section 10.1.1).
    pub(super) expects: bool,
    /// Its client can take interim answers, which HTTP/1.0 does not have (RFC 9110 section 15.2).
    pub(super) takes_interim: bool,
    /// It comes with a body.
    pub(super) has_body: bool,
    /// Tealkeep itself asks ([`OWN_AGENT`]).
    pub(super) is_own: bool,
}

/// Turns a request as the client sent it into what a colour gets.
pub(super) fn towards_colour<B: Body>(
    request: &mut Request<B>,
    peer: &Peer,
) -> Result<Shape, Refusal> {
    if request.method() == Method::CONNECT {
        return Err(Refusal {
            status: StatusCode::METHOD_NOT_ALLOWED,
            why: "This is a reverse proxy: it opens no tunnels to other hosts.",
        });
    }
    settle_target(request)?;
    check_transfer_codings(request.headers())?;
    let shape = shape_of(request);
    *request.version_mut() = Version::HTTP_11;

    let headers = request.headers_mut();
    let takes_trailers = has_token(headers, &TE, b"trailers");
    remove_hop_by_hop(headers);
    cookies::remove_from_request(headers);

    if shape.upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    } else if takes_trailers {
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if shape.has_body && !headers.contains_key(CONTENT_LENGTH) {
        // Stated explicitly, because a GET's body of unknown length would otherwise be left out.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    forwarded::set(headers, peer);
    Ok(shape)
}

fn shape_of<B: Body>(request: &Request<B>) -> Shape {
    let headers = request.headers();
    let method = request.method();
    let has_body = !request.body().is_end_stream();
    let is_http_11 = request.version() == Version::HTTP_11;
    let head = *method == Method::HEAD;
    let reading = head || *method == Method::GET;
    let idempotent = reading
        || matches!(
            *method,
            Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
        );
    let upgrade = *method == Method::GET
        && !has_body
        && is_http_11
        && has_token(headers, &UPGRADE, WEBSOCKET)
        && has_token(headers, &CONNECTION, b"upgrade");
    Shape {
        repeatable: idempotent && !has_body && !upgrade,
        reading,
        head,
        upgrade,
        expects: has_body && has_token(headers, &EXPECT, b"100-continue"),
        takes_interim: is_http_11,
        has_body,
        is_own: headers.get(USER_AGENT).is_some_and(|agent| {
            memchr::memmem::find(agent.as_bytes(), OWN_AGENT.as_bytes()).is_some()
        }),
    }
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
            shown(&others.join(&b", "[..]))
        )),
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if let Entry::Occupied(connection) = headers.entry(CONNECTION) {
        let named: Vec<HeaderValue> = connection.remove_entry_mult().1.collect();
        for name in named.iter().flat_map(tokens) {
            let Ok(name) = HeaderName::from_bytes(name) else {
                continue;
            };
            // Nobody may use this field to take away what the message itself depends on.
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
