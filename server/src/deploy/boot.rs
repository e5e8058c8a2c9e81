//! What happens at a start: running colours are adopted, an interrupted run continues or is undone, and the live colour is
//! started.

use std::sync::Arc;

use tokio::sync::broadcast::Receiver;

use super::data::Quiet;
use super::kinds::{Context, OnBoot, on_boot};
use super::turn::Turn;
use super::{App, Underway, runner, upkeep};
use crate::clock::seconds;
use crate::house::observed::{self, Sources};
use crate::journal::runs::Run;
use crate::journal::transition::Progress;
use crate::journal::{NewEvent, Severity};
use crate::names::Colour;
use crate::runtime::{ColourState, Exit, live};

impl App {
    /// Gives a run that was cut off its turn back, as nobody can ask for anything yet. Says whether it held requests, so
    /// that they must wait from the first moment.
    ///
    /// # Errors
    /// The journal can't be read.
    pub async fn look_back(&self) -> anyhow::Result<bool> {
        let runs = self.journal.unfinished_runs(self.name().clone()).await?;
        let live = self.router.live().await?;
        if !runs.is_empty() {
            self.turns.reserve(&self.data);
        }
        Ok(runs
            .last()
            .is_some_and(|run| decide(run, live).holds_requests()))
    }

    /// Brings the app to a state that can be explained: adopts what runs, finishes or unwinds what was
    /// cut off, starts the live colour, and from then on keeps it running.
    ///
    /// # Errors
    /// The machine or the journal can't be asked.
    pub async fn begin(self: &Arc<Self>) -> anyhow::Result<()> {
        let (exits, crashes) = (self.runtime.exits(), self.runtime.exits());
        self.runtime.adopt().await?;
        self.remove_leftovers().await?;
        let live = self.router.live().await?;
        self.mark_colours(live).await?;
        self.begin_observing(crashes);
        self.tasks.spawn(upkeep::run(self.clone(), exits));
        self.tasks.spawn(upkeep::prove_router(self.clone()));
        let (guard, quiet) = self.turns.reclaim().await;
        let turn = Turn::of(self.clone(), guard);
        let cut_off = self.cut_off_run().await?;
        let keeps_stopped = |run: &Run| decide(run, live).keeps_app_stopped();
        let restore_goes_on = cut_off.as_ref().is_some_and(keeps_stopped);
        let quiet = quiet.filter(|_| restore_goes_on);
        if !restore_goes_on {
            live::unmark_live(&self.folder, live.other())?;
            self.start_live(live).await;
        }
        match cut_off {
            Some(run) => {
                self.set_underway(Some(Underway {
                    run: run.id,
                    kind: run.kind,
                    subject: run.facts.subject(),
                    since: run.began,
                    output: Vec::new(),
                }));
                let app = self.clone();
                self.tasks
                    .spawn(async move { app.resume(run, live, turn, quiet).await });
            }
            None => {
                drop(turn);
                self.keep_warm_on(live.other()).await;
            }
        }
        Ok(())
    }

    /// Counts the app's requests and crashes and probes its health from now on.
    fn begin_observing(&self, crashes: Receiver<Exit>) {
        let sources = Sources {
            router: self.router.clone(),
            runtime: self.runtime.clone(),
            health: self.config.health.clone(),
            clock: self.data.clock().clone(),
        };
        self.tasks.spawn(observed::watch(
            self.observed.clone(),
            sources,
            crashes,
            self.stop.clone(),
        ));
    }

    /// Removes what a start before this one left half done. Leftovers cost room, not correctness: the household's app
    /// comes up all the same where they stay.
    async fn remove_leftovers(&self) -> anyhow::Result<()> {
        live::sweep(&self.folder)?;
        if let Err(error) = self.releases.sweep() {
            let text = format!("What a cut-off receive left could not be removed: {error:#}.");
            self.note(Severity::Warning, text).await;
        }
        if let Err(error) = self.data.sweep().await {
            let text = format!("No snapshot can be taken: {error:#}.");
            self.note(Severity::Bad, text).await;
        }
        Ok(())
    }

