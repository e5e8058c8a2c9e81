//! Real service workers, run as they are published or as their own tools generate them at pinned versions, each with
//! the verdict that reading it leads to. A worker whose verdict changes was read wrongly or is run wrongly.

/// A worker on the site that serves it, and what must be found.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The site of the corpus.
    pub site: &'static str,
    /// The worker's path, with its query string, as the page registers it.
    pub worker: &'static str,
    /// The path of its scope.
    pub scope: &'static str,
    /// Whether it is registered as an ES module.
    pub module: bool,
    /// A file of the project that is served besides, and under which path.
    pub other: Option<(&'static str, &'static str)>,
    /// What must be found, and nothing else: the kind and, where the reasoning names them, all its paths.
    pub finds: &'static [(&'static str, &'static [&'static str])],
    /// The pages that a browser visits once the worker is there.
    pub visits: &'static [&'static str],
}

/// A worker at `/sw.js` that does nothing to be found.
pub const CASE: Case = Case {
    site: "",
    worker: "/sw.js",
    scope: "/",
    module: false,
    other: None,
    finds: &[],
    visits: &["/", "/about", "/"],
};

/// `generateSW` told to keep `assets/**` alone. `precacheAndRoute` stores three files under hashed names, revision null,
/// so under their own URLs; it registers no other route, and a navigation to `/` looks for `/index.html` among what was
/// precached (`directoryIndex`), does not find it, and goes to the network. Nothing that can change is stored.
pub const WORKBOX_HASHED: Case = Case {
    site: "workbox-hashed",
    ..CASE
};

/// The same without `dontCacheBustURLsMatching`: each entry has a revision, and is stored under
/// `…?__WB_REVISION__=…`. The name is hashed all the same, so what lies under the URL can't change: no finding. The
/// other way round, a revision beside a name without a hash, is [`WORKBOX_PICTURES`].
pub const WORKBOX_HASHED_REVISED: Case = Case {
    site: "workbox-hashed-revised",
    ..CASE
};

/// `generateSW` as it is by default, `**/*.{js,css,html}`, with `navigateFallback`: the application shell. Four pages are
/// precached (caches-html), and a `NavigationRoute` answers each navigation with the precached `/index.html`, whatever
/// the network has (serves-stale-navigation). No response of a navigation is stored: the pages come by the worker's
/// own requests while it is installed. Its scripts and styles are hashed; the default globs hold no picture.
pub const WORKBOX_SHELL: Case = Case {
    site: "workbox-shell",
    finds: &[
        (
            "caches-html",
            &["/404.html", "/about.html", "/index.html", "/offline.html"],
        ),
        ("serves-stale-navigation", &[]),
    ],
    ..CASE
};

/// Hashed assets and a picture without a hash, which gets a revision. The revision makes Workbox fetch it anew with the
/// next worker; until that one is active the old bytes are answered under the URL that has others by now.
pub const WORKBOX_PICTURES: Case = Case {
    site: "workbox-pictures",
    finds: &[("caches-mutable-asset", &["/img/logo.svg"])],
    ..CASE
};

/// The strategies by name: pages `NetworkFirst`, css and js `StaleWhileRevalidate`, pictures `CacheFirst` with an
/// expiration, the API `NetworkOnly`, its POST with background sync. `NetworkFirst` stores each page that a navigation
/// brought (caches-html, caches-navigation) but answers from the store only when the network is down or silent for
/// three seconds, so nothing stale is served. css and js are hashed. Of the pictures one is not (caches-mutable-asset). A
/// POST that failed goes to IndexedDB, which is no cache.
pub const WORKBOX_RUNTIME: Case = Case {
    site: "workbox-runtime",
    finds: &[
        ("caches-html", &[]),
        ("caches-navigation", &[]),
        ("caches-mutable-asset", &["/img/logo.svg"]),
    ],
    ..CASE
};

/// Hashed assets precached, navigations `StaleWhileRevalidate` with navigation preload: the second visit of a page is
/// answered from the store while the preload's response, which is that of the navigation, is stored anew.
pub const WORKBOX_REVALIDATED_PAGES: Case = Case {
    site: "workbox-revalidated-pages",
    finds: &[
        ("caches-html", &[]),
        ("caches-navigation", &[]),
        ("serves-stale-navigation", &[]),
    ],
    ..CASE
};

