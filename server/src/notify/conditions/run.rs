//! Whether the newest deploy went through.

use jiff::SignedDuration;

use super::{About, link};
use crate::deploy::step::Step;
use crate::journal::Severity;
use crate::journal::runs::{Run, RunState, StepState};
use crate::notify::condition::{Assessment, Condition, Key, Kind};
use crate::notify::redact::redacted;

/// A deploy that failed longer ago than this, and was not told, is no news any more.
const NEWS: SignedDuration = SignedDuration::from_hours(72);

pub(super) fn look(about: &About<'_>, found: &mut Assessment) {
    let Some(run) = &about.app.run else {
        return;
    };
    if run.state != RunState::Failed {
        return;
    }
    let key = Key {
        subject: run.id.to_string(),
        ..about.key(Kind::Deploy)
    };
    let ended = run.ended.unwrap_or(run.began);
    if about.facts.now.duration_since(ended) > NEWS && !about.is_open(&key) {
        return;
    }
    found.wrong.insert(key, condition(about, run));
}

fn condition(about: &About<'_>, run: &Run) -> Condition {
    let what = format!("the {} of {}", run.kind.noun(), run.facts.release);
    let (how, step) = how(run);
    let step = step.map_or_else(String::new, |step| {
        format!(" at the step {}", step.as_str())
    });
    let why = run
        .reason
        .as_deref()
        .map_or_else(String::new, |why| format!(": {}", redacted(why)));
    let why = why.trim_end_matches('.');
    let name = &about.app.name;
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
    let text =
        format!("{capital} {how}{step}{why}. {stands} The run's page shows each of its steps.");
    Condition {
        link: link(about.facts, &format!("/apps/{name}/runs/{}", run.id)),
        ..about.wrong(Severity::Bad, &format!("{what} {how}"), text, "")
    }
}

/// How it ended, as a person says it, and at which step.
fn how(run: &Run) -> (&'static str, Option<Step>) {
    let failed = run.steps.iter().find(|row| row.state == StepState::Failed);
    let failed = failed.map(|row| row.step);
    let was_swapped = run
        .steps
        .iter()
        .any(|row| row.step == Step::Swap && row.state == StepState::Undone);
    let how = match failed {
        _ if was_swapped => "was taken back",
        Some(Step::Swap | Step::Verify | Step::Drain) => "was taken back",
        Some(Step::Start | Step::Probe | Step::Policy) => "was refused",
        _ => "failed",
    };
    (how, failed)
}
