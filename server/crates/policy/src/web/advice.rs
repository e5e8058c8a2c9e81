//! The line to change, in each of the usual places: where the header is made, or in the proxy in front.

/// What is to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Browsers ask for the page each time.
    AskAgain,
    /// Proxies keep no page.
    NotByProxies,
    /// The asset is kept for good.
    KeepForGood,
    /// Errors and redirects in an asset's place are not kept.
    ErrorsAskAgain,
    /// The asset is asked for each time, or gets a name that changes with its content.
    Revalidate,
}

/// What to change and where.
pub(super) fn lines(aim: Aim) -> String {
    let (lead, places): (&str, [(&str, &str); 6]) = match aim {
        Aim::AskAgain => (
            "Send `Cache-Control: no-cache` with every page, redirects and errors included; a browser then asks each \
             time, and is told 304 when nothing changed.",
            [
                (
                    "SvelteKit",
                    "src/hooks.server.js: export async function handle({ event, resolve }) { const response = await \
                     resolve(event); if (!event.url.pathname.startsWith('/_app/immutable/')) \
                     response.headers.set('cache-control', 'no-cache'); return response; }",
                ),
                (
                    "Next.js",
                    "next.config.js (15 or later): async headers() { return [{ source: '/((?!_next/static/).*)', \
                     headers: [{ key: 'Cache-Control', value: 'no-cache' }] }] }",
                ),
                (
                    "Django",
                    "in a middleware of MIDDLEWARE: response = get_response(request); patch_cache_control(response, \
                     no_cache=True); return response (from django.utils.cache import patch_cache_control)",
                ),
                (
                    "Rails",
                    "app/controllers/application_controller.rb: before_action { response.headers[\"cache-control\"] \
                     = \"no-cache\" }",
                ),
                (
                    "Express",
                    "before all routes, after express.static of hashed files: app.use((req, res, next) => { res.set('Cache-Control', 'no-cache'); next(); })",
                ),
                (
                    "Caddy",
                    "@pages not path /assets/* /_app/immutable/* /_next/static/*\n    header @pages {\n        \
                     Cache-Control no-cache\n        defer\n    }",
                ),
            ],
        ),
        Aim::NotByProxies => (
            "Send `Cache-Control: private, no-cache` with pages and no `s-maxage` or CDN field, or have the CDN leave \
             HTML alone; if it is to keep pages, empty it with every deploy.",
            [
                (
                    "SvelteKit",
                    "src/hooks.server.js, in handle: response.headers.set('cache-control', 'private, no-cache'); \
                     remove s-maxage from setHeaders() calls",
                ),
                (
                    "Next.js",
                    "in the page or layout: export const dynamic = 'force-dynamic'; it is what ends s-maxage",
                ),
                (
                    "Django",
                    "patch_cache_control(response, private=True, no_cache=True); not cache_page or s_maxage",
                ),
                (
                    "Rails",
                    "response.headers[\"cache-control\"] = \"private, no-cache\"; not expires_in …, public: true",
                ),
                (
                    "Express",
                    "res.set('Cache-Control', 'private, no-cache'); res.removeHeader('CDN-Cache-Control')",
                ),
                (
                    "Caddy",
                    "header {\n        -CDN-Cache-Control\n        -Surrogate-Control\n        defer\n    }",
                ),
            ],
        ),
        Aim::KeepForGood => (
            "Send `Cache-Control: public, max-age=31536000, immutable` with files whose names change with their \
             content.",
            [
                (
                    "SvelteKit",
                    "adapter-node does so for /_app/immutable/; elsewhere the server in front has to, see Caddy",
                ),
                (
                    "Next.js",
                    "it does so for /_next/static/ by itself: remove the header that a proxy or headers() puts there",
                ),
                (
                    "Django",
                    "settings.py, with WhiteNoise: STORAGES = {…, \"staticfiles\": {\"BACKEND\": \
                     \"whitenoise.storage.CompressedManifestStaticFilesStorage\"}}",
                ),
                (
                    "Rails",
                    "config/environments/production.rb: config.public_file_server.headers = { \"cache-control\" => \
                     \"public, max-age=31536000, immutable\" }",
                ),
                (
                    "Express",
                    "app.use('/assets', express.static('dist/assets', { immutable: true, maxAge: '1y' }))",
                ),
                (
                    "Caddy",
                    "@hashed {\n        path /assets/*\n        file\n    }\n    header @hashed Cache-Control \"public, \
                     max-age=31536000, immutable\"",
                ),
            ],
        ),
        Aim::ErrorsAskAgain => (
            "Send the year and `immutable` with the file itself only, and `Cache-Control: no-store` or `no-cache` with \
             errors and redirects under the same path.",
            [
                (
                    "SvelteKit",
                    "adapter-node does so by itself: remove the header that a proxy puts on everything below /_app/immutable/",
                ),
                (
                    "Next.js",
                    "next.config.js: no headers() for /_next/static/, which also reach its 404",
                ),
                (
                    "Django",
                    "WhiteNoise does so by itself: remove the header that a proxy puts on everything below /static/",
                ),
                (
                    "Rails",
                    "config.public_file_server.headers reach files only: remove the header that a proxy adds",
                ),
                (
                    "Express",
                    "immutable and maxAge in express.static(), not in a res.set() before it",
                ),
                (
                    "Caddy",
                    "@hashed {\n        path /assets/*\n        file\n    }\n    header @hashed Cache-Control \"public, \
                     max-age=31536000, immutable\"",
                ),
            ],
        ),
        Aim::Revalidate => (
            "Give the file a name that changes with its content, by importing it into the build, or send \
             `Cache-Control: no-cache` with it.",
            [
                (
                    "SvelteKit",
                    "import it from src/lib instead of putting it into static/: import url from '$lib/file.png'",
                ),
                (
                    "Next.js",
                    "import it instead of putting it into public/, or in headers(): { source: '/file.png', headers: \
                     [{ key: 'Cache-Control', value: 'no-cache' }] }",
                ),
                (
                    "Django",
                    "settings.py: STORAGES = {…, \"staticfiles\": {\"BACKEND\": \
                     \"django.contrib.staticfiles.storage.ManifestStaticFilesStorage\"}} and {% static %} in templates",
                ),
                (
                    "Rails",
                    "put it under app/assets and refer to it by asset_path, not under public/",
                ),
                (
                    "Express",
                    "app.use(express.static('public', { maxAge: 0, immutable: false }))",
                ),
                (
                    "Caddy",
                    "header /file.png {\n        Cache-Control no-cache\n        defer\n    }",
                ),
            ],
        ),
    };
    let mut text = lead.to_owned();
    for (place, line) in places {
        text.push_str(&format!("\n  {place}: {line}"));
    }
    text
}
