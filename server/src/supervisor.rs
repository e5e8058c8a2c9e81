//! The composition root: builds the parts from the configuration, starts them, ticks the schedule, and
//! shuts everything down in the right order. [`build`] is the only place that names concrete runtimes
//! and routers.

mod configuration;
mod door;
mod nightly;
mod reserve;
pub mod service;
pub mod sockets;

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use jiff::Timestamp;
use rustix::fs::FlockOperation;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::backup::scratch::free_bytes;
use crate::backup::{Keeper, human};
use crate::clock::Clock;
use crate::config::{AppConfig, Config, RouterConfig, RuntimeConfig};
use crate::deploy::data::Data;
use crate::deploy::{App, Parts};
use crate::durable;
use crate::house::{House, Judge};
use crate::http::auth::{self, Auth};
use crate::http::{STREAMS, Server, listen, routes};
use crate::journal::{Journal, NewEvent, Severity};
use crate::router::caddy::CaddyRouter;
use crate::router::gate::{Gate, GateConfig};
use crate::router::{GateRouter, Router};
use crate::runtime::Runtime;
use crate::runtime::process::ProcessRuntime;
use crate::runtime::systemd::SystemdRuntime;
use door::Door;
use sockets::Sockets;

/// A running Tealkeep.
pub struct Supervisor {
    /// What the HTTP side and the schedule share.
    pub server: Arc<Server>,
    /// A one-time link's token, made because no password exists.
    pub first_link: Option<String>,
    /// Where the dashboard listens now.
    pub dashboard: SocketAddr,
    tasks: TaskTracker,
    gates: TaskTracker,
    stop: CancellationToken,
    stop_gates: CancellationToken,
    /// Released by the kernel, however this process ends.
    _lock: File,
}

impl Supervisor {
    /// Starts everything. When it returns, the socket, the dashboard and the gates accept connections;
    /// the live colour of each app answers, or the journal says why it does not.
    ///
    /// # Errors
    /// Another Tealkeep runs on the same state, a port is taken, or a folder can't be used.
    pub async fn start(config: Config) -> anyhow::Result<Supervisor> {
        Supervisor::start_with(config, Sockets::none()).await
    }

    /// The same, with the sockets that systemd listens on for the gates.
    ///
    /// # Errors
    /// As [`Supervisor::start`], and a socket that does not fit the configuration.
    pub async fn start_with(config: Config, mut sockets: Sockets) -> anyhow::Result<Supervisor> {
        // The apps' users and the router's enter it for what is theirs; they can't list it, and what is private
        // in it has its own modes.
        let apps_folder = config.state.join("apps");
        for folder in [&config.state, &apps_folder] {
            durable::make_folder(folder, 0o711).context("cannot make the state folder")?;
        }
        let was_full = reserve::make_room(&config.state);
        let lock = lock(&config.state).with_context(|| disk_of(&config.state))?;
        let journal = Journal::open(&config.state).with_context(|| disk_of(&config.state))?;
        reserve::lay_up(&config.state);
        let clock = Clock::new(config.zone.clone());
        let installed_at = journal.installed_at().await?;
        let (stop, stop_gates) = (CancellationToken::new(), CancellationToken::new());
        let (tasks, gates) = (TaskTracker::new(), TaskTracker::new());
        let version = env!("CARGO_PKG_VERSION");
        journal
            .note(NewEvent::new(
                Severity::Info,
                format!("Tealkeep {version} started."),
            ))
            .await;

        if was_full {
            let text = format!(
                "The disk of {} was full: Tealkeep started with the room that it keeps aside there. Make room, \
                 or it won't start the next time.",
                config.state.display()
            );
            journal.note(NewEvent::new(Severity::Bad, text)).await;
        }

        let mut apps = Vec::new();
        for app in &config.apps {
            let folder = apps_folder.join(app.name.as_str());
            let shared = Shared {
                journal: &journal,
                clock: &clock,
                tasks: &tasks,
                stop: &stop,
            };
            let built = build(app.clone(), &folder, shared, &mut sockets).await?;
            let Built {
                app,
                gate,
                listener,
            } = built;
            let (stop_gate, journal) = (stop_gates.clone(), journal.clone());
            gates.spawn(async move {
                if let Err(error) = gate.serve(listener, stop_gate).await {
                    journal
                        .note(NewEvent::new(
                            Severity::Bad,
                            format!("A gate ended: {error}. Restart Tealkeep."),
                        ))
                        .await;
                }
            });
            apps.push(app);
        }
        for name in sockets.left() {
            let text = format!(
                "systemd handed over a socket called {name}, which belongs to no app's gate; look at its FileDescriptorName=."
            );
            journal.note(NewEvent::new(Severity::Warning, text)).await;
        }
        let auth = Auth::open(journal.clone()).await?;
        if auth.sessions.end_those_of_earlier_versions().await? > 0 {
            let text = "Everybody was signed out of the dashboard, once: earlier versions let apps on this host see its \
                        sessions. Sign in again.";
            journal.note(NewEvent::new(Severity::Info, text)).await;
        }
        let password_is_set = auth.password_is_set();
        let first_link = if *password_is_set.borrow() {
            None
        } else {
            Some(auth.new_link().await?)
        };
        let house = Arc::new(House {
            apps,
            journal,
            clock,
            started: Timestamp::now(),
            config,
        });
        let judge = Arc::new(Judge::new(house.clone()));
        let server = Arc::new(Server {
            house: house.clone(),
            judge: judge.clone(),
            auth,
            streams: Admission::new(STREAMS),
            stop: stop.clone(),
        });
        tasks.spawn(crate::pulls::watch(house.clone(), stop.clone()));
        let service = routes::service(server.clone());
        let socket = control_socket(&house.config.socket)?;
        tasks.spawn(listen::serve_socket(socket, service.clone(), stop.clone()));
        let door = Door::open(
            house.config.dashboard.listen,
            password_is_set,
            house.journal.clone(),
        )
        .await
        .context(
            "the dashboard can't listen; stop whatever uses that port, or change dashboard.listen",
        )?;
        let dashboard = door.address();
        tasks.spawn(listen::serve_tcp(
            door,
            service,
            listen::Bounds::default(),
            house.config.dashboard.trusted_proxies.clone(),
            stop.clone(),
        ));
        tasks.spawn({
            let (failures, journal) = (server.auth.failures.clone(), house.journal.clone());
            let stop = stop.clone();
            async move { failures.report(journal, auth::WINDOW, stop).await }
        });
        let begun = house.apps.iter().map(|app| async move {
            app.begin()
                .await
                .with_context(|| format!("cannot begin with {}", app.name()))
        });
        let begun = async {
            futures_util::future::try_join_all(begun).await?;
            nightly::tick(house.clone(), installed_at, &tasks, stop.clone()).await
        };
        if let Err(error) = begun.await {
            // Colours that were started already are this process's children.
            stop.cancel();
            for app in &house.apps {
                app.stop_colours().await;
            }
            return Err(error);
        }
        // Only now are the backups folders as the apps' begin leaves them.
        tasks.spawn_blocking({
            let house = house.clone();
            move || configuration::keep_copies(&house.config)
        });
        tasks.spawn(crate::notify::run(
            judge,
            house.config.notify.clone(),
            stop.clone(),
        ));
        Ok(Supervisor {
            server,
            first_link,
            dashboard,
            tasks,
            gates,
            stop,
            stop_gates,
            _lock: lock,
        })
    }

