//! The threads that carry requests. Each has a single-threaded runtime with connections, a pool and
//! counts of its own, so that a request never waits for another processor; once a second each looks after
//! its connections: a client that is too slow, or silent for too long, is cut.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::Shared;
use super::forward;
use super::headers::Peer;
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
    /// Seconds since the start, to within [`SWEEP`]: cheaper to read than the clock.
    now: AtomicU32,
}

#[derive(Default)]
struct Clients {
    last: u64,
    open: std::collections::HashMap<u64, (Arc<Client>, AbortHandle)>,
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
            tokio::select! {
                accepted = inbox.recv() => match accepted {
                    Some(accepted) => self.welcome(accepted),
                    None => break,
                },
                _ = sweep.tick() => self.sweep(),
            }
        }
        self.tasks.close();
        let deadline = self.gate.config.shutdown_deadline;
        let ended = async {
            self.each_client(|client| client.last_answer.store(true, Relaxed));
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
        let client = Arc::new(Client {
            worker: Arc::clone(self),
            peer: Peer::new(accepted.peer.ip(), self.gate.config.trust_forwarded),
            phase: AtomicU64::new(phase(HEAD, self.now.load(Relaxed))),
            stalled: AtomicU32::new(0),
            last_answer: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            waker: OnceLock::new(),
            _place: accepted.place,
        });
        let mut clients = lock(&self.clients);
        clients.last += 1;
        let id = clients.last;
        let task = self.tasks.spawn(serve_client(
            Arc::clone(&client),
            stream,
            Farewell {
                worker: Arc::clone(self),
                id,
            },
        ));
        clients.open.insert(id, (client, task.abort_handle()));
    }

    fn prepare(&self, stream: &std::net::TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let alive = socket2::TcpKeepalive::new()
            .with_time(Duration::from_secs(60))
            .with_interval(Duration::from_secs(15))
            .with_retries(4);
        socket2::SockRef::from(stream).set_tcp_keepalive(&alive)
    }

    fn sweep(&self) {
        // It takes 136 years to overflow; and 0 means "not stalled".
        let now = u32::try_from(self.started.elapsed().as_secs())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        self.now.store(now, Relaxed);
        let config = &self.gate.config;
        self.pool.sweep(config.idle_limit);
        for (client, abort) in lock(&self.clients).open.values() {
            let (what, since) = client.phase();
            let age = Duration::from_secs(u64::from(now.saturating_sub(since)));
            let stalled = client.stalled.load(Relaxed);
            let stalled_for = Duration::from_secs(u64::from(now.saturating_sub(stalled)));
            if (what == HEAD && age > config.header_timeout)
                || (what == IDLE && age > config.client_idle)
                || (stalled != 0 && stalled_for > config.write_timeout)
            {
                abort.abort();
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

async fn serve_client(client: Arc<Client>, stream: TcpStream, farewell: Farewell) {
    let _farewell = farewell;
    let config = &client.worker.gate.config;
    let io = TokioIo::new(ClientIo {
        stream,
        client: Arc::clone(&client),
    });
    let for_requests = Arc::clone(&client);
    let service = service_fn(move |request| forward::answer(Arc::clone(&for_requests), request));
    let connection = http1::Builder::new()
        .max_buf_size(config.header_limit.max(8 * 1024))
        // Slow heads are cut by the worker's sweep, which also knows an idle connection from a slow one.
        .header_read_timeout(None)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut told = false;
    let ended = std::future::poll_fn(|cx| {
        client.waker.get_or_init(|| cx.waker().clone());
        if !told && client.closing.load(Relaxed) {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
    .await;
    if let Err(e) = ended {
        // Clients come and go; what matters about a response that broke off is logged where it did.
        tracing::trace!("a client connection ended: {e}");
    }
}

const IDLE: u32 = 0;
const HEAD: u32 = 1;
const REQUEST: u32 = 2;

/// What the worker knows about one client connection.
pub(super) struct Client {
    pub(super) worker: Arc<Worker>,
    pub(super) peer: Peer,
    /// What it is doing, and since when.
    phase: AtomicU64,
    /// Since when it takes nothing of what is sent to it; 0 while it does.
    stalled: AtomicU32,
    /// Its next answer says that it is the last.
    last_answer: AtomicBool,
    /// It is closed as soon as no request is on it.
    closing: AtomicBool,
    /// Its task keeps one waker for all its life.
    waker: OnceLock<Waker>,
    /// Its place among the clients; an upgraded connection keeps it, since its socket keeps this.
    _place: OwnedSemaphorePermit,
}

impl Client {
    /// The head of a request is here.
    pub(super) fn asked(&self) {
        self.set_phase(REQUEST);
    }

    /// Its response is over.
    pub(super) fn answered(&self) {
        self.set_phase(IDLE);
    }

    /// Whether this connection is closed after its current response.
    pub(super) fn gets_its_last_answer(&self) -> bool {
        self.last_answer.load(Relaxed)
    }

    fn close(&self) {
        self.closing.store(true, Relaxed);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    fn phase(&self) -> (u32, u32) {
        let both = self.phase.load(Relaxed);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "two halves of one word, put together by `phase`"
        )]
        ((both >> 32) as u32, both as u32)
    }

    fn set_phase(&self, what: u32) {
        let now = self.worker.now.load(Relaxed);
        self.phase.store(phase(what, now), Relaxed);
    }
}

fn phase(what: u32, since: u32) -> u64 {
    u64::from(what) << 32 | u64::from(since)
}

/// A client's socket that notes when a head begins and when nothing is taken any more.
struct ClientIo {
    stream: TcpStream,
    client: Arc<Client>,
}

impl ClientIo {
    fn wrote<T>(&self, written: Poll<T>) -> Poll<T> {
        let stalled = &self.client.stalled;
        if written.is_pending() {
            if stalled.load(Relaxed) == 0 {
                stalled.store(self.client.worker.now.load(Relaxed), Relaxed);
            }
        } else if stalled.load(Relaxed) != 0 {
            stalled.store(0, Relaxed);
        }
        written
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before && self.client.phase().0 == IDLE {
            self.client.set_phase(HEAD);
        }
        read
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
