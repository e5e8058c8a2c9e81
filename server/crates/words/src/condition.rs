//! What can be wrong at home: plain data. A closed set of kinds, the key that tells one condition from another, how
//! grave it is, and what a page and a message say of it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::AppName;

/// How many characters a title has at most: what a phone shows without cutting.
const MAX_TITLE_CHARS: usize = 59;
/// Stands in a key's text for the machine, where another key has the name of an app.
const MACHINE: &str = "-";

/// What kind of thing is wrong. The order is the one in which conditions of the same severity are listed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The live colour does not run, or does not answer.
    Live,
    /// Requests do not reach the live colour.
    Route,
    /// The live colour crashes again and again.
    Crashing,
    /// The app answers many requests with a server error.
    Failing,
    /// Nothing is deployed yet.
    Release,
    /// A deploy or a rollback was refused, failed or was taken back.
    Deploy,
    /// A restore or an undo failed or was taken back.
    Restore,
    /// The live colour runs, and its health check says that it is not well.
    Health,
    /// A night's snapshot failed, or did not happen.
    Snapshot,
    /// Files in the backups folder do not fit together.
    Folder,
    /// Every snapshot is dated in the future.
    Clock,
    /// A laptop found snapshots that are not whole.
    Copy,
    /// What people see fails a policy.
    Check,
    /// Nobody answered where people reach the app.
    Reach,
    /// A table lost many of its rows in the newest night.
    Rows,
    /// A disk is nearly full.
    Disk,
    /// No laptop has pulled for too long.
    Pull,
    /// There is no copy of the snapshots on any other machine.
    Elsewhere,
    /// Rows of the database break the app's own rules.
    Content,
    /// The newest restore drill failed, or warned.
    Drill,
}

impl Kind {
    /// Every kind, in the order in which they are listed.
    pub const ALL: [Kind; 20] = [
        Kind::Live,
        Kind::Route,
        Kind::Crashing,
        Kind::Failing,
        Kind::Release,
        Kind::Deploy,
        Kind::Restore,
        Kind::Health,
        Kind::Snapshot,
        Kind::Folder,
        Kind::Clock,
        Kind::Copy,
        Kind::Check,
        Kind::Reach,
        Kind::Rows,
        Kind::Disk,
        Kind::Pull,
        Kind::Elsewhere,
        Kind::Content,
        Kind::Drill,
    ];

    /// As it stands in the API, in messages and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Live => "live",
            Kind::Route => "route",
            Kind::Crashing => "crashing",
            Kind::Failing => "failing",
            Kind::Release => "release",
            Kind::Deploy => "deploy",
            Kind::Restore => "restore",
            Kind::Health => "health",
            Kind::Snapshot => "snapshot",
            Kind::Folder => "folder",
            Kind::Clock => "clock",
            Kind::Copy => "copy",
            Kind::Check => "check",
            Kind::Reach => "reach",
            Kind::Rows => "rows",
            Kind::Disk => "disk",
            Kind::Pull => "pull",
            Kind::Elsewhere => "elsewhere",
            Kind::Content => "content",
            Kind::Drill => "drill",
        }
    }

    /// Whether it concerns the machine and no app.
    #[must_use]
    pub fn is_of_the_machine(self) -> bool {
        self == Kind::Disk
    }

    /// Whether a newer one takes the place of an older one, without that being well again.
    #[must_use]
    pub fn replaces_its_like(self) -> bool {
        matches!(self, Kind::Deploy | Kind::Restore | Kind::Rows)
    }

    /// Whether it tells of a run that has ended: a person can mark it as seen, however grave it is.
    #[must_use]
    pub fn is_of_a_run(self) -> bool {
        matches!(self, Kind::Deploy | Kind::Restore)
    }

    /// What is said when it is well again.
    #[must_use]
    pub fn well(self) -> &'static str {
        match self {
            Kind::Live => "the app runs again",
            Kind::Route => "requests reach the app again",
            Kind::Crashing => "the app no longer crashes",
            Kind::Failing => "the app answers without errors again",
            Kind::Release => "a release is live",
            Kind::Deploy => "the last run went well",
            Kind::Restore => "the last run went well",
            Kind::Health => "the health check is well again",
            Kind::Snapshot => "the nightly snapshot is well again",
            Kind::Folder => "the backups folder is in order again",
            Kind::Clock => "the snapshots' dates are right again",
            Kind::Copy => "the laptop's copy is whole again",
            Kind::Check => "what people see passes again",
            Kind::Reach => "the app's address answers again",
            Kind::Rows => "the newest night lost no rows",
            Kind::Disk => "the disk has room again",
            Kind::Pull => "no pull is overdue any more",
            Kind::Elsewhere => "there is a copy on another machine",
            Kind::Content => "all rows keep the app's rules again",
            Kind::Drill => "the restore drill is well again",
        }
    }
}

/// How grave a condition is, the gravest last.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know. It stands below everything else, changes no sentence and sends no message.
    Hint,
    /// A person should look at it; nobody notices anything yet. It can be acknowledged.
    Warning,
    /// Something is broken, for the household or for its backups.
    Failure,
}

