//! What kinds of things can be wrong, as a closed set.

use serde::{Deserialize, Serialize};

/// What kind of thing is wrong. The order is the one in which conditions of the same severity are listed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The live colour does not run, or does not answer.
    Live,
    /// Requests do not reach the live colour.
    Route,
    /// The live colour crashes again and again.
    Crashing,
    /// The app answers many requests with a server error.
    Failing,
    /// Nothing is deployed yet.
    Release,
    /// A deploy or a rollback was refused, failed or was taken back.
    Deploy,
    /// A restore or an undo failed or was taken back.
    Restore,
    /// The live colour runs, and its health check says that it is not well.
    Health,
    /// A night's snapshot failed, or did not happen.
    Snapshot,
    /// The backups folder is inconsistent: a file is missing, damaged or not listed.
    Folder,
    /// Every snapshot is dated in the future.
    Clock,
    /// A laptop found snapshots that are not whole.
    Copy,
    /// What people see fails a policy.
    Check,
    /// Nobody answered where people reach the app.
    Reach,
    /// A table lost many of its rows in the newest night.
    Rows,
    /// A disk is nearly full.
    Disk,
    /// No laptop has pulled for too long.
    Pull,
    /// There is no copy of the snapshots on any other machine.
    Elsewhere,
    /// Rows of the database break the app's own rules.
    Content,
    /// The newest restore drill failed, or warned.
    Drill,
    /// Nobody tells Tealkeep how the app's requests go.
    Requests,
}

impl Kind {
    /// Every kind, in the order in which they are listed.
    pub const ALL: [Kind; 21] = [
        Kind::Live,
        Kind::Route,
        Kind::Crashing,
        Kind::Failing,
        Kind::Release,
        Kind::Deploy,
        Kind::Restore,
        Kind::Health,
        Kind::Snapshot,
        Kind::Folder,
        Kind::Clock,
        Kind::Copy,
        Kind::Check,
        Kind::Reach,
        Kind::Rows,
        Kind::Disk,
        Kind::Pull,
        Kind::Elsewhere,
        Kind::Content,
        Kind::Drill,
        Kind::Requests,
    ];

    /// As it stands in the API, in messages and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Live => "live",
            Kind::Route => "route",
            Kind::Crashing => "crashing",
            Kind::Failing => "failing",
            Kind::Release => "release",
            Kind::Deploy => "deploy",
            Kind::Restore => "restore",
            Kind::Health => "health",
            Kind::Snapshot => "snapshot",
            Kind::Folder => "folder",
            Kind::Clock => "clock",
            Kind::Copy => "copy",
            Kind::Check => "check",
            Kind::Reach => "reach",
            Kind::Rows => "rows",
            Kind::Disk => "disk",
            Kind::Pull => "pull",
            Kind::Elsewhere => "elsewhere",
            Kind::Content => "content",
            Kind::Drill => "drill",
            Kind::Requests => "requests",
        }
    }

    /// Whether it concerns the machine and no app.
    #[must_use]
    pub fn is_of_the_machine(self) -> bool {
        self == Kind::Disk
    }

    /// Whether a newer one takes the place of an older one, without that being well again.
    #[must_use]
    pub fn replaces_its_like(self) -> bool {
        matches!(self, Kind::Deploy | Kind::Restore | Kind::Rows)
    }

    /// Whether it tells of a run that has ended: a person can mark it as seen, however grave it is.
    #[must_use]
    pub fn is_of_a_run(self) -> bool {
        matches!(self, Kind::Deploy | Kind::Restore)
    }

    /// What is said when it is well again.
    #[must_use]
    pub fn well(self) -> &'static str {
        match self {
            Kind::Live => "the app runs again",
            Kind::Route => "requests reach the app again",
            Kind::Crashing => "the app no longer crashes",
            Kind::Failing => "the app answers without errors again",
            Kind::Release => "a release is live",
            Kind::Deploy => "the last run went well",
            Kind::Restore => "the last run went well",
            Kind::Health => "the health check is well again",
            Kind::Snapshot => "the nightly snapshot is well again",
            Kind::Folder => "the backups folder is in order again",
            Kind::Clock => "the snapshots' dates are right again",
            Kind::Copy => "the laptop's copy is whole again",
            Kind::Check => "what people see passes again",
            Kind::Reach => "the app's address answers again",
            Kind::Rows => "the newest night lost no rows",
            Kind::Disk => "the disk has room again",
            Kind::Pull => "no pull is overdue any more",
            Kind::Elsewhere => "there is a copy on another machine",
            Kind::Content => "all rows keep the app's rules again",
            Kind::Drill => "the restore drill is well again",
            Kind::Requests => "Tealkeep sees the app's requests again",
        }
    }
}
