//! A run as the pages show it.

use std::time::Duration;

use jiff::Timestamp;
use tealkeep_app::model as view;

use crate::deploy::App;
use crate::house::left_behind;
use crate::journal::runs::{Kind, Run, RunState, StepRow};
use crate::names::ReleaseId;

/// How many runs the deploys page shows.
pub(super) const MAX_RUNS: u32 = 20;

/// `GET /apps/{app}/runs/{id}`
#[must_use]
pub fn run_view(run: &Run) -> view::Run {
    view::Run {
        id: run.id.to_string(),
        app: run.app.to_string(),
        kind: run.kind,
        subject: run.facts.subject(),
        state: run.state,
        started: run.began,
        took: took(Some(run.began), run.ended),
        steps: run.steps.iter().map(step).collect(),
        sentence: sentence(run),
        failure: run.reason.clone(),
        last_lines: run
            .output
            .iter()
            .flat_map(|output| output.lines())
            .map(str::to_owned)
            .collect(),
    }
}

fn took(began: Option<Timestamp>, ended: Option<Timestamp>) -> Option<Duration> {
    Duration::try_from(ended?.duration_since(began?)).ok()
}

fn step(row: &StepRow) -> view::RunStep {
    view::RunStep {
        step: row.step,
        state: row.state,
        took: took(row.began, row.ended),
        note: row.detail.clone(),
    }
}

fn sentence(run: &Run) -> String {
    let (noun, about) = (run.kind.noun(), run.facts.subject());
    // The title of a restore names the backup by its local time.
    let what = match run.kind {
        Kind::Deploy | Kind::Rollback => format!("{noun} of {about}"),
        Kind::Restore | Kind::Undo => noun.to_owned(),
    };
    match (run.state, run.kind) {
        (RunState::Running, _) => format!("The {what} is in progress."),
        (RunState::Done, Kind::Deploy) => format!("{about} went live on {}.", run.facts.to),
        (RunState::Done, Kind::Rollback) => {
            format!("{about} went live again, on {}.", run.facts.to)
        }
        (RunState::Done, Kind::Restore) => "The data was restored.".to_owned(),
        (RunState::Done, Kind::Undo) => "The restore was undone.".to_owned(),
        (RunState::Failed, _) => format!("The {what} failed; {}.", left_behind(run)),
    }
}

/// Since when a release is live, by the runs, newest first.
pub(super) fn live_since(runs: &[Run], release: Option<&ReleaseId>) -> Option<Timestamp> {
    runs.iter()
        .find(|run| {
            run.state == RunState::Done
                && matches!(run.kind, Kind::Deploy | Kind::Rollback)
                && Some(&run.facts.release) == release
        })
        .and_then(|run| run.ended)
}

/// Why nothing can begin now, if a run is under way.
pub(super) fn busy(app: &App) -> Option<String> {
    app.underway()
        .map(|run| format!("The {} of {} is in progress.", run.kind.noun(), run.subject))
}
