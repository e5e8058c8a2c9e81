//! The family that lives in the demo: people who look at pages, take doses, do chores and shop, at a
//! lively but bounded rate, through the gate like everybody else. What they see is counted in a [`Tally`],
//! so that "nobody noticed" can be checked.

mod browser;
mod listeners;
mod member;
mod tally;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use tally::{Failure, Tally, Totals};

use member::Member;

/// Changes a second that the whole family makes by default.
pub const DEFAULT_RATE_PER_SECOND: u32 = 8;
/// How many people write at the same time by default.
pub const DEFAULT_PEOPLE: usize = 4;

/// Lives until `shutdown`: `people` writers who together make `rate_per_second` changes a second (each
/// followed by looking at a page), one WebSocket and one event stream, all to `address` over plain HTTP.
///
/// Failures are counted and never end it. Returns when every request in flight is answered or given up.
pub async fn live(
    address: SocketAddr,
    people: usize,
    rate_per_second: u32,
    shutdown: CancellationToken,
    tally: Arc<Tally>,
) {
    let tasks = TaskTracker::new();
    let people = people.max(1);
    let pause =
        Duration::from_secs(1) * u32::try_from(people).unwrap_or(u32::MAX) / rate_per_second.max(1);
    for number in 0..people {
        let member = Member::new(number, address, Arc::clone(&tally));
        tasks.spawn(member.live(pause, shutdown.clone()));
    }
    let (shared, token) = (Arc::clone(&tally), shutdown.clone());
    tasks.spawn(listeners::websocket(address, token, shared));
    tasks.spawn(listeners::events(address, shutdown.clone(), tally));
    shutdown.cancelled().await;
    tasks.close();
    tasks.wait().await;
}

#[cfg(test)]
mod tests;
