//! Carries a run out, step by step: the journal is told before a step acts and after it has; a step
//! that fails is followed by the unwinding that `step` decides. Each step is safe to repeat.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use super::checks::BeforeSwap;
use super::data::{CopyFailed, Quiet, Unpacked, VersionWatch};
use super::release::Releases;
use super::schema::{self, Fit};
use super::step::{self, Kind, Step, Unwind};
use super::{App, live, seconds, subject, verdict};
use crate::backup::{Cancel, Manifest, Reason};
use crate::faults;
use crate::journal::runs::{RunFacts, RunId, RunState, StepState};
use crate::journal::{NewEvent, Severity};
use crate::names::{Colour, ReleaseId};
use crate::policy;
use crate::prepare::Record;
use crate::probe::{self, Question};
use crate::router::HOLD_PATIENCE;
use crate::runtime::{ColourState, Preparation};

/// How many of the last lines that a release printed are kept with a failed run.
const OUTPUT_LINES: usize = 20;
/// How often those who watch a preparation are told that it has printed something.
const PRINT_PAUSE: Duration = Duration::from_millis(200);
/// How long the public address may take to answer from the new release: a tunnel may hiccup.
const PUBLIC_WITHIN: Duration = Duration::from_secs(20);
/// The pause between two probes of the public address.
const PUBLIC_PAUSE: Duration = Duration::from_millis(500);
/// How long the router may take to answer from the new release.
const VERIFY_WITHIN: Duration = Duration::from_secs(10);
/// The pause between two probes through the router.
const VERIFY_PAUSE: Duration = Duration::from_millis(100);

/// One run being carried out.
pub struct Pipeline {
    app: Arc<App>,
    run: RunId,
    kind: Kind,
    facts: RunFacts,
    /// What a deploy copies in.
    directory: Option<PathBuf>,
    /// The snapshot, unpacked and found whole.
    unpacked: Option<Unpacked>,
    /// Tells whether the app wrote since the snapshot of the content from before.
    version: Option<VersionWatch>,
    /// Whether the database may hold other content than before; after a crash nobody can know.
    content_changed: bool,
    /// Held from the first snapshot of a restore to its end: it takes another one while the app is stopped, and that
    /// waits for nobody's.
    quiet: Option<Quiet>,
}

/// How a step ended, with what there is to say of it.
enum Outcome {
    Done(String),
    Skipped(String),
}

impl Pipeline {
    pub fn new(
        app: Arc<App>,
        run: RunId,
        kind: Kind,
        facts: RunFacts,
        directory: Option<PathBuf>,
    ) -> Pipeline {
        Pipeline {
            app,
            run,
            kind,
            facts,
            directory,
            unpacked: None,
            version: None,
            content_changed: false,
            quiet: None,
        }
    }

    /// One that was cut off, and goes on or is taken back.
    pub fn resumed(
        app: Arc<App>,
        run: RunId,
        kind: Kind,
        facts: RunFacts,
        quiet: Option<Quiet>,
    ) -> Pipeline {
        Pipeline {
            content_changed: true,
            quiet,
            ..Pipeline::new(app, run, kind, facts, None)
        }
    }

    /// Carries out the steps from `first` on.
    pub async fn drive(mut self, first: Step) {
        for step in self
            .kind
            .steps()
            .iter()
            .copied()
            .skip_while(|step| *step != first)
        {
            let stop = self.app.stop.clone();
            let ended = tokio::select! {
                // A step that the stop cut off has not failed. The journal says that it was under way, and
                // the next start takes back what was begun, or goes on.
                biased;
                () = stop.cancelled() => return,
                ended = self.take(step) => ended,
            };
            if let Err(error) = ended {
                self.fail(step, error).await;
                return;
            }
        }
        if let Err(error) = self.finish().await {
            tracing::error!(app = %self.app.name(), run = self.run, "the run is done, but: {error:#}");
        }
    }

