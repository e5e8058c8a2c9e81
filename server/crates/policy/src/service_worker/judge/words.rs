//! How the judge says it: events, places and advice in sentences.

use tealkeep_worker::play::{Round, Visit};
use tealkeep_worker::{Event, EventId, Mode, Place, Seen as Response, Source};

use super::super::super::Kind;
use super::content::Fetched;

/// How much of a script's line is shown, in characters.
const MAX_LINE_CHARS: usize = 120;

/// "During the install event", as a sentence begins.
pub fn during(visit: Option<&Visit>, id: EventId) -> String {
    match visit {
        None if id == 0 => "While the script was loaded".to_owned(),
        None => format!("During event {id}"),
        Some(known) => format!("During {}", self::visit(known)),
    }
}

/// "the install event", "the first visit's navigation to …".
pub fn visit(visit: &Visit) -> String {
    let round = match visit.round {
        Round::Begin => "",
        Round::First => " (first visit)",
        Round::Changed => " (second visit, after the content changed)",
        Round::Offline => " (visit without a network)",
    };
    let event = match &visit.event {
        Event::Install => "the install event".to_owned(),
        Event::Activate => "the activate event".to_owned(),
        Event::Fetch { request, .. } => match (request.mode, request.destination.as_str()) {
            (Mode::Navigate, _) => format!("the navigation to {}", request.url),
            (_, "") => format!("a page's fetch() of {}", request.url),
            (_, destination) => format!("a page's request of {} ({destination})", request.url),
        },
        Event::Message { data, .. } => {
            let mut text = data.to_string();
            if let Some((end, _)) = text.char_indices().nth(MAX_LINE_CHARS) {
                text.truncate(end);
                text.push('…');
            }
            format!("the message {text}")
        }
        Event::Push { .. } => "a push event".to_owned(),
        Event::Sync { tag } => format!("the sync event \"{tag}\""),
        Event::PeriodicSync { tag } => format!("the periodicsync event \"{tag}\""),
        Event::NotificationClick { .. } => "a notificationclick event".to_owned(),
        Event::PushSubscriptionChange => "the pushsubscriptionchange event".to_owned(),
    };
    format!("{event}{round}")
}

/// Where a response came from, when that is not its key.
pub fn origin(response: &Response, fetched: Option<&Fetched<'_>>) -> String {
    match (&response.source, fetched) {
        (Source::Cache { cache, url, .. }, _) => {
            format!(", copied from the cache \"{cache}\", where it lay under {url}")
        }
        (Source::Network { .. }, Some(fetched)) => format!(", the answer to {}", fetched.url),
        (Source::Network { .. }, None) => String::new(),
        (Source::Script, _) => ", made by script".to_owned(),
    }
}

/// A line of its own: where it stands, and what stands there.
pub fn place(place: &Place, script: Option<&str>) -> String {
    if place.line == 0 {
        return format!("\nAt {}.", place.url);
    }
    let line = usize::try_from(place.line).unwrap_or(usize::MAX) - 1;
    let column = usize::try_from(place.column)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    let text = script
        .and_then(|script| script.lines().nth(line))
        .map(|line| around(line, column))
        .filter(|line| !line.is_empty());
    match text {
        Some(text) => format!(
            "\nAt {}:{}:{}: `{text}`",
            place.url, place.line, place.column
        ),
        None => format!("\nAt {}:{}:{}.", place.url, place.line, place.column),
    }
}

/// A short line whole; of a long one, as minified scripts have them, what stands around the column.
fn around(line: &str, column: usize) -> String {
    let trimmed = line.trim();
    if trimmed.chars().count() <= MAX_LINE_CHARS {
        return trimmed.to_owned();
    }
    let from = column.saturating_sub(MAX_LINE_CHARS / 2);
    let cut: String = line.chars().skip(from).take(MAX_LINE_CHARS).collect();
    format!("…{}…", cut.trim())
}

