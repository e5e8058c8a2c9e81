//! Policies: rules about what a release serves, judged by what it was seen to serve. A check asks a site as a
//! browser would, yields findings with their evidence, and its verdict is the worst of them.

mod coverage;
pub mod https;
mod order;
pub mod service_worker;
pub mod site;
pub mod web;

use std::sync::Arc;

pub use order::Order;
pub use site::{Site, Unreachable};
pub use tealkeep_words::finding::{
    Coverage, Finding, Kind, Policy, Report, Severity, Verdict, WorkerSeen,
};

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
