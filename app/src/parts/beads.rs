//! A run's steps: as a line of beads that shows at a glance how far it came, and as a list that says
//! what each step did.

use leptos::prelude::*;

use super::nothing;
use crate::model::{Run, RunOutcome, Step, StepState};
use crate::words;

/// The line of beads, and one short sentence beneath it.
pub(crate) fn beads(run: &Run) -> AnyView {
    let items: Vec<_> = run.steps.iter().map(|step| bead(run, step)).collect();
    view! {
        <div class="line">
            <ol class="beads" aria-label="Steps">{items}</ol>
            <p class="caption">{caption(run)}</p>
        </div>
    }
    .into_any()
}

/// Every step with its state in words, what it took, and what it found.
pub(crate) fn steps(run: &Run) -> AnyView {
    if run.steps.is_empty() {
        return nothing("No step was begun.");
    }
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
                .or_else(|| what_it_does(step).map(str::to_owned))
                .map(|note| view! { <p class="note"><bdi>{note}</bdi></p> });
            view! {
                <li class=class(step.state)>
                    <i aria-hidden="true">{glyph(step.state)}</i>
                    <div>
                        <p class="step">
                            <b><bdi>{step.name.clone()}</bdi></b>
                            <span class="state">{word(run, step.state)}</span>
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

/// What a step does whose name alone does not tell it, until it has a note of its own.
fn what_it_does(step: &Step) -> Option<&'static str> {
    if step.name != "policy" {
        return None;
    }
    match step.state {
        StepState::Running => Some("is being asked what it would serve"),
        StepState::Done | StepState::Failed | StepState::Undone => {
            Some("was asked what it would serve")
        }
        StepState::Pending | StepState::Skipped => None,
    }
}

fn bead(run: &Run, step: &Step) -> AnyView {
    let state = format!(": {}", word(run, step.state));
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

/// Where the run is, or how it ended. A step's name stands in an element of its own, so that no control
/// character in it turns the words after it around.
fn caption(run: &Run) -> AnyView {
    let total = run.steps.len();
    let find = |state| run.steps.iter().position(|step| step.state == state);
    let name = |at: usize| view! { <bdi>{run.steps[at].name.clone()}</bdi> };
    let took = run.took.map(words::span);
    match run.outcome {
        RunOutcome::Running => match find(StepState::Running) {
            Some(at) => {
                view! { "Now: "{name(at)}{format!(", step {} of {total}", at + 1)} }.into_any()
            }
            None => "About to go on".into_any(),
        },
        RunOutcome::Succeeded => match took {
            Some(took) => format!("Done in {took}").into_any(),
            None => "Done".into_any(),
        },
        RunOutcome::Failed | RunOutcome::Undone => {
            let at = find(StepState::Failed).map(|at| view! { " at "{name(at)} });
            let after = took.map(|took| format!(" after {took}"));
            let back = (run.outcome == RunOutcome::Undone).then_some(", and put back");
            view! { "Failed"{at}{after}{back} }.into_any()
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

fn word(run: &Run, state: StepState) -> &'static str {
    match state {
        StepState::Pending if run.outcome == RunOutcome::Running => "to come",
        // What a run that has ended did not begin will not come.
        StepState::Pending => "not reached",
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
