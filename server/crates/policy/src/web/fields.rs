//! What a browser sends with its requests: some apps answer by it.

/// Header fields.
pub(super) type Fields = Vec<(String, String)>;

/// What a browser sends when somebody opens a page (Fetch Metadata; Fetch section 4.1).
pub(super) fn navigation(cookie: Option<&str>) -> Fields {
    let mut headers = vec![
        (
            "accept",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        ),
        ("accept-language", "en-GB,en;q=0.9"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "none"),
        ("sec-fetch-user", "?1"),
        ("upgrade-insecure-requests", "1"),
    ];
    headers.extend(cookie.map(|cookie| ("cookie", cookie)));
    owned(headers)
}

/// What a browser sends for something that a page loads.
pub(super) fn subresource(destination: &str, module: bool, cookie: Option<&str>) -> Fields {
    let accept = match destination {
        "image" => "image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8",
        "style" => "text/css,*/*;q=0.1",
        _ => "*/*",
    };
    let mode = if module || matches!(destination, "font" | "manifest") {
        "cors"
    } else {
        "no-cors"
    };
    let named = if destination.is_empty() {
        "empty"
    } else {
        destination
    };
    let mut headers = vec![
        ("accept", accept),
        ("accept-language", "en-GB,en;q=0.9"),
        ("sec-fetch-dest", named),
        ("sec-fetch-mode", mode),
        ("sec-fetch-site", "same-origin"),
    ];
    headers.extend(cookie.map(|cookie| ("cookie", cookie)));
    owned(headers)
}

fn owned(headers: Vec<(&str, &str)>) -> Fields {
    headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
