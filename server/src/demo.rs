//! `tealkeep demo`: everything for real, in one process and one folder. A household app ([`home`]) in
//! several releases ([`releases`]), and the family that uses it ([`family`]).

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backup::Reason;
use crate::config::Source;
use crate::config::copy::Redacted;
use crate::config::{
    AppConfig, BackupConfig, Config, Dashboard, DeployConfig, GateSection, HealthConfig,
    NotifyConfig, PolicyConfig, ProcessConfig, RouterConfig, RuntimeConfig,
};
use crate::deploy::App;
use crate::deploy::release::Releases;
use crate::forwarded::TrustedProxies;
use crate::names::{AppName, Colour};
use crate::supervisor::Supervisor;
use family::Tally;
pub use tealkeep_demo::{family, home, releases};

/// What the demo's app is called.
const APP: &str = "home";
/// The release that the demo starts with.
const FIRST_RELEASE: &str = "v1";

/// How the demo is to run.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Where everything lies.
    pub folder: PathBuf,
    /// The dashboard's port; 0 lets the system choose.
    pub port: u16,
    /// The port that the household uses; 0 lets the system choose.
    pub app_port: u16,
    /// The blue colour's port.
    pub blue_port: u16,
    /// The green colour's port.
    pub green_port: u16,
    /// Whether a family uses the app all the time.
    pub traffic: bool,
    /// How long a swap waits for the requests that the old colour still has.
    pub drain_timeout: Duration,
}

/// A running demo.
pub struct Demo {
    supervisor: Supervisor,
    folder: PathBuf,
    app_address: SocketAddr,
    tally: Arc<Tally>,
    family: TaskTracker,
    leave: CancellationToken,
}

impl Demo {
    /// Starts it, or picks up where it was.
    ///
    /// # Errors
    /// A port is taken, or the folder can't be used.
    pub async fn start(options: DemoOptions) -> anyhow::Result<Demo> {
        std::fs::create_dir_all(&options.folder).with_context(|| {
            format!("cannot make the demo's folder {}", options.folder.display())
        })?;
        let folder = options.folder.canonicalize()?;
        let config = configuration(&options, folder.clone())?;
        for below in ["data", "releases"] {
            std::fs::create_dir_all(folder.join(below))?;
        }
        let samples = folder.join("releases");
        tokio::task::spawn_blocking(move || releases::write_all(&samples)).await??;
        let links = Releases::new(folder.join("releases"));
        if Colour::BOTH
            .iter()
            .all(|colour| links.of_colour(*colour).is_none())
        {
            links.set_colour(Colour::Blue, &FIRST_RELEASE.parse()?)?;
        }
        let supervisor = Supervisor::start(config).await?;
        let app = supervisor
            .server
            .house
            .apps
            .first()
            .context("the demo has an app")?
            .clone();
        if let Err(error) = first_snapshot(&app).await {
            tracing::error!("the first snapshot could not be taken: {error:#}");
        }
        let (tally, family, leave) = (
            Arc::new(Tally::default()),
            TaskTracker::new(),
            CancellationToken::new(),
        );
        let app_address = app.router.entrance();
        if options.traffic {
            family.spawn(family::live(
                app_address,
                family::DEFAULT_PEOPLE,
                family::DEFAULT_RATE_PER_SECOND,
                leave.clone(),
                tally.clone(),
            ));
        }
        Ok(Demo {
            supervisor,
            folder,
            app_address,
            tally,
            family,
            leave,
        })
    }