    /// Takes back what a run had begun that was cut off at `step`.
    pub async fn unwind_after_crash(mut self, step: Step) {
        let cause = anyhow!("Tealkeep was cut off at the step {}", step.as_str());
        self.fail(step, cause).await;
    }

    /// Writes the end of a run that had failed and was taken back, when only that was cut off.
    pub async fn close(self) {
        let reason = Some("it failed, and was taken back before Tealkeep ended".to_owned());
        if let Err(error) = self
            .app
            .journal
            .end_run(self.run, RunState::Failed, reason, None)
            .await
        {
            tracing::error!(
                run = self.run,
                "the end of the run could not be written: {error:#}"
            );
        }
    }

    async fn take(&mut self, step: Step) -> anyhow::Result<()> {
        let journal = self.app.journal.clone();
        journal
            .set_step(self.run, step, StepState::Running, None)
            .await?;
        journal.touch();
        faults::point(&format!("{}.{}.before", self.kind.noun(), step.as_str()));
        let outcome = self.perform(step).await?;
        faults::point(&format!("{}.{}.after", self.kind.noun(), step.as_str()));
        let (state, detail) = match outcome {
            Outcome::Done(detail) => (StepState::Done, detail),
            Outcome::Skipped(detail) => (StepState::Skipped, detail),
        };
        journal
            .set_step(self.run, step, state, Some(detail))
            .await?;
        journal.touch();
        Ok(())
    }

    async fn perform(&mut self, step: Step) -> anyhow::Result<Outcome> {
        match (self.kind, step) {
            (_, Step::Receive) => self.receive().await,
            (_, Step::Prepare) => self.prepare().await,
            (Kind::Deploy | Kind::Rollback, Step::Snapshot) => self.snapshot_before_deploy().await,
            (Kind::Restore | Kind::Undo, Step::Snapshot) => self.snapshot_before_restore().await,
            (Kind::Restore | Kind::Undo, Step::Verify) => self.verify_snapshot().await,
            (_, Step::Hold) => self.hold().await,
            (_, Step::Stop) => self.stop().await,
            (_, Step::Copy) => self.copy().await,
            (_, Step::Start) => self.start().await,
            (_, Step::Probe) => self.probe().await,
            (_, Step::Policy) => self.policy().await,
            (Kind::Deploy | Kind::Rollback, Step::Swap) => {
                // A restore asked before it began to hold; by now it has no better way back than on.
                self.prove_router().await?;
                let swapped = self.swap(self.facts.to).await?;
                self.prove_router().await?;
                Ok(swapped)
            }
            (Kind::Restore | Kind::Undo, Step::Swap) => self.swap(self.facts.to).await,
            (Kind::Deploy | Kind::Rollback, Step::Verify) => self.verify_through_router().await,
            (_, Step::Drain) => self.drain().await,
            (_, Step::Release) => {
                self.app.router.release().await?;
                Ok(Outcome::Done("the waiting requests went on".to_owned()))
            }
        }
    }

    async fn receive(&self) -> anyhow::Result<Outcome> {
        let release = self.facts.release.clone();
        let releases: Releases = self.app.releases.clone();
        let id = release.clone();
        if let Some(directory) = self.directory.clone() {
            let from = directory.clone();
            let received =
                tokio::task::spawn_blocking(move || releases.receive(&from, &id)).await??;
            return Ok(Outcome::Done(format!(
                "{} was copied in as {release}{}",
                directory.display(),
                received.told()
            )));
        }
        let (is_here, is_pushed) = (releases.has(&id), releases.is_pushed(&id));
        let basis = self.facts.previous.clone();
        let received =
            tokio::task::spawn_blocking(move || releases.adopt(&id, basis.as_ref())).await??;
        let shared = match (&self.facts.previous, received.shared) {
            (Some(previous), 1) => format!("; 1 file is the same as in {previous}"),
            (Some(previous), many @ 2..) => {
                format!("; {many} files are the same as in {previous}")
            }
            _ => String::new(),
        };
        let told = received.told();
        Ok(match (is_here, is_pushed) {
            (false, _) => Outcome::Done(format!("{release} arrived whole{shared}{told}")),
            (true, true) => Outcome::Skipped(format!("{release} was here already, the same")),
            (true, false) => Outcome::Skipped(format!("{release} was on this machine already")),
        })
    }

