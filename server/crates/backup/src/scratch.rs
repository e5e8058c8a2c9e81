//! Room to work in: files without a name, which vanish with the process, opened by SQLite all the same;
//! and the question whether a file system has enough room left.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{AtFlags, CWD, StatVfs};
use tealkeep_words::size::human_size;

/// What is left alone on every file system, so that the app beside us can still write its own data.
pub const RESERVE_BYTES: u64 = 32 << 20;

/// Fewer bytes are free than the work needs.
#[derive(Debug, thiserror::Error)]
#[error(
    "{folder} has {free} free, and about {need} are needed: {missing} too little; {advice}",
    folder = folder.display(), free = human_size(*free), need = human_size(*need), missing = human_size(need.saturating_sub(*free)),
    advice = could_go.as_deref().unwrap_or("remove something there, or keep fewer snapshots")
)]
pub struct NoRoom {
    /// Where.
    pub folder: PathBuf,
    /// Bytes that are free there.
    pub free: u64,
    /// Bytes that would be needed, with what is left alone.
    pub need: u64,
    /// Which snapshots could go for it, and how, where somebody knows: sentences without the last stop.
    pub could_go: Option<String>,
}

/// Bytes that this process may still write in `folder`. A file system that does not say (some in user space
/// have no size at all) counts as endless.
///
/// # Errors
/// The folder can't be asked.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    Ok(free_of(&rustix::fs::statvfs(folder)?))
}

/// As [`free_bytes`], where an open file lies.
///
/// # Errors
/// The file system can't be asked.
pub fn free_bytes_beside(file: &File) -> io::Result<u64> {
    Ok(free_of(&rustix::fs::fstatvfs(file)?))
}

fn free_of(stat: &StatVfs) -> u64 {
    if stat.f_blocks == 0 {
        u64::MAX
    } else {
        stat.f_bavail.saturating_mul(stat.f_frsize)
    }
}

/// Whether `need` bytes, and the reserve, fit into `folder`. The inner result is the answer.
///
/// # Errors
/// The folder can't be asked.
pub fn has_room(folder: &Path, need: u64) -> io::Result<Result<(), NoRoom>> {
    let free = free_bytes(folder)?;
    let need = need.saturating_add(RESERVE_BYTES);
    Ok(if free >= need {
        Ok(())
    } else {
        Err(NoRoom {
            folder: folder.to_owned(),
            free,
            need,
            could_go: None,
        })
    })
}

/// Opens a private file through SQLite, read-only and immutable, so that no `-wal` or `-shm` appears beside
/// it even when the content says WAL (sqlite.org/uri.html, `immutable`).
///
/// A file of `O_TMPFILE` has no name to open: it gets one in `dir`, a dot-name, which rsync's documented
/// filter leaves out and which the next start removes. The name goes with the [`Part`]; the connection needs
/// it no longer. A file whose only name went can't get another one (open(2), `O_TMPFILE`).
///
/// # Errors
/// The folder can't hold the name, or SQLite can't open it.
pub fn open_nameless(file: &File, dir: &Path) -> Result<(Connection, Part), OpenError> {
    let part = name_for_a_while(file, dir).map_err(OpenError::Io)?;
    let conn = open_immutable(part.path()).map_err(OpenError::Sqlite)?;
    Ok((conn, part))
}

/// Gives a file of `O_TMPFILE` a dot-name in `dir`, for as long as the [`Part`] lives.
///
/// # Errors
/// The folder can't hold the name.
pub fn name_for_a_while(file: &File, dir: &Path) -> io::Result<Part> {
    let part = Part {
        path: dir.join(part_name()),
    };
    let proc_path = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::linkat(
        CWD,
        proc_path.as_str(),
        CWD,
        &part.path,
        AtFlags::SYMLINK_FOLLOW,
    )?;
    Ok(part)
}

/// A dot-name that is removed when this is dropped.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
}

impl Part {
    /// The name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // If it can't be removed now, the next start removes it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens a file that nobody writes, read-only and immutable.
///
/// # Errors
/// SQLite can't open it.
pub fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    use std::os::unix::ffi::OsStrExt;
    let mut uri = String::from("file:");
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for &byte in absolute.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(uri, flags)?;
    conn.pragma_update(None, "cache_size", -8192)?;
    Ok(conn)
}

/// Opens the private copy of a database that is not in WAL mode as SQLite would open the original: on a connection that
/// is read-only, SQLite passes over CHECK constraints (build.c, `sqlite3AddCheckConstraint`). Nothing is written.
///
/// # Errors
/// Whatever SQLite says.
pub fn open_copy(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "cache_size", -8192)?;
    // It is opened now: SQLite opens the file when it first reads, and the name is about to go.
    conn.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
    Ok(conn)
}

/// A private file could not be opened as a database.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system refused.
    #[error(transparent)]
    Io(io::Error),
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(rusqlite::Error),
}

/// A fresh dot-name for a part that only this process knows.
pub(crate) fn part_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(".tealkeep-{}-{n}.part", std::process::id())
}

/// Whether a file's name is that of a part which a run left behind when it was killed.
#[must_use]
pub fn is_part_name(name: &str) -> bool {
    name.starts_with('.')
        && (name.ends_with(".tealkeep-part")
            || (name.starts_with(".tealkeep-") && name.contains(".part")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_said_with_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(has_room(dir.path(), 1).unwrap().is_ok());
        assert!(has_room(Path::new("/proc"), 1 << 60).unwrap().is_ok());
        let refused = has_room(dir.path(), 1 << 60).unwrap().unwrap_err();
        let said = refused.to_string();
        assert!(said.contains("too little") && said.contains("EB"), "{said}");
    }

    #[test]
    fn a_path_with_odd_characters_opens_as_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a ?b#c%20é.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE t(x)")
            .unwrap();
        let conn = open_immutable(&path).unwrap();
        let tables: i64 = conn
            .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
            .unwrap();
        assert_eq!(tables, 1);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
