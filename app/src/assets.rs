//! The files that pages refer to, embedded. A name below `/assets/` holds a hash of its content, so
//! whoever has it may keep it for ever; the few fixed names must be asked for again each time.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// One file to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The path of its URL, with a leading slash.
    pub path: String,
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
    /// Whether the path changes with the content. If so, serve it with
    /// `Cache-Control: public, max-age=31536000, immutable`, otherwise with `no-cache`.
    pub immutable: bool,
}

/// Where a page finds its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetUrls {
    /// The style sheet.
    pub css: String,
    /// The script that keeps a page fresh.
    pub script: String,
    /// The icon of the browser's tab.
    pub icon: String,
    /// The icon of the home screen, a PNG.
    pub touch_icon: String,
    /// The web manifest.
    pub manifest: String,
}

impl Default for AssetUrls {
    /// The URLs under which [`all`] is to be served.
    fn default() -> AssetUrls {
        URLS.clone()
    }
}

/// Every file to serve, each under its `path`.
#[must_use]
pub fn all() -> &'static [Asset] {
    &ALL
}

const CSS: &[u8] = include_bytes!("../../style/tealkeep.css");
const SCRIPT: &[u8] = include_bytes!("../../public/fresh.js");
const ICON: &[u8] = include_bytes!("../../public/favicon.svg");
const TOUCH_ICON: &[u8] = include_bytes!("../../public/icon-192.png");
const LARGE_ICON: &[u8] = include_bytes!("../../public/icon-512.png");
const MANIFEST: &[u8] = include_bytes!("../../public/manifest.webmanifest");
const WORKER: &[u8] = include_bytes!("../../public/sw.js");

static URLS: LazyLock<AssetUrls> = LazyLock::new(|| AssetUrls {
    css: hashed_path("tealkeep", "css", CSS),
    script: hashed_path("fresh", "js", SCRIPT),
    icon: "/favicon.svg".to_owned(),
    touch_icon: "/icon-192.png".to_owned(),
    manifest: "/manifest.webmanifest".to_owned(),
});

static ALL: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let asset = |path: &str, content_type, bytes| Asset {
        path: path.to_owned(),
        content_type,
        bytes,
        immutable: path.starts_with("/assets/"),
    };
    vec![
        asset(&URLS.css, "text/css; charset=utf-8", CSS),
        asset(&URLS.script, "text/javascript; charset=utf-8", SCRIPT),
        asset(&URLS.icon, "image/svg+xml", ICON),
        asset(&URLS.touch_icon, "image/png", TOUCH_ICON),
        asset("/icon-512.png", "image/png", LARGE_ICON),
        asset(&URLS.manifest, "application/manifest+json", MANIFEST),
        asset("/sw.js", "text/javascript; charset=utf-8", WORKER),
    ]
});

/// `/assets/<stem>.<first 32 bits of SHA-256>.<extension>`
fn hashed_path(stem: &str, extension: &str, bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let short: String = hash.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("/assets/{stem}.{short}.{extension}")
}