impl Severity {
    /// As it stands in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Hint => "hint",
            Severity::Warning => "warning",
            Severity::Failure => "failure",
        }
    }
}

/// What tells one thing that is wrong from all others, for as long as it is. Its text is
/// `<app, or - for the machine>/<kind>/<subject>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which app it concerns; none where it is the machine.
    pub app: Option<AppName>,
    /// What kind of thing.
    pub kind: Kind,
    /// Which of that kind, where there can be several; otherwise empty.
    pub subject: String,
}

impl Key {
    /// The only one of its kind in an app.
    #[must_use]
    pub fn of(app: &AppName, kind: Kind) -> Key {
        Key {
            app: Some(app.clone()),
            kind,
            subject: String::new(),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let app = self.app.as_ref().map_or(MACHINE, AppName::as_str);
        write!(f, "{app}/{}/{}", self.kind.as_str(), self.subject)
    }
}

/// A text is no condition's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a condition's id; `/api/v1/conditions` lists those that there are")]
pub struct BadKey(String);

impl FromStr for Key {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Key, BadKey> {
        let bad = || BadKey(text.to_owned());
        let mut parts = text.splitn(3, '/');
        let (Some(app), Some(kind), Some(subject)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        let app = match app {
            MACHINE => None,
            app => Some(app.parse().map_err(|_| bad())?),
        };
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind);
        Ok(Key {
            app,
            kind: kind.ok_or_else(bad)?,
            subject: subject.to_owned(),
        })
    }
}

/// What to press.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Action {
    /// The words on the button.
    pub label: String,
    /// Whether pressing it acts (a form) or only leads to a page (a link).
    pub acts: bool,
    /// The path on the dashboard.
    pub path: String,
}

impl Action {
    /// A button that leads to a page.
    #[must_use]
    pub fn go(label: impl Into<String>, path: impl Into<String>) -> Action {
        Action {
            label: label.into(),
            acts: false,
            path: path.into(),
        }
    }

    /// A button that acts.
    #[must_use]
    pub fn press(label: impl Into<String>, path: impl Into<String>) -> Action {
        Action {
            acts: true,
            ..Action::go(label, path)
        }
    }
}

/// That a person has seen a condition and can live with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Acknowledgement {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Who, in words.
    pub by: String,
}

/// Something that is wrong now, or worth a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What tells it from all others.
    pub key: Key,
    /// How grave it is.
    pub severity: Severity,
    /// In less than 60 characters: what is wrong, of which app.
    pub title: String,
    /// What is wrong, in one sentence for somebody who does not program.
    pub sentence: String,
    /// What happened, on what, and what to do next, in sentences.
    pub text: String,
    /// The page of the dashboard that shows more.
    pub page: String,
    /// What to press.
    pub action: Action,
    /// Whether the journal has no event of it yet: nobody else finds it.
    pub is_news: bool,
    /// Whether it has lasted long enough for a message. The pages show it at once.
    pub is_lasting: bool,
    /// Since when the journal has known it; `None` in the seconds before it does.
    pub since: Option<Timestamp>,
    /// The person who can live with it. It ends with the condition, and when that gets worse.
    pub acknowledged: Option<Acknowledgement>,
}

impl Condition {
    /// Whether somebody should do something: it is no hint, and nobody has acknowledged it.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        self.severity > Severity::Hint && self.acknowledged.is_none()
    }

    /// Whether a person can acknowledge it: a warning, or the end of a run.
    #[must_use]
    pub fn can_be_acknowledged(&self) -> bool {
        self.since.is_some()
            && (self.severity == Severity::Warning
                || (self.severity > Severity::Hint && self.key.kind.is_of_a_run()))
    }
}

/// What is wrong in a few words, after the name of the app that it concerns.
#[must_use]
pub fn title(app: Option<&AppName>, words: &str) -> String {
    let whole = match app {
        Some(app) => format!("{app}: {words}"),
        None => words.to_owned(),
    };
    if whole.chars().count() <= MAX_TITLE_CHARS {
        return whole;
    }
    let mut cut: String = whole.chars().take(MAX_TITLE_CHARS - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_from_its_own_text() {
        for kind in Kind::ALL {
            for (app, subject) in [
                (None, "/var/lib/a folder"),
                (Some("home"), ""),
                (Some("home"), "8"),
            ] {
                let key = Key {
                    app: app.map(|app| app.parse().unwrap()),
                    kind,
                    subject: subject.to_owned(),
                };
                assert_eq!(key.to_string().parse(), Ok(key));
            }
            let json = serde_json::to_value(kind).unwrap();
            assert_eq!(json, kind.as_str(), "one word everywhere");
        }
        for bad in [
            "",
            "home",
            "home/live",
            "home/nothing/",
            "HOME/live/",
            "/live/",
        ] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    #[test]
    fn all_kinds_are_listed_in_their_order() {
        assert!(Kind::ALL.is_sorted());
    }
}
