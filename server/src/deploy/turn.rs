//! One run of an app at a time: only the holder of its turn may change what is live.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use super::{App, Refusal, Underway};
use crate::clock::seconds;
use crate::journal::runs::Kind;

/// How long a run waits for the one before to give its turn back, before it is refused.
const TURN_PATIENCE: Duration = Duration::from_millis(500);

/// The right to change what is live; when it is dropped, the next one may.
pub(super) struct Turn {
    app: Arc<App>,
    _guard: OwnedMutexGuard<()>,
}

impl Turn {
    pub fn of(app: Arc<App>, guard: OwnedMutexGuard<()>) -> Turn {
        Turn { app, _guard: guard }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.app.set_underway(None);
        self.app.control.end_rest();
        self.app.journal.touch();
    }
}

impl App {
    /// A run that has just said that it is done gives its turn back an instant later: that much is waited for.
    pub(super) async fn take_turn(
        self: &Arc<Self>,
        kind: Kind,
        subject: String,
    ) -> Result<Turn, Refusal> {
        let now = Timestamp::now();
        let turn = tokio::time::timeout(TURN_PATIENCE, self.turns.take()).await;
        match (turn, self.underway()) {
            (Ok(guard), _) => {
                self.set_underway(Some(Underway {
                    run: 0,
                    kind,
                    subject,
                    since: now,
                    output: Vec::new(),
                }));
                Ok(Turn::of(self.clone(), guard))
            }
            (Err(_), Some(underway)) => {
                let age = Timestamp::now().duration_since(underway.since);
                Err(Refusal::Busy {
                    app: self.name().clone(),
                    age: seconds(Duration::try_from(age).unwrap_or_default()),
                    underway,
                })
            }
            (Err(_), None) => Err(Refusal::Impossible(format!(
                "{} is busy for a moment, starting or stopping a colour; try again",
                self.name()
            ))),
        }
    }
}
