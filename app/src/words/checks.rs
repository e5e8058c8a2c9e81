//! What the policies and the kinds of their findings are called where people read of them. The names in the
//! API stay what they are; these say what a finding means for somebody at home.

/// What a kind of finding means for the people who use the app, as a heading: "The service worker keeps pages".
/// A kind that is not known here is its own heading.
#[must_use]
pub fn finding_title(kind: &str) -> &str {
    match kind {
        "*" => "Everything that is found",
        "nothing-seen" => "No page was seen",
        "long-lived-error" => "An error is kept for long in a file's place",
        "stale-worker-script" => "Browsers may go on running an old service worker",
        "heuristic-freshness" => "Browsers must guess how long this stays good",
        "reusable" => "Browsers may show this page again without asking",
        "may-be-stale" => "An old page may be shown while a new one is there",
        "qualified-no-cache" => "Only single fields are asked for again, not the page",
        "ambiguous" => "What is said about keeping it contradicts itself",
        "kept-by-proxy" => "A proxy or a CDN keeps this page",
        "changed-on-the-way" => "Something in between changes what browsers are told",
        "hashed-not-immutable" => "A file that never changes is asked for again and again",
        "mutable-immutable" => "A file that can change is kept for good",
        "mutable-reusable" => "A file that can change may be used again without asking",
        "caches-html" => "The service worker keeps pages",
        "caches-navigation" => "The service worker keeps what it shows when a page is opened",
        "caches-mutable-asset" => "The service worker keeps a file that can change",
        "caches-api-response" => "The service worker keeps data",
        "serves-stale-navigation" => "The service worker shows a page from its store",
        "unparsable" => "The service worker's script can't be read",
        "cannot-evaluate" => "It can't be told what the service worker does",
        other => other,
    }
}

/// What a policy looks at, as a heading: "Pages", "Service worker". A policy that is not known here is its own
/// heading.
#[must_use]
pub fn policy_title(policy: &str) -> &str {
    match policy {
        "html-cache" => "Pages",
        "asset-cache" => "Scripts, styles and images",
        "service-worker" => "Service worker",
        other => other,
    }
}

/// What a line of advice may be for. A closed list: "Cache-Control: no-cache" looks just like "Caddy: …".
const PLACES: [&str; 22] = [
    "Angular",
    "Apache",
    "ASP.NET",
    "By hand",
    "Caddy",
    "Cloudflare",
    "Django",
    "Express",
    "FastAPI",
    "Flask",
    "Laravel",
    "Next",
    "Next.js",
    "next-pwa",
    "nginx",
    "Nuxt",
    "Rails",
    "Serwist",
    "sw-precache",
    "SvelteKit",
    "vite-plugin-pwa",
    "Workbox",
];

/// A piece of advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice<'a> {
    /// The framework that it is for; `None` where it is for everybody.
    pub place: Option<&'a str>,
    /// What to do or to write, in lines.
    pub text: String,
}

/// The advice of a finding in its pieces: a line each; `Caddy: header …` is for Caddy alone, and lines that are
/// indented belong to the piece before them.
#[must_use]
pub fn advice(lines: &str) -> Vec<Advice<'_>> {
    let mut pieces: Vec<Advice<'_>> = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let (place, text) = match for_one(line.trim()) {
            Some((place, text)) => (Some(place), text),
            None => (None, line.trim()),
        };
        match pieces.last_mut() {
            Some(before) if place.is_none() && line.starts_with([' ', '\t']) => {
                let outer = line.strip_prefix("    ").unwrap_or(line);
                before.text.push_str(&format!("\n{}", outer.trim_end()));
            }
            Some(_) | None => pieces.push(Advice {
                place,
                text: text.to_owned(),
            }),
        }
    }
    pieces
}

/// What stands before and after the colon, if the first is a framework: "Workbox", "Workbox (generateSW)",
/// "Workbox, vite-plugin-pwa", or "By hand".
fn for_one(line: &str) -> Option<(&str, &str)> {
    let (place, what) = line.split_once(": ")?;
    let first = place.split([',', '(']).next().unwrap_or(place).trim();
    let is_known = PLACES.iter().any(|known| known.eq_ignore_ascii_case(first));
    (is_known && place.len() <= 60).then(|| (place.trim(), what.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_its_own_heading() {
        assert_eq!(finding_title("of-tomorrow"), "of-tomorrow");
        assert_eq!(policy_title("of-tomorrow"), "of-tomorrow");
    }

    #[test]
    fn a_line_is_for_one_framework_only_where_it_begins_with_its_name() {
        let table: &[(&str, Option<&str>)] = &[
            ("Caddy: header Cache-Control no-cache", Some("Caddy")),
            ("  nginx: expires -1;", Some("nginx")),
            (
                "Workbox (generateSW, injectManifest): no html",
                Some("Workbox (generateSW, injectManifest)"),
            ),
            ("Workbox, Serwist: no html", Some("Workbox, Serwist")),
            ("By hand: no html", Some("By hand")),
            ("Cache-Control: no-cache", None),
            ("Send Cache-Control: no-cache with every page", None),
            ("no colon at all", None),
            (": nothing before it", None),
            ("https://example.org/: a URL", None),
        ];
        for (line, place) in table {
            let pieces = advice(line);
            assert_eq!(pieces.len(), 1, "{line}");
            assert_eq!(pieces[0].place, *place, "{line}");
        }
    }

    #[test]
    fn indented_lines_belong_to_the_piece_before_them() {
        let pieces = advice(
            "Ask again.\n  Caddy: header {\n        defer\n    }\n  Rails: expires_now\n\nThat is all.",
        );
        let shown: Vec<_> = pieces
            .iter()
            .map(|piece| (piece.place, piece.text.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                (None, "Ask again."),
                (Some("Caddy"), "header {\n    defer\n}"),
                (Some("Rails"), "expires_now"),
                (None, "That is all."),
            ]
        );
    }
}
