//! The composition root: builds the parts from the configuration, starts them, ticks the schedule, and
//! shuts everything down in the right order.

mod build;
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
use crate::backup::human;
use crate::backup::scratch::free_bytes;
use crate::clock::Clock;
use crate::config::Config;
use crate::durable;
use crate::house::{House, Judge};
use crate::http::auth::{self, Auth};
use crate::http::{STREAMS, Server, listen, routes};
use crate::journal::{Journal, NewEvent, Severity};
use crate::router::gate::Gate;
use build::{Shared, build};
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
        note_start(&journal, was_full, &config.state).await;
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
            gates.spawn(serve_gate(
                built.gate,
                built.listener,
                journal.clone(),
                stop_gates.clone(),
            ));
            apps.push(built.app);
        }
        note_unclaimed(&sockets, &journal).await;
        let (auth, first_link) = open_auth(&journal).await?;
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
        let dashboard = serve_dashboard(&server, &tasks).await?;
        let begun = async {
            begin_apps(&house).await?;
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

/// Notes in the journal that Tealkeep started, and whether the disk was full.
async fn note_start(journal: &Journal, was_full: bool, state: &Path) {
    let text = format!("Tealkeep {} started.", env!("CARGO_PKG_VERSION"));
    journal.note(NewEvent::new(Severity::Info, text)).await;
    if was_full {
        let text = format!(
            "The disk of {} was full: Tealkeep started with the room that it keeps aside there. Make room, \
             or it won't start the next time.",
            state.display()
        );
        journal.note(NewEvent::new(Severity::Bad, text)).await;
    }
}

/// Notes which of systemd's sockets belong to no app.
async fn note_unclaimed(sockets: &Sockets, journal: &Journal) {
    for name in sockets.left() {
        let text = format!(
            "systemd handed over a socket called {name}, which belongs to no app's gate; look at its FileDescriptorName=."
        );
        journal.note(NewEvent::new(Severity::Warning, text)).await;
    }
}

async fn serve_gate(
    gate: Arc<Gate>,
    listener: TcpListener,
    journal: Journal,
    stop: CancellationToken,
) {
    if let Err(error) = gate.serve(listener, stop).await {
        let text = format!("A gate ended: {error}. Restart Tealkeep.");
        journal.note(NewEvent::new(Severity::Bad, text)).await;
    }
}

/// Who may sign in, and the token of a one-time link if no password exists.
async fn open_auth(journal: &Journal) -> anyhow::Result<(Auth, Option<String>)> {
    let auth = Auth::open(journal.clone()).await?;
    if auth.sessions.end_those_of_earlier_versions().await? > 0 {
        let text = "Everybody was signed out of the dashboard, once: earlier versions let apps on this host see its \
                    sessions. Sign in again.";
        journal.note(NewEvent::new(Severity::Info, text)).await;
    }
    let has_password = *auth.password_is_set().borrow();
    let first_link = match has_password {
        true => None,
        false => Some(auth.new_link().await?),
    };
    Ok((auth, first_link))
}

/// Serves the unix socket and the dashboard; returns where the dashboard listens.
async fn serve_dashboard(server: &Arc<Server>, tasks: &TaskTracker) -> anyhow::Result<SocketAddr> {
    let (house, stop) = (&server.house, &server.stop);
    let service = routes::service(server.clone());
    let socket = control_socket(&house.config.socket)?;
    tasks.spawn(listen::serve_socket(socket, service.clone(), stop.clone()));
    let door = Door::open(
        house.config.dashboard.listen,
        server.auth.password_is_set(),
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
    Ok(dashboard)
}

/// Begins with all apps at once.
async fn begin_apps(house: &House) -> anyhow::Result<()> {
    let begun = house.apps.iter().map(|app| async move {
        app.begin()
            .await
            .with_context(|| format!("cannot begin with {}", app.name()))
    });
    futures_util::future::try_join_all(begun).await?;
    Ok(())
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
