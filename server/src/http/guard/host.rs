//! Refuses a request whose Host is not ours: a page of another site whose name was pointed at this machine (DNS rebinding)
//! must find nothing here.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::caller::{Transport, is_over_tcp};
use crate::http::peer::Peer;
use crate::http::problem::Problem;
use crate::http::server::Server;

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
    if !is_ours(&host, &server.house.config.dashboard.hosts) {
        return Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "Tealkeep does not answer to this Host name. If it should, add it to `hosts` under [dashboard] in the configuration.",
        )
        .into_response();
    }
    next.run(request).await
}

/// The host that a request is for: of the absolute target where there is one (RFC 9112, section 3.2.2), otherwise of its
/// only Host field. `None` where that is missing, there twice, or not a host with or without a port: user information is
/// no part of it.
pub(super) fn host_of(request: &Request) -> Option<Authority> {
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderValue;

    use super::*;

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
}
