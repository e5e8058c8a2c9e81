//! What runs do with an app's data, off the async threads: snapshots and their rotation, unpacking, and
//! copying content into the live database. It decides nothing; `backup` does the work.

mod adopt;
mod room;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use crate::backup::database::{Access, BUSY_TIMEOUT, Database, facts};
use crate::backup::restore::{RestoreError, copy_into, unpack};
use crate::backup::scratch::has_room;
use crate::backup::scratch::is_part_name;
use crate::backup::verify::verify_file;
use crate::backup::{
    Cancel, Catalogue, Keeper, Manifest, Order, Plan, Progress, Reason, Rotation, SnapshotId,
    Stage, Taken, Verdict, Watch, catalogue, drill,
};
use crate::clock::Clock;
use crate::durable;
use crate::faults;
use crate::journal::{Journal, NewEvent, Severity};
use crate::memory;
use crate::names::{AppName, ReleaseId};
use crate::schedule::Trust;
use crate::units::BACKUP_GROUP;

/// How long a look at the database may take that reads no content.
const LOOK_DEADLINE: Duration = Duration::from_secs(30);

/// On a small machine content goes through a snapshot and into a database at about this rate.
const RESTORE_BYTES_PER_SECOND: u64 = 15 << 20;
/// Stopping, starting, probing and swapping take about this long on top.
const RESTORE_OVERHEAD: Duration = Duration::from_secs(3);

/// One app's database and its snapshots.
#[derive(Debug, Clone)]
pub struct Data {
    app: AppName,
    keeper: Keeper,
    clock: Clock,
    journal: Journal,
    deadline: Duration,
    /// One snapshot at a time: a second one waits.
    turn: Arc<Mutex<()>>,
    /// One adoption at a time. It takes hours perhaps, and no snapshot waits for it: neither changes what is there, no
    /// name is given twice, and a rotation that sees a part of what is taken over keeps of it whatever it would keep
    /// if it saw all.
    adopting: Arc<Mutex<()>>,
    withheld: Arc<OnceADay>,
    stop: CancellationToken,
}

/// Something that is said once a day, however often it is so.
#[derive(Debug, Default)]
struct OnceADay(std::sync::Mutex<Option<Instant>>);

impl OnceADay {
    /// Whether it is to be said now; then it counts as said. The wall clock is what is wrong here, so it is not asked.
    fn is_news(&self, now: Instant) -> bool {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = said.is_none_or(|said| now.duration_since(said) >= DAY);
        if is_news {
            *said = Some(now);
        }
        is_news
    }
}

/// As long as this is held nobody else takes a snapshot of the app, or rotates.
#[derive(Debug)]
pub struct Quiet {
    _turn: OwnedMutexGuard<()>,
}

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

/// A folder that is gone is a disk that fell off or was not mounted, or somebody's hand: a new one in its place would
/// look as if there had never been a snapshot, and take the nights that belong on that disk.
fn is_there(keeper: &Keeper) -> anyhow::Result<()> {
    let snapshots = catalogue::snapshots(&keeper.folder);
    if !snapshots.is_dir() {
        let group = uzers::get_group_by_name(BACKUP_GROUP).map(|_| BACKUP_GROUP);
        bail!(
            "the backups folder {} is gone, or what was in it: see whether its disk is mounted, and mount it. To begin \
             a new one in its place: `{}`",
            keeper.folder.display(),
            begin_anew(&keeper.folder, &snapshots, group)
        );
    }
    Ok(())
}

/// The command that makes a new backups folder, for who runs it as root. Where the laptops' group is there, it is the
/// folders': without it their keys could read nothing of what comes.
fn begin_anew(folder: &Path, snapshots: &Path, group: Option<&str>) -> String {
    let quoted = |path: &Path| shell_words::quote(&path.to_string_lossy()).into_owned();
    let group = group.map_or_else(String::new, |group| format!("-g {group} "));
    format!(
        "install -d -o {} {group}-m 2750 {} {}",
        rustix::process::geteuid().as_raw(),
        quoted(folder),
        quoted(snapshots)
    )
}

impl Data {
    /// The data that a keeper keeps.
    #[must_use]
    pub fn new(
        app: AppName,
        keeper: Keeper,
        clock: Clock,
        journal: Journal,
        deadline: Duration,
        stop: CancellationToken,
    ) -> Data {
        Data {
            app,
            keeper,
            clock,
            journal,
            deadline,
            turn: Arc::default(),
            adopting: Arc::default(),
            withheld: Arc::default(),
            stop,
        }
    }

