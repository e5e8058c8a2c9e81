//! Counts what a check looked at.

use std::collections::BTreeSet;

use super::web::Seen;
use super::{Coverage, Order, Site, WorkerSeen};

/// What the check of a site rests on.
pub(super) fn of(site: &Site, order: &Order, seen: &Seen, workers: Vec<WorkerSeen>) -> Coverage {
    let pages: BTreeSet<&str> = seen
        .pages
        .iter()
        .filter(|page| page.is_had())
        .map(|page| page.answer.url.as_str())
        .collect();
    let assets = seen.assets.iter().filter(|asset| asset.answer.is_some());
    let mut workers = workers.into_iter();
    Coverage {
        pages: pages.len(),
        assets: assets.count(),
        worker: workers.next(),
        other_workers: workers.collect(),
        requests: site.requests(),
        api_only: order.api_only,
    }
}
