//! The app's live database, opened so that the app never notices: only ever through SQLite, without
//! waiting for long, and not at all where doing so would leave files that the app can't open.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use sha2::{Digest, Sha256};

use super::hex::hex;
use super::holder::{self, Holder};
use super::integrity::{self, Concerns, Integrity};
use super::watch::{Stopped, Watch};

/// How long opening waits for somebody who has the database locked.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The page cache while a database is read: a Pi has little memory (`PRAGMA cache_size`, in KiB).
const CACHE_KIB: i64 = 8 * 1024;

/// How many virtual machine instructions SQLite runs between two looks at the deadline.
pub(crate) const STEPS_PER_LOOK: i32 = 20_000;

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
    pub(super) fn locked(path: PathBuf, waited: Duration) -> DatabaseError {
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

/// What is true of a database at one instant, for the manifest and for comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Bytes a page.
    pub page_size: u32,
    /// Pages.
    pub page_count: u32,
    /// `PRAGMA user_version`, which many apps number their migrations with.
    pub user_version: i32,
    /// `wal`, `delete` and so on, as `PRAGMA journal_mode` names it.
    pub journal_mode: String,
    /// SHA-256, in hex, over the rows of `sqlite_schema`, without SQLite's own tables.
    pub schema_hash: String,
    /// Each ordinary table's number of rows (no virtual tables and none of their shadows), by name.
    /// A table that can't be counted without the app's own extensions is left out.
    pub tables: BTreeMap<String, u64>,
    /// What a check noticed about its content. Empty where nothing was checked.
    pub concerns: Concerns,
}

impl Facts {
    /// The size of the database in bytes.
    #[must_use]
    pub fn plain_bytes(&self) -> u64 {
        u64::from(self.page_size) * u64::from(self.page_count)
    }
}

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
            conn.progress_handler(STEPS_PER_LOOK, Some(watch.interrupter()))?;
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

/// Reads the facts of a database; within a transaction they belong together.
///
/// # Errors
/// Whatever SQLite says.
pub fn facts(conn: &Connection) -> rusqlite::Result<Facts> {
    let (tables, uncounted) = count_rows(conn)?;
    let mut facts = bare_facts(conn)?;
    facts.schema_hash = schema_hash(conn)?;
    facts.tables = tables;
    facts.concerns.unchecked = uncounted;
    Ok(facts)
}

/// The facts of a database together with what its check noticed, or the damage that the check found.
///
/// # Errors
/// Whatever SQLite says, and an interruption.
pub fn checked_facts(
    conn: &Connection,
    plain_bytes: u64,
) -> rusqlite::Result<Result<Facts, Vec<String>>> {
    let Integrity { damage, concerns } = integrity::check(conn, plain_bytes)?;
    if !damage.is_empty() {
        return Ok(Err(damage));
    }
    let mut facts = facts(conn)?;
    facts.concerns.content_findings = concerns.content_findings;
    // What the check could not do comes before what could not be counted.
    let uncounted = std::mem::replace(&mut facts.concerns.unchecked, concerns.unchecked);
    facts.concerns.unchecked.extend(uncounted);
    Ok(Ok(facts))
}

/// The facts that cost one page, without schema and rows.
///
/// # Errors
/// The database can't be read.
pub fn bare_facts(conn: &Connection) -> rusqlite::Result<Facts> {
    fn pragma<T: rusqlite::types::FromSql>(conn: &Connection, name: &str) -> rusqlite::Result<T> {
        conn.query_row(&format!("PRAGMA main.{name}"), [], |row| row.get(0))
    }
    Ok(Facts {
        page_size: pragma(conn, "page_size")?,
        page_count: pragma(conn, "page_count")?,
        user_version: pragma(conn, "user_version")?,
        journal_mode: pragma(conn, "journal_mode")?,
        schema_hash: String::new(),
        tables: BTreeMap::new(),
        concerns: Concerns::default(),
    })
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

/// A hash of the schema alone: the same for two databases whose tables, indexes, views and triggers were
/// made by the same statements. SHA-256 in hexadecimal.
///
/// # Errors
/// Whatever SQLite says.
pub fn schema_hash(conn: &Connection) -> rusqlite::Result<String> {
    let mut statement = conn.prepare(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM main.sqlite_schema
         WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name, tbl_name",
    )?;
    let mut rows = statement.query([])?;
    let mut hash = Sha256::new();
    while let Some(row) = rows.next()? {
        for column in 0..4 {
            let text = row.get_ref(column)?.as_bytes()?;
            // Each field with its length, so that no two schemas can run together into the same bytes.
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        }
    }
    Ok(hex(&hash.finalize()))
}

/// The rows of each table, and what could not be counted.
fn count_rows(conn: &Connection) -> rusqlite::Result<(BTreeMap<String, u64>, Vec<String>)> {
    let (mut tables, mut uncounted) = (BTreeMap::new(), Vec::new());
    for table in ordinary_tables(conn)? {
        let table = match table {
            TableName::Text(table) => table,
            TableName::Bytes(shown) => {
                uncounted.push(format!(
                    "{shown}: its name is not UTF-8, and its rows were not counted"
                ));
                continue;
            }
        };
        // Without an index: one with the app's own collation can't be opened here.
        let sql = format!("SELECT count(*) FROM main.{} NOT INDEXED", quoted(&table));
        match conn.query_row(&sql, [], |row| row.get::<_, i64>(0)) {
            Ok(rows) => {
                tables.insert(table, rows.unsigned_abs());
            }
            Err(e) if integrity::lacks_something(&e) => {}
            Err(e) => return Err(e),
        }
    }
    Ok((tables, uncounted))
}

/// A table's name. SQLite takes any bytes for one; statements, which are text here, can name only what is UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TableName {
    /// As it stands in the schema.
    Text(String),
    /// It is not UTF-8: what of it can be shown.
    Bytes(String),
}

