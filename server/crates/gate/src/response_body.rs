//! A response's body on its way to the client. It carries what has to last as long as it does: the count of its request,
//! and the connection that it comes from.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use hyper::body::{Bytes, Incoming};

use super::client::Client;
use super::event_stream::{End, EventStream};
use super::pool::Upstream;
use super::switch::InFlight;
use super::worker::Worker;
use tealkeep_words::names::Colour;

/// How long a body may go on being uploaded after the whole response was already there.
const UPLOAD_AFTER_RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// A response's body on its way to the client.
pub(super) struct ResponseBody {
    source: Source,
    /// When this is dropped the client's connection waits for its next request.
    client: Option<Arc<Client>>,
}

enum Source {
    Page(Option<Bytes>),
    Colour(Box<ColourBody>),
}

/// A body that comes from a colour.
pub(super) struct ColourBody {
    pub(super) incoming: Incoming,
    pub(super) upstream: Option<Upstream>,
    /// `None` for a health probe while requests are held, which is not counted.
    pub(super) in_flight: Option<InFlight>,
    pub(super) stream: Option<EventStream>,
    pub(super) worker: Arc<Worker>,
    pub(super) colour: Colour,
    pub(super) bytes: u64,
    /// The error that broke it off, passed on one turn later.
    pub(super) broke_off: Option<hyper::Error>,
}

impl ResponseBody {
    /// A page of the gate's own.
    pub(super) fn page(text: String) -> ResponseBody {
        ResponseBody {
            source: Source::Page(Some(Bytes::from(text))),
            client: None,
        }
    }

    /// Nothing: what goes with a 101.
    pub(super) fn none() -> ResponseBody {
        ResponseBody {
            source: Source::Page(None),
            client: None,
        }
    }

    pub(super) fn from_colour(body: ColourBody) -> ResponseBody {
        let mut body = Box::new(body);
        if body.incoming.is_end_stream() {
            body.release_upstream();
        }
        ResponseBody {
            source: Source::Colour(body),
            client: None,
        }
    }

    /// The client whose response is over when this body is dropped.
    pub(super) fn set_client(&mut self, client: Arc<Client>) {
        self.client = Some(client);
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Some(client) = &self.client {
            client.end_response();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.source {
            Source::Page(page) => Poll::Ready(page.take().map(|page| Ok(Frame::data(page)))),
            Source::Colour(body) => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Page(page) => page.is_none(),
            Source::Colour(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Page(page) => {
                SizeHint::with_exact(page.as_ref().map_or(0, |page| page.len() as u64))
            }
            Source::Colour(body) => body.incoming.size_hint(),
        }
    }
}

impl ColourBody {
    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let end = self
            .stream
            .as_mut()
            .map_or(End::No, |stream| stream.poll_end(cx));
        if end == End::Now {
            return self.end();
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
                    self.release_upstream();
                }
            }
            Poll::Ready(None) => self.release_upstream(),
            Poll::Pending if end == End::WhenQuiet => return self.end(),
            Poll::Pending => {}
        }
        polled
    }

    /// Ends a stream early; the colour sees its end of the connection close.
    fn end(&mut self) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.upstream = None;
        self.in_flight = None;
        Poll::Ready(None)
    }

    /// The whole response is here: the connection goes back to the pool, once the request is sent whole too.
    fn release_upstream(&mut self) {
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
                let _ = tokio::time::timeout(UPLOAD_AFTER_RESPONSE_TIMEOUT, finished).await;
                if upstream.is_reusable() {
                    worker.pool.put(upstream);
                }
            });
        }
    }
}

impl Drop for ColourBody {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.worker.stats.sent(self.colour, self.bytes);
        }
    }
}
