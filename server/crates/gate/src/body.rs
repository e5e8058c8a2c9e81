//! Bodies on their way through: nothing is gathered, each frame is passed on as it comes, and only
//! when the other side takes it. A response's body carries what has to last as long as it does: the count
//! of its request, and the connection that it comes from.

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
use super::event_stream::{End, EventStream};
use super::headers;
use super::interim::Interim;
use super::pool::Upstream;
use super::switch::InFlight;
use super::worker::Worker;
use tealkeep_words::names::Colour;

/// How long a body waits for the colour's leave before it is sent anyway, since a server may ignore the
/// expectation (RFC 9110 section 10.1.1).
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a body may go on being uploaded after the whole response was already there.
const UPLOAD_AFTER_RESPONSE: Duration = Duration::from_secs(60);

/// A request's body on its way to a colour.
pub(super) struct Outgoing {
    incoming: Option<Incoming>,
    /// Whose body it is; `None` once it is whole.
    from: Option<Arc<Client>>,
    leave: Option<Box<AwaitedLeave>>,
    progress: Option<Arc<AtomicU64>>,
}

/// A client that waits for `100 Continue` gets it when its body is first asked for; so it is not asked for
/// before the colour has said the same.
struct AwaitedLeave {
    leave: Arc<Leave>,
    timeout: Pin<Box<Sleep>>,
}

/// The colour's leave to send a body.
pub(super) struct Leave {
    given: AtomicBool,
    waker: AtomicWaker,
    /// Interim answers that came before it and go out before it.
    earlier: Arc<Interim>,
}

impl Leave {
    pub(super) fn new(earlier: Arc<Interim>) -> Leave {
        Leave {
            given: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            earlier,
        }
    }

    pub(super) fn give(&self) {
        self.given.store(true, SeqCst);
        self.waker.wake();
    }
}

impl Outgoing {
    pub(super) fn none() -> Outgoing {
        Outgoing {
            incoming: None,
            from: None,
            leave: None,
            progress: None,
        }
    }

    pub(super) fn new(incoming: Incoming, from: &Arc<Client>) -> Outgoing {
        let has_body = !incoming.is_end_stream();
        Outgoing {
            progress: has_body.then(Arc::default),
            from: has_body.then(|| Arc::clone(from)),
            incoming: Some(incoming),
            leave: None,
        }
    }

    /// Counts up with each part that was passed on; `None` when there is no body.
    pub(super) fn progress(&self) -> Option<Arc<AtomicU64>> {
        self.progress.clone()
    }

