//! Turns an app's section of the configuration into its parts. This is the only place that names concrete runtimes and routers.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::sockets::Sockets;
use crate::backup::Keeper;
use crate::clock::Clock;
use crate::config::{AppConfig, RouterConfig, RuntimeConfig};
use crate::deploy::data::Data;
use crate::deploy::{App, Parts};
use crate::durable;
use crate::journal::Journal;
use crate::names::Colour;
use crate::router::caddy::{CaddyRouter, Requests};
use crate::router::gate::{Gate, GateConfig};
use crate::router::{GateRouter, Router};
use crate::runtime::Runtime;
use crate::runtime::process::ProcessRuntime;
use crate::runtime::systemd::SystemdRuntime;

/// An app, and the gate that serves its requests, which does not accept any yet.
pub(super) struct Built {
    pub app: Arc<App>,
    pub gate: Arc<Gate>,
    pub listener: TcpListener,
}

/// What all apps share.
pub(super) struct Shared<'a> {
    pub journal: &'a Journal,
    pub clock: &'a Clock,
    pub tasks: &'a TaskTracker,
    pub stop: &'a CancellationToken,
}

/// Builds an app whose state is in `folder`.
pub(super) async fn build(
    config: AppConfig,
    folder: &Path,
    shared: Shared<'_>,
    sockets: &mut Sockets,
) -> anyhow::Result<Built> {
    make_folders(&config, folder)?;
    let runtime = runtime_of(&config, folder, shared.stop);
    let (gate, listener, router) = router_of(&config, folder, &*runtime, &shared, sockets).await?;
    let keeper = Keeper {
        app: Some(config.name.clone()),
        scratch: folder.join("scratch"),
        keep: config.backup.keep,
        level: config.backup.level,
        ..Keeper::new(&config.database, &config.backups)
    };
    let data = Data::new(
        config.name.clone(),
        keeper,
        shared.clock.clone(),
        shared.journal.clone(),
        config.backup.deadline,
        shared.stop.clone(),
    );
    let app = App::new(Parts {
        config,
        journal: shared.journal.clone(),
        runtime,
        router,
        data,
        folder: folder.to_owned(),
        tasks: shared.tasks.clone(),
        stop: shared.stop.clone(),
    });
    let hold = app.look_back().await?;
    app.router.begin(hold).await?;
    Ok(Built {
        app,
        gate,
        listener,
    })
}

/// Makes the folders that an app needs.
fn make_folders(config: &AppConfig, folder: &Path) -> anyhow::Result<()> {
    // Owners and modes of these two are the installation's. The router makes the folder of the markers itself: that it is
    // gone says something.
    for folder in [&config.backups, &config.releases] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let within = |name: &str| folder.join(name);
    for (folder, mode) in [
        (folder.to_owned(), 0o755),
        (within("blue"), 0o755),
        (within("green"), 0o755),
        (within("scratch"), 0o700),
    ] {
        durable::make_folder(&folder, mode)?;
    }
    Ok(())
}

fn runtime_of(config: &AppConfig, folder: &Path, stop: &CancellationToken) -> Arc<dyn Runtime> {
    match &config.runtime {
        RuntimeConfig::Process(process) => Arc::new(ProcessRuntime::new(
            process.clone(),
            config.database.clone(),
            folder.to_owned(),
        )),
        RuntimeConfig::Systemd(systemd) => Arc::new(SystemdRuntime::new(
            config.name.clone(),
            systemd.clone(),
            folder.to_owned(),
            config.releases.clone(),
            stop.clone(),
        )),
    }
}

/// The router, the gate behind it, and where that listens.
async fn router_of(
    config: &AppConfig,
    folder: &Path,
    runtime: &dyn Runtime,
    shared: &Shared<'_>,
    sockets: &mut Sockets,
) -> anyhow::Result<(Arc<Gate>, TcpListener, Arc<dyn Router>)> {
    let addresses = Colour::BOTH.map(|colour| runtime.address(colour));
    let [blue, green] = addresses;
    let mut gate_config = GateConfig::new(blue, green);
    gate_config.health_path.clone_from(&config.health.path);
    match &config.router {
        RouterConfig::Gate(section) => {
            let active = folder.join("active-color");
            let live = GateRouter::recorded(&active)?;
            gate_config.hold_timeout = section.hold_timeout;
            gate_config.retry_for = section.retry_for;
            gate_config.trust_forwarded = section.trust_forwarded;
            gate_config.header_limit = section.max_head_bytes;
            let gate = Gate::new(gate_config, live);
            let listener = sockets
                .listener(section.listen, &config.name, "listen")
                .await?;
            let router = GateRouter::new(
                gate.clone(),
                active,
                listener.local_addr()?,
                section.hold_timeout,
            );
            Ok((gate, listener, Arc::new(router)))
        }
        RouterConfig::Caddy(section) => {
            let markers = folder.join("router");
            let live = CaddyRouter::recorded(&markers)?;
            gate_config.hold_timeout = section.hold_timeout;
            gate_config.retry_for = section.retry_for;
            // It is Caddy that hands the requests over.
            gate_config.trust_forwarded = true;
            let gate = Gate::new(gate_config, live);
            let listener = sockets
                .listener(section.hold_listen, &config.name, "hold_listen")
                .await?;
            let requests = section
                .count_requests
                .then(|| Requests::receive(section, shared.tasks, shared.stop.clone()));
            let router =
                CaddyRouter::new(gate.clone(), section.clone(), folder, addresses, requests);
            Ok((gate, listener, Arc::new(router)))
        }
    }
}
