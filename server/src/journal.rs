//! The journal: what happened, in past tense, and how far each run has come. Pages are drawn from it, and the first start
//! after a crash reads from it what was under way. Events are only ever appended; the oldest are removed after years.
//!
//! It is one SQLite database in the state folder. When a call here returns, its change is on the disk.

pub mod checks;
mod columns;
pub mod drills;
mod events;
mod installation;
pub mod nights;
pub mod notices;
pub mod outgoing;
pub mod pulls;
pub mod runs;
mod schema;
mod settings;
pub mod traffic;

pub use tealkeep_words::transition;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::names::AppName;
use runs::RunId;

/// How many events a slow listener may be behind before it has to read from the database.
const LISTENER_BACKLOG: usize = 256;

/// How many nights, drills and pulls are kept for each app: a few years of each. A laptop that reports all the time fills
/// no disk.
const MAX_ROWS_PER_APP: u32 = 1000;

/// The severity of an event, in ascending order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something succeeded.
    Good,
    /// Information.
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
    /// Increases by one with each event; also the id of the server-sent event.
    pub id: i64,
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The app that it concerns, if any.
    pub app: Option<AppName>,
    /// The run that it belongs to, if any.
    pub run: Option<RunId>,
    /// Its severity.
    pub severity: Severity,
    /// What happened: a sentence in past tense.
    pub text: String,
}

/// An event before it is written.
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

/// What a listener receives.
#[derive(Debug, Clone)]
pub enum Signal {
    /// Something was appended.
    Event(Event),
    /// A run took a step, or a colour changed its state: pages must be drawn again.
    Changed,
}

impl Journal {
    /// Opens the journal in `folder`, and creates it at the first start.
    ///
    /// # Errors
    /// The folder can't be written, or the file is not a journal of this version.
    pub fn open(folder: &Path) -> anyhow::Result<Journal> {
        let path = folder.join("journal.db");
        keep_private(&path)
            .with_context(|| format!("cannot make the journal {} private", path.display()))?;
        let connection = Connection::open(&path)
            .with_context(|| format!("cannot open the journal {}", path.display()))?;
        schema::prepare(&connection).with_context(|| {
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

    /// Tells listeners without an event that pages must be drawn again.
    pub fn touch(&self) {
        // Nobody listening is the usual state of a night.
        let _ = self.inner.events.send(Signal::Changed);
    }

    /// Every event and change from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Signal> {
        self.inner.events.subscribe()
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic in another thread rolled its transaction back; the connection itself is sound.
        self.inner
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the oldest rows of an app from a table that would grow without limit.
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
        .execute(&old, params![app.as_str(), MAX_ROWS_PER_APP])
        .map(drop)
}

/// Makes the journal unreadable for other users, because it contains a password's hash. SQLite gives the files beside it the modes of the
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
