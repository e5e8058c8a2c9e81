//! Unpacks and verifies a snapshot, copies its content into the live database, and asks what that database holds now.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::Data;
use super::work::{blocking, blocking_at_length, to_anyhow};
use crate::backup::database::{Access, BUSY_TIMEOUT, Database, facts};
use crate::backup::restore::{RestoreError, copy_into, unpack};
use crate::backup::scratch::has_room;
use crate::backup::{Cancel, Manifest, Progress, SnapshotId, Watch};
use crate::faults;

/// How long a look at the database may take that reads no content.
pub(super) const LOOK_DEADLINE: Duration = Duration::from_secs(30);

/// On a small machine content goes through a snapshot and into a database at about this rate.
const RESTORE_BYTES_PER_SECOND: u64 = 15 << 20;

/// Stopping, starting, probing and swapping take about this long on top.
const RESTORE_OVERHEAD: Duration = Duration::from_secs(3);

/// Begins the name of each unpacked snapshot in the scratch folder.
pub(super) const UNPACKED: &str = "unpacked-";

/// A snapshot, unpacked and found whole; removed when it is dropped.
#[derive(Debug)]
pub struct Unpacked {
    /// What it says of itself.
    pub manifest: Manifest,
    path: PathBuf,
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // What can't be removed now is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Content was not put into the database.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct CopyFailed {
    /// Whether the database holds something else than before nevertheless.
    pub content_changed: bool,
    text: String,
}

/// Tells whether somebody wrote into the database since it was made (`PRAGMA data_version`).
pub struct VersionWatch {
    database: Arc<std::sync::Mutex<Database>>,
    version: i64,
}

impl VersionWatch {
    /// Whether another connection has committed since.
    ///
    /// # Errors
    /// The database can't be asked.
    pub async fn has_changed(&self) -> anyhow::Result<bool> {
        let database = self.database.clone();
        let now = tokio::task::spawn_blocking(move || version_of(&database)).await??;
        Ok(now != self.version)
    }
}

fn version_of(database: &std::sync::Mutex<Database>) -> anyhow::Result<i64> {
    let database = database
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(database
        .connection()
        .pragma_query_value(None, "data_version", |row| row.get(0))?)
}

fn unique() -> anyhow::Result<u64> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)
        .map_err(|e| anyhow::anyhow!("this machine has no randomness: {e}"))?;
    Ok(u64::from_ne_bytes(bytes) ^ Timestamp::now().as_millisecond().unsigned_abs())
}

impl Data {
    async fn look<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Database) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let path = self.keeper.database.clone();
        blocking(move || {
            let ignore = &mut |_| {};
            let watch = Watch::new(ignore, Cancel::never(), LOOK_DEADLINE);
            let database =
                Database::open(&path, Access::Read, BUSY_TIMEOUT, &watch).map_err(to_anyhow)?;
            ask(&database)
        })
        .await
    }

    /// Unpacks a snapshot beside the database's own state and proves it.
    ///
    /// # Errors
    /// It is damaged or missing, or there is no room.
    pub async fn unpack(&self, id: SnapshotId, cancel: Cancel) -> anyhow::Result<Unpacked> {
        let manifest = self.manifest(id).await?.with_context(|| {
            format!(
                "the snapshot {id} is not listed in {}: it is missing or damaged",
                self.keeper.folder.display()
            )
        })?;
        let (from, to) = (
            self.file_of(id),
            self.keeper
                .scratch
                .join(format!("{UNPACKED}{id}-{:x}.db", unique()?)),
        );
        let deadline = self.deadline;
        blocking_at_length(move || {
            unpack(&from, &to, &mut Watch::new(&mut |_| {}, cancel, deadline))
                .map_err(to_anyhow)?;
            Ok(Unpacked { manifest, path: to })
        })
        .await
    }

    /// About how long requests wait while content of this size is put back: the live database is read
    /// once more meanwhile, and read back, if somebody writes into it.
    #[must_use]
    pub fn restore_estimate(&self, plain_bytes: u64) -> Duration {
        let live = std::fs::metadata(&self.keeper.database).map_or(0, |meta| meta.len());
        RESTORE_OVERHEAD + Duration::from_secs((plain_bytes + 2 * live) / RESTORE_BYTES_PER_SECOND)
    }

    /// Whether the live database could take this content: its pages must have the same size, and there must
    /// be room for it.
    ///
    /// # Errors
    /// It could not, with what to do instead; or the database can't be read.
    pub async fn fits(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let (id, wanted) = (manifest.id, manifest.page_size);
        let live: u32 = self
            .look(|database| {
                Ok(database
                    .connection()
                    .pragma_query_value(None, "page_size", |row| row.get(0))?)
            })
            .await?;
        if live != wanted {
            bail!(
                "the snapshot {id} has pages of {wanted} bytes and the database of {live}. Unpack it with \
                 `tealkeep restore --file … --to NEW.db`, stop the app, and put that file in the database's place"
            );
        }
        let (folder, need) = (self.keeper.database.clone(), manifest.plain_bytes);
        let folder = folder
            .parent()
            .map_or_else(|| PathBuf::from("/"), Path::to_owned);
        // Until its checkpoint the content lies in the WAL as well (sqlite.org/wal.html).
        blocking(move || has_room(&folder, need)?.map_err(to_anyhow)).await?;
        Ok(())
    }

    /// Puts unpacked content into the live database, in one transaction; returns how long it took.
    ///
    /// # Errors
    /// The database then holds what it held.
    pub async fn copy_in(&self, unpacked: Unpacked, cancel: Cancel) -> anyhow::Result<Duration> {
        let database = self.keeper.database.clone();
        let deadline = self.deadline;
        blocking_at_length(move || {
            let began = std::time::Instant::now();
            let mut tell = |progress: Progress| {
                if progress.done > 0 {
                    faults::point("restore.pages");
                }
            };
            copy_into(
                &unpacked.path,
                &database,
                &mut Watch::new(&mut tell, cancel, deadline),
            )
            .map_err(|error| CopyFailed {
                content_changed: matches!(error, RestoreError::Differs { .. }),
                text: error.to_string(),
            })?;
            Ok(began.elapsed())
        })
        .await
    }

    /// Begins to watch whether somebody writes into the database.
    ///
    /// # Errors
    /// The database can't be opened.
    pub async fn watch_version(&self) -> anyhow::Result<VersionWatch> {
        let (path, deadline) = (self.keeper.database.clone(), self.deadline);
        blocking(move || {
            let watch_tell = &mut |_| {};
            let watch = Watch::new(watch_tell, Cancel::never(), deadline.max(LOOK_DEADLINE));
            let database = Arc::new(std::sync::Mutex::new(
                Database::open(&path, Access::Read, BUSY_TIMEOUT, &watch).map_err(to_anyhow)?,
            ));
            let version = version_of(&database)?;
            Ok(VersionWatch { database, version })
        })
        .await
    }

    /// The hash of the database's schema; `None` where there is no database yet.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn schema_hash(&self) -> anyhow::Result<Option<String>> {
        if !self.exists() {
            return Ok(None);
        }
        self.look(|database| {
            Ok(Some(crate::backup::database::schema_hash(
                database.connection(),
            )?))
        })
        .await
    }

    /// All rows of all tables, for a person who is about to replace them.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn rows(&self) -> anyhow::Result<u64> {
        self.look(|database| Ok(facts(database.connection())?.tables.values().sum()))
            .await
    }

    /// The rows of each table.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn tables(&self) -> anyhow::Result<std::collections::BTreeMap<String, u64>> {
        self.look(|database| Ok(facts(database.connection())?.tables))
            .await
    }
}
