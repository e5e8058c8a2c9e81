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
mod scripts;

use std::sync::Arc;

use super::web::Seen;
use super::{Finding, Order, Site, WorkerSeen};
use answers::Answers;
use registration::Sources;

pub use run::{CHILD_TIMEOUT, use_program};

/// What the workers of a site were seen to do.
#[derive(Debug, Default)]
pub struct Evaluated {
    /// What is wrong with them.
    pub findings: Vec<Finding>,
    /// Those that ran.
    pub workers: Vec<WorkerSeen>,
}

/// Finds the site's service workers, runs each and judges it. A site without one has no findings.
pub async fn evaluate(site: &Site, order: &Order, seen: &Arc<Seen>) -> Evaluated {
    evaluate_within(site, order, seen, CHILD_TIMEOUT).await
}

/// What is found of the site's workers, with a bound of one's own on the time that each may take by itself.
pub async fn check_within(
    site: &Site,
    order: &Order,
    seen: &Arc<Seen>,
    own_time: std::time::Duration,
) -> Vec<Finding> {
    evaluate_within(site, order, seen, own_time).await.findings
}

async fn evaluate_within(
    site: &Site,
    order: &Order,
    seen: &Arc<Seen>,
    own_time: std::time::Duration,
) -> Evaluated {
    let only = |finding| Evaluated {
        findings: vec![finding],
        workers: Vec::new(),
    };
    // A page can carry megabytes of script, and reading them is work.
    let shared = Arc::clone(seen);
    let Ok(sources) = tokio::task::spawn_blocking(move || Sources::read(&shared)).await else {
        return only(judge::unreadable(site));
    };
    let mut answers = Answers::new(site, order.cookie.as_deref(), seen);
    let mut evaluated = Evaluated::default();
    let registrations = match &order.service_worker {
        Some(named) => match site.origin.join(named) {
            Ok(script) => vec![registration::configured(&script, &sources)],
            Err(error) => return only(judge::no_url(site, named, &error)),
        },
        None => {
            let chosen = registration::choose(&sources, &mut answers, &site.origin).await;
            let riddle = chosen.riddles.first();
            let finding = riddle.map(|_| judge::riddle(site, &chosen.riddles));
            evaluated.findings.extend(finding);
            chosen.registrations
        }
    };
    for registration in registrations {
        let plan = plan::of(site, order, seen, &sources, registration);
        answers.begin();
        let record = run::run(plan, &mut answers, own_time).await;
        let heard = judge::Heard::of(&answers, &sources.messages);
        let mut findings = judge::judge(&record, seen, &answers, &heard);
        let stale = scripts::judge(&record, &sources, seen, &answers);
        findings.extend(stale);
        evaluated.findings.extend(findings);
        evaluated.workers.push(WorkerSeen {
            url: record.registration.script.clone(),
            scope: record.registration.scope.clone(),
            events: record.visits.len(),
        });
    }
    evaluated
}
