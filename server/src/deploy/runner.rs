//! Carries out a run step by step, and tells the journal before and after each step. If a step fails, it takes back what `kinds`
//! decides, and notes in one entry what was taken back and how the run ended.

use std::path::PathBuf;

use anyhow::anyhow;

use super::App;
use super::data::Quiet;
use super::kinds::{
    Action, Context, Deploy, OnBoot, Outcome, Restore, Rollback, RunKind, When, is_settled,
    unwinding,
};
use crate::faults;
use crate::journal::runs::{Failure, Kind, RunId, Step, StepState};
use crate::journal::transition::Event;
use crate::journal::{NewEvent, Severity};

/// Carries out a run that has just begun; `directory` is what a deploy copies in.
pub(super) async fn begin(context: Context, directory: Option<PathBuf>) {
    match context.kind {
        Kind::Deploy => drive(Deploy::new(context, directory), None).await,
        Kind::Rollback => drive(Rollback::new(context), None).await,
        Kind::Restore | Kind::Undo => drive(Restore::new(context), None).await,
    }
}

/// Goes on with a run that was cut off, or takes it back. `quiet` is what a restore gets back.
pub(super) async fn resume(context: Context, decision: OnBoot, quiet: Option<Quiet>) {
    match context.kind {
        Kind::Deploy => settle(Deploy::new(context, None), decision).await,
        Kind::Rollback => settle(Rollback::new(context), decision).await,
        Kind::Restore | Kind::Undo => settle(Restore::resumed(context, quiet), decision).await,
    }
}

/// Notes the end of a run of which nothing else is left to do.
///
/// # Errors
/// The journal can't be written.
pub(super) async fn close(app: &App, run: RunId, reason: &str) -> anyhow::Result<()> {
    let failure = Failure {
        step: None,
        undone: Vec::new(),
        facts: None,
        reason: reason.to_owned(),
        output: None,
    };
    app.journal.fail_run(run, failure).await
}

async fn settle<R: RunKind>(mut run: R, decision: OnBoot) {
    match decision {
        OnBoot::Unwind(step) => {
            let cause = anyhow!("Tealkeep was cut off at the step {}", step.as_str());
            fail(&mut run, Event::CutOff(step), step, cause).await;
        }
        OnBoot::Continue(step) => {
            complete_before(&mut run, step).await;
            drive(run, Some(step)).await;
        }
        OnBoot::Close => {
            let Context { app, run, .. } = run.context();
            let reason = "it failed, and was taken back before Tealkeep ended";
            if let Err(error) = close(app, *run, reason).await {
                tracing::error!(run, "the end of the run could not be written: {error:#}");
            }
        }
    }
}

/// Marks the steps as done that were under way before `step`: that they did what they are for is known by now.
async fn complete_before<R: RunKind>(run: &mut R, step: Step) {
    let steps = run.context().progress.steps.clone();
    let before = steps.iter().take_while(|(known, _)| *known != step);
    for (open, _) in before.filter(|(_, state)| *state == StepState::Running) {
        let detail = "found done at the next start".to_owned();
        if let Err(error) = advance(run, Event::Complete(*open), Some(detail)).await {
            tracing::error!(run = run.context().run, "{error:#}");
        }
    }
}

/// Carries out the steps from `first` on.
async fn drive<R: RunKind>(mut run: R, first: Option<Step>) {
    let stop = run.context().app.stop.clone();
    let is_before = |action: &&Action<R>| first.is_some_and(|first| action.step != first);
    for action in R::ACTIONS.iter().skip_while(is_before) {
        let ended = tokio::select! {
            // A step that the stop cut off has not failed. The journal says that it was under way, and
            // the next start takes back what was begun, or goes on.
            biased;
            () = stop.cancelled() => return,
            ended = take(&mut run, action) => ended,
        };
        if let Err(error) = ended {
            fail(&mut run, Event::Fail(action.step), action.step, error).await;
            return;
        }
    }
    if let Err(error) = finish(&mut run).await {
        let Context { app, run, .. } = run.context();
        tracing::error!(app = %app.name(), run, "the run is done, but: {error:#}");
    }
}

async fn take<R: RunKind>(run: &mut R, action: &Action<R>) -> anyhow::Result<()> {
    let (step, noun) = (action.step, run.context().kind.noun());
    advance(run, Event::Begin(step), None).await?;
    faults::point(&format!("{noun}.{}.before", step.as_str()));
    let outcome = (action.act)(run).await?;
    faults::point(&format!("{noun}.{}.after", step.as_str()));
    match outcome {
        Outcome::Done(detail) => advance(run, Event::Complete(step), Some(detail)).await,
        Outcome::Skipped(detail) => advance(run, Event::Skip(step), Some(detail)).await,
    }
}

