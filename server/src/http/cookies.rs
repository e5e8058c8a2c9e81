//! The dashboard's cookies on their way in and out. What comes in is read as bytes and reduced to the one session that
//! counts, so that another cookie of the same host can neither hide it nor replace it; what goes out over HTTPS carries
//! what the `__Host-` prefix asks for.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_sessions::session::Id;

use super::auth::{DEVICE_LIFETIME_SECONDS, cookie_name};
use super::server::Server;
use crate::names::cookies::{DEVICE_COOKIE, HTTPS_DEVICE_COOKIE, SESSION_COOKIE};

/// How many cookies of one name are looked at: an app on the same host can plant some for longer paths, which browsers
/// send first, and browsers keep some 180 a host.
const MAX_CANDIDATES: usize = 256;

/// In a request: what its browser's device cookie holds.
#[derive(Debug, Clone)]
pub struct DeviceToken(pub String);

/// In an answer: the device cookie that the browser is to keep.
#[derive(Debug, Clone)]
pub struct SetDevice(pub String);

fn device_cookie_name(https: bool) -> &'static str {
    if https {
        HTTPS_DEVICE_COOKIE
    } else {
        DEVICE_COOKIE
    }
}

/// Leaves the request the one session cookie that counts.
///
/// Over HTTPS a session under the plain name signs nobody in: the app on this host may have seen its id, before `https`
/// was set or before the proxies kept it from the app. The browser is told to forget it.
pub async fn settle(
    State(server): State<Arc<Server>>,
    mut request: Request,
    next: Next,
) -> Response {
    let https = server.house.config.dashboard.https;
    let (session_name, device_name) = (cookie_name(https), device_cookie_name(https));
    let candidates = values(request.headers(), session_name);
    let device = values(request.headers(), device_name).into_iter().next();
    let has_plain = https && !values(request.headers(), SESSION_COOKIE).is_empty();
    let session = match candidates.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        [first, ..] => {
            let live = first_live(&server, &candidates).await;
            Some(live.unwrap_or_else(|| first.clone()))
        }
    };
    let headers = request.headers_mut();
    headers.remove(header::COOKIE);
    if let Some(value) = session
        && let Ok(value) = HeaderValue::try_from(format!("{session_name}={value}"))
    {
        headers.insert(header::COOKIE, value);
    }
    if let Some(device) = device {
        request.extensions_mut().insert(DeviceToken(device));
    }
    let mut response = next.run(request).await;
    if has_plain {
        let forget = format!("{SESSION_COOKIE}=; Path=/; Max-Age=0");
        set(response.headers_mut(), &forget);
    }
    if let Some(SetDevice(token)) = response.extensions_mut().remove() {
        let secure = if https { "; Secure" } else { "" };
        set(
            response.headers_mut(),
            &format!(
                "{device_name}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={DEVICE_LIFETIME_SECONDS}{secure}"
            ),
        );
    }
    secure_host_cookies(response.headers_mut());
    response
}

/// The values of all cookies of a name, at most [`MAX_CANDIDATES`]; one that is not visible ASCII is none of ours.
fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    let pairs = headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    pairs
        .filter_map(|pair| {
            let value = pair
                .trim_ascii()
                .strip_prefix(name.as_bytes())?
                .strip_prefix(b"=")?;
            let is_fit = !value.is_empty() && value.iter().all(u8::is_ascii_graphic);
            let text = std::str::from_utf8(value).ok().filter(|_| is_fit)?;
            Some(text.to_owned())
        })
        .take(MAX_CANDIDATES)
        .collect()
}

async fn first_live(server: &Server, candidates: &[String]) -> Option<String> {
    let ids = candidates.iter().filter_map(|one| one.parse::<Id>().ok());
    let live = server.auth.sessions.first_live(ids.collect()).await?;
    Some(live.to_string())
}

/// Browsers take no `__Host-` cookie without `Secure`, not even one that removes it.
fn secure_host_cookies(headers: &mut HeaderMap) {
    let is_short = |field: &HeaderValue| {
        field.as_bytes().starts_with(b"__Host-")
            && !field
                .as_bytes()
                .split(|byte| *byte == b';')
                .any(|part| part.trim_ascii().eq_ignore_ascii_case(b"secure"))
    };
    if !headers.get_all(header::SET_COOKIE).iter().any(is_short) {
        return;
    }
    let fields: Vec<HeaderValue> = headers
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .collect();
    headers.remove(header::SET_COOKIE);
    for field in fields {
        if is_short(&field) {
            let whole = [field.as_bytes(), b"; Secure"].concat();
            headers.append(
                header::SET_COOKIE,
                HeaderValue::from_bytes(&whole).unwrap_or(field),
            );
        } else {
            headers.append(header::SET_COOKIE, field);
        }
    }
}

fn set(headers: &mut HeaderMap, field: &str) {
    match HeaderValue::try_from(field) {
        Ok(value) => {
            headers.append(header::SET_COOKIE, value);
        }
        // Never: names, ids and tokens are visible ASCII.
        Err(error) => tracing::error!("a cookie could not be set: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(fields: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::COOKIE, HeaderValue::from_bytes(field).unwrap());
        }
        headers
    }

    #[test]
    fn our_cookie_is_found_whatever_stands_around_it() {
        for (fields, found) in [
            (&[&b"tealkeep=x"[..]][..], &["x"][..]),
            (&[b"u=\xc3\xa9; tealkeep=x"], &["x"]),
            (&[b"u=\xff;tealkeep=x;b=2"], &["x"]),
            (&[b"a=1", b"tealkeep=x"], &["x"]),
            (&[b"tealkeep=x; tealkeep=y"], &["x", "y"]),
            (&[b"%74ealkeep=x; Tealkeep=y; xtealkeep=z"], &[]),
            (&[b"tealkeep=\xe9; tealkeep=; tealkeep"], &[]),
            (&[b"__Host-tealkeep=x; tealkeep-device=y"], &[]),
        ] {
            assert_eq!(values(&sent(fields), "tealkeep"), found, "{fields:?}");
        }
        let many = "tealkeep=x; ".repeat(300);
        assert_eq!(
            values(&sent(&[many.as_bytes()]), "tealkeep").len(),
            MAX_CANDIDATES
        );
    }

    #[test]
    fn a_host_cookie_is_never_sent_without_secure() {
        let mut headers = HeaderMap::new();
        for field in [
            "__Host-tealkeep=; Path=/; Max-Age=0",
            "__Host-tealkeep=x; Secure; Path=/",
            "tealkeep=; Path=/",
        ] {
            set(&mut headers, field);
        }
        secure_host_cookies(&mut headers);
        let fields: Vec<&[u8]> = headers
            .get_all(header::SET_COOKIE)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        assert_eq!(
            fields,
            [
                &b"__Host-tealkeep=; Path=/; Max-Age=0; Secure"[..],
                b"__Host-tealkeep=x; Secure; Path=/",
                b"tealkeep=; Path=/",
            ]
        );
    }
}
