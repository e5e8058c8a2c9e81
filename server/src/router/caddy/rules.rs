//! The lines of the Caddyfile that keep the dashboard's cookies and foreign claims about the client away from the app.
//! They are written for Caddy 2.6.2 and for 2.11 alike, with what 2.6.2 can do.

use crate::names::cookies::DASHBOARD_COOKIES;

/// What the app gets in place of a session's value. A rule that removed the whole cookie would leave `; a=1` or miss a
/// second one, and an empty replacement makes Caddy 2.6.2 set the field to the regular expression, which signs everybody
/// out of everything.
const BLANK: &str = "-";

/// What a browser gets in place of a `Set-Cookie` of the dashboard's: a cookie without name and value, which it ignores
/// (RFC 6265 section 5.2). Caddy can't leave out one of several lines of a field.
const NO_COOKIE: &str = "=";

/// For each `reverse_proxy`: the app sees no session.
pub(super) fn blank_cookies() -> String {
    format!(
        r#"header_up Cookie "{}" "${{1}}{BLANK}""#,
        session_pattern()
    )
}

/// For the site: the app sets no session. It holds for interim answers too, which `header_down` does not see.
pub(super) fn drop_set_cookies() -> String {
    format!(r#"Set-Cookie "{}" "{NO_COOKIE}""#, set_cookie_pattern())
}

/// Says who the client is, if not from a proxy on this machine.
pub(super) const FOREIGN_FIELDS: [&str; 3] = ["X-Forwarded-*", "X-Real-IP", "Forwarded"];

/// The same for a server that passes fields on as variables, which reads `_` and `-` alike (RFC 3875 section 4.1.18). No
/// proxy sends these.
pub(super) const DISGUISED_FIELDS: [&str; 5] = [
    "X_Forwarded*",
    "X-Forwarded_*",
    "X_Real-IP",
    "X_Real_IP",
    "X-Real_IP",
];

fn names() -> String {
    DASHBOARD_COOKIES.join("|")
}

/// Finds a session's value; its first group is what stands before it.
pub(super) fn session_pattern() -> String {
    format!(r"((?:^|;)\s*(?:{})\s*=)[^;]*", names())
}

fn set_cookie_pattern() -> String {
    format!(r"^[\s=]*(?:{})\s*(?:[=;].*)?$", names())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::cookies::sets_dashboard_cookie;

    /// Go's expressions take bytes that are not UTF-8 for a character each.
    fn as_go_reads_it(pattern: &str) -> regex::bytes::Regex {
        regex::bytes::Regex::new(&format!("(?-u){pattern}")).unwrap()
    }

    #[test]
    fn each_of_the_dashboards_cookies_is_blanked_wherever_it_stands() {
        let pattern = as_go_reads_it(&session_pattern());
        for name in DASHBOARD_COOKIES {
            let sent = format!("{name}=s; a=1;{name} = s; b={name}; {name}=s;c=2; x{name}=kept");
            let kept = pattern.replace_all(sent.as_bytes(), &b"${1}-"[..]);
            let expected = format!("{name}=-; a=1;{name} =-; b={name}; {name}=-;c=2; x{name}=kept");
            assert_eq!(kept, expected.as_bytes());
        }
        let foreign = b"u=\xe9; tealkeep=\xff; tealkeeper=x; Tealkeep=y";
        let kept = pattern.replace_all(foreign, &b"${1}-"[..]);
        assert_eq!(&*kept, b"u=\xe9; tealkeep=-; tealkeeper=x; Tealkeep=y");
    }

    #[test]
    fn the_same_set_cookies_are_dropped_as_by_the_gate() {
        let pattern = as_go_reads_it(&set_cookie_pattern());
        for value in [
            "tealkeep=x",
            "tealkeep=",
            "tealkeep",
            "tealkeep; Path=/",
            "__Host-tealkeep=x; SECURE; path=/",
            "tealkeep-device=x; max-age=0",
            "__Host-tealkeep-device=x",
            "  tealkeep = x",
            "=tealkeep=x",
            "tealkeeper=x",
            "a=tealkeep",
            "a=1; tealkeep=2",
            "x-tealkeep=1",
            "",
            "=",
        ] {
            assert_eq!(
                pattern.is_match(value.as_bytes()),
                sets_dashboard_cookie(value.as_bytes()),
                "{value:?}"
            );
        }
    }
}
