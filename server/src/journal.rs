//! The journal: a record of what happened, in past tense, and of how far each run has come. It is only ever added to,
//! and the oldest of it goes after years. Pages are drawn from it, and a start after a crash reads it to know what was
//! under way.
//!
//! It is one SQLite database in the state folder. What returns from here is on the disk.

pub mod checks;
pub mod drills;
mod installation;
pub mod nights;
pub mod notices;
pub mod pulls;
pub mod runs;
pub mod traffic;

pub use tealkeep_words::transition;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::names::AppName;
use runs::RunId;

/// How many events a slow listener may be behind before it is told to read from the database.
const LISTENER_BACKLOG: usize = 256;

/// How many nights, drills and pulls of an app are kept, of each: some years of them. A laptop that leaves word again
/// and again fills no disk.
const MOST_OF_AN_APP: u32 = 1000;

/// How many events are kept, of all apps together: some years of a quiet home. What is decided by is in tables of its
/// own.
const MOST_EVENTS: i64 = 20_000;

/// After how many events the oldest are let go.
const EVENTS_AT_ONCE: i64 = 256;

/// How grave an event is, the gravest last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something ended well.
    Good,
    /// Something to know.
    Info,
    /// Something that a person should look at.
    Warning,
    /// Something failed.
    Bad,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Severity::Good => "good",
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Bad => "bad",
        }
    }

    fn parse(text: &str) -> Severity {
        match text {
            "good" => Severity::Good,
            "warning" => Severity::Warning,
            "bad" => Severity::Bad,
            _ => Severity::Info,
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Event {
    /// Rises by one with each event; the id of the server-sent event too.
    pub id: i64,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Which app it concerns, if one.
    pub app: Option<AppName>,
    /// Which run it belongs to, if one.
    pub run: Option<RunId>,
    /// How grave it is.
    pub severity: Severity,
    /// What happened: a sentence in past tense.
    pub text: String,
}

/// What is about to be written.
#[derive(Debug, Clone)]
pub struct NewEvent {
    app: Option<AppName>,
    run: Option<RunId>,
    severity: Severity,
    text: String,
}

impl NewEvent {
    /// An event that concerns no app in particular.
    #[must_use]
    pub fn new(severity: Severity, text: impl Into<String>) -> NewEvent {
        NewEvent {
            app: None,
            run: None,
            severity,
            text: text.into(),
        }
    }

    /// The app that it concerns.
    #[must_use]
    pub fn of(mut self, app: &AppName) -> NewEvent {
        self.app = Some(app.clone());
        self
    }

    /// The run that it belongs to.
    #[must_use]
    pub fn in_run(mut self, run: RunId) -> NewEvent {
        self.run = Some(run);
        self
    }
}

/// The journal; cheap to share.
#[derive(Debug, Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    connection: Mutex<Connection>,
    events: broadcast::Sender<Signal>,
}

/// What a listener is told.
#[derive(Debug, Clone)]
pub enum Signal {
    /// Something was appended.
    Event(Event),
    /// A run took a step, or a colour changed its state: pages look different now.
    Changed,
}

impl Journal {
    /// Opens the journal in `folder`, making it at the first start.
    ///
    /// # Errors
    /// The folder can't be written, or the file is not a journal of this version.
    pub fn open(folder: &Path) -> anyhow::Result<Journal> {
        let path = folder.join("journal.db");
        keep_private(&path)
            .with_context(|| format!("cannot make the journal {} private", path.display()))?;
        let connection = Connection::open(&path)
            .with_context(|| format!("cannot open the journal {}", path.display()))?;
        prepare(&connection).with_context(|| {
            format!("cannot use the journal {}; move it away to begin a new one (snapshots don't need it)", path.display())
        })?;
        let (events, _) = broadcast::channel(LISTENER_BACKLOG);
        Ok(Journal {
            inner: Arc::new(Inner {
                folder: folder.to_owned(),
                connection: Mutex::new(connection),
                events,
            }),
        })
    }

    /// The folder that it is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Runs `work` on the journal's connection, off the async threads.
    ///
    /// # Errors
    /// Whatever `work` returns.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let journal = self.clone();
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || span.in_scope(|| work(&mut journal.connection())))
            .await
            .context("the journal's thread ended")?
            .context("the journal could not be read or written")
    }

    /// Appends an event and tells whoever listens.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn append(&self, event: NewEvent) -> anyhow::Result<Event> {
        let at = Timestamp::now();
        let row = event.clone();
        let id = self
            .with(move |connection| {
                connection.execute(
                    "INSERT INTO event(at, app, run, severity, text) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        at.as_millisecond(),
                        row.app.as_ref().map(AppName::as_str),
                        row.run,
                        row.severity.as_str(),
                        row.text
                    ],
                )?;
                let id = connection.last_insert_rowid();
                if id % EVENTS_AT_ONCE == 0 {
                    forget_old_events(connection, id);
                }
                Ok(id)
            })
            .await?;
        let event = Event {
            id,
            at,
            app: event.app,
            run: event.run,
            severity: event.severity,
            text: event.text,
        };
        match event.severity {
            Severity::Good | Severity::Info => tracing::info!(
                app = event.app.as_ref().map(AppName::as_str),
                "{}",
                event.text
            ),
            Severity::Warning => tracing::warn!(
                app = event.app.as_ref().map(AppName::as_str),
                "{}",
                event.text
            ),
            Severity::Bad => tracing::error!(
                app = event.app.as_ref().map(AppName::as_str),
                "{}",
                event.text
            ),
        }
        // Nobody listening is the usual state of a night.
        let _ = self.inner.events.send(Signal::Event(event.clone()));
        Ok(event)
    }

    /// Appends an event where the caller has nothing better to do with a failure than to log it.
    pub async fn note(&self, event: NewEvent) {
        let text = event.text.clone();
        if let Err(error) = self.append(event).await {
            tracing::error!("the journal did not take {text:?}: {error:#}");
        }
    }

    /// Tells listeners that pages look different now, without an event.
    pub fn touch(&self) {
        // Nobody listening is the usual state of a night.
        let _ = self.inner.events.send(Signal::Changed);
    }

    /// Everything that is appended, or changes, from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.inner.events.subscribe()
    }

    /// The newest events, newest first: of one app or of all, older than `before`, `limit` at most.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn events(
        &self,
        app: Option<AppName>,
        before: Option<i64>,
        limit: u32,
    ) -> anyhow::Result<Vec<Event>> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, at, app, run, severity, text FROM event
                     WHERE (?1 IS NULL OR app = ?1) AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3",
                )?
                .query_map(params![app.as_ref().map(AppName::as_str), before, limit], event_of)?
                .collect()
        })
        .await
    }

    /// The events after `id`, oldest first, `limit` at most: what a listener that comes back has missed.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn events_after(&self, id: i64, limit: u32) -> anyhow::Result<Vec<Event>> {
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT id, at, app, run, severity, text FROM event WHERE id > ?1 ORDER BY id LIMIT ?2",
                )?
                .query_map(params![id, limit], event_of)?
                .collect()
        })
        .await
    }

    /// The id and the instant of the newest event.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn newest(&self) -> anyhow::Result<Option<(i64, Timestamp)>> {
        self.with(|connection| {
            connection
                .query_row(
                    "SELECT id, at FROM event ORDER BY id DESC LIMIT 1",
                    [],
                    |row| Ok((row.get(0)?, instant(row.get(1)?))),
                )
                .optional()
        })
        .await
    }

    /// The latest instant that any event carries: a clock that is earlier than this is not to be trusted.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn latest_instant(&self) -> anyhow::Result<Option<Timestamp>> {
        self.with(|connection| {
            connection.query_row("SELECT max(at) FROM event", [], |row| {
                Ok(row.get::<_, Option<i64>>(0)?.map(instant))
            })
        })
        .await
    }

    /// A value that is kept under a name, such as the instant of the installation.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn setting(&self, key: &'static str) -> anyhow::Result<Option<String>> {
        self.with(move |connection| {
            connection
                .query_row("SELECT value FROM setting WHERE key = ?1", [key], |row| {
                    row.get(0)
                })
                .optional()
        })
        .await
    }

    /// Keeps a value under a name; `None` forgets it.
    ///
    /// # Errors
    /// The journal can't be written.
    pub async fn set_setting(
        &self,
        key: &'static str,
        value: Option<String>,
    ) -> anyhow::Result<()> {
        self.with(move |connection| {
            match value {
                Some(value) => connection.execute(
                    "INSERT INTO setting(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                    params![key, value],
                )?,
                None => connection.execute("DELETE FROM setting WHERE key = ?1", [key])?,
            };
            Ok(())
        })
        .await
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic in another thread rolled its transaction back; the connection itself is sound.
        self.inner
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds since 1970, as they stand in the journal, as an instant.
#[must_use]
pub fn instant(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Forgets the oldest events, as of one that was just written.
fn forget_old_events(connection: &Connection, newest: i64) {
    let old = connection.execute("DELETE FROM event WHERE id <= ?1", [newest - MOST_EVENTS]);
    // The event is written all the same, and a later one does it.
    if let Err(error) = old {
        tracing::warn!("old events could not be let go: {error}");
    }
}

/// Forgets the oldest rows of an app in a table that would grow for ever.
fn keep_newest(
    connection: &Connection,
    table: &'static str,
    app: &AppName,
) -> rusqlite::Result<()> {
    let old = format!(
        "DELETE FROM {table} WHERE app = ?1 AND id <=
             (SELECT id FROM {table} WHERE app = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)"
    );
    connection
        .execute(&old, params![app.as_str(), MOST_OF_AN_APP])
        .map(drop)
}

fn event_of(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: row.get(0)?,
        at: instant(row.get(1)?),
        app: row
            .get::<_, Option<String>>(2)?
            .and_then(|name| name.parse().ok()),
        run: row.get(3)?,
        severity: Severity::parse(row.get_ref(4)?.as_str()?),
        text: row.get(5)?,
    })
}

