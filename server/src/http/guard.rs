//! What every request passes before a handler sees it: the Host must be ours, an unsafe method must
//! come from our own pages, and whoever is not signed in goes no further than the open routes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::StreamExt;
use tealkeep_app::model::ErrorPage;
use tower_sessions::Session;

use super::auth::Scope;
use super::body_deadline::Lateness;
use super::peer::Peer;
use super::problem::Problem;
use super::{Server, pages};
use crate::admission::Place;

/// The session value that says who signed in, and with what.
pub const SIGNED_IN: &str = "signed_in";

/// How a request reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Over TCP, from a client at that address; a trusted proxy's is not the client's.
    Tcp(IpAddr),
    /// Over the unix socket, from that user.
    Socket(Peer),
}

/// Who asks for something, in words for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(String);

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Caller {
    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a route behind the door asks for.
#[derive(Clone)]
pub struct Needs {
    /// Who keeps the door.
    pub server: Arc<Server>,
    /// What a token must open.
    pub scope: Scope,
}

impl Transport {
    /// The address that tries at a password are counted by.
    pub fn ip(self) -> IpAddr {
        match self {
            Transport::Tcp(client) => client,
            Transport::Socket(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

fn is_over_tcp(request: &Request) -> bool {
    matches!(request.extensions().get(), Some(Transport::Tcp(_)))
}

/// Refuses a Host that is not valid, or not ours: a page of another site whose name was pointed at this machine
/// (DNS rebinding) must find nothing here.
pub async fn check_host(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(Transport::Socket(Peer {
        is_welcome: false, ..
    })) = request.extensions().get()
    {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "the socket is for root and for the members of its group; `sudo adduser YOU tealkeep` makes you one, from the next login on",
        )
        .into_response();
    }
    if !is_over_tcp(&request) {
        return next.run(request).await;
    }
    let Some(host) = host_of(&request) else {
        return Problem::new(
            StatusCode::BAD_REQUEST,
            "A request needs exactly one Host field that holds a host name or an address, with a port or without (RFC 9112, section 3.2).",
        )
        .into_response();
    };
    if !is_ours(&host, &server.dashboard.hosts) {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "Tealkeep does not answer to this Host name. If it should, add it to `hosts` under [dashboard] in the configuration.",
        )
        .into_response();
    }
    next.run(request).await
}

/// Refuses an unsafe method that does not come from a page of our own.
///
/// Judged by `Origin`, which browsers send with every form and fetch that is not a plain GET; a
/// `Sec-Fetch-Site` of `same-origin` will do where there is none. With `https = true` the page must have come over HTTPS.
pub async fn check_origin(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    // No page can make a browser send a token of its own accord.
    let by_token = is_api(&request) && request.headers().contains_key(header::AUTHORIZATION);
    if is_over_tcp(&request)
        && !by_token
        && !request.method().is_safe()
        && !is_same_origin(
            request.headers(),
            host_of(&request).as_ref(),
            server.dashboard.https,
        )
    {
        // The route, not the path: that of a one-time link holds its token.
        let route = request
            .extensions()
            .get::<MatchedPath>()
            .map_or("", MatchedPath::as_str);
        tracing::warn!(route, "refused a form that came from another site");
        return if is_api(&request) {
            Problem::new(StatusCode::FORBIDDEN, "this request came from another site's page; only Tealkeep's own may ask for changes").into_response()
        } else {
            pages::error(
                &server,
                request.uri().path(),
                StatusCode::FORBIDDEN,
                ErrorPage::CrossSite,
            )
        };
    }
    next.run(request).await
}

/// Lets through only who is signed in, came over the unix socket, or has a token that opens so much. A
/// token opens the API, not the pages.
pub async fn require_signed_in(
    State(needs): State<Needs>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = match request.extensions().get() {
        Some(Transport::Socket(peer)) => Some(peer.in_words()),
        Some(Transport::Tcp(_)) | None => match bearer(&request) {
            // Whoever shows a token is judged by it alone.
            Some(text) => match by_token(&needs, text).await {
                Ok(caller) => Some(caller),
                Err(refused) => return refused,
            },
            None => is_signed_in(&session)
                .await
                .then(|| "the dashboard".to_owned()),
        },
    };
    if let Some(caller) = caller {
        if let Some(place) = request.extensions().get::<Arc<Place>>() {
            place.recognise();
        }
        request.extensions_mut().insert(Caller(caller));
        return next.run(request).await;
    }
    if is_api(&request) {
        return challenged(
            "sign in first, send a token (`tealkeep token add` makes one), or use the unix socket",
            "Bearer realm=\"tealkeep\"",
        );
    }
    // Where a sign-in leads back to: pages only, since a form's content is gone by then.
    let back = match (request.method().is_safe(), request.uri().path_and_query()) {
        (true, Some(path)) if path.as_str() != "/" => {
            format!("/sign-in?next={}", percent_encoded(path.as_str()))
        }
        _ => "/sign-in".to_owned(),
    };
    Redirect::to(&back).into_response()
}

/// The token that came with a request to the API (RFC 6750, section 2.1).
fn bearer(request: &Request) -> Option<&str> {
    let field = request.headers().get(header::AUTHORIZATION)?;
    if !is_api(request) {
        return None;
    }
    // What can't be a token is an unknown one.
    let field = field.to_str().unwrap_or_default();
    let (scheme, text) = field.split_once(' ').unwrap_or_default();
    Some(if scheme.eq_ignore_ascii_case("bearer") {
        text.trim()
    } else {
        ""
    })
}

async fn by_token(needs: &Needs, text: &str) -> Result<String, Response> {
    let found = needs.server.auth.tokens.of_text(text).await;
    match found.map_err(|error| Problem::from(error).into_response())? {
        Some(token) if token.scope >= needs.scope => {
            Ok(format!("the holder of the token {}", token.name))
        }
        Some(token) => {
            let text = format!(
                "the token {} has the scope {}; this needs {}",
                token.name, token.scope, needs.scope
            );
            Err(Problem::new(StatusCode::FORBIDDEN, text).into_response())
        }
        None => Err(challenged(
            "that is no token of this Tealkeep; it may have been revoked",
            "Bearer realm=\"tealkeep\", error=\"invalid_token\"",
        )),
    }
}

fn challenged(detail: &'static str, challenge: &'static str) -> Response {
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, detail).into_response();
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    );
    response
}

/// Lets through only what came over the unix socket.
pub async fn require_socket(mut request: Request, next: Next) -> Response {
    match request.extensions().get() {
        Some(Transport::Socket(peer)) => {
            let caller = Caller(peer.in_words());
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        _ => Problem::new(StatusCode::NOT_FOUND, "there is nothing here").into_response(),
    }
}

/// Whether the session belongs to somebody who knew the password.
pub async fn is_signed_in(session: &Session) -> bool {
    // A store that can't be read lets nobody in.
    matches!(session.get_value(SIGNED_IN).await, Ok(Some(_)))
}

/// Tells what was refused before a handler saw it (a number that is none, a body too large) in the shape
/// of all other errors: extractors and limits say it in plain text.
pub async fn shape_refusals(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let (api, path) = (is_api(&request), request.uri().path().to_owned());
    let lateness = request.extensions().get::<Lateness>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    if lateness.is_some_and(|lateness| lateness.is_late()) {
        let sentence = "The request did not arrive completely in time. Send it again.".to_owned();
        let status = StatusCode::REQUEST_TIMEOUT;
        let mut response = if api {
            Problem::new(status, sentence).into_response()
        } else {
            pages::error(&server, &path, status, ErrorPage::Refused { sentence })
        };
        // What is still to come of it is no request.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    let is_plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || !is_plain {
        return response;
    }
    let said = match axum::body::to_bytes(response.into_body(), LONGEST_REFUSAL).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        // The status alone tells it then.
        Err(_) => String::new(),
    };
    let sentence = format!("The request could not be read: {said}.");
    if api {
        Problem::new(status, sentence).into_response()
    } else if status == StatusCode::BAD_REQUEST {
        pages::error(&server, &path, StatusCode::NOT_FOUND, ErrorPage::NotFound)
    } else {
        pages::error(&server, &path, status, ErrorPage::Refused { sentence })
    }
}

/// Hears out a body that announces itself as larger than is taken, before it is refused: a sender that is still
/// writing when the connection closes sees a broken pipe in place of the refusal (RFC 9112 section 9.6).
///
/// What is heard is thrown away at once, and bounded in length and time.
pub async fn hear_out(request: Request, next: Next) -> Response {
    let announced = request.body().size_hint().lower();
    if announced <= super::routes::BODY_LIMIT_BYTES as u64 {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let heard = async {
        let mut chunks = body.into_data_stream();
        let mut left = LONGEST_HEARD_OUT;
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    // Whoever sends more, or more slowly, is cut off: by then it is no slip.
    let _ = tokio::time::timeout(HEARD_OUT_WITHIN, heard).await;
    // The length that it announced is still in its head, and is what it is refused for.
    next.run(Request::from_parts(parts, Body::empty())).await
}

/// How much of a body that is refused is read and thrown away, in bytes.
const LONGEST_HEARD_OUT: usize = 8 * 1024 * 1024;
/// How long it may take to arrive.
const HEARD_OUT_WITHIN: Duration = Duration::from_secs(5);

/// The longest text of a refusal that is passed on, in bytes.
const LONGEST_REFUSAL: usize = 4096;

/// The headers that every answer over TCP carries.
pub async fn add_security_headers(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if server.dashboard.https {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(STRICT_TRANSPORT_SECURITY),
        );
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Whatever says nothing of its own is never kept: pages are for whoever is signed in.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Half a year (RFC 6797, section 6.1). Not for subdomains: they may belong to other services of the household.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=15552000";

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

fn is_api(request: &Request) -> bool {
    let path = request.uri().path();
    path.starts_with("/api/") || path == "/metrics"
}

/// The host that a request is for: of the absolute target where there is one (RFC 9112, section 3.2.2), otherwise of its
/// only Host field. `None` where that is missing, there twice, or not a host with or without a port: user information is
/// no part of it.
fn host_of(request: &Request) -> Option<Authority> {
    let host = match request.uri().authority() {
        Some(authority) => authority.clone(),
        None => {
            let mut fields = request.headers().get_all(header::HOST).iter();
            let (only, None) = (fields.next()?, fields.next()) else {
                return None;
            };
            Authority::try_from(only.as_bytes()).ok()?
        }
    };
    let port = host.as_str().strip_prefix(host.host())?;
    let has_fit_port = port.is_empty() || host.port_u16().is_some();
    (has_fit_port && !host.host().is_empty()).then_some(host)
}

fn is_ours(host: &Authority, configured: &[String]) -> bool {
    let name = host
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .trim_end_matches('.')
        .to_ascii_lowercase();
    let own = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .to_ascii_lowercase();
    // An address can't be pointed elsewhere by somebody's name server.
    name.parse::<IpAddr>().is_ok()
        || name == "localhost"
        || name == own
        || name
            .strip_suffix(".local")
            .is_some_and(|short| short == own)
        || configured
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&name))
}

fn is_same_origin(headers: &HeaderMap, host: Option<&Authority>, https: bool) -> bool {
    match (headers.get(header::ORIGIN).map(HeaderValue::to_str), host) {
        (Some(Ok(origin)), Some(host)) => {
            let over_https = origin.strip_prefix("https://");
            // Without `https = true` a proxy in front may have taken the TLS off unasked.
            let authority =
                over_https.or_else(|| (!https).then(|| origin.strip_prefix("http://")).flatten());
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_str()))
        }
        (None, Some(_)) => headers
            .get("sec-fetch-site")
            .is_some_and(|site| site == "same-origin"),
        _ => false,
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .collect()
    }

    fn host(fields: &[&str]) -> Option<Authority> {
        let mut request = Request::new(Body::empty());
        for field in fields {
            request
                .headers_mut()
                .append(header::HOST, HeaderValue::from_str(field).unwrap());
        }
        host_of(&request)
    }

    #[test]
    fn only_names_that_are_ours_are_answered_to() {
        let configured = ["tealkeep.example.org".to_owned()];
        for good in [
            "127.0.0.1:3330",
            "localhost:3330",
            "[::1]:3330",
            "192.168.1.5:3330",
            "tealkeep.example.org",
            "TEALKEEP.example.org:443",
        ] {
            assert!(is_ours(&host(&[good]).unwrap(), &configured), "{good}");
        }
        for bad in [
            "evil.example",
            "evil.example:3330",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
        ] {
            assert!(!is_ours(&host(&[bad]).unwrap(), &configured), "{bad}");
        }
    }

    #[test]
    fn a_host_field_that_is_no_host_is_none() {
        for bad in [
            &[][..],
            &[""],
            &["a b"],
            &["localhost/x"],
            &["user@localhost"],
            &["localhost:"],
            &["localhost:x"],
            &["localhost:99999"],
            &["[::1"],
            &[":3330"],
            &["localhost, evil.example"],
            &["localhost", "localhost"],
        ] {
            assert_eq!(host(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_told_by_its_origin() {
        let host = Authority::from_static("pi.local:3330");
        let same = |pairs: &[(&'static str, &'static str)], https| {
            is_same_origin(&headers(pairs), Some(&host), https)
        };
        let plain = [("origin", "http://pi.local:3330")];
        let secure = [("origin", "https://pi.local:3330")];
        assert!(same(&plain, false) && same(&secure, false) && same(&secure, true));
        assert!(
            !same(&plain, true),
            "over plain HTTP, where HTTPS is promised"
        );
        let by_site = [("sec-fetch-site", "same-origin")];
        assert!(same(&by_site, false) && same(&by_site, true));
        for bad in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://pi.local:3331")],
            &[
                ("origin", "http://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert!(!same(bad, false) && !same(bad, true), "{bad:?}");
        }
    }
}
