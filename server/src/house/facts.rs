//! What is known of the home at one instant, as values: all that [`super::conditions()`] decides by.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::observed::Observations;
use crate::backup::SnapshotId;
use crate::backup::drill::Lost;
use crate::deploy::Underway;
use crate::journal::checks::Check;
use crate::journal::drills::Drill;
use crate::journal::nights::Night;
use crate::journal::notices::Notice;
use crate::journal::pulls::Pull;
use crate::journal::runs::Run;
use crate::names::{AppName, Colour, ReleaseId};
use tealkeep_words::condition::Key;

/// The home at one instant.
#[derive(Debug, Clone)]
pub struct Facts {
    /// That instant.
    pub now: Timestamp,
    /// When this program was built: a clock that shows less is wrong.
    pub built: Timestamp,
    /// The zone that local dates are reckoned in.
    pub zone: TimeZone,
    /// When this process began.
    pub started: Timestamp,
    /// When Tealkeep first ran here.
    pub installed_at: Timestamp,
    /// The apps, in the order of the configuration.
    pub apps: Vec<AppFacts>,
    /// The file systems, one entry each.
    pub disks: Vec<DiskFacts>,
    /// From which share of free space on, in percent, one is nearly full.
    pub disk_free: u32,
    /// What the journal knows to be wrong already.
    pub open: BTreeMap<Key, Notice>,
}

/// One app at one instant.
#[derive(Debug, Clone)]
pub struct AppFacts {
    /// Its name.
    pub name: AppName,
    /// The run that is under way.
    pub underway: Option<Underway>,
    /// The live colour.
    pub live: LiveFacts,
    /// The local time of its nightly snapshot.
    pub at: Time,
    /// How long a snapshot may take.
    pub deadline: Duration,
    /// What is in its backups folder; `Err` says why that can't be read.
    pub folder: Result<FolderFacts, String>,
    /// The newest night that was tried.
    pub night: Option<Night>,
    /// The newest drill.
    pub drill: Option<Drill>,
    /// How old the last pull may become; zero expects none.
    pub pull_within: Duration,
    /// The newest pull.
    pub pull: Option<Pull>,
    /// The newest pull whose laptop has looked at what it has.
    pub looked: Option<Pull>,
    /// The newest run that has ended.
    pub run: Option<Run>,
    /// The newest check of what people see, by what is accepted now.
    pub check: Option<Check>,
    /// The data from before the newest deploy, where the live colour is not healthy and the data may be to blame.
    pub before_deploy: Option<BeforeDeploy>,
}

/// A snapshot from before a deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeforeDeploy {
    /// The release that was deployed.
    pub release: ReleaseId,
    /// The snapshot.
    pub snapshot: SnapshotId,
}

/// The live colour of an app at one instant.
#[derive(Debug, Clone)]
pub struct LiveFacts {
    /// Which one.
    pub colour: Colour,
    /// Its release; none before the first deploy, and where nobody can tell which colour is live.
    pub release: Option<ReleaseId>,
    /// What a rollback would make live.
    pub previous: Option<ReleaseId>,
    /// Why nobody can use it, and for how long that has been so. Never while a run has stopped it on purpose.
    pub down: Option<Trouble>,
    /// Why requests don't reach it, and for how long that has been so.
    pub misrouted: Option<Trouble>,
    /// How it does, as far as that is known.
    pub observed: Option<Observations>,
}

/// Something that is wrong, and for how long it has been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What, in words that end no sentence.
    pub what: String,
    /// For how long this process has known it.
    pub lasted: SignedDuration,
}

/// What is in a backups folder that can be read.
#[derive(Debug, Clone, Default)]
pub struct FolderFacts {
    /// The local dates of the nightly snapshots, in any order, as the schedule counts them: one that it takes again is
    /// not among them.
    pub nights: Vec<Date>,
    /// The newest snapshot and when it was taken, by [`crate::backup::Catalogue::newest_by`].
    pub newest: Option<(SnapshotId, Timestamp)>,
    /// The size of the newest snapshot's file.
    pub newest_bytes: u64,
    /// What the newest night has lost since the one before it.
    pub lost: Option<Lost>,
    /// What the newest snapshot says of rows that break the app's own rules.
    pub content_findings: Vec<String>,
    /// The snapshots from before deploys, the oldest first.
    pub before_deploys: Vec<SnapshotId>,
    /// What in the folder does not fit together.
    pub problems: Vec<String>,
}

/// One file system.
#[derive(Debug, Clone)]
pub struct DiskFacts {
    /// A folder on it: the first that the configuration names.
    pub folder: PathBuf,
    /// What of Tealkeep's lies there, in words: `the snapshots of home`.
    pub holds: Vec<String>,
    /// An app whose snapshots lie there, if one's do.
    pub backups_of: Option<AppName>,
    /// How full it is; none where it can't be asked.
    pub space: Option<Space>,
    /// Bytes that the next snapshots there will take.
    pub need: u64,
}

/// How full a file system is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What may still be written.
    pub free: u64,
    /// How large it is.
    pub total: u64,
}
