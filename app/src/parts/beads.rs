//! A run's steps: as a line of beads that shows at a glance how far it got, and as a list that says what each step did.

use leptos::prelude::*;
use tealkeep_words::run::{RunState, Step, StepState};

use super::nothing;
use crate::model::{Run, RunStep};
use crate::wording;

/// The line of beads, and one short sentence beneath it.
pub(crate) fn beads(run: &Run) -> AnyView {
    let items: Vec<_> = run.steps.iter().map(|row| bead(run, row)).collect();
    view! {
        <div class="line">
            <ol class="beads" aria-label="Steps">{items}</ol>
            <p class="caption">{caption(run)}</p>
        </div>
    }
    .into_any()
}

/// Every step with its state, its duration and its result.
pub(crate) fn steps(run: &Run) -> AnyView {
    if run.steps.is_empty() {
        return nothing("No step was started.");
    }
    let items: Vec<_> = run.steps.iter().map(|row| item(run, row)).collect();
    view! { <ol class="steps">{items}</ol> }.into_any()
}

fn item(run: &Run, row: &RunStep) -> AnyView {
    let took = row
        .took
        .map(|took| view! { <span class="took">{wording::span(took)}</span> });
    let note = row
        .note
        .clone()
        .or_else(|| explanation(row).map(str::to_owned))
        .map(|note| view! { <p class="note"><bdi>{note}</bdi></p> });
    view! {
        <li class=class(row.state)>
            <i aria-hidden="true">{glyph(row.state)}</i>
            <div>
                <p class="step">
                    <b>{wording::step(row.step)}</b>
                    <span class="state">{wording::step_state(run, row.state)}</span>
                    {took}
                </p>
                {note}
            </div>
        </li>
    }
    .into_any()
}

/// What a step does whose name does not say enough, until it has a note of its own.
fn explanation(row: &RunStep) -> Option<&'static str> {
    if row.step != Step::Policy {
        return None;
    }
    match row.state {
        StepState::Running => Some("Checking what the release sends to browsers"),
        StepState::Done | StepState::Failed | StepState::Undone => {
            Some("Checked what the release sends to browsers")
        }
        StepState::Pending | StepState::Skipped => None,
    }
}

fn bead(run: &Run, row: &RunStep) -> AnyView {
    let state = format!(": {}", wording::step_state(run, row.state));
    let took = row
        .took
        .map(|took| view! { <small>{wording::span(took)}</small> });
    view! {
        <li class=class(row.state)>
            <i aria-hidden="true">{glyph(row.state)}</i>
            <span class="label">{wording::step(row.step)}<span class="unseen">{state}</span></span>
            {took}
        </li>
    }
    .into_any()
}

/// Where the run is, or how it ended.
fn caption(run: &Run) -> String {
    let total = run.steps.len();
    let find = |state| run.steps.iter().position(|row| row.state == state);
    let took = run.took.map(wording::span);
    match run.state {
        RunState::Running => match find(StepState::Running) {
            Some(at) => {
                let name = wording::step(run.steps[at].step);
                format!("Now: {name}, step {} of {total}", at + 1)
            }
            None => "Waiting for the next step".to_owned(),
        },
        RunState::Done => match took {
            Some(took) => format!("Done in {took}"),
            None => "Done".to_owned(),
        },
        RunState::Failed => {
            let failed = run.first_in(StepState::Failed);
            let at = failed.map(|row| format!(" at {}", wording::step(row.step)));
            let after = took.map(|took| format!(" after {took}"));
            let undone = run.was_swapped_back().then_some(", and was undone");
            [
                "Failed",
                at.as_deref().unwrap_or_default(),
                after.as_deref().unwrap_or_default(),
                undone.unwrap_or_default(),
            ]
            .concat()
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
