//! A run as the pages show it.

use std::time::Duration;

use jiff::Timestamp;
use tealkeep_app::model as view;

use crate::deploy::App;
use crate::house::left_behind;
use crate::journal::runs::{Kind, Run, RunState, Step, StepRow, StepState};
use crate::names::ReleaseId;

/// How many runs the deploys page shows.
pub(super) const MAX_RUNS: u32 = 20;

/// `GET /apps/{app}/runs/{id}`
#[must_use]
pub fn run_view(run: &Run) -> view::Run {
    view::Run {
        id: run.id.to_string(),
        app: run.app.to_string(),
        kind: match run.kind {
            Kind::Deploy => view::RunKind::Deploy,
            Kind::Rollback => view::RunKind::Rollback,
            Kind::Restore => view::RunKind::Restore,
            Kind::Undo => view::RunKind::Undo,
        },
        subject: run.facts.subject(),
        outcome: outcome(run),
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

fn step(row: &StepRow) -> view::Step {
    view::Step {
        name: row.step.as_str().to_owned(),
        state: match row.state {
            StepState::Pending => view::StepState::Pending,
            StepState::Running => view::StepState::Running,
            StepState::Done => view::StepState::Done,
            StepState::Failed => view::StepState::Failed,
            StepState::Skipped => view::StepState::Skipped,
            StepState::Undone => view::StepState::Undone,
        },
        took: took(row.began, row.ended),
        note: row.detail.clone(),
    }
}

fn outcome(run: &Run) -> view::RunOutcome {
    let swapped_back = run
        .steps
        .iter()
        .any(|row| row.state == StepState::Undone && row.step == Step::Swap);
    match run.state {
        RunState::Running => view::RunOutcome::Running,
        RunState::Done => view::RunOutcome::Succeeded,
        RunState::Failed if swapped_back => view::RunOutcome::Undone,
        RunState::Failed => view::RunOutcome::Failed,
    }
}

fn sentence(run: &Run) -> String {
    let (noun, about) = (run.kind.noun(), run.facts.subject());
    match (run.state, run.kind) {
        (RunState::Running, _) => format!("The {noun} of {about} is under way."),
        (RunState::Done, Kind::Deploy) => format!("{about} went live on {}.", run.facts.to),
        (RunState::Done, Kind::Rollback) => {
            format!("{about} went live again, on {}.", run.facts.to)
        }
        (RunState::Done, Kind::Restore) => format!("The content of {about} was put back."),
        (RunState::Done, Kind::Undo) => {
            format!("The restore was undone with the content of {about}.")
        }
        (RunState::Failed, _) => format!("The {noun} of {about} failed; {}.", left_behind(run)),
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
        .map(|run| format!("the {} of {} is under way", run.kind.noun(), run.subject))
}
