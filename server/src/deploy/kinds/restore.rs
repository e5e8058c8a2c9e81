//! A restore puts a snapshot's content into the live database; an undo does the same with the content from before one.
//! Requests wait meanwhile, the app is stopped, and the content is copied in one transaction.
//!
//! After a crash it is taken back as long as it had not begun to copy; from then on it goes forward, since copying again
//! gives the content that was asked for.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::FutureExt;

use super::{Action, Context, OnBoot, Outcome, RunKind, When, colours};
use crate::backup::{Cancel, Manifest, Reason, SnapshotId};
use crate::clock::seconds;
use crate::deploy::data::{CopyFailed, Quiet, Unpacked, VersionWatch};
use crate::deploy::schema::{self, Fit};
use crate::journal::runs::{Kind, Step, StepState};
use crate::journal::transition::Progress;
use crate::router::HOLD_TIMEOUT;

/// One being carried out.
pub(in crate::deploy) struct Restore {
    context: Context,
    /// The snapshot, unpacked and found whole.
    unpacked: Option<Unpacked>,
    /// Tells whether the app wrote since the snapshot of the content from before.
    version: Option<VersionWatch>,
    /// Whether the database may hold other content than before; after a crash nobody can know.
    content_changed: bool,
    /// Held from the first snapshot to the end: it takes another one while the app is stopped, and that waits for
    /// nobody's.
    quiet: Option<Quiet>,
}

impl RunKind for Restore {
    const ACTIONS: &'static [Action<Self>] = &[
        Action::<Self>::new(Step::Verify, |run| run.verify().boxed()),
        Action::<Self>::new(Step::Snapshot, |run| run.snapshot().boxed()),
        Action::<Self>::new(Step::Hold, |run| run.hold().boxed())
            .undone_by(When::AfterTheEnd, |run| run.let_requests_go_on().boxed()),
        Action::<Self>::new(Step::Stop, |run| run.stop().boxed()).undone_by(When::Always, |run| {
            colours::start_from_again(&run.context).boxed()
        }),
        Action::<Self>::new(Step::Copy, |run| run.copy().boxed())
            .undone_by(When::WhileSound, |run| run.copy_back().boxed()),
        Action::<Self>::new(Step::Start, |run| colours::start(&run.context).boxed())
            .undone_by(When::WhileSound, |run| {
                colours::stop_target(&run.context).boxed()
            })
            .explained_by(|run| colours::last_lines(&run.context).boxed()),
        Action::<Self>::new(Step::Probe, |run| colours::probe(&run.context).boxed())
            .explained_by(|run| colours::last_lines(&run.context).boxed()),
        Action::<Self>::new(Step::Swap, |run| run.swap().boxed())
            .undone_by(When::Always, |run| run.swap_back().boxed())
            .explained_by(|run| colours::last_lines(&run.context).boxed()),
        Action::<Self>::new(Step::Release, |run| run.release().boxed())
            .undone_by(When::AfterTheEnd, |run| run.let_requests_go_on().boxed()),
    ];
    /// The restored content is live by then, and only the waiting must end.
    const SETTLED: Option<Step> = Some(Step::Release);

    fn context(&self) -> &Context {
        &self.context
    }

    fn context_mut(&mut self) -> &mut Context {
        &mut self.context
    }

    fn success(&self) -> String {
        let subject = self.context.facts.subject();
        match self.context.kind {
            Kind::Undo => format!("The restore was undone: the content of {subject} is back."),
            Kind::Restore | Kind::Deploy | Kind::Rollback => {
                format!("The content of {subject} was restored; it can be undone.")
            }
        }
    }
}

/// What becomes of a restore or an undo that was cut off.
pub(super) fn on_boot(progress: &Progress, live_is_target: bool) -> OnBoot {
    let swapped = matches!(
        progress.of_step(Step::Swap),
        Some(StepState::Running | StepState::Done)
    );
    if progress.first_in(StepState::Undone).is_some() {
        // Since then people may have written into the content from before: it is not touched again.
        OnBoot::Close
    } else if !progress.has_begun(Step::Copy) {
        OnBoot::Unwind(progress.last_reached().unwrap_or(Step::Verify))
    } else if swapped && progress.is_reached(Step::Swap) && live_is_target {
        OnBoot::Continue(Step::Release)
    } else {
        OnBoot::Continue(Step::Stop)
    }
}

