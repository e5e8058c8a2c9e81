//! A database file that is only read. Neither it nor anything beside it is written: what SQLite would have to recover first
//! is copied and recovered there.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// A file can't be read as a database.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system refused.
    #[error("{path} can't be read: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("{path} can't be read as a SQLite database: {source}", path = path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// A database that can be opened as often as needed, for reading.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    uri: String,
    /// The copy that was recovered, where that was needed.
    _copy: Option<TempDir>,
}

impl Source {
    /// Looks at a file.
    ///
    /// # Errors
    /// It can't be read, or it is no database.
    pub fn new(path: &Path) -> Result<Source, SourceError> {
        let io = |source| SourceError::Io {
            path: path.to_owned(),
            source,
        };
        let file = fs::canonicalize(path).map_err(io)?;
        if !fs::metadata(&file).map_err(io)?.is_file() {
            return Err(io(io::Error::other("it is not a file")));
        }
        let has = |ending| fs::metadata(beside(&file, ending)).is_ok_and(|meta| meta.len() > 0);
        let is_open_elsewhere = has("-shm");
        let (uri, copy) = if has("-wal") && is_open_elsewhere {
            (uri(&file, "mode=ro"), None)
        } else if has("-wal") || has("-journal") {
            let (path, dir) = recover(&file).map_err(io)?;
            (uri(&path, "mode=rw"), Some(dir))
        } else if is_in_wal_mode(&file).map_err(io)? {
            (uri(&file, "mode=ro&immutable=1"), None)
        } else {
            (uri(&file, "mode=ro"), None)
        };
        let source = Source {
            path: path.to_owned(),
            uri,
            _copy: copy,
        };
        let conn = source.open()?;
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(|e| source.error(e))?;
        Ok(source)
    }

    /// Opens it.
    ///
    /// # Errors
    /// SQLite can't.
    pub fn open(&self) -> Result<Connection, SourceError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<Connection> {
            let conn = Connection::open_with_flags(&self.uri, flags)?;
            calm(&conn)?;
            conn.pragma_update(None, "query_only", true)?;
            Ok(conn)
        };
        open().map_err(|e| self.error(e))
    }

    /// Attaches it to a connection under a name.
    ///
    /// # Errors
    /// SQLite can't.
    pub fn attach(&self, conn: &Connection, name: &str) -> Result<(), SourceError> {
        conn.execute(&format!("ATTACH ?1 AS {name}"), [&self.uri])
            .and_then(|_| conn.execute_batch(&format!("PRAGMA {name}.cache_size = -2048")))
            .map_err(|e| self.error(e))
    }

    /// What SQLite said of this file.
    pub fn error(&self, source: rusqlite::Error) -> SourceError {
        SourceError::Sqlite {
            path: self.path.clone(),
            source,
        }
    }
}

/// Little memory, nothing written back at the end, and collations that only the app has as plain ones.
pub fn calm(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    conn.busy_timeout(std::time::Duration::from_secs(5))?;
    conn.collation_needed(|conn, name| conn.create_collation(name, |a, b| a.cmp(b)))?;
    conn.execute_batch("PRAGMA cache_size = -2048; PRAGMA temp_store = FILE; PRAGMA mmap_size = 0")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn is_in_wal_mode(path: &Path) -> io::Result<bool> {
    let mut head = Vec::with_capacity(20);
    File::open(path)?.take(20).read_to_end(&mut head)?;
    Ok(head.get(18..20) == Some(&[2, 2]))
}

/// A copy with its WAL or journal, which SQLite takes in when it opens it.
fn recover(path: &Path) -> io::Result<(PathBuf, TempDir)> {
    let dir = tempfile::Builder::new()
        .prefix("tealkeep-compare-")
        .tempdir()?;
    let copy = dir.path().join("copy.sqlite");
    for ending in ["", "-wal", "-journal"] {
        match fs::copy(beside(path, ending), beside(&copy, ending)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && !ending.is_empty() => {}
            done => drop(done?),
        }
    }
    Ok((copy, dir))
}

fn uri(path: &Path, mode: &str) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push('?');
    uri.push_str(mode);
    uri
}
