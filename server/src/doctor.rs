//! Checks everything that Tealkeep relies on and changes nothing: with or without a server, as root or not. Each finding
//! says what is the case and how to fix it. What this user may not see is reported as unknown.

mod ask;
mod beside;
mod clock;
mod cookies;
mod data;
mod fold;
mod former;
mod keys;
pub(crate) mod machine;
mod owners;
mod polkit;
mod pull;
mod reach;
mod requests;
mod router;
mod sandbox;
mod units;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::{AppConfig, Config, DEFAULT_CONFIG, RuntimeConfig};
use crate::journal::pulls::Pull;
use crate::names::{AppName, Colour};
use crate::units::quote::shell;

pub use fold::fold;

/// The package's example configuration.
const EXAMPLE: &str = "/usr/share/doc/tealkeep/tealkeep.example.toml";
/// The command that starts a stopped server.
pub(crate) const RESTART: &str = "systemctl restart tealkeep.service";

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// All is well.
    Ok,
    /// It works, or is unknown; somebody should have a look.
    Warn,
    /// Something that Tealkeep promises does not hold.
    Fail,
}

/// A check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The file itself.
    Configuration,
    /// The running server.
    Server,
    /// Users, groups, owners and modes.
    Owners,
    /// The units of the apps, and Tealkeep's own.
    Units,
    /// The rule that lets Tealkeep use them.
    Polkit,
    /// The way of requests to the app.
    Router,
    /// Who listens where.
    Ports,
    /// The app's database.
    Database,
    /// The backups folder.
    Backups,
    /// Free space on the disks.
    Space,
    /// The clock and its zone.
    Clock,
    /// What confines a service worker under check.
    Sandbox,
    /// The keys that may deploy.
    Keys,
    /// The laptop's last pull.
    Pull,
    /// What the app promises.
    Contract,
}

impl Check {
    /// The title of its section.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Check::Configuration => "Configuration",
            Check::Server => "Server",
            Check::Owners => "Owners and modes",
            Check::Units => "Units",
            Check::Polkit => "Polkit",
            Check::Router => "Router",
            Check::Ports => "Ports",
            Check::Database => "Database",
            Check::Backups => "Backups",
            Check::Space => "Free space",
            Check::Clock => "Clock and zone",
            Check::Sandbox => "Checks of service workers",
            Check::Keys => "Deploy keys",
            Check::Pull => "The laptop's copy",
            Check::Contract => "The app's side",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// The app that it concerns; none for the machine.
    pub app: Option<AppName>,
    /// Its severity.
    pub level: Level,
    /// What is the case, in a sentence.
    pub text: String,
    /// The commands that fix it, or what to do, if anything.
    pub mend: Option<String>,
    /// The text of the finding that causes this one; fixing that one fixes this one too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How it relates to other findings.
    #[serde(skip)]
    pub kind: Kind,
}

/// How a failure relates to others, so that failures with one cause count once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    #[default]
    Single,
    /// The app was never set up here, or not on this card: its other failures follow from that.
    NotSetUp,
    /// Several of the printed files are missing.
    FilesMissing,
    /// One printed file is missing.
    FileMissing,
    /// The server does not run.
    ServerDown,
    /// It fails while the server does not run.
    NeedsServer,
}

/// What is known about this machine beforehand. Advice depends on it: a systemd command does not help without systemd.
#[derive(Debug, Clone, Copy)]
struct Machine {
    /// Whether Tealkeep is, or will be, installed as a service here.
    has_service: bool,
    /// Whether systemd runs here.
    has_systemd: bool,
    /// Whether this is root, who can see everything.
    is_root: bool,
}

impl Machine {
    fn of(config: &Config, path: &Path) -> Machine {
        let mut runtimes = config.apps.iter().map(|app| &app.runtime);
        Machine {
            has_service: path == Path::new(DEFAULT_CONFIG)
                || runtimes.any(|runtime| matches!(runtime, RuntimeConfig::Systemd(_))),
            has_systemd: Path::new("/run/systemd/system").exists(),
            is_root: rustix::process::geteuid().is_root(),
        }
    }

