//! The threads of the commands that wait for something.

use super::outcome::Failure;

/// Starts them.
///
/// # Errors
/// The system gives no thread.
pub(super) fn start() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| anyhow::anyhow!("cannot start threads: {e}").into())
}
