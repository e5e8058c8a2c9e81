//! Snapshots, the tiers that hold them, and what a restore would do.

use std::time::Duration;

use jiff::{Timestamp, civil::Date};

use super::{NextRun, Run, SnapshotBrief};

/// `GET /apps/{app}/backups`
#[derive(Debug, Clone, PartialEq)]
pub struct Backups {
    /// The app's name.
    pub app: String,
    /// The newest snapshot that has been read back.
    pub latest: Option<SnapshotBrief>,
    /// How the copy on the laptop stands.
    pub laptop: Laptop,
    /// How the restore drills stand.
    pub drills: Drills,
    /// The room on the disk; `None` where the system did not say.
    pub room: Option<Room>,
    /// How much of the newest snapshot was copied from the one before; `None` where that is not known.
    pub reuse: Option<Reuse>,
    /// The newest nights that gave no snapshot, newest first.
    pub failed_nights: Vec<FailedNight>,
    /// What the scheduler will do next.
    pub next_run: Option<NextRun>,
    /// The nights that a tier holds, in any order. The page shows the last sixty days or so.
    pub nights: Vec<HeldNight>,
    /// All snapshots, newest first.
    pub snapshots: Vec<Snapshot>,
    /// The last restore, if it can be undone.
    pub undo: Option<UndoOffer>,
    /// The run that is under way.
    pub running: Option<Run>,
    /// Why "Back up now" can't be pressed at the moment, as a sentence; `None` when it can.
    pub cannot_back_up: Option<String>,
    /// What in the folder does not fit together, each as a sentence without its full stop.
    pub problems: Vec<String>,
    /// What lies beside the database and is in no snapshot, in words that end no sentence; `None` where nothing does.
    pub beside: Option<String>,
}

/// How the copy of the snapshots on the laptop stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Laptop {
    /// The newest pull; `None` when none was ever seen.
    pub last: Option<Pull>,
    /// How old it may become; `None` where no laptop is expected.
    pub within: Option<Duration>,
    /// Whether it is older than that, or never came.
    pub overdue: bool,
}

/// One pull, as the laptop told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// When it ended.
    pub at: Timestamp,
    /// What the laptop calls itself.
    pub laptop: String,
    /// When the newest snapshot that it has was taken, if it said so.
    pub newest: Option<Timestamp>,
    /// How many snapshots it found whole, if it looked.
    pub whole: Option<u32>,
    /// How many it found damaged or missing, if it looked.
    pub damaged: Option<u32>,
}

/// How the restore drills of an app stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drills {
    /// The newest one.
    pub last: Option<Drill>,
    /// When the next one comes by itself; `None` where none does.
    pub next: Option<Timestamp>,
    /// Whether one is under way.
    pub under_way: bool,
    /// Why none can be begun at the moment, as a sentence; `None` when one can.
    pub cannot_begin: Option<String>,
}

/// One restore drill: the newest snapshot, unpacked elsewhere, opened, checked and counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// When it ended.
    pub at: Timestamp,
    /// When the snapshot was taken that was unpacked; `None` where there was none.
    pub snapshot: Option<Timestamp>,
    /// How long it took.
    pub took: Duration,
    /// Why a restore would fail, in words that end no sentence; `None` where it would work.
    pub failed: Option<String>,
    /// What a person should look at, each in words that end no sentence.
    pub warnings: Vec<String>,
}

/// The room on the disk that the snapshots lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that the next snapshot will need, about; `None` where nothing is known to reckon from.
    pub next: Option<u64>,
}

impl Room {
    /// Whether the next snapshot won't fit.
    #[must_use]
    pub fn is_too_little(&self) -> bool {
        self.next.is_some_and(|next| next > self.free)
    }
}

/// How a snapshot came to its chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reuse {
    /// Chunks in all.
    pub total: u64,
    /// Those that were copied from the snapshot before.
    pub reused: u64,
}

/// A night that gave no snapshot when it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedNight {
    /// Its local date.
    pub date: Date,
    /// Why, in words that end no sentence.
    pub why: String,
    /// Whether a later try of the same night gave one.
    pub made_good: bool,
}

/// A local date of which a snapshot is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldNight {
    /// The local date.
    pub date: Date,
    /// The tiers that hold it.
    pub tiers: Vec<Tier>,
    /// The snapshot.
    pub snapshot: String,
}

/// The view under which rotation keeps a nightly snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// One of the newest nights.
    Daily,
    /// The newest night of an ISO week.
    Weekly,
    /// The newest night of a month.
    Monthly,
}

/// Why a snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The scheduler took it, catch-up included.
    Nightly,
    /// Somebody pressed the button.
    Manual,
    /// A deploy was about to change the app.
    BeforeDeploy,
    /// A restore was about to change the data.
    BeforeRestore,
}

/// One consistent, verified, compressed copy of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its id: the file name's stem.
    pub id: String,
    /// When it was taken.
    pub taken: Timestamp,
    /// Why it was taken.
    pub reason: Reason,
    /// The tiers that hold it.
    pub tiers: Vec<Tier>,
    /// Whether somebody said that it stays for ever.
    pub pinned: bool,
    /// The size of the compressed file.
    pub bytes: u64,
    /// The size of the database in it.
    pub database_bytes: Option<u64>,
    /// Rows of all tables together.
    pub rows: Option<u64>,
    /// The release that was live when it was taken.
    pub release: Option<String>,
    /// When it was last read back; `None` when its check is still to come, or failed.
    pub verified: Option<Timestamp>,
    /// Why it stays and when it will go, as a sentence.
    pub fate: String,
    /// Why it can't be restored now, as a sentence; `None` when it can.
    pub cannot_restore: Option<String>,
}

/// The last restore, and the snapshot that holds the data from before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoOffer {
    /// When the restore was done.
    pub restored_at: Timestamp,
    /// When the snapshot was taken whose content is live since.
    pub restored_to: Timestamp,
    /// Why it can't be undone now, as a sentence; `None` when it can.
    pub cannot_undo: Option<String>,
}

/// `GET /apps/{app}/snapshots/{id}/restore`
#[derive(Debug, Clone, PartialEq)]
pub struct ConfirmRestore {
    /// The app's name.
    pub app: String,
    /// What would be restored. Its `cannot_restore` takes the button away.
    pub snapshot: Snapshot,
    /// The release that is live and would be started again on the other colour.
    pub live_release: Option<String>,
    /// Rows of all tables in the live database, if they were counted.
    pub rows_now: Option<u64>,
    /// How long it will take, about; `None` when nothing is known to reckon from.
    pub estimate: Option<Duration>,
    /// Whether requests wait meanwhile (`true`) or the maintenance page is shown (`false`).
    pub requests_wait: bool,
}

/// `GET /apps/{app}/undo`
#[derive(Debug, Clone, PartialEq)]
pub struct ConfirmUndo {
    /// The app's name.
    pub app: String,
    /// The restore that would be undone. Its `cannot_undo` takes the button away.
    pub offer: UndoOffer,
    /// The snapshot from before it.
    pub snapshot: Snapshot,
    /// How long it will take, about.
    pub estimate: Option<Duration>,
    /// Whether requests wait meanwhile (`true`) or the maintenance page is shown (`false`).
    pub requests_wait: bool,
}