    /// The command that restarts the server.
    fn restart(self) -> &'static str {
        match self.has_service && self.has_systemd {
            true => RESTART,
            false => "stop `tealkeep serve` and start it again",
        }
    }

    /// The command that shows more than this user sees; for root, who sees everything, `otherwise`.
    fn as_root(self, app: &str, otherwise: impl Into<String>) -> String {
        match self.is_root {
            true => otherwise.into(),
            false => format!("sudo tealkeep doctor {app}"),
        }
    }
}

/// Collects findings about one app.
#[derive(Debug)]
struct Findings {
    app: Option<AppName>,
    machine: Machine,
    only: Option<Check>,
    all: Vec<Finding>,
}

impl Findings {
    fn new(machine: Machine, only: Option<Check>) -> Findings {
        Findings {
            app: None,
            machine,
            only,
            all: Vec::new(),
        }
    }

    /// Whether any of these checks is wanted.
    fn wants(&self, checks: &[Check]) -> bool {
        self.only.is_none_or(|only| checks.contains(&only))
    }

    fn add(&mut self, check: Check, level: Level, text: impl Into<String>, mend: Option<String>) {
        self.add_as(Kind::Single, check, level, text, mend);
    }

    fn add_as(
        &mut self,
        kind: Kind,
        check: Check,
        level: Level,
        text: impl Into<String>,
        mend: Option<String>,
    ) {
        if !self.wants(&[check]) {
            return;
        }
        self.all.push(Finding {
            check,
            app: self.app.clone(),
            level,
            text: text.into(),
            mend,
            cause: None,
            kind,
        });
    }

    /// A failure that causes others, or is caused by another.
    fn fail_as(
        &mut self,
        kind: Kind,
        check: Check,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add_as(kind, check, Level::Fail, text, Some(mend.into()));
    }

    fn ok(&mut self, check: Check, text: impl Into<String>) {
        self.add(check, Level::Ok, text, None);
    }

    fn warn(&mut self, check: Check, text: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Level::Warn, text, Some(mend.into()));
    }

    fn fail(&mut self, check: Check, text: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Level::Fail, text, Some(mend.into()));
    }
}

/// The text of the configuration, or why it could not be read.
pub struct Source<'a> {
    /// Its path.
    pub path: &'a Path,
    /// Its content.
    pub text: &'a std::io::Result<String>,
}

/// The findings about the configuration, and the configuration if it can be read.
#[must_use]
pub fn configuration(source: &Source<'_>) -> (Vec<Finding>, Option<Config>) {
    let machine = Machine {
        has_service: source.path == Path::new(DEFAULT_CONFIG),
        has_systemd: Path::new("/run/systemd/system").exists(),
        is_root: rustix::process::geteuid().is_root(),
    };
    let mut findings = Findings::new(machine, None);
    let path = source.path.display();
    let quoted = shell(&source.path.to_string_lossy());
    let config = match source.text {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            findings.fail(
                Check::Configuration,
                format!("this user cannot read {path}"),
                "sudo tealkeep doctor",
            );
            None
        }
        // Only where nothing is there can nothing be overwritten.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            findings.fail(
                Check::Configuration,
                format!("cannot read {path}: {error}"),
                match Path::new(EXAMPLE).exists() {
                    true => format!("install -m 0640 -g tealkeep {EXAMPLE} {quoted} && nano {quoted}"),
                    false => format!("copy tealkeep.example.toml from Tealkeep's sources to {quoted} and adapt it"),
                },
            );
            None
        }
        Err(error) => {
            findings.fail(
                Check::Configuration,
                format!("cannot read {path}: {error}"),
                format!("file {quoted}; ls -l {quoted}    # it must be a text file in UTF-8"),
            );
            None
        }
        Ok(text) => match Config::parse(text, false) {
            Ok(config) => {
                findings.ok(Check::Configuration, format!("{path} is valid"));
                Some(config)
            }
            Err(problems) => {
                for problem in problems {
                    let mend = change(machine, &quoted, problem.line);
                    findings.fail(Check::Configuration, problem.to_string(), mend);
                }
                None
            }
        },
    };
    (findings.all, config)
}

