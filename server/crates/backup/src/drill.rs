//! The restore drill: the newest snapshot is unpacked elsewhere, opened, fully checked, and its row counts are compared
//! with the manifest's and with those of the night before. Nothing that lives is touched.

mod shrink;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use rusqlite::limits::Limit;
use serde::{Deserialize, Serialize};

use super::catalogue::{self, Catalogue, Problem};
use super::database::Facts;
use super::manifest::{Manifest, Reason};
use super::sqlite;
use super::verify::{self, Name, Unproven};
use super::watch::{Stage, Stopped, Watch};
use tealkeep_base::{durable, schedule};
use tealkeep_words::snapshot::SnapshotId;

pub use shrink::{Lost, Shrunk, shrunk};

/// A newest snapshot that is older than this is warned of: the night's has not come.
const MAX_SNAPSHOT_AGE: SignedDuration = SignedDuration::from_hours(48);
/// A drill that failed is tried again after this long, where the next one would come later.
const RETRY_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// A value that is larger is not taken into memory, where SQLite would have all of it at once: its pages are checked
/// like all others.
const MAX_VALUE_BYTES: i32 = 16 << 20;

/// What to drill.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// A backups folder, or one snapshot's file.
    pub what: &'a Path,
    /// Where to unpack, if there is room; else as [`verify::verify_file`] does without one.
    pub scratch: Option<&'a Path>,
    /// From which share of its rows on, in percent, a table that shrank is warned of.
    pub shrink: u32,
    /// Now.
    pub now: Timestamp,
}

/// What came of a drill. Its JSON is part of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Report {
    /// Which snapshot; none where there was none to unpack, or the file's name is not a snapshot's.
    pub snapshot: Option<SnapshotId>,
    /// When it was taken, where that is known.
    #[schemars(with = "Option<String>")]
    pub taken_at: Option<Timestamp>,
    /// The nightly snapshot before it, whose rows are `before`.
    pub compared_with: Option<SnapshotId>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The size of the database that was unpacked, in bytes; 0 where it failed.
    pub plain_bytes: u64,
    /// The tables in it, by name; empty where it failed.
    pub tables: Vec<Table>,
    /// Why a restore of it would fail, in words that end no sentence; none where it would work.
    pub failed: Option<String>,
    /// What a person should look at, each in words that end no sentence: `table doses has 10 rows, and had 900`.
    pub warnings: Vec<String>,
    /// What else was seen, each in words that end no sentence, and calls for nothing.
    pub notes: Vec<String>,
}

/// The rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its rows now; none where it is gone.
    pub rows: Option<u64>,
    /// Its rows in the night before; none where it was not there, or no night before is known.
    pub before: Option<u64>,
}

impl Report {
    /// Whether a restore of it would work.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.failed.is_none()
    }

    /// The rows of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().filter_map(|table| table.rows).sum()
    }

    /// What was proven, in words that continue the snapshot's name: `12 tables, 3,412 rows`.
    #[must_use]
    pub fn proven(&self) -> String {
        let tables = self.tables.iter().filter(|table| table.rows.is_some());
        let (tables, rows) = (tables.count() as u64, self.rows());
        format!("{}, {}", counted(tables, "table"), counted(rows, "row"))
    }
}

/// When the next drill is due, after the last one's end and whether it failed; `None` where that is never.
#[must_use]
pub fn next(now: Timestamp, last: Option<(Timestamp, bool)>, every: Duration) -> Option<Timestamp> {
    let every = match last {
        Some((_, true)) => every.min(RETRY_INTERVAL),
        Some((_, false)) | None => every,
    };
    let last = last.map(|(at, _)| at);
    (!every.is_zero()).then(|| schedule::next_check(now, last, every))
}

/// The nightly snapshot before another one, of all that are known: the newest that is older and counts for an earlier
/// night.
#[must_use]
pub fn night_before<'a>(
    manifest: &Manifest,
    all: impl IntoIterator<Item = &'a Manifest>,
) -> Option<&'a Manifest> {
    let nights = all.into_iter().filter(|other| {
        let is_earlier =
            manifest.reason != Reason::Nightly || other.local_date < manifest.local_date;
        other.reason == Reason::Nightly && other.id < manifest.id && is_earlier
    });
    nights.max_by_key(|other| other.id)
}

