//! A run in short, as the pages list it.

use leptos::prelude::*;
use tealkeep_words::run::RunState;
use tealkeep_words::snapshot::SnapshotId;

use super::{ago, beads};
use crate::model::{Frame, Run};
use crate::wording::{self, segment};

/// A run as a card: what it is, its beads, and why it failed.
pub(crate) fn run_card(frame: &Frame, run: &Run) -> AnyView {
    let failure = run
        .failure
        .clone()
        .map(|why| view! { <p class="why"><bdi>{why}</bdi></p> });
    let sentence = (run.failure.is_none() && !run.sentence.is_empty())
        .then(|| view! { <p class="soft"><bdi>{run.sentence.clone()}</bdi></p> });
    view! {
        <article class=format!("run {}", outcome_class(run)) id=format!("run-{}", run.id)>
            <h3>
                <a href=run_path(run)><bdi>{run_title(frame, run)}</bdi></a>
                <span class="soft">{ago(frame, run.started)}</span>
            </h3>
            {beads(run)}
            {failure}
            {sentence}
        </article>
    }
    .into_any()
}

/// The run that is in progress, with its beads.
pub(crate) fn running(frame: &Frame, run: &Run) -> AnyView {
    view! {
        <section class="now">
            <h3><a href=run_path(run)><bdi>{run_title(frame, run)}</bdi></a></h3>
            {beads(run)}
        </section>
    }
    .into_any()
}

/// `/apps/{app}/runs/{id}`
pub(crate) fn run_path(run: &Run) -> String {
    format!("/apps/{}/runs/{}", segment(&run.app), segment(&run.id))
}

/// "Deploy of v2", "Restore of Sat 21 Nov, 03:30". A snapshot is named by the local time at which it was taken.
pub(crate) fn run_title(frame: &Frame, run: &Run) -> String {
    let snapshot = run.subject.parse::<SnapshotId>().ok();
    let taken = snapshot.map(|id| wording::date_time(frame.now, &frame.zone, id.taken_at()));
    wording::kind(run.kind, taken.as_ref().unwrap_or(&run.subject))
}

/// The class that gives a run its colour.
pub(crate) fn outcome_class(run: &Run) -> &'static str {
    match run.state {
        RunState::Running => "running",
        RunState::Done => "succeeded",
        RunState::Failed if run.was_swapped_back() => "undone",
        RunState::Failed => "failed",
    }
}