    /// Whether there is a database at all.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.keeper.database.exists()
    }

    /// Removes what a start before this one left half done, and says which snapshot was cut off. Makes the backups
    /// folder where the journal knows of no night that went well.
    ///
    /// # Errors
    /// The folders can't be used, or the backups folder is gone.
    pub async fn sweep(&self) -> anyhow::Result<()> {
        let is_first = !self.journal.has_good_night(self.app.clone()).await?;
        let keeper = self.keeper.clone();
        let (cut_off, there) = blocking(move || {
            std::fs::create_dir_all(&keeper.scratch)
                .with_context(|| format!("cannot make {}", keeper.scratch.display()))?;
            for entry in std::fs::read_dir(&keeper.scratch)?.flatten() {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with(UNPACKED) || is_part_name(&name) {
                    std::fs::remove_file(entry.path())?;
                }
            }
            let there = match is_first {
                true => Ok(()),
                false => is_there(&keeper),
            };
            if there.is_ok() {
                keeper.clean_up().map_err(said)?;
            }
            let taking = keeper.scratch.join(TAKING);
            let cut_off = std::fs::read_to_string(&taking).ok();
            durable::remove(&taking)?;
            Ok((cut_off, there))
        })
        .await?;
        if let Some(reason) = cut_off {
            let text = format!(
                "Tealkeep had been cut off while it took a {reason} snapshot; if that was complete by then it is listed, and \
                 if not, nothing of it is left."
            );
            self.note(Severity::Warning, text).await;
        }
        there
    }

    /// Waits until nobody takes a snapshot, and keeps it so.
    pub async fn quiet(&self) -> Quiet {
        Quiet {
            _turn: self.turn.clone().lock_owned().await,
        }
    }

    /// The same without waiting, where nobody takes one now.
    #[must_use]
    pub fn quiet_now(&self) -> Option<Quiet> {
        let turn = self.turn.clone().try_lock_owned();
        turn.ok().map(|_turn| Quiet { _turn })
    }

    /// Takes a snapshot as soon as nobody else does, reads it back, and rotates when the clock may be trusted. It is
    /// counted for a local date where there is one: a catch-up's is the night that was missed.
    ///
    /// # Errors
    /// No snapshot was taken; nothing was removed either.
    pub async fn snapshot_for(
        &self,
        reason: Reason,
        release: Option<ReleaseId>,
        pinned: bool,
        local_date: Option<Date>,
    ) -> anyhow::Result<Taken> {
        let quiet = self.quiet().await;
        self.snapshot_in(&quiet, reason, release, pinned, local_date)
            .await
    }

    /// The same, by whoever keeps the others from it.
    ///
    /// # Errors
    /// No snapshot was taken; nothing was removed either.
    pub async fn snapshot_in(
        &self,
        _quiet: &Quiet,
        reason: Reason,
        release: Option<ReleaseId>,
        pinned: bool,
        local_date: Option<Date>,
    ) -> anyhow::Result<Taken> {
        let newest_event = self.journal.latest_instant().await?;
        let mut order = Order::new(reason, self.clock.local());
        order.release = release;
        order.pinned = pinned;
        order.local_date = local_date;
        order.trust = self.clock.trust(newest_event).await;
        let (keeper, deadline, cancel) = (self.keeper.clone(), self.deadline, self.cancel());
        let taken = blocking_at_length(move || {
            is_there(&keeper)?;
            let taking = keeper.scratch.join(TAKING);
            mark(|| durable::write_whole(&taking, order.reason.as_str().as_bytes(), 0o644));
            let mut tell = |progress: Progress| {
                if progress.stage == Stage::Compressing && progress.done > 0 {
                    faults::point("snapshot.pages");
                }
            };
            let taken = keeper
                .take_and_rotate(&order, &mut Watch::new(&mut tell, cancel, deadline))
                .map_err(said);
            mark(|| durable::remove(&taking));
            taken
        })
        .await?;
        self.tell_of(&taken.rotation).await;
        Ok(taken)
    }

    /// Says what a rotation did, where it did something.
    async fn tell_of(&self, rotation: &Rotation) {
        match rotation {
            Rotation::Done(rotated) if rotated.dropped.is_empty() => {}
            Rotation::Done(rotated) => {
                let names = rotated
                    .dropped
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", ");
                self.note(Severity::Info, format!("The rotation removed {names}."))
                    .await;
            }
            Rotation::Withheld(_) if !self.withheld.is_news(Instant::now()) => {}
            Rotation::Withheld(why) => {
                self.note(
                    Severity::Warning,
                    format!("Nothing was rotated, since the clock can't be trusted: {why}."),
                )
                .await;
            }
            Rotation::Failed(error) => {
                self.note(
                    Severity::Warning,
                    format!("The rotation failed, and the next one does the rest: {error}."),
                )
                .await;
            }
        }
    }

    /// Carries the retention out now, since a person asked for it. A clock that is not trusted removes nothing then
    /// either.
    ///
    /// # Errors
    /// The folder can't be worked in.
    pub async fn rotate(&self) -> anyhow::Result<Rotation> {
        let _quiet = self.quiet().await;
        let newest_event = self.journal.latest_instant().await?;
        let trust = self.clock.trust(newest_event).await;
        let (keeper, now) = (self.keeper.clone(), self.clock.local());
        let rotation = blocking(move || keeper.rotate_now(&now, &trust).map_err(said)).await?;
        self.tell_of(&rotation).await;
        Ok(rotation)
    }

    /// Why a rotation would be withheld now, in words, if it would.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn clock_doubt(&self) -> anyhow::Result<Option<String>> {
        let newest_event = self.journal.latest_instant().await?;
        Ok(match self.clock.trust(newest_event).await {
            Trust::Trusted => None,
            Trust::Untrusted(why) => Some(why),
        })
    }

    /// What the backups folder holds, and what a rotation would do with it now.
    ///
    /// # Errors
    /// The folder can't be read.
    pub async fn catalogue(&self) -> anyhow::Result<(Catalogue, Plan)> {
        let (keeper, now) = (self.keeper.clone(), self.clock.local());
        blocking(move || {
            is_there(&keeper)?;
            let catalogue = keeper.catalogue().with_context(|| {
                format!("cannot read the backups folder {}", keeper.folder.display())
            })?;
            let plan = keeper.plan(&catalogue, &now);
            Ok((catalogue, plan))
        })
        .await
    }

    /// What a snapshot says of itself, if it is listed.
    ///
    /// # Errors
    /// The folder can't be read.
    pub async fn manifest(&self, id: SnapshotId) -> anyhow::Result<Option<Manifest>> {
        let (catalogue, _) = self.catalogue().await?;
        Ok(catalogue.find(id).map(|entry| entry.manifest.clone()))
    }

    /// Why a snapshot that is in the folder is not listed, in words; `None` where nothing is known of it.
    ///
    /// # Errors
    /// The folder can't be read.
    pub async fn trouble_with(&self, id: SnapshotId) -> anyhow::Result<Option<String>> {
        let (catalogue, _) = self.catalogue().await?;
        let about_it = catalogue.problems.iter().find(|problem| problem.id() == id);
        Ok(about_it.map(ToString::to_string))
    }

    /// Pins a snapshot, or takes the pin out, also while one is taken: the folder's own lock keeps it apart from a
    /// rotation.
    ///
    /// # Errors
    /// There is no such snapshot, or the folder can't be written.
    pub async fn set_pinned(&self, id: SnapshotId, pinned: bool) -> anyhow::Result<Manifest> {
        let keeper = self.keeper.clone();
        blocking(move || keeper.set_pinned(id, pinned).map_err(said)).await
    }

    /// Reads a snapshot from its first byte to its last and says whether it is whole.
    ///
    /// # Errors
    /// It could not be read for a reason that is not its own.
    pub async fn verify(&self, id: SnapshotId) -> anyhow::Result<Verdict> {
        let (path, scratch) = (self.file_of(id), self.keeper.scratch.clone());
        let (deadline, cancel) = (self.deadline, self.cancel());
        blocking_at_length(move || {
            verify_file(
                &path,
                Some(&scratch),
                &mut Watch::new(&mut |_| {}, cancel, deadline),
            )
            .map_err(said)
        })
        .await
    }

    /// Unpacks the newest snapshot elsewhere and proves that a restore of it would work; `shrink` is the share in
    /// percent from which on a table that lost rows is warned of.
    ///
    /// # Errors
    /// It was called off, since the server stops.
    pub async fn drill(&self, shrink: u32) -> anyhow::Result<drill::Report> {
        let (keeper, now) = (self.keeper.clone(), self.clock.now());
        let (deadline, cancel) = (self.deadline, self.cancel());
        blocking_at_length(move || {
            let order = drill::Order {
                what: &keeper.folder,
                scratch: Some(&keeper.scratch),
                shrink,
                now,
            };
            let mut tell = |progress: Progress| match progress.stage {
                Stage::Unpacking if progress.done > 0 => faults::point("drill.unpacking"),
                Stage::Checking => faults::point("drill.checking"),
                _ => {}
            };
            drill::run(&order, &mut Watch::new(&mut tell, cancel, deadline)).map_err(said)
        })
        .await
    }

    /// Whether a snapshot is being taken now, or old backups are being taken over.
    #[must_use]
    pub fn is_taking(&self) -> bool {
        self.turn.try_lock().is_err() || self.adopting.try_lock().is_err()
    }

    /// What the newest night has lost since the one before it, where a table shrank by at least `shrink` percent.
    ///
    /// # Errors
    /// The folder can't be read.
    pub async fn lost_last_night(&self, shrink: u32) -> anyhow::Result<Option<drill::Lost>> {
        let (catalogue, _) = self.catalogue().await?;
        Ok(drill::lost_last_night(&catalogue, self.clock.now(), shrink))
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
            unpack(&from, &to, &mut Watch::new(&mut |_| {}, cancel, deadline)).map_err(said)?;
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
        blocking(move || has_room(&folder, need)?.map_err(said)).await?;
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
                Database::open(&path, Access::Read, BUSY_TIMEOUT, &watch).map_err(said)?,
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

    /// The instant of a snapshot's file is its name; this is where it lies.
    fn file_of(&self, id: SnapshotId) -> PathBuf {
        catalogue::snapshots(&self.keeper.folder).join(id.file_name())
    }

    async fn look<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Database) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let path = self.keeper.database.clone();
        blocking(move || {
            let tell = &mut |_| {};
            let watch = Watch::new(tell, Cancel::never(), LOOK_DEADLINE);
            let database =
                Database::open(&path, Access::Read, BUSY_TIMEOUT, &watch).map_err(said)?;
            ask(&database)
        })
        .await
    }

    /// Calls long work off when the server stops.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        let stop = self.stop.clone();
        Cancel::when(move || stop.is_cancelled())
    }

    async fn note(&self, severity: Severity, text: String) {
        self.journal
            .note(NewEvent::new(severity, text).of(&self.app))
            .await;
    }
}

