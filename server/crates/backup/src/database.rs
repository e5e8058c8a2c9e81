//! The app's live database, opened so that the app never notices: only ever through SQLite, without
//! waiting for long, and not at all where doing so would leave files that the app can't open.

mod error;
mod facts;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::sqlite::{beside, error_code};
use super::watch::Watch;

pub use error::DatabaseError;
pub use facts::{Facts, bare_facts, checked_facts, facts, schema_hash};

/// How long opening waits for somebody who has the database locked.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The page cache while a database is read: a Pi has little memory (`PRAGMA cache_size`, in KiB).
const CACHE_KIB: i64 = 8 * 1024;

/// How many virtual machine instructions SQLite runs between two looks at the deadline.
pub(crate) const INTERRUPT_CHECK_STEPS: i32 = 20_000;

/// What opening is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing is written (`PRAGMA query_only`), although a WAL database needs a writable connection.
    Read,
    /// The content is about to be replaced.
    Write,
}

/// An open connection to the live database. Closing it never makes the app wait.
#[derive(Debug)]
pub struct Database {
    path: PathBuf,
    conn: Connection,
}

impl Database {
    /// Opens it, waiting at most `busy` for whoever has it locked, and reads its first page.
    /// Statements are interrupted when `watch` says so.
    ///
    /// # Errors
    /// It is missing, not a database, locked, damaged in its first page, or the folder breaks the rules.
    pub fn open(
        path: &Path,
        access: Access,
        busy: Duration,
        watch: &Watch<'_>,
    ) -> Result<Database, DatabaseError> {
        let path = check_file(path)?;
        // SQLite's close checkpoints and deletes the WAL when it finds nobody else there, under a lock that
        // an app opening just then would run into. That clean-up is for a database which nobody uses.
        let in_use = beside(&path, "-shm").exists();
        // All links were resolved; one that appears from now on was made to lead elsewhere.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let opened = (|| {
            let mut conn = Connection::open_with_flags(&path, flags)?;
            conn.busy_timeout(busy)?;
            conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, in_use)?;
            conn.progress_handler(INTERRUPT_CHECK_STEPS, Some(watch.interrupter()))?;
            conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
            conn.pragma_update(None, "mmap_size", 0)?;
            if access == Access::Read {
                conn.pragma_update(None, "query_only", true)?;
            }
            conn.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
            Ok(conn)
        })();
        match opened {
            Ok(conn) => Ok(Database { path, conn }),
            Err(e) => Err(explain("open", &path, busy, watch, e)),
        }
    }

    /// The file's path, links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The connection.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.conn
    }

    /// The connection, for an API that needs it exclusively.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.conn
    }

    /// Turns what SQLite said while `doing` something into an error that names this database.
    #[must_use]
    pub fn explain(
        &self,
        doing: &'static str,
        watch: &Watch<'_>,
        e: rusqlite::Error,
    ) -> DatabaseError {
        explain(doing, &self.path, BUSY_TIMEOUT, watch, e)
    }
}

fn check_file(path: &Path) -> Result<PathBuf, DatabaseError> {
    let io = |source| DatabaseError::Io {
        path: path.to_owned(),
        source,
    };
    let full = match fs::canonicalize(path) {
        Ok(full) => full,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(DatabaseError::Missing(path.to_owned()));
        }
        Err(e) => return Err(io(e)),
    };
    // Links on the way to the folder are the administrator's. In it the app may make one, to Tealkeep's own
    // journal or to another app's database, and a snapshot would hold what the app may not read.
    let given = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    if full.parent() != Some(&*fs::canonicalize(given).map_err(io)?) {
        return Err(DatabaseError::LeadsAway {
            path: path.to_owned(),
            target: full,
        });
    }
    let path = full;
    let meta = fs::metadata(&path).map_err(io)?;
    if !meta.is_file() {
        return Err(DatabaseError::NotAFile(path));
    }
    let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
    let folder_mode = fs::metadata(&folder).map_err(io)?.mode();
    let uid = rustix::process::geteuid().as_raw();
    if fits_folder_rules(uid, meta.uid(), folder_mode, meta.mode()) {
        Ok(path)
    } else {
        Err(DatabaseError::FolderRules {
            path,
            folder,
            owner: meta.uid(),
            uid,
        })
    }
}

/// Whether `-wal` and `-shm` files that this process makes can be opened by the app too. SQLite gives them
/// the database's mode, and for root its owner as well (os_unix.c, `findCreateFileMode`); the group has to
/// come from the folder.
fn fits_folder_rules(uid: u32, owner: u32, folder_mode: u32, file_mode: u32) -> bool {
    uid == 0 || uid == owner || (folder_mode & 0o2020 == 0o2020 && file_mode & 0o060 == 0o060)
}

fn explain(
    doing: &'static str,
    path: &Path,
    waited: Duration,
    watch: &Watch<'_>,
    source: rusqlite::Error,
) -> DatabaseError {
    let path = path.to_owned();
    match error_code(&source) {
        Some(ErrorCode::NotADatabase) => DatabaseError::NotADatabase(path),
        Some(ErrorCode::DatabaseBusy) => DatabaseError::locked(path, waited),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) => match cannot_write_beside(&path) {
            Some((folder, why)) => DatabaseError::ReadOnlyFolder { path, folder, why },
            None => DatabaseError::Sqlite {
                doing,
                path,
                source,
            },
        },
        Some(ErrorCode::OperationInterrupted) => match watch.check() {
            Err(stopped) => DatabaseError::Stopped(stopped),
            Ok(()) => DatabaseError::Sqlite {
                doing,
                path,
                source,
            },
        },
        Some(ErrorCode::DatabaseCorrupt) => DatabaseError::Damaged {
            path,
            findings: vec![source.to_string()],
        },
        _ => DatabaseError::Sqlite {
            doing,
            path,
            source,
        },
    }
}

/// Why nothing can be written in the folder that a database is in.
fn cannot_write_beside(path: &Path) -> Option<(PathBuf, std::io::Error)> {
    let folder = path.parent()?.to_owned();
    let may = rustix::fs::access(&folder, rustix::fs::Access::WRITE_OK);
    may.err().map(|why| (folder, why.into()))
}

#[cfg(test)]
mod tests;