impl Restore {
    pub fn new(context: Context) -> Restore {
        Restore {
            context,
            unpacked: None,
            version: None,
            content_changed: false,
            quiet: None,
        }
    }

    /// One that was cut off, with the right to take its snapshots that was kept for it.
    pub fn resumed(context: Context, quiet: Option<Quiet>) -> Restore {
        Restore {
            content_changed: true,
            quiet,
            ..Restore::new(context)
        }
    }

    fn id(&self) -> anyhow::Result<SnapshotId> {
        let id = self.context.facts.snapshot;
        id.context("a restore has a snapshot")
    }

    async fn verify(&mut self) -> anyhow::Result<Outcome> {
        let (id, data) = (self.id()?, &self.context.app.data);
        let unpacked = data.unpack(id, data.cancel()).await?;
        data.fits(&unpacked.manifest).await?;
        self.check_schema(&unpacked.manifest).await?;
        let rows: u64 = unpacked.manifest.tables.values().sum();
        self.unpacked = Some(unpacked);
        Ok(Outcome::Done(format!("{id} is whole: {rows} rows")))
    }

    /// Whether the live release is known to work with the tables of a snapshot.
    async fn check_schema(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let (app, live) = (&self.context.app, &self.context.facts.release);
        let ran_on = app.releases_that_ran_on(&manifest.schema_hash).await?;
        let order = app.order_of_going_live().await?;
        match schema::fit(live, &ran_on, &order, |release| app.releases.has(release)) {
            Fit::Works => Ok(()),
            Fit::Newer(way) => {
                let command = match self.context.kind {
                    Kind::Undo => format!("`tealkeep undo {}`", app.name()),
                    Kind::Restore | Kind::Deploy | Kind::Rollback => {
                        format!("`tealkeep restore {} {}`", app.name(), manifest.id)
                    }
                };
                bail!(
                    "the live release, {live}, is not known to work with the tables of the snapshot {}. {}",
                    manifest.id,
                    way.advice(app.name(), &command)
                )
            }
        }
    }

    async fn snapshot(&mut self) -> anyhow::Result<Outcome> {
        self.keep_quiet().await;
        self.version = Some(self.context.app.data.watch_version().await?);
        let id = self.take_before().await?;
        Ok(Outcome::Done(format!(
            "{id} holds the content from before, pinned, for an undo"
        )))
    }

    async fn keep_quiet(&mut self) -> &Quiet {
        let quiet = match self.quiet.take() {
            Some(quiet) => quiet,
            None => self.context.app.data.quiet().await,
        };
        self.quiet.insert(quiet)
    }

    /// Takes a snapshot of the content from before, which an undo goes back to.
    async fn take_before(&mut self) -> anyhow::Result<SnapshotId> {
        let manifest = self.take_in_quiet().await?;
        let Context {
            app, run, facts, ..
        } = &mut self.context;
        facts.before = Some(manifest.id);
        app.journal.set_run_facts(*run, facts).await?;
        Ok(manifest.id)
    }

    async fn take_in_quiet(&mut self) -> anyhow::Result<Manifest> {
        let (app, release) = (self.context.app.clone(), self.context.facts.release.clone());
        let quiet = self.keep_quiet().await;
        let why = Reason::BeforeRestore;
        let taken = app
            .data
            .snapshot_in(quiet, why, Some(release.clone()), true, None);
        let manifest = taken.await?.manifest;
        // It has run on this until now, so an undo may put it back under it.
        let schema = manifest.schema_hash.clone();
        app.journal
            .note_schema(app.name().clone(), release, schema)
            .await?;
        Ok(manifest)
    }

