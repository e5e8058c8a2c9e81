//! A request's target: origin form, and exactly one valid Host.

use http::header::HOST;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Method, Request, Uri, Version};

use super::refusal::{Refusal, bad_request};
use tealkeep_words::names::host;

/// Origin form and exactly one valid Host, taken from an absolute target where there is one (RFC 9112
/// sections 3.2 and 3.2.2).
pub(super) fn settle_target<B>(request: &mut Request<B>) -> Result<(), Refusal> {
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
    split_absolute_target(request)
}

/// Moves the host of an absolute target into the Host field.
fn split_absolute_target<B>(request: &mut Request<B>) -> Result<(), Refusal> {
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
