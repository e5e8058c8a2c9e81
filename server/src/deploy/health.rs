//! The live colour and its health: whether it is to run, how it is started, and what its probes find. Whoever starts or stops
//! it outside of a deploy's own steps holds the colour lock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify};

use super::{App, live};
use crate::names::{Colour, ReleaseId};
use crate::probe::{self, Expected, Question};
use crate::runtime::{ColourState, Launch};

/// Who may start or stop the live colour.
#[derive(Debug)]
pub(super) struct Health {
    /// Held while the live colour is started or stopped outside of a deploy's own steps.
    colour_lock: Mutex<()>,
    /// Whether the live colour is stopped on purpose, or not begun with yet: nobody starts it then but the run.
    resting: AtomicBool,
    /// Woken when a run has ended: what is live may need somebody to look after it.
    changed: Notify,
}

impl Health {
    /// Of an app that is not begun with yet.
    pub fn new() -> Health {
        Health {
            colour_lock: Mutex::default(),
            resting: AtomicBool::new(true),
            changed: Notify::new(),
        }
    }

    /// Waits until nobody starts or stops the live colour, and keeps it so.
    pub async fn lock_colours(&self) -> MutexGuard<'_, ()> {
        self.colour_lock.lock().await
    }

    /// From now on the live colour is to run, and whoever looks after it is woken.
    pub fn end_rest(&self) {
        self.resting.store(false, Ordering::Release);
        self.changed.notify_one();
    }

    /// Waits until a run has ended.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

impl App {
    /// The colour that is to run, with its release and how it stands; `None` while a run has stopped it on
    /// purpose, and before the first deploy.
    pub(super) async fn wanted(&self) -> Option<(Colour, ReleaseId, ColourState)> {
        let live = self.router.live().await.ok()?;
        let release = self.releases.of_colour(live)?;
        let state = self.runtime.state(live).await;
        (!self.health.resting.load(Ordering::Acquire)).then_some((live, release, state))
    }

    /// Stops both colours for a run, which starts the live one again or gives its turn back.
    ///
    /// # Errors
    /// One can't be stopped.
    pub(super) async fn stop_both_colours(&self) -> anyhow::Result<()> {
        self.end_warmth();
        // Whoever is just starting the live colour again has finished, and begins no more.
        let _lock = self.health.lock_colours().await;
        self.health.resting.store(true, Ordering::Release);
        for colour in Colour::BOTH {
            self.router.forget(colour).await;
            self.runtime.stop(colour).await?;
        }
        Ok(())
    }

    /// Waits until a colour that was started is healthy; returns how long that took.
    ///
    /// # Errors
    /// It is not, in words.
    pub(super) async fn await_healthy(
        &self,
        colour: Colour,
        release: &ReleaseId,
    ) -> Result<Duration, String> {
        let at = self.runtime.address(colour);
        let expected = Expected {
            question: &Question::of_health(at, &self.config.health),
            release,
        };
        let within = self.config.health.within;
        let found = probe::await_healthy(&*self.runtime, colour, &expected, within).await;
        if found.is_ok() && self.router.live().await.is_ok_and(|live| live == colour) {
            self.set_ailment(None);
        }
        found
    }

    /// What a colour is started with.
    pub(super) fn launch_of(&self, colour: Colour, release: ReleaseId) -> Launch {
        Launch {
            release,
            directory: self.releases.colour_path(colour),
            live_file: live::live_file(&self.folder, colour),
        }
    }

    /// New requests go to a colour from now on, and its live file says so.
    pub(super) async fn swap_to(&self, to: Colour) -> anyhow::Result<()> {
        live::mark_live(&self.folder, to)?;
        self.router.swap(to).await?;
        self.set_ailment(None);
        live::unmark_live(&self.folder, to.other())?;
        Ok(())
    }

    /// Notes which schema the database has now that this release runs on it.
    pub(super) async fn note_schema(&self, release: &ReleaseId) {
        match self.data.schema_hash().await {
            Ok(Some(hash)) => {
                if let Err(error) = self
                    .journal
                    .note_schema(self.name().clone(), release.clone(), hash)
                    .await
                {
                    tracing::error!("{error:#}");
                }
            }
            Ok(None) => {}
            // A restore is then refused for want of this knowledge, which is the safe side.
            Err(error) => {
                tracing::warn!(app = %self.name(), "the schema of {release} is not known: {error:#}")
            }
        }
    }
}
