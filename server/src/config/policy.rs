//! `[app.policy]`: what is checked besides what a crawl finds, how often, and what a finding of each policy does.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use toml_edit::Item;

use super::range::check_duration;
use super::reader::{FromToml, Placed, Table};

use crate::policy::Policy;

/// The default for `every`.
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// `[app.policy]`
#[derive(Clone, PartialEq, Eq)]
pub struct PolicyConfig {
    /// What the findings of `html-cache` do.
    pub html_cache: Action,
    /// What the findings of `asset-cache` do.
    pub asset_cache: Action,
    /// What the findings of `service-worker` do.
    pub service_worker: Action,
    /// Paths to request besides those that the crawl finds.
    pub paths: Vec<String>,
    /// The `Cookie` field of a signed-in browser.
    pub cookie: Option<String>,
    /// A file with another one, read at each check, so that it can be renewed.
    pub cookie_file: Option<PathBuf>,
    /// The service worker's path with its query string, if it is not found automatically.
    pub worker: Option<String>,
    /// Regular expressions for the paths of assets whose names change with their content.
    pub immutable: Vec<String>,
    /// Whether the app serves pages at all.
    pub pages: Pages,
    /// How often the public address is checked; zero checks it only on request and after swaps.
    pub every: Duration,
}

/// Whether an app serves pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pages {
    /// It does: seeing none is a finding that fails.
    #[default]
    Expected,
    /// It is only an API.
    None,
}

impl FromToml for Pages {
    const EXPECTED: &'static str =
        "`\"expected\"` (a check that sees no page fails) or `\"none\"` (the app is only an API)";

    fn from_toml(item: &Item) -> Result<Self, String> {
        match item.as_str() {
            Some("expected") => Ok(Pages::Expected),
            Some("none") => Ok(Pages::None),
            Some(other) => Err(format!("`{other}` does not say whether there are pages")),
            None => Err("is not text in quotes".to_owned()),
        }
    }
}

/// What the findings of a policy do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A failing one stops a deploy.
    Fail,
    /// They are reported, but stop no deploy.
    Warn,
    /// They are not reported.
    Off,
}

impl Default for PolicyConfig {
    fn default() -> PolicyConfig {
        PolicyConfig {
            html_cache: Action::Fail,
            asset_cache: Action::Fail,
            service_worker: Action::Fail,
            paths: Vec::new(),
            cookie: None,
            cookie_file: None,
            worker: None,
            immutable: Vec::new(),
            pages: Pages::Expected,
            every: EVERY,
        }
    }
}

// Written by hand, because a cookie is as good as a password and this may end up in a log.
impl fmt::Debug for PolicyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyConfig")
            .field("html_cache", &self.html_cache)
            .field("asset_cache", &self.asset_cache)
            .field("service_worker", &self.service_worker)
            .field("paths", &self.paths)
            .field("cookie", &self.cookie.as_ref().map(|_| "…"))
            .field("cookie_file", &self.cookie_file)
            .field("worker", &self.worker)
            .field("immutable", &self.immutable)
            .field("pages", &self.pages)
            .field("every", &self.every)
            .finish()
    }
}

impl PolicyConfig {
    /// What the findings of a policy do.
    #[must_use]
    pub fn action(&self, policy: Policy) -> Action {
        match policy {
            Policy::HtmlCache => self.html_cache,
            Policy::AssetCache => self.asset_cache,
            Policy::ServiceWorker => self.service_worker,
        }
    }

    /// Whether no finding would be reported.
    #[must_use]
    pub fn is_off(&self) -> bool {
        [self.html_cache, self.asset_cache, self.service_worker]
            .iter()
            .all(|action| *action == Action::Off)
    }
}

impl FromToml for Action {
    const EXPECTED: &'static str =
        "`\"fail\"` (a finding stops a deploy), `\"warn\"` (Tealkeep reports it) or `\"off\"`";

    fn from_toml(item: &Item) -> Result<Self, String> {
        match item.as_str() {
            Some("fail") => Ok(Action::Fail),
            Some("warn") => Ok(Action::Warn),
            Some("off") => Ok(Action::Off),
            Some(other) => Err(format!("`{other}` is not an action")),
            None => Err("is not text in quotes".to_owned()),
        }
    }
}

/// Reads the table; without it the defaults apply.
pub(super) fn read(table: Table<'_>, on_this_machine: bool) -> PolicyConfig {
    let default = PolicyConfig::default();
    let html_cache = table.or("html_cache", default.html_cache).value;
    let asset_cache = table.or("asset_cache", default.asset_cache).value;
    let service_worker = table.or("service_worker", default.service_worker).value;
    let paths = table.or("paths", Vec::<String>::new());
    for path in &paths.value {
        check_path(&table, &paths, path, "\"/chores\"");
    }
    let worker = table.optional::<String>("worker");
    if let Some(worker) = &worker {
        check_path(&table, worker, &worker.value, "\"/sw.js?v=3\"");
    }
    let cookie = table.optional::<String>("cookie");
    if let Some(cookie) = &cookie
        && !is_cookie(&cookie.value)
    {
        table.problem_at(
            cookie,
            "can't be what a browser sends as a cookie; write for example `\"session=0123abcd\"`",
        );
    }
    let cookie_file = table.optional::<PathBuf>("cookie_file");
    if let Some(file) = cookie_file.as_ref().filter(|_| on_this_machine)
        && let Err(error) = std::fs::File::open(&file.value)
    {
        let text = format!(
            "{} can't be read ({error}); put the cookie into it, readable for the user that runs tealkeep, or name another file",
            file.value.display()
        );
        table.problem_at(file, text);
    }
    let immutable = table.or("immutable", Vec::<String>::new());
    for pattern in &immutable.value {
        if let Err(error) = regex::Regex::new(pattern) {
            // The last line says what is wrong; those before show where, in a drawing.
            let why = error.to_string();
            let why = why
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            table.problem_at(
                &immutable,
                format!("`{pattern}` is not a regular expression: {why}; write for example `'^/static/.*-[0-9a-f]{{8}}\\.'`"),
            );
        }
    }
    let pages = table.or("pages", default.pages).value;
    let every = table.or("every", default.every);
    if !every.value.is_zero() {
        check_duration(&table, &every, "5m", "168h");
    }
    table.finish();
    PolicyConfig {
        html_cache,
        asset_cache,
        service_worker,
        paths: paths.value,
        cookie: cookie.map(|cookie| cookie.value),
        cookie_file: cookie_file.map(|file| file.value),
        worker: worker.map(|worker| worker.value),
        immutable: immutable.value,
        pages,
        every: every.value,
    }
}

fn check_path<T>(table: &Table<'_>, at: &Placed<T>, path: &str, example: &str) {
    let fits = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !fits {
        table.problem_at(
            at,
            format!("`{path}` is not a path of the app; write it from `/` on, as a browser sends it, for example `{example}`"),
        );
    }
}

/// Whether this is valid in a `Cookie` field (RFC 6265, section 4.2.1): pairs of visible characters.
#[must_use]
pub fn is_cookie(text: &str) -> bool {
    text.contains('=')
        && text
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic())
}
