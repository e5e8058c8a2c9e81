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
    /// When the laptop last pulled; `None` when no pull was ever seen.
    pub last_pull: Option<Timestamp>,
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
