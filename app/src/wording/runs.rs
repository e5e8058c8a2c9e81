//! How runs and their steps are worded.

use tealkeep_words::run::{Kind, RunState, Step, StepState};

use crate::model::Run;

/// What a run does to its subject: "Deploy of v2", "Restore of Sat 21 Nov, 03:30".
pub(crate) fn kind(kind: Kind, subject: &str) -> String {
    match kind {
        Kind::Deploy => format!("Deploy of {subject}"),
        Kind::Rollback => format!("Rollback to {subject}"),
        Kind::Restore => format!("Restore of {subject}"),
        Kind::Undo => "Undo of the restore".to_owned(),
    }
}

/// The state of a run, as it follows the run's title.
pub(crate) fn run_state(run: &Run) -> &'static str {
    match run.state {
        RunState::Running => "in progress",
        RunState::Done => "done",
        RunState::Failed if run.was_swapped_back() => "failed and undone",
        RunState::Failed => "failed",
    }
}

/// A step's name on the pages. The API and the terminal use the technical one.
pub(crate) fn step(step: Step) -> &'static str {
    match step {
        Step::Probe => "health check",
        Step::Policy => "page check",
        Step::Drain => "finish requests",
        Step::Hold => "hold requests",
        Step::Release => "release requests",
        Step::Receive
        | Step::Prepare
        | Step::Snapshot
        | Step::Stop
        | Step::Copy
        | Step::Start
        | Step::Swap
        | Step::Verify => step.as_str(),
    }
}

/// The state of a step.
pub(crate) fn step_state(run: &Run, state: StepState) -> &'static str {
    match state {
        StepState::Pending if run.is_running() => "waiting",
        // A run that has ended will not start it any more.
        StepState::Pending => "not reached",
        StepState::Running => "in progress",
        StepState::Done => "done",
        StepState::Failed => "failed",
        StepState::Skipped => "not needed",
        StepState::Undone => "undone",
    }
}