/// workbox-recipes: `pageCache` is `NetworkFirst` for navigations (caches-html, caches-navigation, never stale with the
/// network up), `staticResourceCache` keeps hashed code, `imageCache` keeps every picture (caches-mutable-asset), and
/// `offlineFallback` stores `/offline.html` while it is installed (caches-html again). No route takes requests for data.
pub const WORKBOX_RECIPES: Case = Case {
    site: "workbox-recipes",
    finds: &[
        ("caches-html", &[]),
        ("caches-navigation", &[]),
        ("caches-mutable-asset", &["/img/logo.svg"]),
    ],
    ..CASE
};

/// `offlineFallback` alone, everything else `NetworkOnly`: one page is stored while it is installed (caches-html), and is
/// answered only when a navigation failed. By the letter of the rule that one page is a finding: it is HTML in a cache.
pub const WORKBOX_OFFLINE_PAGE: Case = Case {
    site: "workbox-offline-page",
    finds: &[("caches-html", &["/offline.html"])],
    ..CASE
};

/// Workbox through `workbox-sw`, whose proxy imports each module when it is first named, all during the script's first
/// run. One route: `CacheFirst` for what is below `/assets/` with eight hexadecimal digits in its name. Nothing to find.
pub const WORKBOX_LOADER: Case = Case {
    site: "workbox-loader",
    ..CASE
};

/// The worker of Create React App's template, bundled, its manifest injected: `index.html` and hashed assets precached
/// (caches-html), and a route that answers navigations with `/index.html` (serves-stale-navigation), save for paths that
/// begin with `/_` or have an extension. Its example route keeps `.png` of the own origin; the site has none.
pub const CREATE_REACT_APP: Case = Case {
    site: "create-react-app",
    finds: &[
        ("caches-html", &["/index.html"]),
        ("serves-stale-navigation", &[]),
    ],
    ..CASE
};

/// vite-plugin-pwa as it is by default: `**/*.{js,css,html}` and the web manifest. `index.html` is precached
/// (caches-html) and answers navigations (serves-stale-navigation); `registerSW.js` and `manifest.webmanifest` are stored
/// under names that have no hash (caches-mutable-asset). The registration stands in a script, `registerSW.js`.
pub const VITE_PWA: Case = Case {
    site: "vite-pwa",
    finds: &[
        ("caches-html", &["/index.html"]),
        ("serves-stale-navigation", &[]),
        (
            "caches-mutable-asset",
            &["/manifest.webmanifest", "/registerSW.js"],
        ),
    ],
    visits: &["/", "/"],
    ..CASE
};

/// The same held to `assets/**`, without a manifest, `navigateFallback: null`, registered inline. Vite's hashes are eight
/// characters of base64, and such names are all that is stored.
pub const VITE_PWA_HASHED: Case = Case {
    site: "vite-pwa-hashed",
    visits: &["/", "/"],
    ..CASE
};

/// Angular's worker, driven by `ngsw.json` as `ng add @angular/pwa` configures it, with the guide's example of an API. At
/// its first event it fetches `index.html`, the css and the js of the group `app` into a cache, by hash (caches-html);
/// navigations without a dot in their last segment are answered with that `index.html` (serves-stale-navigation). The group `assets` is
/// filled as it is used: `logo.svg` has no hash in its name (caches-mutable-asset). The data group stores what the API
/// answered, network first (caches-api-response). What it keeps as JSON in caches named `ngsw:/:db:…` is its own
/// state and no API's response.
pub const NGSW: Case = Case {
    site: "ngsw",
    worker: "/ngsw-worker.js",
    finds: &[
        ("caches-html", &["/index.html"]),
        ("serves-stale-navigation", &[]),
        ("caches-mutable-asset", &["/img/logo.svg"]),
        ("caches-api-response", &["/api/items"]),
    ],
    ..CASE
};

