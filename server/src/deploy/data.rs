//! What runs do with an app's data, off the async threads: snapshots and their rotation, unpacking, and
//! copying content into the live database. It decides nothing; `backup` does the work.

mod adopt;
mod content;
mod folder;
mod once_a_day;
mod proofs;
mod room;
mod snapshots;
mod sweep;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use crate::backup::{Cancel, Catalogue, Keeper, Manifest, Plan, SnapshotId, catalogue};
use crate::clock::Clock;
use crate::journal::{Journal, NewEvent, Severity};
use crate::names::AppName;
use folder::check_folder;
use once_a_day::OnceADay;
use work::{blocking, to_anyhow};

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
            check_folder(&keeper)?;
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
        blocking(move || keeper.set_pinned(id, pinned).map_err(to_anyhow)).await
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
