//! The same workers in Chromium: after the same visits its Cache Storage holds what the engine's caches hold, by name,
//! URL, status, type, content type and content.

use serde_json::Value;

use super::cases::{self, Case};
use super::engine::{self, Visit};
use super::site::Site;
use crate::support::browser::{Browser, Scripts};
use crate::support::until;

/// One entry of a cache, as a line that people can compare.
fn line(
    cache: &str,
    url: &str,
    status: u64,
    kind: &str,
    content_type: &str,
    digest: &str,
) -> String {
    // A script sees nothing of an opaque response; the engine, which judges it, knows what is in it.
    let (content_type, digest) = if kind == "opaque" {
        ("", "")
    } else {
        (content_type, digest)
    };
    format!("{cache} | {url} | {status} {kind} | {content_type} | {digest}")
}

/// What Cache Storage holds, in the order of its names and URLs.
const HOLDS: &str = r"
return (async () => {
  const entries = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const response = await cache.match(request, { ignoreVary: true });
      if (!response) continue;
      const body = await response.arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', body));
      entries.push({
        cache: name,
        url: request.url,
        status: response.status,
        kind: response.type,
        type: response.headers.get('Content-Type') || '',
        digest: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join(''),
      });
    }
  }
  return entries;
})();
";

/// What the page has asked for, and how it came to it.
const ASKED: &str = "
return performance.getEntriesByType('resource').map((entry) => [entry.name, entry.initiatorType]);
";

/// Whether the worker is there: `registration.active` in the state `activated`.
const IS_ACTIVE: &str = "
return navigator.serviceWorker.getRegistrations().then((all) => all.some((one) => one.active && one.active.state === 'activated'));
";

async fn until_true(browser: &Browser, what: &str, script: &str) {
    until(what, async || match browser.evaluates(script).await {
        Value::Bool(true) => Ok(()),
        other => Err(other),
    })
    .await;
}

/// Goes to a page and tells what it asked for, once it has all that it asks for.
async fn visits(browser: &Browser, origin: &str, path: &str) -> Visit {
    browser.opens(path).await;
    until_true(
        browser,
        path,
        "return document.readyState === 'complete' && document.body.classList.contains('filled') \
         && performance.getEntriesByType('resource').some((entry) => entry.initiatorType === 'fetch')",
    )
    .await;
    let asked = browser.evaluates(ASKED).await;
    let asks = asked.as_array().unwrap().iter().map(|entry| {
        let url = entry[0].as_str().unwrap().to_owned();
        (
            url.clone(),
            destination(&url, entry[1].as_str().unwrap()).to_owned(),
        )
    });
    let landed = browser.path().await;
    Visit {
        url: format!("{origin}{path}"),
        landed: (landed != path).then(|| format!("{origin}{landed}")),
        asks: asks.collect(),
    }
}

/// Fetch's destination of what a page asked for, by how it came to it (Resource Timing, `initiatorType`).
fn destination(url: &str, initiator: &str) -> &'static str {
    let extension = url.rsplit('.').next().unwrap_or_default();
    match (initiator, extension) {
        ("script" | "link" | "other", "js") => "script",
        ("link", "css") => "style",
        ("link", "webmanifest") => "manifest",
        ("img", _) => "image",
        ("fetch" | "xmlhttprequest", _) => "",
        (other, _) => panic!("{url} was asked for by {other}: which destination is that?"),
    }
}

async fn holds(browser: &Browser, case: &Case) -> Vec<String> {
    let entries = browser.evaluates(HOLDS).await;
    let mut lines: Vec<String> = entries
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |field: &str| entry[field].as_str().unwrap();
            let digest = if case.is_own_table(text("cache")) {
                ""
            } else {
                text("digest")
            };
            line(
                text("cache"),
                text("url"),
                entry["status"].as_u64().unwrap(),
                text("kind"),
                text("type"),
                digest,
            )
        })
        .collect();
    lines.sort();
    lines
}

async fn keeps_the_same(case: &'static Case) {
    let site = Site::of_corpus(case.site, &case.others()).await;
    keeps_the_same_of(case, &site).await;
}

