//! The threads that carry requests. Each has a single-threaded runtime with connections, a pool and
//! counts of its own, so that a request never waits for another processor; once a second each looks after
//! its connections: a client that is too slow, or silent for too long, is cut. Without connections it sleeps.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::Shared;
use super::client::Client;
use super::forwarded::Peer;
use super::heads::Origin;
use super::pool::Pool;
use super::stats::Shard;
use super::switch::lock;

/// How often connections are looked after.
const SWEEP: Duration = Duration::from_secs(1);

/// A client connection on its way from the listener to a worker.
pub(super) struct Accepted {
    pub(super) stream: std::net::TcpStream,
    pub(super) peer: SocketAddr,
    /// Its place among the clients that may be connected at once.
    pub(super) place: OwnedSemaphorePermit,
}

/// One thread's share of the gate.
pub(super) struct Worker {
    pub(super) gate: Arc<Shared>,
    pub(super) pool: Pool,
    pub(super) stats: Shard,
    pub(super) tasks: TaskTracker,
    pub(super) open: AtomicUsize,
    clients: Mutex<Clients>,
    started: Instant,
    /// Seconds since the start, to within [`SWEEP`] while there are connections: cheaper to read than the clock.
    now: AtomicU32,
}

#[derive(Default)]
struct Clients {
    last: u64,
    open: HashMap<u64, (Arc<Client>, AbortHandle)>,
}

impl Worker {
    pub(super) fn new(gate: Arc<Shared>) -> Worker {
        Worker {
            gate,
            pool: Pool::default(),
            stats: Shard::new(),
            tasks: TaskTracker::new(),
            open: AtomicUsize::new(0),
            clients: Mutex::default(),
            started: Instant::now(),
            now: AtomicU32::new(1),
        }
    }

    /// Serves what comes through `inbox` until that is closed, then ends every connection after its
    /// current response, within the configured deadline.
    pub(super) async fn run(self: Arc<Self>, mut inbox: UnboundedReceiver<Accepted>) {
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let is_asleep = !self.has_connections();
            tokio::select! {
                accepted = inbox.recv() => match accepted {
                    Some(accepted) => {
                        if is_asleep {
                            self.set_now();
                            sweep.reset();
                        }
                        self.welcome(accepted);
                    }
                    None => break,
                },
                _ = sweep.tick(), if !is_asleep => self.sweep(),
            }
        }
        self.tasks.close();
        let deadline = self.gate.config.shutdown_deadline;
        let ended = async {
            self.each_client(Client::give_last_answer);
            if tokio::time::timeout(self.gate.config.last_call, self.tasks.wait())
                .await
                .is_err()
            {
                self.each_client(Client::close);
                self.tasks.wait().await;
            }
        };
        if tokio::time::timeout(deadline, ended).await.is_err() {
            tracing::warn!(
                open = self.tasks.len(),
                "the gate stops with requests still in flight after {deadline:?}: they are cut"
            );
        }
        for (_, abort) in lock(&self.clients).open.values() {
            abort.abort();
        }
    }

    /// Seconds since the start and a little more, so never 0; to within a second.
    pub(super) fn now(&self) -> u32 {
        self.now.load(Relaxed)
    }

    fn each_client(&self, tell: impl Fn(&Client)) {
        for (client, _) in lock(&self.clients).open.values() {
            tell(client);
        }
    }

    fn welcome(self: &Arc<Self>, accepted: Accepted) {
        match self.prepare(&accepted.stream) {
            Ok(()) => {}
            Err(e) => {
                // A client that went away between its connect and now.
                tracing::debug!("a client connection could not be set up: {e}");
                self.open.fetch_sub(1, Relaxed);
                return;
            }
        }
        let stream = match TcpStream::from_std(accepted.stream) {
            Ok(stream) => stream,
            Err(e) => {
                tracing::warn!("a client connection could not be watched: {e}");
                self.open.fetch_sub(1, Relaxed);
                return;
            }
        };
        self.stats.connected();
        let peer = Peer::new(accepted.peer.ip(), self.gate.config.trust_forwarded);
        let origin = Origin::of(accepted.peer.ip());
        let client = Arc::new(Client::new(self, peer, origin, accepted.place));
        let mut clients = lock(&self.clients);
        clients.last += 1;
        let farewell = Farewell {
            worker: Arc::clone(self),
            id: clients.last,
        };
        let id = farewell.id;
        let serving = Arc::clone(&client).serve(stream);
        let task = self.tasks.spawn(async move {
            let _farewell = farewell;
            serving.await;
        });
        clients
            .open
            .insert(id, (Arc::clone(&client), task.abort_handle()));
        // It may close this one or another one; their farewells need the list.
        drop(clients);
        client.begin(task.abort_handle());
    }

    fn prepare(&self, stream: &std::net::TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let alive = socket2::TcpKeepalive::new()
            .with_time(Duration::from_secs(60))
            .with_interval(Duration::from_secs(15))
            .with_retries(4);
        socket2::SockRef::from(stream).set_tcp_keepalive(&alive)
    }

    /// Whether anything is to be looked after: a client, an exchange that outlives its client, or an unused connection
    /// to a colour.
    fn has_connections(&self) -> bool {
        !self.tasks.is_empty() || self.pool.has_unused()
    }

    fn set_now(&self) -> u32 {
        // It takes 136 years to overflow.
        let now = u32::try_from(self.started.elapsed().as_secs())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        self.now.store(now, Relaxed);
        now
    }

    fn sweep(&self) {
        let now = self.set_now();
        let config = &self.gate.config;
        self.pool.sweep(config.idle_limit);
        self.gate.heads.sweep(Instant::now());
        for (client, abort) in lock(&self.clients).open.values() {
            if client.is_overdue(now, config) {
                abort.abort();
            } else {
                client.probe_half_closed(now);
            }
        }
    }
}

/// Takes a connection off the list, however its task ends.
struct Farewell {
    worker: Arc<Worker>,
    id: u64,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        lock(&self.worker.clients).open.remove(&self.id);
        self.worker.open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::sync::{Semaphore, mpsc};

    use tealkeep_words::names::Colour;

    use super::super::{Gate, GateConfig};
    use super::*;

    #[tokio::test]
    async fn a_worker_that_slept_for_an_hour_knows_what_time_it_is_for_its_next_client() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Gate::new(GateConfig::new(address, address), Colour::Blue);
        let worker = Arc::new(Worker {
            started: Instant::now() - Duration::from_secs(3600),
            ..Worker::new(gate.shared.clone())
        });
        let (inbox, accepted) = mpsc::unbounded_channel();
        let running = tokio::spawn(worker.clone().run(accepted));
        let _client = std::net::TcpStream::connect(address).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let place = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        assert!(!worker.has_connections());
        let accepted = Accepted {
            stream,
            peer,
            place,
        };
        assert!(inbox.send(accepted).is_ok());
        while !worker.has_connections() {
            tokio::task::yield_now().await;
        }
        assert!(worker.now() > 3600, "{}", worker.now());
        running.abort();
    }
}
