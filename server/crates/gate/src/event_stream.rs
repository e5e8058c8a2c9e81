//! An event stream that can be ended: it ends after a whole event, so that the browser's `EventSource` reconnects, to
//! the colour that is live then, and loses none.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// How long an event may go on that has begun when the stream is ended. The browser discards one without its end (HTML
/// section 9.2.6).
const LAST_EVENT_TIMEOUT: Duration = Duration::from_secs(2);

/// Two line ends are at most this long.
const TAIL_BYTES: usize = 4;

/// One event stream on its way to a client.
pub(super) struct EventStream {
    ends: Pin<Box<WaitForCancellationFutureOwned>>,
    leaving: Option<Pin<Box<Sleep>>>,
    /// The last bytes that went by, and how many there are; nothing yet is the same as between two events.
    tail: [u8; TAIL_BYTES],
    tail_length: usize,
    /// It is compressed: where an event ends can't be seen.
    is_opaque: bool,
}

/// Whether a stream may end now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It goes on.
    No,
    /// As soon as nothing more has come, for the moment, of what the app sends at once.
    WhenQuiet,
    /// At once.
    Now,
}

impl EventStream {
    pub(super) fn new(ends: WaitForCancellationFutureOwned, is_opaque: bool) -> EventStream {
        EventStream {
            ends: Box::pin(ends),
            leaving: None,
            tail: [0; TAIL_BYTES],
            tail_length: 0,
            is_opaque,
        }
    }

    /// Whether it has to end; wakes the task when that changes.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> End {
        if self.leaving.is_none() && self.ends.as_mut().poll(cx).is_ready() {
            self.leaving = Some(Box::pin(sleep(LAST_EVENT_TIMEOUT)));
        }
        let Some(deadline) = &mut self.leaving else {
            return End::No;
        };
        let is_late = matches!(deadline.as_mut().poll(cx), Poll::Ready(()));
        if is_late || !self.is_opaque && self.is_between_events() {
            End::Now
        } else if self.is_opaque {
            End::WhenQuiet
        } else {
            End::No
        }
    }

    /// These bytes went by.
    pub(super) fn passed(&mut self, data: &[u8]) {
        for byte in &data[data.len().saturating_sub(TAIL_BYTES)..] {
            if self.tail_length == TAIL_BYTES {
                self.tail.rotate_left(1);
                self.tail_length -= 1;
            }
            self.tail[self.tail_length] = *byte;
            self.tail_length += 1;
        }
    }

    /// An empty line ends an event; a line ends with CR LF, LF or CR (HTML section 9.2.5).
    fn is_between_events(&self) -> bool {
        let tail = &self.tail[..self.tail_length];
        tail.is_empty()
            || without_line_end(tail).is_some_and(|before| {
                // A lone line end at the very beginning is an empty line too.
                before.is_empty() || without_line_end(before).is_some()
            })
    }
}

fn without_line_end(bytes: &[u8]) -> Option<&[u8]> {
    bytes
        .strip_suffix(b"\r\n")
        .or_else(|| bytes.strip_suffix(b"\n"))
        .or_else(|| bytes.strip_suffix(b"\r"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_util::sync::CancellationToken;

    fn after(pieces: &[&str]) -> bool {
        let mut stream = EventStream::new(CancellationToken::new().cancelled_owned(), false);
        for piece in pieces {
            stream.passed(piece.as_bytes());
        }
        stream.is_between_events()
    }

    #[test]
    fn it_is_between_events_after_an_empty_line_however_lines_end() {
        for whole in [
            &[][..],
            &["data: 1\n\n"],
            &["data: 1\r\n\r\n"],
            &["data: 1\r\r"],
            &["data: 1\n\r\n"],
            &["data: 1\r\n\n"],
            &["data: 1\r", "\n\r\n"],
            &["data: 1\n", "\n"],
            &["data: 1\r", "\r"],
            &["d", "\r", "\n", "\r", "\n"],
            &["\n"],
        ] {
            assert!(after(whole), "{whole:?}");
        }
        for half in [
            &["data: 1"][..],
            &["data: 1\n"],
            &["data: 1\r\n"],
            &["data: 1\r", "\n"],
            &["data: 1\r"],
            &["data: 1\n\n", "d"],
            &["data: 1\n\ndata: 2\n"],
        ] {
            assert!(!after(half), "{half:?}");
        }
    }
}
