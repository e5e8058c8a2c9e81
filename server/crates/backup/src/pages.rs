//! The pages of one instant of a database: straight from the held read transaction, or from a copy where
//! holding it would make the app's writers wait.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, Rows, Statement};

use tealkeep_base::durable::Unnamed;

use super::database::Facts;
use super::error::SnapshotError;
use super::gzip::PageSource;
use super::scratch;
use super::watch::{Stage, Watch};

/// Whether SQLite was built with the virtual table that shows its pages.
///
/// # Errors
/// Whatever SQLite says.
pub fn has_dbpage(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row(
        "SELECT count(*) FROM pragma_module_list WHERE name = 'sqlite_dbpage'",
        [],
        |row| row.get::<_, i64>(0).map(|n| n > 0),
    )
}

/// The statement that yields every page in order (sqlite.org/dbpage.html). The lock-byte page at 1 GiB comes
/// out as zeros, as it stands in the file.
///
/// # Errors
/// Whatever SQLite says.
pub fn statement(conn: &Connection) -> rusqlite::Result<Statement<'_>> {
    conn.prepare("SELECT data FROM sqlite_dbpage('main')")
}

/// Pages as the transaction of the statement's connection sees them.
pub struct LivePages<'s> {
    rows: Rows<'s>,
    plain_bytes: u64,
}

impl<'s> LivePages<'s> {
    /// The pages that [`statement`] yields.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub fn new(
        statement: &'s mut Statement<'_>,
        plain_bytes: u64,
    ) -> rusqlite::Result<LivePages<'s>> {
        Ok(LivePages {
            rows: statement.query([])?,
            plain_bytes,
        })
    }
}

impl PageSource for LivePages<'_> {
    fn next_page(&mut self) -> Result<Option<&[u8]>, SnapshotError> {
        let row = self.rows.next().map_err(SnapshotError::Read)?;
        row.map(|row| row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from))
            .transpose()
            .map_err(SnapshotError::Read)
    }

    fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }
}

/// A copy of the database that nobody else can see: as a file, and open in SQLite.
pub struct Copy {
    file: File,
    /// The copy, read-only and immutable.
    pub conn: Connection,
    page: Vec<u8>,
    plain_bytes: u64,
}

impl Copy {
    /// Copies the pages of the connection's transaction into a nameless file in `scratch`.
    ///
    /// # Errors
    /// The source can't be read, the copy can't be written, or `watch` says stop.
    pub fn of_pages(
        conn: &Connection,
        facts: &Facts,
        scratch: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<Copy, SnapshotError> {
        let total = facts.plain_bytes();
        watch.begin(Stage::Copying, total)?;
        let mut unnamed = Unnamed::create_in(scratch, 0o600)?;
        let mut statement = statement(conn).map_err(SnapshotError::Read)?;
        let mut pages = LivePages::new(&mut statement, total).map_err(SnapshotError::Read)?;
        let mut done = 0;
        while let Some(page) = pages.next_page()? {
            unnamed.file().write_all(page)?;
            done += page.len() as u64;
            watch.tick(Stage::Copying, done, total)?;
        }
        let part = scratch::name_for_a_while(unnamed.file(), scratch)?;
        let conn = open(part.path(), facts)?;
        drop(part);
        Copy::new(unnamed.file().try_clone()?, conn, facts)
    }

    /// Copies through the online backup API instead, for a SQLite without [`has_dbpage`], in a single step
    /// (sqlite.org/c3ref/backup_finish.html: with a negative number of pages all are copied at once), so that no
    /// commit of the app can start the copy anew. The connection's transaction has to be open: the copy is of
    /// what it sees. SQLite can't be interrupted within the step; `watch` is asked before and after it.
    ///
    /// # Errors
    /// As [`Copy::of_pages`].
    pub fn by_backup_api(
        source: &Connection,
        facts: &Facts,
        scratch: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<Copy, SnapshotError> {
        watch.begin(Stage::Copying, facts.plain_bytes())?;
        // SQLite makes files that everybody may read; this one was made for nobody else.
        let mut unnamed = Unnamed::create_in(scratch, 0o600)?;
        let part = scratch::name_for_a_while(unnamed.file(), scratch)?;
        step_through(source, part.path(), watch)?;
        let conn = open(part.path(), facts)?;
        drop(part);
        watch.check()?;
        Copy::new(unnamed.file().try_clone()?, conn, facts)
    }

    fn new(mut file: File, conn: Connection, facts: &Facts) -> Result<Copy, SnapshotError> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Copy {
            page: vec![0; facts.page_size as usize],
            plain_bytes: file.metadata()?.len(),
            file,
            conn,
        })
    }
}

/// Opens a copy. One that keeps the flag of WAL mode can't be opened for writing without files beside it.
fn open(path: &Path, facts: &Facts) -> Result<Connection, SnapshotError> {
    if facts.journal_mode == "wal" {
        scratch::open_immutable(path)
    } else {
        scratch::open_copy(path)
    }
    .map_err(SnapshotError::Read)
}

impl PageSource for Copy {
    fn next_page(&mut self) -> Result<Option<&[u8]>, SnapshotError> {
        if self.file.stream_position()? == self.plain_bytes {
            return Ok(None);
        }
        self.file.read_exact(&mut self.page)?;
        Ok(Some(&self.page))
    }

    fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }
}

fn step_through(
    source: &Connection,
    name: &Path,
    watch: &mut Watch<'_>,
) -> Result<(), SnapshotError> {
    const ALL_PAGES: i32 = -1;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copied = || -> rusqlite::Result<Connection> {
        let copy = Connection::open_with_flags(name, flags)?;
        copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
        Ok(copy)
    };
    let mut copy = copied().map_err(SnapshotError::Read)?;
    let backup = Backup::new(source, &mut copy).map_err(SnapshotError::Read)?;
    loop {
        match backup.step(ALL_PAGES).map_err(SnapshotError::Read)? {
            StepResult::Done => return Ok(()),
            // The source's lock is held already and nobody else knows the copy, so this is soon over.
            StepResult::Busy | StepResult::Locked => {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            _ => {}
        }
        watch.check()?;
    }
}