/// What a snapshot has lost since the night before it, of all that are known; `None` where no table shrank by at least
/// `percent` of its rows, or there was no night before.
#[must_use]
pub fn lost<'a>(
    manifest: &Manifest,
    all: impl IntoIterator<Item = &'a Manifest>,
    percent: u32,
) -> Option<Lost> {
    let before = night_before(manifest, all)?;
    let tables = shrunk(&before.tables, &manifest.tables, percent);
    (!tables.is_empty()).then_some(Lost {
        night: manifest.id,
        before: before.id,
        tables,
    })
}

/// What the newest night has lost.
#[must_use]
pub fn lost_last_night(catalogue: &Catalogue, now: Timestamp, percent: u32) -> Option<Lost> {
    let all = || catalogue.entries.iter().map(|entry| &entry.manifest);
    let nights = all().filter(|manifest| manifest.reason == Reason::Nightly);
    let newest = nights
        .filter(|night| !catalogue::is_ahead(night.taken_at, now))
        .max_by_key(|night| night.id)?;
    lost(newest, all(), percent)
}

/// Does the drill. What goes wrong is told in the report, unless it was called off.
///
/// # Errors
/// It was called off; nothing is known then.
pub fn run(order: &Order<'_>, watch: &mut Watch<'_>) -> Result<Report, Stopped> {
    let began = Instant::now();
    let mut report = Report {
        snapshot: None,
        taken_at: None,
        compared_with: None,
        took_ms: 0,
        plain_bytes: 0,
        tables: Vec::new(),
        failed: None,
        warnings: Vec::new(),
        notes: Vec::new(),
    };
    match drill(order, &mut report, watch) {
        Ok(()) => {}
        Err(Failed::CalledOff) => return Err(Stopped::Cancelled),
        Err(Failed::Because(why)) => report.failed = Some(why),
    }
    report.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

/// Why there is nothing to tell but that.
enum Failed {
    CalledOff,
    Because(String),
}

impl From<Stopped> for Failed {
    fn from(stopped: Stopped) -> Failed {
        match stopped {
            Stopped::Cancelled => Failed::CalledOff,
            Stopped::TooLong(_) => Failed::Because(stopped.to_string()),
        }
    }
}

impl From<Unproven> for Failed {
    fn from(unproven: Unproven) -> Failed {
        Failed::Because(match unproven {
            Unproven::Stopped(stopped) => return stopped.into(),
            Unproven::Damaged(damage) => format!("it is damaged: {damage}"),
            Unproven::NoRoom(no_room) => format!("there is no room to unpack it: {no_room}"),
            Unproven::Io(e) => format!("it could not be unpacked: {e}"),
        })
    }
}

/// The snapshot to unpack, and what is known of those beside it.
struct Chosen {
    id: Option<SnapshotId>,
    path: PathBuf,
    manifest: Option<Manifest>,
    catalogue: Catalogue,
}

fn drill(order: &Order<'_>, report: &mut Report, watch: &mut Watch<'_>) -> Result<(), Failed> {
    watch.check()?;
    let because = |e: &dyn std::fmt::Display| {
        Failed::Because(format!("{} can't be read: {e}", order.what.display()))
    };
    let is_folder = fs::metadata(order.what).map_err(|e| because(&e))?.is_dir();
    let (chosen, file) = loop {
        let chosen = if is_folder {
            newest(order, report).map_err(|e| because(&e))??
        } else {
            one_file(order.what).map_err(|e| because(&e))??
        };
        match durable::open_regular(&chosen.path) {
            Ok(file) => break (chosen, file),
            // A rotation took it away since the folder was read.
            Err(e) if e.kind() == io::ErrorKind::NotFound && is_folder => watch.check()?,
            Err(e) => return Err(because(&e)),
        }
    };
    report.snapshot = chosen.id;
    report.taken_at = chosen.manifest.as_ref().map(|manifest| manifest.taken_at);
    let manifest = chosen.manifest.as_ref();
    let need = manifest.map_or(0, |manifest| manifest.plain_bytes);
    let (mut unnamed, dir) =
        verify::workplace(&chosen.path, order.scratch, need).map_err(Unproven::Io)?;
    let mut name = Name::Brief;
    let (facts, conn) = verify::unpack_open(&file, &mut unnamed, &dir, manifest, &mut name, watch)?;
    read_all(&conn, &facts, watch)?;
    report.plain_bytes = facts.plain_bytes();
    // The manifest knows more of the content: SQLite evaluates no CHECK in a copy that it can't write to.
    let concerns = manifest.map_or(&facts.concerns, |manifest| &manifest.concerns);
    let broken = concerns.content_findings.iter();
    report
        .notes
        .extend(broken.map(|what| format!("rows break the app's own rules: {what}")));
    let unchecked = concerns.unchecked.iter();
    report
        .notes
        .extend(unchecked.map(|what| format!("not checked without the app: {what}")));
    report.notes.extend(orphans(&conn, watch)?);
    compare(order, &chosen, &facts, report);
    Ok(())
}

/// The newest snapshot of a folder. One that is newer and no longer whole comes first: it is what a restore would take.
fn newest(order: &Order<'_>, report: &mut Report) -> io::Result<Result<Chosen, Failed>> {
    let catalogue = Catalogue::read(order.what)?;
    let ahead = order.now + MAX_SNAPSHOT_AGE;
    // One dated in the future, which only a wrong clock can have made, hides no other.
    let mut entries = catalogue.entries.iter().rev();
    let entry = entries
        .find(|entry| entry.manifest.taken_at <= ahead)
        .or(catalogue.entries.last());
    let entry = entry.map(|entry| (entry.manifest.clone(), entry.path.clone()));
    let chosen_id = entry.as_ref().map(|(manifest, _)| manifest.id);
    report.warnings.clear();
    for problem in catalogue.problems.iter().rev() {
        match problem {
            Problem::NoManifest { .. } => {}
            // No restore would take it.
            Problem::NotAFile { .. } => report.warnings.push(problem.to_string()),
            problem if Some(problem.id()) > chosen_id => {
                report.snapshot = Some(problem.id());
                return Ok(Err(Failed::Because(format!("the newest one, {problem}"))));
            }
            problem => report.warnings.push(problem.to_string()),
        }
    }
    let chosen = match (entry, catalogue.problems.last()) {
        (Some((manifest, path)), _) => Chosen {
            id: Some(manifest.id),
            path,
            manifest: Some(manifest),
            catalogue,
        },
        // Somebody copied the files alone.
        (None, Some(Problem::NoManifest { id, path })) => Chosen {
            id: Some(*id),
            path: path.clone(),
            manifest: None,
            catalogue,
        },
        (None, _) => {
            let why = format!("{} holds no snapshot", order.what.display());
            return Ok(Err(Failed::Because(why)));
        }
    };
    Ok(Ok(chosen))
}

fn one_file(path: &Path) -> io::Result<Result<Chosen, Failed>> {
    let real = fs::canonicalize(path)?;
    let manifest = match verify::manifest_of(&real) {
        Ok(manifest) => manifest,
        Err(damage) => return Ok(Err(Unproven::Damaged(damage).into())),
    };
    let folder = real
        .parent()
        .and_then(Path::parent)
        .filter(|folder| real.parent() == Some(&catalogue::snapshots(folder)));
    let name = real.file_name().and_then(|name| name.to_str());
    Ok(Ok(Chosen {
        id: name.and_then(SnapshotId::from_file_name),
        manifest,
        catalogue: match folder {
            Some(folder) => Catalogue::read(folder)?,
            None => Catalogue::default(),
        },
        path: real,
    }))
}

/// Reads every value of every row but the largest, as an app would that is given this database.
fn read_all(conn: &Connection, facts: &Facts, watch: &mut Watch<'_>) -> Result<(), Failed> {
    watch.begin(Stage::Checking, facts.plain_bytes())?;
    for table in facts.tables.keys() {
        let read = read_table(conn, table);
        match read {
            Ok(()) => {}
            // A function that only the app brings, in a generated column; the pages themselves were checked.
            Err(e) if sqlite::error_code(&e) == Some(rusqlite::ErrorCode::Unknown) => {}
            Err(e) => return Err(verify::judge(&e, watch).into()),
        }
        watch.check()?;
    }
    watch.end(Stage::Checking, facts.plain_bytes());
    Ok(())
}

fn read_table(conn: &Connection, table: &str) -> rusqlite::Result<()> {
    let limit = Limit::SQLITE_LIMIT_LENGTH;
    let before = conn.set_limit(limit, MAX_VALUE_BYTES)?;
    let read = read_values(conn, table, "*");
    conn.set_limit(limit, before)?;
    match read {
        Err(e) if sqlite::error_code(&e) == Some(rusqlite::ErrorCode::TooBig) => {
            read_values(conn, table, &all_but_large(conn, table)?)
        }
        read => read,
    }
}

fn read_values(conn: &Connection, table: &str, values: &str) -> rusqlite::Result<()> {
    let table = sqlite::quoted(table);
    let mut statement = conn.prepare(&format!("SELECT {values} FROM main.{table}"))?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            row.get_ref(column)?;
        }
    }
    Ok(())
}

