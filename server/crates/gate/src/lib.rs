//! The gate: Tealkeep's own reverse proxy in front of an app's two colours. One atomic word holds which colour is live.
//! A swap changes only that word, so it closes no connection and loses no request: requests in flight end where they
//! began, the next ones go to the other colour.

mod answer_fault;
mod client;
mod clock;
mod config;
mod connection;
mod cookies;
mod event_stream;
mod forward;
mod forwarded;
mod headers;
mod heads;
mod interim;
mod maintenance;
mod pages;
mod pool;
mod recorder;
mod request_body;
mod response_body;
mod shared;
mod stats;
mod switch;
mod tunnel;
mod websocket;
mod worker;
mod worker_loop;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub use config::{
    CLIENT_IDLE_TIMEOUT, CLIENT_LIMIT, GateConfig, HEADER_LIMIT, HEADER_TIMEOUT, HOLD_LIMIT,
    HOLD_TIMEOUT, IDLE_TIMEOUT, RESPONSE_TIMEOUT, RETRY_TIMEOUT, SHUTDOWN_DEADLINE, SHUTDOWN_GRACE,
    WRITE_TIMEOUT,
};
pub use headers::OWN_AGENT;
pub use heads::{HeadBudget, UnfinishedHeads};
pub use maintenance::Maintenance;
pub use pages::HELD_HEADER;
pub use stats::{ColourStats, GateStats, Latencies};

use shared::Shared;
use switch::lock;
use tealkeep_words::names::Colour;
use worker::Worker;
use worker_loop::Accepted;

/// The pause after the system could not accept a connection, for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A streaming HTTP/1.1 reverse proxy in front of two colours. Every method may be called from any thread,
/// while requests are carried.
pub struct Gate {
    shared: Arc<Shared>,
    /// Every worker there ever was, for its counts and its unused connections.
    workers: Mutex<Vec<Arc<Worker>>>,
}

/// Requests are being held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldInfo {
    /// Since when.
    pub since: Instant,
    /// How many requests wait now.
    pub waiting: usize,
}

/// What is in flight on a colour, read in one instant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InFlight {
    /// Requests whose response is not yet passed on whole.
    pub requests: u64,
    /// WebSockets and server-sent event streams.
    pub streams: u64,
}

impl Gate {
    /// A gate that is not listening yet, with its first live colour.
    #[must_use]
    pub fn new(config: GateConfig, live: Colour) -> Arc<Gate> {
        Arc::new(Gate {
            shared: Arc::new(Shared::new(config, live)),
            workers: Mutex::default(),
        })
    }

    /// Serves the connections of `listener` until `shutdown` is cancelled: then nothing more is accepted,
    /// streams are ended, each connection is closed after its current response, and what is not over after
    /// the configured deadline is cut. Several may run at once, on several listeners.
    ///
    /// # Errors
    /// A worker thread can't be started. Errors while accepting are waited out, never returned.
    pub async fn serve(
        self: &Arc<Self>,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> io::Result<()> {
        let mut threads = Vec::new();
        for number in 0..self.shared.config.workers.max(1) {
            threads.push(self.start_worker(number)?);
        }
        let places = Arc::new(Semaphore::new(self.shared.config.client_limit));
        loop {
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = accept(&listener, &places) => accepted,
            };
            // To the worker with the fewest connections, so that none has much more to carry than another.
            let Some(thread) = threads
                .iter()
                .min_by_key(|thread| thread.worker.open.load(Relaxed))
            else {
                break;
            };
            thread.worker.open.fetch_add(1, Relaxed);
            if thread.inbox.send(accepted).is_err() {
                return Err(io::Error::other("a worker thread of the gate has ended"));
            }
        }
        drop(listener);
        for colour in Colour::BOTH {
            self.end_streams(colour);
        }
        // All at once, so that the deadline is one and the same for all.
        let ending: Vec<_> = threads
            .into_iter()
            .map(|thread| (thread.worker, thread.ended))
            .collect();
        for (worker, ended) in ending {
            // An error here means that the thread is gone, which is what was waited for.
            let _ = ended.await;
            for colour in Colour::BOTH {
                worker.pool.forget(colour);
            }
        }
        Ok(())
    }

    /// The colour that new requests go to.
    #[must_use]
    pub fn live(&self) -> Colour {
        self.shared.switch.live()
    }

