//! Ticks the pure schedule once a minute, in UTC: takes the snapshots that it says are due, and checks the public
//! addresses whose time has come.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backup::Reason;
use crate::deploy::App;
use crate::http::Server;
use crate::journal::{NewEvent, Severity};
use crate::names::AppName;
use crate::schedule::{Decision, LastRun, due};

/// How long after a night that failed the next try is made.
const PAUSE_AFTER_FAILURE: SignedDuration = SignedDuration::from_mins(15);
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
    let failed: Arc<Mutex<HashMap<AppName, Timestamp>>> = Arc::default();
    let (ticked, ticking) = (server.clone(), failed.clone());
    let job = Job::new_async(EVERY_MINUTE, move |_, _| {
        let (server, failed) = (ticked.clone(), ticking.clone());
        Box::pin(async move { look(&server, installed_at, &failed).await })
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
            () = look(&server, installed_at, &failed) => {}
        }
        stop.cancelled().await;
        if let Err(error) = scheduler.shutdown().await {
            tracing::warn!("the scheduler did not end: {error}");
        }
    });
    Ok(())
}

async fn look(
    server: &Server,
    installed_at: Timestamp,
    failed: &Mutex<HashMap<AppName, Timestamp>>,
) {
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
    let Ok(mut failed) = failed.try_lock() else {
        return;
    };
    for app in &server.apps {
        let now = server.clock.now();
        if failed
            .get(app.name())
            .is_some_and(|at| now.duration_since(*at).abs() < PAUSE_AFTER_FAILURE)
        {
            continue;
        }
        if let Err(error) = look_at(server, app, installed_at).await {
            tracing::error!(app = %app.name(), "the nightly snapshot failed: {error:#}");
            failed.insert(app.name().clone(), now);
        }
    }
}

async fn look_at(server: &Server, app: &Arc<App>, installed_at: Timestamp) -> anyhow::Result<()> {
    let (catalogue, _) = app.data.catalogue().await?;
    let nights = catalogue
        .entries
        .iter()
        .map(|entry| &entry.manifest)
        .filter(|manifest| manifest.reason == Reason::Nightly);
    let local = server.clock.local();
    let last = LastRun::newest(nights.map(|manifest| manifest.local_date), local.date());
    match due(
        local.timestamp(),
        &server.clock.zone(),
        app.config.backup.at,
        last,
        installed_at,
    ) {
        Decision::NotYet { .. } => Ok(()),
        Decision::Due {
            local_date,
            catch_up,
        } => {
            if catch_up {
                let text = format!(
                    "The snapshot of the night to {local_date} had been missed; it is caught up now."
                );
                server
                    .journal
                    .note(NewEvent::new(Severity::Info, text).of(app.name()))
                    .await;
            }
            app.backup_for(Reason::Nightly, Some(local_date))
                .await
                .map(drop)
        }
    }
}