/// How to restart the server with the configuration at `path`: a command, or what to do without a service.
#[must_use]
pub fn restart(config: &Config, path: &Path) -> &'static str {
    Machine::of(config, path).restart()
}

/// The command that opens the configuration at a line and applies the change: after a refused start the server does not
/// restart by itself.
fn change(machine: Machine, path: &str, line: usize) -> String {
    let line = line.max(1);
    match machine.has_service && machine.has_systemd {
        true => format!("nano +{line} {path} && {RESTART}"),
        false => format!("nano +{line} {path}    # then {}", machine.restart()),
    }
}

/// What [`examine`] checks.
pub struct Subject<'a> {
    /// The complete configuration.
    pub config: &'a Config,
    /// The apps to check.
    pub apps: &'a [&'a AppConfig],
    /// The name under which the laptop reaches this machine.
    pub host: &'a str,
    /// The path of the configuration.
    pub path: &'a Path,
    /// What the server knows about the laptops' pulls.
    pub pulls: &'a HashMap<AppName, Pull>,
    /// The only check to run; `None` runs all.
    pub only: Option<Check>,
}

/// Checks the machine and the apps. Takes a few seconds at most.
pub async fn examine(subject: &Subject<'_>) -> Vec<Finding> {
    let Subject {
        config,
        apps,
        host,
        path,
        pulls,
        only,
    } = *subject;
    let mut findings = Findings::new(Machine::of(config, path), only);
    if findings.wants(&[Check::Owners]) {
        owners::machine(&mut findings, config, path);
    }
    if findings.machine.has_service {
        if findings.wants(&[Check::Units]) {
            units::machine(&mut findings).await;
        }
        if findings.wants(&[Check::Keys]) {
            keys::look(&mut findings, config).await;
        }
    }
    if findings.wants(&[Check::Clock]) {
        clock::look(&mut findings, config).await;
    }
    if findings.wants(&[Check::Sandbox]) {
        sandbox::look(&mut findings).await;
    }
    for app in apps {
        findings.app = Some(app.name.clone());
        if findings.wants(&[Check::Owners]) {
            owners::app(&mut findings, app);
        }
        if findings.wants(&[Check::Units, Check::Polkit, Check::Router]) {
            units::app(&mut findings, config, app, host, path).await;
        }
        if findings.wants(&[Check::Polkit]) {
            polkit::look(&mut findings, app).await;
        }
        reach::look(&mut findings, config, app).await;
        if findings.wants(&[Check::Router]) {
            cookies::look(&mut findings, app).await;
            requests::look(&mut findings, app).await;
        }
        if findings.wants(&[Check::Database, Check::Backups, Check::Space]) {
            let pull = pulls.get(&app.name);
            data::look(&mut findings, config, app, host, pull.is_some()).await;
        }
        if findings.wants(&[Check::Pull]) {
            pull::look(&mut findings, app, host, pulls.get(&app.name)).await;
        }
    }
    findings.all
}

/// `<state>/apps/<app>`
fn folder(config: &Config, app: &AppConfig) -> PathBuf {
    config.state.join("apps").join(app.name.as_str())
}

/// The live colour, from the file that records it.
fn live(config: &Config, app: &AppConfig) -> Option<Colour> {
    let folder = folder(config, app);
    let recorded = std::fs::read_to_string(folder.join("active-color"));
    let recorded = recorded.ok().and_then(|text| text.trim().parse().ok());
    // Where nothing repeats it, the marker of the colour that runs its timers is as good.
    recorded.or_else(|| {
        Colour::BOTH
            .into_iter()
            .find(|colour| folder.join(colour.as_str()).join("live").exists())
    })
}

fn port(app: &AppConfig, colour: Colour) -> u16 {
    match &app.runtime {
        RuntimeConfig::Process(process) => process.port(colour),
        RuntimeConfig::Systemd(systemd) => systemd.port(colour),
    }
}

/// A machine with the package, seen by root.
#[cfg(test)]
const MACHINE: Machine = Machine {
    has_service: true,
    has_systemd: true,
    is_root: true,
};
