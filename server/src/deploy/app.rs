//! One supervised app: its parts, and what pages show of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::colour_control::ColourControl;
use super::data::Data;
use super::release::Releases;
use super::status::{AppStatus, Printed, Underway};
use super::turns::Turns;
use super::warm_timer::WarmTimer;
use crate::config::AppConfig;
use crate::house::observed::{Observations, Observed};
use crate::journal::runs::RunId;
use crate::journal::{Journal, NewEvent, Severity};
use crate::names::{AppName, Colour};
use crate::router::Router;
use crate::runtime::Runtime;

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
    pub(super) turns: Turns,
    /// Who may start and stop the live colour.
    pub(super) control: ColourControl,
    /// When the warm old colour is stopped.
    pub(super) warm_timer: WarmTimer,
    /// What is known of how it does.
    pub(super) observed: Arc<Observed>,
    /// What is shown.
    pub(super) status: watch::Sender<AppStatus>,
    /// Held while what people see is checked.
    pub(super) checking: Mutex<()>,
    /// Held while a drill is under way; since when the last one's end could not be written down, if it could not.
    pub(super) drilling: Mutex<Option<Instant>>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
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
            control: ColourControl::new(),
            warm_timer: WarmTimer::default(),
            observed: Arc::default(),
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

    /// How the app does, as far as that is known: its requests, its crashes, its health.
    ///
    /// # Errors
    /// Which colour is live can't be told.
    pub async fn observations(&self) -> anyhow::Result<Observations> {
        let live = self.router.live().await?;
        let (router, clock) = (&*self.router, self.data.clock());
        Ok(self.observed.now(live, router, clock).await)
    }

    /// Writes down what was counted of each date since this was last called: with the night's work, and at the end.
    pub async fn write_traffic_days(&self) {
        self.observed.look(&*self.router, self.data.clock()).await;
        if let Err(error) = self.observed.write_days(self.name(), &self.journal).await {
            tracing::error!(app = %self.name(), "the requests of the last days could not be noted: {error:#}");
        }
    }

    pub(super) async fn note(&self, severity: Severity, text: String) {
        self.journal
            .note(NewEvent::new(severity, text).of(self.name()))
            .await;
    }
}

/// What is shown of it.
impl App {
    /// What is shown of it, now and whenever it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<AppStatus> {
        self.status.subscribe()
    }

    /// The run under way, if one is.
    #[must_use]
    pub fn underway(&self) -> Option<Underway> {
        self.status.borrow().underway_with_output()
    }

    /// What a run's preparation has printed; nothing where that is another run's.
    #[must_use]
    pub fn printed(&self, run: RunId) -> Printed {
        self.status.borrow().printed_by(run)
    }

    /// The colour that is kept warm, and until when.
    #[must_use]
    pub fn warm(&self) -> Option<(Colour, Timestamp)> {
        self.status.borrow().warm
    }

    /// What is wrong with the live colour, in words, if something is.
    #[must_use]
    pub fn unhealthy_reason(&self) -> Option<String> {
        self.status.borrow().unhealthy_reason.clone()
    }

    /// What is wrong with the way to the live colour, in words, as the router was last proved.
    #[must_use]
    pub fn misrouted_reason(&self) -> Option<String> {
        self.status.borrow().misrouted_reason.clone()
    }

    /// How often a colour was restarted after it had ended by itself.
    #[must_use]
    pub fn restarts(&self, colour: Colour) -> u32 {
        let own = self.status.borrow().restarts[colour as usize];
        // Where both look after a colour, both count the same ends.
        own.max(self.runtime.restarts(colour).unwrap_or_default())
    }

    pub(super) fn set_underway(&self, underway: Option<Underway>) {
        self.status.send_modify(|status| status.underway = underway);
    }

    /// Keeps a line that a run's preparation printed.
    pub(super) fn print_line(&self, run: RunId, line: String) {
        self.status
            .send_modify(|status| status.printed.push(run, line));
    }

    pub(super) fn set_unhealthy_reason(&self, wrong: Option<String>) {
        self.status
            .send_modify(|status| status.unhealthy_reason = wrong);
    }

    /// Proves the router by a request that takes a user's way, and keeps what was found for [`App::misrouted_reason`].
    pub(super) async fn prove_router(&self) -> Result<(), String> {
        let proved = self.router.prove().await;
        let wrong = proved.clone().err();
        self.status
            .send_modify(|status| status.misrouted_reason = wrong);
        proved
    }

    /// Counts a restart of a colour by Tealkeep.
    pub(super) fn count_restart(&self, colour: Colour) {
        self.status
            .send_modify(|status| status.restarts[colour as usize] += 1);
    }
}
