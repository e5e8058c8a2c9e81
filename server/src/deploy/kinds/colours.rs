//! What runs do with the two colours. A deploy and a rollback are decided here after a crash: before the swap they are
//! taken back, after it they are completed, unless they had failed.

use anyhow::{anyhow, bail};

use super::{Context, OnBoot, Outcome};
use crate::clock::seconds;
use crate::journal::Severity;
use crate::journal::runs::Step;
use crate::journal::transition::Progress;
use crate::names::Colour;
use crate::runtime::{ColourState, live};

/// How many of the last lines that a release printed are kept with a failed run.
pub(super) const OUTPUT_LINES: usize = 20;

/// What becomes of a deploy or a rollback that was cut off.
pub(super) fn on_boot(progress: &Progress, live_is_target: bool) -> OnBoot {
    let reached = progress.last_reached().unwrap_or(Step::Start);
    if progress.failed().is_some() || !progress.has_begun(Step::Swap) || !live_is_target {
        OnBoot::Unwind(reached)
    } else if progress.has_begun(Step::Drain) {
        OnBoot::Continue(Step::Drain)
    } else {
        OnBoot::Continue(Step::Verify)
    }
}

/// Starts the release on the target colour, which is free for it.
pub(super) async fn start(run: &Context) -> anyhow::Result<Outcome> {
    let (app, to, release) = (&run.app, run.facts.to, &run.facts.release);
    app.end_warmth();
    if let ColourState::Running { .. } = app.runtime.state(to).await {
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

/// Stops the target colour again, unless it is what answers.
pub(super) async fn stop_target(run: &Context) -> anyhow::Result<()> {
    let (app, to) = (&run.app, run.facts.to);
    if app.router.live().await? == to {
        bail!("{to} is still what answers, so it was left running");
    }
    app.router.forget(to).await;
    live::unmark_live(&app.folder, to)?;
    app.runtime.stop(to).await
}

/// Waits until the target colour is healthy.
pub(super) async fn probe(run: &Context) -> anyhow::Result<Outcome> {
    let (app, to, release) = (&run.app, run.facts.to, &run.facts.release);
    match app.await_healthy(to, release).await {
        Ok(took) => {
            app.note_schema(release).await;
            Ok(Outcome::Done(format!(
                "{release} is healthy on {to}, {} after its start",
                seconds(took)
            )))
        }
        Err(wrong) => Err(anyhow!("{release} on {to} is not healthy: {wrong}")),
    }
}

/// The last lines that the release printed on the target colour, before it is stopped.
pub(super) async fn last_lines(run: &Context) -> Option<String> {
    let lines = run.app.runtime.last_lines(run.facts.to, OUTPUT_LINES);
    Some(lines.await).filter(|text| !text.is_empty())
}

/// Sends new requests to a colour.
pub(super) async fn swap(run: &Context, to: Colour) -> anyhow::Result<Outcome> {
    run.app.swap_to(to).await?;
    Ok(Outcome::Done(format!("new requests go to {to}")))
}

/// Sends new requests to the target colour, through a router that does what it is told.
pub(super) async fn proven_swap(run: &Context) -> anyhow::Result<Outcome> {
    prove_router(run).await?;
    let swapped = swap(run, run.facts.to).await?;
    prove_router(run).await?;
    Ok(swapped)
}

/// Sends new requests to the colour from before, once that runs: it may have been stopped, or have crashed, meanwhile.
pub(super) async fn swap_back(run: &Context) -> anyhow::Result<()> {
    start_from_again(run).await?;
    swap(run, run.facts.from).await.map(drop)
}

/// Nothing is changed through a router that does not do what it is told.
pub(super) async fn prove_router(run: &Context) -> anyhow::Result<()> {
    let proved = run.app.prove_router().await;
    proved.map_err(|wrong| anyhow!("the router does not do what it should: {wrong}"))
}

/// Makes sure that the colour from before runs and is healthy.
pub(super) async fn start_from_again(run: &Context) -> anyhow::Result<()> {
    let (app, from) = (&run.app, run.facts.from);
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

/// Lets the requests end that the colour from before still has.
pub(super) async fn drain(run: &Context) -> anyhow::Result<Outcome> {
    let (app, from) = (&run.app, run.facts.from);
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

/// Keeps the colour from before warm, or stops it where none is kept so.
pub(super) async fn keep_from_warm(run: &Context) {
    let (app, from) = (&run.app, run.facts.from);
    if app.config.deploy.keep_warm.is_zero() {
        app.cool(from).await;
    } else {
        app.keep_warm(from).await;
    }
}
