//! Serves one client connection: hyper on the client's socket, and a socket that tells the connection's [`Client`] what
//! it sees.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::answer_fault::MAX_FIELDS;
use super::client::{Client, Phase};
use super::forward;
use super::worker::Worker;

/// The smallest buffer in which a client's bytes are gathered.
const MIN_BUFFER_BYTES: usize = 16 * 1024;

/// Serves a client's requests until its connection ends.
pub(super) async fn serve(worker: Arc<Worker>, client: Arc<Client>, stream: TcpStream) {
    let config = &worker.gate.config;
    let io = TokioIo::new(ClientIo {
        stream,
        client: Arc::clone(&client),
        head: Head::default(),
    });
    let service = service_fn(|request| forward::answer(&worker, &client, request));
    let connection = http1::Builder::new()
        .max_header_size(config.header_limit)
        .max_headers(MAX_FIELDS)
        .max_buf_size(config.header_limit.max(MIN_BUFFER_BYTES))
        // A client may close its side after its request and wait for the answer (RFC 9112 section 9.6). Whether it
        // is gone altogether is watched by its socket.
        .half_close(true)
        // Slow heads are cut by the worker's sweep, which also tells an idle connection from a slow one.
        .header_read_timeout(None)
        .serve_connection(io, service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut is_closing = false;
    let ended = std::future::poll_fn(|cx| {
        client.set_waker(cx.waker());
        if !is_closing && client.is_closing() {
            is_closing = true;
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
    fn note_write<T>(&self, written: Poll<T>) -> Poll<T> {
        self.client.note_write(written.is_ready());
        written
    }

    /// Looks whether the client's side is closed. hyper reads nothing while it waits for an answer.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut byte = [0];
        match self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Pending => {}
            Poll::Ready(Ok(0)) => {
                self.client.stop_watching();
                self.client.note_half_closed();
            }
            // The next request is here already.
            Poll::Ready(Ok(_)) => self.client.stop_watching(),
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
        self.note_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when nothing of its own is left to write, and each time that it waits for an answer.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.client.interim.is_waiting() {
            let this = &mut *self;
            let sent = this.client.interim.poll_send(&mut this.stream, cx);
            ready!(self.note_write(sent))?;
        }
        if self.client.is_watched() {
            self.poll_watch(cx)?;
        } else if self.client.is_half_closed() {
            // A read would only return the end of its side again.
            self.stream.take_error()?.map_or(Ok(()), Err)?;
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
