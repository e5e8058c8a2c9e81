//! A run's steps: as a line of beads that shows at a glance how far it came, and as a list that says
//! what each step did.

use leptos::prelude::*;

use crate::model::{Run, RunOutcome, Step, StepState};
use crate::words;

/// The line of beads, and one short sentence beneath it.
pub(crate) fn beads(run: &Run) -> AnyView {
    let items: Vec<_> = run.steps.iter().map(bead).collect();
    view! {
        <div class="line">
            <ol class="beads" aria-label="Steps">{items}</ol>
            <p class="caption"><bdi>{caption(run)}</bdi></p>
        </div>
    }
    .into_any()
}

/// Every step with its state in words, what it took, and what it found.
pub(crate) fn steps(run: &Run) -> AnyView {
    let items: Vec<_> = run
        .steps
        .iter()
        .map(|step| {
            let took = step
                .took
                .map(|took| view! { <span class="took">{words::span(took)}</span> });
            let note = step
                .note
                .clone()
                .map(|note| view! { <p class="note"><bdi>{note}</bdi></p> });
            view! {
                <li class=class(step.state)>
                    <i aria-hidden="true">{glyph(step.state)}</i>
                    <div>
                        <p class="step">
                            <b><bdi>{step.name.clone()}</bdi></b>
                            <span class="state">{word(step.state)}</span>
                            {took}
                        </p>
                        {note}
                    </div>
                </li>
            }
        })
        .collect();
    view! { <ol class="steps">{items}</ol> }.into_any()
}

fn bead(step: &Step) -> AnyView {
    let state = format!(": {}", word(step.state));
    let took = step
        .took
        .map(|took| view! { <small>{words::span(took)}</small> });
    view! {
        <li class=class(step.state)>
            <i aria-hidden="true">{glyph(step.state)}</i>
            <span class="label"><bdi>{step.name.clone()}</bdi><span class="unseen">{state}</span></span>
            {took}
        </li>
    }
    .into_any()
}

/// Where the run is, or how it ended.
fn caption(run: &Run) -> String {
    let total = run.steps.len();
    let find = |state| run.steps.iter().position(|step| step.state == state);
    let took = run.took.map(words::span);
    match run.outcome {
        RunOutcome::Running => match find(StepState::Running) {
            Some(at) => format!("Now: {}, step {} of {total}", run.steps[at].name, at + 1),
            None => "About to go on".to_owned(),
        },
        RunOutcome::Succeeded => match took {
            Some(took) => format!("Done in {took}"),
            None => "Done".to_owned(),
        },
        RunOutcome::Failed | RunOutcome::Undone => {
            let at = find(StepState::Failed)
                .map_or_else(String::new, |at| format!(" at {}", run.steps[at].name));
            let after = took.map_or_else(String::new, |took| format!(" after {took}"));
            let back = if run.outcome == RunOutcome::Undone {
                ", and put back"
            } else {
                ""
            };
            format!("Failed{at}{after}{back}")
        }
    }
}

fn class(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "pending",
        StepState::Running => "running",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Skipped => "skipped",
        StepState::Undone => "undone",
    }
}

fn word(state: StepState) -> &'static str {
    match state {
        StepState::Pending => "to come",
        StepState::Running => "under way",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Skipped => "not needed",
        StepState::Undone => "put back",
    }
}

/// A shape for each state, so that nobody needs to tell the colours apart.
fn glyph(state: StepState) -> &'static str {
    match state {
        StepState::Pending | StepState::Running => "",
        StepState::Done => "✓",
        StepState::Failed => "✕",
        StepState::Skipped => "–",
        StepState::Undone => "↩",
    }
}
