//! Taking one snapshot: a single instant of the database, checked by SQLite, compressed, read back, and only
//! then visible. Whatever goes wrong, nothing is left of it, and the app's writers never wait.

use std::fs;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Zoned;
use jiff::civil::Date;
use rusqlite::Connection;
use rustix::fs::Advice;

use tealkeep_base::durable::{self, Unnamed};
use tealkeep_words::names::{AppName, ReleaseId};

use super::basis::Basis;
use super::catalogue::{self, Catalogue};
use super::database::{self, Access, BUSY_TIMEOUT, Database, DatabaseError, Facts};
use super::error::SnapshotError;
use super::gzip::{self, Receipt, UnpackError, Written};
use super::low_priority;
use super::manifest::{self, FILE_MODE, Manifest, Reason};
use super::member::Level;
use super::pages::{self, Copy, LivePages};
use super::scratch;
use super::watch::{Stage, Watch};
use tealkeep_words::snapshot::SnapshotId;

/// What to take, and where to put it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The live database.
    pub database: PathBuf,
    /// The backups folder, which is made when it is missing.
    pub folder: PathBuf,
    /// Where a copy may lie meanwhile. Copies have no name there; the backups folder itself will do.
    pub scratch: PathBuf,
    /// Whose database.
    pub app: Option<AppName>,
    /// Why.
    pub reason: Reason,
    /// The release that is live.
    pub release: Option<ReleaseId>,
    /// Whether it is kept for ever.
    pub pinned: bool,
    /// Now, in the household's zone.
    pub now: Zoned,
    /// The local date that it counts for, where that is not today: a catch-up's is the night that was missed.
    pub local_date: Option<Date>,
    /// How hard to compress.
    pub level: Level,
    /// How long to wait for somebody who has the database locked.
    pub busy_timeout: Duration,
}

impl Request {
    /// A manual snapshot with the defaults of everything.
    #[must_use]
    pub fn new(database: &Path, folder: &Path, now: Zoned) -> Request {
        Request {
            database: database.to_owned(),
            folder: folder.to_owned(),
            scratch: folder.to_owned(),
            app: None,
            reason: Reason::Manual,
            release: None,
            pinned: false,
            now,
            local_date: None,
            level: Level::default(),
            busy_timeout: BUSY_TIMEOUT,
        }
    }
}

/// Takes one snapshot and answers with its manifest, which is on the disk by then.
///
/// # Errors
/// [`SnapshotError`]; then nothing is left of the attempt.
pub fn take(request: &Request, watch: &mut Watch<'_>) -> Result<Manifest, SnapshotError> {
    low_priority::on_own_thread(|| match request.reason {
        // The app may be stopped until it is done.
        Reason::BeforeRestore => {
            low_priority::in_foreground(|| take_by(request, watch, Way::BestThereIs))
        }
        Reason::Nightly | Reason::Manual | Reason::BeforeDeploy => {
            take_by(request, watch, Way::BestThereIs)
        }
    })
}

/// How pages are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Through `sqlite_dbpage` where SQLite has it.
    BestThereIs,
    /// Through the online backup API, as where it is missing.
    #[cfg(test)]
    BackupApi,
}

fn take_by(request: &Request, watch: &mut Watch<'_>, way: Way) -> Result<Manifest, SnapshotError> {
    let started = Instant::now();
    let folder = |source| SnapshotError::Folder {
        folder: request.folder.clone(),
        source,
    };
    let database = Database::open(&request.database, Access::Read, request.busy_timeout, watch)?;
    catalogue::ensure_layout(&request.folder).map_err(folder)?;
    fs::create_dir_all(&request.scratch).map_err(|source| SnapshotError::Folder {
        folder: request.scratch.clone(),
        source,
    })?;
    let snapshots = catalogue::snapshots(&request.folder);
    let mut out = Unnamed::create_in(&snapshots, FILE_MODE).map_err(folder)?;
    let (facts, written, receipt) = match write(request, &database, &mut out, watch, way) {
        // SQLite's bare word becomes one that names the database and tells a deadline from a fault.
        Err(SnapshotError::Read(e)) => Err(database.explain("read", watch, e).into()),
        other => other,
    }?;
    drop(database);
    if written.plain_bytes != facts.plain_bytes() {
        return Err(SnapshotError::ReadsBackWrong(format!(
            "it holds {} bytes of a database of {}",
            written.plain_bytes,
            facts.plain_bytes()
        )));
    }
    read_back(&mut out, &receipt, watch)?;
    watch.check()?;
    low_priority::leave_idle();

    let id = free_id(&snapshots, request.now.timestamp()).map_err(folder)?;
    let manifest = describe(request, id, &facts, written, started);
    let file = snapshots.join(id.file_name());
    // Written beforehand: cut off between the two names, the next start gives the manifest its own.
    let prepared = manifest::prepare(&snapshots, &manifest)?;
    out.publish(&file)?;
    match prepared.publish() {
        Ok(()) => Ok(manifest),
        Err(e) => {
            // Without its manifest it is not listed; that removing fails too is the same fault of the disk.
            let _ = durable::remove(&file);
            Err(e.into())
        }
    }
}

