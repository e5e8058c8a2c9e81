//! Policies: rules about what a release serves, judged by what it was seen to serve. A check asks a site as a
//! browser would, yields findings with their evidence, and its verdict is the worst of them.

mod coverage;
pub mod https;
pub mod service_worker;
pub mod site;
pub mod web;

use std::sync::Arc;

pub use site::{Site, Unreachable};
pub use tealkeep_words::finding::{
    Coverage, Finding, Kind, Policy, Report, Severity, Verdict, WorkerSeen,
};

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
    let coverage = coverage::of(site, order, seen, evaluated.workers);
    Report::of(findings, coverage)
}