/// What to change, and where.
pub fn advice(kind: Kind) -> String {
    let text = match kind {
        Kind::CachesHtml => {
            "Keep no HTML: a phone that has it shows yesterday's page after a deploy.\n\
             Workbox (generateSW, injectManifest, vite-plugin-pwa): take html out of `globPatterns` and set \
             `navigateFallback: null`; give pages no `runtimeCaching` route, or `NetworkOnly`.\n\
             Angular: take `/index.html` out of `assetGroups` in ngsw-config.json, and set \"navigationRequestStrategy\": \"freshness\".\n\
             SvelteKit: keep `build` from `$service-worker` only, not `prerendered` and not what `fetch` answers later.\n\
             By hand: leave \"/\" and pages out of `cache.addAll([...])`, and look at the response's Content-Type before `cache.put`."
        }
        Kind::CachesNavigation => {
            "Let navigations pass: `if (event.request.mode === 'navigate') return;` as the first line of the fetch listener.\n\
             Workbox: no `NavigationRoute`, no `runtimeCaching` entry whose pattern matches a page.\n\
             next-pwa: `cacheStartUrl: false`, and a `runtimeCaching` of your own with /_next/static/ only (in \
             `workboxOptions` for @ducanh2912/next-pwa).\n\
             Serwist: `runtimeCaching: []` in place of `defaultCache`."
        }
        Kind::CachesMutableAsset => {
            "Keep only files whose name changes with their content.\n\
             Workbox, vite-plugin-pwa: narrow `globPatterns` to the hashed files (`assets/**/*.{js,css,woff2}`), with \
             `dontCacheBustURLsMatching` for them; a revision beside an unhashed URL does not make it immutable. \
             vite-plugin-pwa: it precaches the manifest that it makes, and its icons: set `manifest: false` and put \
             manifest.webmanifest into public/ yourself.\n\
             SvelteKit: keep `build` only, not `files`.\n\
             Angular: leave favicon, manifest and `/assets/**` out of `assetGroups`.\n\
             next-pwa: `publicExcludes: ['!**/*']`, with the exclamation mark. Serwist: `globPublicPatterns: []`.\n\
             By hand: let requests for unhashed files go to the network, where their Cache-Control decides.\n\
             If the URL's bytes really never change, say so with `Cache-Control: max-age=31536000, immutable`, or by a pattern in the configuration."
        }
        Kind::CachesApiResponse => {
            "Keep no answers to requests for data: they are another user's, or yesterday's.\n\
             Workbox, next-pwa, Serwist: drop the `runtimeCaching` entries for \"/api/\" and for data, or make them `NetworkOnly`.\n\
             Angular: drop `dataGroups`. By hand: answer only requests whose `destination` is script, style, font or image."
        }
        Kind::ServesStaleNavigation => {
            "Ask the network first for every page, and answer from what is stored only when that fails.\n\
             Workbox, vite-plugin-pwa: `navigateFallback: null` and no precached index.html. \
             Angular: \"navigationRequestStrategy\": \"freshness\". By hand: \
             `event.respondWith(fetch(event.request).catch(() => offlinePage))` for navigations, or no answer at all."
        }
        Kind::Unparsable => {
            "Fix the syntax error. If browsers run the script, the limit is this check's engine: register it with `{ type: 'module' }` \
             where it uses `import`, and build it for an older language level (ES2022) where it uses newer syntax."
        }
        Kind::CannotEvaluate => {
            "Mend what is named, so that the worker installs and answers by itself. If it is right as it is and only this check can't follow, \
             look at it by hand and accept this finding, or set the policy to warn for this app."
        }
        Kind::StaleWorkerScript => {
            "Leave `updateViaCache` out of the registration, or set it to 'none', and send `Cache-Control: no-cache` with \
             the worker's script and with each script that it imports under a name that stays the same; or give the \
             imported script a name that changes with its content."
        }
        Kind::NothingSeen
        | Kind::LongLivedError
        | Kind::HeuristicFreshness
        | Kind::Reusable
        | Kind::MayBeStale
        | Kind::QualifiedNoCache
        | Kind::Ambiguous
        | Kind::KeptByProxy
        | Kind::ChangedOnTheWay
        | Kind::HashedNotImmutable
        | Kind::MutableImmutable
        | Kind::MutableReusable => "",
    };
    text.to_owned()
}
