//! Everything that Tealkeep relies on, looked at and never changed: with a server or without one, as root or
//! not. Each finding says what is so, and what mends it. What this user may not look at is said to be unknown.

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

/// The example that the package brings along.
const EXAMPLE: &str = "/usr/share/doc/tealkeep/tealkeep.example.toml";
/// What brings a server back that does not run.
pub(crate) const RESTART: &str = "systemctl restart tealkeep.service";

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It is as it should be.
    Ok,
    /// It works, or can't be known; somebody should look.
    Warn,
    /// Something that Tealkeep promises is not so.
    Fail,
}

/// What was looked at.
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
    /// What requests come through.
    Router,
    /// Who listens where.
    Ports,
    /// The app's database.
    Database,
    /// The backups folder.
    Backups,
    /// Room on the disks.
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
    /// Its heading.
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
            Check::Keys => "Deploying keys",
            Check::Pull => "The laptop's copy",
            Check::Contract => "The app's side",
        }
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// The app that it concerns; none where it is the machine.
    pub app: Option<AppName>,
    /// How it is to be taken.
    pub level: Level,
    /// What is so, in a sentence.
    pub text: String,
    /// The commands that mend it, or what to do, if anything.
    pub mend: Option<String>,
    /// The text of the finding that this one follows from; mending that one mends this one too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What it is to the others.
    #[serde(skip)]
    pub kind: Kind,
}

/// What a failure is to others, so that what has one cause counts as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    #[default]
    Single,
    /// The app was never set up here, or not on this card: whatever else fails of it follows.
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

/// What is known of this machine before anything is looked at. Advice depends on it: a command of systemd's helps nobody
/// where there is none.
#[derive(Debug, Clone, Copy)]
struct Machine {
    /// Whether Tealkeep is installed as a service here, or is to be.
    has_service: bool,
    /// Whether systemd runs here.
    has_systemd: bool,
    /// Whether this is root, from whom nothing is hidden.
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

    /// What restarts the server.
    fn restart(self) -> &'static str {
        match self.has_service && self.has_systemd {
            true => RESTART,
            false => "stop `tealkeep serve` and start it again",
        }
    }

    /// What shows more than this user sees; for root, who sees all, `otherwise`.
    fn as_root(self, app: &str, otherwise: impl Into<String>) -> String {
        match self.is_root {
            true => otherwise.into(),
            false => format!("sudo tealkeep doctor {app}"),
        }
    }
}

/// Findings as they are collected, each put to the same app.
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

    /// Whether somebody wants to know of any of these.
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

    /// A failure from which others follow, or that follows from another.
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

/// The text of the configuration as it was read, or why it could not be.
pub struct Source<'a> {
    /// Where it stands.
    pub path: &'a Path,
    /// What stands there.
    pub text: &'a std::io::Result<String>,
}

/// The configuration's own findings, and the configuration where it can be read.
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
                format!("{path} can't be read by this user"),
                "sudo tealkeep doctor",
            );
            None
        }
        // Only where nothing is there can nothing be overwritten.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            findings.fail(
                Check::Configuration,
                format!("{path} can't be read: {error}"),
                match Path::new(EXAMPLE).exists() {
                    true => format!("install -m 0640 -g tealkeep {EXAMPLE} {quoted} && nano {quoted}"),
                    false => format!("copy tealkeep.example.toml, which comes with Tealkeep's sources, to {quoted}, and change what is your own"),
                },
            );
            None
        }
        Err(error) => {
            findings.fail(
                Check::Configuration,
                format!("{path} can't be read: {error}"),
                format!("file {quoted}; ls -l {quoted}    # it must be a text file in UTF-8"),
            );
            None
        }
        Ok(text) => match Config::parse(text, false) {
            Ok(config) => {
                findings.ok(Check::Configuration, format!("{path} is right in itself"));
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

/// What restarts the server that has the configuration at `path`: a command, or what to do where no service runs it.
#[must_use]
pub fn restart(config: &Config, path: &Path) -> &'static str {
    Machine::of(config, path).restart()
}

/// The command that opens the configuration at a line, and has what was changed there hold: a server that was refused is
/// not started again by itself.
fn change(machine: Machine, path: &str, line: usize) -> String {
    let line = line.max(1);
    match machine.has_service && machine.has_systemd {
        true => format!("nano +{line} {path} && {RESTART}"),
        false => format!("nano +{line} {path}    # then {}", machine.restart()),
    }
}

/// What [`examine`] is to look at.
pub struct Subject<'a> {
    /// The whole configuration.
    pub config: &'a Config,
    /// Those of its apps that are looked at.
    pub apps: &'a [&'a AppConfig],
    /// This machine's name as the laptop calls it.
    pub host: &'a str,
    /// Where the configuration stands.
    pub path: &'a Path,
    /// What the server knows of the laptops.
    pub pulls: &'a HashMap<AppName, Pull>,
    /// The one check that is wanted; `None` wants all.
    pub only: Option<Check>,
}

/// Looks at the machine and at the apps. It takes some seconds at most.
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

/// The colour that is recorded as live, from the file that repeats it.
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

/// A machine with the package, looked at by root.
#[cfg(test)]
const MACHINE: Machine = Machine {
    has_service: true,
    has_systemd: true,
    is_root: true,
};
