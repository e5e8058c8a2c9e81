//! The way back: a snapshot unpacked into a new file, and a file's content put into the live database in one
//! transaction, so that killed at any instant it holds either what it held before or what it was given.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use tealkeep_base::durable::{self, Unnamed};

use super::database::{self, Access, Database, DatabaseError, Facts};
use super::low_priority;
use super::manifest::{FILE_MODE, difference_in_rows};
use super::scratch::{self, NoRoom};
use super::sqlite::beside;
use super::verify::{Damage, Name, Unproven, manifest_of, unpack_checked};
use super::watch::{Stage, Stopped, Watch};

/// How long the checkpoint after a restore waits for readers. One that does not come through is no failure.
pub const CHECKPOINT_TIMEOUT: Duration = Duration::from_secs(2);

/// The content was not put back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is something where the new file should be.
    #[error("{0} exists already: name a file that does not, so that nothing is overwritten")]
    TargetExists(PathBuf),
    /// The snapshot can't be relied on.
    #[error("{path} is damaged, and nothing was changed: {damage}", path = path.display())]
    Damaged {
        /// The snapshot.
        path: PathBuf,
        /// What is wrong.
        damage: Damage,
    },
    /// SQLite can't change the page size of a WAL database under its readers.
    #[error(
        "the snapshot has pages of {snapshot} bytes and the database of {database}; nothing was changed. Unpack it with `tealkeep restore --file … --to NEW.db`, stop the app, and put that file in the database's place"
    )]
    PageSize {
        /// The snapshot's.
        snapshot: u32,
        /// The live database's.
        database: u32,
    },
    /// Too little room.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// The live database can't be used.
    #[error(transparent)]
    Database(DatabaseError),
    /// It was copied, and holds something else than it should: somebody wrote into it meanwhile.
    #[error("{path} was restored, and is not what the snapshot holds: {difference}. Something wrote into it meanwhile: stop the app, and restore again", path = path.display())]
    Differs {
        /// The live database.
        path: PathBuf,
        /// The first difference, in words.
        difference: String,
    },
    /// The work was stopped; the database holds what it held.
    #[error("nothing was changed: {0}")]
    Stopped(#[from] Stopped),
    /// The file to restore from can't be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Source {
        /// The unpacked snapshot.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Anything else that the system said.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    Io {
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl From<DatabaseError> for RestoreError {
    fn from(e: DatabaseError) -> RestoreError {
        match e {
            DatabaseError::Stopped(stopped) => RestoreError::Stopped(stopped),
            e => RestoreError::Database(e),
        }
    }
}

/// Unpacks and proves a snapshot, and gives the database in it the name `to`, which must be free: nobody sees
/// less than a whole file there. Answers with what it holds.
///
/// # Errors
/// [`RestoreError`]; then there is nothing at `to`.
pub fn unpack(snapshot: &Path, to: &Path, watch: &mut Watch<'_>) -> Result<Facts, RestoreError> {
    // What is left beside a database that is gone would be replayed into the new one: no name of them may stand.
    for ending in ["", "-wal", "-shm", "-journal"] {
        let path = beside(to, ending);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(RestoreError::TargetExists(path));
        }
    }
    let io = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| RestoreError::Io {
            doing,
            path,
            source,
        }
    };
    let damaged = |damage| RestoreError::Damaged {
        path: snapshot.to_owned(),
        damage,
    };
    let manifest = manifest_of(snapshot).map_err(damaged)?;
    let file = durable::open_regular(snapshot).map_err(io("read", snapshot))?;
    let dir = match to.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut unnamed = Unnamed::create_in(&dir, FILE_MODE).map_err(io("make a file in", &dir))?;
    let mut name = Name::Held(None);
    // The app may be stopped until it is done.
    let proven = low_priority::in_foreground(|| {
        unpack_checked(
            &file,
            &mut unnamed,
            &dir,
            manifest.as_ref(),
            &mut name,
            watch,
        )
    });
    let facts = match proven {
        Ok(facts) => facts,
        Err(Unproven::Damaged(damage)) => return Err(damaged(damage)),
        Err(Unproven::NoRoom(e)) => return Err(e.into()),
        Err(Unproven::Stopped(e)) => return Err(e.into()),
        Err(Unproven::Io(e)) => return Err(io("unpack", snapshot)(e)),
    };
    let published = unnamed.publish(to);
    drop(name);
    match published {
        Ok(()) => Ok(facts),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            Err(RestoreError::TargetExists(to.to_owned()))
        }
        Err(e) => Err(io("write", to)(e)),
    }
}

/// What putting content back came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedInto {
    /// What the live database holds now.
    pub facts: Facts,
    /// Whether its WAL was emptied. If a reader kept that from happening, the app's own next checkpoint does it.
    pub checkpointed: bool,
}

