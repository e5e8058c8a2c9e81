//! Why no snapshot was taken.

use std::io;
use std::path::PathBuf;

use super::database::DatabaseError;
use super::scratch::NoRoom;
use super::watch::Stopped;
use tealkeep_words::size::human_size;

/// No snapshot was taken; the folder is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The database can't be used, or is damaged.
    #[error(transparent)]
    Database(DatabaseError),
    /// SQLite failed in the middle of reading.
    #[error("cannot read the database: {0}")]
    Read(rusqlite::Error),
    /// There is too little room to begin.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The disk filled up meanwhile.
    #[error("the disk filled up: {} are left, which the app needs itself; remove something there, or keep fewer snapshots", human_size(*free))]
    NearlyFull {
        /// Bytes that were free when it was given up.
        free: u64,
    },
    /// What was written reads back as something else.
    #[error(
        "the snapshot was written, and reads back wrong ({0}); it was thrown away. The disk may be failing"
    )]
    ReadsBackWrong(String),
    /// The work was stopped.
    #[error("no snapshot was taken: {0}")]
    Stopped(#[from] Stopped),
    /// The folder can't be used.
    #[error("cannot use the folder {folder}: {source}", folder = folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else that the system said.
    #[error("cannot write the snapshot: {0}")]
    Io(#[from] io::Error),
}

impl From<DatabaseError> for SnapshotError {
    fn from(e: DatabaseError) -> SnapshotError {
        match e {
            DatabaseError::Stopped(stopped) => SnapshotError::Stopped(stopped),
            e => SnapshotError::Database(e),
        }
    }
}