/// Nobody else reads the journal: a password's hash is in it. SQLite gives the files beside it the modes of the
/// database itself (<https://sqlite.org/src/file/src/os_unix.c>, `findCreateFileMode`), so it is made before
/// SQLite opens it. By its path only: a descriptor that is closed would drop SQLite's locks.
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    for end in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(end);
        let private = std::fs::Permissions::from_mode(0o600);
        match std::fs::set_permissions(&file, private) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn prepare(connection: &Connection) -> anyhow::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        known @ 0..VERSION => {
            let known = usize::try_from(known).unwrap_or_default();
            connection.execute_batch(&VERSIONS[known..].concat())?;
        }
        VERSION => {}
        newer => anyhow::bail!(
            "it was written by a newer Tealkeep (its version is {newer}, this one knows {VERSION})"
        ),
    }
    Ok(())
}

/// What each version added to the one before it, the first to nothing.
const VERSIONS: [&str; VERSION as usize] = [
    SCHEMA,
    TOKENS,
    CHECKS,
    NIGHTS,
    notices::TABLES,
    COVERAGE,
    traffic::TABLES,
    notices::ACKNOWLEDGEMENTS,
];
const VERSION: i64 = 8;

const SCHEMA: &str = "
BEGIN IMMEDIATE;
CREATE TABLE event(
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, app TEXT, run INTEGER,
    severity TEXT NOT NULL, text TEXT NOT NULL) STRICT;