/// Puts the content of an unpacked snapshot into the live database with SQLite's online backup API, as one
/// transaction. The file is never replaced, since others may have it open: they keep the view that they have
/// until they begin their next transaction. The app's writers have to be stopped by then; a writer in the middle
/// of something is waited for until the watch's deadline.
///
/// # Errors
/// [`RestoreError`]; the database then holds what it held, except after [`RestoreError::Differs`].
pub fn copy_into(
    unpacked: &Path,
    database: &Path,
    watch: &mut Watch<'_>,
) -> Result<CopiedInto, RestoreError> {
    let read = |source| RestoreError::Source {
        path: unpacked.to_owned(),
        source,
    };
    let source = scratch::open_immutable(unpacked).map_err(read)?;
    let wanted = database::facts(&source).map_err(read)?;
    let wait = watch.left().min(database::BUSY_TIMEOUT);
    let mut live = Database::open(database, Access::Write, wait, watch)?;
    let before =
        database::bare_facts(live.connection()).map_err(|e| live.explain("read", watch, e))?;
    // An empty file has no page size yet, and takes the snapshot's.
    if before.page_count > 0 && before.page_size != wanted.page_size {
        return Err(RestoreError::PageSize {
            snapshot: wanted.page_size,
            database: before.page_size,
        });
    }
    check_room(&live, &before, &wanted)?;
    prepare(&live, &before, &wanted).map_err(|e| live.explain("prepare", watch, e))?;
    copy(&source, &mut live, &wanted, watch)?;

    let difference = |found: &Facts| {
        if found.schema_hash != wanted.schema_hash {
            Some("the schema differs".to_owned())
        } else if found.user_version != wanted.user_version {
            Some("user_version differs".to_owned())
        } else {
            difference_in_rows(&wanted.tables, &found.tables)
        }
    };
    // From here on the content is there for good, so the deadline no longer interrupts.
    let conn = live.connection_mut();
    let finished = conn
        .progress_handler(0, None::<fn() -> bool>)
        .and_then(|()| database::facts(conn))
        .and_then(|facts| Ok((facts, checkpoint(conn)?)));
    let (facts, checkpointed) = finished.map_err(|e| live.explain("look into", watch, e))?;
    match difference(&facts) {
        Some(difference) => Err(RestoreError::Differs {
            path: live.path().to_owned(),
            difference,
        }),
        None => Ok(CopiedInto {
            facts,
            checkpointed,
        }),
    }
}

/// Everything is written to the WAL (or the old pages to the journal) first, and to the database after.
fn check_room(live: &Database, before: &Facts, wanted: &Facts) -> Result<(), RestoreError> {
    let path = live.path();
    let folder = path.parent().unwrap_or(Path::new("/"));
    let aside = wanted.plain_bytes().max(before.plain_bytes());
    let grown = wanted.plain_bytes().saturating_sub(before.plain_bytes());
    // A WAL frame has a header of 24 bytes a page: 5 % covers the smallest pages.
    let need = aside + aside / 20 + grown;
    let room = scratch::has_room(folder, need).map_err(|source| RestoreError::Io {
        doing: "look at the room beside",
        path: path.to_owned(),
        source,
    })?;
    Ok(room?)
}

fn prepare(live: &Database, before: &Facts, wanted: &Facts) -> rusqlite::Result<()> {
    let conn = live.connection();
    // Durable when it is done, and checkpointed only when we say so.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    if before.page_count == 0 {
        conn.pragma_update(None, "page_size", wanted.page_size)?;
    }
    Ok(())
}

fn copy(
    source: &Connection,
    live: &mut Database,
    wanted: &Facts,
    watch: &mut Watch<'_>,
) -> Result<(), RestoreError> {
    const PAGES_PER_STEP: i32 = 64;
    let total = wanted.plain_bytes();
    watch.begin(Stage::Restoring, total)?;
    let path = live.path().to_owned();
    let say = |watch: &Watch<'_>, e: rusqlite::Error| match watch.check() {
        Err(stopped) => RestoreError::Stopped(stopped),
        Ok(()) => RestoreError::Database(DatabaseError::Sqlite {
            doing: "put content into",
            path: path.clone(),
            source: e,
        }),
    };
    // Dropped before it is done, it rolls back. Between two steps the write lock stays held, and the source
    // can't change: no step ever begins anew (sqlite.org/c3ref/backup_finish.html).
    let started = Instant::now();
    let backup = Backup::new(source, live.connection_mut()).map_err(|e| say(watch, e))?;
    loop {
        watch.check()?;
        match backup.step(PAGES_PER_STEP).map_err(|e| say(watch, e))? {
            StepResult::Done => break,
            StepResult::Busy | StepResult::Locked => {
                std::thread::sleep(Duration::from_millis(10).min(watch.left()));
                if watch.left().is_zero() {
                    let waited = started.elapsed();
                    return Err(DatabaseError::locked(path, waited).into());
                }
            }
            _ => {
                let pages = backup.progress();
                let done = (pages.pagecount - pages.remaining).unsigned_abs();
                let bytes = u64::from(done) * u64::from(wanted.page_size);
                watch.tick(Stage::Restoring, bytes.min(total.saturating_sub(1)), total)?;
            }
        }
    }
    drop(backup);
    watch.end(Stage::Restoring, total);
    Ok(())
}

/// Empties the WAL if nobody reads from it. `false` where somebody does; a database without a WAL has nothing
/// to empty.
fn checkpoint(conn: &Connection) -> rusqlite::Result<bool> {
    conn.busy_timeout(CHECKPOINT_TIMEOUT)?;
    conn.query_row("PRAGMA main.wal_checkpoint(TRUNCATE)", [], |row| {
        row.get::<_, i64>(0).map(|busy| busy == 0)
    })
}

#[cfg(test)]
mod tests;
