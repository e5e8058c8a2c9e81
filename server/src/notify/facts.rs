//! What is known of the home at one instant, as values: all that [`super::conditions()`] decides by.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Key;
use crate::backup::drill::Lost;
use crate::journal::checks::Check;
use crate::journal::drills::Drill;
use crate::journal::nights::Night;
use crate::journal::pulls::Pull;
use crate::journal::runs::Run;
use crate::names::AppName;

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
    /// The dashboard's address, if it is known by which name it is reached: `https://home.example.org`.
    pub dashboard: Option<String>,
    /// The apps.
    pub apps: Vec<AppFacts>,
    /// The file systems, one entry each.
    pub disks: Vec<DiskFacts>,
    /// From which share of free space on, in percent, one is nearly full.
    pub disk_free: u32,
    /// What is known to be wrong already.
    pub open: BTreeSet<Key>,
}

/// One app at one instant.
#[derive(Debug, Clone)]
pub struct AppFacts {
    /// Its name.
    pub name: AppName,
    /// The local time of its nightly snapshot.
    pub at: Time,
    /// How long a snapshot may take.
    pub deadline: Duration,
    /// The local dates of its nightly snapshots, in any order; `Err` says why the folder can't be read.
    pub nightly: Result<Vec<Date>, String>,
    /// What the newest night has lost since the one before it.
    pub lost: Option<Lost>,
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
    /// The newest deploy or rollback that has ended.
    pub run: Option<Run>,
    /// The newest check of what people see, by what is accepted now.
    pub check: Option<Check>,
    /// What is wrong with the live colour, and for how long it has been.
    pub ailment: Option<(String, SignedDuration)>,
}

/// One file system.
#[derive(Debug, Clone)]
pub struct DiskFacts {
    /// A folder on it: the first that the configuration names.
    pub folder: PathBuf,
    /// What of Tealkeep's lies there, in words: `the snapshots of home`.
    pub holds: Vec<String>,
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
