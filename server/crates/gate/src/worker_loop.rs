//! The loop of a worker's thread: it takes client connections, checks all of them once a second (a client that is too
//! slow, or silent for too long, is cut), and ends them when the gate stops. Without connections it sleeps.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedReceiver;

use super::client::Client;
use super::connection;
use super::forwarded::Peer;
use super::heads::Origin;
use super::switch::lock;
use super::worker::Worker;

/// How often connections are checked.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A client connection on its way from the listener to a worker.
pub(super) struct Accepted {
    pub(super) stream: std::net::TcpStream,
    pub(super) peer: SocketAddr,
    /// Its place among the clients that may be connected at once.
    pub(super) place: OwnedSemaphorePermit,
}

/// Serves what comes through `inbox` until that is closed, then ends every connection after its current response,
/// within the configured deadline.
pub(super) async fn run(worker: Arc<Worker>, mut inbox: UnboundedReceiver<Accepted>) {
    let mut interval = tokio::time::interval(SWEEP_INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let is_asleep = !worker.has_connections();
        tokio::select! {
            accepted = inbox.recv() => match accepted {
                Some(accepted) => {
                    if is_asleep {
                        worker.clock.update();
                        interval.reset();
                    }
                    start_serving(&worker, accepted);
                }
                None => break,
            },
            _ = interval.tick(), if !is_asleep => sweep(&worker),
        }
    }
    stop(&worker).await;
}

async fn stop(worker: &Worker) {
    worker.tasks.close();
    let config = &worker.gate.config;
    let ended = async {
        worker.for_each_client(Client::announce_close);
        if tokio::time::timeout(config.shutdown_grace, worker.tasks.wait())
            .await
            .is_err()
        {
            worker.for_each_client(Client::close);
            worker.tasks.wait().await;
        }
    };
    let deadline = config.shutdown_deadline;
    if tokio::time::timeout(deadline, ended).await.is_err() {
        tracing::warn!(
            open = worker.tasks.len(),
            "the gate stops with requests still in flight after {deadline:?}: they are cut"
        );
    }
    for (_, abort) in lock(&worker.clients).open.values() {
        abort.abort();
    }
}

fn start_serving(worker: &Arc<Worker>, accepted: Accepted) {
    if let Err(e) = set_options(&accepted.stream) {
        // A client that went away between its connect and now.
        tracing::debug!("a client connection could not be set up: {e}");
        worker.open.fetch_sub(1, Relaxed);
        return;
    }
    let stream = match TcpStream::from_std(accepted.stream) {
        Ok(stream) => stream,
        Err(e) => {
            tracing::warn!("a client connection could not be watched: {e}");
            worker.open.fetch_sub(1, Relaxed);
            return;
        }
    };
    worker.stats.connected();
    let address = accepted.peer.ip();
    let peer = Peer::new(address, worker.gate.config.trust_forwarded);
    let client = Arc::new(Client::new(
        &worker.gate,
        &worker.clock,
        peer,
        Origin::of(address),
        accepted.place,
    ));
    let mut clients = lock(&worker.clients);
    clients.last_id += 1;
    let id = clients.last_id;
    let registration = Registration {
        worker: Arc::clone(worker),
        id,
    };
    let serving = connection::serve(Arc::clone(worker), Arc::clone(&client), stream);
    let task = worker.tasks.spawn(async move {
        let _registration = registration;
        serving.await;
    });
    let entry = (Arc::clone(&client), task.abort_handle());
    clients.open.insert(id, entry);
    // Counting it may close this one or another one, whose registration then needs the list.
    drop(clients);
    client.begin(task.abort_handle());
}

fn set_options(stream: &std::net::TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15))
        .with_retries(4);
    socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

fn sweep(worker: &Worker) {
    let now = worker.clock.update();
    let config = &worker.gate.config;
    worker.pool.sweep(config.idle_timeout);
    worker.gate.heads.sweep(Instant::now());
    for (client, abort) in lock(&worker.clients).open.values() {
        if client.is_overdue(now, config) {
            abort.abort();
        } else {
            client.probe_half_closed(now);
        }
    }
}

/// A connection's place in its worker's list, given up however its task ends.
struct Registration {
    worker: Arc<Worker>,
    id: u64,
}

impl Drop for Registration {
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
        let an_hour_ago = Instant::now() - Duration::from_secs(3600);
        let worker = Arc::new(Worker::started_at(gate.shared.clone(), an_hour_ago));
        let (inbox, accepted) = mpsc::unbounded_channel();
        let running = tokio::spawn(run(worker.clone(), accepted));
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
        let now = worker.clock.now();
        assert!(now > 3600, "{now}");
        running.abort();
    }
}
