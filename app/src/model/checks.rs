//! The checks of an app: the newest of each kind, the earlier ones, and the accepted findings.

use std::time::Duration;

use jiff::Timestamp;
use tealkeep_words::finding::{self, Kind, Policy, Verdict};

/// `GET /apps/{app}/checks`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// The app's name.
    pub app: String,
    /// The public address that is checked automatically; `None` if the configuration names none.
    pub url: Option<String>,
    /// When it is checked next.
    pub next: Option<Timestamp>,
    /// Whether a check is running.
    pub checking: bool,
    /// The newest check of the live site.
    pub public: Option<Check>,
    /// The newest check of a release before its swap.
    pub before_swap: Option<Check>,
    /// All kept checks, newest first, including those two.
    pub history: Vec<CheckBrief>,
    /// The accepted findings, newest first, without the revoked ones.
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

/// One check with its findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was checked, when, and the result.
    pub brief: CheckBrief,
    /// What was looked at, as a sentence that follows "Checked"; `None` if there was no answer.
    pub seen: Option<String>,
    /// The findings, the gravest first.
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
    /// What was checked.
    pub target: CheckTarget,
    /// The release that was checked, if known.
    pub release: Option<String>,
    /// The run that it belongs to.
    pub run: Option<u64>,
    /// The result, not counting accepted findings.
    pub outcome: CheckOutcome,
    /// The number of findings that fail, without the accepted ones.
    pub fails: usize,
    /// The number of findings that warn, without the accepted ones.
    pub warns: usize,
    /// The number of accepted findings.
    pub accepted: usize,
}

/// What was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckTarget {
    /// The idle colour, before a swap.
    BeforeSwap,
    /// The public address.
    Public {
        /// That address.
        url: String,
    },
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The site answered and was judged.
    Judged(Verdict),
    /// The site did not answer.
    Unreachable {
        /// Why, in words that continue "the address …".
        why: String,
    },
}

/// A finding, and whether somebody accepted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The finding itself.
    pub finding: finding::Finding,
    /// Who accepted it, if somebody did.
    pub accepted: Option<Accepted>,
}

/// An accepted finding: it is shown but does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its number.
    pub id: u64,
    /// The policy.
    pub policy: Policy,
    /// The kind of finding; `None` for every kind of the policy.
    pub kind: Option<Kind>,
    /// The address, or a pattern in which `*` stands for any characters.
    pub url: String,
    /// Whether `url` is a pattern.
    pub is_pattern: bool,
    /// Who accepted it: "the dashboard", "the token laptop", …
    pub by: String,
    /// The reason that this person gave.
    pub why: String,
    /// When.
    pub at: Timestamp,
}