CREATE INDEX event_of_app ON event(app, id);
CREATE TRIGGER event_stays BEFORE UPDATE ON event BEGIN SELECT raise(ABORT, 'events are never changed'); END;
CREATE TABLE run(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, kind TEXT NOT NULL, facts TEXT NOT NULL,
    state TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER, reason TEXT, output TEXT) STRICT;
CREATE INDEX run_of_app ON run(app, id);
CREATE TABLE step(
    run INTEGER NOT NULL REFERENCES run(id), position INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
    began INTEGER, ended INTEGER, detail TEXT, PRIMARY KEY(run, position)) STRICT, WITHOUT ROWID;
CREATE TABLE release_schema(
    app TEXT NOT NULL, release TEXT NOT NULL, schema_hash TEXT NOT NULL, PRIMARY KEY(app, release, schema_hash))
    STRICT, WITHOUT ROWID;
CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE session(
    id TEXT PRIMARY KEY, data TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
COMMIT;
";

/// What the second version added.
const TOKENS: &str = "
BEGIN IMMEDIATE;
CREATE TABLE token(
    name TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, scope TEXT NOT NULL, made INTEGER NOT NULL, last_used INTEGER)
    STRICT, WITHOUT ROWID;
PRAGMA user_version = 2;
COMMIT;
";

/// What the third version added: what the policies found, and which findings a person accepted.
const CHECKS: &str = "
BEGIN IMMEDIATE;
CREATE TABLE policy_check(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, target TEXT NOT NULL, url TEXT NOT NULL,
    release TEXT, run INTEGER, first_at INTEGER NOT NULL, at INTEGER NOT NULL, times INTEGER NOT NULL,
    took_ms INTEGER NOT NULL, verdict TEXT, unreachable TEXT, findings TEXT NOT NULL) STRICT;
CREATE INDEX policy_check_of_app ON policy_check(app, id);
CREATE TABLE acceptance(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, policy TEXT NOT NULL, kind TEXT NOT NULL,
    url TEXT NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL, at INTEGER NOT NULL,
    revoked_at INTEGER, revoked_by TEXT) STRICT;
CREATE INDEX acceptance_of_app ON acceptance(app, id);
PRAGMA user_version = 3;
COMMIT;
";

/// What the fourth version added: the nights, the drills, and the pulls of the laptops.
const NIGHTS: &str = "
BEGIN IMMEDIATE;
CREATE TABLE night(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, local_date TEXT NOT NULL, at INTEGER NOT NULL,
    snapshot TEXT, failed TEXT) STRICT;
CREATE INDEX night_of_app ON night(app, id);
CREATE TABLE drill(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, at INTEGER NOT NULL, snapshot TEXT,
    took_ms INTEGER NOT NULL, failed TEXT, warnings TEXT NOT NULL) STRICT;
CREATE INDEX drill_of_app ON drill(app, id);
CREATE TABLE pull(
    id INTEGER PRIMARY KEY AUTOINCREMENT, app TEXT NOT NULL, at INTEGER NOT NULL, laptop TEXT NOT NULL,
    newest TEXT, whole INTEGER, damaged INTEGER) STRICT;
CREATE INDEX pull_of_app ON pull(app, id);
PRAGMA user_version = 4;
COMMIT;
";

/// What the sixth version added: what a check looked at, and acceptances by pattern.
const COVERAGE: &str = "
BEGIN IMMEDIATE;
ALTER TABLE policy_check ADD COLUMN seen TEXT;
ALTER TABLE acceptance ADD COLUMN is_pattern INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 6;
COMMIT;
";

#[cfg(test)]
mod tests {
    use super::*;

    async fn journal() -> (tempfile::TempDir, Journal) {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(dir.path()).unwrap();
        (dir, journal)
    }

    #[tokio::test]
    async fn what_happened_is_never_changed() {
        let (_dir, journal) = journal().await;
        journal
            .append(NewEvent::new(Severity::Good, "A snapshot was taken."))
            .await
            .unwrap();
        let changed = journal
            .with(|connection| connection.execute("UPDATE event SET text = 'no'", []))
            .await;
        assert!(format!("{:#}", changed.unwrap_err()).contains("events are never changed"));
        assert_eq!(
            journal.events(None, None, 9).await.unwrap()[0].text,
            "A snapshot was taken."
        );
    }

    #[tokio::test]
    async fn a_listener_that_comes_back_finds_what_it_missed_in_order() {
        let (_dir, journal) = journal().await;
        let mut live = journal.subscribe();
        let first = journal
            .append(NewEvent::new(Severity::Info, "one"))
            .await
            .unwrap();
        let home: AppName = "home".parse().unwrap();
        journal
            .append(NewEvent::new(Severity::Bad, "two").of(&home))
            .await
            .unwrap();
        journal
            .append(NewEvent::new(Severity::Info, "three"))
            .await
            .unwrap();
        let missed = journal.events_after(first.id, 9).await.unwrap();
        assert_eq!(
            missed.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(),
            ["two", "three"]
        );
        let of_home = journal.events(Some(home), None, 9).await.unwrap();
        assert_eq!(
            of_home.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(),
            ["two"]
        );
        assert!(matches!(live.recv().await.unwrap(), Signal::Event(event) if event == first));
    }

    #[tokio::test]
    async fn the_oldest_events_go_and_whoever_missed_some_of_them_gets_the_rest() {
        let (_dir, journal) = journal().await;
        journal
            .with(move |connection| {
                connection.execute(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                     INSERT INTO event(at, severity, text) SELECT i, 'info', 'something' FROM n",
                    [(MOST_EVENTS / EVENTS_AT_ONCE + 1) * EVENTS_AT_ONCE - 1],
                )
            })
            .await
            .unwrap();
        let newest = journal
            .append(NewEvent::new(Severity::Good, "A snapshot was taken."))
            .await
            .unwrap();
        assert_eq!(newest.id % EVENTS_AT_ONCE, 0);
        let all = journal.events(None, None, u32::MAX).await.unwrap();
        assert_eq!(all.len(), usize::try_from(MOST_EVENTS).unwrap());
        assert_eq!(all[0].id, newest.id);
        let oldest = all.last().unwrap().id;
        assert!(oldest > 1);
        assert_eq!(journal.events_after(1, 1).await.unwrap()[0].id, oldest);
        assert_eq!(journal.events(None, Some(oldest), 9).await.unwrap(), []);
    }

    #[test]
    fn a_journal_of_a_newer_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        drop(Journal::open(dir.path()).unwrap());
        let connection = Connection::open(dir.path().join("journal.db")).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let refused = Journal::open(dir.path()).unwrap_err();
        assert!(
            format!("{refused:#}").contains("written by a newer Tealkeep"),
            "{refused:#}"
        );
    }

    #[test]
    fn a_journal_of_an_earlier_version_keeps_what_it_has_and_gets_what_came_since() {
        for earlier in 1..VERSIONS.len() {
            let earlier = VERSIONS[..earlier].concat();
            let dir = tempfile::tempdir().unwrap();
            let connection = Connection::open(dir.path().join("journal.db")).unwrap();
            connection.execute_batch(&earlier).unwrap();
            connection
                .execute("INSERT INTO setting VALUES ('kept', 'yes')", [])
                .unwrap();
            drop(connection);
            // The second opening finds nothing left to add.
            for _ in 0..2 {
                drop(Journal::open(dir.path()).unwrap());
            }
            let connection = Connection::open(dir.path().join("journal.db")).unwrap();
            let kept = "SELECT value FROM setting WHERE key = 'kept' AND (SELECT count(*) FROM token) = 0
                        AND (SELECT count(*) FROM policy_check) + (SELECT count(*) FROM acceptance) = 0
                        AND (SELECT count(*) FROM night) + (SELECT count(*) FROM notice) = 0
                        AND (SELECT count(*) FROM traffic_day) = 0";
            let value: String = connection.query_row(kept, [], |row| row.get(0)).unwrap();
            assert_eq!(value, "yes");
        }
    }
}