    /// Holds the body back until leave is given, or the wait for it was long enough.
    pub(super) fn await_leave(&mut self, leave: Arc<Leave>) {
        self.leave = Some(Box::new(AwaitedLeave {
            leave,
            timeout: Box::pin(tokio::time::sleep(LEAVE_TIMEOUT)),
        }));
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(awaited) = &mut self.leave {
            awaited.leave.waker.register(cx.waker());
            if !awaited.leave.given.load(SeqCst) {
                ready!(awaited.timeout.as_mut().poll(cx));
            } else if awaited.leave.earlier.is_waiting() {
                // This task is woken when they are out.
                return Poll::Pending;
            }
            self.leave = None;
        }
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let mut frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
        if (frame.is_none() || incoming.is_end_stream())
            && let Some(client) = self.from.take()
        {
            client.watch();
        }
        if let Some(progress) = &self.progress {
            progress.fetch_add(1, Relaxed);
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

/// A response's body on its way to the client.
pub(super) struct ReplyBody {
    source: Source,
    /// When this is dropped the client's connection waits for its next request.
    client: Option<Arc<Client>>,
}

enum Source {
    Page(Option<Bytes>),
    Colour(Box<FromColour>),
}

/// What comes from a colour.
pub(super) struct FromColour {
    pub(super) incoming: Incoming,
    pub(super) upstream: Option<Upstream>,
    /// `None` for a health probe while requests are held, which is not counted.
    pub(super) in_flight: Option<InFlight>,
    pub(super) stream: Option<EventStream>,
    pub(super) worker: Arc<Worker>,
    pub(super) colour: Colour,
    pub(super) bytes: u64,
    /// That it broke off, told one turn later.
    pub(super) broke_off: Option<hyper::Error>,
}

impl ReplyBody {
    /// A page of the gate's own.
    pub(super) fn page(text: String) -> ReplyBody {
        ReplyBody {
            source: Source::Page(Some(Bytes::from(text))),
            client: None,
        }
    }

    /// Nothing: what goes with a 101.
    pub(super) fn none() -> ReplyBody {
        ReplyBody {
            source: Source::Page(None),
            client: None,
        }
    }

    pub(super) fn from_colour(from: FromColour) -> ReplyBody {
        let mut from = Box::new(from);
        if from.incoming.is_end_stream() {
            from.settle();
        }
        ReplyBody {
            source: Source::Colour(from),
            client: None,
        }
    }

    /// Lets go of the client when the body is over.
    pub(super) fn for_client(&mut self, client: Arc<Client>) {
        self.client = Some(client);
    }
}

impl Drop for ReplyBody {
    fn drop(&mut self) {
        if let Some(client) = &self.client {
            client.answered();
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.source {
            Source::Page(page) => Poll::Ready(page.take().map(|page| Ok(Frame::data(page)))),
            Source::Colour(from) => from.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Page(page) => page.is_none(),
            Source::Colour(from) => from.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Page(page) => {
                SizeHint::with_exact(page.as_ref().map_or(0, |page| page.len() as u64))
            }
            Source::Colour(from) => from.incoming.size_hint(),
        }
    }
}

impl FromColour {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let end = self
            .stream
            .as_mut()
            .map_or(End::No, |stream| stream.poll_end(cx));
        if end == End::Now {
            return self.leave();
        }
        if let Some(error) = self.broke_off.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let mut polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if polled.is_pending() {
            if let Some(upstream) = &mut self.upstream {
                upstream.drive(cx);
            }
            polled = Pin::new(&mut self.incoming).poll_frame(cx);
        }
        match &polled {
            Poll::Ready(Some(Err(_))) => {
                // One turn later, so that what did arrive is on its way to the client before its
                // connection is broken off.
                self.upstream = None;
                if let Poll::Ready(Some(Err(error))) = polled {
                    self.broke_off = Some(error);
                }
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.bytes += data.len() as u64;
                    if let Some(stream) = &mut self.stream {
                        stream.passed(data);
                    }
                }
                if self.incoming.is_end_stream() {
                    // A body of known length is not polled again after its last byte.
                    self.settle();
                }
            }
            Poll::Ready(None) => self.settle(),
            Poll::Pending if end == End::WhenQuiet => return self.leave(),
            Poll::Pending => {}
        }
        polled
    }

    /// Ends a stream that was told to go; the colour sees its end of the connection close.
    fn leave(&mut self) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.upstream = None;
        self.in_flight = None;
        Poll::Ready(None)
    }

    /// The whole response is here: the connection can serve the next request.
    fn settle(&mut self) {
        let in_flight = self.in_flight.take();
        let Some(mut upstream) = self.upstream.take() else {
            return;
        };
        upstream.drive_once();
        if upstream.is_reusable() {
            self.worker.pool.put(upstream);
        } else if !upstream.has_ended() {
            // The colour answered before it had the whole body, and may still want the rest.
            let worker = Arc::clone(&self.worker);
            self.worker.tasks.spawn(async move {
                let _in_flight = in_flight;
                let finished = upstream.finish();
                // When it is not over by then the connection is closed, which is all that can be done.
                let _ = tokio::time::timeout(UPLOAD_AFTER_RESPONSE, finished).await;
                if upstream.is_reusable() {
                    worker.pool.put(upstream);
                }
            });
        }
    }
}

impl Drop for FromColour {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.worker.stats.sent(self.colour, self.bytes);
        }
    }
}
