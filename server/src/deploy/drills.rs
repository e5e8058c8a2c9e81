//! The drills of one app: every week, and on request. The outcome of each is noted in the journal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;

use super::{App, Refusal};
use crate::backup::Manifest;
use crate::backup::drill::{self, Report};
use crate::clock::seconds;
use crate::journal::Severity;
use crate::journal::drills::Drill;

/// How long after a drill whose end could not be written down the next one is begun by itself. The journal, which says
/// when one is due, would have it begun again each minute, and each one writes as much as the database is large.
const PAUSE_AFTER_TROUBLE: Duration = Duration::from_secs(24 * 3600);

impl App {
    /// Whether a drill is under way.
    #[must_use]
    pub fn is_drilling(&self) -> bool {
        self.drilling.try_lock().is_err()
    }

    /// Begins a drill where one is due by now; it goes on by itself. The first one is due when there is a snapshot.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn drill_if_due(self: &Arc<Self>, now: Timestamp) -> anyhow::Result<()> {
        if self.next_drill(now).await?.is_none_or(|next| next > now) {
            return Ok(());
        }
        let Ok(troubled) = self.drilling.try_lock().map(|troubled| *troubled) else {
            return Ok(());
        };
        // Both would be slower, and neither is urgent: the next minute comes.
        if self.data.is_taking() || self.underway().is_some() {
            return Ok(());
        }
        if troubled.is_some_and(|since| since.elapsed() < PAUSE_AFTER_TROUBLE) {
            return Ok(());
        }
        // What is wrong in a folder that holds no snapshot, or can't be read, is said elsewhere, and no drill makes it
        // clearer.
        match self.data.catalogue().await {
            Ok((catalogue, _)) if !catalogue.entries.is_empty() => {}
            Ok(_) | Err(_) => return Ok(()),
        }
        let app = self.clone();
        self.tasks.spawn(async move {
            match app.drill_now().await {
                Ok(_) | Err(Refusal::Impossible(_)) => {}
                Err(_) if app.stop.is_cancelled() => {}
                Err(error) => {
                    tracing::error!(app = %app.name(), "the drill came to nothing: {error}")
                }
            }
        });
        Ok(())
    }

    /// When the newest snapshot is drilled by itself again; `None` where that is never.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn next_drill(&self, now: Timestamp) -> anyhow::Result<Option<Timestamp>> {
        let last = self.last_drill().await?;
        let last = last.map(|drill| (drill.at, drill.failed.is_some()));
        Ok(drill::next(now, last, self.config.backup.drill_every))
    }

    /// The newest drill; `None` before the first.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn last_drill(&self) -> anyhow::Result<Option<Drill>> {
        let drills = self.journal.drills(self.name().clone(), 1).await?;
        Ok(drills.into_iter().next())
    }

    /// Unpacks the newest snapshot elsewhere because somebody asked for it, and answers when that is written down.
    ///
    /// # Errors
    /// There is nothing to unpack, something else is under way, or Tealkeep is being stopped. A drill that failed is an
    /// answer and no error.
    pub async fn drill(self: &Arc<Self>) -> Result<Report, Refusal> {
        if let Some(run) = self.underway() {
            return Err(Refusal::Impossible(format!(
                "the {} of {} is under way; ask for a drill when that is done",
                run.kind.noun(),
                run.subject
            )));
        }
        let (catalogue, _) = self.data.catalogue().await?;
        if catalogue.entries.is_empty() && catalogue.problems.is_empty() {
            return Err(Refusal::Impossible(format!(
                "{0} has no snapshot yet that could be unpacked; `tealkeep backup {0}` takes one",
                self.name()
            )));
        }
        // A task of its own: who asked may go away meanwhile.
        let app = self.clone();
        let task = self.tasks.spawn(async move { app.drill_now().await });
        task.await.context("the drill's task ended")?
    }

    /// One at a time.
    async fn drill_now(&self) -> Result<Report, Refusal> {
        let Ok(mut turn) = self.drilling.try_lock() else {
            return Err(Refusal::Impossible(format!(
                "a drill of {} is under way; its end stands in the journal",
                self.name()
            )));
        };
        self.journal.touch();
        let done = self.drill_and_write_down().await;
        *turn = done.is_err().then(Instant::now);
        drop(turn);
        match &done {
            Ok(report) => {
                let (severity, text) = in_a_sentence(report);
                self.note(severity, text).await;
            }
            // The pages say that it is under way, until they look again.
            Err(_) => self.journal.touch(),
        }
        done
    }

    async fn drill_and_write_down(&self) -> Result<Report, Refusal> {
        let shrink = self.config.backup.drill_shrink;
        let mut report = self.data.drill(shrink).await?;
        if let Some(manifest) = self.proven(&report).await?
            && self.data.exists()
            && let Err(error) = self.data.fits(&manifest).await
        {
            let text = format!("it can't be put into the live database as things are: {error:#}");
            report.warnings.push(text);
        }
        let drill = Drill {
            at: Timestamp::now(),
            snapshot: report.snapshot,
            took_ms: report.took_ms,
            failed: report.failed.clone(),
            warnings: report.warnings.clone(),
        };
        self.journal.note_drill(self.name().clone(), drill).await?;
        Ok(report)
    }

    async fn proven(&self, report: &Report) -> anyhow::Result<Option<Manifest>> {
        match report.snapshot.filter(|_| report.is_proven()) {
            Some(id) => self.data.manifest(id).await,
            None => Ok(None),
        }
    }

    /// Says in the journal which tables shrank in the night that a snapshot was just taken in.
    pub(super) async fn warn_of_shrunk_tables(&self, manifest: &Manifest) {
        let shrink = self.config.backup.drill_shrink;
        let lost = match self.data.lost_last_night(shrink).await {
            Ok(Some(lost)) if lost.night == manifest.id => lost,
            Ok(_) => return,
            Err(error) => {
                tracing::error!(app = %self.name(), "the rows of the night before could not be compared: {error:#}");
                return;
            }
        };
        let text = format!(
            "Rows are gone since the night before: {lost}. If nobody removed them, pin the snapshot {}, which has them still, \
             so that it stays.",
            lost.before
        );
        self.note(Severity::Warning, text).await;
    }
}

fn in_a_sentence(report: &Report) -> (Severity, String) {
    let of = report
        .snapshot
        .map_or_else(String::new, |id| format!(" of the snapshot {id}"));
    if let Some(why) = &report.failed {
        let text = format!(
            "The drill{of} failed: {why}. A restore would fail in the same way; `tealkeep verify` says which snapshots are whole."
        );
        return (Severity::Bad, text);
    }
    let took = seconds(Duration::from_millis(report.took_ms));
    let proven = report.proven();
    let id = report
        .snapshot
        .map_or_else(String::new, |id| format!(" {id}"));
    let done = format!("The snapshot{id} was unpacked and proven whole: {proven}, in {took}.");
    if report.warnings.is_empty() {
        (Severity::Good, done)
    } else {
        let text = format!("{done} But look at this: {}.", report.warnings.join("; "));
        (Severity::Warning, text)
    }
}
