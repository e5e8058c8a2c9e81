//! A bound on how long a request's body may take to arrive as a whole. A timeout that begins anew with each piece, as
//! middleware usually has it, would let a client hold its connection for hours by sending a byte at a time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::HttpBody;
use http_body::{Frame, SizeHint};
use hyper::body::{Bytes, Incoming};
use tokio::time::Sleep;

/// Whether a request's body was too late; goes along with the request.
#[derive(Debug, Clone, Default)]
pub struct Lateness(Arc<AtomicBool>);

impl Lateness {
    /// Whether its deadline has passed while somebody waited for the rest.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// The body did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("the request's body did not arrive in time")]
pub struct TooLate;

/// A body that fails after its deadline.
pub struct TimedBody {
    body: Incoming,
    deadline: Pin<Box<Sleep>>,
    lateness: Lateness,
}

impl TimedBody {
    /// `body`, which has to be here as a whole within `within`.
    #[must_use]
    pub fn new(body: Incoming, within: Duration, lateness: Lateness) -> TimedBody {
        TimedBody {
            body,
            deadline: Box::pin(tokio::time::sleep(within)),
            lateness,
        }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        // The deadline first: a client that always has one more byte ready must not outrun it.
        if !self.body.is_end_stream() && self.deadline.as_mut().poll(cx).is_ready() {
            self.lateness.0.store(true, Relaxed);
            return Poll::Ready(Some(Err(TooLate.into())));
        }
        Pin::new(&mut self.body)
            .poll_frame(cx)
            .map_err(axum::BoxError::from)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