/// Reads one instant of the database into `out`; chunks that the last snapshot has are copied from there.
fn write(
    request: &Request,
    database: &Database,
    out: &mut Unnamed,
    watch: &mut Watch<'_>,
    way: Way,
) -> Result<(Facts, Written, Receipt), SnapshotError> {
    let conn = database.connection();
    conn.execute_batch("BEGIN").map_err(SnapshotError::Read)?;
    let size = size_now(conn).map_err(SnapshotError::Read)?;
    let has_dbpage =
        way == Way::BestThereIs && pages::has_dbpage(conn).map_err(SnapshotError::Read)?;
    let live = has_dbpage && size.journal_mode == "wal";
    let catalogue = Catalogue::read(&request.folder)?;
    check_room(request, &catalogue, size.plain_bytes(), !live)?;
    let basis = Basis::newest(&catalogue, request.now.timestamp());
    drop(catalogue);
    if live {
        low_priority::enter_idle();
        let facts = examine(conn, database.path(), &size, watch)?;
        let mut statement = pages::statement(conn).map_err(SnapshotError::Read)?;
        let mut pages =
            LivePages::new(&mut statement, size.plain_bytes()).map_err(SnapshotError::Read)?;
        let (written, receipt) =
            gzip::compress(&mut pages, out.file(), request.level, basis.as_ref(), watch)?;
        return Ok((facts, written, receipt));
    }
    // Here a held read makes the app's commits wait: out of it as fast as the disk allows.
    let mut copy = if has_dbpage {
        Copy::of_pages(conn, &size, &request.scratch, watch)?
    } else {
        Copy::by_backup_api(conn, &size, &request.scratch, watch)?
    };
    conn.execute_batch("COMMIT").map_err(SnapshotError::Read)?;
    low_priority::enter_idle();
    copy.conn
        .progress_handler(database::INTERRUPT_CHECK_STEPS, Some(watch.interrupter()))
        .map_err(SnapshotError::Read)?;
    let mut facts = examine(&copy.conn, database.path(), &size, watch)?;
    facts.journal_mode = size.journal_mode;
    let (written, receipt) =
        gzip::compress(&mut copy, out.file(), request.level, basis.as_ref(), watch)?;
    Ok((facts, written, receipt))
}

/// The facts that cost nothing; it is also the transaction's first read, which fixes what it sees.
fn size_now(conn: &Connection) -> rusqlite::Result<Facts> {
    conn.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
    database::bare_facts(conn)
}

fn examine(
    conn: &Connection,
    path: &Path,
    size: &Facts,
    watch: &mut Watch<'_>,
) -> Result<Facts, SnapshotError> {
    watch.begin(Stage::Checking, size.plain_bytes())?;
    let checked = database::checked_facts(conn, size.plain_bytes()).map_err(SnapshotError::Read)?;
    checked.map_err(|findings| {
        let path = path.to_owned();
        DatabaseError::Damaged { path, findings }.into()
    })
}

