//! One worker: a share of the gate with connections, a pool and counts of its own, so that a request never waits for
//! another processor.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::client::Client;
use super::clock::CoarseClock;
use super::pool::Pool;
use super::shared::Shared;
use super::stats::Shard;
use super::switch::lock;

/// One thread's share of the gate.
pub(super) struct Worker {
    pub(super) gate: Arc<Shared>,
    pub(super) clock: Arc<CoarseClock>,
    pub(super) pool: Pool,
    pub(super) stats: Shard,
    pub(super) tasks: TaskTracker,
    /// How many client connections are assigned to it.
    pub(super) open: AtomicUsize,
    pub(super) clients: Mutex<Clients>,
}

/// A worker's client connections, each with its task.
#[derive(Default)]
pub(super) struct Clients {
    pub(super) last_id: u64,
    pub(super) open: HashMap<u64, (Arc<Client>, AbortHandle)>,
}

impl Worker {
    pub(super) fn new(gate: Arc<Shared>) -> Worker {
        Worker::started_at(gate, Instant::now())
    }

    pub(super) fn started_at(gate: Arc<Shared>, started: Instant) -> Worker {
        Worker {
            gate,
            clock: Arc::new(CoarseClock::started_at(started)),
            pool: Pool::default(),
            stats: Shard::new(),
            tasks: TaskTracker::new(),
            open: AtomicUsize::new(0),
            clients: Mutex::default(),
        }
    }

    /// Whether anything has to be checked every second: a client, an exchange that outlives its client, or an unused
    /// connection to a colour.
    pub(super) fn has_connections(&self) -> bool {
        !self.tasks.is_empty() || self.pool.has_unused()
    }

    pub(super) fn for_each_client(&self, act: impl Fn(&Client)) {
        for (client, _) in lock(&self.clients).open.values() {
            act(client);
        }
    }
}
