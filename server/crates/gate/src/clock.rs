//! A worker's clock: whole seconds, read from an atomic, since most requests need no better and a system call for each
//! would cost more than what it is asked for.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Instant;

/// Seconds since a worker started; as fresh as the last [`CoarseClock::update`].
#[derive(Debug)]
pub(super) struct CoarseClock {
    started: Instant,
    now: AtomicU32,
}

impl CoarseClock {
    pub(super) fn started_at(started: Instant) -> CoarseClock {
        CoarseClock {
            started,
            now: AtomicU32::new(1),
        }
    }

    /// Seconds since the start and one more, so never 0; as of the last update.
    pub(super) fn now(&self) -> u32 {
        self.now.load(Relaxed)
    }

    /// Reads the system's clock.
    pub(super) fn update(&self) -> u32 {
        // It takes 136 years to overflow.
        let now = u32::try_from(self.started.elapsed().as_secs())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        self.now.store(now, Relaxed);
        now
    }
}
