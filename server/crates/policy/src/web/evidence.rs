//! What was seen, as a person reads it: the request, the answer's fields as received, and what a browser makes of
//! them.

use super::super::site::Answer;

/// Fields that say what may be kept, by whom and for how long.
const FIELDS: &[&str] = &[
    "content-type",
    "location",
    "cache-control",
    "expires",
    "pragma",
    "age",
    "vary",
    "last-modified",
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "vercel-cdn-cache-control",
    "netlify-cdn-cache-control",
    "surrogate-control",
    "cf-cache-status",
    "x-vercel-cache",
    "x-cache",
    "cache-status",
];

/// The request and what came back.
pub(super) fn of(answer: &Answer, with_cookie: bool) -> String {
    let with = if with_cookie {
        ", with the cookie,"
    } else {
        ""
    };
    let path = &answer.url[url::Position::BeforePath..];
    let mut text = format!("GET {path}{with} answered {}:", answer.status);
    for (name, value) in &answer.headers {
        let is_shown =
            FIELDS.contains(&name.as_str()) || (name == "date" && answer.line("expires").is_some());
        if is_shown {
            text.push_str(&format!("\n  {name}: {value}"));
        }
    }
    if answer.line("cache-control").is_none() {
        text.push_str("\n  (no Cache-Control)");
    }
    text
}
