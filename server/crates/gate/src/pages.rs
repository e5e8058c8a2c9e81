//! The few answers that the gate makes itself. None of them may be cached, and those about a passing state say when to
//! come back (RFC 9110 section 10.2.3).

use std::time::Duration;

use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::maintenance::Maintenance;
use super::response_body::ResponseBody;

/// Says, on a health answer that the gate gave in the app's place, that requests are being held.
pub const HELD_HEADER: HeaderName = HeaderName::from_static("tealkeep-held");

/// 503 with the maintenance page.
pub(super) fn unavailable(wants: Wants, page: &Maintenance) -> Response<ResponseBody> {
    let mut response = page_of(
        wants,
        StatusCode::SERVICE_UNAVAILABLE,
        "Back in a moment",
        &page.text,
    );
    retry_after(&mut response, page.retry_after);
    response
}

/// 502: the live colour can't be reached, or broke off.
pub(super) fn bad_gateway(wants: Wants) -> Response<ResponseBody> {
    let mut response = page_of(
        wants,
        StatusCode::BAD_GATEWAY,
        "The app is not answering",
        "It may be restarting. Please try again in a few seconds.",
    );
    retry_after(&mut response, Duration::from_secs(5));
    response
}

/// 502: the live colour answered something that can't be passed on; `why` continues "the app …".
pub(super) fn bad_answer(wants: Wants, why: &str) -> Response<ResponseBody> {
    page_of(
        wants,
        StatusCode::BAD_GATEWAY,
        "The app sent a broken answer",
        &format!(
            "The app runs, but its answer can't be passed on: it {why}. This has to be fixed in the app."
        ),
    )
}

/// 400: the client broke its request off.
pub(super) fn broken_off(wants: Wants) -> Response<ResponseBody> {
    page_of(
        wants,
        StatusCode::BAD_REQUEST,
        "The request is incomplete",
        "It ended before its body was whole, so the app has not answered it.",
    )
}

/// 504: the live colour took the request and did not answer in time.
pub(super) fn timed_out(wants: Wants) -> Response<ResponseBody> {
    let mut response = page_of(
        wants,
        StatusCode::GATEWAY_TIMEOUT,
        "The app took too long",
        "It got your request and did not answer in time. Please check whether what you did was saved \
         before you try again.",
    );
    retry_after(&mut response, Duration::from_secs(5));
    response
}

/// A request that can't be passed on, and why.
pub(super) fn refused(wants: Wants, status: StatusCode, why: &str) -> Response<ResponseBody> {
    let mut response = page_of(wants, status, "This request can't be passed on", why);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

/// 200 in the app's place, for a health probe while requests are held.
pub(super) fn held_health() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::page("held\n".to_owned()));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HELD_HEADER, HeaderValue::from_static("true"));
    response
}

/// What kind of page a client can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    Html,
    Text,
}

impl Wants {
    pub(super) fn of(headers: &HeaderMap) -> Wants {
        let html = headers
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
        if html { Wants::Html } else { Wants::Text }
    }
}

fn page_of(wants: Wants, status: StatusCode, title: &str, text: &str) -> Response<ResponseBody> {
    let (kind, body) = match wants {
        Wants::Html => (
            "text/html; charset=utf-8",
            format!(
                "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
                 <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
                 <title>{title}</title><style>body{{font:1.1rem/1.5 system-ui,sans-serif;\
                 margin:18vh auto;padding:0 1.5rem;max-width:30rem;color:#123;background:#f4f8f8}}\
                 @media(prefers-color-scheme:dark){{body{{color:#dee;background:#122}}}}</style></head>\
                 <body><h1>{title}</h1><p>{}</p></body></html>\n",
                escaped(text)
            ),
        ),
        Wants::Text => ("text/plain; charset=utf-8", format!("{title}. {text}\n")),
    };
    let mut response = Response::new(ResponseBody::page(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn retry_after(response: &mut Response<ResponseBody>, after: Duration) {
    let seconds = after.as_secs().max(1);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
