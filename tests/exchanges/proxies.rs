//! The three proxies, each in front of an app of its own.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tealkeep::config::Config;
use tealkeep::names::Colour;
use tealkeep::router::caddy::caddyfile;
use tealkeep::router::gate::{Gate, GateConfig};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::app::App;
use crate::support::{free_port, until_it_listens};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    Gate,
    /// Debian's, with the site that `tealkeep units` prints.
    Caddy,
    /// Debian's, with a configuration that says no more than where to listen and where to go.
    Haproxy,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Proxy::Gate => "gate",
            Proxy::Caddy => "caddy",
            Proxy::Haproxy => "haproxy",
        })
    }
}

/// A proxy that runs until this is dropped.
pub struct Running {
    pub at: SocketAddr,
    pub app: App,
    _ends: Ends,
}

enum Ends {
    Gate {
        _stop: DropGuard,
    },
    Process {
        child: Child,
        _folder: tempfile::TempDir,
    },
}

impl Drop for Ends {
    fn drop(&mut self) {
        if let Ends::Process { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Proxy {
    pub const ALL: [Proxy; 3] = [Proxy::Gate, Proxy::Caddy, Proxy::Haproxy];

    /// Starts it; `None` where it is not installed.
    pub async fn start(self) -> Option<Running> {
        let app = App::start().await;
        match self {
            Proxy::Gate => Some(gate(app).await),
            Proxy::Caddy => process(app, "caddy", &["version"], caddy).await,
            Proxy::Haproxy => process(app, "haproxy", &["-v"], haproxy).await,
        }
    }
}

async fn gate(app: App) -> Running {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let gate = Gate::new(
        GateConfig {
            retry_for: Duration::ZERO,
            ..GateConfig::new(app.at, app.at)
        },
        Colour::Blue,
    );
    let shutdown = CancellationToken::new();
    let stops = shutdown.clone();
    tokio::spawn(async move { gate.serve(listener, stops).await });
    Running {
        at,
        app,
        _ends: Ends::Gate {
            _stop: shutdown.drop_guard(),
        },
    }
}

/// A program with a configuration in a folder of its own, once it listens.
async fn process(
    app: App,
    program: &str,
    asks_version: &[&str],
    configure: fn(&Path, u16, u16) -> Vec<String>,
) -> Option<Running> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    let program = folders
        .into_iter()
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())?;
    let said = Command::new(&program).args(asks_version).output().ok()?;
    println!("{}", String::from_utf8_lossy(&said.stdout).lines().next()?);
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let arguments = configure(folder.path(), port, app.at.port());
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut child = Command::new(program)
        .args(arguments)
        .env("HOME", folder.path())
        .env("XDG_DATA_HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    until_it_listens(&mut child, at, &folder.path().join("log"));
    Some(Running {
        at,
        app,
        _ends: Ends::Process {
            child,
            _folder: folder,
        },
    })
}

fn caddy(folder: &Path, port: u16, app: u16) -> Vec<String> {
    for below in ["data", "releases", "backups", "state"] {
        std::fs::create_dir(folder.join(below)).unwrap();
    }
    let (green, hold, at) = (free_port(), free_port(), folder.display());
    let text = format!(
        "state = \"{at}/state\"\n[[app]]\nname = \"home\"\ndatabase = \"{at}/data/d.sqlite\"\nreleases = \"{at}/releases\"\nbackups = \"{at}/backups\"\n\
         [app.runtime]\ncommand = [\"node\"]\nblue_port = {app}\ngreen_port = {green}\n\
         [app.router]\nkind = \"caddy\"\nlisten = \"127.0.0.1:{port}\"\nhold_listen = \"127.0.0.1:{hold}\"\nretry_for = \"0s\"\n"
    );
    let config = Config::parse(&text, false).unwrap();
    let site = caddyfile(&config.apps[0], &config.state);
    let file = folder.join("Caddyfile");
    std::fs::write(
        &file,
        format!("{{\n\tadmin off\n\tauto_https off\n}}\n{site}"),
    )
    .unwrap();
    let file = file.display().to_string();
    ["run", "--adapter", "caddyfile", "--config", &file]
        .map(str::to_owned)
        .to_vec()
}

fn haproxy(folder: &Path, port: u16, app: u16) -> Vec<String> {
    let text = format!(
        "defaults\n    mode http\n    option forwardfor\n    timeout connect 10s\n    timeout client 60s\n    timeout server 60s\n\
         frontend in\n    bind 127.0.0.1:{port}\n    default_backend app\n\
         backend app\n    server app 127.0.0.1:{app}\n"
    );
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text).unwrap();
    vec!["-f".to_owned(), file.display().to_string()]
}
