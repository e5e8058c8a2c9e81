//! A colour's socket that keeps the first bytes of each answer until its head is understood, so that a head that is
//! not can be explained.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::answer_fault::MAX_ANSWER_HEAD;
use super::switch::lock;

/// How much memory a connection keeps for the next answer.
const MAX_KEPT_BYTES: usize = 16 * 1024;

/// What was recorded of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Recording(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    is_on: bool,
    bytes: Vec<u8>,
}

impl Recording {
    /// An answer is awaited.
    pub(super) fn begin(&self) {
        let mut record = lock(&self.0);
        record.is_on = true;
        record.bytes.clear();
    }

    /// Its head is understood.
    pub(super) fn end(&self) {
        let mut record = lock(&self.0);
        record.is_on = false;
        if record.bytes.capacity() > MAX_KEPT_BYTES {
            record.bytes = Vec::new();
        }
    }

    /// What came so far.
    pub(super) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut lock(&self.0).bytes)
    }
}

/// The socket.
pub(super) struct Recorder {
    stream: TcpStream,
    recording: Recording,
}

impl Recorder {
    pub(super) fn new(stream: TcpStream, recording: Recording) -> Recorder {
        Recorder { stream, recording }
    }
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let new = &buf.filled()[before..];
        if !new.is_empty() {
            let mut record = lock(&self.recording.0);
            if record.is_on {
                // One buffer more than hyper reads before it gives up.
                let room = (2 * MAX_ANSWER_HEAD).saturating_sub(record.bytes.len());
                record.bytes.extend_from_slice(&new[..new.len().min(room)]);
            }
        }
        read
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
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
