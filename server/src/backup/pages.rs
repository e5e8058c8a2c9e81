//! The pages of one instant of a database: straight from the held read transaction, or from a copy where
//! holding it would make the app's writers wait.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, Rows, Statement};

use crate::durable::Unnamed;

use super::database::Facts;
use super::gzip::PageSource;
use super::scratch;
use super::snapshot::SnapshotError;
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
        let (conn, part) = scratch::open_nameless(unnamed.file(), scratch)?;
        drop(part);
        Copy::new(unnamed.file().try_clone()?, conn, facts)
    }

    /// Copies through the online backup API instead, for a SQLite without [`has_dbpage`]. The connection's
    /// transaction has to be open: it keeps each commit of the app from starting the copy anew.
    ///
    /// # Errors
    /// As [`Copy::of_pages`].
    pub fn by_backup_api(
        source: &Connection,
        facts: &Facts,
        scratch: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<Copy, SnapshotError> {
        let name = scratch.join(scratch::part_name());
        let copied = (|| {
            step_through(source, &name, facts, watch)?;
            let conn = scratch::open_immutable(&name).map_err(SnapshotError::Read)?;
            Copy::new(File::open(&name)?, conn, facts)
        })();
        match fs::remove_file(&name) {
            // It was not even begun: the copying's own error says why.
            Err(e) if copied.is_ok() => Err(e.into()),
            _ => copied,
        }
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
    facts: &Facts,
    watch: &mut Watch<'_>,
) -> Result<(), SnapshotError> {
    const PAGES_A_STEP: i32 = 256;
    let total = facts.plain_bytes();
    watch.begin(Stage::Copying, total)?;
    let mut copy = Connection::open(name).map_err(SnapshotError::Read)?;
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        .map_err(SnapshotError::Read)?;
    let backup = Backup::new(source, &mut copy).map_err(SnapshotError::Read)?;
    loop {
        let step = backup.step(PAGES_A_STEP).map_err(SnapshotError::Read)?;
        match step {
            StepResult::Done => return Ok(()),
            // Nobody else knows the copy and the source's lock is held already, so neither is busy for long.
            StepResult::Busy | StepResult::Locked => {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            _ => {}
        }
        let pages = backup.progress();
        let done = (pages.pagecount - pages.remaining).unsigned_abs();
        watch.check()?;
        watch.tick(
            Stage::Copying,
            u64::from(done) * u64::from(facts.page_size),
            total,
        )?;
    }
}
