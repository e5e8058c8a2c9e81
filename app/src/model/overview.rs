//! The first page: whether all is well, and what to press if not.

use jiff::Timestamp;
use tealkeep_words::condition::{Action, Condition};
use tealkeep_words::names::Colour;

use super::{CheckBrief, Drill, Laptop, Run, SnapshotBrief};

/// `GET /`: one sentence for everything, then a card for each app.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The sentence.
    pub verdict: Verdict,
    /// All conditions: those that need a person first, the gravest of them first.
    pub conditions: Vec<Condition>,
    /// The apps, in the order of the configuration.
    pub apps: Vec<AppCard>,
    /// When all of this was true.
    pub as_of: Timestamp,
}

/// Whether all is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The colour of the sentence.
    pub kind: VerdictKind,
    /// The sentence itself, for all apps together.
    pub sentence: String,
    /// What to press, if anything.
    pub action: Option<Action>,
}

/// How well everything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictKind {
    /// All is well.
    Good,
    /// Something is in progress and going as expected.
    Busy,
    /// Nothing is broken yet, but somebody should look.
    Attention,
    /// Something is broken.
    Bad,
}

/// What the first page shows of one app.
#[derive(Debug, Clone, PartialEq)]
pub struct AppCard {
    /// The app's name.
    pub name: String,
    /// The URL at which the household reaches it, if known.
    pub url: Option<String>,
    /// The colour that new requests go to; `None` before the first deploy.
    pub live: Option<Colour>,
    /// The live release.
    pub release: Option<String>,
    /// Since when that release has been live.
    pub live_since: Option<Timestamp>,
    /// Both colours, blue first.
    pub colours: Vec<ColourView>,
    /// The newest verified snapshot.
    pub last_snapshot: Option<SnapshotBrief>,
    /// The copy on the laptop.
    pub laptop: Laptop,
    /// The newest restore drill.
    pub last_drill: Option<Drill>,
    /// When the next nightly snapshot is due.
    pub next_nightly: Option<Timestamp>,
    /// The run that is in progress.
    pub running: Option<Run>,
    /// What the router counted.
    pub traffic: Option<Traffic>,
    /// The newest check of the live site, or else of a release before its swap.
    pub last_check: Option<CheckBrief>,
    /// Why "Back up now" can't be pressed, as a sentence; `None` if it can.
    pub cannot_back_up: Option<String>,
}

/// One slot and its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColourView {
    /// Which slot.
    pub colour: Colour,
    /// The state of its process.
    pub state: ColourState,
    /// Whether new requests go to it.
    pub live: bool,
    /// The release that it was started from.
    pub release: Option<String>,
    /// When its process started.
    pub since: Option<Timestamp>,
    /// How often it was restarted since Tealkeep started it.
    pub restarts: u32,
    /// Its process.
    pub pid: Option<u32>,
    /// Resident memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Requests that it is answering now.
    pub in_flight: Option<u64>,
}

/// The state of a colour's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourState {
    /// It answers.
    Running,
    /// It was started and does not answer yet.
    Starting,
    /// It crashed and is being restarted.
    Restarting,
    /// It was asked to end.
    Stopping,
    /// No process.
    Stopped,
    /// It crashed and is not being restarted.
    Failed,
}

/// What the router counted since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Requests in progress, of both colours.
    pub in_flight: u64,
    /// Requests answered; `None` if the router does not count them.
    pub answered: Option<u64>,
    /// Requests that failed.
    pub failed: Option<u64>,
}
