//! Where a message's body ends: one unambiguous framing (RFC 9112 section 6.3).

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::super::answer_fault::shown;
use super::lists::list;
use super::refusal::{Refusal, bad_request};

/// One way to tell where a response ends (RFC 9112 section 6.3): a transfer coding overrules a length, and equal
/// lengths are one.
pub(super) fn settle_length(headers: &mut HeaderMap, has_body: bool) -> Result<(), String> {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
        return check_response_coding(headers, has_body);
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let is_plain = match (lengths.next(), lengths.next()) {
        (None, _) => return Ok(()),
        (Some(one), None) => one.as_bytes().iter().all(u8::is_ascii_digit) && !one.is_empty(),
        (Some(_), Some(_)) => false,
    };
    if is_plain {
        return Ok(());
    }
    let all: Vec<&[u8]> = headers
        .get_all(CONTENT_LENGTH)
        .iter()
        .flat_map(list)
        .collect();
    let first = all.first().copied().unwrap_or_default();
    let agree = !first.is_empty()
        && first.iter().all(u8::is_ascii_digit)
        && all.iter().all(|length| *length == first);
    match HeaderValue::from_bytes(first) {
        Ok(length) if agree => {
            headers.insert(CONTENT_LENGTH, length);
        }
        // It does not matter: the response has no body.
        Ok(_) | Err(_) if !has_body => {
            headers.remove(CONTENT_LENGTH);
        }
        Ok(_) | Err(_) => {
            return Err(format!(
                "sent `Content-Length: {}`, which is not one number",
                shown(&all.join(&b", "[..]))
            ));
        }
    }
    Ok(())
}

fn check_response_coding(headers: &HeaderMap, has_body: bool) -> Result<(), String> {
    let codings: Vec<&[u8]> = headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .flat_map(list)
        .collect();
    match codings.as_slice() {
        [one] if one.eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ if !has_body => Ok(()),
        others => Err(format!(
            "sent `Transfer-Encoding: {}`; only `chunked`, once, can be passed on",
            shown(&others.join(&b", "[..]))
        )),
    }
}

/// Only `chunked` is understood, and only once (RFC 9112 section 6.1).
pub(super) fn check_transfer_codings(headers: &HeaderMap) -> Result<(), Refusal> {
    if !headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    let mut chunked = 0;
    for coding in headers.get_all(TRANSFER_ENCODING).iter().flat_map(list) {
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(Refusal {
                status: StatusCode::NOT_IMPLEMENTED,
                why: "Its body has a transfer coding other than chunked.",
            });
        }
        chunked += 1;
    }
    match chunked {
        1 => Ok(()),
        _ => Err(bad_request(
            "Its transfer coding is not chunked exactly once.",
        )),
    }
}