    async fn prepare(&self) -> anyhow::Result<Outcome> {
        let Some(config) = self.app.config.deploy.prepare.clone() else {
            return Ok(Outcome::Skipped("no `prepare` is configured".to_owned()));
        };
        let release = self.facts.release.clone();
        let directory = self.app.releases.path(&release);
        if self.facts.previous.as_ref() == Some(&release) && self.record().await?.is_some() {
            // To make it anew would take it from under the colour that is live with it.
            return Ok(Outcome::Skipped(format!(
                "{release} is live as it was prepared"
            )));
        }
        let preparation = Preparation {
            directory: directory.clone(),
            releases: self.app.config.releases.clone(),
            release,
            config,
        };
        self.open_to_group(true).await?;
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        let listening = self.listen_to(told);
        let preparing = self.app.runtime.prepare(&preparation, tell);
        let (prepared, ()) = tokio::join!(preparing, listening);
        self.open_to_group(false).await?;
        prepared.with_context(|| format!("{} was not made ready", preparation.release))?;
        let record = self.record().await?.with_context(|| {
            format!(
                "the preparation left no {} in {}; does its unit run `tealkeep prepare`?",
                crate::prepare::RECORD_FILE,
                directory.display()
            )
        })?;
        Ok(Outcome::Done(record.told()))
    }

    /// What the preparation of the release has recorded, if it ended well.
    async fn record(&self) -> anyhow::Result<Option<Record>> {
        let directory = self.app.releases.path(&self.facts.release);
        tokio::task::spawn_blocking(move || Record::of(&directory)).await?
    }

    /// Lets the app's user write into the release's directories, or no more.
    async fn open_to_group(&self, open: bool) -> anyhow::Result<()> {
        let (releases, id) = (self.app.releases.clone(), self.facts.release.clone());
        tokio::task::spawn_blocking(move || releases.open_to_group(&id, open)).await?
    }

    /// Keeps the lines that a preparation prints, until there will be no more.
    async fn listen_to(&self, mut told: tokio::sync::mpsc::UnboundedReceiver<String>) {
        let mut beat = tokio::time::interval(PRINT_PAUSE);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut has_news = false;
        loop {
            tokio::select! {
                line = told.recv() => match line {
                    Some(line) => {
                        self.app.print_line(self.run, line);
                        has_news = true;
                    }
                    None => break,
                },
                // Those who watch are not woken for each line.
                _ = beat.tick(), if has_news => {
                    self.app.journal.touch();
                    has_news = false;
                }
            }
        }
        self.app.journal.touch();
    }

    async fn snapshot_before_deploy(&self) -> anyhow::Result<Outcome> {
        if !self.app.data.exists() {
            return Ok(Outcome::Skipped("there is no database yet".to_owned()));
        }
        let previous = self.facts.previous.clone();
        let taken = self
            .app
            .data
            .snapshot_for(Reason::BeforeDeploy, previous, false, None)
            .await?;
        let manifest = taken.manifest;
        if let Some(previous) = self.facts.previous.clone() {
            self.app
                .journal
                .note_schema(
                    self.app.name().clone(),
                    previous,
                    manifest.schema_hash.clone(),
                )
                .await?;
        }
        Ok(Outcome::Done(format!(
            "{} was taken and read back",
            manifest.id
        )))
    }

    async fn verify_snapshot(&mut self) -> anyhow::Result<Outcome> {
        let id = self.facts.snapshot.context("a restore has a snapshot")?;
        let unpacked = self.app.data.unpack(id, self.app.data.cancel()).await?;
        self.app.data.fits(&unpacked.manifest).await?;
        self.check_schema(&unpacked.manifest).await?;
        let rows: u64 = unpacked.manifest.tables.values().sum();
        self.unpacked = Some(unpacked);
        Ok(Outcome::Done(format!("{id} is whole: {rows} rows")))
    }

