//! Titles of policies and findings that say what they mean for somebody at home, and the advice of a finding in its
//! pieces. The API has names of its own.

use tealkeep_words::finding::{Kind, Policy};

/// What a kind of finding means for the people who use the app, as a heading: "The service worker stores pages".
#[must_use]
pub fn finding_title(kind: Kind) -> &'static str {
    match kind {
        Kind::NothingSeen => "No page was found",
        Kind::HeuristicFreshness => "Browsers must guess how long to keep this page",
        Kind::Reusable => "Browsers may show this page again without asking",
        Kind::MayBeStale => "Browsers may show an old page although there is a new one",
        Kind::QualifiedNoCache => "Browsers ask again for some header fields, but not for the page",
        Kind::Ambiguous => "The caching headers contradict each other",
        Kind::KeptByProxy => "A proxy or a CDN stores this page",
        Kind::ChangedOnTheWay => "Something on the way changes the caching headers",
        Kind::HashedNotImmutable => "Browsers ask again and again for a file that never changes",
        Kind::MutableImmutable => "Browsers never ask again for a file that can change",
        Kind::MutableReusable => "Browsers may reuse a file that can change without asking",
        Kind::LongLivedError => "Browsers keep an error for a long time in framework of a file",
        Kind::CachesHtml => "The service worker stores pages",
        Kind::CachesNavigation => "The service worker stores what it shows when a page is opened",
        Kind::CachesMutableAsset => "The service worker stores a file that can change",
        Kind::CachesApiResponse => "The service worker stores data",
        Kind::ServesStaleNavigation => {
            "The service worker shows a stored page instead of the current one"
        }
        Kind::StaleWorkerScript => "Browsers may keep running an old service worker",
        Kind::Unparsable => "The service worker's script can't be parsed",
        Kind::CannotEvaluate => "Tealkeep can't tell what the service worker does",
    }
}

/// What a policy looks at, as a heading: "Pages", "Service worker".
#[must_use]
pub fn policy_title(policy: Policy) -> &'static str {
    match policy {
        Policy::HtmlCache => "Pages",
        Policy::AssetCache => "Scripts, styles and images",
        Policy::ServiceWorker => "Service worker",
    }
}

/// What an accepted finding is called: the title of its kind, or of the whole policy.
pub(crate) fn accepted_title(policy: Policy, kind: Option<Kind>) -> &'static str {
    kind.map_or_else(|| policy_title(policy), finding_title)
}

/// The frameworks and servers that a line of advice can name. A closed list, because "Cache-Control: no-cache" looks
/// just like "Caddy: …".
const FRAMEWORKS: [&str; 22] = [
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

/// The longest list of frameworks before a colon, in bytes.
const MAX_FRAMEWORK_LENGTH: usize = 60;

/// A piece of advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice<'a> {
    /// The framework that it is for; `None` if it is for everybody.
    pub framework: Option<&'a str>,
    /// What to do, in lines.
    pub text: String,
}

/// Splits the advice of a finding into pieces, one per line. `Caddy: header …` is for Caddy only; indented lines belong
/// to the piece before them.
#[must_use]
pub fn advice(lines: &str) -> Vec<Advice<'_>> {
    let mut pieces: Vec<Advice<'_>> = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let (framework, text) = match for_framework(line.trim()) {
            Some((framework, text)) => (Some(framework), text),
            None => (None, line.trim()),
        };
        match pieces.last_mut() {
            Some(before) if framework.is_none() && line.starts_with([' ', '\t']) => {
                let outer = line.strip_prefix("    ").unwrap_or(line);
                before.text.push_str(&format!("\n{}", outer.trim_end()));
            }
            Some(_) | None => pieces.push(Advice {
                framework,
                text: text.to_owned(),
            }),
        }
    }
    pieces
}

/// The framework before the colon and the text after it: "Workbox", "Workbox (generateSW)",
/// "Workbox, vite-plugin-pwa", or "By hand".
fn for_framework(line: &str) -> Option<(&str, &str)> {
    let (framework, what) = line.split_once(": ")?;
    let first = framework
        .split([',', '('])
        .next()
        .unwrap_or(framework)
        .trim();
    let is_known = FRAMEWORKS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(first));
    (is_known && framework.len() <= MAX_FRAMEWORK_LENGTH).then(|| (framework.trim(), what.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (line, framework) in table {
            let pieces = advice(line);
            assert_eq!(pieces.len(), 1, "{line}");
            assert_eq!(pieces[0].framework, *framework, "{line}");
        }
    }

    #[test]
    fn indented_lines_belong_to_the_piece_before_them() {
        let pieces = advice(
            "Ask again.\n  Caddy: header {\n        defer\n    }\n  Rails: expires_now\n\nThat is all.",
        );
        let shown: Vec<_> = pieces
            .iter()
            .map(|piece| (piece.framework, piece.text.as_str()))
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