    async fn hold(&mut self) -> anyhow::Result<Outcome> {
        let (app, from) = (&self.context.app, self.context.facts.from);
        colours::prove_router(&self.context).await?;
        app.router.hold(self.estimate().await?).await?;
        let deadline = app.config.deploy.drain_timeout.min(HOLD_TIMEOUT);
        if !app.router.wait_for_requests(from, deadline).await? {
            bail!(
                "requests in flight did not end within {deadline:?}; nothing was changed. Try again when it is quieter"
            );
        }
        app.router.end_streams(from).await;
        Ok(Outcome::Done(
            "new requests wait; requests in flight finished".to_owned(),
        ))
    }

    /// How long requests will have to wait.
    async fn estimate(&self) -> anyhow::Result<Duration> {
        let data = &self.context.app.data;
        let manifest = data.manifest(self.id()?).await?;
        Ok(manifest.map_or(Duration::ZERO, |manifest| {
            data.restore_estimate(manifest.plain_bytes)
        }))
    }

    async fn let_requests_go_on(&mut self) -> anyhow::Result<()> {
        self.context.app.router.release().await
    }

    async fn stop(&mut self) -> anyhow::Result<Outcome> {
        let app = self.context.app.clone();
        // After a crash the hold is gone with the gate that kept it.
        app.router.hold(self.estimate().await?).await?;
        app.stop_both_colours().await?;
        let detail = "the app is stopped";
        let detail = match self.version.take() {
            // What was written between the snapshot and the hold belongs to the content from before.
            Some(version) if version.has_changed().await? => {
                let superseded = self.context.facts.before;
                let id = self.take_before().await?;
                if let Some(superseded) = superseded.filter(|old| *old != id) {
                    app.data.set_pinned(superseded, false).await?;
                }
                format!("{detail}; {id} holds what was written until then")
            }
            Some(_) => detail.to_owned(),
            // It goes on after a crash. Whatever the database holds now is kept, should anybody have
            // written into it since; the content from before is in the snapshot of then.
            None => {
                let manifest = self.take_in_quiet().await?;
                format!(
                    "{detail}; {} holds what was found after the crash",
                    manifest.id
                )
            }
        };
        Ok(Outcome::Done(detail))
    }

    async fn copy(&mut self) -> anyhow::Result<Outcome> {
        let (id, data) = (self.id()?, &self.context.app.data);
        let unpacked = match self.unpacked.take() {
            Some(unpacked) => unpacked,
            None => data.unpack(id, data.cancel()).await?,
        };
        let copied = data.copy_in(unpacked, data.cancel()).await;
        self.content_changed |= match &copied {
            Ok(_) => true,
            Err(error) => error
                .downcast_ref()
                .is_some_and(|failed: &CopyFailed| failed.content_changed),
        };
        let took = copied?;
        Ok(Outcome::Done(format!(
            "the content of {id} is in the database, after {}",
            seconds(took)
        )))
    }

    async fn copy_back(&mut self) -> anyhow::Result<()> {
        let (app, facts) = (&self.context.app, &self.context.facts);
        let Some(before) = facts.before.filter(|_| self.content_changed) else {
            return Ok(());
        };
        app.runtime.stop(facts.from).await?;
        // A stop of the server does not call this off: half of a way back is no way.
        let unpacked = app.data.unpack(before, Cancel::never()).await?;
        app.data.copy_in(unpacked, Cancel::never()).await.map(drop)
    }

    /// The router was proved before requests were held; by now there is no better way back than on.
    async fn swap(&mut self) -> anyhow::Result<Outcome> {
        colours::swap(&self.context, self.context.facts.to).await
    }

    /// Requests are held: nobody is sent to the colour from before until it runs.
    async fn swap_back(&mut self) -> anyhow::Result<()> {
        let swapped = colours::swap(&self.context, self.context.facts.from).await;
        swapped.map(drop)
    }

    async fn release(&mut self) -> anyhow::Result<Outcome> {
        self.let_requests_go_on().await?;
        Ok(Outcome::Done("released the waiting requests".to_owned()))
    }
}