/// The file in the scratch folder that exists while a snapshot is taken, and says which kind.
const TAKING: &str = "taking";

/// Writes or removes that file. It is for the next start's words alone: a full disk under the scratch folder keeps no
/// snapshot from the disk that it goes to.
fn mark(change: impl FnOnce() -> std::io::Result<()>) {
    if let Err(error) = change() {
        tracing::warn!("that a snapshot is being taken could not be marked: {error}");
    }
}

/// Begins the name of each unpacked snapshot in the scratch folder.
const UNPACKED: &str = "unpacked-";

fn unique() -> anyhow::Result<u64> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)
        .map_err(|e| anyhow::anyhow!("this machine has no randomness: {e}"))?;
    Ok(u64::from_ne_bytes(bytes) ^ Timestamp::now().as_millisecond().unsigned_abs())
}

/// `backup`'s errors hold their causes in their own text already.
fn said(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

/// Does work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .context("the working thread ended")?
}

/// The same for work that takes much memory, which then goes back to the system.
async fn blocking_at_length<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    blocking(move || {
        let outcome = work();
        memory::give_back();
        outcome
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_so_at_each_snapshot_is_said_once_a_day() {
        let once = OnceADay::default();
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let began = Instant::now();
        let said = [0, 1, 23, 24, 25, 47, 48].map(|at| once.is_news(began + hours(at)));
        assert_eq!(said, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn a_new_backups_folder_is_the_laptops_groups_where_that_is_there() {
        let uid = rustix::process::geteuid().as_raw();
        let said = |group| begin_anew("/mnt/a disk".as_ref(), "/mnt/a disk/s".as_ref(), group);
        assert_eq!(
            said(Some(BACKUP_GROUP)),
            format!("install -d -o {uid} -g tealkeep-backup -m 2750 '/mnt/a disk' '/mnt/a disk/s'")
        );
        assert_eq!(
            said(None),
            format!("install -d -o {uid} -m 2750 '/mnt/a disk' '/mnt/a disk/s'")
        );
    }
}
