//! What runs do with an app's data, off the async threads: snapshots and their rotation, unpacking, and
//! copying content into the live database. It decides nothing; `backup` does the work.

mod adopt;
mod content;
mod proofs;
mod room;
mod snapshots;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use crate::backup::database::{Access, BUSY_TIMEOUT, Database};
use crate::backup::scratch::is_part_name;
use crate::backup::{Cancel, Catalogue, Keeper, Manifest, Plan, SnapshotId, Watch, catalogue};
use crate::clock::Clock;
use crate::durable;
use crate::journal::{Journal, NewEvent, Severity};
use crate::memory;
use crate::names::AppName;
use crate::units::BACKUP_GROUP;
use content::{LOOK_DEADLINE, UNPACKED};
use snapshots::{OnceADay, TAKING};

pub use content::{CopyFailed, Unpacked, VersionWatch};

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

/// As long as this is held nobody else takes a snapshot of the app, or rotates.
#[derive(Debug)]
pub struct Quiet {
    _turn: OwnedMutexGuard<()>,
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

    /// The clock that its snapshots are dated by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
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

    /// Whether a snapshot is being taken now, or old backups are being taken over.
    #[must_use]
    pub fn is_taking(&self) -> bool {
        self.turn.try_lock().is_err() || self.adopting.try_lock().is_err()
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
