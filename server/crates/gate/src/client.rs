//! One client connection: what it is doing, since when, and when that has lasted too long. Noted with relaxed
//! atomics on the way, and looked at once a second, so that no request pays for a timer.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

use super::answer_fault::MAX_FIELDS;
use super::config::GateConfig;
use super::forward;
use super::forwarded::Peer;
use super::heads::{Origin, Ticket};
use super::interim::Interim;
use super::worker::Worker;

/// The smallest buffer in which a client's bytes are gathered.
const BUFFER: usize = 16 * 1024;

/// How long an event stream goes on for a client that has closed its side: a browser closes both at once, and only a
/// write would tell the two apart.
const HALF_CLOSED_STREAM: Duration = Duration::from_secs(5);

/// How often a client that has closed its side and waits for its answer is sent a `102 Processing`: the system of one
/// that is gone altogether refuses it, and then nobody need answer.
const HALF_CLOSED_PROBE: Duration = Duration::from_secs(3);

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
    /// Ends its task.
    abort: OnceLock<AbortHandle>,
    origin: Origin,
    /// Its [`Ticket`] among the heads that are not whole; 0 for none.
    ticket: AtomicU64,
    /// Nothing more of the request is to come, so its socket is watched for the client's end.
    watched: AtomicBool,
    /// Since when its side is closed while it waits for an answer; 0 while it is open.
    half_closed: AtomicU32,
    /// Interim answers that it still has to be sent.
    pub(super) interim: Arc<Interim>,
    takes_interim: AtomicBool,
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
    /// Taking an event stream.
    Stream,
}

impl Client {
    pub(super) fn new(
        worker: &Arc<Worker>,
        peer: Peer,
        origin: Origin,
        place: OwnedSemaphorePermit,
    ) -> Client {
        let client = Client {
            worker: Arc::clone(worker),
            peer,
            phase: AtomicU64::new(0),
            stalled: AtomicU32::new(0),
            last_answer: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            waker: OnceLock::new(),
            abort: OnceLock::new(),
            origin,
            ticket: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            half_closed: AtomicU32::new(0),
            interim: Arc::default(),
            takes_interim: AtomicBool::new(false),
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
            head: Head::default(),
        });
        let client = Arc::clone(&self);
        let service = service_fn(move |request| forward::answer(Arc::clone(&client), request));
        let connection = http1::Builder::new()
            .max_header_size(config.header_limit)
            .max_headers(MAX_FIELDS)
            .max_buf_size(config.header_limit.max(BUFFER))
            // A client may close its side after its request and wait for the answer (RFC 9112 section 9.6). Whether it
            // is gone altogether is watched by its socket.
            .half_close(true)
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

    /// Its task runs; it counts among those that have sent no whole request.
    pub(super) fn begin(&self, abort: AbortHandle) {
        let _ = self.abort.set(abort);
        self.count_as_unfinished(0);
    }

    /// The head of a request is here.
    pub(super) fn asked(&self) {
        self.enter(Phase::Request);
        self.count_as_whole();
    }

    /// Whether an interim answer may be sent: its request is of a version that has them, and the final answer has not
    /// begun.
    pub(super) fn set_takes_interim(&self, takes: bool) {
        self.takes_interim.store(takes, Relaxed);
    }

