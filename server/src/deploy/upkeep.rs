//! Keeps the live colour running, except during restores: starts it if it does not run, restarts it if it no longer answers, and
//! switches to a warm other colour if it does not come back. It looks at the current state, not at messages, so it also finds a
//! process that ends while another one is being restarted.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::App;
use crate::clock::seconds;
use crate::journal::Severity;
use crate::names::{Colour, ReleaseId};
use crate::probe::{self, NoAnswer, Question};
use crate::runtime::{ColourState, Exit};

/// The pause before the second start, doubled after each one that fails.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two starts.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// How many starts must fail before a warm other colour takes over.
const PATIENCE: u32 = 3;
/// How often a live colour that runs is asked whether it still answers.
const ASK: Duration = Duration::from_secs(30);
/// How often one is asked again that gave no answer, or was not healthy.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// For how many times as long as a start may take it may give no answer at all, before it counts as hanging: who is
/// busy with something long must not be ended for it.
const STARTS_LONG: u32 = 2;
/// The least of that time: an app that is up within a second may be busy for much longer.
const MIN_PATIENCE: Duration = Duration::from_secs(60);

/// How often a router that is not as it should be is proved again.
const PROVE_AGAIN: Duration = Duration::from_secs(2);
/// How long a router may take to come up before it is said in the journal that it is not as it should be.
const ROUTER_COMES_UP: Duration = Duration::from_secs(10);

