//! Ticks the pure schedule once a minute, in UTC: takes the snapshots that it says are due, notes what came of each
//! night, and checks the public addresses whose time has come. A tick that finds nothing due writes nothing.

mod tries;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reserve;
use crate::backup::{Catalogue, Reason, Rotation, SnapshotId};
use crate::clock::BUILT;
use crate::deploy::App;
use crate::http::Server;
use crate::journal::nights::Night;
use crate::journal::{NewEvent, Severity};
use crate::names::AppName;
use crate::schedule::{Decision, LastRun, Trust, counts_from, due};
use tries::Tries;

/// Every minute, on the minute, in UTC: that scheduler freezes a zone's offset, so it is given none.
const EVERY_MINUTE: &str = "0 * * * * *";

/// Starts to tick; ends with `stop`.
pub async fn tick(
    server: Arc<Server>,
    installed_at: Timestamp,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut scheduler = JobScheduler::new()
        .await
        .context("the scheduler can't be made")?;
    let nights: Arc<Mutex<HashMap<AppName, Pending>>> = Arc::default();
    let (ticked, ticking) = (server.clone(), nights.clone());
    let job = Job::new_async(EVERY_MINUTE, move |_, _| {
        let (server, nights) = (ticked.clone(), ticking.clone());
        Box::pin(async move { look(&server, installed_at, &nights).await })
    })
    .context("the nightly job can't be made")?;
    scheduler
        .add(job)
        .await
        .context("the nightly job can't be added")?;
    scheduler
        .start()
        .await
        .context("the scheduler can't be started")?;
    tasks.spawn(async move {
        // What was missed while the machine was off is caught up now, not at the next minute.
        tokio::select! {
            () = stop.cancelled() => {}
            () = look(&server, installed_at, &nights) => {}
        }
        stop.cancelled().await;
        if let Err(error) = scheduler.shutdown().await {
            tracing::warn!("the scheduler did not end: {error}");
        }
    });
    Ok(())
}

/// What is known of an app's night that has no snapshot yet.
#[derive(Debug, Default)]
struct Pending {
    /// When it failed last.
    failed_at: Option<Timestamp>,
    /// What was said of it.
    tries: Tries,
    /// Whether the journal was asked what an earlier run had said.
    has_asked: bool,
    /// The snapshots that were dated in the future once; `None` until the journal was asked.
    misdated: Option<BTreeSet<SnapshotId>>,
}

async fn look(server: &Server, installed_at: Timestamp, nights: &Mutex<HashMap<AppName, Pending>>) {
    for app in &server.apps {
        // Only begun here: a slow site keeps no snapshot waiting.
        if let Err(error) = app.check_if_due(server.clock.now()).await {
            tracing::error!(app = %app.name(), "whether a check is due could not be told: {error:#}");
        }
        if let Err(error) = app.drill_if_due(server.clock.now()).await {
            tracing::error!(app = %app.name(), "whether a drill is due could not be told: {error:#}");
        }
    }
    // Held while a snapshot is taken: the next tick finds it taken, and does nothing.
    let Ok(mut nights) = nights.try_lock() else {
        return;
    };
    for app in &server.apps {
        let now = server.clock.now();
        let pending = nights.entry(app.name().clone()).or_default();
        let zone = server.clock.zone();
        let from = counts_from(installed_at, now, BUILT);
        // The newest night that is due, unless it is done, which only the folder says.
        let pause = match due(now, &zone, app.config.backup.at, None, from) {
            Decision::Due { local_date, .. } => pending.tries.pause(local_date),
            Decision::NotYet { .. } => SignedDuration::ZERO,
        };
        // A clock that was set meanwhile may say that it failed in the future.
        let paused = |at: Timestamp| now.duration_since(at).abs() < pause;
        if pending.failed_at.is_some_and(paused) {
            continue;
        }
        pending.failed_at = None;
        if look_at(server, app, installed_at, pending).await.is_err() {
            pending.failed_at = Some(server.clock.now());
        }
    }
}

/// The night's snapshot failed; that was said already.
struct Failed;