    /// Finds out, while it waits with its side closed, whether it is still there.
    pub(super) fn probe_half_closed(&self, now: u32) {
        let since = self.half_closed.load(Relaxed);
        if since == 0 || self.phase().0 != Phase::Request {
            return;
        }
        let lasted = Duration::from_secs(u64::from(now.saturating_sub(since)));
        if lasted >= HALF_CLOSED_PROBE && self.takes_interim.load(Relaxed) {
            self.half_closed.store(now, Relaxed);
            self.interim.push(StatusCode::PROCESSING, &HeaderMap::new());
        }
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Nothing more of its request is to come, so that its socket can be watched.
    pub(super) fn watch(&self) {
        self.watched.store(true, Relaxed);
    }

    /// Its response is an event stream.
    pub(super) fn begin_stream(&self) {
        if self.half_closed.load(Relaxed) != 0 {
            self.half_closed.store(self.worker.now(), Relaxed);
        }
        self.watched.store(true, Relaxed);
        self.enter(Phase::Stream);
    }

    /// Its response is over.
    pub(super) fn answered(&self) {
        self.watched.store(false, Relaxed);
        self.enter(Phase::Idle);
    }

    /// `received` bytes of a head are here, and it is not whole.
    fn count_as_unfinished(&self, received: usize) {
        let heads = &self.worker.gate.heads;
        match Ticket::from_number(self.ticket.load(Relaxed)) {
            Some(ticket) => heads.grow(ticket, received, Instant::now()),
            None => {
                let Some(abort) = self.abort.get() else {
                    return;
                };
                let ticket = heads.enter(self.origin, received, abort.clone(), Instant::now());
                self.ticket.store(ticket.to_number(), Relaxed);
            }
        }
    }

    fn count_as_whole(&self) {
        // Only this connection's own thread writes here.
        let number = self.ticket.load(Relaxed);
        if let Some(ticket) = Ticket::from_number(number) {
            self.ticket.store(0, Relaxed);
            self.worker.gate.heads.leave(ticket);
        }
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
        self.wake();
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
            Phase::Stream => {
                let closed = self.half_closed.load(Relaxed);
                closed != 0 && lasted(closed) > HALF_CLOSED_STREAM
            }
        }
    }

    fn phase(&self) -> (Phase, u32) {
        let both = self.phase.load(Relaxed);
        let phase = match both >> 32 {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Request,
            _ => Phase::Stream,
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

impl Drop for Client {
    fn drop(&mut self) {
        self.count_as_whole();
    }
}

/// A client's socket that notes when a head begins and when nothing is taken any more, and watches for the client's end
/// while it waits for its answer.
struct ClientIo {
    stream: TcpStream,
    client: Arc<Client>,
    head: Head,
}

/// How much there is of a head.
#[derive(Debug, Default)]
struct Head {
    received: usize,
    counted: usize,
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

    /// Looks whether the client's side is closed. hyper reads nothing while it waits for an answer.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut byte = [0];
        match self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Pending => {}
            Poll::Ready(Ok(0)) => {
                self.client.watched.store(false, Relaxed);
                let now = self.client.worker.now();
                self.client.half_closed.store(now, Relaxed);
            }
            // The next request is here already.
            Poll::Ready(Ok(_)) => self.client.watched.store(false, Relaxed),
            Poll::Ready(Err(e)) => return Err(e),
        }
        Ok(())
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let phase = self.client.phase().0;
        if phase == Phase::Head && self.head.received > self.head.counted {
            // It is read for again, so what came is no whole head. Most come in one piece and are never counted.
            self.head.counted = self.head.received;
            self.client.count_as_unfinished(self.head.received);
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let new = buf.filled().len() - before;
        match phase {
            Phase::Idle if new > 0 => {
                self.client.enter(Phase::Head);
                self.head = Head {
                    received: new,
                    counted: 0,
                };
            }
            Phase::Head => self.head.received += new,
            Phase::Idle | Phase::Request | Phase::Stream => {}
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

    /// hyper flushes when nothing of its own is left to write, and each time that it waits for an answer.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.client.interim.is_waiting() {
            let this = &mut *self;
            let sent = this.client.interim.poll_send(&mut this.stream, cx);
            ready!(self.wrote(sent))?;
        }
        if self.client.watched.load(Relaxed) {
            self.poll_watch(cx)?;
        } else if self.client.half_closed.load(Relaxed) != 0 {
            // A read would only say again that its side is closed.
            self.stream.take_error()?.map_or(Ok(()), Err)?;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
