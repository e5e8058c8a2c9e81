//! The app's database: WAL, every commit synced, one writer at a time and a few readers, none of them on
//! a thread that answers requests. The tables that grow are pruned in the same transaction as a write.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use tokio::sync::Semaphore;

use super::changes::Kind;
use super::settings::Keep;

/// How long a write waits for the other colour's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that only read.
const READERS: usize = 3;
/// Old rows are deleted once in so many writes.
const PRUNE_INTERVAL_WRITES: i64 = 256;

/// Why the household's data could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// SQLite refused: busy, full, damaged.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The request names a person, a chore, … that is not there.
    #[error("there is no such {0}")]
    NoSuch(&'static str),
    /// The request's id was used for another kind of change before.
    #[error("request id `{0}` was used for something else: every request needs one of its own")]
    IdUsedOtherwise(String),
    /// The thread that worked on it was lost.
    #[error("the work on the database was interrupted")]
    Interrupted,
}

/// Handle to the database.
pub(super) struct Store {
    writer: Arc<tokio::sync::Mutex<Connection>>,
    readers: Arc<Mutex<Vec<Connection>>>,
    reading: Arc<Semaphore>,
    keep: Keep,
}

/// Opens (or creates) the database at `path` the way every connection of this app is set up.
///
/// # Errors
/// The file can't be opened, or is no SQLite database.
pub(super) fn connect(path: &Path) -> anyhow::Result<Connection> {
    open(path).with_context(|| format!("cannot open the database {}", path.display()))
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    use_wal(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// The change to WAL needs the file for a moment alone. When the other colour boots on the same new
/// database, one of the two may be refused without waiting, and finds it done when it asks again.
fn use_wal(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let changed: rusqlite::Result<String> =
            connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match changed {
            Ok(mode) if mode == "wal" => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            // A file system without shared memory keeps the old mode: slower, and still right.
            Ok(_) if Instant::now() > deadline => return Ok(()),
            Ok(_) | Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

impl Store {
    /// Takes `writer`, whose schema is up to date, and opens the readers beside it.
    ///
    /// # Errors
    /// As [`connect`].
    pub(super) fn open(path: &Path, writer: Connection, keep: Keep) -> anyhow::Result<Store> {
        let readers = (0..READERS)
            .map(|_| {
                let reader = connect(path)?;
                reader.pragma_update(None, "query_only", true)?;
                Ok(reader)
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Store {
            writer: Arc::new(tokio::sync::Mutex::new(writer)),
            readers: Arc::new(Mutex::new(readers)),
            reading: Arc::new(Semaphore::new(READERS)),
            keep,
        })
    }

    /// Reads one consistent state.
    ///
    /// # Errors
    /// As SQLite says.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.reading)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Interrupted)?;
        let readers = Arc::clone(&self.readers);
        let pop = |readers: &Mutex<Vec<Connection>>| {
            readers.lock().unwrap_or_else(PoisonError::into_inner).pop()
        };
        let mut reader = pop(&readers).ok_or(StoreError::Interrupted)?;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = reader
                .transaction()
                .map_err(StoreError::from)
                .and_then(|transaction| work(&transaction));
            readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(reader);
            drop(permit);
            outcome
        });
        done.await.map_err(|_| StoreError::Interrupted)?
    }

    /// Changes something once: a request id that was answered before changes nothing and gives the same
    /// row. The row and the note of the request are committed together.
    ///
    /// Returns the row and whether it is new.
    ///
    /// # Errors
    /// [`StoreError::IdUsedOtherwise`], whatever `work` says (nothing is changed then), or as SQLite says.
    pub(super) async fn write_once(
        &self,
        kind: Kind,
        request_id: String,
        now: i64,
        work: impl FnOnce(&Transaction<'_>) -> Result<i64, StoreError> + Send + 'static,
    ) -> Result<(i64, bool), StoreError> {
        let keep = self.keep;
        self.write(move |transaction| {
            let known: Option<(String, i64)> = transaction
                .prepare_cached("SELECT kind, row_id FROM entries WHERE request_id = ?1")?
                .query_row([&request_id], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            if let Some((known, row)) = known {
                if known != kind.as_str() {
                    return Err(StoreError::IdUsedOtherwise(request_id));
                }
                return Ok((row, false));
            }
            let row = work(transaction)?;
            transaction
                .prepare_cached(
                    "INSERT INTO entries (request_id, kind, row_id, made_at) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![request_id, kind.as_str(), row, now])?;
            if transaction.last_insert_rowid() % PRUNE_INTERVAL_WRITES == 0 {
                prune(transaction, keep)?;
            }
            Ok((row, true))
        })
        .await
    }

    /// Runs `work` in one transaction that holds the write lock from its start; an error undoes it all.
    ///
    /// # Errors
    /// What `work` says, or as SQLite says.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let outcome = work(&transaction)?;
            transaction.commit()?;
            Ok(outcome)
        });
        done.await.map_err(|_| StoreError::Interrupted)?
    }
}

/// Leaves the newest rows. What is open on the shopping list stays, however old.
fn prune(transaction: &Transaction<'_>, keep: Keep) -> rusqlite::Result<()> {
    let newest = |table: &str, rows: u32, and: &str| {
        let sql = format!(
            "DELETE FROM {table} WHERE rowid <= (SELECT max(rowid) FROM {table}) - ?1 {and}"
        );
        transaction.execute(&sql, [rows])
    };
    newest("doses", keep.rows, "")?;
    newest("chore_runs", keep.rows, "")?;
    newest("shopping_items", keep.rows, "AND bought_at IS NOT NULL")?;
    newest("reminders", keep.rows, "")?;
    newest("entries", keep.entries, "")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(dir: &Path, keep: Keep) -> Store {
        let path = dir.join("home.db");
        let connection = connect(&path).unwrap();
        for sql in [
            include_str!("../content/base/migrations/001-people-and-chores.sql"),
            include_str!("../content/base/migrations/002-medicine.sql"),
            include_str!("../content/base/migrations/003-shopping.sql"),
            include_str!("../content/base/migrations/004-entries.sql"),
            "INSERT INTO people VALUES (1, 'Ada')",
        ] {
            connection.execute_batch(sql).unwrap();
        }
        Store::open(&path, connection, keep).unwrap()
    }

    async fn add(store: &Store, id: usize, bought: Option<i64>) -> (i64, bool) {
        store
            .write_once(Kind::Shopping, format!("r{id}"), 0, move |t| {
                t.execute(
                    "INSERT INTO shopping_items (name, person_id, added_at, bought_at) VALUES ('x', 1, 0, ?1)",
                    [bought],
                )?;
                Ok(t.last_insert_rowid())
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn the_past_is_cut_back_but_an_open_item_stays() {
        let dir = tempfile::tempdir().unwrap();
        let keep = Keep {
            rows: 10,
            entries: 20,
        };
        let store = store(dir.path(), keep);
        add(&store, 0, None).await;
        for id in 1..256 {
            add(&store, id, Some(1)).await;
        }
        let counts: (u32, u32, u32) = store
            .read(|t| {
                Ok(t.query_row(
                    "SELECT (SELECT count(*) FROM shopping_items), (SELECT count(*) FROM entries),
                            (SELECT min(id) FROM shopping_items)",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )?)
            })
            .await
            .unwrap();
        assert_eq!(counts, (11, 20, 1));
    }

    #[tokio::test]
    async fn a_request_id_stands_for_one_change_of_one_kind() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path(), Keep::default());
        assert_eq!(add(&store, 1, None).await, (1, true));
        assert_eq!(add(&store, 1, None).await, (1, false));
        let other = store
            .write_once(Kind::Dose, "r1".into(), 0, |_| Ok(7))
            .await;
        assert!(matches!(other, Err(StoreError::IdUsedOtherwise(_))));
    }
}