async fn keeps_the_same_of(case: &'static Case, site: &Site) {
    let browser = Browser::at(&site.origin(), Scripts::On).await;
    // At the first visit nothing goes through the worker: the page registers it when it has everything.
    visits(&browser, &site.origin(), case.visits[0]).await;
    until_true(&browser, "the worker", IS_ACTIVE).await;
    let mut seen = Vec::new();
    for path in case.visits {
        seen.push(visits(&browser, &site.origin(), path).await);
    }
    let kept = engine::keeps(case, site.origin(), seen.clone()).await;
    let mut expected: Vec<String> = kept
        .iter()
        .map(|kept| {
            let digest = if case.is_own_table(&kept.cache) {
                ""
            } else {
                &kept.digest
            };
            let content_type = kept.content_type.as_deref().unwrap_or_default();
            line(
                &kept.cache,
                &kept.url,
                u64::from(kept.status),
                &kept.kind,
                content_type,
                digest,
            )
        })
        .collect();
    expected.sort();

    // What a worker stores after it has answered is stored a little later.
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|line| !those.contains(line))
            .cloned()
            .collect()
    };
    let what = format!("{}: Chromium holds what the engine does", case.site);
    until(what, async || {
        let held = holds(&browser, case).await;
        (held == expected).then_some(()).ok_or_else(|| {
            let (here, there) = (only(&held, &expected), only(&expected, &held));
            format!("only in Chromium: {here:#?}\nonly in the engine: {there:#?}\nafter {seen:#?}")
        })
    })
    .await;
    browser.closes().await;
}

/// Three by three ways of storing: at the installation, lazily by a state machine of its own, and whatever comes.
#[tokio::test(flavor = "multi_thread")]
async fn the_engine_keeps_what_chromium_keeps() {
    for case in [&cases::WORKBOX_SHELL, &cases::NGSW, &cases::SVELTEKIT] {
        keeps_the_same(case).await;
    }
    if std::env::var_os("TEALKEEP_LONG").is_none() {
        return;
    }
    for case in [
        &cases::WORKBOX_HASHED_REVISED,
        &cases::WORKBOX_RUNTIME,
        &cases::WORKBOX_REVALIDATED_PAGES,
        &cases::WORKBOX_RECIPES,
        &cases::WORKBOX_LOADER,
        &cases::CREATE_REACT_APP,
        &cases::NEXT_PWA,
        &cases::SERWIST,
        &cases::SW_PRECACHE,
        &cases::FIREBASE,
        &cases::QUERY_KEEPS,
        &cases::QUERY_LETS_GO,
        &cases::MODULE,
        &cases::COI,
        &cases::HOME_ASSISTANT,
        &cases::DEMO,
        &cases::DEMO_CACHES_HTML,
    ] {
        keeps_the_same(case).await;
    }
}

const OPAQUE: Case = Case {
    site: "opaque",
    visits: &["/", "/old", "/"],
    ..cases::CASE
};

/// Keeps what comes from elsewhere, opaque; pages whatever they are, with the redirect that one of them answers; what
/// varies; and what was only a part of something not at all.
const KEEPS_ALL: &str = r"
self.addEventListener('fetch', (event) => {
  event.respondWith((async () => {
    const cache = await caches.open('all');
    const response = await fetch(event.request);
    await cache.put(event.request, response.clone()).catch(() => {});
    return response;
  })());
});
";

#[tokio::test(flavor = "multi_thread")]
async fn opaque_and_redirected_responses_are_kept_as_chromium_keeps_them() {
    use axum::response::Redirect;
    use axum::routing::get;

    let elsewhere = Site::of_corpus("dashboard", &[]).await;
    let page = format!(
        "<!doctype html><link rel=icon href=data:,><img src='{0}/img/logo.svg'><img src=/varies.svg><img src=/part.svg>\
         <script>\
         fetch('/varies', {{ headers: {{ 'X-Mood': 'good' }} }}).then((answer) => answer.text()).finally(() => document.body.classList.add('filled'));\
         addEventListener('load', function wait() {{\
           if (!document.body.classList.contains('filled')) return setTimeout(wait, 10);\
           navigator.serviceWorker.register('/sw.js');\
         }});\
         </script>",
        elsewhere.origin(),
    );
    let html = move || {
        let page = page.clone();
        async move {
            (
                [
                    ("content-type", "text/html; charset=utf-8"),
                    ("cache-control", "no-cache"),
                ],
                page,
            )
        }
    };
    let picture = "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>";
    let varies = move |by: &'static str| {
        move || async move {
            (
                [
                    ("content-type", "image/svg+xml"),
                    ("cache-control", "no-store"),
                    ("vary", by),
                ],
                picture,
            )
        }
    };
    let part = move || async move {
        let fields = [
            ("content-type", "image/svg+xml"),
            ("cache-control", "no-store"),
            ("content-range", "bytes 0-9/100"),
        ];
        (axum::http::StatusCode::PARTIAL_CONTENT, fields, picture)
    };
    let script = || async {
        (
            [
                ("content-type", "text/javascript"),
                ("cache-control", "no-cache"),
            ],
            KEEPS_ALL,
        )
    };
    let router = axum::Router::new()
        .route("/", get(html.clone()))
        .route("/new", get(html))
        .route("/old", get(async || Redirect::to("/new")))
        .route("/varies", get(varies("X-Mood")))
        .route("/varies.svg", get(varies("*")))
        .route("/part.svg", get(part))
        .route("/sw.js", get(script));
    keeps_the_same_of(&OPAQUE, &Site::of(router).await).await;
}
