//! The household app that the demo supervises: chores, medicine doses and a shopping list, as a process
//! of its own. It follows every rule that Tealkeep has for an app: its port, database and release come
//! from the environment, `/healthz` answers 200 only after its migrations, timers run only while it is live,
//! and SIGTERM ends it within ten seconds with nothing in flight cut off.

mod answers;
mod app;
mod assets;
mod changes;
mod fault;
mod faults;
mod forms;
mod hex;
mod household;
mod log;
mod migrations;
mod pages;
mod release;
mod reminder;
mod routes;
mod seed;
mod settings;
mod store;
mod streams;
mod writes;

use std::future::IntoFuture;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use settings::Settings;

use app::Home;
use assets::Assets;
use changes::Changes;
use fault::Fault;
use faults::Faults;
use log::log;
use release::Release;
use store::Store;
use tealkeep_base::clock::WallClock;

/// How long requests in flight, WebSockets and streams get after SIGTERM.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the app until SIGTERM or SIGINT, with settings from the environment ([`Settings::from_env`]) and
/// the release in the directory `release`. Needs no runtime around it, and must not be called in one.
///
/// # Errors
/// A setting is missing or wrong, the port is taken, the release can't be read, or a migration failed;
/// the message says what to do. The process then exits with 1.
pub fn run(release: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the app's threads")?;
    let outcome = runtime.block_on(run_until_signalled(release));
    // What still runs at this point was given its time to end.
    runtime.shutdown_background();
    outcome
}

/// The same as [`run`], for a caller that has a runtime already.
///
/// # Errors
/// As [`run`].
pub async fn run_until_signalled(release: &Path) -> anyhow::Result<()> {
    let settings = Settings::from_env(release, |key| std::env::var(key).ok())?;
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let stopped = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        log("stopping: finishing the requests in flight");
        stopped.cancel();
    });
    let port = settings.port;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| {
            format!("cannot listen on 127.0.0.1:{port}; another process may have taken PORT")
        })?;
    serve(listener, settings, shutdown).await
}

/// Migrates the database, then answers on `listener` until `shutdown` is cancelled; returns when the last
/// request in flight is answered, or ten seconds later.
///
/// Connections that arrive during the migrations wait in the listener's queue.
///
/// # Errors
/// The release can't be read, the database can't be opened, or a migration failed (the schema is then as
/// it was before that migration).
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let release = Release::read(&settings.release_dir)?;
    let colour = settings.colour.map_or("no", |colour| colour.as_str());
    log(&format!(
        "{} (release {}, colour {colour})",
        release.title, settings.release_id
    ));
    if release.fault == Some(Fault::CrashesOnBoot) {
        return Err(faults::crash());
    }

    let clock = WallClock::new(None);
    let store = open_store(&settings, &release, clock.clone()).await?;
    let assets = Assets::read(&settings.release_dir, &release)?;
    let address = listener.local_addr()?;
    let home = Arc::new(Home {
        faults: Faults::new(release.fault),
        changes: Changes::new(),
        sockets: TaskTracker::new(),
        shutdown: shutdown.clone(),
        settings,
        release,
        assets,
        store,
        clock,
    });
    let reminders = tokio::spawn(reminder::run(Arc::clone(&home)));
    let watched = Arc::clone(&home);
    let watching = tokio::spawn(async move {
        let Home {
            faults,
            settings,
            shutdown,
            ..
        } = &*watched;
        faults.watch(settings, shutdown).await;
    });
    log(&format!("listening on http://{address}"));

    answer_until(listener, &home, &shutdown).await?;
    shutdown.cancel();
    for task in [reminders, watching] {
        // Both end at once when shut down; one that panicked has said so already.
        let _ = timeout(Duration::from_secs(1), task).await;
    }
    log("stopped");
    Ok(())
}

/// Answers on `listener` until `shutdown` is cancelled and the last request in flight is answered, or ten seconds later.
async fn answer_until(
    listener: TcpListener,
    home: &Arc<Home>,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let listener = listener.tap_io(|stream| {
        // A small answer must not wait for the acknowledgement of the one before; failing that, it is
        // slower and still right.
        let _ = stream.set_nodelay(true);
    });
    let serving = axum::serve(listener, routes::router(Arc::clone(home)))
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    let ended = async {
        let served = serving.await;
        home.sockets.close();
        home.sockets.wait().await;
        served
    };
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
    };
    tokio::select! {
        served = ended => served.context("the listener failed"),
        () = deadline => {
            log("stopped after 10 s with requests unanswered");
            Ok(())
        }
    }
}

async fn open_store(
    settings: &Settings,
    release: &Release,
    clock: WallClock,
) -> anyhow::Result<Store> {
    let path = settings.database.clone();
    let release_id = settings.release_id.clone();
    let migrations = release.migrations.clone();
    let keep = settings.keep;
    let (store, applied) = tokio::task::spawn_blocking(move || {
        let mut connection = store::connect(&path)?;
        let applied = migrations::apply(&mut connection, &migrations, &release_id, &clock.local())?;
        let store = Store::open(&path, connection, keep)?;
        anyhow::Ok((store, applied))
    })
    .await
    .context("the migrations did not end")??;
    if applied.is_empty() {
        log("the database is up to date");
    }
    for name in applied {
        log(&format!("migrated: {name}"));
    }
    Ok(store)
}

#[cfg(test)]
mod tests;
