//! Keeps the live colour running outside of runs: what ends by itself is started again, and a warm
//! other colour takes over when it does not come back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{App, live, seconds};
use crate::journal::Severity;
use crate::names::Colour;
use crate::probe;
use crate::runtime::{ColourState, Exit};

/// The pause before the first new start, doubled after each one that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two starts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How many starts must fail before a warm other colour takes over.
const PATIENCE: u32 = 3;

/// Runs until the supervisor stops.
pub async fn run(app: Arc<App>) {
    let mut exits = app.runtime.exits();
    loop {
        let exit = tokio::select! {
            () = app.stop.cancelled() => return,
            exit = exits.recv() => exit,
        };
        app.journal.touch();
        match exit {
            Ok(Exit { intended: true, .. }) => {}
            Ok(exit) if is_live(&app, exit.colour).await => {
                tokio::select! {
                    () = app.stop.cancelled() => return,
                    () = bring_back_for_good(&app, exit, &mut exits) => {}
                }
            }
            Ok(exit) => {
                if app.underway().is_none() {
                    note(
                        &app,
                        Severity::Warning,
                        format!("The idle colour {} {}.", exit.colour, exit.how),
                    )
                    .await;
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn is_live(app: &App, colour: Colour) -> bool {
    app.router.live().await.is_ok_and(|live| live == colour)
}

/// Returns when the live colour runs, or is another one. The ends of starts that failed meanwhile were dealt with,
/// but the last one may have ended again since it was found healthy, and nothing else would ever tell.
async fn bring_back_for_good(app: &Arc<App>, mut exit: Exit, exits: &mut Receiver<Exit>) {
    loop {
        bring_back(app, &exit).await;
        while exits.try_recv().is_ok() {}
        let colour = exit.colour;
        if !is_live(app, colour).await {
            return;
        }
        let ColourState::Ended { how } = app.runtime.state(colour).await else {
            return;
        };
        exit.how = how;
    }
}

async fn bring_back(app: &Arc<App>, exit: &Exit) {
    let colour = exit.colour;
    let Some(release) = app.releases.of_colour(colour) else {
        return;
    };
    let began = Instant::now();
    note(
        app,
        Severity::Warning,
        format!(
            "The live colour {colour} ({release}) {}; it is being started again.",
            exit.how
        ),
    )
    .await;
    let mut pause = FIRST_PAUSE;
    let mut failed = 0_u32;
    loop {
        // A run may have swapped away meanwhile, or have stopped the colour to restore its data.
        if !is_live(app, colour).await
            || matches!(app.runtime.state(colour).await, ColourState::Stopped)
        {
            return;
        }
        // One that runs without being healthy holds the port that the new one needs.
        if matches!(app.runtime.state(colour).await, ColourState::Running { .. })
            && let Err(error) = app.runtime.stop(colour).await
        {
            note(app, Severity::Bad, format!("{error:#}.")).await;
        }
        app.restarts[colour as usize].fetch_add(1, Ordering::Relaxed);
        let wrong = match app
            .runtime
            .start(colour, &app.launch_of(colour, release.clone()))
            .await
        {
            Ok(()) => match app.await_healthy(colour, &release).await {
                Ok(_) => {
                    let took = seconds(began.elapsed());
                    note(
                        app,
                        Severity::Good,
                        format!(
                            "The live colour {colour} ({release}) answers again, after {took}."
                        ),
                    )
                    .await;
                    return;
                }
                Err(wrong) => wrong,
            },
            Err(error) => format!("{error:#}"),
        };
        failed += 1;
        if failed == PATIENCE && hand_over(app, colour, &wrong).await {
            return;
        }
        note(app, Severity::Bad, format!("The live colour {colour} ({release}) did not come back: {wrong}. It is tried again in {}.", seconds(pause))).await;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Sends new requests to the other colour if it still runs and is healthy.
async fn hand_over(app: &Arc<App>, colour: Colour, wrong: &str) -> bool {
    // A run decides about the other colour itself.
    let Ok(_turn) = app.turn.clone().try_lock_owned() else {
        return false;
    };
    let other = colour.other();
    let ColourState::Running { release, .. } = app.runtime.state(other).await else {
        return false;
    };
    let found = probe::ask(
        app.runtime.address(other),
        &app.config.health.path,
        app.config.health.timeout,
    )
    .await;
    if found
        .and_then(|answer| probe::judge(&answer, &release))
        .is_err()
    {
        return false;
    }
    app.end_warmth();
    let swapped = async {
        live::mark_live(&app.folder, other)?;
        app.router.swap(other).await?;
        live::unmark_live(&app.folder, colour)?;
        anyhow::Ok(())
    };
    if let Err(error) = swapped.await {
        tracing::error!(app = %app.name(), "the other colour could not take over: {error:#}");
        return false;
    }
    note(app, Severity::Bad, format!("The live colour {colour} did not come back ({wrong}), so {other} ({release}), still warm, took over. Look at {colour}'s last lines before the next deploy.")).await;
    true
}

async fn note(app: &App, severity: Severity, text: String) {
    app.note(severity, text).await;
}
