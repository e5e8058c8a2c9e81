//! Keeps the dashboard's cookies away from the apps, in both directions. Browsers send a host's cookies to all
//! of its ports and let any port set them (RFC 6265 section 8.5). Everything here works on bytes, since a `Cookie`
//! field may hold bytes that are not UTF-8.

use http::header::{COOKIE, Entry, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use memchr::memmem;

use tealkeep_words::names::cookies::{
    SESSION_COOKIE, is_dashboard_cookie_name, sets_dashboard_cookie,
};

/// Removes the dashboard's cookies from a request: every one, in every `Cookie` line. The app's own stay in their
/// order; a line that is left empty goes.
pub(super) fn remove_from_request(headers: &mut HeaderMap) {
    let Entry::Occupied(cookies) = headers.entry(COOKIE) else {
        return;
    };
    // Each of the dashboard's names contains the session's.
    let may_be_ours =
        |value: &HeaderValue| memmem::find(value.as_bytes(), SESSION_COOKIE.as_bytes()).is_some();
    if !cookies.iter().any(may_be_ours) {
        return;
    }
    let lines: Vec<HeaderValue> = cookies.remove_entry_mult().1.collect();
    for line in lines {
        let kept = without_ours(line.as_bytes());
        if kept.is_empty() {
            continue;
        }
        // Pieces of a field's value make a field's value again.
        if let Ok(kept) = HeaderValue::from_bytes(&kept) {
            headers.append(COOKIE, kept);
        }
    }
}

fn without_ours(line: &[u8]) -> Vec<u8> {
    let others = line.split(|byte| *byte == b';').filter(|pair| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        !is_dashboard_cookie_name(name)
    });
    let others: Vec<&[u8]> = others
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty())
        .collect();
    others.join(&b"; "[..])
}

/// Removes each `Set-Cookie` by which an app would set, or delete, one of the dashboard's cookies.
pub(super) fn remove_from_response(headers: &mut HeaderMap) {
    let Entry::Occupied(cookies) = headers.entry(SET_COOKIE) else {
        return;
    };
    let is_ours = |value: &HeaderValue| sets_dashboard_cookie(value.as_bytes());
    if !cookies.iter().any(is_ours) {
        return;
    }
    let lines: Vec<HeaderValue> = cookies.remove_entry_mult().1.collect();
    for line in lines.into_iter().filter(|line| !is_ours(line)) {
        headers.append(SET_COOKIE, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(name: http::HeaderName, lines: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, HeaderValue::from_bytes(line).unwrap());
        }
        headers
    }

    fn kept(headers: &HeaderMap, name: http::HeaderName) -> Vec<&[u8]> {
        headers
            .get_all(name)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect()
    }

    type Lines<'a> = &'a [&'a [u8]];

    #[test]
    fn an_app_gets_its_own_cookies_and_none_of_the_dashboards() {
        let cases: &[(Lines<'_>, Lines<'_>)] = &[
            (&[b"tealkeep=secret"], &[]),
            (&[b"__Host-tealkeep=secret"], &[]),
            (&[b"tealkeep-device=x; __Host-tealkeep-device=x"], &[]),
            (&[b"a=1; tealkeep=secret; b=2"], &[b"a=1; b=2"]),
            (&[b"tealkeep=secret; a=1"], &[b"a=1"]),
            (&[b"a=1;tealkeep=secret"], &[b"a=1"]),
            (&[b"a=1;  tealkeep = secret;b=2"], &[b"a=1; b=2"]),
            (
                &[b"tealkeep=1; a=1; tealkeep=2; __Host-tealkeep=3"],
                &[b"a=1"],
            ),
            (&[b"u=\xc3\xa9; tealkeep=secret"], &[b"u=\xc3\xa9"]),
            (&[b"tealkeep=secret; u=\xe9"], &[b"u=\xe9"]),
            (&[b"a=1; tealkeep=\xff\xfe; b=2"], &[b"a=1; b=2"]),
            (
                &[b"a=1; tealkeep=x", b"tealkeep=y", b"b=2; __Host-tealkeep=z"],
                &[b"a=1", b"b=2"],
            ),
            (&[b"tealkeep"], &[]),
            (
                &[b"a=tealkeep; tealkeeper=x"],
                &[b"a=tealkeep; tealkeeper=x"],
            ),
            (&[b"a=1; ;b=2"], &[b"a=1; ;b=2"]),
        ];
        for (sent, expected) in cases {
            let mut headers = map(COOKIE, sent);
            remove_from_request(&mut headers);
            assert_eq!(&kept(&headers, COOKIE), expected, "{sent:?}");
        }
    }

    #[test]
    fn an_app_can_set_its_own_cookies_and_none_of_the_dashboards() {
        let mut headers = map(
            SET_COOKIE,
            &[
                b"a=1; Path=/",
                b"tealkeep=stolen; Path=/; HttpOnly",
                b"__Host-tealkeep=; MAX-AGE=0; secure; path=/",
                b" tealkeep =\xe9; expires=Thu, 01 Jan 1970 00:00:00 GMT",
                b"tealkeep-device=x",
                b"=tealkeep=x",
                b"tealkeeper=2; SameSite=Lax",
                b"u=\xe9",
            ],
        );
        remove_from_response(&mut headers);
        let expected: [&[u8]; 3] = [b"a=1; Path=/", b"tealkeeper=2; SameSite=Lax", b"u=\xe9"];
        assert_eq!(kept(&headers, SET_COOKIE), expected);
    }
}