/// Runs until the supervisor stops.
pub async fn run(app: Arc<App>, mut exits: Receiver<Exit>) {
    let stop = app.stop.clone();
    let patience = patience(app.config.health.within);
    let watched = async {
        let mut mended = Instant::now();
        let mut silent = None;
        loop {
            if mend(&app, &mut silent, patience).await {
                mended = Instant::now();
            }
            let troubled = silent.is_some() || app.unhealthy_reason().is_some();
            let pause = if troubled { ASK_AGAIN } else { ASK };
            tokio::select! {
                exit = exits.recv() => match exit {
                    Ok(exit) => hear(&app, exit, mended).await,
                    // Too many at once: the state tells the rest.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                () = app.control.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = watched => {}
    }
}

/// Proves the router after a start, until it is as it should be, and says when it is not. At a boot it may come up
/// a little later than this process.
pub async fn prove_router(app: Arc<App>) {
    let stop = app.stop.clone();
    let proved = async {
        let began = Instant::now();
        let mut said = None;
        loop {
            match app.prove_router().await {
                Ok(()) => break,
                Err(wrong) => {
                    if began.elapsed() >= ROUTER_COMES_UP && said.as_ref() != Some(&wrong) {
                        let text = format!("Requests don't go the way they should: {wrong}.");
                        app.note(Severity::Bad, text).await;
                        said = Some(wrong);
                    }
                }
            }
            tokio::time::sleep(PROVE_AGAIN).await;
        }
        if said.is_some() {
            app.note(
                Severity::Good,
                "Requests go the way they should again.".to_owned(),
            )
            .await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = proved => {}
    }
}

/// What was told before `mended` has been seen to, and said.
async fn hear(app: &App, exit: Exit, mended: Instant) {
    app.journal.touch();
    let is_live = app
        .router
        .live()
        .await
        .is_ok_and(|live| live == exit.colour);
    if !exit.intended && !is_live && app.underway().is_none() {
        let text = format!("The idle colour {} {}.", exit.colour, exit.how);
        app.note(Severity::Warning, text).await;
    }
    if !exit.intended
        && is_live
        && exit.at > mended
        && let Some((colour, release, ColourState::Running { .. })) = app.wanted().await
    {
        let text = format!(
            "The live colour {colour} ({release}) {}; it has been started again already.",
            exit.how
        );
        app.note(Severity::Warning, text).await;
    }
}

/// For how long a live colour that runs may give no answer, where a start may take `within`.
fn patience(within: Duration) -> Duration {
    (within * STARTS_LONG).max(MIN_PATIENCE)
}

/// A process of the live colour that runs and gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Silence {
    colour: Colour,
    pid: u32,
    since: Instant,
    asked: Instant,
}

impl Silence {
    /// What is known of a process after it was asked at `now`. A new one begins anew, as its start takes its time; and
    /// what was not learnt counts for nothing.
    fn after(
        before: Option<Silence>,
        (colour, pid): (Colour, u32),
        found: &Result<(), NoAnswer>,
        now: Instant,
    ) -> Option<Silence> {
        let before = before.filter(|before| (before.colour, before.pid) == (colour, pid));
        let since = match found {
            Ok(()) => return None,
            Err(NoAnswer::Silence(_)) => before.map_or(now, |before| before.since),
            Err(NoAnswer::Unknown(_)) => {
                before.map(|before| before.since + (now - before.asked))?
            }
        };
        Some(Silence {
            colour,
            pid,
            since,
            asked: now,
        })
    }
}

/// Returns when the live colour runs, or is not to run: whether anything was to be mended. `silent` is which process of it
/// has run and given no answer, and since when; one that has done so for all of `patience` is restarted.
async fn mend(app: &Arc<App>, silent: &mut Option<Silence>, patience: Duration) -> bool {
    let mut pause = FIRST_PAUSE;
    let mut failed = 0_u32;
    let mut began = None;
    let mut mended = false;
    loop {
        let Some((colour, release, state)) = app.wanted().await else {
            *silent = None;
            return mended;
        };
        let before = silent.take();
        let (how, hanging) = match state {
            ColourState::Running { pid, .. } => {
                let found = ask_again(app, colour, &release).await;
                let now = Instant::now();
                let after = Silence::after(before, (colour, pid), &found, now);
                let hangs = after.is_some_and(|silence| now - silence.since >= patience);
                match found {
                    Err(NoAnswer::Silence(wrong)) if hangs => {
                        let how = format!("runs and {wrong}, for {} now", seconds(patience));
                        (how, Some(pid))
                    }
                    Ok(()) | Err(NoAnswer::Silence(_) | NoAnswer::Unknown(_)) => {
                        *silent = after;
                        return mended;
                    }
                }
            }
            ColourState::Ended { how } => (how, None),
            ColourState::Stopped => ("did not run".to_owned(), None),
        };
        mended = true;
        if began.is_none() {
            began = Some(Instant::now());
            let text =
                format!("The live colour {colour} ({release}) {how}; it is being started again.");
            app.note(Severity::Warning, text).await;
        }
        let wrong = match start_again(app, colour, &release, hanging).await {
            Ok(()) => {
                let took = seconds(began.map(|began| began.elapsed()).unwrap_or_default());
                let text =
                    format!("The live colour {colour} ({release}) answers again, after {took}.");
                app.note(Severity::Good, text).await;
                // It may have ended again meanwhile.
                began = None;
                continue;
            }
            Err(wrong) => wrong,
        };
        app.set_unhealthy_reason(Some(wrong.clone()));
        failed += 1;
        if failed >= PATIENCE && hand_over(app, colour, &wrong).await {
            return mended;
        }
        if app
            .wanted()
            .await
            .is_none_or(|(wanted, ..)| wanted != colour)
        {
            continue;
        }
        let again = seconds(pause);
        let text = format!(
            "The live colour {colour} ({release}) did not come back: {wrong}. It is tried again in {again}."
        );
        app.note(Severity::Bad, text).await;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.control.changed() => {}
        }
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Starts a colour that has ended, or one of which this process hangs.
async fn start_again(
    app: &Arc<App>,
    colour: Colour,
    release: &ReleaseId,
    hanging: Option<u32>,
) -> Result<(), String> {
    const ELSE: &str = "something else happened to it meanwhile";
    {
        // A restore that stops the colours waits for this, and what it has stopped is not started here.
        let _lock = app.control.lock_colours().await;
        let Some((wanted, _, state)) = app.wanted().await else {
            return Err(ELSE.to_owned());
        };
        let running = match state {
            ColourState::Running { pid, .. } => Some(pid),
            ColourState::Stopped | ColourState::Ended { .. } => None,
        };
        if wanted != colour || running != hanging {
            return Err(ELSE.to_owned());
        }
        app.count_restart(colour);
        let launch = app.launch_of(colour, release.clone());
        let started = match hanging {
            Some(_) => app.runtime.restart(colour, &launch).await,
            None => app.runtime.start(colour, &launch).await,
        };
        started.map_err(|error| format!("{error:#}"))?;
    }
    let healthy = app.await_healthy(colour, release).await.map(drop);
    if healthy.is_err() {
        let _lock = app.control.lock_colours().await;
        // One that runs without being healthy holds the port that the next start needs.
        if app
            .wanted()
            .await
            .is_some_and(|(wanted, ..)| wanted == colour)
        {
            app.runtime
                .stop(colour)
                .await
                .map_err(|error| format!("{error:#}"))?;
        }
    }
    healthy
}

/// Asks a live colour that runs how it does, and keeps and says it where it was not healthy before.
///
/// # Errors
/// There was no answer.
async fn ask_again(app: &App, colour: Colour, release: &ReleaseId) -> Result<(), NoAnswer> {
    let at = app.runtime.address(colour);
    let found = Question::of_health(at, &app.config.health).ask().await;
    app.observed.learn(colour, release, &found);
    let verdict = match &found {
        Ok(answer) => probe::judge(answer, release),
        Err(NoAnswer::Silence(wrong)) => Err(wrong.clone()),
        Err(NoAnswer::Unknown(wrong)) => {
            tracing::warn!(app = %app.name(), "{colour} could not be asked: it {wrong}");
            return found.map(drop);
        }
    };
    match (app.unhealthy_reason(), verdict) {
        (None, _) => {}
        (Some(_), Ok(())) => {
            app.set_unhealthy_reason(None);
            app.note(
                Severity::Good,
                format!("The live colour {colour} ({release}) is healthy now."),
            )
            .await;
        }
        (Some(_), Err(wrong)) => app.set_unhealthy_reason(Some(wrong)),
    }
    found.map(drop)
}

/// Sends new requests to the other colour if it still runs and is healthy.
async fn hand_over(app: &Arc<App>, colour: Colour, wrong: &str) -> bool {
    // A run decides about the other colour itself.
    let Some(_turn) = app.turns.try_take() else {
        return false;
    };
    let other = colour.other();
    let ColourState::Running { release, .. } = app.runtime.state(other).await else {
        return false;
    };
    let at = app.runtime.address(other);
    let found = Question::of_health(at, &app.config.health).ask().await;
    if !found.is_ok_and(|answer| probe::judge(&answer, &release).is_ok()) {
        return false;
    }
    app.end_warmth();
    if let Err(error) = app.swap_to(other).await {
        tracing::error!(app = %app.name(), "the other colour could not take over: {error:#}");
        return false;
    }
    let text = format!(
        "The live colour {colour} did not come back ({wrong}), so {other} ({release}), still warm, took over. \
         Look at {colour}'s last lines before the next deploy."
    );
    app.note(Severity::Bad, text).await;
    app.router.forget(colour).await;
    if let Err(error) = app.runtime.stop(colour).await {
        app.note(Severity::Warning, format!("{error:#}.")).await;
    }
    true
}
