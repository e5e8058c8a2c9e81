//! Why a database could not be used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::holder::{self, Holder};
use crate::sqlite::beside;
use crate::watch::Stopped;

/// The database could not be used; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is no such file.
    #[error("there is no database at {0}: check the path")]
    Missing(PathBuf),
    /// A directory, a device, a socket.
    #[error("{0} is not a file: name the database's own file")]
    NotAFile(PathBuf),
    /// A link in the app's folder would have Tealkeep read whatever it leads to.
    #[error(
        "{path} is a link to {target}, which lies in another folder, and the app could make it lead anywhere: \
         put the database's own file there, or name {target} in the configuration if that is the database",
        path = path.display(), target = target.display()
    )]
    LeadsAway {
        /// The path that was given.
        path: PathBuf,
        /// What it leads to.
        target: PathBuf,
    },
    /// SQLite does not know it.
    #[error(
        "{0} is not a SQLite database, or it is encrypted: Tealkeep can keep plain SQLite databases only"
    )]
    NotADatabase(PathBuf),
    /// Somebody holds it exclusively.
    #[error(
        "{path} stayed locked for {waited:?}: {} holds it exclusively; end that transaction, or try again later. An \
         app that sets `PRAGMA locking_mode = EXCLUSIVE` holds it for as long as it runs: remove that setting, or stop \
         the app for the time of the backup",
        named(holders), path = path.display()
    )]
    Locked {
        /// The database.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
        /// Who holds it, where that can be told.
        holders: Vec<Holder>,
    },
    /// SQLite can't make the files that it needs beside a WAL database (sqlite.org/wal.html#readonly).
    #[error(
        "{path} can't be read, since nothing can be written in its folder {folder} ({why}) and SQLite shares a database in WAL \
         mode through files beside it; {}",
        advice(why, folder), path = path.display(), folder = folder.display()
    )]
    ReadOnlyFolder {
        /// The database.
        path: PathBuf,
        /// The folder that it is in.
        folder: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// Reading would make files that the app can't open.
    #[error(
        "{path} belongs to somebody else (uid {owner}, this process is {uid}), and files that SQLite makes beside it could not be opened by the app; run as root:\n    chmod 2770 {folder}\n    chmod 0660 {path}\nand put this user into that folder's group",
        path = path.display(), folder = folder.display()
    )]
    FolderRules {
        /// The database.
        path: PathBuf,
        /// The folder that it is in.
        folder: PathBuf,
        /// Whom it belongs to.
        owner: u32,
        /// Who this process is.
        uid: u32,
    },
    /// Its own check says that it is damaged.
    #[error("{path} is damaged, says its own check: {}", findings.join("; "), path = path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What the check printed, at most the first ten lines.
        findings: Vec<String>,
    },
    /// The work was stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// Anything else that SQLite said.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    Sqlite {
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Anything else that the system said.
    #[error("cannot look at {path}: {source}", path = path.display())]
    Io {
        /// The database, or its folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl DatabaseError {
    /// A database that stayed locked, with whoever holds it now.
    pub(crate) fn locked(path: PathBuf, waited: Duration) -> DatabaseError {
        // In WAL mode the locks are on the -shm file (sqlite.org/walformat.html#wal_locks).
        let mut holders = holder::holders(&path);
        holders.extend(holder::holders(&beside(&path, "-shm")));
        holders.dedup();
        DatabaseError::Locked {
            path,
            waited,
            holders,
        }
    }
}

fn named(holders: &[Holder]) -> String {
    match holders {
        [] => "another process".to_owned(),
        some => some
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn advice(why: &std::io::Error, folder: &Path) -> String {
    if why.kind() == std::io::ErrorKind::ReadOnlyFilesystem {
        format!(
            "mount it read-write, or, where only tealkeep.service sees it read-only, name {} in its ReadWritePaths=",
            folder.display()
        )
    } else {
        format!("give this user the right to write in {}", folder.display())
    }
}
