//! The setters of `URL` (URL Standard, section 6.1) and the encoding callbacks of URL patterns (URL Pattern
//! Standard, section 3.1).

use super::escape::Escape;
use super::parser::{State, parse, parse_from};
use super::record::{Path, Record};

/// Sets a part, named as the attribute of `URL`; a value that is refused changes nothing.
pub(super) fn set(url: &mut Record, part: &str, value: &str) {
    match part {
        "protocol" => {
            parse_from(&format!("{value}:"), State::SchemeStart, url);
        }
        "username" if !url.lacks_authority() => url.username = Escape::UserInfo.text(value),
        "password" if !url.lacks_authority() => url.password = Escape::UserInfo.text(value),
        "host" if !url.has_opaque_path() => {
            parse_from(value, State::Host, url);
        }
        "hostname" if !url.has_opaque_path() => {
            parse_from(value, State::Hostname, url);
        }
        "port" if !url.lacks_authority() => {
            if value.is_empty() {
                url.port = None;
            } else {
                parse_from(value, State::Port, url);
            }
        }
        "pathname" if !url.has_opaque_path() => {
            url.segments().clear();
            parse_from(value, State::PathStart, url);
        }
        "search" => {
            url.query = None;
            if value.is_empty() {
                url.strip_opaque_path();
            } else {
                url.query = Some(String::new());
                parse_from(value.strip_prefix('?').unwrap_or(value), State::Query, url);
            }
        }
        "hash" => {
            url.fragment = None;
            if value.is_empty() {
                url.strip_opaque_path();
            } else {
                url.fragment = Some(String::new());
                parse_from(
                    value.strip_prefix('#').unwrap_or(value),
                    State::Fragment,
                    url,
                );
            }
        }
        _ => {}
    }
}

/// Canonicalises a piece of a URL pattern's component. `protocol` matters for ports alone. `None`: it is not valid.
pub(super) fn canonicalize(component: &str, value: &str, protocol: &str) -> Option<String> {
    if value.is_empty() {
        return Some(String::new());
    }
    let mut dummy = parse("https://dummy.invalid/", None)?;
    match component {
        "protocol" => Some(parse(&format!("{value}://dummy.invalid/"), None)?.scheme),
        "username" | "password" => Some(Escape::UserInfo.text(value)),
        // The parser would stop at a delimiter and drop what follows, as browsers do not.
        "hostname" if value.contains(['/', '?', '#', '\\', '\t', '\n', '\r']) => None,
        "hostname" => {
            parse_from(value, State::Hostname, &mut dummy)?;
            dummy.host
        }
        "port" => {
            protocol.clone_into(&mut dummy.scheme);
            parse_from(value, State::Port, &mut dummy)?;
            Some(dummy.part("port"))
        }
        "pathname" => {
            // A piece need not begin with a slash: what stands in front keeps dots from being collapsed.
            let front = if value.starts_with('/') { "" } else { "/-" };
            dummy.segments().clear();
            parse_from(&format!("{front}{value}"), State::PathStart, &mut dummy)?;
            Some(dummy.pathname().get(front.len()..)?.to_owned())
        }
        "opaque" => {
            dummy.path = Path::Opaque(String::new());
            parse_from(value, State::OpaquePath, &mut dummy)?;
            Some(dummy.pathname())
        }
        "search" => {
            dummy.query = Some(String::new());
            parse_from(value, State::Query, &mut dummy)?;
            dummy.query
        }
        _ => {
            dummy.fragment = Some(String::new());
            parse_from(value, State::Fragment, &mut dummy)?;
            dummy.fragment
        }
    }
}
