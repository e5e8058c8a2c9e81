//! Whether the newest run succeeded.

use jiff::SignedDuration;

use super::assessment::{About, Assessment, Words};
use crate::house::redact::redacted;
use crate::journal::runs::{self, Run, RunState, Step, StepState};
use tealkeep_words::condition::{Action, Condition, Key, Kind, Severity};

/// A run that failed longer ago than this, and was not told, is no news any more.
const MAX_NEWS_AGE: SignedDuration = SignedDuration::from_hours(72);

pub(super) fn look(about: &About<'_>, found: &mut Assessment) {
    let Some(run) = &about.app.run else {
        return;
    };
    if run.state != RunState::Failed {
        return;
    }
    let kind = match run.kind {
        runs::Kind::Deploy | runs::Kind::Rollback => Kind::Deploy,
        runs::Kind::Restore | runs::Kind::Undo => Kind::Restore,
    };
    let key = Key {
        subject: run.id.to_string(),
        ..about.key(kind)
    };
    let ended = run.ended.unwrap_or(run.began);
    if about.facts.now.duration_since(ended) > MAX_NEWS_AGE && !about.is_open(&key) {
        return;
    }
    found.add(condition(about, key, run));
}

fn condition(about: &About<'_>, key: Key, run: &Run) -> Condition {
    let name = about.name();
    let what = format!("the {} of {}", run.kind.noun(), run.facts.subject());
    let (how, step) = how(run);
    let step = step.map_or_else(String::new, |step| {
        format!(" at the step {}", step.as_str())
    });
    let why = run
        .reason
        .as_deref()
        .map_or_else(String::new, |why| format!(": {}", redacted(why)));
    let why = why.trim_end_matches('.');
    let stands = if run.facts.troubled {
        "Not all of it could be taken back: look at `tealkeep status` now.".to_owned()
    } else {
        match &run.facts.previous {
            Some(previous) => format!("{name} stays on {previous}."),
            None => format!("{name} is as it was before."),
        }
    };
    let mut capital = what.clone();
    capital.replace_range(..1, "T");
    let words = Words {
        title: &format!("{what} {how}"),
        sentence: format!(
            "The last {} of {name} failed; {}.",
            run.kind.noun(),
            left_behind(run)
        ),
        text: format!(
            "{capital} {how}{step}{why}. {stands} The run's page shows each of its steps."
        ),
    };
    let severity = if run.facts.troubled {
        Severity::Failure
    } else {
        Severity::Warning
    };
    let page = about.page(&format!("/runs/{}", run.id));
    Condition {
        action: Action::go("See why", page.clone()),
        page,
        ..about.condition(key, severity, words)
    }
}

/// What a run that failed has left, in words that end a sentence.
#[must_use]
pub fn left_behind(run: &Run) -> &'static str {
    match (run.facts.troubled, was_swapped(run)) {
        (true, _) => "not all of it could be undone; check the app now",
        (false, true) => "it was taken back after the swap",
        (false, false) => "nothing changed for your household",
    }
}

fn was_swapped(run: &Run) -> bool {
    run.steps
        .iter()
        .any(|row| row.step == Step::Swap && row.state == StepState::Undone)
}

/// How it ended, as a person says it, and at which step.
fn how(run: &Run) -> (&'static str, Option<Step>) {
    let failed = run.steps.iter().find(|row| row.state == StepState::Failed);
    let failed = failed.map(|row| row.step);
    let how = match failed {
        _ if was_swapped(run) => "was taken back",
        Some(Step::Swap | Step::Verify | Step::Drain) => "was taken back",
        Some(Step::Start | Step::Probe | Step::Policy) => "was refused",
        _ => "failed",
    };
    (how, failed)
}
