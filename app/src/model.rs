//! The values that pages are drawn from. The server fills them in; the pages need nothing else.
//!
//! Instants are [`Timestamp`]s, sizes are bytes, durations are [`Duration`]s: the pages word them.
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
    Backups, ConfirmRestore, ConfirmUndo, DiskSpace, Drill, Drills, FailedNight, Laptop, Nightly,
    Pull, Retention, Reuse, Snapshot, SnapshotBrief, UndoOffer,
};
pub use checks::{
    Accepted, Check, CheckBrief, CheckOutcome, CheckPage, CheckTarget, Checks, Finding,
};
pub use deploys::{
    ConfirmDeploy, ConfirmRollback, Deploys, LiveRelease, PreviousRelease, Release, ReleaseRole,
    Run, RunPage, RunStep,
};
pub use journal::{Event, Journal, Severity};
pub use overview::{AppCard, ColourState, ColourView, Overview, Traffic, Verdict, VerdictKind};

use crate::assets::AssetUrls;

/// What every page needs besides its own content.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The instant that "3 minutes ago" is relative to.
    pub now: Timestamp,
    /// The time zone of dates and times of day.
    pub zone: TimeZone,
    /// The path and query of the page; it selects the entry in the navigation.
    pub path: String,
    /// Whether somebody is signed in. Without, there is no navigation.
    pub signed_in: bool,
    /// The URLs of the style sheet, the script and the icons: [`AssetUrls::default`] when served.
    pub assets: AssetUrls,
    /// The names of all apps, in the order of the navigation.
    pub apps: Vec<String>,
    /// The result of the last form, shown once at the top.
    pub notice: Option<Notice>,
    /// Whether the page is served over HTTPS: only then is the service worker registered.
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

/// How the action ended that a notice reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// It was done.
    Good,
    /// It was refused or failed.
    Bad,
    /// Information only.
    Info,
}

/// Every page that exists.
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
    /// Anything that could not be shown or done.
    Error(ErrorPage),
}

/// Why there is no page, or why a form was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorPage {
    /// 404: there is no such page.
    NotFound,
    /// 403: the form came from another site.
    CrossSite,
    /// 409: it can't be done now.
    Refused {
        /// Why, and what to do instead, as a whole sentence.
        sentence: String,
    },
    /// 429: too many wrong passwords.
    TooManyTries {
        /// How long until the next attempt is allowed.
        wait: Duration,
    },
    /// 500: Tealkeep, or something that it needs, failed.
    Broken {
        /// What failed, as far as it may be shown.
        sentence: String,
    },
}
