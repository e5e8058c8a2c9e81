//! Everything that Tealkeep relies on, looked at and never changed: with a server or without one, as root or
//! not. Each finding says what is so, and what mends it. What this user may not look at is said to be unknown.

mod ask;
mod clock;
mod cookies;
mod data;
mod keys;
pub(crate) mod machine;
mod owners;
mod polkit;
mod pull;
mod reach;
mod units;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::{AppConfig, Config, RuntimeConfig};
use crate::journal::pulls::Pull;
use crate::names::{AppName, Colour};
use crate::units::quote::shell;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
}

/// Findings as they are collected, each put to the same app.
#[derive(Debug, Default)]
struct Findings {
    app: Option<AppName>,
    all: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, check: Check, level: Level, text: impl Into<String>, mend: Option<String>) {
        self.all.push(Finding {
            check,
            app: self.app.clone(),
            level,
            text: text.into(),
            mend,
        });
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
    let mut findings = Findings::default();
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
        Err(error) => {
            findings.fail(
                Check::Configuration,
                format!("{path} can't be read: {error}"),
                format!("install -m 0640 -g tealkeep /usr/share/doc/tealkeep/tealkeep.example.toml {quoted} && nano {quoted}"),
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
                    let mend = change(&quoted, problem.line);
                    findings.fail(Check::Configuration, problem.to_string(), mend);
                }
                None
            }
        },
    };
    (findings.all, config)
}

/// The command that opens the configuration at a line, and has what was changed there hold: a server that was refused is
/// not started again by itself.
fn change(path: &str, line: usize) -> String {
    format!("nano +{} {path} && {RESTART}", line.max(1))
}

/// Looks at the machine and at `apps`, which are of `config`; `host` is this machine's name as the laptop
/// calls it, `path` the configuration's own, `pulls` what the server knows of the laptops. It takes some seconds at
/// most.
pub async fn examine(
    config: &Config,
    apps: &[&AppConfig],
    host: &str,
    path: &Path,
    pulls: &HashMap<AppName, Pull>,
) -> Vec<Finding> {
    let mut findings = Findings::default();
    owners::machine(&mut findings, config, path);
    units::machine(&mut findings).await;
    keys::look(&mut findings).await;
    clock::look(&mut findings, config).await;
    for app in apps {
        findings.app = Some(app.name.clone());
        owners::app(&mut findings, app);
        units::app(&mut findings, config, app, host, path).await;
        polkit::look(&mut findings, app).await;
        reach::look(&mut findings, config, app).await;
        cookies::look(&mut findings, app).await;
        data::look(&mut findings, app).await;
        pull::look(&mut findings, app, host, pulls.get(&app.name)).await;
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
