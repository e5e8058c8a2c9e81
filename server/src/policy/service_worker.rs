//! What a site's service worker does: found through its registration, run in a child process, judged by what it
//! was seen to store and to answer.

mod answers;
#[cfg(test)]
mod fixture;
mod judge;
mod marks;
mod plan;
mod registration;
mod run;

use std::sync::Arc;

use super::web::Seen;
use super::{Finding, Order, Site};
use answers::Answers;
use registration::Sources;

pub use run::{OWN_TIME, use_program};

/// Finds the site's service workers, runs each and judges it. A site without one has no findings.
pub async fn check(site: &Site, order: &Order, seen: &Arc<Seen>) -> Vec<Finding> {
    check_within(site, order, seen, OWN_TIME).await
}

/// The same, with a bound of one's own on the time that each worker may take by itself.
pub async fn check_within(
    site: &Site,
    order: &Order,
    seen: &Arc<Seen>,
    own_time: std::time::Duration,
) -> Vec<Finding> {
    // A page can carry megabytes of script, and reading them is work.
    let shared = Arc::clone(seen);
    let Ok(sources) = tokio::task::spawn_blocking(move || Sources::read(&shared)).await else {
        return vec![judge::unreadable(site)];
    };
    let mut answers = Answers::new(site, order.cookie.as_deref(), seen);
    let mut findings = Vec::new();
    let registrations = match &order.service_worker {
        Some(named) => match site.origin.join(named) {
            Ok(script) => vec![registration::configured(&script, &sources)],
            Err(error) => return vec![judge::no_url(site, named, &error)],
        },
        None => {
            let chosen = registration::choose(&sources, &mut answers, &site.origin).await;
            findings.extend(
                chosen
                    .riddles
                    .first()
                    .map(|_| judge::riddle(site, &chosen.riddles)),
            );
            chosen.registrations
        }
    };
    for registration in registrations {
        let plan = plan::of(site, order, seen, &sources, registration);
        let record = run::run(plan, &mut answers, own_time).await;
        findings.extend(judge::judge(&record, seen, &answers));
    }
    findings
}
