//! The names of the dashboard's cookies. Browsers send a host's cookies to every port of that host (RFC 6265,
//! section 8.5), so the apps' routers must know these names too: they keep the cookies away from the apps.
//!
//! Names are compared as bytes: a `Cookie` field may hold bytes that are not UTF-8, and a field that cannot be read as
//! text must not hide a session.

/// The session's cookie over plain HTTP.
pub const SESSION_COOKIE: &str = "tealkeep";
/// The session's cookie over HTTPS. Browsers take a `__Host-` cookie only with `Secure`, with `Path=/` and without
/// `Domain` (RFC 6265bis, section 4.1.3.2), so no app on a sibling host or on plain HTTP can plant one.
pub const HTTPS_SESSION_COOKIE: &str = "__Host-tealkeep";
/// The cookie of a browser that has signed in before, over plain HTTP. It gives that browser a sign-in budget of its own
/// and nothing else.
pub const DEVICE_COOKIE: &str = "tealkeep-device";
/// The same over HTTPS.
pub const HTTPS_DEVICE_COOKIE: &str = "__Host-tealkeep-device";

/// Every cookie that belongs to the dashboard.
pub const DASHBOARD_COOKIES: [&str; 4] = [
    SESSION_COOKIE,
    HTTPS_SESSION_COOKIE,
    DEVICE_COOKIE,
    HTTPS_DEVICE_COOKIE,
];

/// Whether a cookie of this name belongs to the dashboard. `name` is what stands before the `=` of a pair; white space
/// and control characters around it do not count.
#[must_use]
pub fn is_dashboard_cookie_name(name: &[u8]) -> bool {
    let name = trimmed(name);
    DASHBOARD_COOKIES
        .iter()
        .any(|known| known.as_bytes() == name)
}

/// Whether a `Set-Cookie` field's value would make a browser send one of the dashboard's cookies. A cookie without a
/// name counts too: from `=tealkeep=x` browsers store the value `tealkeep=x` and send exactly that
/// (RFC 6265bis, section 5.6).
#[must_use]
pub fn sets_dashboard_cookie(set_cookie: &[u8]) -> bool {
    let end = position(set_cookie, b';').unwrap_or(set_cookie.len());
    let mut pair = trimmed(&set_cookie[..end]);
    while let Some(nameless) = pair.strip_prefix(b"=") {
        pair = trimmed(nameless);
    }
    let name = position(pair, b'=').map_or(pair, |equals| &pair[..equals]);
    is_dashboard_cookie_name(name)
}

fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b'\0'..=b' ' | 0x7f, rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b'\0'..=b' ' | 0x7f] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dashboards_cookies_are_known_by_their_bytes() {
        for ours in [
            "tealkeep",
            "__Host-tealkeep",
            "tealkeep-device",
            "__Host-tealkeep-device",
            " tealkeep",
            "\ttealkeep ",
        ] {
            assert!(is_dashboard_cookie_name(ours.as_bytes()), "{ours:?}");
        }
        for other in [
            &b""[..],
            b"tealkeeper",
            b"Tealkeep",
            b"__Host-tealkeeper",
            b"tealkeep\xe9",
            b"\xe9tealkeep",
            b"x tealkeep",
        ] {
            assert!(!is_dashboard_cookie_name(other), "{other:?}");
        }
    }

    #[test]
    fn a_set_cookie_is_ours_however_it_is_written() {
        for ours in [
            &b"tealkeep=x"[..],
            b"tealkeep=; Max-Age=0",
            b" tealkeep = \xe9; Path=/app",
            b"__Host-tealkeep=x; Secure; Path=/",
            b"tealkeep-device=x",
            b"=tealkeep=x",
            b" = = tealkeep=x; Path=/",
            b"tealkeep",
        ] {
            assert!(sets_dashboard_cookie(ours), "{ours:?}");
        }
        for other in [
            &b""[..],
            b"=",
            b"a=tealkeep",
            b"a=1; tealkeep=2",
            b"tealkeeper=x",
            b"=a=tealkeep",
        ] {
            assert!(!sets_dashboard_cookie(other), "{other:?}");
        }
    }
}
