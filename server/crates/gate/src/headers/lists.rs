//! Field values that are lists (RFC 9110 section 5.6.1).

use http::{HeaderMap, HeaderName, HeaderValue};

/// Whether a field names `token`, in any case.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(tokens)
        .any(|t| t.eq_ignore_ascii_case(token))
}

/// The elements of a list (RFC 9110 section 5.6.1), without their parameters.
pub(super) fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    list(value).map(|element| {
        let name = element.split(|byte| *byte == b';').next();
        name.unwrap_or_default().trim_ascii()
    })
}

/// The elements of a list, whole; empty ones do not count.
pub(super) fn list(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}
