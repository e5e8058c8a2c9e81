//! The live colour: whether it is to run, how it is started, and what its probes find.

use std::time::Duration;

use super::App;
use super::startup::{self, Expected};
use crate::names::{Colour, ReleaseId};
use crate::probe::Question;
use crate::runtime::{ColourState, Launch, live};

impl App {
    /// The colour that is to run, with its release and how it stands; `None` while a run has stopped it on
    /// purpose, and before the first deploy.
    pub(super) async fn wanted(&self) -> Option<(Colour, ReleaseId, ColourState)> {
        let live = self.router.live().await.ok()?;
        let release = self.releases.of_colour(live)?;
        let state = self.runtime.state(live).await;
        (!self.control.is_resting()).then_some((live, release, state))
    }

    /// Stops both colours for a run, which starts the live one again or gives its turn back.
    ///
    /// # Errors
    /// One can't be stopped.
    pub(super) async fn stop_both_colours(&self) -> anyhow::Result<()> {
        self.end_warmth();
        // Whoever is just starting the live colour again has finished, and begins no more.
        let _lock = self.control.lock_colours().await;
        self.control.rest();
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
        let found = startup::await_healthy(&*self.runtime, colour, &expected, within).await;
        if found.is_ok() && self.router.live().await.is_ok_and(|live| live == colour) {
            self.set_unhealthy_reason(None);
        }
        // A start migrates the data that the live colour works on.
        self.observed.ask_soon();
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
        self.set_unhealthy_reason(None);
        self.observed
            .begin(to, &*self.router, self.data.clock())
            .await;
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
