//! Keeps the old colour warm for a while after a swap, so that a rollback is instant, and then stops it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::App;
use super::targets::{self, RUNS_LOOKED_AT};
use crate::journal::Severity;
use crate::names::Colour;
use crate::runtime::ColourState;

impl App {
    /// Goes on keeping an idle colour warm after a start of Tealkeep: for what is left of `keep_warm` since the run
    /// that made it idle.
    pub(super) async fn keep_warm_on(self: &Arc<Self>, colour: Colour) {
        let runs = self.journal.runs(self.name().clone(), RUNS_LOOKED_AT).await;
        let runs = runs.unwrap_or_else(|error| {
            // It is kept for the whole time then, which does no harm.
            tracing::warn!(app = %self.name(), "since when {colour} is kept warm is not known: {error:#}");
            Vec::new()
        });
        let (keep, since) = (
            self.config.deploy.keep_warm,
            targets::idle_since(&runs, colour),
        );
        let left = targets::left_of(keep, since, Timestamp::now());
        self.keep_warm_for(colour, left).await;
    }

    /// Lets an idle colour run on for `keep_warm`, then stops it.
    pub(super) async fn keep_warm(self: &Arc<Self>, colour: Colour) {
        self.keep_warm_for(colour, self.config.deploy.keep_warm)
            .await;
    }

    async fn keep_warm_for(self: &Arc<Self>, colour: Colour, keep: Duration) {
        self.end_warmth();
        if !matches!(
            self.runtime.state(colour).await,
            ColourState::Running { .. }
        ) {
            return;
        }
        let until = Timestamp::now() + jiff::SignedDuration::try_from(keep).unwrap_or_default();
        let cancel = self.stop.child_token();
        self.warm_timer.replace(Some(cancel.clone()));
        self.status
            .send_modify(|status| status.warm = Some((colour, until)));
        let app = self.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(keep) => {}
            }
            // A run that begins in this instant has cancelled the token before it touches the colour.
            let turn = tokio::select! {
                () = cancel.cancelled() => return,
                turn = app.turns.take() => turn,
            };
            if cancel.is_cancelled() || app.router.live().await.is_ok_and(|live| live == colour) {
                return;
            }
            app.cool(colour).await;
            drop(turn);
        });
    }

    /// Stops an idle colour that is not needed any more.
    pub(super) async fn cool(&self, colour: Colour) {
        self.router.forget(colour).await;
        let (severity, text) = match self.runtime.stop(colour).await {
            Ok(()) => (
                Severity::Info,
                format!("The old colour {colour} was stopped; a rollback starts it again."),
            ),
            Err(error) => (
                Severity::Warning,
                format!("The old colour {colour} could not be stopped: {error:#}."),
            ),
        };
        self.note(severity, text).await;
        self.end_warmth();
    }

    /// Nothing is kept warm any more; what runs does so for another reason, or is about to be stopped.
    pub(super) fn end_warmth(&self) {
        self.warm_timer.replace(None);
        self.status.send_modify(|status| status.warm = None);
    }
}