/// Refuses before anything is written when the snapshot will not fit; [`gzip::compress`] watches the rest.
/// What is copied from the last snapshot is written like the rest, and so makes no difference here.
fn check_room(
    request: &Request,
    catalogue: &Catalogue,
    plain: u64,
    copied: bool,
) -> Result<(), SnapshotError> {
    let last = catalogue.newest_by(request.now.timestamp());
    let last = last.map(|entry| &entry.manifest);
    let need = estimate(plain, last.map(|last| (last.bytes, last.plain_bytes)));
    let same_disk = fs::metadata(&request.folder)?.dev() == fs::metadata(&request.scratch)?.dev();
    scratch::has_room(&request.folder, need)??;
    if copied {
        let together = plain + if same_disk { need } else { 0 };
        scratch::has_room(&request.scratch, together)??;
    }
    Ok(())
}

/// The bytes that a snapshot of `plain` bytes will have, judged by the last one's (file, content) with a
/// quarter more, and never more than what does not compress at all; for the first, half of the database is a cautious
/// guess.
fn estimate(plain: u64, last: Option<(u64, u64)>) -> u64 {
    match last {
        Some((bytes, of_plain)) if of_plain > 0 => {
            let scaled = u128::from(bytes) * u128::from(plain.max(of_plain)) / u128::from(of_plain);
            // A member adds some hundred bytes to a chunk that does not compress.
            let most = plain.saturating_add(plain / 256 + 4096);
            u64::try_from(scaled * 5 / 4).unwrap_or(u64::MAX).min(most)
        }
        _ => plain / 2,
    }
}

fn read_back(
    out: &mut Unnamed,
    receipt: &Receipt,
    watch: &mut Watch<'_>,
) -> Result<(), SnapshotError> {
    let file = out.file();
    low_priority::leave_idle();
    file.sync_all()?;
    // From the disk, not from memory: that is what a reader will get after a power cut.
    rustix::fs::fadvise(&*file, 0, None, Advice::DontNeed).map_err(io::Error::from)?;
    file.seek(SeekFrom::Start(0))?;
    low_priority::enter_idle();
    match gzip::prove(file, receipt, watch) {
        Ok(true) => Ok(()),
        Ok(false) => Err(SnapshotError::ReadsBackWrong(
            "its bytes are others".to_owned(),
        )),
        Err(UnpackError::Fault(fault)) => Err(SnapshotError::ReadsBackWrong(fault.to_string())),
        Err(UnpackError::Io(e)) => Err(SnapshotError::ReadsBackWrong(e.to_string())),
        Err(UnpackError::Stopped(stopped)) => Err(stopped.into()),
    }
}

/// The id after the last one of this second. Never one before it, though that may be free again: the newest snapshot
/// has to sort as the newest, also where a clock shows the same second twice.
fn free_id(snapshots: &Path, at: jiff::Timestamp) -> io::Result<SnapshotId> {
    let first = SnapshotId::new(at, 1);
    let mut last: Option<SnapshotId> = None;
    for item in fs::read_dir(snapshots)? {
        let name = item?.file_name();
        let id = name.to_str().and_then(SnapshotId::from_file_name);
        last = last.max(id.filter(|id| id.taken_at() == first.taken_at()));
    }
    match last.map(|last| (last, last.following())) {
        None => Ok(first),
        Some((last, next)) if next > last => Ok(next),
        Some(_) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "every name of this second is taken: look at the clock",
        )),
    }
}

fn describe(
    request: &Request,
    id: SnapshotId,
    facts: &Facts,
    written: Written,
    started: Instant,
) -> Manifest {
    Manifest {
        id,
        app: request.app.clone(),
        reason: request.reason,
        taken_at: id.taken_at(),
        local_date: request.local_date.unwrap_or_else(|| request.now.date()),
        offset: manifest::offset_text(request.now.offset()),
        release: request.release.clone(),
        pinned: request.pinned,
        sha256: written.sha256,
        bytes: written.bytes,
        plain_sha256: written.plain_sha256,
        content_blake3: written.content_blake3,
        chunks: Some(written.chunks),
        plain_bytes: written.plain_bytes,
        page_size: facts.page_size,
        page_count: facts.page_count,
        user_version: facts.user_version,
        schema_hash: facts.schema_hash.clone(),
        tables: facts.tables.clone(),
        concerns: facts.concerns.clone(),
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        later: std::collections::BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests;
