//! Snapshots on request and those of the nights. The outcome of each is noted in the journal.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::civil::Date;

use super::App;
use crate::backup::{Manifest, Reason, Taken};
use crate::clock::seconds;
use crate::journal::Severity;

impl App {
    /// Takes a snapshot now, and rotates.
    ///
    /// # Errors
    /// The snapshot failed; nothing that was there before has changed.
    pub async fn backup(self: &Arc<Self>, reason: Reason) -> anyhow::Result<Manifest> {
        Ok(self.backup_for(reason, None).await?.manifest)
    }

    /// The same, counted for a local date: a catch-up's is the night that was missed. Says what came of the rotation
    /// too.
    ///
    /// # Errors
    /// The snapshot failed; nothing that was there before has changed.
    pub async fn backup_for(
        self: &Arc<Self>,
        reason: Reason,
        local_date: Option<Date>,
    ) -> anyhow::Result<Taken> {
        // A task of its own: a phone that goes to sleep meanwhile does not call the snapshot off.
        let app = self.clone();
        let task = self
            .tasks
            .spawn(async move { app.take_backup(reason, local_date).await });
        task.await.context("the snapshot's task ended")?
    }

    async fn take_backup(&self, reason: Reason, local_date: Option<Date>) -> anyhow::Result<Taken> {
        let live = self.router.live().await?;
        let release = self.releases.of_colour(live);
        let taken = self
            .data
            .snapshot_for(reason, release.clone(), false, local_date)
            .await;
        match &taken {
            Ok(Taken { manifest, .. }) => {
                if let Some(release) = release {
                    let noted = self
                        .journal
                        .note_schema(self.name().clone(), release, manifest.schema_hash.clone())
                        .await;
                    // The snapshot is there all the same. A restore of it may be refused for want of this knowledge,
                    // which is the safe side.
                    if let Err(error) = noted {
                        tracing::error!(app = %self.name(), "{error:#}");
                    }
                }
                let how = format!(
                    "A {} snapshot, {}, was taken and read back: {} in {}.",
                    reason.as_str(),
                    manifest.id,
                    crate::backup::human(manifest.bytes),
                    seconds(Duration::from_millis(manifest.took_ms)),
                );
                self.note(Severity::Good, how).await;
                if reason == Reason::Nightly {
                    self.warn_of_shrunk_tables(manifest).await;
                }
            }
            // A night that fails is tried again and again: who tries it says so, once for each cause.
            Err(_) if reason == Reason::Nightly => {}
            Err(error) => {
                let how = format!(
                    "A {} snapshot failed: {error:#}. Nothing was deleted.",
                    reason.as_str()
                );
                self.note(Severity::Bad, how).await;
            }
        }
        taken
    }
}