async fn look_at(
    server: &Server,
    app: &Arc<App>,
    installed_at: Timestamp,
    pending: &mut Pending,
) -> Result<(), Failed> {
    let local = server.clock.local();
    let (now, today) = (local.timestamp(), local.date());
    let zone = server.clock.zone();
    let at = app.config.backup.at;
    let from = counts_from(installed_at, now, BUILT);
    let (last, unreadable) = match app.data.catalogue().await {
        Ok((catalogue, _)) => {
            let misdated = misdated(server, &catalogue, now, pending).await;
            let last = LastRun::newest(catalogue.nights_but(misdated), today);
            (last, None)
        }
        // Whether the night is done can't be told; that it can't is the night's failure, if one is due at all.
        Err(error) => (None, Some(error)),
    };
    let Decision::Due {
        local_date,
        catch_up,
    } = due(now, &zone, at, last, from)
    else {
        return Ok(());
    };
    recall(server, app, pending).await;
    let taken = match unreadable {
        Some(error) => Err(error),
        None => {
            if catch_up && !pending.tries.has_begun(local_date) {
                let text = format!(
                    "The snapshot of the night to {local_date} had been missed; it is caught up now."
                );
                note(server, app, Severity::Info, text).await;
            }
            app.backup_for(Reason::Nightly, Some(local_date)).await
        }
    };
    let (snapshot, failed, said) = match taken {
        Ok(taken) => {
            let failed = match &taken.rotation {
                Rotation::Failed(error) => Some(format!("the rotation ({error})")),
                Rotation::Done(_) | Rotation::Withheld(_) => None,
            };
            let said = pending.tries.done(local_date);
            (Some(taken.manifest.id), failed, said)
        }
        Err(error) => {
            let why = format!("{error:#}");
            tracing::error!(app = %app.name(), "the nightly snapshot failed: {why}");
            let said = pending.tries.failed(local_date, &why);
            (None, Some(why), said)
        }
    };
    // `<state>/apps/<app>`
    if let Some(state) = app.folder.parent().and_then(Path::parent) {
        // Both wait for the disk.
        let (folder, is_taken) = (state.to_owned(), snapshot.is_some());
        let gave = tokio::task::spawn_blocking(move || {
            if is_taken {
                reserve::lay_up(&folder);
            }
            !is_taken && reserve::make_room(&folder)
        });
        if gave.await.unwrap_or(false) {
            let text = format!(
                "The disk of {} is full; Tealkeep uses the last of the room that it keeps aside there for what it \
                 writes down. Make room.",
                state.display()
            );
            note(server, app, Severity::Bad, text).await;
        }
    }
    let is_new = said.is_some();
    if let Some(text) = said {
        let severity = if snapshot.is_some() {
            Severity::Info
        } else {
            Severity::Bad
        };
        note(server, app, severity, text).await;
    }
    // A cause that was told before is no news, and makes no row either.
    if snapshot.is_some() || is_new {
        let night = Night {
            local_date,
            at: server.clock.now(),
            snapshot,
            failed,
        };
        if let Err(error) = server.journal.note_night(app.name().clone(), night).await {
            tracing::error!(app = %app.name(), "the night could not be noted: {error:#}");
        }
        app.write_traffic_days().await;
    }
    if snapshot.is_some() {
        Ok(())
    } else {
        Err(Failed)
    }
}

/// Which snapshots a clock that ran ahead has dated, as far as that was ever seen. It is written down when it is
/// seen, since later nothing tells them from others.
async fn misdated<'a>(
    server: &Server,
    catalogue: &Catalogue,
    now: Timestamp,
    pending: &'a mut Pending,
) -> &'a BTreeSet<SnapshotId> {
    let known = match pending.misdated.take() {
        Some(known) => known,
        None => written_down(server).await,
    };
    let known = pending.misdated.insert(known);
    let ahead: Vec<SnapshotId> = catalogue
        .entries
        .iter()
        .filter(|entry| entry.manifest.taken_at > now && !known.contains(&entry.id()))
        .map(|entry| entry.id())
        .collect();
    // A clock that is behind sees every snapshot in the future.
    if ahead.is_empty() || now < BUILT || !may_judge(server).await {
        return known;
    }
    known.extend(ahead);
    // The setting is one for all apps.
    known.extend(written_down(server).await);
    if let Err(error) = server.journal.set_misdated(known).await {
        tracing::error!("which snapshots are misdated could not be kept: {error:#}");
    }
    known
}

/// The misdated snapshots that the journal knows, of whichever app.
async fn written_down(server: &Server) -> BTreeSet<SnapshotId> {
    server.journal.misdated().await.unwrap_or_else(|error| {
        tracing::error!("which snapshots are misdated could not be read: {error:#}");
        BTreeSet::new()
    })
}

/// Whether the clock is trusted, by all that is known.
async fn may_judge(server: &Server) -> bool {
    match server.journal.latest_instant().await {
        Ok(newest) => server.clock.trust(newest).await == Trust::Trusted,
        Err(error) => {
            tracing::error!("the newest event could not be read: {error:#}");
            false
        }
    }
}

/// Before the first try since the start: a cause that the journal told of this night already is not told again.
async fn recall(server: &Server, app: &App, pending: &mut Pending) {
    if std::mem::replace(&mut pending.has_asked, true) {
        return;
    }
    match server.journal.nights(app.name().clone(), 1).await {
        Ok(nights) => {
            if let Some((night, why)) = nights
                .first()
                .filter(|night| night.snapshot.is_none())
                .and_then(|night| Some((night, night.failed.as_ref()?)))
            {
                pending.tries = Tries::known(night.local_date, why);
            }
        }
        Err(error) => {
            tracing::error!(app = %app.name(), "the nights could not be read: {error:#}");
        }
    }
}

async fn note(server: &Server, app: &App, severity: Severity, text: String) {
    server
        .journal
        .note(NewEvent::new(severity, text).of(app.name()))
        .await;
}
