//! Releases, and the runs that brought them live, put them back, or put data back.

use std::time::Duration;

use jiff::Timestamp;

use super::Colour;

/// `GET /apps/{app}/deploys`
#[derive(Debug, Clone, PartialEq)]
pub struct Deploys {
    /// The app's name.
    pub app: String,
    /// What is live; `None` before the first deploy.
    pub live: Option<LiveRelease>,
    /// What a rollback would bring back.
    pub previous: Option<PreviousRelease>,
    /// Why no rollback is possible now, as a sentence; `None` when one is.
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
    /// Until when its process stays warm; `None` when it is stopped and would be started first.
    pub warm_until: Option<Timestamp>,
}

/// A release on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its id.
    pub id: String,
    /// When it was received; `None` for one whose folder tells nothing.
    pub received: Option<Timestamp>,
    /// Its size on the disk.
    pub bytes: Option<u64>,
    /// What part it plays.
    pub role: ReleaseRole,
    /// What happened to it last, as a sentence: "Was refused 3 minutes ago: /healthz said 503."
    pub note: Option<String>,
    /// Why it can't be deployed now, as a sentence; `None` when it can.
    pub cannot_deploy: Option<String>,
}

/// What part a release plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseRole {
    /// It is live.
    Live,
    /// A rollback would bring it back.
    Previous,
    /// It is there.
    Waiting,
}

/// One deploy, rollback, restore, undo or backup, with its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id, as it stands in `/apps/{app}/runs/{id}`.
    pub id: String,
    /// The app's name.
    pub app: String,
    /// What it does.
    pub kind: RunKind,
    /// What it does it with: a release's id or a snapshot's.
    pub subject: String,
    /// How it ended, or that it has not.
    pub outcome: RunOutcome,
    /// When it began.
    pub started: Timestamp,
    /// How long it took; `None` while it runs.
    pub took: Option<Duration>,
    /// All its steps in order, also those to come.
    pub steps: Vec<Step>,
    /// What happened, or happens, in one sentence; empty if there is nothing to add.
    pub sentence: String,
    /// Why it failed and what to do next, in sentences.
    pub failure: Option<String>,
    /// The last lines that the release printed, oldest first, when it failed.
    pub last_lines: Vec<String>,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunKind {
    /// Brings a release live.
    Deploy,
    /// Swaps back.
    Rollback,
    /// Puts a snapshot's content into the live database.
    Restore,
    /// Puts the content from before a restore back.
    Undo,
    /// Takes a snapshot.
    Backup,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// It has not ended.
    Running,
    /// It did what it was for.
    Succeeded,
    /// It failed before anything that users see had changed.
    Failed,
    /// It failed later, and what it had changed was changed back.
    Undone,
}

/// One journalled step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name: `snapshot`, `probe`, `swap` …
    pub name: String,
    /// How far it is.
    pub state: StepState,
    /// How long it took, or has taken until now.
    pub took: Option<Duration>,
    /// What it found, as a short phrase: "answered 200 after 4 tries".
    pub note: Option<String>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// To come.
    Pending,
    /// Under way.
    Running,
    /// Done.
    Done,
    /// It failed.
    Failed,
    /// There was no need for it.
    Skipped,
    /// It was done, and has been put back.
    Undone,
}

/// `GET /apps/{app}/deploys/{release}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmDeploy {
    /// The app's name.
    pub app: String,
    /// What would be deployed. Its `cannot_deploy` takes the button away.
    pub release: Release,
    /// What is live now.
    pub live: Option<LiveRelease>,
    /// The slot that it would be started in.
    pub to: Colour,
}

/// `GET /apps/{app}/rollback`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmRollback {
    /// The app's name.
    pub app: String,
    /// What is live now.
    pub live: Option<LiveRelease>,
    /// What would be brought back.
    pub previous: Option<PreviousRelease>,
    /// Why no rollback is possible now, as a sentence; `None` when one is.
    pub cannot_roll_back: Option<String>,
}

/// `GET /apps/{app}/runs/{id}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPage {
    /// The run.
    pub run: Run,
}