/// SvelteKit's documented worker, its behaviour in our words, since its documentation publishes it as text to be copied.
/// `build` is hashed, `files` (what lies in `static`) is not: `logo.svg` (caches-mutable-asset). Every other GET that
/// came back with 200 is stored: pages (caches-html, caches-navigation) and the API's answers (caches-api-response).
/// They are read only when the network failed: nothing stale.
pub const SVELTEKIT: Case = Case {
    site: "sveltekit",
    finds: &[
        ("caches-html", &[]),
        ("caches-navigation", &[]),
        ("caches-mutable-asset", &["/img/logo.svg"]),
        ("caches-api-response", &["/api/items"]),
    ],
    ..CASE
};

/// next-pwa's own `cache.js` behind its start-URL rule, through `generateSW` as its plugin does it: `start-url` and
/// `others` are `NetworkFirst` and store pages (caches-html, caches-navigation), `apis` is `NetworkFirst` and stores the
/// API's answers (caches-api-response), and `public/` is precached with revisions (caches-mutable-asset). A network that
/// answers within ten seconds is always preferred.
pub const NEXT_PWA: Case = Case {
    site: "next-pwa",
    finds: &[
        ("caches-html", &[]),
        ("caches-navigation", &[]),
        ("caches-mutable-asset", &["/img/logo.svg"]),
        ("caches-api-response", &["/api/items"]),
    ],
    ..CASE
};

/// Serwist with `defaultCache` of `@serwist/next`, as its guide has it. The rule for pages asks for a *request* of the
/// content type `text/html`, which no navigation has; `others`, `NetworkFirst`, stores them (caches-html,
/// caches-navigation, by navigation preload), `apis` the API's answers (caches-api-response), and `public/` is precached
/// (caches-mutable-asset).
pub const SERWIST: Case = Case {
    site: "serwist",
    finds: &[
        ("caches-html", &[]),
        ("caches-navigation", &[]),
        ("caches-mutable-asset", &["/img/logo.svg"]),
        ("caches-api-response", &["/api/items"]),
    ],
    ..CASE
};

/// sw-precache with pages and assets and `navigateFallback`: everything is stored while it is installed, under
/// `…?_sw-precache=…` (caches-html), `/` is answered with `/index.html`, and so is any other navigation
/// (serves-stale-navigation). The assets are hashed.
pub const SW_PRECACHE: Case = Case {
    site: "sw-precache",
    finds: &[
        (
            "caches-html",
            &["/404.html", "/about.html", "/index.html", "/offline.html"],
        ),
        ("serves-stale-navigation", &[]),
    ],
    ..CASE
};

/// sw-precache with hashed assets alone, stored under their own URLs: nothing to find.
pub const SW_PRECACHE_HASHED: Case = Case {
    site: "sw-precache-hashed",
    ..CASE
};

/// Firebase Cloud Messaging's worker as its guide has people write it: it imports two scripts of the package, listens to
/// push, pushsubscriptionchange and notificationclick, and keeps its tokens in IndexedDB. No fetch listener, no cache.
pub const FIREBASE: Case = Case {
    site: "firebase",
    worker: "/firebase-messaging-sw.js",
    ..CASE
};

/// Braze's worker as it is published: push, notificationclick, pushsubscriptionchange and message, its state in
/// IndexedDB; no fetch listener and no cache.
pub const BRAZE: Case = Case {
    site: "braze",
    ..CASE
};

/// A push service's worker in a scope of its own, with its key in its query string; OneSignal's own is published on its
/// host alone, so this one is ours. It touches no request.
pub const PUSH: Case = Case {
    site: "push",
    worker: "/push/worker.js?appId=0123-4567",
    scope: "/push/",
    ..CASE
};

/// The one line that OneSignal has people place, its host put out of reach: what it imports can't be had here, and what
/// can't be run is no pass.
pub const PUSH_ELSEWHERE: Case = Case {
    site: "push-elsewhere",
    finds: &[("cannot-evaluate", &[])],
    ..CASE
};

/// A worker that does what its own query string says, registered so that it keeps pages.
pub const QUERY_KEEPS: Case = Case {
    site: "query-keeps",
    worker: "/sw.js?pages=keep",
    finds: &[("caches-html", &[]), ("caches-navigation", &[])],
    ..CASE
};

/// The same script, registered so that it doesn't.
pub const QUERY_LETS_GO: Case = Case {
    site: "query-lets-go",
    worker: "/sw.js?pages=let-go",
    ..CASE
};

