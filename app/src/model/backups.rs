//! Snapshots, the tiers that keep them, and what a restore would do.

use std::time::Duration;

use jiff::{Timestamp, civil::Date};
use tealkeep_words::snapshot::{Reason, Tier};

use super::Run;

/// `GET /apps/{app}/backups`
#[derive(Debug, Clone, PartialEq)]
pub struct Backups {
    /// The app's name.
    pub app: String,
    /// The newest verified snapshot.
    pub latest: Option<SnapshotBrief>,
    /// The copy on the laptop.
    pub laptop: Laptop,
    /// The restore drills.
    pub drills: Drills,
    /// The space on the disk; `None` if the system did not say.
    pub space: Option<DiskSpace>,
    /// How much of the newest snapshot was copied from the one before; `None` if unknown.
    pub reuse: Option<Reuse>,
    /// How many nightly snapshots the configuration keeps.
    pub retention: Retention,
    /// The newest nights that produced no snapshot, newest first.
    pub failed_nights: Vec<FailedNight>,
    /// When the next nightly snapshot is due.
    pub next_nightly: Option<Timestamp>,
    /// The nightly snapshots that a tier keeps, in any order. The page shows the last sixty days or so.
    pub nights: Vec<Nightly>,
    /// All snapshots, newest first.
    pub snapshots: Vec<Snapshot>,
    /// The last restore, if it can be undone.
    pub undo: Option<UndoOffer>,
    /// The run that is in progress.
    pub running: Option<Run>,
    /// Why "Back up now" can't be pressed, as a sentence; `None` if it can.
    pub cannot_back_up: Option<String>,
    /// What is inconsistent in the folder, each as a sentence without its full stop.
    pub problems: Vec<String>,
    /// What lies beside the database and is in no snapshot, without a full stop; `None` if nothing does.
    pub beside: Option<String>,
}

/// A snapshot in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotBrief {
    /// When it was taken.
    pub taken: Timestamp,
    /// The size of the compressed file.
    pub bytes: u64,
}

/// How many nightly snapshots each tier keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days.
    pub daily: u32,
    /// Weeks beyond them.
    pub weekly: u32,
    /// Months beyond those.
    pub monthly: u32,
}

/// The copy of the snapshots on the laptop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Laptop {
    /// The newest pull; `None` if none was ever reported.
    pub last: Option<Pull>,
    /// The maximum age of the newest pull; `None` if no laptop is expected.
    pub within: Option<Duration>,
    /// Whether the newest pull is older than that, or none was ever reported.
    pub overdue: bool,
}

/// One pull, as the laptop reported it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// When it ended.
    pub at: Timestamp,
    /// What the laptop calls itself.
    pub laptop: String,
    /// When the newest snapshot on the laptop was taken, if it was reported.
    pub newest: Option<Timestamp>,
    /// How many snapshots were intact, if they were verified.
    pub whole: Option<u32>,
    /// How many were damaged or missing, if they were verified.
    pub damaged: Option<u32>,
}

/// The restore drills of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drills {
    /// The newest one.
    pub last: Option<Drill>,
    /// When the next scheduled one runs; `None` if none is scheduled.
    pub next: Option<Timestamp>,
    /// Whether one is running.
    pub under_way: bool,
    /// Why none can be started, as a sentence; `None` if one can.
    pub cannot_begin: Option<String>,
}

/// One restore drill: the newest snapshot, unpacked elsewhere, opened, checked and counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    /// When it ended.
    pub at: Timestamp,
    /// When the snapshot was taken; `None` if there was none.
    pub snapshot: Option<Timestamp>,
    /// How long it took.
    pub took: Duration,
    /// Why a restore would fail, without a full stop; `None` if it would work.
    pub failed: Option<String>,
    /// What a person should look at, each without a full stop.
    pub warnings: Vec<String>,
}

/// The space on the disk that holds the snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that the next snapshot will need, about; `None` if it can't be estimated.
    pub next: Option<u64>,
}

/// How much of a snapshot was copied from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reuse {
    /// The number of chunks.
    pub total: u64,
    /// How many of them were copied.
    pub reused: u64,
}

/// A night whose snapshot failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedNight {
    /// Its local date.
    pub date: Date,
    /// Why, without a full stop.
    pub why: String,
    /// Whether a later attempt for the same night succeeded.
    pub made_good: bool,
}

/// A nightly snapshot that a tier keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nightly {
    /// The local date.
    pub date: Date,
    /// The tiers that keep it.
    pub tiers: Vec<Tier>,
    /// The snapshot's id.
    pub snapshot: String,
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
    /// The tiers that keep it.
    pub tiers: Vec<Tier>,
    /// Whether it is kept until somebody unpins it.
    pub pinned: bool,
    /// The size of the compressed file.
    pub bytes: u64,
    /// The size of the database in it.
    pub database_bytes: Option<u64>,
    /// Rows of all tables together.
    pub rows: Option<u64>,
    /// The release that was live when it was taken.
    pub release: Option<String>,
    /// When it was last verified; `None` if that is still to come, or failed.
    pub verified: Option<Timestamp>,
    /// Why it is kept and when it will be deleted, as a sentence.
    pub fate: String,
    /// Why it can't be restored now, as a sentence; `None` if it can.
    pub cannot_restore: Option<String>,
}

/// The last restore, and the snapshot that holds the data from before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoOffer {
    /// When the restore was done.
    pub restored_at: Timestamp,
    /// When the restored snapshot was taken.
    pub restored_to: Timestamp,
    /// Why it can't be undone now, as a sentence; `None` if it can.
    pub cannot_undo: Option<String>,
}

/// `GET /apps/{app}/snapshots/{id}/restore`
#[derive(Debug, Clone, PartialEq)]
pub struct ConfirmRestore {
    /// The app's name.
    pub app: String,
    /// What would be restored. There is no button if its `cannot_restore` is set.
    pub snapshot: Snapshot,
    /// The release that is live and would be restarted on the other colour.
    pub live_release: Option<String>,
    /// Rows of all tables in the live database, if they were counted.
    pub rows_now: Option<u64>,
    /// How long it will take, about; `None` if it can't be estimated.
    pub estimate: Option<Duration>,
    /// Whether requests wait during the restore (`true`) or the maintenance page is shown (`false`).
    pub requests_wait: bool,
}

/// `GET /apps/{app}/undo`
#[derive(Debug, Clone, PartialEq)]
pub struct ConfirmUndo {
    /// The app's name.
    pub app: String,
    /// The restore that would be undone. There is no button if its `cannot_undo` is set.
    pub offer: UndoOffer,
    /// The snapshot from before it.
    pub snapshot: Snapshot,
    /// How long it will take, about.
    pub estimate: Option<Duration>,
    /// Whether requests wait during the restore (`true`) or the maintenance page is shown (`false`).
    pub requests_wait: bool,
}
