//! A request's body on its way to a colour: nothing is gathered, each frame is passed on as it comes, and only when
//! the colour takes it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use tokio::time::Sleep;

use super::client::Client;
use super::headers;
use super::interim::Interim;

/// How long a body waits for the colour's `100 Continue` before it is sent anyway, since a server may ignore the
/// expectation (RFC 9110 section 10.1.1).
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);

/// A request's body on its way to a colour.
pub(super) struct RequestBody {
    incoming: Option<Incoming>,
    /// The client that sends it; `None` once it is whole.
    from: Option<Arc<Client>>,
    awaited: Option<Box<AwaitedContinue>>,
    progress: Option<Arc<Progress>>,
}

/// How far a request's body has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    parts: AtomicU64,
    waits_for_client: AtomicBool,
}

impl Progress {
    /// Counts up with each part that was passed on.
    pub(super) fn parts(&self) -> u64 {
        self.parts.load(Relaxed)
    }

    /// Whether the colour would take more, and the client has not sent it.
    pub(super) fn waits_for_client(&self) -> bool {
        self.waits_for_client.load(Relaxed)
    }
}

/// A client that waits for `100 Continue` gets it when its body is first asked for; so it is not asked for
/// before the colour has answered the same.
struct AwaitedContinue {
    signal: Arc<Continue>,
    timeout: Pin<Box<Sleep>>,
}

/// The colour's `100 Continue` for a body.
pub(super) struct Continue {
    received: AtomicBool,
    waker: AtomicWaker,
    /// Interim answers that came before it and go out before it.
    earlier: Arc<Interim>,
}

impl Continue {
    pub(super) fn new(earlier: Arc<Interim>) -> Continue {
        Continue {
            received: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            earlier,
        }
    }

    pub(super) fn receive(&self) {
        self.received.store(true, SeqCst);
        self.waker.wake();
    }
}

impl RequestBody {
    pub(super) fn none() -> RequestBody {
        RequestBody {
            incoming: None,
            from: None,
            awaited: None,
            progress: None,
        }
    }

    pub(super) fn new(incoming: Incoming, from: &Arc<Client>) -> RequestBody {
        let has_body = !incoming.is_end_stream();
        RequestBody {
            progress: has_body.then(Arc::default),
            from: has_body.then(|| Arc::clone(from)),
            incoming: Some(incoming),
            awaited: None,
        }
    }

    /// How far it has come, as it goes on; `None` when there is no body.
    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        self.progress.clone()
    }

    /// Holds the body back until `100 Continue` is received, or has been waited for long enough.
    pub(super) fn await_continue(&mut self, signal: Arc<Continue>) {
        self.awaited = Some(Box::new(AwaitedContinue {
            signal,
            timeout: Box::pin(tokio::time::sleep(CONTINUE_TIMEOUT)),
        }));
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(awaited) = &mut self.awaited {
            awaited.signal.waker.register(cx.waker());
            if !awaited.signal.received.load(SeqCst) {
                ready!(awaited.timeout.as_mut().poll(cx));
            } else if awaited.signal.earlier.is_waiting() {
                // This task is woken when they are out.
                return Poll::Pending;
            }
            self.awaited = None;
        }
        let this = &mut *self;
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(&mut *incoming).poll_frame(cx);
        if let Some(progress) = &this.progress {
            progress
                .waits_for_client
                .store(polled.is_pending(), Relaxed);
        }
        let mut frame = ready!(polled);
        if (frame.is_none() || incoming.is_end_stream())
            && let Some(client) = this.from.take()
        {
            client.watch_socket();
        }
        if let Some(progress) = &this.progress {
            progress.parts.fetch_add(1, Relaxed);
        }
        if let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            headers::clean_trailers(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
