//! What the doctor checks and what it finds, each finding with its fix.

use serde::Serialize;

use super::advice::Machine;
use crate::names::AppName;

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

/// Collects findings about one app.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) app: Option<AppName>,
    pub(super) machine: Machine,
    only: Option<Check>,
    pub(super) all: Vec<Finding>,
}

impl Findings {
    pub(super) fn new(machine: Machine, only: Option<Check>) -> Findings {
        Findings {
            app: None,
            machine,
            only,
            all: Vec::new(),
        }
    }

    /// Whether any of these checks is wanted.
    pub(super) fn wants(&self, checks: &[Check]) -> bool {
        self.only.is_none_or(|only| checks.contains(&only))
    }

    pub(super) fn add(
        &mut self,
        check: Check,
        level: Level,
        text: impl Into<String>,
        mend: Option<String>,
    ) {
        self.add_as(Kind::Single, check, level, text, mend);
    }

    pub(super) fn add_as(
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
    pub(super) fn fail_as(
        &mut self,
        kind: Kind,
        check: Check,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add_as(kind, check, Level::Fail, text, Some(mend.into()));
    }

    pub(super) fn ok(&mut self, check: Check, text: impl Into<String>) {
        self.add(check, Level::Ok, text, None);
    }

    pub(super) fn warn(&mut self, check: Check, text: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Level::Warn, text, Some(mend.into()));
    }

    pub(super) fn fail(&mut self, check: Check, text: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Level::Fail, text, Some(mend.into()));
    }
}
