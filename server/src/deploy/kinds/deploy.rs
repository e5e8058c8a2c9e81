//! A deploy: a release goes live on the other colour, with a snapshot before it and the policies' consent. Nothing that
//! users see changes before the swap.

use std::path::PathBuf;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Action, Context, Outcome, RunKind, When, colours, policy, prepare, verify};
use crate::backup::Reason;
use crate::journal::runs::Step;
use crate::journal::{NewEvent, Severity};
use crate::names::{Colour, ReleaseId};

/// One being carried out.
pub(in crate::deploy) struct Deploy {
    context: Context,
    /// What is copied in, where the release is not here yet.
    directory: Option<PathBuf>,
}

impl RunKind for Deploy {
    const ACTIONS: &'static [Action<Self>] = &[
        Action::<Self>::new(Step::Receive, |run| run.receive().boxed()),
        Action::<Self>::new(Step::Prepare, |run| prepare::prepare(&run.context).boxed())
            .explained_by(|run| prepare::end(&run.context).boxed()),
        Action::<Self>::new(Step::Snapshot, |run| run.snapshot().boxed()),
        Action::<Self>::new(Step::Start, |run| colours::start(&run.context).boxed())
            .undone_by(When::WhileSound, |run| {
                colours::stop_target(&run.context).boxed()
            })
            .explained_by(|run| colours::last_lines(&run.context).boxed()),
        Action::<Self>::new(Step::Probe, |run| colours::probe(&run.context).boxed())
            .explained_by(|run| colours::last_lines(&run.context).boxed()),
        Action::<Self>::new(Step::Policy, |run| policy::check(&run.context).boxed()),
        Action::<Self>::new(Step::Swap, |run| colours::proven_swap(&run.context).boxed())
            .undone_by(When::Always, |run| colours::swap_back(&run.context).boxed())
            .explained_by(|run| colours::last_lines(&run.context).boxed()),
        Action::<Self>::new(Step::Verify, |run| {
            verify::through_router(&run.context).boxed()
        })
        .explained_by(|run| colours::last_lines(&run.context).boxed()),
        Action::<Self>::new(Step::Drain, |run| colours::drain(&run.context).boxed()),
    ];
    const SETTLED: Option<Step> = None;

    fn context(&self) -> &Context {
        &self.context
    }

    fn context_mut(&mut self) -> &mut Context {
        &mut self.context
    }

    fn conclude(&mut self) -> BoxFuture<'_, ()> {
        colours::keep_from_warm(&self.context).boxed()
    }

    fn success(&self) -> String {
        let facts = &self.context.facts;
        format!("{} went live on {}.", facts.release, facts.to)
    }

    fn tidy(&mut self) -> BoxFuture<'_, anyhow::Result<()>> {
        self.prune().boxed()
    }
}

impl Deploy {
    pub fn new(context: Context, directory: Option<PathBuf>) -> Deploy {
        Deploy { context, directory }
    }

    async fn receive(&mut self) -> anyhow::Result<Outcome> {
        let facts = &self.context.facts;
        let (release, releases) = (facts.release.clone(), self.context.app.releases.clone());
        let id = release.clone();
        if let Some(directory) = self.directory.clone() {
            let from = directory.clone();
            let received =
                tokio::task::spawn_blocking(move || releases.receive(&from, &id)).await??;
            return Ok(Outcome::Done(format!(
                "{} was copied in as {release}{}",
                directory.display(),
                received.special_bits_note()
            )));
        }
        let (is_here, is_pushed) = (releases.has(&id), releases.is_pushed(&id));
        let basis = facts.previous.clone();
        let received =
            tokio::task::spawn_blocking(move || releases.adopt(&id, basis.as_ref())).await??;
        let shared = match (&facts.previous, received.shared) {
            (Some(previous), 1) => format!("; 1 file is the same as in {previous}"),
            (Some(previous), many @ 2..) => {
                format!("; {many} files are the same as in {previous}")
            }
            _ => String::new(),
        };
        let special = received.special_bits_note();
        Ok(match (is_here, is_pushed) {
            (false, _) => Outcome::Done(format!("{release} arrived whole{shared}{special}")),
            (true, true) => Outcome::Skipped(format!("{release} was here already, the same")),
            (true, false) => Outcome::Skipped(format!("{release} was on this machine already")),
        })
    }

    async fn snapshot(&mut self) -> anyhow::Result<Outcome> {
        let (app, previous) = (&self.context.app, self.context.facts.previous.clone());
        if !app.data.exists() {
            return Ok(Outcome::Skipped("there is no database yet".to_owned()));
        }
        let taken = app
            .data
            .snapshot_for(Reason::BeforeDeploy, previous.clone(), false, None)
            .await?;
        let manifest = taken.manifest;
        if let Some(previous) = previous {
            let schema = manifest.schema_hash.clone();
            app.journal
                .note_schema(app.name().clone(), previous, schema)
                .await?;
        }
        Ok(Outcome::Done(format!(
            "{} was taken and read back",
            manifest.id
        )))
    }

    /// Removes the oldest releases that nobody needs any more.
    async fn prune(&mut self) -> anyhow::Result<()> {
        let Context {
            app, run, facts, ..
        } = &self.context;
        let mut needed: Vec<ReleaseId> = Colour::BOTH
            .iter()
            .filter_map(|colour| app.releases.of_colour(*colour))
            .collect();
        needed.extend(facts.previous.clone());
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
                        .in_run(*run),
                )
                .await;
        }
        Ok(())
    }
}
