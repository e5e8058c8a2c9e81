//! How many nightly snapshots run at once. Each one uses every core and about 30 MiB, so that more than two at a time gain
//! nothing; two, so that a single slow one delays no other. Where several are slow, whoever has waited for a minute goes
//! ahead all the same.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many run at once without anybody having waited.
const SLOTS: usize = 2;
/// How long a snapshot waits for a slot.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The slots of all apps.
pub struct Slots {
    free: Semaphore,
    max_wait: Duration,
}

/// A slot, or none where the wait for one was over; given back when it is dropped.
#[must_use]
pub struct Slot<'a> {
    _permit: Option<SemaphorePermit<'a>>,
}

impl Default for Slots {
    fn default() -> Slots {
        Slots::new(SLOTS, MAX_WAIT)
    }
}

impl Slots {
    fn new(slots: usize, max_wait: Duration) -> Slots {
        Slots {
            free: Semaphore::new(slots),
            max_wait,
        }
    }

    /// Waits for a free slot, but no longer than a minute.
    pub async fn wait(&self) -> Slot<'_> {
        let free = tokio::time::timeout(self.max_wait, self.free.acquire()).await;
        Slot {
            _permit: free.ok().and_then(Result::ok),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waited_long_enough_goes_ahead_without_a_slot() {
        let slots = Slots::new(1, Duration::from_millis(1));
        let slow = slots.wait().await;
        assert!(slow._permit.is_some());
        assert!(slots.wait().await._permit.is_none());
    }

    #[tokio::test]
    async fn a_slot_that_comes_free_is_taken_by_who_waits() {
        let slots = Slots::new(1, Duration::from_secs(3600));
        let first = slots.wait().await;
        let mut second = std::pin::pin!(slots.wait());
        assert!(
            futures_util::poll!(second.as_mut()).is_pending(),
            "two have the one slot"
        );
        drop(first);
        assert!(second.await._permit.is_some());
    }

    #[tokio::test]
    async fn a_single_slow_snapshot_delays_no_other() {
        let slots = Slots::default();
        let _slow = slots.wait().await;
        let mut other = std::pin::pin!(slots.wait());
        assert!(futures_util::poll!(other.as_mut()).is_ready());
    }
}
