//! Snapshots of an app, one at a time, and the rotation after each.

use std::time::Instant;

use jiff::civil::Date;

use super::folder::check_folder;
use super::work::{blocking, blocking_at_length, to_anyhow};
use super::{Data, Quiet};
use crate::backup::{Order, Progress, Reason, Rotation, Stage, Taken, Watch};
use crate::durable;
use crate::faults;
use crate::journal::Severity;
use crate::names::ReleaseId;
use crate::schedule::Trust;

/// The file in the scratch folder that exists while a snapshot is taken, and says which kind.
pub(super) const TAKING: &str = "taking";

/// Writes or removes that file. It is for the next start's words alone: a full disk under the scratch folder keeps no
/// snapshot from the disk that it goes to.
fn mark(change: impl FnOnce() -> std::io::Result<()>) {
    if let Err(error) = change() {
        tracing::warn!("that a snapshot is being taken could not be marked: {error}");
    }
}

impl Data {
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
            check_folder(&keeper)?;
            let taking = keeper.scratch.join(TAKING);
            mark(|| durable::write_whole(&taking, order.reason.as_str().as_bytes(), 0o644));
            let mut tell = |progress: Progress| {
                if progress.stage == Stage::Compressing && progress.done > 0 {
                    faults::point("snapshot.pages");
                }
            };
            let taken = keeper
                .take_and_rotate(&order, &mut Watch::new(&mut tell, cancel, deadline))
                .map_err(to_anyhow);
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
        let rotation = blocking(move || keeper.rotate_now(&now, &trust).map_err(to_anyhow)).await?;
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
}
