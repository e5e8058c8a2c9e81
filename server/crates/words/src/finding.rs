//! What a check of a site found and what it looked at, as plain data.

use std::fmt;

use serde::{Deserialize, Serialize};

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

/// What a check looked at. Its JSON is part of the API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Coverage {
    /// How many pages: URLs that answered with HTML and a status of 2xx.
    pub pages: usize,
    /// How many files that pages load (scripts, styles, images, fonts, …) answered.
    pub assets: usize,
    /// The service worker that ran; null where no page registers one.
    pub worker: Option<WorkerSeen>,
    /// Further workers, in other scopes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_workers: Vec<WorkerSeen>,
    /// How many requests the check sent.
    pub requests: u32,
    /// Whether the app is configured as one that is only an API, so that no page was expected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub api_only: bool,
}

/// A service worker that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WorkerSeen {
    /// The URL of its script.
    pub url: String,
    /// Its scope.
    pub scope: String,
    /// How many events it was sent: install, fetches of pages and files, messages, …
    pub events: usize,
}

impl Coverage {
    /// All workers that ran.
    pub fn workers(&self) -> impl Iterator<Item = &WorkerSeen> {
        self.worker.iter().chain(&self.other_workers)
    }

    /// In a sentence: "3 pages, 12 files and no service worker, in 20 requests."
    #[must_use]
    pub fn in_words(&self) -> String {
        let pages = match (self.pages, self.api_only) {
            (0, true) => "no pages (the app is configured as an API)".to_owned(),
            (0, false) => "no page at all".to_owned(),
            (pages, _) => counted(pages, "page"),
        };
        let mut parts = vec![pages];
        if self.pages > 0 || self.assets > 0 {
            parts.push(counted(self.assets, "file"));
        }
        let mut workers: Vec<String> = self.workers().map(WorkerSeen::in_words).collect();
        if workers.is_empty() {
            workers.push("no service worker".to_owned());
        }
        parts.append(&mut workers);
        let last = parts.pop().unwrap_or_default();
        let requests = usize::try_from(self.requests).unwrap_or(usize::MAX);
        format!(
            "{} and {last}, in {}.",
            parts.join(", "),
            counted(requests, "request")
        )
    }
}

impl WorkerSeen {
    fn in_words(&self) -> String {
        match self.events {
            0 => format!("the service worker {}, which did not start", self.url),
            events => format!(
                "the service worker {}, which was run through {}",
                self.url,
                counted(events, "event")
            ),
        }
    }
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_says_what_it_rests_on() {
        let worker = |events| WorkerSeen {
            url: "https://home.example/sw.js".to_owned(),
            scope: "https://home.example/".to_owned(),
            events,
        };
        let of = |pages, assets, worker, requests, api_only| Coverage {
            pages,
            assets,
            worker,
            other_workers: Vec::new(),
            requests,
            api_only,
        };
        for (seen, says) in [
            (
                of(3, 12, None, 20, false),
                "3 pages, 12 files and no service worker, in 20 requests.",
            ),
            (
                of(1, 1, Some(worker(41)), 9, false),
                "1 page, 1 file and the service worker https://home.example/sw.js, which was run through 41 events, \
                 in 9 requests.",
            ),
            (
                of(1, 0, Some(worker(0)), 9, false),
                "1 page, 0 files and the service worker https://home.example/sw.js, which did not start, in 9 requests.",
            ),
            (
                of(0, 0, None, 2, false),
                "no page at all and no service worker, in 2 requests.",
            ),
            (
                of(0, 0, None, 1, true),
                "no pages (the app is configured as an API) and no service worker, in 1 request.",
            ),
        ] {
            assert_eq!(seen.in_words(), says);
        }
    }
}
