//! Runs as plain data: what a deploy, a rollback, a restore or an undo set out to do, and how far each of its steps
//! has come.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::{AppName, Colour, ReleaseId};
use crate::snapshot::SnapshotId;

/// The number of a run, unique on this machine.
pub type RunId = i64;

/// What a run is for. All four are one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A release goes live.
    Deploy,
    /// The release from before goes live again.
    Rollback,
    /// A snapshot's content goes into the live database.
    Restore,
    /// The content from before a restore goes back.
    Undo,
}

impl Kind {
    /// Its steps, in order; no step occurs twice.
    #[must_use]
    pub fn steps(self) -> &'static [Step] {
        match self {
            Kind::Deploy => &[
                Step::Receive,
                Step::Prepare,
                Step::Snapshot,
                Step::Start,
                Step::Probe,
                Step::Policy,
                Step::Swap,
                Step::Verify,
                Step::Drain,
            ],
            // The release was checked as it was deployed; a way back has no further gate.
            Kind::Rollback => &[
                Step::Start,
                Step::Probe,
                Step::Swap,
                Step::Verify,
                Step::Drain,
            ],
            Kind::Restore | Kind::Undo => &[
                Step::Verify,
                Step::Snapshot,
                Step::Hold,
                Step::Stop,
                Step::Copy,
                Step::Start,
                Step::Probe,
                Step::Swap,
                Step::Release,
            ],
        }
    }

    /// As it stands in sentences: "the deploy of v2".
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Kind::Deploy => "deploy",
            Kind::Rollback => "rollback",
            Kind::Restore => "restore",
            Kind::Undo => "undo",
        }
    }
}

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The release stands whole in its directory.
    Receive,
    /// What the release needs besides its own files is made on this machine.
    Prepare,
    /// A snapshot of the content from before.
    Snapshot,
    /// New requests wait, and those in flight end.
    Hold,
    /// The live colour is stopped, so that nobody writes from an old memory.
    Stop,
    /// The snapshot's content goes into the database, in one transaction.
    Copy,
    /// The target colour is started.
    Start,
    /// The target colour says that it is healthy, and of the right release.
    Probe,
    /// The target colour serves nothing that a browser would keep too long.
    Policy,
    /// New requests go to the target colour.
    Swap,
    /// A deploy: the router answers from the new release. A restore: the snapshot is whole and fits.
    Verify,
    /// The old colour's requests in flight end.
    Drain,
    /// Held requests go on.
    Release,
}

impl Step {
    /// As it stands in the API and on the pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Receive => "receive",
            Step::Prepare => "prepare",
            Step::Snapshot => "snapshot",
            Step::Hold => "hold",
            Step::Stop => "stop",
            Step::Copy => "copy",
            Step::Start => "start",
            Step::Probe => "probe",
            Step::Policy => "policy",
            Step::Swap => "swap",
            Step::Verify => "verify",
            Step::Drain => "drain",
            Step::Release => "release",
        }
    }
}

/// What a run set out to do: written once, as it begins, so that a later start can resume it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RunFacts {
    /// The colour that was live as it began.
    pub from: Colour,
    /// The colour that is to be live when it ends.
    pub to: Colour,
    /// The release that is to be live when it ends.
    pub release: ReleaseId,
    /// The release that was live as it began.
    pub previous: Option<ReleaseId>,
    /// The snapshot whose content a restore puts into the database.
    #[schemars(with = "Option<String>")]
    pub snapshot: Option<SnapshotId>,
    /// The snapshot that it took of the content from before.
    #[schemars(with = "Option<String>")]
    pub before: Option<SnapshotId>,
    /// Who asked for it, in words.
    pub asked_by: String,
    /// Whether it failed and not all of it could be undone.
    #[serde(default)]
    pub troubled: bool,
}

impl RunFacts {
    /// What the run is about, as sentences name it: its snapshot, or else its release.
    #[must_use]
    pub fn subject(&self) -> String {
        self.snapshot
            .map_or_else(|| self.release.to_string(), |snapshot| snapshot.to_string())
    }
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It is under way.
    Running,
    /// It did what it set out to do.
    Done,
    /// It did not, and what it had begun was unwound.
    Failed,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Begun; after a crash: in doubt.
    Running,
    /// Done.
    Done,
    /// It failed.
    Failed,
    /// It was not needed.
    Skipped,
    /// It had been done, and was taken back.
    Undone,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepRow {
    /// Which.
    pub step: Step,
    /// How it stands.
    pub state: StepState,
    /// When it began.
    #[schemars(with = "Option<String>")]
    pub began: Option<Timestamp>,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// What there is to say of it, in words.
    pub detail: Option<String>,
}

/// A run with its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// Whose.
    pub app: AppName,
    /// Deploy, rollback, restore or undo.
    pub kind: Kind,
    /// What it set out to do.
    pub facts: RunFacts,
    /// How it stands.
    pub state: RunState,
    /// When it began.
    #[schemars(with = "String")]
    pub began: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// Why it failed, in words.
    pub reason: Option<String>,
    /// The last lines that the release printed, when that matters.
    pub output: Option<String>,
    /// Its steps in order.
    pub steps: Vec<StepRow>,
}
