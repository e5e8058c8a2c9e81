//! Deploys, rollbacks, restores and undos of one app: one machine, one run at a time. [`App`] is what everything else asks;
//! what it does is in the files below.
//!
//! # Locks
//!
//! Whoever needs more than one takes them in this order:
//!
//! 1. the app's turn (`turn`), which a run holds from its beginning to its end;
//! 2. the right to take a snapshot (`data::Quiet`), which a restore holds on top of it;
//! 3. the colour lock (`health`), held while the live colour is started or stopped outside of a deploy's own steps.
//!
//! A check and a drill each hold a lock of their own, under which none of these is taken. What is shown is one
//! [`AppStatus`], which is changed and looked at without waiting for anybody.

pub use crate::clock::seconds;

mod adoptions;
mod backups;
mod boot;
mod checks;
pub mod data;
mod drills;
mod health;
mod kinds;
pub mod live;
pub mod release;
mod requests;
mod runner;
mod schema;
mod status;
pub mod targets;
mod turn;
mod upkeep;
pub mod verdict;
mod warm;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::AppConfig;
use crate::journal::runs::RunFacts;
use crate::journal::{Journal, NewEvent, Severity};
use crate::names::{AppName, Colour};
use crate::router::Router;
use crate::runtime::Runtime;
use data::Data;
use health::Health;
use release::Releases;
use turn::Turns;
use warm::WarmTimer;

/// The kinds of runs and their steps.
pub mod step {
    pub use tealkeep_words::run::{Kind, Step};
}

pub use requests::Refusal;
pub use status::{AppStatus, Printed, Underway};

/// How many of the newest runs are looked through for the release to go back to.
const RUNS_LOOKED_AT: u32 = 50;

/// One supervised app: its parts, and the machine that changes it.
pub struct App {
    /// Its section of the configuration.
    pub config: AppConfig,
    /// The record of what happened.
    pub journal: Journal,
    /// What starts and stops its colours.
    pub runtime: Arc<dyn Runtime>,
    /// What its users' requests go through.
    pub router: Arc<dyn Router>,
    /// Its releases.
    pub releases: Releases,
    /// Its database and its snapshots.
    pub data: Data,
    /// `<state>/apps/<app>`
    pub folder: PathBuf,
    /// Whose turn it is to change what is live.
    turns: Turns,
    /// Who may start and stop the live colour.
    health: Health,
    /// When the warm old colour is stopped.
    warm_timer: WarmTimer,
    /// What is shown.
    status: watch::Sender<AppStatus>,
    /// Held while what people see is checked.
    checking: Mutex<()>,
    /// Held while a drill is under way; since when the last one's end could not be written down, if it could not.
    drilling: Mutex<Option<Instant>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The parts that [`App::new`] puts together.
pub struct Parts {
    /// Its section of the configuration.
    pub config: AppConfig,
    /// The record of what happened.
    pub journal: Journal,
    /// What starts and stops its colours.
    pub runtime: Arc<dyn Runtime>,
    /// What its users' requests go through.
    pub router: Arc<dyn Router>,
    /// Its database and its snapshots.
    pub data: Data,
    /// `<state>/apps/<app>`
    pub folder: PathBuf,
    /// Where its tasks are counted.
    pub tasks: TaskTracker,
    /// Ends them.
    pub stop: CancellationToken,
}

impl App {
    /// Puts the parts together; nothing runs yet.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<App> {
        let Parts {
            config,
            journal,
            runtime,
            router,
            data,
            folder,
            tasks,
            stop,
        } = parts;
        let releases = Releases::new(config.releases.clone());
        Arc::new(App {
            config,
            journal,
            runtime,
            router,
            releases,
            data,
            folder,
            turns: Turns::default(),
            health: Health::new(),
            warm_timer: WarmTimer::default(),
            status: watch::Sender::default(),
            checking: Mutex::default(),
            drilling: Mutex::default(),
            tasks,
            stop,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &AppName {
        &self.config.name
    }

    /// Stops both colours, at the end of a supervisor whose children they are; others go on.
    pub async fn stop_colours(&self) {
        for colour in Colour::BOTH {
            if let Err(error) = self.runtime.leave(colour).await {
                tracing::error!(app = %self.name(), "{error:#}");
            }
        }
    }

    async fn note(&self, severity: Severity, text: String) {
        self.journal
            .note(NewEvent::new(severity, text).of(self.name()))
            .await;
    }
}

/// What a run is about, as it stands in sentences.
#[must_use]
pub fn subject(facts: &RunFacts) -> String {
    facts.snapshot.map_or_else(
        || facts.release.to_string(),
        |snapshot| snapshot.to_string(),
    )
}
