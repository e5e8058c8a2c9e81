//! Who may start or stop the live colour, and whether it is to run. Whoever starts or stops it outside of a deploy's own steps
//! holds the colour lock.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard, Notify};

/// Who may start or stop the live colour.
#[derive(Debug)]
pub(super) struct ColourControl {
    /// Held while the live colour is started or stopped outside of a deploy's own steps.
    colour_lock: Mutex<()>,
    /// Whether the live colour is stopped on purpose, or not begun with yet: nobody starts it then but the run.
    resting: AtomicBool,
    /// Woken when a run has ended: what is live may need somebody to look after it.
    changed: Notify,
}

impl ColourControl {
    /// Of an app that is not begun with yet.
    pub fn new() -> ColourControl {
        ColourControl {
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

    /// Whether the live colour is stopped on purpose, or not begun with yet.
    pub fn is_resting(&self) -> bool {
        self.resting.load(Ordering::Acquire)
    }

    /// From now on nobody starts the live colour but the run that holds the turn.
    pub fn rest(&self) {
        self.resting.store(true, Ordering::Release);
    }
}