    /// Whether the live release is known to work with the tables of a snapshot.
    async fn check_schema(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let (app, live) = (&self.app, &self.facts.release);
        let ran_on = app.releases_that_ran_on(&manifest.schema_hash).await?;
        let order = app.order_of_going_live().await?;
        let fit = schema::fit(live, &ran_on, &order, |release| app.releases.has(release));
        match fit {
            Fit::Works => Ok(()),
            Fit::Newer(way) => {
                let again = match self.kind {
                    Kind::Undo => format!("`tealkeep undo {}`", app.name()),
                    Kind::Restore | Kind::Deploy | Kind::Rollback => {
                        format!("`tealkeep restore {} {}`", app.name(), manifest.id)
                    }
                };
                bail!(
                    "the live release, {live}, is not known to work with the tables of the snapshot {}. {}",
                    manifest.id,
                    way.told(app.name(), &again)
                )
            }
        }
    }

    async fn snapshot_before_restore(&mut self) -> anyhow::Result<Outcome> {
        self.keep_quiet().await;
        self.version = Some(self.app.data.watch_version().await?);
        let id = self.take_before_restore().await?;
        Ok(Outcome::Done(format!(
            "{id} holds the content from before, pinned, for an undo"
        )))
    }

    async fn keep_quiet(&mut self) -> &Quiet {
        let quiet = match self.quiet.take() {
            Some(quiet) => quiet,
            None => self.app.data.quiet().await,
        };
        self.quiet.insert(quiet)
    }

    async fn take_in_quiet(&mut self) -> anyhow::Result<Manifest> {
        let (app, release) = (self.app.clone(), self.facts.release.clone());
        let quiet = self.keep_quiet().await;
        let taken = app
            .data
            .snapshot_in(
                quiet,
                Reason::BeforeRestore,
                Some(release.clone()),
                true,
                None,
            )
            .await?;
        // It has run on this until now, so an undo may put it back under it.
        let schema = taken.manifest.schema_hash.clone();
        app.journal
            .note_schema(app.name().clone(), release, schema)
            .await?;
        Ok(taken.manifest)
    }

    async fn take_before_restore(&mut self) -> anyhow::Result<crate::backup::SnapshotId> {
        let manifest = self.take_in_quiet().await?;
        self.facts.before = Some(manifest.id);
        self.app
            .journal
            .set_run_facts(self.run, &self.facts)
            .await?;
        Ok(manifest.id)
    }

    /// Nothing is changed through a router that does not do what it is told.
    async fn prove_router(&self) -> anyhow::Result<()> {
        let proved = self.app.prove_router().await;
        proved.map_err(|wrong| anyhow!("the router does not do what it should: {wrong}"))
    }

    async fn hold(&self) -> anyhow::Result<Outcome> {
        let app = &self.app;
        self.prove_router().await?;
        app.router.hold(self.estimate().await?).await?;
        let deadline = app.config.deploy.drain_timeout.min(HOLD_PATIENCE);
        if !app
            .router
            .wait_for_requests(self.facts.from, deadline)
            .await?
        {
            bail!(
                "requests in flight did not end within {deadline:?}; nothing was changed. Try again when it is quieter"
            );
        }
        app.router.end_streams(self.facts.from).await;
        Ok(Outcome::Done(
            "new requests wait; requests in flight finished".to_owned(),
        ))
    }

    /// How long requests will have to wait.
    async fn estimate(&self) -> anyhow::Result<Duration> {
        let id = self.facts.snapshot.context("a restore has a snapshot")?;
        let manifest = self.app.data.manifest(id).await?;
        Ok(manifest.map_or(Duration::ZERO, |manifest| {
            self.app.data.restore_estimate(manifest.plain_bytes)
        }))
    }

