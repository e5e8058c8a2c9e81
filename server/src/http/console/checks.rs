//! Checks and acceptances as the pages show them.

use std::time::Duration;

use tealkeep_app::model as view;

use crate::deploy::App;
use crate::house::House;
use crate::http::checks::facts::{CheckFacts, MAX_CHECKS, all_of, newest_of};
use crate::journal::checks::{Acceptance, Check, Target};
use crate::policy;

/// `GET /apps/{app}/checks`
pub async fn checks(house: &House, app: &App) -> anyhow::Result<view::Checks> {
    let history = all_of(&house.journal, app, MAX_CHECKS).await?;
    let (public, before_swap) = newest_of(&house.journal, app).await?;
    let accepted = house.journal.acceptances(app.name().clone(), false).await?;
    Ok(view::Checks {
        app: app.name().to_string(),
        url: app.config.url.as_ref().map(ToString::to_string),
        next: app.next_check(house.clock.now()).await?,
        checking: app.is_checking(),
        public: public.as_ref().map(check_view),
        before_swap: before_swap.as_ref().map(check_view),
        history: history.iter().map(check_brief).collect(),
        accepted: accepted.into_iter().map(accepted_view).collect(),
    })
}

/// A check with all that it found, the gravest first.
pub fn check_view(check: &Check) -> view::Check {
    let mut findings: Vec<view::Finding> = check
        .findings
        .iter()
        .map(|found| view::Finding {
            finding: found.finding.clone(),
            accepted: found.accepted.clone().map(accepted_view),
        })
        .collect();
    let by_gravity = |found: &view::Finding| {
        let severity = std::cmp::Reverse(found.finding.severity);
        (found.accepted.is_some(), severity)
    };
    findings.sort_by_key(by_gravity);
    view::Check {
        brief: check_brief(check),
        seen: check.seen.as_ref().map(policy::Coverage::in_words),
        findings,
    }
}

/// A check in one line.
pub(super) fn check_brief(check: &Check) -> view::CheckBrief {
    let facts = CheckFacts::from(check);
    view::CheckBrief {
        id: u64::try_from(check.id).unwrap_or_default(),
        at: check.at,
        took: Duration::from_millis(check.took_ms),
        target: match check.target {
            Target::Idle => view::CheckTarget::BeforeSwap,
            Target::Public | Target::Live => view::CheckTarget::Public {
                url: check.url.clone(),
            },
        },
        release: check.release.clone().map(String::from),
        run: check.run.and_then(|run| u64::try_from(run).ok()),
        outcome: match check.verdict {
            Some(verdict) => view::CheckOutcome::Judged(verdict),
            None => view::CheckOutcome::Unreachable {
                why: check.unreachable.clone().unwrap_or_default(),
            },
        },
        fails: facts.fails,
        warns: facts.warns,
        accepted: facts.accepted,
    }
}

fn accepted_view(acceptance: Acceptance) -> view::Accepted {
    view::Accepted {
        id: u64::try_from(acceptance.id).unwrap_or_default(),
        policy: acceptance.policy,
        kind: acceptance.kind,
        url: acceptance.url,
        is_pattern: acceptance.is_pattern,
        by: acceptance.by,
        why: acceptance.why,
        at: acceptance.at,
    }
}
