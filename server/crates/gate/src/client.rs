//! What a worker knows about one client connection: what it is doing, since when, and when that has lasted too long.
//! Noted with relaxed atomics on the way, and looked at once a second, so that no request pays for a timer.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::{Duration, Instant};

use http::{HeaderMap, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;

use super::clock::CoarseClock;
use super::config::GateConfig;
use super::forwarded::Peer;
use super::heads::{Origin, Ticket};
use super::interim::Interim;
use super::shared::Shared;

/// How long an event stream goes on for a client that has closed its side: a browser closes both at once, and only a
/// write would tell the two apart.
const HALF_CLOSED_STREAM_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a client that has closed its side and waits for its answer is sent a `102 Processing`: the system of a
/// client that is gone refuses it, and then no answer is needed.
const HALF_CLOSED_PROBE_INTERVAL: Duration = Duration::from_secs(3);

/// The state of one client connection.
pub(super) struct Client {
    gate: Arc<Shared>,
    clock: Arc<CoarseClock>,
    pub(super) peer: Peer,
    /// A [`Phase`] in the upper half, and since when in the lower one.
    phase: AtomicU64,
    /// Since when it takes nothing of what is sent to it; 0 while it does.
    stalled: AtomicU32,
    /// Its next answer carries `Connection: close`.
    announces_close: AtomicBool,
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
pub(super) enum Phase {
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
        gate: &Arc<Shared>,
        clock: &Arc<CoarseClock>,
        peer: Peer,
        origin: Origin,
        place: OwnedSemaphorePermit,
    ) -> Client {
        let client = Client {
            gate: Arc::clone(gate),
            clock: Arc::clone(clock),
            peer,
            phase: AtomicU64::new(0),
            stalled: AtomicU32::new(0),
            announces_close: AtomicBool::new(false),
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

    /// Its task runs; it counts among those that have sent no whole request.
    pub(super) fn begin(&self, abort: AbortHandle) {
        let _ = self.abort.set(abort);
        self.count_as_unfinished(0);
    }

    /// The head of a request is here.
    pub(super) fn begin_request(&self) {
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
        if lasted >= HALF_CLOSED_PROBE_INTERVAL && self.takes_interim.load(Relaxed) {
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
    pub(super) fn watch_socket(&self) {
        self.watched.store(true, Relaxed);
    }

    /// Its response is an event stream.
    pub(super) fn begin_stream(&self) {
        if self.half_closed.load(Relaxed) != 0 {
            self.half_closed.store(self.clock.now(), Relaxed);
        }
        self.watched.store(true, Relaxed);
        self.enter(Phase::Stream);
    }

    /// Its response is over.
    pub(super) fn end_response(&self) {
        self.watched.store(false, Relaxed);
        self.enter(Phase::Idle);
    }

    /// `received` bytes of a head are here, and it is not whole.
    pub(super) fn count_as_unfinished(&self, received: usize) {
        let heads = &self.gate.heads;
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
            self.gate.heads.leave(ticket);
        }
    }

    /// From here on its answers carry `Connection: close`.
    pub(super) fn announce_close(&self) {
        self.announces_close.store(true, Relaxed);
    }

    /// Whether its answer has to carry `Connection: close`.
    pub(super) fn must_announce_close(&self) -> bool {
        self.announces_close.load(Relaxed)
    }

    /// Keeps the waker of its task; later calls change nothing.
    pub(super) fn set_waker(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    /// Whether it has to be closed as soon as no request is on it.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// Notes whether it took what was last written to it.
    pub(super) fn note_write(&self, was_taken: bool) {
        let since = self.stalled.load(Relaxed);
        if was_taken && since != 0 {
            self.stalled.store(0, Relaxed);
        } else if !was_taken && since == 0 {
            self.stalled.store(self.clock.now(), Relaxed);
        }
    }

    /// Whether its socket is to be watched for the client's end.
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Relaxed)
    }

    /// Its socket has shown what it was watched for, or its next request.
    pub(super) fn stop_watching(&self) {
        self.watched.store(false, Relaxed);
    }

    /// It has closed its side.
    pub(super) fn note_half_closed(&self) {
        self.half_closed.store(self.clock.now(), Relaxed);
    }

    /// Whether it has closed its side.
    pub(super) fn is_half_closed(&self) -> bool {
        self.half_closed.load(Relaxed) != 0
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
            Phase::Idle => lasted(since) > config.client_idle_timeout,
            Phase::Head => lasted(since) > config.header_timeout,
            Phase::Request => false,
            Phase::Stream => {
                let closed = self.half_closed.load(Relaxed);
                closed != 0 && lasted(closed) > HALF_CLOSED_STREAM_TIMEOUT
            }
        }
    }

    pub(super) fn phase(&self) -> (Phase, u32) {
        let packed = self.phase.load(Relaxed);
        let phase = match packed >> 32 {
            0 => Phase::Idle,
            1 => Phase::Head,
            2 => Phase::Request,
            _ => Phase::Stream,
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the lower half is what is wanted"
        )]
        (phase, packed as u32)
    }

    pub(super) fn enter(&self, phase: Phase) {
        let since = u64::from(self.clock.now());
        self.phase.store((phase as u64) << 32 | since, Relaxed);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.count_as_whole();
    }
}