    /// Where to look, how to sign in, and what to try next.
    #[must_use]
    pub fn welcome(&self) -> String {
        let port = self.supervisor.dashboard.port();
        let mut text = format!(
            "\nTealkeep's demo is up. Everything lies in {}.\n\n  The household's app  http://{}\n  The dashboard        http://127.0.0.1:{port}\n",
            self.folder.display(),
            self.app_address,
        );
        let line = match &self.supervisor.first_link {
            Some(token) => format!("  Sign in              http://127.0.0.1:{port}/welcome/{token}\n                       (sets the password; works once, for an hour)\n"),
            None => "  Sign in              with the password that you set (`tealkeep password` prints a new link)\n".to_owned(),
        };
        text.push_str(&line);
        let program = std::env::current_exe()
            .map_or_else(|_| "tealkeep".to_owned(), |path| path.display().to_string());
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\nIn another terminal:\n\n  export TEALKEEP_SOCKET='{}'\n  alias tealkeep='{program}'\n\n  tealkeep status\n",
            self.folder.join("control.sock").display(),
        );
        for sample in releases::SAMPLES
            .iter()
            .filter(|sample| sample.id != FIRST_RELEASE)
        {
            let _ = writeln!(
                text,
                "  {:<38} # {}",
                format!("tealkeep deploy {APP} {}", sample.id),
                sample.expect
            );
        }
        text.push_str("  tealkeep rollback\n  tealkeep snapshots\n\nCtrl-C stops it; the next start picks up where it was.");
        text
    }

    /// Stops the family, then everything else; returns what the family saw.
    pub async fn shut_down(self) -> String {
        self.leave.cancel();
        self.family.close();
        self.family.wait().await;
        let seen = self.tally.totals();
        let last = seen.last_failure.map_or_else(String::new, |failure| {
            format!("; the last one at {:.0}: {}", failure.at, failure.what)
        });
        let said = format!(
            "The family made {} requests, {} of them changes; {} failed{last}.",
            seen.requests, seen.writes, seen.failed
        );
        self.supervisor.shut_down().await;
        said
    }
}

async fn first_snapshot(app: &Arc<App>) -> anyhow::Result<()> {
    let (catalogue, _) = app.data.catalogue().await?;
    // An app that did not come up has no database yet; the journal says why.
    if catalogue.entries.is_empty() && app.data.exists() {
        app.backup(Reason::Manual).await?;
    }
    Ok(())
}

fn configuration(options: &DemoOptions, folder: PathBuf) -> anyhow::Result<Config> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let mut command = vec![program.to_string_lossy().into_owned()];
    command.extend(releases::START.iter().map(|word| (*word).to_owned()));
    let name: AppName = APP.parse()?;
    let app = AppConfig {
        database: folder.join("data/home.sqlite"),
        backups: folder.join("backups").join(APP),
        releases: folder.join("releases"),
        url: None,
        name,
        backup: BackupConfig {
            // No laptop comes to a demo.
            pull_within: Duration::ZERO,
            ..BackupConfig::default()
        },
        runtime: RuntimeConfig::Process(ProcessConfig {
            command,
            blue_port: options.blue_port,
            green_port: options.green_port,
            stop_timeout: Duration::from_secs(12),
            port_variable: "PORT".to_owned(),
            database_variable: "DATABASE_PATH".to_owned(),
            env: std::collections::BTreeMap::new(),
        }),
        router: RouterConfig::Gate(GateSection {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), options.app_port),
            hold_timeout: Duration::from_secs(30),
            retry_for: Duration::from_secs(5),
            trust_forwarded: false,
            max_head_bytes: crate::router::gate::HEADER_LIMIT,
        }),
        health: HealthConfig {
            path: "/healthz".to_owned(),
            host: None,
            forwarded_proto: "http",
            within: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
        },
        deploy: DeployConfig {
            // All the releases to try stay.
            keep_releases: 50,
            drain_timeout: options.drain_timeout,
            keep_warm: Duration::from_secs(600),
            prepare: None,
        },
        policy: PolicyConfig::default(),
    };
    Ok(Config {
        zone: None,
        state: folder.join("state"),
        socket: folder.join("control.sock"),
        spool: folder.join("spool"),
        dashboard: Dashboard {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), options.port),
            hosts: Vec::new(),
            https: false,
            trusted_proxies: TrustedProxies::default(),
        },
        notify: NotifyConfig::default(),
        apps: vec![app],
        copy: Redacted::default(),
        source: Source::default(),
    })
}