/// The ordinary tables, in the order of their names: no virtual ones and none of their shadows.
pub(super) fn ordinary_tables(conn: &Connection) -> rusqlite::Result<Vec<TableName>> {
    tables_of_type(conn, "table")
}

/// The tables of one type: `table`, `virtual` or `shadow` (sqlite.org/pragma.html#pragma_table_list).
pub(super) fn tables_of_type(conn: &Connection, kind: &str) -> rusqlite::Result<Vec<TableName>> {
    let mut statement = conn.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = ?1
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let names = statement.query_map([kind], |row| {
        let name = row.get_ref(0)?.as_bytes()?;
        Ok(match std::str::from_utf8(name) {
            Ok(text) => TableName::Text(text.to_owned()),
            Err(_) => TableName::Bytes(String::from_utf8_lossy(name).into_owned()),
        })
    })?;
    names.collect()
}

/// SQLite's primary code of an error, whether it came of running a statement or of preparing one.
#[must_use]
pub fn error_code(e: &rusqlite::Error) -> Option<ErrorCode> {
    match e {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => {
            Some(error.code)
        }
        _ => None,
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The path with an ending appended, as SQLite names the files beside a database.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_database_that_is_a_link_out_of_its_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = |below: &str| dir.path().join(below);
        fs::create_dir(path("data")).unwrap();
        fs::create_dir(path("state")).unwrap();
        for file in ["data/home.db", "state/journal.db"] {
            let conn = Connection::open(path(file)).unwrap();
            conn.execute_batch("CREATE TABLE t (x)").unwrap();
        }
        symlink("home.db", path("data/here.db")).unwrap();
        symlink("../state/journal.db", path("data/away.db")).unwrap();
        symlink("away.db", path("data/twice.db")).unwrap();
        symlink("data", path("by-link")).unwrap();
        let open = |below: &str| {
            let mut tell = |_| {};
            let cancel = crate::Cancel::never();
            let watch = Watch::new(&mut tell, cancel, Duration::from_secs(60));
            Database::open(&path(below), Access::Read, Duration::ZERO, &watch).map(drop)
        };
        for allowed in ["data/home.db", "data/here.db", "by-link/home.db"] {
            open(allowed).unwrap();
        }
        for refused in ["data/away.db", "data/twice.db", "by-link/away.db"] {
            let error = open(refused).unwrap_err();
            assert!(matches!(error, DatabaseError::LeadsAway { .. }), "{error}");
            assert!(error.to_string().contains("state/journal.db"), "{error}");
        }
    }

    #[test]
    fn a_folder_in_which_the_app_could_not_open_our_files_is_refused() {
        let (us, app, root) = (1000, 1001, 0);
        for (uid, owner, folder, file, fits) in [
            (us, us, 0o700, 0o600, true),
            (root, app, 0o700, 0o600, true),
            (us, app, 0o2770, 0o660, true),
            (us, app, 0o770, 0o660, false),
            (us, app, 0o2750, 0o660, false),
            (us, app, 0o2770, 0o640, false),
            (us, app, 0o755, 0o644, false),
        ] {
            assert_eq!(
                fits_folder_rules(uid, owner, folder, file),
                fits,
                "{uid} {owner} {folder:o} {file:o}"
            );
        }
        let said = DatabaseError::FolderRules {
            path: "/srv/home/home.db".into(),
            folder: "/srv/home".into(),
            owner: app,
            uid: us,
        }
        .to_string();
        assert!(said.contains("    chmod 2770 /srv/home\n    chmod 0660 /srv/home/home.db\n"));
    }
}
