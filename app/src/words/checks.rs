//! What the policies and the kinds of their findings are called where people read of them. The names in the
//! API stay what they are; these say what a finding means for somebody at home.

/// What a kind of finding means for the people who use the app, as a heading: "The service worker keeps pages".
/// A kind that is not known here is its own heading.
#[must_use]
pub fn finding_title(kind: &str) -> &str {
    match kind {
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
const PLACES: [&str; 21] = [
    "Angular",
    "Apache",
    "ASP.NET",
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

/// A line of advice, parted into the framework that it is for, and what to write there:
/// "Caddy: header Cache-Control no-cache". `None` where a line is for everybody.
#[must_use]
pub fn advice_for(line: &str) -> Option<(&str, &str)> {
    let (place, what) = line.split_once(':')?;
    PLACES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(place.trim()))
        .then(|| (place.trim(), what.trim()))
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
    fn a_line_of_advice_is_parted_after_a_frameworks_name_only() {
        let table: &[(&str, Option<(&str, &str)>)] = &[
            (
                "Caddy: header Cache-Control no-cache",
                Some(("Caddy", "header Cache-Control no-cache")),
            ),
            ("  nginx:expires -1;", Some(("nginx", "expires -1;"))),
            ("Cache-Control: no-cache", None),
            ("Send Cache-Control: no-cache with every page", None),
            ("no colon at all", None),
            (": nothing before it", None),
            ("https://example.org/: a URL", None),
        ];
        for (line, parted) in table {
            assert_eq!(advice_for(line), *parted, "{line}");
        }
    }
}
