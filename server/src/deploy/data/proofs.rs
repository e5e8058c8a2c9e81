//! Proves that snapshots are good: reads them from end to end, unpacks them elsewhere, compares them with the night before.

use super::Data;
use super::work::{blocking_at_length, to_anyhow};
use crate::backup::verify::verify_file;
use crate::backup::{Progress, SnapshotId, Stage, Verdict, Watch, drill};
use crate::faults;

impl Data {
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
            .map_err(to_anyhow)
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
            drill::run(&order, &mut Watch::new(&mut tell, cancel, deadline)).map_err(to_anyhow)
        })
        .await
    }

    /// What the newest night has lost since the one before it, where a table shrank by at least `shrink` percent.
    ///
    /// # Errors
    /// The folder can't be read.
    pub async fn lost_last_night(&self, shrink: u32) -> anyhow::Result<Option<drill::Lost>> {
        let (catalogue, _) = self.catalogue().await?;
        Ok(drill::lost_last_night(&catalogue, self.clock.now(), shrink))
    }
}
