//! One client connection: what it is doing, since when, and when that has lasted too long. Noted with relaxed
//! atomics on the way, and looked at once a second, so that no request pays for a timer.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::config::GateConfig;
use super::forward;
use super::headers::Peer;
use super::worker::Worker;

/// What the worker knows about one client connection.
pub(super) struct Client {
    pub(super) worker: Arc<Worker>,
    pub(super) peer: Peer,
    /// A [`Phase`] in the upper half, and since when in the lower one.
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

/// What a client connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing, since its last response.
    Idle,
    /// Sending the head of a request; a new connection is expected to.
    Head,
    /// Waiting for, or taking, a response.
    Request,
}

impl Client {
    pub(super) fn new(worker: &Arc<Worker>, peer: Peer, place: OwnedSemaphorePermit) -> Client {
        let client = Client {
            worker: Arc::clone(worker),
            peer,
            phase: AtomicU64::new(0),
            stalled: AtomicU32::new(0),
            last_answer: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            waker: OnceLock::new(),
            _place: place,
        };
        client.enter(Phase::Head);
        client
    }

    /// Serves its requests until the connection ends.
    pub(super) async fn serve(self: Arc<Self>, stream: TcpStream) {
        let config = &self.worker.gate.config;
        let io = TokioIo::new(ClientIo {
            stream,
            client: Arc::clone(&self),
        });
        let client = Arc::clone(&self);
        let service = service_fn(move |request| forward::answer(Arc::clone(&client), request));
        let connection = http1::Builder::new()
            .max_buf_size(config.header_limit.max(8 * 1024))
            // Slow heads are cut by the worker's sweep, which also tells an idle connection from a slow one.
            .header_read_timeout(None)
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let mut told = false;
        let ended = std::future::poll_fn(|cx| {
            self.waker.get_or_init(|| cx.waker().clone());
            if !told && self.closing.load(Relaxed) {
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

    /// The head of a request is here.
    pub(super) fn asked(&self) {
        self.enter(Phase::Request);
    }

    /// Its response is over.
    pub(super) fn answered(&self) {
        self.enter(Phase::Idle);
    }

    /// From here on its answers say that they are the last.
    pub(super) fn give_last_answer(&self) {
        self.last_answer.store(true, Relaxed);
    }

    /// Whether its answer has to say that it is the last.
    pub(super) fn gets_its_last_answer(&self) -> bool {
        self.last_answer.load(Relaxed)
    }

    /// Closes it as soon as no request is on it.
    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Whether it is to be cut at the worker's second `now`: for a head that takes too long, for taking nothing
    /// of what it is sent, or for its silence.
    pub(super) fn is_overdue(&self, now: u32, config: &GateConfig) -> bool {
        let lasted = |since: u32| Duration::from_secs(u64::from(now.saturating_sub(since)));
        let stalled = self.stalled.load(Relaxed);
        if stalled != 0 && lasted(stalled) > config.write_timeout {
            return true;
        }
        let (phase, since) = self.phase();
        match phase {
            Phase::Idle => lasted(since) > config.client_idle,
            Phase::Head => lasted(since) > config.header_timeout,
            Phase::Request => false,
        }
    }

    fn phase(&self) -> (Phase, u32) {
        let both = self.phase.load(Relaxed);
        let phase = match both >> 32 {
            0 => Phase::Idle,
            1 => Phase::Head,
            _ => Phase::Request,
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the lower half is what is wanted"
        )]
        (phase, both as u32)
    }

    fn enter(&self, phase: Phase) {
        let since = u64::from(self.worker.now());
        self.phase.store((phase as u64) << 32 | since, Relaxed);
    }
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
                stalled.store(self.client.worker.now(), Relaxed);
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
        if buf.filled().len() > before && self.client.phase().0 == Phase::Idle {
            self.client.enter(Phase::Head);
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
