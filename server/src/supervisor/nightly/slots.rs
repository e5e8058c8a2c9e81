//! How many nightly snapshots run at once: as many as there are cores, so that each one's threads and memory have room. A
//! slow one delays nobody for long: who has waited for a minute goes ahead all the same.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

/// Two at least, so that a single slow snapshot never delays another one.
const MIN_SLOTS: usize = 2;
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

impl Slots {
    /// As many as this machine has cores.
    pub fn for_this_machine() -> Slots {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Slots::new(cores.max(MIN_SLOTS), MAX_WAIT)
    }

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

    #[test]
    fn one_slow_snapshot_leaves_a_slot_on_any_machine() {
        assert!(Slots::for_this_machine().free.available_permits() >= MIN_SLOTS);
    }
}
