//! What the family counted: how many requests it made and how many of them failed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::Serialize;

/// Running totals, shared between the family and whoever shows them.
#[derive(Debug, Default)]
pub struct Tally {
    requests: AtomicU64,
    answered: AtomicU64,
    writes: AtomicU64,
    failed: AtomicU64,
    messages: AtomicU64,
    reconnects: AtomicU64,
    last_failure: Mutex<Option<Failure>>,
}

/// The last request that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// When the failure was seen.
    pub at: Timestamp,
    /// The request and what went wrong.
    pub what: String,
}

/// The totals at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Requests that were begun, opened streams and WebSockets included.
    pub requests: u64,
    /// Those answered with 2xx, 3xx or 101.
    pub answered: u64,
    /// Changes among the answered: doses, chores, shopping.
    pub writes: u64,
    /// Requests refused, broken off, answered 4xx or 5xx, or not answered within a minute.
    pub failed: u64,
    /// Messages that came over the WebSocket and the event stream.
    pub messages: u64,
    /// New connections after the first ones: a swap alone causes none.
    pub reconnects: u64,
    /// The newest failure, if there was one.
    pub last_failure: Option<Failure>,
}

impl Tally {
    /// All totals now.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            requests: read(&self.requests),
            answered: read(&self.answered),
            writes: read(&self.writes),
            failed: read(&self.failed),
            messages: read(&self.messages),
            reconnects: read(&self.reconnects),
            last_failure: self.lock().clone(),
        }
    }

    pub(super) fn begun(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, was_write: bool) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        if was_write {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reconnected(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, at: Timestamp, what: String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        *self.lock() = Some(Failure { at, what });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Failure>> {
        self.last_failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
