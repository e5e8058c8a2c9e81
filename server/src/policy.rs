//! Policies: rules about what a release serves, judged by what it was seen to serve. A check asks a site as a
//! browser would, yields findings with their evidence, and its verdict is the worst of them.

mod coverage;
pub mod service_worker;
pub mod site;
pub mod web;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use coverage::{Coverage, WorkerSeen};
pub use site::{Site, Unreachable};

/// Which rule a finding belongs to.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// HTML is asked for again each time.
    HtmlCache,
    /// Only what can't change is kept for good.
    AssetCache,
    /// A service worker keeps only immutable assets.
    ServiceWorker,
}

/// What exactly was found. The names are part of the API.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// No page was seen at all, so that nothing can be said of any.
    NothingSeen,
    /// HTML: nothing is said of its freshness, so that a browser guesses (RFC 9111 section 4.2.2).
    HeuristicFreshness,
    /// HTML: it may be reused for a while without asking (RFC 9111 section 4.2.1).
    Reusable,
    /// HTML: it is asked for again, but a stale one may be shown when that fails or meanwhile.
    MayBeStale,
    /// HTML: `no-cache` with field names binds only these fields (RFC 9111 section 5.2.2.4).
    QualifiedNoCache,
    /// HTML or an asset: what is said contradicts itself or can't be read.
    Ambiguous,
    /// HTML: a proxy or a CDN was told, or was seen, to keep it.
    KeptByProxy,
    /// HTML or an asset: the public address says something else than the release behind it.
    ChangedOnTheWay,
    /// An asset: its name changes with its content, yet it is not kept for long.
    HashedNotImmutable,
    /// An asset: it can change under its URL, yet is kept for good.
    MutableImmutable,
    /// An asset: it can change under its URL, yet may be reused for a while without asking.
    MutableReusable,
    /// An asset: an error, a redirect or a part of it under a hashed name is kept for long.
    LongLivedError,
    /// Service worker: a response with an HTML content type was written to a cache.
    CachesHtml,
    /// Service worker: the response of a navigation that it handled was written to a cache.
    CachesNavigation,
    /// Service worker: a response that is neither HTML nor an API's was stored under a URL that can get other bytes.
    CachesMutableAsset,
    /// Service worker: the response of a request for data was stored.
    CachesApiResponse,
    /// Service worker: with the network up, a navigation was answered from what was stored.
    ServesStaleNavigation,
    /// Service worker: its script, or one that it imports, is kept under a name that stays the same.
    StaleWorkerScript,
    /// Service worker: its script does not parse.
    Unparsable,
    /// Service worker: it can't be told what it does.
    CannotEvaluate,
}

impl Kind {
    /// As it stands in JSON and on the pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::NothingSeen => "nothing-seen",
            Kind::HeuristicFreshness => "heuristic-freshness",
            Kind::Reusable => "reusable",
            Kind::MayBeStale => "may-be-stale",
            Kind::QualifiedNoCache => "qualified-no-cache",
            Kind::Ambiguous => "ambiguous",
            Kind::KeptByProxy => "kept-by-proxy",
            Kind::ChangedOnTheWay => "changed-on-the-way",
            Kind::HashedNotImmutable => "hashed-not-immutable",
            Kind::MutableImmutable => "mutable-immutable",
            Kind::MutableReusable => "mutable-reusable",
            Kind::LongLivedError => "long-lived-error",
            Kind::CachesHtml => "caches-html",
            Kind::CachesNavigation => "caches-navigation",
            Kind::CachesMutableAsset => "caches-mutable-asset",
            Kind::CachesApiResponse => "caches-api-response",
            Kind::ServesStaleNavigation => "serves-stale-navigation",
            Kind::StaleWorkerScript => "stale-worker-script",
            Kind::Unparsable => "unparsable",
            Kind::CannotEvaluate => "cannot-evaluate",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Policy {
    /// As it stands in JSON and on the pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Policy::HtmlCache => "html-cache",
            Policy::AssetCache => "asset-cache",
            Policy::ServiceWorker => "service-worker",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How grave a finding is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look at it.
    Warn,
    /// Somebody would see yesterday's page.
    Fail,
}

/// What a check comes to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was found.
    Pass,
    /// Nothing grave was found.
    Warn,
    /// A deploy stops.
    Fail,
}

/// One thing that is wrong, with what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Finding {
    /// The rule.
    pub policy: Policy,
    /// What exactly.
    pub kind: Kind,
    /// How grave.
    pub severity: Severity,
    /// The URL that it is about, absolute, as users see it.
    pub url: String,
    /// What was seen, and what a browser makes of it: whole sentences, several lines where they help.
    pub evidence: String,
    /// What to change, and where.
    pub advice: String,
}

/// What a check found. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// The worst of the findings.
    pub verdict: Verdict,
    /// What the verdict rests on.
    pub seen: Coverage,
    /// All findings: by policy, then the gravest first, then by URL.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The report of these findings, in order, each once.
    #[must_use]
    pub fn of(mut findings: Vec<Finding>, seen: Coverage) -> Report {
        findings.sort_by(|a, b| {
            (a.policy, b.severity, a.kind, &a.url).cmp(&(b.policy, a.severity, b.kind, &b.url))
        });
        findings.dedup_by(|a, b| a.policy == b.policy && a.kind == b.kind && a.url == b.url);
        let worst = findings.iter().map(|finding| finding.severity).max();
        let verdict = match worst {
            None => Verdict::Pass,
            Some(Severity::Warn) => Verdict::Warn,
            Some(Severity::Fail) => Verdict::Fail,
        };
        Report {
            verdict,
            seen,
            findings,
        }
    }
}

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

/// Checks a site by all policies.
///
/// # Errors
/// [`Unreachable`]: its first page gave no answer at all. Anything else is a finding.
pub async fn check(site: &Site, order: &Order) -> Result<Report, Unreachable> {
    let seen = Arc::new(web::look(site, order).await?);
    Ok(judge(site, order, &seen, Vec::new()).await)
}

/// The report on a site that was looked at, with further findings of one's own.
pub async fn judge(
    site: &Site,
    order: &Order,
    seen: &Arc<web::Seen>,
    more: Vec<Finding>,
) -> Report {
    let mut findings = web::judge(seen);
    let evaluated = service_worker::evaluate(site, order, seen).await;
    findings.extend(evaluated.findings);
    findings.extend(more);
    let coverage = Coverage::of(site, order, seen, evaluated.workers);
    Report::of(findings, coverage)
}
