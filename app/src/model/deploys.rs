//! Releases, and the runs that deployed them, rolled back, or restored data.

use std::time::Duration;

use jiff::Timestamp;
use tealkeep_words::names::Colour;
use tealkeep_words::run::{Kind, RunState, Step, StepState};

/// `GET /apps/{app}/deploys`
#[derive(Debug, Clone, PartialEq)]
pub struct Deploys {
    /// The app's name.
    pub app: String,
    /// The live release; `None` before the first deploy.
    pub live: Option<LiveRelease>,
    /// The release that a rollback would go back to.
    pub previous: Option<PreviousRelease>,
    /// Why no rollback is possible now, as a sentence; `None` if one is.
    pub cannot_roll_back: Option<String>,
    /// The releases on the machine, newest first.
    pub releases: Vec<Release>,
    /// The runs, newest first.
    pub runs: Vec<Run>,
}

/// The release that new requests go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRelease {
    /// Its slot.
    pub colour: Colour,
    /// Its id.
    pub release: String,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// The release that was live before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousRelease {
    /// Its slot.
    pub colour: Colour,
    /// Its id.
    pub release: String,
    /// How long its process stays warm; `None` if it is stopped and would be started first.
    pub warm_until: Option<Timestamp>,
}

/// A release on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its id.
    pub id: String,
    /// When it was received; `None` if unknown.
    pub received: Option<Timestamp>,
    /// Its size on the disk.
    pub bytes: Option<u64>,
    /// Its role.
    pub role: ReleaseRole,
    /// What happened to it last, as a sentence: "Refused 3 minutes ago: /healthz answered 503."
    pub note: Option<String>,
    /// Why it can't be deployed now, as a sentence; `None` if it can.
    pub cannot_deploy: Option<String>,
}

/// The role of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseRole {
    /// It is live.
    Live,
    /// A rollback would go back to it.
    Previous,
    /// Neither.
    Waiting,
}

/// One deploy, rollback, restore or undo, with its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id, as in `/apps/{app}/runs/{id}`.
    pub id: String,
    /// The app's name.
    pub app: String,
    /// What it does.
    pub kind: Kind,
    /// A release's id or a snapshot's.
    pub subject: String,
    /// Whether it is running, succeeded or failed.
    pub state: RunState,
    /// When it began.
    pub started: Timestamp,
    /// How long it took; `None` while it runs.
    pub took: Option<Duration>,
    /// All its steps in order, including those to come.
    pub steps: Vec<RunStep>,
    /// What happened, or is happening, in one sentence; empty if there is nothing to add.
    pub sentence: String,
    /// Why it failed and what to do next, in sentences.
    pub failure: Option<String>,
    /// The last lines that the release printed, oldest first, if it failed.
    pub last_lines: Vec<String>,
}

impl Run {
    /// Whether it is still in progress.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state == RunState::Running
    }

    /// Whether it failed after its swap, and the swap was undone.
    #[must_use]
    pub fn was_swapped_back(&self) -> bool {
        let is_undone = |row: &RunStep| row.step == Step::Swap && row.state == StepState::Undone;
        self.state == RunState::Failed && self.steps.iter().any(is_undone)
    }

    /// The first step in a state.
    #[must_use]
    pub fn first_in(&self, state: StepState) -> Option<&RunStep> {
        self.steps.iter().find(|row| row.state == state)
    }
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStep {
    /// Which step.
    pub step: Step,
    /// Its state.
    pub state: StepState,
    /// How long it took, or has taken so far.
    pub took: Option<Duration>,
    /// Its result as a short phrase: "answered 200 after 4 attempts".
    pub note: Option<String>,
}

/// `GET /apps/{app}/deploys/{release}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmDeploy {
    /// The app's name.
    pub app: String,
    /// What would be deployed. There is no button if its `cannot_deploy` is set.
    pub release: Release,
    /// The live release.
    pub live: Option<LiveRelease>,
    /// The slot that it would be started in.
    pub to: Colour,
}

/// `GET /apps/{app}/rollback`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmRollback {
    /// The app's name.
    pub app: String,
    /// The live release.
    pub live: Option<LiveRelease>,
    /// The release to go back to.
    pub previous: Option<PreviousRelease>,
    /// Why no rollback is possible now, as a sentence; `None` if one is.
    pub cannot_roll_back: Option<String>,
}

/// `GET /apps/{app}/runs/{id}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPage {
    /// The run.
    pub run: Run,
}
