//! What to check of a site.

use super::site::Site;

/// What to check of a site, and how far to go.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Paths to ask for besides what the crawl from `/` finds, each with a leading slash.
    pub paths: Vec<String>,
    /// A `Cookie` field's value; everything is asked for without it and then with it.
    pub cookie: Option<String>,
    /// The service worker's URL or path, with its query string, where its registration can't be found by itself.
    pub service_worker: Option<String>,
    /// Regular expressions for paths of assets whose names change with their content.
    pub immutable: Vec<String>,
    /// Whether the app is only an API: that no page is seen is right then.
    pub api_only: bool,
    /// The same site as an older release serves it: the same URL with other bytes proves that it is mutable.
    pub older: Option<Site>,
    /// A release's directory: files of it that lie there under another content than an older one's.
    pub release: Option<std::path::PathBuf>,
}
