//! Snapshots, their catalogue, their retention, and the way back. Everything here is plain blocking code that
//! knows nothing of deploys: whoever calls it from async code does so in `spawn_blocking`.

pub mod adopt;
mod basis;
pub mod catalogue;
pub mod checksums;
pub mod database;
pub mod drill;
mod error;
pub mod gzip;
mod hex;
mod holder;
pub mod integrity;
mod layout;
pub mod lock;
mod low_priority;
pub mod manifest;
pub mod member;
mod pages;
pub mod restore;
pub mod retention;
pub mod rotation;
pub mod scratch;
pub mod snapshot;
mod sqlite;
pub mod verify;
pub mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Zoned;
use jiff::civil::Date;

use tealkeep_base::schedule::Trust;
use tealkeep_words::names::{AppName, ReleaseId};

pub use catalogue::Catalogue;
pub use error::SnapshotError;
pub use manifest::{Manifest, Reason};
pub use member::Level;
pub use retention::{Keep, Plan, Tier};
pub use rotation::Rotated;
pub use snapshot::Request;
pub use tealkeep_words::size::human_size as human;
pub use tealkeep_words::snapshot::SnapshotId;
pub use verify::Verdict;
pub use watch::{Cancel, Progress, Stage, Stopped, Watch};

/// How long to wait for another Tealkeep that works in the same folder.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps the snapshots of one database in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    /// Whose database.
    pub app: Option<AppName>,
    /// The live database.
    pub database: PathBuf,
    /// The backups folder.
    pub folder: PathBuf,
    /// Where copies may lie meanwhile; the backups folder itself will do.
    pub scratch: PathBuf,
    /// What is kept.
    pub keep: Keep,
    /// How hard to compress.
    pub level: Level,
}

/// Which snapshot to take.
#[derive(Debug, Clone)]
pub struct Order {
    /// Why.
    pub reason: Reason,
    /// The release that is live.
    pub release: Option<ReleaseId>,
    /// Whether it is kept for ever.
    pub pinned: bool,
    /// Now, in the household's zone.
    pub now: Zoned,
    /// The local date that it counts for, where that is not today's.
    pub local_date: Option<Date>,
    /// Whether the clock may decide what is removed.
    pub trust: Trust,
}

impl Order {
    /// A snapshot for some reason, now, by a clock that is trusted.
    #[must_use]
    pub fn new(reason: Reason, now: Zoned) -> Order {
        Order {
            reason,
            release: None,
            pinned: false,
            now,
            local_date: None,
            trust: Trust::Trusted,
        }
    }
}

/// A snapshot was taken; this is it, and what came of the rotation after it.
#[derive(Debug)]
pub struct Taken {
    /// The snapshot.
    pub manifest: Manifest,
    /// What the rotation removed.
    pub rotation: Rotation,
}

/// What came of a rotation.
#[derive(Debug)]
pub enum Rotation {
    /// It ran.
    Done(Rotated),
    /// It was left out, since the clock is not trusted; why not, in words.
    Withheld(String),
    /// It failed. The snapshot is safe, and the next rotation does the rest.
    Failed(io::Error),
}

