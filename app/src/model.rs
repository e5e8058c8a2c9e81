//! What a page is a function of: plain values, no I/O. Whoever serves the pages fills these in;
//! whoever draws them needs nothing else.
//!
//! Instants are [`Timestamp`]s, sizes are bytes, spans are [`Duration`]s: wording is the page's business.
//! Each text field is plain text; the pages escape it.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};

mod account;
mod backups;
mod checks;
mod deploys;
mod journal;
mod overview;

pub use account::{Account, Session, SignIn, Token, Welcome};
pub use backups::{
    Backups, ConfirmRestore, ConfirmUndo, Drill, Drills, FailedNight, HeldNight, Laptop, Pull,
    Reason, Reuse, Room, Snapshot, Tier, UndoOffer,
};
pub use checks::{
    Accepted, Check, CheckBrief, CheckOutcome, CheckPage, CheckTarget, Checks, Finding,
};
pub use deploys::{
    ConfirmDeploy, ConfirmRollback, Deploys, LiveRelease, PreviousRelease, Release, ReleaseRole,
    Run, RunKind, RunOutcome, RunPage, Step, StepState,
};
pub use journal::{Event, Journal, Severity};
pub use overview::{
    Action, AppCard, ColourState, ColourView, Condition, ConditionSeverity, Method, NextRun,
    Overview, SnapshotBrief, Traffic, Verdict, VerdictKind,
};

use crate::assets::AssetUrls;

/// What every page knows besides its own content.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The instant that "3 minutes ago" is reckoned from.
    pub now: Timestamp,
    /// The zone that dates and times of day are shown in.
    pub zone: TimeZone,
    /// The path (and query) of the page that is shown: it marks the place in the navigation.
    pub path: String,
    /// Whether somebody is signed in; without, there is no navigation.
    pub signed_in: bool,
    /// Where the style sheet, the script and the icon are: [`AssetUrls::default`] when served.
    pub assets: AssetUrls,
    /// The names of all apps, in the order of the navigation.
    pub apps: Vec<String>,
    /// What the last form did, shown once at the top.
    pub notice: Option<Notice>,
    /// Whether the page comes over HTTPS: only then is the service worker registered.
    pub https: bool,
}

/// One sentence about what just happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How it ended.
    pub kind: NoticeKind,
    /// The sentence.
    pub text: String,
}

/// How the thing ended that a notice tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// It was done.
    Good,
    /// It was refused or failed.
    Bad,
    /// Something to know.
    Info,
}

/// One of an app's two slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// The slot that a new app starts on.
    Blue,
    /// The other one.
    Green,
}

impl Colour {
    /// `blue` or `green`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Colour::Blue => "blue",
            Colour::Green => "green",
        }
    }
}

/// Every page that there is.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a page is made once, to be drawn"
)]
pub enum Page {
    /// `GET /`
    Overview(Overview),
    /// `GET /sign-in`
    SignIn(SignIn),
    /// `GET /welcome/{token}`
    Welcome(Welcome),
    /// `GET /apps/{app}/backups`
    Backups(Box<Backups>),
    /// `GET /apps/{app}/snapshots/{id}/restore`
    Restore(ConfirmRestore),
    /// `GET /apps/{app}/undo`
    Undo(ConfirmUndo),
    /// `GET /apps/{app}/deploys`
    Deploys(Deploys),
    /// `GET /apps/{app}/deploys/{release}`
    Deploy(ConfirmDeploy),
    /// `GET /apps/{app}/rollback`
    Rollback(ConfirmRollback),
    /// `GET /apps/{app}/runs/{id}`
    Run(RunPage),
    /// `GET /apps/{app}/checks`
    Checks(Checks),
    /// `GET /apps/{app}/checks/{id}`
    Check(CheckPage),
    /// `GET /journal`
    Journal(Journal),
    /// `GET /account`
    Account(Account),
    /// Whatever could not be shown or done.
    Error(ErrorPage),
}

/// Why there is no page, or why a form was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorPage {
    /// 404: nothing is there.
    NotFound,
    /// 403: the form came from another site.
    CrossSite,
    /// 409: it can't be done now; the sentence says why and what to do instead.
    Refused {
        /// Why, as a whole sentence.
        sentence: String,
    },
    /// 429: too many wrong passwords.
    TooManyTries {
        /// How long until the next try is heard.
        wait: Duration,
    },
    /// 500: a fault of Tealkeep's own, or of something that it needs.
    Broken {
        /// What failed, as far as it may be shown.
        sentence: String,
    },
}
