//! The kinds of runs and their steps, as they are named everywhere.

use serde::{Deserialize, Serialize};

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