/// Notes what happened to a run, and tells those who watch.
async fn advance<R: RunKind>(
    run: &mut R,
    event: Event,
    detail: Option<String>,
) -> anyhow::Result<()> {
    let context = run.context_mut();
    let journal = &context.app.journal;
    context.progress = journal.advance(context.run, event, detail).await?;
    journal.touch();
    Ok(())
}

async fn finish<R: RunKind>(run: &mut R) -> anyhow::Result<()> {
    run.conclude().await;
    advance(run, Event::Finish, None).await?;
    let context = run.context();
    context.app.check_after(context.run);
    note(context, Severity::Good, run.success()).await;
    run.tidy().await
}

/// Takes back what a run had begun, and notes how it ended. `event` is what happened to the step.
async fn fail<R: RunKind>(run: &mut R, event: Event, step: Step, cause: anyhow::Error) {
    let output = evidence(run, step).await;
    let why = format!("{cause:#}");
    if let Err(error) = advance(run, event, Some(why.clone())).await {
        tracing::error!(run = run.context().run, "{error:#}");
    }
    let plan = unwinding::<R>(&run.context().progress, step);
    let TakenBack { undone, trouble } = take_back(run, &plan, step).await;
    let reason = match &trouble {
        Some(trouble) => format!("{why}; and {trouble}"),
        None => why.clone(),
    };
    let context = run.context_mut();
    context.facts.troubled |= trouble.is_some() || is_settled::<R>(step);
    let failure = Failure {
        step: Some((step, why)),
        undone,
        facts: Some(context.facts.clone()),
        reason: reason.clone(),
        output,
    };
    // Before anybody writes again: a run whose end is not known is carried on by the next start.
    let Context { app, run: id, .. } = context;
    if let Err(error) = app.journal.fail_run(*id, failure).await {
        tracing::error!(app = %app.name(), run = *id, "the end of the run could not be written: {error:#}");
    }
    faults::point(&format!("{}.unwound", run.context().kind.noun()));
    release_held(run, &plan).await;
    note_failure(run.context(), step, &reason).await;
}

/// What the release printed, before the unwinding stops it.
async fn evidence<R: RunKind>(run: &mut R, failed: Step) -> Option<String> {
    let action = R::ACTIONS.iter().find(|action| action.step == failed)?;
    match action.evidence {
        Some(read) => read(run).await,
        None => None,
    }
}

/// What of a plan waits for the end of the run: held requests go on.
async fn release_held<R: RunKind>(run: &mut R, plan: &[&'static Action<R>]) {
    for action in plan {
        if let Some(undo) = &action.undo
            && undo.when == When::AfterTheEnd
            && let Err(error) = (undo.act)(run).await
        {
            let Context { app, run, .. } = run.context();
            tracing::error!(app = %app.name(), run, "held requests could not be released: {error:#}");
        }
    }
}

/// What an unwinding came to.
struct TakenBack {
    /// The steps that were taken back, or are as soon as the end is written.
    undone: Vec<Step>,
    /// What could not be, in words.
    trouble: Option<String>,
}

/// Takes the steps of a plan back, as far as that is done before the end of the run is written.
async fn take_back<R: RunKind>(
    run: &mut R,
    plan: &[&'static Action<R>],
    failed: Step,
) -> TakenBack {
    let mut undone = Vec::new();
    let mut troubles: Vec<String> = Vec::new();
    for action in plan {
        let Some(undo) = &action.undo else { continue };
        let ended = match undo.when.is_due(troubles.is_empty()) {
            true => (undo.act)(run).await,
            // What waits for the end of the run is as good as done.
            false if undo.when == When::AfterTheEnd => Ok(()),
            false => continue,
        };
        match ended {
            Ok(()) if action.step == failed => {}
            Ok(()) => undone.push(action.step),
            Err(error) => {
                let trouble = format!("while taking back what had begun: {error:#}");
                let Context { app, run, .. } = run.context();
                tracing::error!(app = %app.name(), run, "{trouble}");
                troubles.push(trouble);
            }
        }
    }
    TakenBack {
        undone,
        trouble: (!troubles.is_empty()).then(|| troubles.join("; and ")),
    }
}

async fn note_failure(context: &Context, step: Step, reason: &str) {
    let Context {
        app, kind, facts, ..
    } = context;
    let live = match app.router.live().await {
        Ok(colour) => match app.releases.of_colour(colour) {
            Some(release) => format!("{release} is live on {colour}"),
            None => "nothing is live yet".to_owned(),
        },
        Err(error) => format!("what is live can't be told: {error:#}"),
    };
    let as_before = if facts.troubled {
        "; look at it now"
    } else {
        ", as before"
    };
    let text = format!(
        "The {} of {} failed at the step {}: {reason}. {live}{as_before}.",
        kind.noun(),
        facts.subject(),
        step.as_str()
    );
    note(context, Severity::Bad, text).await;
}

async fn note(context: &Context, severity: Severity, text: String) {
    let event = NewEvent::new(severity, text);
    let event = event.of(context.app.name()).in_run(context.run);
    context.app.journal.note(event).await;
}