    /// Makes a colour live. Once this returns every new request goes to it, also on connections that are
    /// open; [`Gate::in_flight`] of the other one counts all that went there before.
    pub fn swap(&self, to: Colour) {
        self.shared.switch.swap(to);
    }

    /// Holds new requests back. Once this returns, [`Gate::in_flight`] counts all that went through before.
    /// Does nothing when requests are held already.
    pub fn hold(&self) {
        self.shared.switch.hold();
    }

    /// Lets the held requests go, to what is live then.
    pub fn release(&self) {
        self.shared.switch.release();
    }

    /// Since when requests are held, and how many wait; `None` when they go through.
    #[must_use]
    pub fn is_held(&self) -> Option<HeldInfo> {
        let (since, waiting) = self.shared.switch.held()?;
        Some(HeldInfo { since, waiting })
    }

    /// Answers every new and every held request with this page; `None` switches maintenance off.
    pub fn set_maintenance(&self, page: Option<Maintenance>) {
        let on = page.is_some();
        // Without maintenance the page is the default one, for requests that were held too long.
        self.shared
            .maintenance
            .store(Arc::new(page.unwrap_or_default()));
        self.shared.switch.set_maintenance(on);
    }

    /// What is in flight on a colour.
    #[must_use]
    pub fn in_flight(&self, colour: Colour) -> InFlight {
        let (requests, streams) = self.shared.switch.in_flight(colour);
        InFlight { requests, streams }
    }

    /// Waits until nothing, streams included, is in flight on a colour; `false` when `deadline` came first.
    pub async fn wait_idle(&self, colour: Colour, deadline: Duration) -> bool {
        self.shared.switch.wait_idle(colour, deadline).await
    }

    /// Ends a colour's streams: WebSockets get a close frame with status 1001; event streams end after a whole
    /// event, compressed ones as soon as the app pauses. Those that have not ended after two seconds are cut.
    pub fn end_streams(&self, colour: Colour) {
        self.shared.switch.end_streams(colour);
    }

    /// Closes every unused connection to a colour, so that it can be stopped.
    pub fn forget_connections(&self, colour: Colour) {
        for worker in lock(&self.workers).iter() {
            worker.pool.forget(colour);
        }
    }

    /// What connections take up that have not sent a whole request.
    #[must_use]
    pub fn unfinished_heads(&self) -> UnfinishedHeads {
        self.shared.heads.unfinished()
    }

    /// What was counted since the gate was made.
    #[must_use]
    pub fn stats(&self) -> GateStats {
        let mut total = GateStats::default();
        for worker in lock(&self.workers).iter() {
            worker.stats.add_to(&mut total);
        }
        total
    }

    fn start_worker(&self, number: usize) -> io::Result<WorkerThread> {
        let worker = Arc::new(Worker::new(Arc::clone(&self.shared)));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (inbox, accepted) = mpsc::unbounded_channel();
        let (ended, wait) = oneshot::channel();
        let running = Arc::clone(&worker);
        std::thread::Builder::new()
            .name(format!("gate-{number}"))
            .spawn(move || {
                runtime.block_on(worker_loop::run(running, accepted));
                drop(runtime);
                // Nobody waits any more when `serve` itself was dropped.
                let _ = ended.send(());
            })?;
        lock(&self.workers).push(Arc::clone(&worker));
        Ok(WorkerThread {
            worker,
            inbox,
            ended: wait,
        })
    }
}

/// A worker's thread, as [`Gate::serve`] sees it.
struct WorkerThread {
    worker: Arc<Worker>,
    inbox: mpsc::UnboundedSender<Accepted>,
    ended: oneshot::Receiver<()>,
}

/// The next connection, as soon as there is a place for it. Whatever goes wrong is waited out: a listener that
/// ends because descriptors ran out for a moment would be worse than any of it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Accepted {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .expect("nobody closes this semaphore");
    let mut is_reported = false;
    loop {
        let failed = match listener.accept().await {
            Ok((stream, peer)) => match stream.into_std() {
                Ok(stream) => {
                    return Accepted {
                        stream,
                        peer,
                        place,
                    };
                }
                Err(e) => e,
            },
            // The client went away while it was in the queue (accept(2)).
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(e) => e,
        };
        if !std::mem::replace(&mut is_reported, true) {
            tracing::warn!(
                "the gate can't accept connections for the moment: {failed}; it keeps trying \
                 (too many open files: raise LimitNOFILE)"
            );
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
