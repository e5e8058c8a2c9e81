//! Why nothing, or not all, was adopted.

use std::io;
use std::path::PathBuf;

use crate::scratch::NoRoom;
use crate::watch::Stopped;

/// Why nothing, or not all, was adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The folder can't be read.
    #[error("cannot read the folder {path}: {source}", path = path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder is the backups folder, is inside it, or contains it.
    #[error(
        "{from} and the backups folder {folder} overlap: move the old backups into a folder of their own and adopt that",
        from = from.display(), folder = folder.display()
    )]
    OwnFolder {
        /// The folder to adopt.
        from: PathBuf,
        /// The backups folder.
        folder: PathBuf,
    },
    /// It contains too many files.
    #[error("{from} has more than {max} files: name the folder that contains only the backups", from = from.display())]
    TooMany {
        /// The folder.
        from: PathBuf,
        /// The limit.
        max: usize,
    },
    /// There is not enough disk space for all; none was adopted.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The work was stopped.
    #[error("not all backups were adopted: {0}; run the command again to continue")]
    Stopped(#[from] Stopped),
    /// The backups folder, or the one for unpacking, can't be used.
    #[error("cannot use {folder}: {source}; the backups adopted so far are complete, and running the command again continues", folder = folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl AdoptError {
    /// Whether the request itself was wrong and would fail again.
    #[must_use]
    pub fn is_wrong_call(&self) -> bool {
        match self {
            AdoptError::Unreadable { .. }
            | AdoptError::OwnFolder { .. }
            | AdoptError::TooMany { .. } => true,
            AdoptError::NoRoom(_) | AdoptError::Stopped(_) | AdoptError::Folder { .. } => false,
        }
    }
}