    /// Makes the files true that say which colour is live, and says which ones still run.
    async fn mark_colours(&self, live: Colour) -> anyhow::Result<()> {
        live::mark_live(&self.folder, live)?;
        for colour in Colour::BOTH {
            live::set_draining(&self.folder, colour, false)?;
            if let ColourState::Running { pid, release, .. } = self.runtime.state(colour).await {
                let role = if colour == live { "live" } else { "idle" };
                let text = format!(
                    "The {role} colour {colour} ({release}) was still running as process {pid} and goes on."
                );
                self.note(Severity::Info, text).await;
            }
        }
        Ok(())
    }

    /// The run that was cut off. Only one is ever under way; should an older one be found open, the newest says what is
    /// true.
    async fn cut_off_run(&self) -> anyhow::Result<Option<Run>> {
        let mut open = self.journal.unfinished_runs(self.name().clone()).await?;
        let newest = open.pop();
        for stray in open {
            let reason = "it was cut off, and another run came after it";
            runner::close(self, stray.id, reason).await?;
        }
        Ok(newest)
    }

    async fn resume(self: &Arc<Self>, run: Run, live: Colour, turn: Turn, quiet: Option<Quiet>) {
        let decision = decide(&run, live);
        let found = match decision {
            OnBoot::Unwind(step) => format!(
                "Tealkeep had been cut off during the {} of {}, at the step {}; what it had begun is taken back.",
                run.kind.noun(),
                run.facts.subject(),
                step.as_str()
            ),
            OnBoot::Continue(step) => format!(
                "Tealkeep had been cut off during the {} of {}; it goes on with the step {}.",
                run.kind.noun(),
                run.facts.subject(),
                step.as_str()
            ),
            OnBoot::Close => format!(
                "The {} of {} had failed and was taken back before Tealkeep ended; only that had not been written.",
                run.kind.noun(),
                run.facts.subject()
            ),
        };
        self.journal
            .note(
                NewEvent::new(Severity::Warning, found)
                    .of(self.name())
                    .in_run(run.id),
            )
            .await;
        let context = Context {
            app: self.clone(),
            run: run.id,
            kind: run.kind,
            progress: Progress::of_run(&run),
            facts: run.facts,
        };
        runner::resume(context, decision, quiet).await;
        if let Ok(live) = self.router.live().await
            && self.warm().is_none()
        {
            self.keep_warm_on(live.other()).await;
        }
        drop(turn);
    }

    /// Starts the live colour on the release that its link names, unless it runs, and says how it went.
    async fn start_live(&self, live: Colour) {
        let Some(release) = self.releases.of_colour(live) else {
            self.note(
                Severity::Warning,
                format!("{} has no release yet; deploy one.", self.name()),
            )
            .await;
            return;
        };
        if !matches!(self.runtime.state(live).await, ColourState::Running { .. })
            && let Err(error) = self
                .runtime
                .start(live, &self.launch_of(live, release.clone()))
                .await
        {
            self.note(
                Severity::Bad,
                format!("The live colour {live} ({release}) could not be started: {error:#}."),
            )
            .await;
            self.set_unhealthy_reason(Some(format!("{error:#}")));
            return;
        }
        match self.await_healthy(live, &release).await {
            Ok(took) => {
                self.note(
                    Severity::Good,
                    format!(
                        "The live colour {live} ({release}) answers, {} after the start.",
                        seconds(took)
                    ),
                )
                .await;
                self.note_schema(&release).await;
            }
            Err(wrong) => {
                self.note(
                    Severity::Bad,
                    format!("The live colour {live} ({release}) does not answer: {wrong}."),
                )
                .await;
                self.set_unhealthy_reason(Some(wrong));
            }
        }
    }
}

fn decide(run: &Run, live: Colour) -> OnBoot {
    on_boot(run.kind, &Progress::of_run(run), live == run.facts.to)
}
