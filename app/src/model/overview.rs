//! The first page: is everything all right, and if not, what to press?

use jiff::Timestamp;

use super::{CheckBrief, Colour, Drill, Laptop, Run};

/// `GET /`: one sentence for everything, then a card for each app.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The sentence.
    pub verdict: Verdict,
    /// Everything that is wrong or worth a hint: what needs a person first, the gravest of it first.
    pub conditions: Vec<Condition>,
    /// The apps, in the order of the configuration.
    pub apps: Vec<AppCard>,
    /// When all of this was true.
    pub as_of: Timestamp,
}

/// Something that is wrong now, or worth a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What tells it from all others.
    pub id: String,
    /// How grave it is.
    pub severity: ConditionSeverity,
    /// What is wrong, in one sentence.
    pub sentence: String,
    /// What happened and what to do, in sentences.
    pub detail: String,
    /// Since when it has been known.
    pub since: Option<Timestamp>,
    /// What to press.
    pub action: Action,
    /// The words on the button by which a person says that they can live with it; `None` where they can't.
    pub acknowledge: Option<String>,
    /// When somebody said so, and who.
    pub acknowledged: Option<(Timestamp, String)>,
}

/// How grave a condition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConditionSeverity {
    /// Good to know.
    Hint,
    /// Somebody should look.
    Warning,
    /// Something is broken.
    Failure,
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

/// How well all is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerdictKind {
    /// All is well.
    Good,
    /// Something is under way, and going as it should.
    Busy,
    /// Nothing is broken yet, but somebody should look.
    Attention,
    /// Something is broken.
    Bad,
}

/// Something to press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The words on the button.
    pub label: String,
    /// A link to a page, or a form that acts.
    pub method: Method,
    /// The path.
    pub href: String,
}

/// How an [`Action`] is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A link.
    Get,
    /// A form.
    Post,
}

/// All that the first page shows of one app.
#[derive(Debug, Clone, PartialEq)]
pub struct AppCard {
    /// The app's name.
    pub name: String,
    /// Where people at home reach it, if that is known: a whole URL.
    pub url: Option<String>,
    /// The colour that new requests go to; `None` before the first deploy.
    pub live: Option<Colour>,
    /// The release that is live.
    pub release: Option<String>,
    /// Since when that release has been live.
    pub live_since: Option<Timestamp>,
    /// Both colours, blue first.
    pub colours: Vec<ColourView>,
    /// The newest snapshot that has been read back.
    pub last_snapshot: Option<SnapshotBrief>,
    /// How the copy on the laptop stands.
    pub laptop: Laptop,
    /// The newest restore drill.
    pub last_drill: Option<Drill>,
    /// What the scheduler will do next.
    pub next_run: Option<NextRun>,
    /// The run that is under way.
    pub running: Option<Run>,
    /// What the gate counted.
    pub traffic: Option<Traffic>,
    /// The newest check of what users see, or of a release before its swap where that was never asked.
    pub last_check: Option<CheckBrief>,
    /// Why "Back up now" can't be pressed at the moment, as a sentence; `None` when it can.
    pub cannot_back_up: Option<String>,
}

/// One slot and what runs in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColourView {
    /// Which slot.
    pub colour: Colour,
    /// What its process does.
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

/// What a colour's process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourState {
    /// It answers.
    Running,
    /// It was started and does not answer yet.
    Starting,
    /// It crashed and is being started again.
    Restarting,
    /// It was asked to end.
    Stopping,
    /// No process.
    Stopped,
    /// It crashed and is not being started again.
    Failed,
}

/// A snapshot in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotBrief {
    /// Its id: the file name's stem.
    pub id: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// The size of the compressed file.
    pub bytes: u64,
}

/// What the scheduler will do next, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextRun {
    /// When.
    pub at: Timestamp,
    /// What, as it stands in a sentence: "nightly snapshot".
    pub what: String,
}

/// What the router counted since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Requests under way now, both colours together.
    pub in_flight: u64,
    /// Requests answered; `None` where the router does not count them.
    pub answered: Option<u64>,
    /// Requests that nobody could answer.
    pub failed: Option<u64>,
    /// Since when this was counted.
    pub since: Timestamp,
}