    async fn stop(&mut self) -> anyhow::Result<Outcome> {
        // After a crash the hold is gone with the gate that kept it.
        self.app.router.hold(self.estimate().await?).await?;
        self.app.end_warmth();
        {
            // Whoever is just starting the live colour again has finished, and begins no more.
            let _hands = self.app.hands.lock().await;
            self.app.resting.store(true, Ordering::Release);
            for colour in Colour::BOTH {
                self.app.router.forget(colour).await;
                self.app.runtime.stop(colour).await?;
            }
        }
        let mut said = "the app is stopped".to_owned();
        match self.version.take() {
            // What was written between the snapshot and the hold belongs to the content from before.
            Some(version) if version.has_changed().await? => {
                let superseded = self.facts.before;
                let id = self.take_before_restore().await?;
                if let Some(superseded) = superseded.filter(|old| *old != id) {
                    self.app.data.set_pinned(superseded, false).await?;
                }
                said = format!("{said}; {id} holds what was written until then");
            }
            Some(_) => {}
            // It goes on after a crash. Whatever the database holds now is kept, should anybody have
            // written into it since; the content from before is in the snapshot of then.
            None => {
                let manifest = self.take_in_quiet().await?;
                said = format!(
                    "{said}; {} holds what was found after the crash",
                    manifest.id
                );
            }
        }
        Ok(Outcome::Done(said))
    }

