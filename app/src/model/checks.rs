//! What the policies found in an app: the newest check of each kind, the ones before, and what was accepted.

use std::time::Duration;

use jiff::Timestamp;

/// `GET /apps/{app}/checks`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// The app's name.
    pub app: String,
    /// The public address that is checked by itself; `None` where the configuration names none.
    pub url: Option<String>,
    /// When it is checked again by itself.
    pub next: Option<Timestamp>,
    /// Whether one is under way now.
    pub checking: bool,
    /// The newest check of what users see.
    pub public: Option<Check>,
    /// The newest check of a release before its swap.
    pub before_swap: Option<Check>,
    /// All kept checks, newest first, those two included.
    pub history: Vec<CheckBrief>,
    /// The findings that a person accepted and did not take back, newest first.
    pub accepted: Vec<Accepted>,
}

/// `GET /apps/{app}/checks/{id}`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckPage {
    /// The app's name.
    pub app: String,
    /// The check.
    pub check: Check,
}

/// One check with all that it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it was, when, and what it came to.
    pub brief: CheckBrief,
    /// What it looked at, as a sentence; `None` where there was no answer.
    pub seen: Option<String>,
    /// What it found, the gravest first; accepted ones included.
    pub findings: Vec<Finding>,
}

/// One check in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckBrief {
    /// Its number.
    pub id: u64,
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What was asked.
    pub target: CheckTarget,
    /// The release that was checked, where it is known.
    pub release: Option<String>,
    /// The run that it belongs to.
    pub run: Option<u64>,
    /// What it came to, accepted findings left out.
    pub outcome: CheckOutcome,
    /// How many findings count, and fail.
    pub fails: usize,
    /// How many count, and warn.
    pub warns: usize,
    /// How many were accepted by a person.
    pub accepted: usize,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckTarget {
    /// The idle colour, before a swap.
    BeforeSwap,
    /// The public address.
    Public {
        /// That.
        url: String,
    },
}

/// What a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    /// Nothing was found.
    Pass,
    /// Nothing grave was found.
    Warn,
    /// A deploy of this is stopped.
    Fail,
    /// There was no answer: why, in words that continue "the address …".
    Unreachable {
        /// Why.
        why: String,
    },
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `html-cache`, `asset-cache` or `service-worker`.
    pub policy: String,
    /// What exactly: `caches-html`, …
    pub kind: String,
    /// Whether it fails; otherwise it warns.
    pub fails: bool,
    /// What it is about.
    pub url: String,
    /// What was seen: lines of text.
    pub evidence: String,
    /// What to change: lines of text.
    pub advice: String,
    /// Who accepted it, if somebody did.
    pub accepted: Option<Accepted>,
}

/// A finding that a person accepted: it is shown, and counts for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its number.
    pub id: u64,
    /// As in [`Finding::policy`].
    pub policy: String,
    /// As in [`Finding::kind`]; `*` for every kind of the policy.
    pub kind: String,
    /// As in [`Finding::url`], or a pattern in which `*` stands for any characters.
    pub url: String,
    /// Whether it is a pattern.
    pub is_pattern: bool,
    /// Who: "the dashboard", "the token laptop", …
    pub by: String,
    /// Why, in that person's words.
    pub why: String,
    /// When.
    pub at: Timestamp,
}
