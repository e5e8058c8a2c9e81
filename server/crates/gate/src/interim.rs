//! Interim answers (RFC 9110 section 15.2) on their way to a client. hyper's server sends none but `100 Continue`, so
//! these are written to the client's socket between two of hyper's own messages: the final answer is held back until
//! they are out, which keeps the order.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, ready};

use http::{HeaderMap, StatusCode};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use super::headers;
use super::switch::lock;

/// How much of interim answers may wait for a client that does not read; those past it are left out.
const MAX_WAITING_BYTES: usize = 64 * 1024;

/// The interim answers that one client connection still has to be sent.
#[derive(Debug, Default)]
pub(super) struct Interim {
    waiting: AtomicBool,
    bytes: Mutex<Vec<u8>>,
}

impl Interim {
    /// Queues one that a colour sent.
    pub(super) fn push(&self, status: StatusCode, fields: &HeaderMap) {
        let fields = headers::of_interim(fields);
        let mut message = Vec::with_capacity(256);
        message.extend_from_slice(b"HTTP/1.1 ");
        message.extend_from_slice(status.as_str().as_bytes());
        message.push(b' ');
        message.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
        message.extend_from_slice(b"\r\n");
        for (name, value) in &fields {
            message.extend_from_slice(name.as_str().as_bytes());
            message.extend_from_slice(b": ");
            message.extend_from_slice(value.as_bytes());
            message.extend_from_slice(b"\r\n");
        }
        message.extend_from_slice(b"\r\n");
        let mut bytes = lock(&self.bytes);
        if bytes.len() + message.len() <= MAX_WAITING_BYTES {
            bytes.extend_from_slice(&message);
            self.waiting.store(true, SeqCst);
        }
    }

    /// Whether any has still to be sent.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.load(SeqCst)
    }

    /// Writes what waits. Only to be called while nothing of hyper's own is half written.
    pub(super) fn poll_send(
        &self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        let mut bytes = lock(&self.bytes);
        while !bytes.is_empty() {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, &bytes))?;
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            bytes.drain(..written);
        }
        self.waiting.store(false, SeqCst);
        // Whoever holds the final answer back is in this very task.
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(()))
    }

    /// Waits until all are sent; the connection's task is woken by [`Interim::poll_send`].
    pub(super) async fn sent(&self) {
        poll_fn(|_| match self.is_waiting() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
    }
}
