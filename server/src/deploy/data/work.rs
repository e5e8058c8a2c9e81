//! Blocking work off the async threads, and its errors.

use anyhow::Context;

use crate::memory;

/// `backup`'s errors hold their causes in their own text already.
pub(super) fn to_anyhow(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

/// Does work off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .context("the working thread ended")?
}

/// The same for work that takes much memory, which then goes back to the system.
pub(super) async fn blocking_at_length<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    blocking(move || {
        let outcome = work();
        memory::give_back();
        outcome
    })
    .await
}