    async fn copy(&mut self) -> anyhow::Result<Outcome> {
        let id = self.facts.snapshot.context("a restore has a snapshot")?;
        let unpacked = match self.unpacked.take() {
            Some(unpacked) => unpacked,
            None => self.app.data.unpack(id, self.app.data.cancel()).await?,
        };
        let copied = self
            .app
            .data
            .copy_in(unpacked, self.app.data.cancel())
            .await;
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

    async fn start(&self) -> anyhow::Result<Outcome> {
        let (app, to, release) = (&self.app, self.facts.to, &self.facts.release);
        app.end_warmth();
        if let ColourState::Running {
            release: running, ..
        } = app.runtime.state(to).await
        {
            if self.kind == Kind::Rollback && running == *release {
                return Ok(Outcome::Skipped(format!(
                    "{release} was still running on {to}"
                )));
            }
            app.router.forget(to).await;
            app.runtime.stop(to).await?;
        }
        live::unmark_live(&app.folder, to)?;
        live::set_draining(&app.folder, to, false)?;
        app.releases.set_colour(to, release)?;
        app.runtime
            .start(to, &app.launch_of(to, release.clone()))
            .await?;
        Ok(Outcome::Done(format!("{release} was started on {to}")))
    }

    async fn probe(&self) -> anyhow::Result<Outcome> {
        let (to, release) = (self.facts.to, &self.facts.release);
        match self.app.await_healthy(to, release).await {
            Ok(took) => {
                self.app.note_schema(release).await;
                Ok(Outcome::Done(format!(
                    "{release} is healthy on {to}, {} after its start",
                    seconds(took)
                )))
            }
            Err(wrong) => Err(anyhow!("{release} on {to} is not healthy: {wrong}")),
        }
    }

    async fn policy(&self) -> anyhow::Result<Outcome> {
        let (app, release) = (&self.app, &self.facts.release);
        if app.config.policy.is_off() {
            return Ok(Outcome::Skipped(
                "every policy is switched off for this app".to_owned(),
            ));
        }
        let check = app
            .check_before_swap(BeforeSwap {
                run: self.run,
                release,
                previous: self.facts.previous.as_ref(),
                to: self.facts.to,
                from: self.facts.from,
            })
            .await?;
        if let Some(why) = &check.unreachable {
            bail!("{release} on {} could not be checked: {why}", self.facts.to);
        }
        let page = format!("/apps/{}/checks/{}", app.name(), check.id);
        if let Some(found) = verdict::in_a_sentence(&check, policy::Severity::Fail) {
            bail!(
                "the policies refuse {release}: {found}. What was seen, and what to change, stands at {page} on the dashboard; \
                 mend the release and deploy it anew, or accept the findings there or with `tealkeep accept {}`",
                app.name()
            );
        }
        let accepted = check
            .findings
            .iter()
            .filter(|found| found.accepted.is_some());
        let mut said = match verdict::in_a_sentence(&check, policy::Severity::Warn) {
            Some(found) => format!("goes on with a warning: {found}; see {page}"),
            None => "nothing is kept longer than it may be".to_owned(),
        };
        match accepted.count() {
            0 => {}
            1 => said.push_str("; one finding was accepted before"),
            many => said.push_str(&format!("; {many} findings were accepted before")),
        }
        if let Some(seen) = &check.seen {
            said.push_str(&format!(
                "; looked at {}",
                seen.in_words().trim_end_matches('.')
            ));
        }
        Ok(Outcome::Done(said))
    }

    async fn swap(&self, to: Colour) -> anyhow::Result<Outcome> {
        self.app.swap_to(to).await?;
        Ok(Outcome::Done(format!("new requests go to {to}")))
    }

    async fn verify_through_router(&self) -> anyhow::Result<Outcome> {
        let (app, release) = (&self.app, &self.facts.release);
        let health = &app.config.health;
        let until = tokio::time::Instant::now() + VERIFY_WITHIN;
        loop {
            let question = Question::of_health(app.router.entrance(), health);
            let found = question.ask().await;
            let found = found.map_err(|silence| silence.to_string());
            match found.and_then(|answer| probe::judge(&answer, release)) {
                Ok(()) => break,
                Err(wrong) if tokio::time::Instant::now() >= until => {
                    bail!(
                        "after the swap, {} through the router {wrong} (asked was {question})",
                        health.path
                    )
                }
                Err(_) => tokio::time::sleep(VERIFY_PAUSE).await,
            }
        }
        let Some(url) = &app.config.url else {
            return Ok(Outcome::Done(format!(
                "{release} answers through the router"
            )));
        };
        let public = probe::public::Public::at(url, &health.path)?;
        let until = tokio::time::Instant::now() + PUBLIC_WITHIN;
        loop {
            let found = public.ask(health.timeout).await;
            let is_late = tokio::time::Instant::now() >= until;
            let (wrong, lasts) = match found {
                Ok(answer) => match probe::judge(&answer, release) {
                    Ok(()) => {
                        return Ok(Outcome::Done(format!(
                            "{release} answers through the router and at {public}"
                        )));
                    }
                    Err(wrong) => (wrong, false),
                },
                Err(silence) => (silence.why, silence.lasts),
            };
            if lasts || is_late {
                bail!("after the swap, {public} {wrong}");
            }
            tokio::time::sleep(PUBLIC_PAUSE).await;
        }
    }

    async fn drain(&self) -> anyhow::Result<Outcome> {
        let (app, from) = (&self.app, self.facts.from);
        if !matches!(app.runtime.state(from).await, ColourState::Running { .. }) {
            return Ok(Outcome::Skipped(format!("{from} was not running")));
        }
        live::set_draining(&app.folder, from, true)?;
        let deadline = app.config.deploy.drain_timeout;
        let idle = app.router.wait_for_requests(from, deadline).await;
        app.router.end_streams(from).await;
        live::set_draining(&app.folder, from, false)?;
        Ok(Outcome::Done(match idle {
            Ok(true) => format!("all requests to {from} finished"),
            Ok(false) => format!("some requests at {from} were still open after {deadline:?}"),
            // The new release is live and answers; the old one had the whole time to end what it had.
            Err(error) => {
                let text = format!(
                    "{error:#}. So the whole drain of {deadline:?} was waited for, and what was then still open at {from} ends with it"
                );
                app.note(Severity::Warning, format!("In the drain, {text}."))
                    .await;
                text
            }
        }))
    }

    async fn finish(&mut self) -> anyhow::Result<()> {
        let app = self.app.clone();
        match self.kind {
            Kind::Deploy | Kind::Rollback if app.config.deploy.keep_warm.is_zero() => {
                app.cool(self.facts.from).await
            }
            Kind::Deploy | Kind::Rollback => app.keep_warm(self.facts.from).await,
            Kind::Restore | Kind::Undo => {}
        }
        app.journal
            .end_run(self.run, RunState::Done, None, None)
            .await?;
        app.check_after(self.run);
        let what = match self.kind {
            Kind::Deploy => format!("{} went live on {}.", self.facts.release, self.facts.to),
            Kind::Rollback => format!(
                "{} is live again, on {}.",
                self.facts.release, self.facts.to
            ),
            Kind::Restore => format!(
                "The content of {} was restored; it can be undone.",
                subject(&self.facts)
            ),
            Kind::Undo => format!(
                "The restore was undone: the content of {} is back.",
                subject(&self.facts)
            ),
        };
        app.journal
            .note(
                NewEvent::new(Severity::Good, what)
                    .of(app.name())
                    .in_run(self.run),
            )
            .await;
        if self.kind == Kind::Deploy {
            self.prune().await?;
        }
        Ok(())
    }

    async fn prune(&self) -> anyhow::Result<()> {
        let app = &self.app;
        let mut needed: Vec<ReleaseId> = Colour::BOTH
            .iter()
            .filter_map(|c| app.releases.of_colour(*c))
            .collect();
        needed.extend(self.facts.previous.clone());
        let (releases, keep) = (app.releases.clone(), app.config.deploy.keep_releases);
        let gone = tokio::task::spawn_blocking(move || releases.prune(keep, &needed)).await??;
        if !gone.is_empty() {
            let names = gone
                .iter()
                .map(ReleaseId::as_str)
                .collect::<Vec<_>>()
                .join(", ");
            let text = format!("Old releases were removed: {names}.");
            app.journal
                .note(
                    NewEvent::new(Severity::Info, text)
                        .of(app.name())
                        .in_run(self.run),
                )
                .await;
        }
        Ok(())
    }

    async fn fail(&mut self, step: Step, cause: anyhow::Error) {
        let app = self.app.clone();
        // What the release printed is read before the unwinding stops it, and it may print more.
        let output = match (self.kind, step) {
            (_, Step::Start | Step::Probe | Step::Swap)
            | (Kind::Deploy | Kind::Rollback, Step::Verify) => {
                Some(app.runtime.last_lines(self.facts.to, OUTPUT_LINES).await)
                    .filter(|text| !text.is_empty())
            }
            (_, Step::Prepare) => {
                // A crash may have left it running on, and the directories open.
                if let Err(error) = app.runtime.end_preparation(&self.facts.release).await {
                    tracing::warn!(app = %app.name(), run = self.run, "{error:#}");
                }
                if let Err(error) = self.open_to_group(false).await {
                    tracing::warn!(app = %app.name(), run = self.run, "{error:#}");
                }
                let lines: Vec<String> = app.printed(self.run).lines.into();
                let last = &lines[lines.len().saturating_sub(OUTPUT_LINES)..];
                (!last.is_empty()).then(|| last.join("\n"))
            }
            _ => None,
        };
        let mut reason = format!("{cause:#}");
        self.record_step(step, StepState::Failed, Some(reason.clone()))
            .await;
        let mut troubled = false;
        let plan = step::unwind(self.kind, step);
        for undone in plan.iter().filter(|undone| **undone != Unwind::ReleaseHold) {
            // Once something could not be taken back, the rest could make it worse: the target may still be
            // what answers, and content is not put under a process that runs.
            if troubled && matches!(undone, Unwind::StopTarget | Unwind::CopyBack) {
                continue;
            }
            if let Err(error) = self.unwind(*undone).await {
                let trouble = format!("while taking back what had begun: {error:#}");
                tracing::error!(app = %app.name(), run = self.run, "{trouble}");
                reason = format!("{reason}; and {trouble}");
                troubled = true;
            }
        }
        if troubled {
            self.facts.troubled = true;
            if let Err(error) = app.journal.set_run_facts(self.run, &self.facts).await {
                tracing::error!(app = %app.name(), run = self.run, "the journal did not take the trouble: {error:#}");
            }
        } else {
            for done in self.kind.steps().iter().take_while(|s| **s != step) {
                if matches!(
                    done,
                    Step::Swap | Step::Start | Step::Copy | Step::Stop | Step::Hold
                ) {
                    self.record_step(*done, StepState::Undone, None).await;
                }
            }
        }
        // Before anybody writes again: a run whose end is not known is carried on by the next start.
        let ended = app
            .journal
            .end_run(self.run, RunState::Failed, Some(reason.clone()), output)
            .await;
        if let Err(error) = ended {
            tracing::error!(app = %app.name(), run = self.run, "the end of the run could not be written: {error:#}");
        }
        faults::point(&format!("{}.unwound", self.kind.noun()));
        if plan.contains(&Unwind::ReleaseHold)
            && let Err(error) = app.router.release().await
        {
            tracing::error!(app = %app.name(), run = self.run, "held requests could not be released: {error:#}");
        }
        let live = match app.router.live().await {
            Ok(colour) => match app.releases.of_colour(colour) {
                Some(release) => format!("{release} is live on {colour}"),
                None => "nothing is live yet".to_owned(),
            },
            Err(error) => format!("what is live can't be told: {error:#}"),
        };
        let as_before = if troubled {
            "; look at it now"
        } else {
            ", as before"
        };
        let text = format!(
            "The {} of {} failed at the step {}: {reason}. {live}{as_before}.",
            self.kind.noun(),
            subject(&self.facts),
            step.as_str()
        );
        app.journal
            .note(
                NewEvent::new(Severity::Bad, text)
                    .of(app.name())
                    .in_run(self.run),
            )
            .await;
    }

    async fn unwind(&mut self, undone: Unwind) -> anyhow::Result<()> {
        let (app, from, to) = (self.app.clone(), self.facts.from, self.facts.to);
        match undone {
            Unwind::SwapBack => {
                // Only to a colour that runs: it may have been stopped, or have crashed, meanwhile.
                self.start_from_again().await?;
                self.swap(from).await.map(drop)
            }
            Unwind::StopTarget => {
                let holds = matches!(self.kind, Kind::Restore | Kind::Undo);
                if !holds && app.router.live().await? == to {
                    bail!("{to} is still what answers, so it was left running");
                }
                app.router.forget(to).await;
                live::unmark_live(&app.folder, to)?;
                app.runtime.stop(to).await
            }
            Unwind::CopyBack => {
                let Some(before) = self.facts.before.filter(|_| self.content_changed) else {
                    return Ok(());
                };
                app.runtime.stop(from).await?;
                // A stop of the server does not call this off: half of a way back is no way.
                let unpacked = app.data.unpack(before, Cancel::never()).await?;
                app.data.copy_in(unpacked, Cancel::never()).await.map(drop)
            }
            Unwind::StartOld => self.start_from_again().await,
            Unwind::ReleaseHold => app.router.release().await,
        }
    }

    async fn start_from_again(&self) -> anyhow::Result<()> {
        let (app, from) = (&self.app, self.facts.from);
        let Some(release) = app.releases.of_colour(from) else {
            return Ok(());
        };
        if !matches!(app.runtime.state(from).await, ColourState::Running { .. }) {
            app.runtime
                .start(from, &app.launch_of(from, release.clone()))
                .await?;
        }
        match app.await_healthy(from, &release).await {
            Ok(_) => Ok(()),
            Err(wrong) => bail!("{release} on {from} does not come back: {wrong}"),
        }
    }

    async fn record_step(&self, step: Step, state: StepState, detail: Option<String>) {
        if let Err(error) = self
            .app
            .journal
            .set_step(self.run, step, state, detail)
            .await
        {
            tracing::error!(
                run = self.run,
                "the journal did not take the step {}: {error:#}",
                step.as_str()
            );
        }
    }
}