/// The columns of a table such that of a large value no more than its size is looked at.
fn all_but_large(conn: &Connection, table: &str) -> rusqlite::Result<String> {
    let mut statement = conn.prepare("SELECT name FROM pragma_table_xinfo(?1, 'main')")?;
    let mut rows = statement.query([table])?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        // A statement can't name a column whose name is not UTF-8; its pages were checked like all others.
        if let Ok(name) = std::str::from_utf8(row.get_ref(0)?.as_bytes()?) {
            let name = sqlite::quoted(name);
            values.push(format!(
                "CASE WHEN octet_length({name}) <= {MAX_VALUE_BYTES} THEN {name} END"
            ));
        }
    }
    if values.is_empty() {
        values.push("NULL".to_owned());
    }
    Ok(values.join(", "))
}

/// The rows whose foreign keys lead nowhere, by tables. An app that does not enforce them may have them for good.
fn orphans(conn: &Connection, watch: &Watch<'_>) -> Result<Vec<String>, Failed> {
    let look = || -> rusqlite::Result<Vec<(String, String, u64)>> {
        let mut statement = conn.prepare(
            "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2 ORDER BY 1, 2",
        )?;
        let rows = statement.query_map([], |row| {
            let count: i64 = row.get(2)?;
            Ok((row.get(0)?, row.get(1)?, count.unsigned_abs()))
        })?;
        rows.collect()
    };
    match look() {
        Ok(found) => Ok(found
            .into_iter()
            .map(|(table, parent, rows)| {
                let rows = counted(rows, "row");
                format!("{rows} of table {table} refer to rows of {parent} that are not there")
            })
            .collect()),
        Err(e) if sqlite::error_code(&e) == Some(rusqlite::ErrorCode::OperationInterrupted) => {
            Err(verify::judge(&e, watch).into())
        }
        // A key that fits no column, which SQLite tells only whoever asks.
        Err(e) => Ok(vec![format!("the foreign keys could not be checked: {e}")]),
    }
}

