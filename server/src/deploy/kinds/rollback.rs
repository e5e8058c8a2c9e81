//! A rollback: the previous release goes live again, at once if it is still warm. It was checked when it was deployed, so nothing
//! is checked again.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Action, Context, Outcome, RunKind, When, colours, verify};
use crate::journal::runs::Step;
use crate::runtime::ColourState;

/// One being carried out.
pub(in crate::deploy) struct Rollback {
    context: Context,
}

impl Rollback {
    pub fn new(context: Context) -> Rollback {
        Rollback { context }
    }

    async fn start(&mut self) -> anyhow::Result<Outcome> {
        let (app, facts) = (&self.context.app, &self.context.facts);
        app.end_warmth();
        if let ColourState::Running { release, .. } = app.runtime.state(facts.to).await
            && release == facts.release
        {
            return Ok(Outcome::Skipped(format!(
                "{release} was still running on {}",
                facts.to
            )));
        }
        colours::start(&self.context).await
    }
}

impl RunKind for Rollback {
    const ACTIONS: &'static [Action<Self>] = &[
        Action::<Self>::new(Step::Start, |run| run.start().boxed())
            .undone_by(When::WhileSound, |run| {
                colours::stop_target(&run.context).boxed()
            })
            .explained_by(|run| colours::last_lines(&run.context).boxed()),
        Action::<Self>::new(Step::Probe, |run| colours::probe(&run.context).boxed())
            .explained_by(|run| colours::last_lines(&run.context).boxed()),
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
        format!("{} is live again, on {}.", facts.release, facts.to)
    }
}
