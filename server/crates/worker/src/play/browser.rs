//! Requests as a browser makes them: mode, credentials and the fields that a worker can read, by what wants them
//! (Fetch, section 5.6 and HTML's elements). Fields that only the network sees are added by the host.

use crate::facts::{Mode, Request};

use super::plan::Wanted;

/// A person goes to a page.
pub fn navigation(url: &str) -> Request {
    Request {
        headers: fields(&[
            (
                "accept",
                "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            ),
            ("upgrade-insecure-requests", "1"),
        ]),
        mode: Mode::Navigate,
        destination: "document".to_owned(),
        credentials: "include".to_owned(),
        ..get(url)
    }
}

/// A page requests something that it needs.
pub fn subresource(wanted: &Wanted) -> Request {
    let accept = match wanted.destination.as_str() {
        "style" => "text/css,*/*;q=0.1",
        "image" => "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
        _ => "*/*",
    };
    // Fonts, modules and manifests always go by CORS; `fetch()` does by default.
    let has_cors = wanted.cors
        || matches!(
            wanted.destination.as_str(),
            "" | "font" | "manifest" | "track" | "xslt"
        );
    let (mode, credentials) = match has_cors {
        true => (Mode::Cors, "same-origin"),
        false => (Mode::NoCors, "include"),
    };
    // Without `crossorigin="use-credentials"` a manifest is fetched without them.
    let credentials = match wanted.destination.as_str() {
        "manifest" => "omit",
        _ => credentials,
    };
    Request {
        headers: fields(&[("accept", accept)]),
        mode,
        destination: wanted.destination.clone(),
        credentials: credentials.to_owned(),
        ..get(&wanted.url)
    }
}

fn get(url: &str) -> Request {
    Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
        mode: Mode::Cors,
        destination: String::new(),
        credentials: "same-origin".to_owned(),
        cache: "default".to_owned(),
    }
}

fn fields(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
