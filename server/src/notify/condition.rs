//! What can be wrong at home, as a closed set, and what tells one thing that is wrong from another.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::journal::Severity;
use crate::names::AppName;

/// How many characters a title has at most: what a phone shows without cutting.
const TITLE_CHARS: usize = 59;

/// What kind of thing is wrong.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A night's snapshot failed, or did not happen.
    Snapshot,
    /// A table lost many of its rows in the newest night.
    Rows,
    /// The newest restore drill failed, or warned.
    Drill,
    /// No laptop has pulled for too long.
    Pull,
    /// A laptop found snapshots that are not whole.
    Copy,
    /// A disk is nearly full.
    Disk,
    /// A deploy was refused, failed or was taken back.
    Deploy,
    /// What people see fails a policy.
    Check,
    /// The live colour does not run or does not answer.
    Live,
}

impl Kind {
    /// Whether a newer one takes the place of an older one, without that being well again.
    #[must_use]
    pub fn replaces_its_like(self) -> bool {
        matches!(self, Kind::Deploy | Kind::Rows)
    }

    /// What is said when it is well again.
    pub(super) fn well(self) -> &'static str {
        match self {
            Kind::Snapshot => "the nightly snapshot is well again",
            Kind::Rows => "the newest night lost no rows",
            Kind::Drill => "the restore drill is well again",
            Kind::Pull => "no pull is overdue any more",
            Kind::Copy => "the laptop's copy is whole again",
            Kind::Disk => "the disk has room again",
            Kind::Deploy => "a release went live",
            Kind::Check => "what people see passes again",
            Kind::Live => "the app runs again",
        }
    }
}

/// What tells one thing that is wrong from all others, for as long as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

/// Something that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// How grave it is.
    pub severity: Severity,
    /// In less than 60 characters: what is wrong, of which app.
    pub title: String,
    /// What happened, on what, and what to do next, in sentences.
    pub text: String,
    /// Where the dashboard shows it, if it is known by which name that is reached.
    pub link: Option<String>,
    /// Whether the journal has no event of it yet: nobody but this module finds it.
    pub is_news: bool,
}

/// All that is wrong now, and what can't be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assessment {
    /// What is wrong.
    pub wrong: BTreeMap<Key, Condition>,
    /// What can't be told: it stays as it was.
    pub unknown: BTreeSet<Key>,
}

/// What is wrong in a few words, after the name of the app that it concerns.
#[must_use]
pub fn title(app: Option<&AppName>, words: &str) -> String {
    let whole = match app {
        Some(app) => format!("{app}: {words}"),
        None => words.to_owned(),
    };
    if whole.chars().count() <= TITLE_CHARS {
        return whole;
    }
    let mut cut: String = whole.chars().take(TITLE_CHARS - 1).collect();
    cut.push('…');
    cut
}
