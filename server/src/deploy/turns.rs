//! The turn of an app, which a run holds from its beginning to its end. A run that was cut off gets its turn back before anybody
//! else can have it.

use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::data::{Data, Quiet};

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