    /// Stops everything: runs where they are (the next start finishes them or takes
    /// them back), then the schedule and the dashboard, then the
    /// gates once their requests have ended, and last the colours, which are this process's children.
    pub async fn shut_down(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.stop_gates.cancel();
        self.gates.close();
        self.gates.wait().await;
        for app in &self.server.house.apps {
            app.stop_colours().await;
            app.write_traffic_days().await;
        }
        self.server
            .house
            .journal
            .note(NewEvent::new(Severity::Info, "Tealkeep stopped."))
            .await;
    }
}

struct Built {
    app: Arc<App>,
    gate: Arc<Gate>,
    listener: TcpListener,
}

/// What all apps share.
struct Shared<'a> {
    journal: &'a Journal,
    clock: &'a Clock,
    tasks: &'a TaskTracker,
    stop: &'a CancellationToken,
}

/// Turns an app's section of the configuration into its parts.
async fn build(
    config: AppConfig,
    folder: &Path,
    shared: Shared<'_>,
    sockets: &mut Sockets,
) -> anyhow::Result<Built> {
    let Shared {
        journal,
        clock,
        tasks,
        stop,
    } = shared;
    // Owners and modes of these two are the installation's. The folder of the markers is its router's: that it is gone
    // says something.
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
    let runtime: Arc<dyn Runtime> = match &config.runtime {
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
    };

    let mut gate_config = GateConfig::new(
        runtime.address(crate::names::Colour::Blue),
        runtime.address(crate::names::Colour::Green),
    );
    gate_config.health_path.clone_from(&config.health.path);
    let (gate, listener, router): (_, _, Arc<dyn Router>) = match &config.router {
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
            (gate, listener, Arc::new(router))
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
            let addresses = crate::names::Colour::BOTH.map(|colour| runtime.address(colour));
            let router = CaddyRouter::new(gate.clone(), section.clone(), folder, addresses);
            (gate, listener, Arc::new(router))
        }
    };

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
        clock.clone(),
        journal.clone(),
        config.backup.deadline,
        stop.clone(),
    );
    let app = App::new(Parts {
        config,
        journal: journal.clone(),
        runtime,
        router,
        data,
        folder: folder.to_owned(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    });
    let hold = app.look_back().await?;
    app.router.begin(hold).await?;
    Ok(Built {
        app,
        gate,
        listener,
    })
}

/// What a start that fails in the state folder says of its disk: a full one is the usual reason.
fn disk_of(state: &Path) -> String {
    match free_bytes(state) {
        Ok(free) => format!("{} has {} free", state.display(), human(free)),
        Err(error) => format!("{} can't be asked for its room: {error}", state.display()),
    }
}

fn lock(state: &Path) -> anyhow::Result<File> {
    let path = state.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let pid = std::fs::read_to_string(&path).unwrap_or_default();
        bail!(
            "another Tealkeep (process {}) runs on {}; stop it first, or name another folder",
            pid.trim(),
            state.display()
        );
    }
    // For the refusal of a second one only: the lock itself is the kernel's.
    file.set_len(0)?;
    (&file).write_all(format!("{}\n", std::process::id()).as_bytes())?;
    Ok(file)
}

fn control_socket(path: &Path) -> anyhow::Result<listen::PeerListener> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    // The lock on the state says that whoever made this one is gone.
    if let Ok(old) = path.symlink_metadata() {
        if !old.file_type().is_socket() {
            bail!(
                "{} is there already and is not a socket; change `socket`",
                path.display()
            );
        }
        std::fs::remove_file(path)
            .with_context(|| format!("cannot remove the old socket {}", path.display()))?;
    }
    let listener = UnixListener::bind(path)
        .with_context(|| format!("cannot make the socket {}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listen::PeerListener::new(listener, path)?)
}
