//! The worker's clock: it starts at a fixed instant and moves only to the next timer, when nothing else is left
//! to do.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

/// When every worker's time begins: 2026-01-01T00:00:00Z, in milliseconds since 1970.
pub(super) const START_MS: f64 = 1_767_225_600_000.0;

/// The number of a timer.
pub(super) type TimerId = u32;

/// The clock with its timers, in the order in which they are due.
#[derive(Default)]
pub(super) struct Clock {
    now_ms: Cell<f64>,
    made: Cell<TimerId>,
    // Due time in microseconds, then the order of making.
    due: RefCell<BTreeMap<(u64, u64), TimerId>>,
    // Where each armed timer stands in that order.
    armed: RefCell<HashMap<TimerId, (u64, u64)>>,
    order: Cell<u64>,
}

impl Clock {
    /// Milliseconds since the worker's time began.
    pub(super) fn elapsed_ms(&self) -> f64 {
        self.now_ms.get()
    }

    /// Arms a timer, a new one or one that repeats.
    pub(super) fn arm(&self, id: Option<TimerId>, delay_ms: f64) -> TimerId {
        let id = id.unwrap_or_else(|| {
            self.made.set(self.made.get() + 1);
            self.made.get()
        });
        self.order.set(self.order.get() + 1);
        let delay_ms = if delay_ms.is_finite() {
            delay_ms.clamp(0.0, f64::from(i32::MAX))
        } else {
            0.0
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped, and not negative"
        )]
        let due = ((self.now_ms.get() + delay_ms) * 1000.0) as u64;
        let key = (due, self.order.get());
        self.disarm(id);
        self.due.borrow_mut().insert(key, id);
        self.armed.borrow_mut().insert(id, key);
        id
    }

    /// Disarms a timer; one that is not armed is no error.
    pub(super) fn disarm(&self, id: TimerId) {
        if let Some(key) = self.armed.borrow_mut().remove(&id) {
            self.due.borrow_mut().remove(&key);
        }
    }

    /// Moves to the next timer, unless it is due later than that.
    pub(super) fn next(&self, not_after_ms: f64) -> Option<TimerId> {
        let mut due = self.due.borrow_mut();
        let (&key, &id) = due.first_key_value()?;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let at_ms = key.0 as f64 / 1000.0;
        if at_ms > not_after_ms {
            return None;
        }
        due.remove(&key);
        self.armed.borrow_mut().remove(&id);
        self.now_ms.set(self.now_ms.get().max(at_ms));
        Some(id)
    }
}