/// The folder could not be worked in.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// No snapshot was taken, and nothing was rotated.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// There is no such snapshot.
    #[error("there is no snapshot {id} in {folder}", folder = folder.display())]
    NoSuchSnapshot {
        /// Which was asked for.
        id: SnapshotId,
        /// Where.
        folder: PathBuf,
    },
    /// The folder can't be used.
    #[error("cannot use the backups folder {folder}: {source}", folder = folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Keeper {
    /// Keeps a database with the defaults of everything.
    #[must_use]
    pub fn new(database: &Path, folder: &Path) -> Keeper {
        Keeper {
            app: None,
            database: database.to_owned(),
            folder: folder.to_owned(),
            scratch: folder.to_owned(),
            keep: Keep::default(),
            level: Level::default(),
        }
    }

    /// Takes a snapshot, and when it is there, and the clock is trusted, rotates.
    ///
    /// # Errors
    /// No snapshot was taken; then nothing was removed either.
    pub fn take_and_rotate(
        &self,
        order: &Order,
        watch: &mut Watch<'_>,
    ) -> Result<Taken, BackupError> {
        catalogue::ensure_layout(&self.folder).map_err(|e| self.folder_error(e))?;
        lock::remove_leftovers(&self.folder).map_err(|e| self.folder_error(e))?;
        let _writing =
            lock::lock_for_writing(&self.folder, LOCK_TIMEOUT).map_err(|e| self.folder_error(e))?;
        let request = Request {
            database: self.database.clone(),
            folder: self.folder.clone(),
            scratch: self.scratch.clone(),
            app: self.app.clone(),
            reason: order.reason,
            release: order.release.clone(),
            pinned: order.pinned,
            now: order.now.clone(),
            local_date: order.local_date,
            level: self.level,
            busy_timeout: database::BUSY_TIMEOUT,
        };
        let manifest = snapshot::take(&request, watch).map_err(|e| self.advise(e, &order.now))?;
        let rotation = self.rotate(order).unwrap_or_else(Rotation::Failed);
        Ok(Taken { manifest, rotation })
    }

    /// Carries the retention out now, without a snapshot: for a person who asked for it, since a night that has no
    /// room removes nothing by itself.
    ///
    /// # Errors
    /// The folder can't be worked in; what was removed until then was to go.
    pub fn rotate_now(&self, now: &Zoned, trust: &Trust) -> Result<Rotation, BackupError> {
        let order = Order {
            trust: trust.clone(),
            ..Order::new(Reason::Manual, now.clone())
        };
        self.rotate(&order).map_err(|e| self.folder_error(e))
    }

    /// Where there was too little room, with what could go.
    fn advise(&self, mut error: SnapshotError, now: &Zoned) -> SnapshotError {
        if let SnapshotError::NoRoom(no_room) = &mut error
            && is_same_disk(&no_room.folder, &self.folder)
            && let Ok(catalogue) = self.catalogue()
        {
            let could_go = retention::room::could_go(
                &retention::entries(&catalogue),
                now.timestamp(),
                now.date(),
                &self.keep,
                no_room.need.saturating_sub(no_room.free),
            );
            no_room.could_go = Some(could_go.to_string());
        }
        error
    }

    /// Makes the folder ready, removes what a killed run left there, and names what it had finished. For the start of
    /// the server.
    ///
    /// # Errors
    /// The folder can't be made or read.
    pub fn clean_up(&self) -> Result<usize, BackupError> {
        catalogue::ensure_layout(&self.folder).map_err(|e| self.folder_error(e))?;
        let removed = lock::remove_leftovers(&self.folder).map_err(|e| self.folder_error(e))?;
        self.name_all().map_err(|e| self.folder_error(e))?;
        Ok(removed)
    }

    /// Has `SHA256SUMS` name a snapshot whose run was cut off after it, and writes nothing where it does already.
    fn name_all(&self) -> io::Result<()> {
        let lock = lock::lock_for_changes(&self.folder, LOCK_TIMEOUT)?;
        rotation::add_to_sums(&self.folder, &self.catalogue()?, &lock)
    }

    /// What the folder holds.
    ///
    /// # Errors
    /// It can't be read.
    pub fn catalogue(&self) -> io::Result<Catalogue> {
        Catalogue::read(&self.folder)
    }

    /// What a rotation would do now, and why.
    #[must_use]
    pub fn plan(&self, catalogue: &Catalogue, now: &Zoned) -> Plan {
        let entries = retention::entries(catalogue);
        retention::plan(&entries, now.timestamp(), now.date(), &self.keep)
    }

    /// Pins a snapshot, or takes the pin out. The next rotation heeds it.
    ///
    /// # Errors
    /// There is no such snapshot, or its manifest can't be rewritten.
    pub fn set_pinned(&self, id: SnapshotId, pinned: bool) -> Result<Manifest, BackupError> {
        let _changing =
            lock::lock_for_changes(&self.folder, LOCK_TIMEOUT).map_err(|e| self.folder_error(e))?;
        manifest::set_pinned(&catalogue::snapshots(&self.folder), id, pinned).map_err(|e| {
            match e.kind() {
                io::ErrorKind::NotFound => BackupError::NoSuchSnapshot {
                    id,
                    folder: self.folder.clone(),
                },
                _ => self.folder_error(e),
            }
        })
    }

    fn rotate(&self, order: &Order) -> io::Result<Rotation> {
        let lock = lock::lock_for_changes(&self.folder, LOCK_TIMEOUT)?;
        let catalogue = self.catalogue()?;
        match &order.trust {
            Trust::Trusted => {
                let plan = self.plan(&catalogue, &order.now);
                rotation::carry_out(&self.folder, &plan, &catalogue, &lock).map(Rotation::Done)
            }
            Trust::Untrusted(why) => {
                rotation::add_to_sums(&self.folder, &catalogue, &lock)?;
                Ok(Rotation::Withheld(why.clone()))
            }
        }
    }

    fn folder_error(&self, source: io::Error) -> BackupError {
        BackupError::Folder {
            folder: self.folder.clone(),
            source,
        }
    }
}

/// Whether two folders lie on one file system, so that what goes from the one makes room in the other.
fn is_same_disk(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| std::fs::metadata(path).map(|meta| meta.dev()).ok();
    device(one).is_some_and(|dev| device(other) == Some(dev))
}

#[cfg(test)]
mod tests;
