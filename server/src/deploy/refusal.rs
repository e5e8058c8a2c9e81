//! Why a run does not begin.

use super::Underway;
use crate::backup::SnapshotId;
use crate::names::{AppName, ReleaseId};

/// Why a run was not even begun. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// One at a time.
    #[error("{app} is busy: the {} of {} has been under way for {age}. Wait for its end, then try again", .underway.kind.noun(), .underway.subject)]
    Busy {
        /// Whose.
        app: AppName,
        /// With what.
        underway: Underway,
        /// For how long, in words.
        age: String,
    },
    /// There is no such release on this machine.
    #[error("{app} has no release called {release}; on this machine are: {known}")]
    NoRelease {
        /// Whose.
        app: AppName,
        /// What was asked for.
        release: ReleaseId,
        /// What there is.
        known: String,
    },
    /// There is no such snapshot.
    #[error(
        "{app} has no snapshot {snapshot}; `tealkeep snapshots {app}` lists those that there are"
    )]
    NoSnapshot {
        /// Whose.
        app: AppName,
        /// What was asked for.
        snapshot: SnapshotId,
    },
    /// It can't be done as things are.
    #[error("{0}")]
    Impossible(String),
    /// A fault of this machine.
    #[error("{0:#}")]
    Fault(#[from] anyhow::Error),
}
