//! What can be wrong at home: plain data. A closed set of kinds, the key that tells one condition from another, how
//! severe it is, and its text on a page and in a message.

mod kind;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::AppName;

pub use kind::Kind;

/// How many characters a title has at most: what a phone shows without cutting.
const MAX_TITLE_CHARS: usize = 59;
/// Stands in a key's text for the machine, where another key has the name of an app.
const MACHINE: &str = "-";

/// How severe a condition is, the most severe last.
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
    /// Its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Hint => "hint",
            Severity::Warning => "warning",
            Severity::Failure => "failure",
        }
    }
}

/// Identifies one condition for as long as it lasts. Its text is
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

/// A button.
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

/// A person's acknowledgement of a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Acknowledgement {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The person, in words.
    pub by: String,
}

/// Something that is wrong now, or worth a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its identity.
    pub key: Key,
    /// How severe it is.
    pub severity: Severity,
    /// In less than 60 characters: what is wrong, of which app.
    pub title: String,
    /// What is wrong, in one sentence for somebody who does not program.
    pub sentence: String,
    /// What happened, on what, and what to do next, in sentences.
    pub text: String,
    /// The page of the dashboard that shows more.
    pub page: String,
    /// The button.
    pub action: Action,
    /// Whether the journal has no event of it yet: nobody else finds it.
    pub is_news: bool,
    /// Whether it has lasted long enough for a message. The pages show it at once.
    pub is_lasting: bool,
    /// Since when the journal has known it; `None` in the seconds before it does.
    pub since: Option<Timestamp>,
    /// The person who acknowledged it. It ends with the condition, and when that gets worse.
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