/// An ES module, registered as one, with an import: pages are stored once they were answered.
pub const MODULE: Case = Case {
    site: "module",
    module: true,
    finds: &[("caches-html", &[]), ("caches-navigation", &[])],
    ..CASE
};

/// A worker that stores what a page tells it to, in Workbox's words. Its pages here say nothing, and yet what it is for
/// is known: told to, it keeps the page, what the page loaded, and what it fetched.
pub const MESSAGE: Case = Case {
    site: "message",
    finds: &[
        ("caches-html", &["/", "/about"]),
        ("caches-mutable-asset", &["/img/logo.svg"]),
        ("caches-api-response", &["/api/items"]),
    ],
    ..CASE
};

/// A listener that throws at each request. A browser goes to the network; what the script would have done is not known.
pub const THROWS: Case = Case {
    site: "throws",
    finds: &[("cannot-evaluate", &["/sw.js"])],
    ..CASE
};

/// coi-serviceworker as it is published: every answer is fetched, given headers and passed on as a new response with
/// the same stream. Nothing is stored, and a navigation that it answers is as fresh as the network.
pub const COI: Case = Case {
    site: "coi-serviceworker",
    worker: "/coi-serviceworker.js",
    ..CASE
};

/// Mock Service Worker as it is published: navigations are left alone, and so is everything until a page says
/// `MOCK_ACTIVATE`, of which only a page under test knows. No cache.
pub const MSW: Case = Case {
    site: "msw",
    worker: "/mockServiceWorker.js",
    ..CASE
};

/// Home Assistant's worker as it is published, with all of its files. Some 850 hashed scripts and translations are precached, and
/// beside them two icons and four fonts under plain names with revisions (caches-mutable-asset). Its route for `/` is
/// `StaleWhileRevalidate`, and so is its last one for everything of the own origin: pages are stored (caches-html,
/// caches-navigation) and shown from the store (serves-stale-navigation). `/api` and `/auth` are `NetworkOnly`.
pub const HOME_ASSISTANT: Case = Case {
    site: "home-assistant",
    worker: "/sw-modern.js",
    finds: &[
        ("caches-html", &[]),
        ("caches-navigation", &[]),
        ("serves-stale-navigation", &[]),
        (
            "caches-mutable-asset",
            &[
                "/static/fonts/roboto/Roboto-Bold.woff2",
                "/static/fonts/roboto/Roboto-Light.woff2",
                "/static/fonts/roboto/Roboto-Medium.woff2",
                "/static/fonts/roboto/Roboto-Regular.woff2",
                "/static/icons/favicon-192x192.png",
                "/static/icons/favicon.ico",
            ],
        ),
    ],
    visits: &["/", "/lovelace", "/"],
    ..CASE
};

/// The dashboard's own: files below `/assets/` with eight digits in their name that came as `immutable`, nothing else.
pub const DASHBOARD: Case = Case {
    site: "dashboard",
    other: Some(("/sw.js", include_str!("../../public/sw.js"))),
    ..CASE
};

/// The demo's, likewise with sixteen digits; it forgets the oldest beyond sixty.
pub const DEMO: Case = Case {
    site: "demo",
    other: Some((
        "/sw.js",
        include_str!("../../server/crates/demo/src/content/base/public/sw.js"),
    )),
    ..CASE
};

/// The demo's release that must be stopped: four pages are stored while it is installed (caches-html), a navigation is answered from the store
/// first (serves-stale-navigation) and its own response is stored as well (caches-navigation). Assets are hashed.
pub const DEMO_CACHES_HTML: Case = Case {
    site: "demo",
    other: Some((
        "/sw.js",
        include_str!("../../server/crates/demo/src/content/v5-caches-html/sw.js"),
    )),
    finds: &[
        ("caches-html", &[]),
        ("caches-navigation", &[]),
        ("serves-stale-navigation", &[]),
    ],
    ..CASE
};

impl Case {
    /// The files besides those of the corpus.
    pub fn others(&self) -> Vec<(&'static str, &'static str)> {
        self.other.into_iter().collect()
    }

    /// Whether a cache holds the worker's own tables, whose content is nobody's response.
    pub fn is_own_table(&self, cache: &str) -> bool {
        self.site == "ngsw" && cache.contains(":db:")
    }
}