fn compare(order: &Order<'_>, chosen: &Chosen, facts: &Facts, report: &mut Report) {
    let manifests = chosen.catalogue.entries.iter().map(|entry| &entry.manifest);
    let manifest = chosen.manifest.as_ref();
    let before = manifest.and_then(|manifest| night_before(manifest, manifests));
    let rows_before = |name: &String| before.and_then(|night| night.tables.get(name).copied());
    report.compared_with = before.map(|night| night.id);
    report.tables = facts
        .tables
        .iter()
        .map(|(name, rows)| Table {
            name: name.clone(),
            rows: Some(*rows),
            before: rows_before(name),
        })
        .collect();
    match manifest {
        Some(manifest) => {
            let age = order.now.duration_since(manifest.taken_at);
            if age > MAX_SNAPSHOT_AGE && fs::metadata(order.what).is_ok_and(|meta| meta.is_dir()) {
                let days = age.as_hours() / 24;
                report
                    .warnings
                    .push(format!("the newest snapshot is {days} days old"));
            }
        }
        None => report
            .warnings
            .push("it has no manifest to be compared with".to_owned()),
    }
    let Some(night) = before else { return };
    let gone = night
        .tables
        .iter()
        .filter(|(name, _)| !facts.tables.contains_key(*name));
    report.tables.extend(gone.map(|(name, rows)| Table {
        name: name.clone(),
        rows: None,
        before: Some(*rows),
    }));
    let found = shrunk(&night.tables, &facts.tables, order.shrink);
    report
        .warnings
        .extend(found.iter().map(ToString::to_string));
    if night.schema_hash != facts.schema_hash {
        report
            .notes
            .push(format!("the schema is another one than in {}", night.id));
    }
}

/// A number of things, for people: `1 row`, `3,412 rows`.
#[must_use]
pub fn counted(count: u64, what: &str) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    let ending = if count == 1 { "" } else { "s" };
    format!("{text} {what}{ending}")
}

#[cfg(test)]
mod tests;
