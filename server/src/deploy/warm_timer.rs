//! When the warm old colour is stopped.

use std::sync::PoisonError;

use tokio_util::sync::CancellationToken;

/// What ends the time that a colour is kept warm for; `None` while none is.
#[derive(Debug, Default)]
pub(super) struct WarmTimer(std::sync::Mutex<Option<CancellationToken>>);

impl WarmTimer {
    /// Keeps what ends the new time, or nothing, and ends the one before.
    pub fn replace(&self, cancel: Option<CancellationToken>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *kept, cancel) {
            before.cancel();
        }
    }
}
