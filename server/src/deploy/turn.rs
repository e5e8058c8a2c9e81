//! One run of an app at a time: whoever holds its turn may change what is live.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::data::{Data, Quiet};
use super::step::Kind;
use super::{App, Refusal, Underway, seconds};

/// How long a run waits for the one before to give its turn back, before it is refused.
const TURN_PATIENCE: Duration = Duration::from_millis(500);

/// The turn of an app.
#[derive(Debug, Default)]
pub(super) struct Turns {
    lock: Arc<Mutex<()>>,
    /// What belongs to a run that was cut off, until that goes on or is taken back.
    reserved: std::sync::Mutex<Option<Reserved>>,
}

/// What a run that was cut off gets back before anybody else can have it: its turn, and the right to take a snapshot
/// with the app stopped and wait for nobody's.
#[derive(Debug)]
struct Reserved {
    turn: OwnedMutexGuard<()>,
    quiet: Quiet,
}

impl Turns {
    /// Keeps the turn, and the right to take snapshots, for a run that was cut off, where nobody has them yet.
    pub fn reserve(&self, data: &Data) {
        if let Some(turn) = self.try_take()
            && let Some(quiet) = data.quiet_now()
        {
            *self.reserved() = Some(Reserved { turn, quiet });
        }
    }

    /// What was kept, or the turn as soon as it is free.
    pub async fn reclaim(&self) -> (OwnedMutexGuard<()>, Option<Quiet>) {
        let reserved = self.reserved().take();
        match reserved {
            Some(Reserved { turn, quiet }) => (turn, Some(quiet)),
            None => (self.take().await, None),
        }
    }

    /// The turn as soon as it is free.
    pub async fn take(&self) -> OwnedMutexGuard<()> {
        self.lock.clone().lock_owned().await
    }

    /// The turn, if it is free.
    pub fn try_take(&self) -> Option<OwnedMutexGuard<()>> {
        self.lock.clone().try_lock_owned().ok()
    }

    fn reserved(&self) -> MutexGuard<'_, Option<Reserved>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
        self.app.health.end_rest();
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
